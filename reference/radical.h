/* Every output is beta + a / (sqrt(A) + B): the radical form.
 *
 *   y     a = g*c with c = n*x - sum(x) if centred, else x; g = gamma or 1+gamma
 *   rstd  a = n if centred, else 1; beta = 0
 *   mean  a = sum(x), A = 0, B = n; beta = 0
 *
 * A = num/den is rational, all else dyadic: multiplying the textbook formula
 * by n clears every division, so that x_hat = c / sqrt(n*sum(x^2) - sum(x)^2 +
 * n^2*eps) when the divisor is n and eps stands inside the root. */
#ifndef NORMGATE_RADICAL_H
#define NORMGATE_RADICAL_H

#include "dyadic.h"
#include "moments.h"

#include <normgate/contract.h>
#include <normgate/reference.h>

/* binary128: its operations are correctly rounded (relative error 2^-113), and
 * its exponents hold every product of doubles met here. */
#if defined(__SIZEOF_FLOAT128__)
typedef __float128 quad;
#else
typedef long double quad; /* AArch64: long double is binary128 */
#endif

typedef struct radical {
    dyadic num, b; /* A = num/den; B */
    unsigned long den;
    bool zero;    /* sqrt(A) + B = 0 */
    quad inverse; /* 1/(sqrt(A) + B), relative error < 2^-111 */
} radical;

void radical_init(radical *r);
void radical_clear(radical *r);

/* The root that normalizes a set under the contract; false: the contract asks
 * for one that this op does not define. */
bool radical_of(radical *r, const ng_contract *contract, double eps,
                const moments *set);

/* The form of the mean: A = 0, B = n. */
void radical_of_mean(radical *r, const moments *set);

/* Rounds beta + a/(sqrt(A) + B) into the dtype, proves it and fills the point.
 * a and beta are finite; r->zero is false. */
void radical_round(ng_point *point, const radical *r, const dyadic *a,
                   const dyadic *beta, ng_dtype dtype);

/* What the elements of one set share in binary128. */
typedef struct quad_set {
    quad n;                 /* 0: not centred */
    quad sum_high, sum_low; /* of x */
    quad inverse;           /* of sqrt(A) + B */
} quad_set;

/* *v = g (n x - sum) / (sqrt(A) + B) and *y = *v + beta, with an error of y of
 * at most 2^-109 |v| + 2^-113 |y|; g is gamma, plus 1 if one_plus. False: x
 * lies so close to the mean that this does not hold. */
bool quad_evaluate(quad *v, quad *y, const quad_set *set, double x,
                   double gamma, double beta, bool one_plus);

/* The same, tried in binary128 first: `ratio` >= 1 bounds |v|/|y|, where v is
 * the term a/(sqrt(A) + B), and y has the error 2^-109 |v| + 2^-113 |y|. False:
 * that error is too large to decide, or to give 100 good bits. */
bool quad_round(ng_point *point, quad y, double ratio, ng_dtype dtype);

/* Splits a dyadic into high + low, relative error 2^-225 of the sum. */
void quad_split(const dyadic *a, quad *high, quad *low);
quad quad_from_mpfr(const mpfr_t value); /* rounded to nearest */
void point_set_quad(ng_point *point, quad value);

#endif
