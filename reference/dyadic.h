/* Dyadic numbers m * 2^e: every finite input, product and sum, without error
 * (GMP). The exact level of the reference is made of these alone. */
#ifndef NORMGATE_DYADIC_H
#define NORMGATE_DYADIC_H

#include <gmp.h>
#include <mpfr.h>

typedef struct dyadic {
    mpz_t m;
    long e;
} dyadic;

void dyadic_init(dyadic *d);
void dyadic_clear(dyadic *d);
void dyadic_set(dyadic *d, const dyadic *a);
void dyadic_set_double(dyadic *d, double value); /* finite */
void dyadic_add(dyadic *d, const dyadic *a, const dyadic *b);
void dyadic_sub(dyadic *d, const dyadic *a, const dyadic *b);
void dyadic_mul(dyadic *d, const dyadic *a, const dyadic *b);
void dyadic_neg(dyadic *d);
void dyadic_mul_ui(dyadic *d, const dyadic *a, unsigned long k);
int dyadic_sign(const dyadic *a);                 /* -1, 0, 1 */
int dyadic_cmp(const dyadic *a, const dyadic *b); /* sign of a - b */
void dyadic_get(mpfr_t to, const dyadic *a, mpfr_rnd_t rounding);
double dyadic_to_double(const dyadic *a); /* nearest */

#endif
