/* Norms from the definition, forward, in f32 arithmetic, and the same with one
 * defect each: what the properties moments, permutation, identities, range,
 * rounding and exhaustive must see is checked by test_forward_properties.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <normgate/impl.h>

enum defect {
    NONE,
    RSTD_OFF_FAR,   /* where |mean| is above 50 sigma, by 2e-4 */
    MEAN_SHORT,     /* the mean leaves out the last element */
    FIRST_LARGEST,  /* a set whose first element is its largest is off */
    SECOND_ROW,     /* odd rows are summed from the end */
    INTERLEAVED,    /* channel c is of group c mod num_groups */
    CHANNEL_OF_ROW, /* batch norm: gamma of channel c + 1 */
    SQUARES_UP,     /* squares are scaled by 16 and back */
    FLUSHED,        /* squares below 2^-100 count as none */
    XHAT_ROUNDED,   /* to storage */
    RSTD_ROUNDED,   /* to storage */
    SUM_ROUNDED,    /* x + residual, to storage */
    BETA_CUT,       /* to 16 bits, not rounded */
    TWICE_ROUNDED,  /* y to 11 digits, then to 8 */
    ONE_PATTERN,    /* x = -0x1.02p0 has another sign */
    SIGNALLING,     /* one NaN pattern is read as 0 */
};

/* --- formats ------------------------------------------------------------------ */

