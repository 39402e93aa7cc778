/* The zoo of the whole family: one norm of every op and pass, right in every
 * step (two passes, recursive sums, float arithmetic) but one, where the bug
 * named departs from it. */
#include "zoo.h"

#include "geometry.h"
#include "promises.h"

#include <normgate/dtype.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One call of one kernel. */
struct job {
    enum bug bug;
    enum op op;
    ng_dtype dtype;
    ng_call call;
    struct geometry shape;
    bool training;
    float *x, *g, *dgamma, *dbeta; /* a set, and sums per parameter */
    size_t calls;                  /* before this one */
};

struct statistics {
    float mean, var, rstd;
    bool fixed; /* rstd does not depend on x */
};

static float at(const struct job *job, const void *array, size_t i)
{
    return (float)ng_dtype_get(job->dtype, array, i);
}

static void load(const struct job *job, float *to, const void *from, size_t set)
{
    for (size_t i = 0; i < job->shape.n; i++)
        to[i] = at(job, from, geometry_index(&job->shape, set, i));
}

static void store(const struct job *job, void *to, size_t set, size_t i,
                  float value)
{
    ng_dtype_set(job->dtype, to, geometry_index(&job->shape, set, i), value);
}

static bool is_centred(const struct job *job)
{
    return job->op != rms_norm && job->op != l2_norm;
}

static float mean_of(const struct job *job, const float *x)
{
    float total = 0;
    size_t n = job->shape.n;
    for (size_t i = 0; i < n; i++)
        total += x[i];
    return total / (float)(job->bug == bug_dx_over_n_minus_1 ? n - 1 : n);
}

/* Parameter of element i. */
static size_t param_of(const struct job *job, size_t set, size_t i)
{
    const struct loop *channel = &job->shape.element[0];
    if (job->bug == bug_gamma_by_group)
        return set % job->call.num_groups;
    if (job->bug == bug_groups_interleaved)
        return geometry_param(&job->shape, set) +
               i / job->shape.cell * channel->gamma;
    return geometry_param(&job->shape, set) + i / job->shape.cell;
}

static float gamma_at(const struct job *job, size_t k)
{
    return job->call.gamma != NULL ? at(job, job->call.gamma, k) : 1;
}

static float rstd_of(const struct job *job, float var, bool *fixed)
{
    float eps = (float)job->call.eps;
    if (job->bug == bug_l2_eps_squared)
        return 1 / sqrtf(var + eps * eps);
    if (job->bug == bug_inference_eps_outside)
        return 1 / (sqrtf(var) + eps);
    if (job->op == l2_norm && job->bug != bug_l2_eps_added) {
        *fixed = sqrtf(var) <= eps;
        return 1 / (*fixed ? eps : sqrtf(var));
    }
    return 1 / sqrtf(var + eps);
}

static struct statistics given(const struct job *job, size_t set)
{
    const ng_call *call = &job->call;
    struct statistics s = {0, 0, 0, false};
    if (!job->training) {
        size_t channel = geometry_param(&job->shape, set);
        s.mean = ((const float *)call->running_mean)[channel];
        s.var = ((const float *)call->running_var)[channel];
        s.fixed = job->bug != bug_dx_through_fixed;
        bool ignored;
        s.rstd = rstd_of(job, s.var, &ignored);
    } else {
        s.mean = ((const float *)call->mean)[set];
        s.rstd = ((const float *)call->rstd)[set];
        if (job->bug == bug_saved_rstd_as_var)
            s.rstd = 1 / sqrtf(s.rstd + (float)call->eps);
    }
    return s;
}

static struct statistics statistics_of(const struct job *job, size_t set)
{
    size_t n = job->shape.n;
    struct statistics s = {0, 0, 0, false};
    bool saved = job->call.dy != NULL && job->call.rstd != NULL;
    if ((!job->training && job->bug != bug_inference_of_batch) || saved)
        return given(job, set);
    if (is_centred(job)) {
        for (size_t i = 0; i < n; i++)
            s.mean += job->x[i];
        s.mean /= (float)n;
    }
    for (size_t i = 0; i < n; i++)
        s.var += (job->x[i] - s.mean) * (job->x[i] - s.mean);
    s.var /= job->op == l2_norm ? 1 : (float)n;
    if (job->bug == bug_dx_unbiased)
        s.var *= (float)n / (float)(n - 1);
    s.rstd = rstd_of(job, s.var, &s.fixed);
    return s;
}

static void add_residual(const struct job *job, size_t set)
{
    const ng_call *call = &job->call;
    if (job->bug == bug_residual_after_norm)
        return;
    for (size_t i = 0; i < job->shape.n; i++) {
        size_t index = geometry_index(&job->shape, set, i);
        float h = job->x[i] + at(job, call->residual, index);
        store(job, call->h, set, i, job->bug == bug_h_is_x ? job->x[i] : h);
        job->x[i] = job->bug == bug_h_rounded ? at(job, call->h, index) : h;
    }
}

