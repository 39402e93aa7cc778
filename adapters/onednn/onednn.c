/* oneDNN's normalizations on the CPU as a plugin: layer norm, batch norm, and
 * group norm where the library has it (3.3 and later).
 *
 * What its developer guide and source state, and the contracts below repeat:
 * two passes for mean and variance, over n; sums split over lanes and threads,
 * in an order that a compiler and the machine choose, so only recursive
 * summation holds for every build; parameters and statistics f32 whatever the
 * data; eps a float. Statistics are mean and variance, not 1/sqrt(var + eps):
 * saved=mean_var, and a backward pass, which takes the variance, forms it
 * first by a forward one: backward_stats=recomputed. Running statistics are
 * the caller's business: running=none.
 *
 * bf16: where the processor has AVX512_BF16, oneDNN stores by VCVTNEPS2BF16,
 * which flushes subnormals to zero whatever MXCSR says; on others it keeps
 * them. The contract declares what holds on both: subnormals=flushed. Gated
 * with subnormals kept, layer norm fails by up to 199 times its bound.
 *
 * f16 is left out: it needs AVX512_FP16, and a kernel of which no case can be
 * judged is no pass. */
#include "api.h"

#include <normgate/impl.h>

#include <stdbool.h>
#include <string.h>

enum { MEMORY_COUNT = 16, ARG_COUNT = 12 };

/* Everything one call creates, to be destroyed whatever happened; after the
 * first failure, kept in `status`, nothing more is done. */
typedef struct session {
    dnnl_status_t status;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    ng_dnnl_norm norm;
    dnnl_memory_t memory[MEMORY_COUNT];
    int memories;
} session;

/* One primitive and its arguments. */
typedef struct step {
    dnnl_exec_arg_t args[ARG_COUNT];
    int count;
} step;

static bool good(const session *s)
{
    return s->status == dnnl_success;
}

static void describe(session *s, dnnl_memory_desc_t *tensor, int axes,
                     const dnnl_dims_t dims, dnnl_data_type_t dtype,
                     const dnnl_dims_t strides)
{
    if (good(s))
        s->status = ng_dnnl_describe(tensor, axes, dims, dtype, strides);
}

/* [rows][n], or [N][C][1][spatial] by its strides, which say the layout. */
static void describe_tensors(session *s, const ng_call *call,
                             dnnl_data_type_t dtype)
{
    const dnnl_dims_t dense = {1};
    dnnl_dim_t params = (dnnl_dim_t)call->n, sets = (dnnl_dim_t)call->rows;
    if (s->norm.kind == ng_dnnl_layer) {
        const dnnl_dims_t dims = {(dnnl_dim_t)call->rows, params};
        const dnnl_dims_t strides = {call->stride[0], call->stride[1]};
        describe(s, &s->norm.data, 2, dims, dtype, strides);
    } else {
        dnnl_dim_t spatial = (dnnl_dim_t)call->spatial;
        params = (dnnl_dim_t)call->C;
        const dnnl_dims_t dims = {(dnnl_dim_t)call->N, params, 1, spatial};
        const dnnl_dims_t strides = {call->stride[0], call->stride[1],
                                     spatial * call->stride[2],
                                     call->stride[2]};
        describe(s, &s->norm.data, 4, dims, dtype, strides);
    }
    if (s->norm.kind == ng_dnnl_group) {
        const dnnl_dims_t dims = {(dnnl_dim_t)call->N, s->norm.groups};
        const dnnl_dims_t strides = {s->norm.groups, 1};
        describe(s, &s->norm.stat, 2, dims, dnnl_f32, strides);
    } else {
        describe(s, &s->norm.stat, 1, (dnnl_dims_t){sets}, dnnl_f32, dense);
    }
    describe(s, &s->norm.param, 1, (dnnl_dims_t){params}, dnnl_f32, dense);
}

static dnnl_memory_t memory(session *s, const dnnl_memory_desc_t *tensor,
                            const void *data)
{
    if (!good(s))
        return NULL;
    dnnl_memory_t *to = &s->memory[s->memories];
    /* The C API has one type of handle for what it reads and what it writes. */
    s->status = ng_dnnl_memory(to, tensor, s->engine, (void *)data);
    if (!good(s))
        return NULL;
    s->memories++;
    return *to;
}