static float widen(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static uint16_t narrow(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != value)
        return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* To nearest with 11 digits (Dekker 1971). */
static float eleven(float value)
{
    volatile float big = value * 8193.0f, rest = big - value;
    return big - rest;
}

static float load(const void *array, size_t i, int bf16)
{
    return bf16 ? widen(((const uint16_t *)array)[i])
                : ((const float *)array)[i];
}

/* --- the norm ------------------------------------------------------------------ */

struct norm {
    enum defect defect;
    int bf16; /* storage; parameters are f32 */
    int centred;
};

/* Which set an element of [N][C][spatial] or [rows][n] is of. */
static size_t set_of(const ng_call *call, size_t a, size_t b,
                     enum defect defect)
{
    if (call->C == 0)
        return a;
    if (strcmp(call->op, "batch_norm") == 0)
        return b;
    if (strcmp(call->op, "instance_norm") == 0)
        return a * call->C + b;
    size_t group = b / (call->C / call->num_groups);
    if (defect == INTERLEAVED)
        group = b % call->num_groups;
    return a * call->num_groups + group;
}

static float read_x(const ng_call *call, const struct norm *norm, size_t at)
{
    float x = load(call->x, at, norm->bf16);
    if (norm->bf16 && norm->defect == SIGNALLING &&
        ((const uint16_t *)call->x)[at] == 0x7f81)
        return 0;
    if (norm->defect == ONE_PATTERN && x == -0x1.02p0f)
        return -x;
    if (call->residual != NULL)
        x += load(call->residual, at, norm->bf16);
    if (norm->defect == SUM_ROUNDED)
        x = widen(narrow(x));
    return x;
}

static float sum(const float *x, size_t n, float centre, int square,
                 const struct norm *norm, int backwards)
{
    float total = 0;
    for (size_t k = 0; k < n; k++) {
        float d = x[backwards ? n - 1 - k : k] - centre;
        float term = square ? d * d : d;
        if (square && norm->defect == SQUARES_UP)
            term *= 16;
        if (square && norm->defect == FLUSHED && term < 0x1p-100f)
            term = 0;
        total += term;
    }
    return square && norm->defect == SQUARES_UP ? total / 16 : total;
}

static void statistics(const ng_call *call, const struct norm *norm,
                       const float *x, size_t n, size_t set, float *mean,
                       float *rstd)
{
    int backwards = norm->defect == SECOND_ROW && set % 2 == 1;
    size_t counted = norm->defect == MEAN_SHORT && n > 1 ? n - 1 : n;
    *mean = 0;
    if (norm->centred)
        *mean = sum(x, counted, 0, 0, norm, backwards) / (float)counted;
    float var = sum(x, n, *mean, 1, norm, backwards) / (float)n;
    *rstd = 1 / sqrtf(var + (float)call->eps);
    size_t first = 1;
    for (size_t i = 1; i < n; i++)
        first &= x[i] < x[0];
    if (norm->defect == RSTD_OFF_FAR && *mean * *mean > 2500 * var)
        *rstd *= 1.0002f;
    if (norm->defect == FIRST_LARGEST && first && n > 1)
        *rstd *= 1.01f;
    if (norm->defect == RSTD_ROUNDED)
        *rstd = widen(narrow(*rstd));
}

static int run(const ng_call *call, const struct norm *norm)
{
    size_t N = call->C > 0 ? call->N : call->rows;
    size_t C = call->C > 0 ? call->C : call->n;
    size_t S = call->C > 0 ? call->spatial : 1, count = N * C * S;
    float *x = malloc((call->n + 1) * sizeof *x);
    size_t *at = malloc((call->n + 1) * sizeof *at);
    const float *gamma = call->gamma, *beta = call->beta;
    for (size_t set = 0; set < call->rows; set++) {
        size_t n = 0;
        float mean, rstd;
        for (size_t k = call->C > 0 ? 0 : set * C; k < count && n < call->n;
             k++) {
            if (set_of(call, k / (C * S), k / S % C, norm->defect) != set)
                continue;
            at[n] = k;
            x[n++] = read_x(call, norm, k);
        }
        statistics(call, norm, x, n, set, &mean, &rstd);
        for (size_t i = 0; i < n; i++) {
            size_t c = at[i] / S % C;
            float y = (x[i] - mean) * rstd;
            if (norm->defect == XHAT_ROUNDED)
                y = widen(narrow(y));
            if (norm->defect == CHANNEL_OF_ROW)
                y *= gamma[(c + 1) % C];
            else if (gamma != NULL)
                y *= gamma[c];
            float shift = beta != NULL ? beta[c] : 0;
            if (norm->defect == BETA_CUT) {
                uint32_t bits;
                memcpy(&bits, &shift, sizeof bits);
                bits &= 0xffff0000;
                memcpy(&shift, &bits, sizeof bits);
            }
            y += shift;
            if (norm->defect == TWICE_ROUNDED)
                y = eleven(y);
            if (norm->bf16)
                ((uint16_t *)call->y)[at[i]] = narrow(y);
            else
                ((float *)call->y)[at[i]] = y;
            if (call->h != NULL)
                ((uint16_t *)call->h)[at[i]] = narrow(x[i]);
        }
    }
    free(x);
    free(at);
    return NG_DONE;
}

/* Writes zeros, whatever it is asked. */
static int zeros(const ng_call *call)
{
    size_t count =
        call->C > 0 ? call->N * call->C * call->spatial : call->rows * call->n;
    ptrdiff_t a = call->stride[0], b = call->stride[1], c = call->stride[2];
    float *out = call->y != NULL ? call->y : call->dx;
    size_t S = call->C > 0 ? call->spatial : 1;
    size_t C = call->C > 0 ? call->C : call->n;
    for (size_t k = 0; k < count; k++)
        out[(ptrdiff_t)(k / (C * S)) * a + (ptrdiff_t)(k / S % C) * b +
            (ptrdiff_t)(k % S) * c] = 0;
    size_t params = call->C > 0 ? call->C : call->n;
    if (call->dgamma != NULL)
        memset(call->dgamma, 0, params * sizeof(float));
    if (call->dbeta != NULL)
        memset(call->dbeta, 0, params * sizeof(float));
    return NG_DONE;
}

#define KERNEL(name, defect, bf16, centred)                                    \
    static int name(const ng_call *call)                                       \
    {                                                                          \
        static const struct norm norm = {defect, bf16, centred};               \
        return run(call, &norm);                                               \
    }

KERNEL(centred, NONE, 0, 1)
KERNEL(plain, NONE, 0, 0)
KERNEL(centred_bf16, NONE, 1, 1)
KERNEL(plain_bf16, NONE, 1, 0)
KERNEL(rstd_off_far, RSTD_OFF_FAR, 0, 1)
KERNEL(mean_short, MEAN_SHORT, 0, 1)
KERNEL(first_largest, FIRST_LARGEST, 0, 1)
KERNEL(second_row, SECOND_ROW, 0, 1)
KERNEL(interleaved, INTERLEAVED, 0, 1)
KERNEL(channel_of_row, CHANNEL_OF_ROW, 0, 1)
KERNEL(squares_up, SQUARES_UP, 0, 1)
KERNEL(flushed, FLUSHED, 0, 0)
KERNEL(xhat_rounded, XHAT_ROUNDED, 1, 1)
KERNEL(rstd_rounded, RSTD_ROUNDED, 1, 1)
KERNEL(sum_rounded, SUM_ROUNDED, 1, 1)
KERNEL(beta_cut, BETA_CUT, 1, 1)
KERNEL(twice_rounded, TWICE_ROUNDED, 1, 1)
KERNEL(one_pattern, ONE_PATTERN, 1, 0)
KERNEL(signalling, SIGNALLING, 1, 0)

#define ROW(name, contract, run)                                               \
    {                                                                          \
        name, contract, run, NULL, 0                                           \
    }
#define LAYER "op=layer_norm eps_dtype=f32"
#define MIXED "op=layer_norm dtype=bf16 param=f32 eps_dtype=f32"
#define RMS16 "op=rms_norm dtype=bf16 param=f32 eps_dtype=f32"
#define ZERO(name, contract) ROW("zeros_" name, contract, zeros)
NG_LIBRARY("forward kernels",
           ROW("right_layer", LAYER " batch_invariant=yes", centred),
           ROW("right_rms", "op=rms_norm eps_dtype=f32", plain),
           ROW("right_batch", "op=batch_norm running=none eps_dtype=f32",
               centred),
           ROW("right_group", "op=group_norm eps_dtype=f32", centred),
           ROW("right_instance", "op=instance_norm eps_dtype=f32", centred),
           ROW("right_mixed", MIXED, centred_bf16),
           ROW("right_residual", MIXED " residual=sum", centred_bf16),
           ROW("right_rms_mixed", RMS16, plain_bf16),
           ROW("right_rounded", MIXED " round_xhat=yes", xhat_rounded),
           ROW("rstd_off_far", LAYER, rstd_off_far),
           ROW("mean_short", LAYER, mean_short),
           ROW("first_largest", LAYER, first_largest),
           ROW("second_row", LAYER " batch_invariant=yes", second_row),
           ROW("interleaved", "op=group_norm eps_dtype=f32", interleaved),
           ROW("next_channel", "op=batch_norm running=none eps_dtype=f32",
               channel_of_row),
           ROW("squares_up", LAYER, squares_up),
           ROW("flushed", "op=rms_norm eps_dtype=f32", flushed),
           ROW("xhat_rounded", MIXED, xhat_rounded),
           ROW("rstd_rounded", MIXED, rstd_rounded),
           ROW("sum_rounded", MIXED " residual=sum", sum_rounded),
           ROW("beta_cut", MIXED, beta_cut),
           ROW("twice_rounded", MIXED, twice_rounded),
           ROW("one_pattern", RMS16, one_pattern),
           ROW("signalling", RMS16, signalling),
           ZERO("a", "op=layer_norm divisor=n_minus_1"),
           ZERO("b", "op=layer_norm eps_place=outside layout=strided"),
           ZERO("c", "op=rms_norm affine=one_plus_gamma eps_place=max_var"),
           ZERO("d", "op=l2_norm"), ZERO("e", "op=l2_norm eps_place=inside"),
           ZERO("f", "op=batch_norm running=none layout=channels_last"),
           ZERO("g", "op=batch_norm running=none layout=strided affine=none"),
           ZERO("h", "op=group_norm layout=channels_last divisor=n_minus_1"),
           ZERO("i", "op=group_norm layout=strided"),
           ZERO("j", "op=instance_norm layout=channels_last eps_place=max_var"),
           ZERO("k", "op=layer_norm pass=backward"),
           ZERO("l", "op=rms_norm pass=backward affine=one_plus_gamma"),
           ZERO("m", "op=l2_norm pass=backward"),
           ZERO("n", "op=batch_norm pass=backward layout=channels_last"),
           ZERO("o", "op=group_norm pass=backward layout=strided"),
           ZERO("p", "op=instance_norm pass=backward layout=channels_last"))
