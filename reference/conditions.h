/* Conditions: what the error bounds of a set hang on, to 50 bits. */
#ifndef NORMGATE_CONDITIONS_H
#define NORMGATE_CONDITIONS_H

#include "set.h"

void conditions_of(const set_state *s, ng_conditions *to);

#endif
