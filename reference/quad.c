/* binary128 values: conversion, and the fast proof of a rounding. */
#include "quad.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef unsigned __int128 wide;

enum { FRACTION = 112, BIAS = 16383 };

/* Pattern of a finite non-zero value: |value| = m * 2^(e - 112), 2^112 <= m <
 * 2^113. Subnormals of binary128 lie far below every product of doubles. */
static wide unpack(quad value, int *e, bool *negative)
{
    wide bits;
    memcpy(&bits, &value, sizeof bits);
    *negative = (bits >> 127) != 0;
    *e = (int)(bits >> FRACTION & 0x7fff) - BIAS;
    return (bits & (((wide)1 << FRACTION) - 1)) | (wide)1 << FRACTION;
}

static quad power_of_two(int e)
{
    wide bits = (wide)(e + BIAS) << FRACTION;
    quad value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

quad quad_from_mpfr(const mpfr_t value)
{
    if (mpfr_zero_p(value))
        return 0;
    mpfr_t rounded;
    mpfr_init2(rounded, FRACTION + 1);
    mpfr_set(rounded, value, MPFR_RNDN);
    mpz_t m;
    mpz_init(m);
    mpfr_get_z_2exp(m, rounded);
    int e = (int)mpfr_get_exp(rounded) - 1;
    wide bits = 0;
    uint64_t limb[2] = {0, 0};
    mpz_abs(m, m);
    mpz_export(limb, NULL, -1, sizeof limb[0], 0, 0, m);
    bits = ((wide)limb[1] << 64 | limb[0]) & (((wide)1 << FRACTION) - 1);
    bits |= (wide)(e + BIAS) << FRACTION;
    if (mpfr_sgn(value) < 0)
        bits |= (wide)1 << 127;
    mpz_clear(m);
    mpfr_clear(rounded);
    quad result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

void quad_split(const dyadic *a, quad *high, quad *low)
{
    mpfr_t whole, part;
    mp_bitcnt_t size = mpz_sizeinbase(a->m, 2);
    mpfr_init2(whole, size < 64 ? 64 : (mpfr_prec_t)size);
    mpfr_init2(part, FRACTION + 1);
    dyadic_get(whole, a, MPFR_RNDN); /* exact */
    mpfr_set(part, whole, MPFR_RNDN);
    *high = quad_from_mpfr(part);
    mpfr_sub(whole, whole, part, MPFR_RNDN); /* exact: fewer bits */
    *low = quad_from_mpfr(whole);
    mpfr_clear(whole);
    mpfr_clear(part);
}

void point_set_quad(ng_point *point, quad value)
{
    int e;
    bool negative;
    point->exponent = 0;
    if (value == 0) {
        point->high = point->low = 0;
        return;
    }
    unpack(value, &e, &negative);
    /* Where a double or its 53-bit tail would leave the range, scale. */
    if (e > 1000 || e < -900) {
        point->exponent = e;
        if (e > 16000 || e < -16000) /* never met: exponents stay below 2^13 */
            point->exponent = e = 0;
        value *= power_of_two(-e);
    }
    point->high = (double)value;
    point->low = (double)(value - (quad)point->high);
}

quad quad_abs(quad a)
{
    return a < 0 ? -a : a;
}

/* Roundings, each 2^-113 relative: n x (exact for a double x: 77 bits), minus
 * the high and the low part of the sum. The guard keeps what the first loses,
 * and what the two parts leave out, below 2^-112 |c| and 2^-114 |c|. A sum
 * x + residual of more than 53 bits may be rounded, and so may n times it, by
 * 2^-112 |n x| in all: there |sum| must stay below |c|/4. */
bool quad_centre(quad *c, const quad_set *set, double x, double residual)
{
    quad value = (quad)x + (quad)residual;
    if (set->n == 0) {
        *c = value;
        return true;
    }
    quad first = set->n * value - set->sum_high;
    *c = first - set->sum_low;
    quad size = quad_abs(*c);
    bool exact = residual == 0 || (value - (quad)x == (quad)residual &&
                                   value - (quad)residual == (quad)x &&
                                   (quad)(double)value == value);
    quad reach = exact ? 0x1p-112 : 4;
    return quad_abs(first) <= 2 * size &&
           quad_abs(set->sum_high) * reach <= size;
}

quad quad_gradient(double gamma, double dy, bool one_plus)
{
    quad g = gamma;
    if (one_plus)
        g += 1;
    return g * (quad)dy;
}

/* Knuth's TwoSum: the error of the sum is exact, and goes to the low word. */
void quad_sum_add(quad_sum *sum, quad term)
{
    quad high = sum->high + term;
    quad part = high - sum->high;
    quad error = (sum->high - (high - part)) + (term - part);
    sum->high = high;
    sum->low += error;
    sum->magnitudes += quad_abs(term);
}

/* units * 2^place, or Inf past the largest finite value. */
static double assemble(uint64_t units, int place, bool negative,
                       const ng_format *format)
{
    double magnitude = ldexp((double)units, place);
    if (magnitude > ldexp(2 - ldexp(1, 1 - format->p), format->emax))
        magnitude = INFINITY;
    return negative ? -magnitude : magnitude;
}

bool quad_round(ng_point *point, quad y, quad size, ng_dtype dtype)
{
    /* Beyond 2^7 the error 2^-109 size takes more than 100 bits can spare. The
     * negation also sends a NaN to the slower level. */
    quad magnitude = quad_abs(y);
    if (!(size <= magnitude * 0x1p7) || y == 0)
        return false;
    double ratio = (double)(size / magnitude) * (1 + 0x1p-50);
    if (ratio < 1)
        ratio = 1;
    const ng_format *format = ng_format_of(dtype);
    int e;
    bool negative;
    wide m = unpack(y, &e, &negative);
    /* Unit 2^(e - 112): 2^-109 size <= 2^-109 ratio 2^(e+1) is 16 ratio units,
     * 2^-113 |y| is one. */
    wide slack = (wide)(16 * ratio) + 2;
    int least = e > format->emin ? e : format->emin;
    int place = least - format->p + 1; /* of the last place of the result */
    int drop = place - (e - FRACTION); /* low bits of m to round away */
    point->kind = ng_kind_value;
    point->level = ng_level_binary128;
    point_set_quad(point, y);
    if (drop > FRACTION + 2) { /* |y| < 2^(place - 1), by more than the slack */
        point->rounded = negative ? -0.0 : 0.0;
        return true;
    }
    wide half = (wide)1 << (drop - 1);
    wide units = drop > FRACTION + 1 ? 0 : m >> drop;
    wide rest = m - (units << drop);
    wide gap = rest > half ? rest - half : half - rest;
    if (gap <= slack)
        return false;
    if (rest > half)
        units++;
    point->rounded = assemble((uint64_t)units, place, negative, format);
    return true;
}
