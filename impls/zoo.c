/* The zoo: one layer norm and RMS norm, right in every step (two passes,
 * recursive sums, float arithmetic) but one, where the bug named departs from
 * it. A gate that lets one of these pass does not see that kind of error. */
#include "zoo.h"

#include "geometry.h"
#include "promises.h"

#include <normgate/dtype.h>

#include <fenv.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One kernel and one call of it. */
struct job {
    enum bug bug;
    ng_dtype dtype;
    enum op op;
    const ng_call *call;
    size_t calls; /* before this one, over all bugs */
    float total;  /* of the row before */
};

static float to_format(ng_dtype dtype, float value)
{
    return (float)ng_dtype_round(dtype, value);
}

/* The sum of (x - centre)^power over a row. */
static float sum(struct job *job, const float *x, float centre, int power)
{
    static float uncleared;
    enum bug bug = job->bug;
    size_t n = job->call->n, from = 0;
    float total = 0;
    if (bug == bug_order_by_call)
        from = job->calls % n;
    if (bug == bug_batch_dependent && job->call->rows > 1)
        from = n / 2;
    if (bug == bug_nan_leaks)
        total = job->total * 0;
    if (bug == bug_stateful && power == 1)
        total = uncleared;
    size_t count = bug == bug_tail_dropped ? n - n % 8 : n;
    for (size_t i = 0; i < count; i++) {
        float term = x[(from + i) % n] - centre;
        if (bug == bug_sign_lost && power == 1)
            term = fabsf(term);
        if (bug == bug_nan_swallowed && isnan(term))
            term = 0;
        if (power == 2)
            term *= term;
        if (bug == bug_f16_square_overflow && power == 2)
            term = to_format(ng_f16, term);
        total += term;
        if (bug == bug_bf16_accumulate)
            total = to_format(ng_bf16, total);
    }
    if (bug == bug_padded_lanes && power == 2)
        total += (float)((8 - n % 8) % 8) * (centre * centre);
    if (bug == bug_nan_leaks)
        job->total = total;
    if (bug == bug_stateful && power == 1)
        uncleared = total;
    return total;
}

static float mean_of(struct job *job, const float *x)
{
    if (job->op == rms_norm && job->bug != bug_rms_centred)
        return 0;
    float mean = sum(job, x, 0, 1) / (float)job->call->n;
    return job->bug == bug_constant_noise ? to_format(ng_bf16, mean) : mean;
}

static float var_of(struct job *job, const float *x, float mean)
{
    float n = (float)job->call->n;
    float squares;
    switch (job->bug) {
    case bug_one_pass: return fmaxf(sum(job, x, 0, 2) / n - mean * mean, 0);
    case bug_one_pass_unclamped: return sum(job, x, 0, 2) / n - mean * mean;
    case bug_shift_broken: return sum(job, x, 0, 2) / n;
    case bug_divisor_n_minus_1: return sum(job, x, mean, 2) / (n - 1);
    case bug_eps_rms_sum: /* rstd_of then adds nothing */
        return (sum(job, x, mean, 2) + (float)job->call->eps) / n;
    default:
        squares = sum(job, x, mean, 2) / n;
        return job->bug == bug_abs_clamp ? fmaxf(squares, 1e-6f) : squares;
    }
}

/* 1/sqrt(v) from the bit pattern, good to 1.8e-3 after a Newton step. */
static float rsqrt_approx(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = 0x5f3759dfu - (bits >> 1);
    float guess;
    memcpy(&guess, &bits, sizeof guess);
    return guess * (1.5f - 0.5f * v * guess * guess);
}

static float rstd_of(const struct job *job, float var)
{
    float eps = (float)job->call->eps;
    switch (job->bug) {
    case bug_eps_outside: return 1 / (sqrtf(var) + eps);
    case bug_eps_ignored:
    case bug_eps_rms_sum: return 1 / sqrtf(var);
    case bug_eps_doubled: return 1 / sqrtf(var + eps + eps);
    case bug_eps_max: return 1 / sqrtf(fmaxf(var, eps));
    case bug_eps_f16:
        return 1 / sqrtf(var + (float)ng_dtype_round(ng_f16, job->call->eps));
    case bug_eps_fixed: return 1 / sqrtf(var + 1e-5f);
    case bug_rsqrt_approx: return rsqrt_approx(var + eps);
    case bug_rstd_bf16: return to_format(ng_bf16, 1 / sqrtf(var + eps));
    default: return 1 / sqrtf(var + eps);
    }
}

