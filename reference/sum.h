/* Exact sums of doubles and of their squares: a fixed-point superaccumulator
 * (Kulisch; Neal 2015) of 32-bit digits with deferred carries. No rounding, no
 * cancellation analysis, any order, any exponents. */
#ifndef NORMGATE_SUM_H
#define NORMGATE_SUM_H

#include "dyadic.h"

#include <stdbool.h>

#include <stdint.h>

enum {
    /* From 2^-2176, below the square of the least subnormal double, to 2^2304,
     * above 2^31 squares of the largest. Each digit takes 2^31 additions before
     * its 64 bits could overflow; a set has at most 2^24 elements. */
    SUM_LEAST_EXPONENT = -2176,
    SUM_DIGITS = 140,
};

typedef struct exact_sum {
    int64_t digit[SUM_DIGITS];
    int low, high; /* range of digits in use; low > high: the sum is empty */
} exact_sum;

void sum_init(exact_sum *sum);
void sum_add(exact_sum *sum, double value);        /* finite */
void sum_add_square(exact_sum *sum, double value); /* finite */
void sum_get(dyadic *d, const exact_sum *sum);

#endif
