/* binary128: its operations are correctly rounded (relative error 2^-113), and
 * its exponents hold every product of doubles met here. The fast level. */
#ifndef NORMGATE_QUAD_H
#define NORMGATE_QUAD_H

#include "dyadic.h"

#include <normgate/reference.h>

#if defined(__SIZEOF_FLOAT128__)
typedef __float128 quad;
#else
typedef long double quad; /* AArch64: long double is binary128 */
#endif

/* What the elements of one set share in binary128. */
typedef struct quad_set {
    quad n;                 /* 0: not centred */
    quad sum_high, sum_low; /* of x */
    quad inverse;           /* 1/rho, relative error below 2^-111 */
    /* backward: sum of g, and the weight of c in dx (error 2^-111) */
    quad g_high, g_low, weight;
} quad_set;

/* *c = n x - sum or x, with a relative error below 2^-111, x given as the exact
 * sum of two doubles. False: x lies so close to the mean that it is larger. */
bool quad_centre(quad *c, const quad_set *set, double x, double residual);

/* gamma or 1 + gamma, times dy: relative error below 2^-112. */
quad quad_gradient(double gamma, double dy, bool one_plus);

/* Rounds y, proved if *y has an error of at most 2^-109 size + 2^-113 |y|,
 * size >= |y| up to 2^-50. False: that error is too large to decide, or to
 * give 100 good bits. */
bool quad_round(ng_point *point, quad y, quad size, ng_dtype dtype);

/* A sum of many terms in two words; its own roundings stay below 2^-200 of
 * their magnitudes, which are summed beside it. */
typedef struct quad_sum {
    quad high, low, magnitudes;
} quad_sum;

void quad_sum_add(quad_sum *sum, quad term);

/* Splits a dyadic into high + low, relative error 2^-225 of the sum. */
void quad_split(const dyadic *a, quad *high, quad *low);
quad quad_from_mpfr(const mpfr_t value); /* rounded to nearest */
void point_set_quad(ng_point *point, quad value);
quad quad_abs(quad a);

#endif
