/* Verbose: one line on stdout for each check of a run, in columns: verdict,
 * largest error/bound, seconds, kernel, property; then the case, the subject
 * and the cause, as far as there are any. */
#ifndef NORMGATE_VERBOSE_H
#define NORMGATE_VERBOSE_H

#include "gate.h"

/* A sink that prints each record and hands it on. */
typedef struct ng_verbose {
    ng_sink sink;
    ng_sink *next;
} ng_verbose;

void ng_verbose_init(ng_verbose *verbose, ng_sink *next);

#endif