static void bind(step *to, int role, dnnl_memory_t tensor)
{
    to->args[to->count++] = (dnnl_exec_arg_t){role, tensor};
}

/* Hands the caller's own buffer over; nothing when the tensor is absent. */
static void bind_data(session *s, step *to, int role,
                      const dnnl_memory_desc_t *tensor, const void *data)
{
    if (data != NULL)
        bind(to, role, memory(s, tensor, data));
}

static void execute(session *s, const step *this,
                    dnnl_primitive_desc_t description)
{
    dnnl_primitive_t primitive = NULL;
    if (good(s))
        s->status = dnnl_primitive_create(&primitive, description);
    if (good(s))
        s->status = dnnl_primitive_execute(primitive, s->stream, this->count,
                                           this->args);
    if (good(s))
        s->status = dnnl_stream_wait(s->stream);
    if (primitive != NULL)
        dnnl_primitive_destroy(primitive);
}

static void run_forward(session *s, const step *this, dnnl_prop_kind_t pass)
{
    dnnl_primitive_desc_t description = NULL;
    if (good(s))
        s->status = ng_dnnl_forward(&description, s->engine, &s->norm, pass);
    execute(s, this, description);
    if (description != NULL)
        dnnl_primitive_desc_destroy(description);
}

/* Whether the primitive asks for beta, on which no gradient depends, or
 * refuses it, has changed with the version and the norm (2.6: both ask; 3.2:
 * layer norm alone); it says so before it does anything. */
static void run_backward(session *s, step *this, dnnl_memory_t beta)
{
    dnnl_primitive_desc_t hint = NULL, description = NULL;
    if (good(s))
        s->status =
            ng_dnnl_forward(&hint, s->engine, &s->norm, dnnl_forward_training);
    if (good(s))
        s->status = ng_dnnl_backward(&description, s->engine, &s->norm, hint);
    bool described = good(s);
    execute(s, this, description);
    if (described && s->status == dnnl_invalid_arguments) {
        s->status = dnnl_success;
        bind(this, DNNL_ARG_SHIFT, beta);
        execute(s, this, description);
    }
    if (description != NULL)
        dnnl_primitive_desc_destroy(description);
    if (hint != NULL)
        dnnl_primitive_desc_destroy(hint);
}

/* y, and mean and variance where the call has them. */
static void forward(session *s, const ng_call *call)
{
    bool given = strcmp(call->pass, "inference") == 0;
    bool saved = call->var != NULL;
    step this = {0};
    bind_data(s, &this, DNNL_ARG_SRC, &s->norm.data, call->x);
    bind_data(s, &this, DNNL_ARG_DST, &s->norm.data, call->y);
    bind_data(s, &this, DNNL_ARG_SCALE, &s->norm.param, call->gamma);
    bind_data(s, &this, DNNL_ARG_SHIFT, &s->norm.param, call->beta);
    bind_data(s, &this, DNNL_ARG_MEAN, &s->norm.stat,
              given ? call->running_mean : call->mean);
    bind_data(s, &this, DNNL_ARG_VARIANCE, &s->norm.stat,
              given ? call->running_var : call->var);
    s->norm.flags = dnnl_use_scale | dnnl_use_shift;
    if (given)
        s->norm.flags |= dnnl_use_global_stats;
    run_forward(s, &this,
                saved ? dnnl_forward_training : dnnl_forward_inference);
}

/* The statistics that the backward pass takes, in memory of oneDNN's own. */
static void form_statistics(session *s, const ng_call *call, dnnl_memory_t mean,
                            dnnl_memory_t var)
{
    step this = {0};
    bind_data(s, &this, DNNL_ARG_SRC, &s->norm.data, call->x);
    bind_data(s, &this, DNNL_ARG_DST, &s->norm.data, DNNL_MEMORY_ALLOCATE);
    bind(&this, DNNL_ARG_MEAN, mean);
    bind(&this, DNNL_ARG_VARIANCE, var);
    s->norm.flags = dnnl_normalization_flags_none;
    run_forward(s, &this, dnnl_forward_training);
}

