/* Double words: conversion, the exact difference, the proof of a rounding. */
#include "double_word.h"

#include <stdint.h>
#include <string.h>

bool words_from_dyadic(double to[3], const dyadic *a)
{
    mpfr_t rest, part;
    mp_bitcnt_t size = mpz_sizeinbase(a->m, 2);
    mpfr_init2(rest, size < 64 ? 64 : (mpfr_prec_t)size);
    mpfr_init2(part, 53);
    dyadic_get(rest, a, MPFR_RNDN); /* exact, and so are the differences */
    for (int i = 0; i < 3; i++) {
        mpfr_set(part, rest, MPFR_RNDN);
        to[i] = mpfr_get_d(part, MPFR_RNDN);
        mpfr_sub(rest, rest, part, MPFR_RNDN);
    }
    mpfr_clear(rest);
    mpfr_clear(part);
    return word_holds(to[0]);
}

bool word_from_mpfr(word *to, const mpfr_t value)
{
    mpfr_t rest;
    mpfr_init2(rest, mpfr_get_prec(value));
    to->high = mpfr_get_d(value, MPFR_RNDN);
    mpfr_sub_d(rest, value, to->high, MPFR_RNDN); /* exact */
    to->low = mpfr_get_d(rest, MPFR_RNDN);
    mpfr_clear(rest);
    return word_holds(to->high);
}

/* All sums are exact but those of `tail`, whose terms are below 2^-104 (|p| +
 * |t|) and err by u of that, and the last, which errs by u of its term, that is
 * by u^2 |result|. */
word word_difference(word p, const double t[3])
{
    word first = word_sum(p.high, -t[0]);
    word second = word_sum(p.low, -t[1]);
    word middle = word_sum(first.low, second.high);
    word whole = word_sum(first.high, middle.high);
    double tail = middle.low + second.low - t[2];
    word low = word_sum(whole.low, tail);
    word result = word_sum(whole.high, low.high);
    return word_sum(result.high, result.low + low.low);
}

/* high + low rounded to odd: to a double that no rounding to fewer bits, or to
 * a midpoint of fewer bits, takes for another (Boldo, Melquiond 2008). */
static double to_odd(double high, double low)
{
    word s = word_sum(high, low);
    uint64_t bits;
    memcpy(&bits, &s.high, sizeof bits);
    if (s.low != 0 && (bits & 1) == 0) {
        /* Toward zero if the rest points there, else away from it. */
        bits += (s.low < 0) == (s.high < 0) ? 1 : (uint64_t)-1;
        memcpy(&s.high, &bits, sizeof bits);
    }
    return s.high;
}

/* Both ends of the enclosure round to the same, and so do all between them.
 * Forming the ends errs by u |low| <= 2^-106 |y|, which the eighth of 2^-102
 * that is added covers. */
bool word_round(ng_point *point, word y, double size, ng_dtype dtype)
{
    double magnitude = fabs(y.high);
    if (!(size <= 4 * magnitude) || !(magnitude >= 0x1p-900))
        return false;
    double slack = 0x1.2p-102 * (size > magnitude ? size : magnitude);
    double below, above;
    if (ng_format_of(dtype)->p == 53) {
        below = y.high + (y.low - slack);
        above = y.high + (y.low + slack);
    } else {
        below = ng_dtype_round(dtype, to_odd(y.high, y.low - slack));
        above = ng_dtype_round(dtype, to_odd(y.high, y.low + slack));
    }
    if (!(below == above))
        return false;
    *point = (ng_point){.kind = ng_kind_value,
                        .level = ng_level_double_word,
                        .rounded = below,
                        .high = y.high,
                        .low = y.low};
    return true;
}