static void write_y(const struct job *job, size_t set, struct statistics s)
{
    const ng_call *call = &job->call;
    for (size_t i = 0; i < job->shape.n; i++) {
        size_t k = param_of(job, set, i);
        float y = (job->x[i] - s.mean) * s.rstd * gamma_at(job, k);
        if (call->beta != NULL)
            y += at(job, call->beta, k);
        if (job->bug == bug_residual_after_norm) {
            size_t index = geometry_index(&job->shape, set, i);
            y += at(job, call->residual, index);
            store(job, call->h, set, i, y);
        }
        store(job, call->y, set, i, y);
    }
}

static void blend(const struct job *job, float *running, size_t channel,
                  float value)
{
    float weight = (float)job->call.momentum;
    if (job->bug == bug_cumulative_from_one)
        weight = 1 / fmaxf((float)job->call.batches, 1);
    if (job->bug == bug_momentum_swapped)
        weight = 1 - weight;
    running[channel] = (1 - weight) * running[channel] + weight * value;
}

/* One set per channel, but where the bug takes one set of many. */
static void update_running(const struct job *job, size_t set,
                           struct statistics s)
{
    const ng_call *call = &job->call;
    size_t channel = geometry_param(&job->shape, set), n = job->shape.n;
    float unbiased = s.var * (float)n / (float)(n - 1);
    if (call->running_mean == NULL || set + call->C < job->shape.sets)
        return;
    if (job->bug == bug_running_var_biased)
        unbiased = s.var;
    if (job->bug == bug_running_var_over_batch)
        unbiased = s.var * (float)call->N / (float)(call->N - 1);
    if (job->bug == bug_running_var_with_eps)
        unbiased += (float)call->eps;
    blend(job, call->running_mean, channel, s.mean);
    if (job->bug == bug_running_mean_twice)
        blend(job, call->running_mean, channel, s.mean);
    blend(job, call->running_var, channel, unbiased);
}

static void forward_set(const struct job *job, size_t set)
{
    const ng_call *call = &job->call;
    load(job, job->x, call->x, set);
    if (call->residual != NULL)
        add_residual(job, set);
    struct statistics s = statistics_of(job, set);
    write_y(job, set, s);
    if (job->training || job->bug == bug_inference_updates)
        update_running(job, set, s);
    if (call->mean != NULL)
        ((float *)call->mean)[set] = s.mean;
    if (call->rstd != NULL)
        ((float *)call->rstd)[set] = s.rstd;
}

/* Adds the set's share; x is x_hat, g is dy. */
static void add_parameters(const struct job *job, size_t set)
{
    size_t n = job->shape.n;
    size_t count = job->bug == bug_dgamma_tail_dropped ? n - n % 8 : n;
    for (size_t i = 0; i < n; i++) {
        size_t k = param_of(job, set, i);
        float term = job->g[i] * job->x[i];
        if (job->bug == bug_dbeta_last_row)
            job->dbeta[k] = 0;
        job->dbeta[k] += job->g[i];
        if (job->bug == bug_dgamma_of_g)
            term *= gamma_at(job, k);
        if (job->bug == bug_dgamma_nan_swallowed && isnan(term))
            term = 0;
        if (job->bug == bug_group_dgamma_by_place)
            k = i / job->shape.cell;
        if (job->bug == bug_dgamma_overwritten)
            job->dgamma[k] = 0;
        if (i < count)
            job->dgamma[k] += term;
        if (job->bug == bug_dgamma_bf16)
            job->dgamma[k] = (float)ng_dtype_round(ng_bf16, job->dgamma[k]);
    }
}

/* dx from g; x is x_hat. */
static float dx_of(const struct job *job, struct statistics s, float mean,
                   float slope, size_t i)
{
    if (s.fixed && job->bug != bug_l2_clamp_has_slope)
        return job->g[i] * s.rstd;
    if (job->bug == bug_dx_without_mean)
        mean = 0;
    if (job->bug == bug_dx_without_slope)
        slope = 0;
    if (job->bug == bug_dx_rstd_once)
        return (job->g[i] - mean) * s.rstd - job->x[i] * slope;
    return (job->g[i] - mean - job->x[i] * slope) * s.rstd;
}

static void write_dx(const struct job *job, size_t set, size_t i, float dx)
{
    const ng_call *call = &job->call;
    float dh = 0;
    if (call->dh != NULL && job->bug != bug_dh_forgotten)
        dh = at(job, call->dh, geometry_index(&job->shape, set, i));
    store(job, call->dx, set, i, dx + dh);
    if (call->dresidual != NULL)
        store(job, call->dresidual, set, i,
              job->bug == bug_dresidual_without_dh ? dx : dx + dh);
    ptrdiff_t end = call->stride[1] * (ptrdiff_t)job->shape.n;
    if (job->bug == bug_gap_written && i + 1 == job->shape.n &&
        set + 1 < job->shape.sets && call->stride[0] > end)
        ng_dtype_set(job->dtype, call->dx,
                     (size_t)(call->stride[0] * (ptrdiff_t)set + end), 0);
}

