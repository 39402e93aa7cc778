/* Slow family: the second oracle for every normalization and pass. Literal
 * nested loops over (n, c, s) from the textbook definitions, every operation in
 * MPFR at a precision so high that its rounding cannot matter; no exact sums,
 * no view, no closed gradient, no code shared with reference/.
 *
 *   mean = sum x / n      var = sum (x - mean)^2 / k      (x^2: not centred)
 *   rstd = 1/sqrt(var + eps), 1/(sqrt(var) + eps), 1/sqrt(max(var, eps)),
 *          1/max(sqrt(var), eps), 1/sqrt(var)
 *   y_j  = gamma_j (x_j - mean) rstd + beta_j
 *   dx_i = sum over j of dy_j gamma_j d((x_j - mean) rstd)/dx_i    (+ dh_i)
 *        = sum g_j ((delta_ij - 1/n) rstd + (x_j - mean) rstd'(var) 2
 *          (x_i - mean)/k)
 *   dgamma = sum dy (x - mean) rstd, dbeta = sum dy over all that share them
 *   running = (1 - m) old + m new; m old + (1 - m) new; (b old + new)/(b + 1)
 *
 * A row op is N rows of C elements with S = 1, so gamma goes by c everywhere.
 *
 * Precision. Let all inputs be multiples of 2^low below 2^high, range = high -
 * low + log2(count). An output of one set minus a midpoint of two neighbours
 * is zero or (p + q sqrt(D))/r with integers. dx is a quotient of polynomials
 * of degree at most 6 in the inputs; it is at least 2^-(12 range + 200) of its
 * largest term or zero, so its midpoint has at most 12 range + 260 bits in the
 * same unit, and the difference, multiplied by its conjugate, gives 2^-(36
 * range + 900) of the largest term. All is computed with 2000 + 40 range bits;
 * cancellation in x - mean costs at most 2 range. A residual below 2^-(1000 +
 * 36 range) therefore is zero: a tie, which goes to the even neighbour. For
 * dgamma over several sets, a sum of several roots, the proven bound grows too
 * fast; there so small a residual is taken for zero as well (by chance it comes
 * once in 2^1000), and test_family_ties.c knows its ties by construction. */
#ifndef NORMGATE_TESTS_SLOW_FAMILY_H
#define NORMGATE_TESTS_SLOW_FAMILY_H

#include "slow_reference.h" /* formats, rounding, random numbers */

typedef enum family_op {
    FAMILY_LAYER,
    FAMILY_RMS,
    FAMILY_L2,
    FAMILY_BATCH,
    FAMILY_GROUP,
    FAMILY_INSTANCE,
    FAMILY_OPS
} family_op;

typedef enum family_pass {
    FAMILY_FORWARD,
    FAMILY_INFERENCE,
    FAMILY_BACKWARD,
    FAMILY_INFERENCE_BACKWARD,
    FAMILY_PASSES
} family_pass;

typedef enum family_place {
    FAMILY_INSIDE,
    FAMILY_OUTSIDE,
    FAMILY_MAX_VAR,
    FAMILY_MAX_NORM,
    FAMILY_NO_EPS,
    FAMILY_PLACES
} family_place;

typedef enum family_divisor {
    FAMILY_N,
    FAMILY_N_MINUS_1,
    FAMILY_ONE,
    FAMILY_DIVISORS
} family_divisor;

typedef enum family_momentum {
    FAMILY_NEW,
    FAMILY_OLD,
    FAMILY_CUMULATIVE,
    FAMILY_MOMENTA
} family_momentum;

typedef enum family_one_value {
    FAMILY_REFUSE,
    FAMILY_BIASED,
    FAMILY_SKIP,
    FAMILY_ONE_VALUES
} family_one_value;

/* Arrays hold finite doubles; one over elements is indexed start + n * step[0]
 * + c * step[1] + s * step[2], one over sets, parameters or channels by their
 * number. NULL: absent. */
typedef struct family_input {
    family_op op;
    family_pass pass;
    size_t N, C, S, groups;
    size_t start, step[3];
    bool centred, one_plus, round_residual, saved;
    family_divisor divisor;
    family_place place;
    double eps;
    family_momentum rule;
    double momentum;
    uint64_t batches;
    bool unbiased;
    family_one_value one_value;
    const slow_format *storage;
    const double *x, *residual, *dy, *dh;
    const double *gamma, *beta;
    const double *mean, *rstd;
    const double *running_mean, *running_var;
} family_input;

/* One output. `size`: the largest term that went into it. */
typedef struct family_value {
    mpfr_t value, size;
    bool undefined; /* 0/0, or no derivative */
} family_value;

/* Outputs over elements are indexed (n * C + c) * S + s. Those that the pass
 * does not have are undefined. */
typedef struct family_output {
    size_t count, sets, params;
    family_value *y, *h, *dx;
    family_value *mean, *rstd, *var;
    family_value *dgamma, *dbeta, *running_mean, *running_var;
    mpfr_prec_t precision;
    long tie_bits;
    bool beyond; /* an h rounds to infinity and is normalized: the decision
                    table's matter, not this oracle's */
} family_output;

size_t family_sets(const family_input *input);
size_t family_set_at(const family_input *input, size_t n, size_t c, size_t s);

void family_compute(family_output *output, const family_input *input);
void family_clear(family_output *output);

/* The correct rounding. */
double family_round(const family_output *output, const family_value *value,
                    const slow_format *format, slow_rounding *how);

/* Whether |(high + low) 2^exponent - value| <= 2^-100 |value|. */
bool family_close(const family_output *output, const family_value *value,
                  double high, double low, int exponent);

#endif
