/* Slow reference: the second oracle. Literal nested loops from the textbook
 * formulas, every operation in MPFR at a precision so high that its rounding
 * cannot matter; no exact sums, no view, no code shared with reference/.
 *
 *   mean = sum x / n          var = sum (x - mean)^2 / (n - ddof)
 *   mean_square = sum x^2 / (n - ddof)                     (not centred)
 *   rstd = 1/sqrt(v + eps), 1/(sqrt(v) + eps), 1/sqrt(max(v, eps)), 1/sqrt(v)
 *   y = gamma * (x - mean) * rstd + beta
 *
 * Who is reduced with whom follows from the indices (n, c, h, w) of the field,
 * in nested loops.
 *
 * Precision. Let all inputs be multiples of 2^low below 2^high, range = high -
 * low + log2(count). y - m, for a midpoint m of two neighbours, is zero or of
 * the form (p + q sqrt(D))/r with integers; nonzero, it is at least 1/(|p| +
 * |q| sqrt(D)), so relative to the larger term it exceeds 2^-(8 range + 400).
 * All is computed with 2000 + 12 range bits; cancellation in x - mean costs at
 * most 2 range. A residual below 2^-(1000 + 9 range) therefore is zero: a tie,
 * which goes to the even neighbour. */
#ifndef NORMGATE_TESTS_SLOW_REFERENCE_H
#define NORMGATE_TESTS_SLOW_REFERENCE_H

#include <normgate/dtype.h>

#include <mpfr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef enum slow_norm {
    SLOW_LAYER,         /* rows N of C elements; gamma by c */
    SLOW_BATCH,         /* one set per c; gamma by c */
    SLOW_GROUP,         /* one set per (n, group of c); gamma by c */
    SLOW_INSTANCE,      /* one set per (n, c); gamma by c */
    SLOW_IMAGE_LAYER,   /* one set per n; gamma by (c, h, w), as x lies */
    SLOW_CHANNEL_LAYER, /* one set per (n, h, w); gamma by c */
} slow_norm;

typedef enum slow_place {
    SLOW_INSIDE,
    SLOW_OUTSIDE,
    SLOW_MAX_VAR,
    SLOW_NONE,
} slow_place;

typedef struct slow_input {
    slow_norm norm;
    size_t N, C, H, W, groups; /* SLOW_LAYER: H = W = 1 */
    bool channels_last;        /* memory order nhwc; else nchw */
    bool centred;
    int ddof; /* 1: divide by n - 1 */
    slow_place place;
    double eps;
    bool one_plus;       /* (1 + gamma) * x_hat */
    const double *x;     /* count() values, in memory order */
    const double *gamma; /* params() values; NULL: 1 */
    const double *beta;  /* NULL: 0 */
} slow_input;

/* What one reduction set has. `zero`: its denominator is 0, so rstd is Inf. */
typedef struct slow_set {
    size_t n;
    bool zero;
    mpfr_t mean; /* that is subtracted: 0 when not centred */
    mpfr_t mean_x, mean_abs, root_mean_square; /* of x, |x|, x in any case */
    mpfr_t var, deviation, scale, rstd;        /* var: as it is divided */
} slow_set;

typedef struct slow_output {
    size_t count, sets;
    size_t *set_of; /* per element of x, in memory order */
    slow_set *set;
    mpfr_t *y;
    mpfr_t *y_size; /* max(|gamma x_hat|, |beta|) */
    mpfr_prec_t precision;
    long tie_bits; /* a residual below size * 2^-tie_bits is zero */
} slow_output;

typedef struct slow_format {
    int p, emin, emax;
} slow_format;

extern const slow_format slow_f16, slow_bf16, slow_f32, slow_f64;
const slow_format *slow_format_of(ng_dtype dtype);

size_t slow_count(const slow_input *input);
size_t slow_params(const slow_input *input);

/* All inputs must be finite. */
void slow_forward(slow_output *output, const slow_input *input);
void slow_clear(slow_output *output);

typedef enum slow_rounding {
    SLOW_CLEAR, /* nearest */
    SLOW_EXACT, /* representable */
    SLOW_TIE,   /* midpoint: to even */
} slow_rounding;

/* `value` to nearest even in the format, by integers, with subnormals and
 * overflow. `size` and `tie_bits` bound its error as above. */
double slow_round(const slow_format *format, mpfr_srcptr value,
                  mpfr_srcptr size, long tie_bits, slow_rounding *how);

/* The rest is for tests: random numbers of their own, and the effort. */

typedef struct slow_random {
    uint64_t state;
} slow_random;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t slow_u64(slow_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t slow_below(slow_random *random, uint64_t limit)
{
    return slow_u64(random) % limit;
}

/* In [low, high]. */
static inline int slow_int(slow_random *random, int low, int high)
{
    return low + (int)slow_below(random, (uint64_t)(high - low + 1));
}

/* In [-1, 1), 53 bits. */
static inline double slow_real(slow_random *random)
{
    return (double)((int64_t)slow_u64(random) >> 10) * 0x1p-53;
}

/* NORMGATE_EFFORT, a factor on sample counts. */
static inline size_t slow_effort(void)
{
    const char *text = getenv("NORMGATE_EFFORT");
    long effort = text != NULL ? atol(text) : 1;
    return effort > 0 ? (size_t)effort : 1;
}

#endif