static void backward(session *s, const ng_call *call)
{
    bool given = strcmp(call->pass, "inference_backward") == 0;
    dnnl_memory_t mean = memory(
        s, &s->norm.stat, given ? call->running_mean : DNNL_MEMORY_ALLOCATE);
    dnnl_memory_t var = memory(
        s, &s->norm.stat, given ? call->running_var : DNNL_MEMORY_ALLOCATE);
    if (!given)
        form_statistics(s, call, mean, var);
    step this = {0};
    bind_data(s, &this, DNNL_ARG_SRC, &s->norm.data, call->x);
    bind_data(s, &this, DNNL_ARG_DIFF_DST, &s->norm.data, call->dy);
    bind_data(s, &this, DNNL_ARG_DIFF_SRC, &s->norm.data, call->dx);
    bind_data(s, &this, DNNL_ARG_SCALE, &s->norm.param, call->gamma);
    bind_data(s, &this, DNNL_ARG_DIFF_SCALE, &s->norm.param, call->dgamma);
    bind_data(s, &this, DNNL_ARG_DIFF_SHIFT, &s->norm.param, call->dbeta);
    bind(&this, DNNL_ARG_MEAN, mean);
    bind(&this, DNNL_ARG_VARIANCE, var);
    s->norm.flags = dnnl_use_scale | dnnl_use_shift;
    if (given)
        s->norm.flags |= dnnl_use_global_stats;
    run_backward(s, &this, memory(s, &s->norm.param, call->gamma));
}

static void start(session *s, const ng_call *call)
{
    s->norm.kind = strcmp(call->op, "layer_norm") == 0   ? ng_dnnl_layer
                   : strcmp(call->op, "batch_norm") == 0 ? ng_dnnl_batch
                                                         : ng_dnnl_group;
    s->norm.eps = (float)call->eps;
    s->norm.groups = (dnnl_dim_t)call->num_groups;
    s->status = dnnl_engine_create(&s->engine, dnnl_cpu, 0);
    if (good(s))
        s->status = dnnl_stream_create(&s->stream, s->engine,
                                       dnnl_stream_default_flags);
}

static void destroy(session *s)
{
    for (int i = 0; i < s->memories; i++)
        dnnl_memory_destroy(s->memory[i]);
    ng_dnnl_forget(&s->norm.data);
    ng_dnnl_forget(&s->norm.stat);
    ng_dnnl_forget(&s->norm.param);
    if (s->stream != NULL)
        dnnl_stream_destroy(s->stream);
    if (s->engine != NULL)
        dnnl_engine_destroy(s->engine);
}

static int run(const ng_call *call, dnnl_data_type_t dtype)
{
    session s = {0};
    start(&s, call);
    describe_tensors(&s, call, dtype);
    if (strstr(call->pass, "backward") != NULL)
        backward(&s, call);
    else
        forward(&s, call);
    destroy(&s);
    switch (s.status) {
    case dnnl_success: return NG_DONE;
    case dnnl_unimplemented: /* bf16 needs AVX-512 */
    case dnnl_out_of_memory: return NG_NOT_SUPPORTED;
    case dnnl_invalid_arguments: return NG_NOT_ACCEPTED;
    default: return NG_BROKEN;
    }
}

static int run_f32(const ng_call *call)
{
    return run(call, dnnl_f32);
}

static int run_bf16(const ng_call *call)
{
    return run(call, dnnl_bf16);
}

#define F32 "dtype=f32 eps_dtype=f32 "
#define BF16 "dtype=bf16 param=f32 eps_dtype=f32 subnormals=flushed "
#define TRAINING "running=none one_value=biased "
#define SAVED "saved=mean_var "
#define LAST "layout=channels_last "

