/* Surd: (p + q r)/(u + v r) with r = sqrt(num/den), u + v r > 0; p, q, u, v and
 * num dyadic. Every output of one reduction set has this form, with the same r.
 * Multiplying the textbook formulas by n clears their divisions, so that
 * x_hat = c/sqrt(n sum(x^2) - sum(x)^2 + n^2 eps), c = n x - sum(x). */
#ifndef NORMGATE_SURD_H
#define NORMGATE_SURD_H

#include "dyadic.h"

#include <normgate/reference.h>

typedef struct root {
    dyadic num;
    unsigned long den;
} root;

typedef struct surd {
    const root *r;
    dyadic p, q, u, v;
} surd;

void surd_init(surd *s, const root *r); /* 0/1 */
void surd_clear(surd *s);

/* The value at the precision of `to`; returns the exponent E of its error,
 * |error| < 2^E. */
long surd_value(mpfr_t to, const surd *s);

/* Sign of the value minus m, exactly. */
int surd_compare(const surd *s, const dyadic *m);

/* Rounds the value into the dtype, proves it and fills the point. */
void surd_round(ng_point *point, const surd *s, ng_dtype dtype);

/* r at the precision of `to`: relative error below 2^(2 - precision). */
void root_value(mpfr_t to, const root *r);

/* Fills high, low and exponent of a point. */
void point_set_mpfr(ng_point *point, const mpfr_t value);

enum { SURD_FIRST_PRECISION = 256, SURD_LAST_PRECISION = 1 << 16 };

#endif