static float affine(const struct job *job, size_t set, size_t i, float x_hat)
{
    const ng_call *call = job->call;
    float y = x_hat;
    if (job->bug == bug_xhat_bf16)
        y = to_format(ng_bf16, y);
    if (call->gamma != NULL) {
        size_t at = job->bug == bug_gamma_by_row ? set % call->n : i;
        float gamma = (float)ng_dtype_get(job->dtype, call->gamma, at);
        if (job->bug == bug_gamma_plus_one)
            gamma += 1;
        y *= gamma;
        if (job->bug == bug_gamma_twice)
            y *= gamma;
    }
    if (call->beta != NULL && job->bug != bug_beta_ignored)
        y += (float)ng_dtype_get(job->dtype, call->beta, i);
    return y;
}

static void store(const struct job *job, size_t at, float y)
{
    if (job->bug == bug_truncates) { /* bf16 is the upper half of f32 */
        uint32_t bits;
        memcpy(&bits, &y, sizeof bits);
        ((uint16_t *)job->call->y)[at] = (uint16_t)(bits >> 16);
        return;
    }
    ng_dtype_set(job->dtype, job->call->y, at, y);
}

/* The bugs that do not wait for the arithmetic. */
static void misbehave(const struct job *job)
{
    const ng_call *call = job->call;
    volatile int *volatile nowhere = NULL;
    volatile unsigned char *input = (unsigned char *)(uintptr_t)call->x;
    if (job->bug == bug_spins && call->n == 13)
        for (;;)
            ;
    if (job->bug == bug_crashes && call->n == 127)
        *nowhere = 0;
    if (job->bug == bug_exits && call->n == 31)
        exit(0);
    if (job->bug == bug_writes_input) {
        unsigned char kept = input[0];
        input[0] = (unsigned char)~kept;
        input[0] = kept;
    }
}

static void one_row(struct job *job, size_t set, float *x)
{
    const ng_call *call = job->call;
    size_t n = call->n, count = n;
    size_t stride = job->bug == bug_row_padded ? (n + 3) / 4 * 4 : n;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)ng_dtype_get(job->dtype, call->x,
                                   (set * stride + i) % (call->rows * n));
    float mean = mean_of(job, x);
    float var = var_of(job, x, mean);
    float rstd = rstd_of(job, var);
    if (job->bug == bug_last_row_skipped && set > 0 && set + 1 == call->rows)
        return;
    if (job->bug == bug_tail_not_written)
        count = n - n % 4;
    for (size_t i = 0; i < count; i++)
        store(job, set * n + i, affine(job, set, i, (x[i] - mean) * rstd));
    if (job->bug == bug_writes_past_end && set + 1 == call->rows)
        store(job, call->rows * n, 0);
    if (call->mean != NULL && job->bug != bug_mean_not_saved)
        ((float *)call->mean)[set] = mean;
    if (call->rstd != NULL)
        ((float *)call->rstd)[set] = job->bug == bug_var_saved ? var : rstd;
}

static int norm(const ng_call *call, enum bug bug, enum op op, ng_dtype dtype)
{
    static size_t calls;
    struct job job = {bug, dtype, op, call, calls++, 0};
    if (call->rows == 0 || call->n == 0)
        return NG_DONE;
    float *x = calloc(call->n, sizeof *x);
    if (x == NULL)
        return NG_BROKEN;
    misbehave(&job);
    for (size_t set = 0; set < call->rows; set++)
        one_row(&job, set, x);
    if (bug == bug_fpenv_left)
        fesetround(FE_TOWARDZERO);
    free(x);
    return NG_DONE;
}

#define NG_BUG(id, op, dtype, killed_by, claim)                                \
    static int run_##id(const ng_call *call)                                   \
    {                                                                          \
        return norm(call, bug_##id, op, ng_##dtype);                           \
    }                                                                          \
    static const ng_kernel kernel_##id = {                                     \
        #op "_" #dtype,                                                        \
        "op=" #op " dtype=" #dtype                                             \
        " summation=recursive variance=two_pass saved=mean_rstd" PROMISES,     \
        run_##id, "impls/zoo.c", 1};
#include "zoo.def"
#undef NG_BUG

const ng_builtin ng_zoo[] = {
#define NG_BUG(id, op, dtype, killed_by, claim)                                \
    {"bug." #id, claim, #killed_by, &kernel_##id, 1, 1},
#include "zoo.def"
#undef NG_BUG
#define NG_BUG(id, op, pass, dtype, fields, killed_by, claim)                  \
    {"bug." #id, claim, #killed_by, &ng_zoo_family[bug_##id - bug_family], 1, 1},
#include "zoo_family.def"
#undef NG_BUG
};
