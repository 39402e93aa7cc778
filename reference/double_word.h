/* Double-word arithmetic: a number as the unevaluated sum of two doubles, high
 * = the sum to nearest. The fastest level; relative errors, with u = 2^-53,
 * after Joldes, Muller, Popescu, "Tight and rigorous error bounds for basic
 * building blocks of double-word arithmetic", ACM TOMS 44 (2017). Valid while
 * nothing overflows or falls below 2^-969, which set_words() sees to. */
#ifndef NORMGATE_DOUBLE_WORD_H
#define NORMGATE_DOUBLE_WORD_H

#include "dyadic.h"

#include <math.h>
#include <normgate/reference.h>

typedef struct word {
    double high, low;
} word;

/* What the elements of one set share. */
typedef struct word_set {
    bool usable;   /* all of it lies between 2^-200 and 2^200, or is 0 */
    double n;      /* 0: not centred */
    double sum[3]; /* of x, relative error 2^-159 */
    word inverse;  /* 1/rho, relative error 2^-105 */
    double g[3];   /* backward: sum of g, and the weight of c in dx */
    word weight;
} word_set;

/* a + b exactly (Knuth's TwoSum). */
static inline word word_sum(double a, double b)
{
    double high = a + b, part = high - a;
    return (word){high, (a - (high - part)) + (b - part)};
}

/* The same where |a| >= |b|, or a = 0 (Dekker's Fast2Sum). */
static inline word word_join(double a, double b)
{
    double high = a + b;
    return (word){high, b - (high - a)};
}

/* a * b exactly. */
static inline word word_product(double a, double b)
{
    double high = a * b;
    return (word){high, fma(a, b, -high)};
}

/* Algorithm 4: error 2u^2. */
static inline word word_plus(word a, double b)
{
    word s = word_sum(a.high, b);
    return word_join(s.high, a.low + s.low);
}

/* Algorithm 9: error 2u^2. */
static inline word word_times(word a, double b)
{
    word p = word_product(a.high, b);
    return word_join(p.high, fma(a.low, b, p.low));
}

/* Algorithm 6: error 3u^2 + 13u^3 of the sum, for terms of any signs. */
static inline word word_add(word a, word b)
{
    word s = word_sum(a.high, b.high), t = word_sum(a.low, b.low);
    word v = word_join(s.high, s.low + t.high);
    return word_join(v.high, t.low + v.low);
}

/* Algorithm 12: error 4u^2. */
static inline word word_multiply(word a, word b)
{
    word p = word_product(a.high, b.high);
    double low = fma(a.low, b.high, fma(a.high, b.low, a.low * b.low));
    return word_join(p.high, p.low + low);
}

/* p - t, p exact in two words, t in three: error 2^-105 of the result and
 * 2^-156 (|p| + |t|), so that cancellation of 50 bits is harmless. */
word word_difference(word p, const double t[3]);

/* Rounds y, proved if it has an error of at most 2^-102 size, size >= |y| up to
 * 2^-50. False: that does not decide, or leaves fewer than 100 good bits. */
bool word_round(ng_point *point, word y, double size, ng_dtype dtype);

/* Whether a value may be worked with: 0, or from 2^-200 to 2^200. */
static inline bool word_holds(double value)
{
    double size = fabs(value);
    return value == 0 || (size >= 0x1p-200 && size <= 0x1p200);
}

/* The leading three doubles of a dyadic; two of a real. False: it lies outside
 * what word_holds() asks. */
bool words_from_dyadic(double to[3], const dyadic *a);
bool word_from_mpfr(word *to, const mpfr_t value);

#endif
