/* A 16-bit binary format of `fraction` fraction bits, the rest a biased
 * exponent and a sign: the common arithmetic of f16 and bf16. */
#ifndef NORMGATE_SMALL_FLOAT_H
#define NORMGATE_SMALL_FLOAT_H

#include <stdint.h>

/* The exact value of the pattern. */
double ng_small_decode(uint16_t bits, int fraction);

/* The nearest pattern, ties to even; NaN keeps its sign and stays quiet. */
uint16_t ng_small_encode(double value, int fraction);

#endif
