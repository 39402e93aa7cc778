/* Exact sums of doubles and of products of two or three of them: a fixed-point superaccumulator
 * (Kulisch; Neal 2015) of 32-bit digits with deferred carries. No rounding, no
 * cancellation analysis, any order, any exponents. */
#ifndef NORMGATE_SUM_H
#define NORMGATE_SUM_H

#include "dyadic.h"

#include <stdbool.h>

#include <stdint.h>

enum {
    /* From 2^-3232, below the cube of the least subnormal double, to 2^3136,
     * above 2^31 cubes of the largest. Each digit takes 2^31 additions before
     * its 64 bits could overflow; a product of three makes up to 4, and a set
     * has at most 2^24 elements. */
    SUM_LEAST_EXPONENT = -3232,
    SUM_DIGITS = 202,
};

typedef struct exact_sum {
    int64_t digit[SUM_DIGITS];
    int low, high; /* range of digits in use; low > high: the sum is empty */
} exact_sum;

void sum_init(exact_sum *sum);
void sum_add(exact_sum *sum, double value);                        /* finite */
void sum_add_product(exact_sum *sum, double a, double b);          /* a b */
void sum_add_triple(exact_sum *sum, double a, double b, double c); /* a b c */
void sum_get(dyadic *d, const exact_sum *sum);

#endif