static const ng_kernel kernels[] = {
    {"layer_norm_f32", "op=layer_norm " F32, run_f32, __FILE__, __LINE__},
    {"layer_norm_bf16", "op=layer_norm " BF16, run_bf16, __FILE__, __LINE__},
    {"layer_norm_training_f32", "op=layer_norm " F32 SAVED, run_f32, __FILE__,
     __LINE__},
    {"layer_norm_training_bf16", "op=layer_norm " BF16 SAVED, run_bf16,
     __FILE__, __LINE__},
    {"layer_norm_backward_f32", "op=layer_norm pass=backward " F32, run_f32,
     __FILE__, __LINE__},
    {"layer_norm_backward_bf16", "op=layer_norm pass=backward " BF16, run_bf16,
     __FILE__, __LINE__},
    {"batch_norm_f32", "op=batch_norm " F32 TRAINING SAVED, run_f32, __FILE__,
     __LINE__},
    {"batch_norm_bf16", "op=batch_norm " BF16 TRAINING SAVED, run_bf16,
     __FILE__, __LINE__},
    {"batch_norm_last_f32", "op=batch_norm " F32 TRAINING SAVED LAST, run_f32,
     __FILE__, __LINE__},
    {"batch_norm_last_bf16", "op=batch_norm " BF16 TRAINING SAVED LAST,
     run_bf16, __FILE__, __LINE__},
    {"batch_norm_inference_f32", "op=batch_norm pass=inference " F32, run_f32,
     __FILE__, __LINE__},
    {"batch_norm_inference_bf16", "op=batch_norm pass=inference " BF16,
     run_bf16, __FILE__, __LINE__},
    {"batch_norm_inference_last_f32", "op=batch_norm pass=inference " F32 LAST,
     run_f32, __FILE__, __LINE__},
    {"batch_norm_inference_last_bf16",
     "op=batch_norm pass=inference " BF16 LAST, run_bf16, __FILE__, __LINE__},
    {"batch_norm_backward_f32", "op=batch_norm pass=backward " F32 TRAINING,
     run_f32, __FILE__, __LINE__},
    {"batch_norm_backward_bf16", "op=batch_norm pass=backward " BF16 TRAINING,
     run_bf16, __FILE__, __LINE__},
    {"batch_norm_backward_last_f32",
     "op=batch_norm pass=backward " F32 TRAINING LAST, run_f32, __FILE__,
     __LINE__},
    {"batch_norm_backward_last_bf16",
     "op=batch_norm pass=backward " BF16 TRAINING LAST, run_bf16, __FILE__,
     __LINE__},
    {"batch_norm_inference_backward_f32",
     "op=batch_norm pass=inference_backward " F32, run_f32, __FILE__, __LINE__},
    {"batch_norm_inference_backward_bf16",
     "op=batch_norm pass=inference_backward " BF16, run_bf16, __FILE__,
     __LINE__},
    {"batch_norm_inference_backward_last_f32",
     "op=batch_norm pass=inference_backward " F32 LAST, run_f32, __FILE__,
     __LINE__},
    {"batch_norm_inference_backward_last_bf16",
     "op=batch_norm pass=inference_backward " BF16 LAST, run_bf16, __FILE__,
     __LINE__},
#if NG_DNNL_GROUP_NORM
    {"group_norm_f32", "op=group_norm " F32 SAVED, run_f32, __FILE__, __LINE__},
    {"group_norm_bf16", "op=group_norm " BF16 SAVED, run_bf16, __FILE__,
     __LINE__},
    {"group_norm_last_f32", "op=group_norm " F32 SAVED LAST, run_f32, __FILE__,
     __LINE__},
    {"group_norm_last_bf16", "op=group_norm " BF16 SAVED LAST, run_bf16,
     __FILE__, __LINE__},
    {"group_norm_backward_f32", "op=group_norm pass=backward " F32, run_f32,
     __FILE__, __LINE__},
    {"group_norm_backward_bf16", "op=group_norm pass=backward " BF16, run_bf16,
     __FILE__, __LINE__},
    {"group_norm_backward_last_f32", "op=group_norm pass=backward " F32 LAST,
     run_f32, __FILE__, __LINE__},
    {"group_norm_backward_last_bf16", "op=group_norm pass=backward " BF16 LAST,
     run_bf16, __FILE__, __LINE__},
#endif
};

NG_DESCRIPTOR = {
    NG_ABI_VERSION,
    (uint32_t)sizeof(ng_library),
    (uint32_t)sizeof(ng_kernel),
    (uint32_t)(sizeof kernels / sizeof kernels[0]),
    "oneDNN",
    kernels,
};