static void backward_set(const struct job *job, size_t set)
{
    size_t n = job->shape.n;
    float mean = 0, slope = 0;
    load(job, job->x, job->call.x, set);
    load(job, job->g, job->call.dy, set);
    struct statistics s = statistics_of(job, set);
    for (size_t i = 0; i < n; i++)
        job->x[i] = (job->x[i] - s.mean) * s.rstd;
    add_parameters(job, set);
    for (size_t i = 0; i < n; i++) {
        job->g[i] *= gamma_at(job, param_of(job, set, i));
        slope += job->g[i] * job->x[i];
    }
    if (is_centred(job) || job->bug == bug_rms_dx_centred)
        mean = mean_of(job, job->g);
    slope /= job->op == l2_norm                  ? 1
             : job->bug == bug_dx_over_n_minus_1 ? (float)(n - 1)
                                                 : (float)n;
    for (size_t i = 0; i < n; i++)
        write_dx(job, set, i, dx_of(job, s, mean, slope, i));
}

static void write_parameters(const struct job *job)
{
    static float last; /* dgamma[0] of the call before */
    const ng_call *call = &job->call;
    size_t params = job->shape.params;
    size_t count =
        job->bug == bug_dbeta_tail_missing ? params - params % 4 : params;
    if (job->bug == bug_dgamma_stateful && params > 0)
        last = job->dgamma[0] += last;
    for (size_t k = 0; k < params; k++) {
        if (call->dgamma != NULL)
            ng_dtype_set(job->dtype, call->dgamma, k, job->dgamma[k]);
        if (call->dbeta != NULL && k < count)
            ng_dtype_set(job->dtype, call->dbeta, k, job->dbeta[k]);
    }
}

/* The bugs that take the wrong elements. */
static void misread(struct job *job)
{
    ng_call *call = &job->call;
    if (job->bug == bug_channels_read_first) {
        call->stride[0] = (ptrdiff_t)(call->C * call->spatial);
        call->stride[1] = (ptrdiff_t)call->spatial;
        call->stride[2] = 1;
    }
    if (job->bug == bug_gap_ignored)
        call->stride[0] = (ptrdiff_t)call->n * call->stride[1];
    job->shape = geometry_of(
        job->bug == bug_instance_over_batch ? batch_norm : job->op, call);
    if (job->bug == bug_groups_interleaved) {
        ptrdiff_t groups = (ptrdiff_t)call->num_groups;
        job->shape.set[1].x = call->stride[1];
        job->shape.set[1].gamma = 1;
        job->shape.element[0].x = groups * call->stride[1];
        job->shape.element[0].gamma = call->num_groups;
    }
}

static void every_set(struct job *job)
{
    size_t sets = job->shape.sets;
    size_t from = job->bug == bug_dgamma_order_by_call ? job->calls % sets : 0;
    for (size_t set = 0; set < sets; set++) {
        if (job->call.dy != NULL)
            backward_set(job, (from + set) % sets);
        else
            forward_set(job, set);
    }
    if (job->call.dy != NULL)
        write_parameters(job);
}

static int norm(const ng_call *call, enum bug bug, enum op op, ng_dtype dtype)
{
    static size_t calls;
    struct job job = {.bug = bug, .op = op, .dtype = dtype, .call = *call};
    job.calls = calls++;
    job.training = strncmp(call->pass, "inference", 9) != 0;
    misread(&job);
    if (call->rows == 0 || call->n == 0)
        return NG_DONE;
    if (job.training && call->n == 1 &&
        (op == batch_norm || op == instance_norm))
        return NG_NOT_ACCEPTED;
    job.x = calloc(2 * (job.shape.n + job.shape.params), sizeof *job.x);
    if (job.x == NULL)
        return NG_BROKEN;
    job.g = job.x + job.shape.n;
    job.dgamma = job.g + job.shape.n;
    job.dbeta = job.dgamma + job.shape.params;
    every_set(&job);
    free(job.x);
    return NG_DONE;
}

#define SAVED "saved=mean_rstd"
#define NG_BUG(id, op, pass, dtype, fields, killed_by, claim)                  \
    static int run_##id(const ng_call *call)                                   \
    {                                                                          \
        return norm(call, bug_##id, op, ng_##dtype);                           \
    }
#include "zoo_family.def"
#undef NG_BUG

const ng_kernel ng_zoo_family[] = {
#define NG_BUG(id, op, pass, dtype, fields, killed_by, claim)                  \
    {#id "_" #dtype,                                                           \
     "op=" #op " pass=" #pass " dtype=" #dtype " " fields                      \
     " summation=recursive variance=two_pass" PROMISES,                        \
     run_##id, "impls/zoo_family.c", 1},
#include "zoo_family.def"
#undef NG_BUG
};
