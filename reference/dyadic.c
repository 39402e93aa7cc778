/* Dyadic arithmetic: align the exponents, then integers. */
#include "dyadic.h"

#include <math.h>
#include <stdint.h>

void dyadic_init(dyadic *d)
{
    mpz_init(d->m);
    d->e = 0;
}

void dyadic_clear(dyadic *d)
{
    mpz_clear(d->m);
}

void dyadic_set(dyadic *d, const dyadic *a)
{
    mpz_set(d->m, a->m);
    d->e = a->e;
}

void dyadic_set_double(dyadic *d, double value)
{
    int exponent;
    double fraction = frexp(value, &exponent);
    mpz_set_d(d->m, ldexp(fraction, 53)); /* an integer, exactly */
    d->e = exponent - 53;
}

/* a + sign * b, by shifting the one with the larger exponent. */
static void combine(dyadic *d, const dyadic *a, const dyadic *b, int sign)
{
    if (mpz_sgn(b->m) == 0) {
        dyadic_set(d, a);
        return;
    }
    const dyadic *high = a->e >= b->e ? a : b;
    const dyadic *low = a->e >= b->e ? b : a;
    long e = low->e;
    mpz_t aligned;
    mpz_init(aligned);
    mpz_mul_2exp(aligned, high->m, (mp_bitcnt_t)(high->e - low->e));
    const mpz_t *first = high == a ? (const mpz_t *)&aligned : &a->m;
    const mpz_t *second = high == a ? &b->m : (const mpz_t *)&aligned;
    if (sign > 0)
        mpz_add(d->m, *first, *second);
    else
        mpz_sub(d->m, *first, *second);
    d->e = e;
    mpz_clear(aligned);
}

void dyadic_add(dyadic *d, const dyadic *a, const dyadic *b)
{
    combine(d, a, b, 1);
}

void dyadic_sub(dyadic *d, const dyadic *a, const dyadic *b)
{
    combine(d, a, b, -1);
}

void dyadic_mul(dyadic *d, const dyadic *a, const dyadic *b)
{
    long e = a->e + b->e;
    mpz_mul(d->m, a->m, b->m);
    d->e = e;
}

void dyadic_neg(dyadic *d)
{
    mpz_neg(d->m, d->m);
}

void dyadic_mul_ui(dyadic *d, const dyadic *a, unsigned long k)
{
    mpz_mul_ui(d->m, a->m, k);
    d->e = a->e;
}

int dyadic_sign(const dyadic *a)
{
    return mpz_sgn(a->m);
}

int dyadic_cmp(const dyadic *a, const dyadic *b)
{
    dyadic difference;
    dyadic_init(&difference);
    dyadic_sub(&difference, a, b);
    int sign = dyadic_sign(&difference);
    dyadic_clear(&difference);
    return sign;
}

void dyadic_get(mpfr_t to, const dyadic *a, mpfr_rnd_t rounding)
{
    mpfr_set_z_2exp(to, a->m, a->e, rounding);
}

double dyadic_to_double(const dyadic *a)
{
    mpfr_t value;
    mpfr_init2(value, 53);
    dyadic_get(value, a, MPFR_RNDN);
    double result = mpfr_get_d(value, MPFR_RNDN);
    mpfr_clear(value);
    return result;
}
