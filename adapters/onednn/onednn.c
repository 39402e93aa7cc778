/* oneDNN's layer normalization as a plugin (C API of oneDNN 2.x, CPU engine).
 *
 * Its x64 kernels take two passes, each over eight vectors of lanes (so the
 * code that DNNL_JIT_DUMP=1 writes shows for 2.6.3); elsewhere a compiler
 * orders the sums, and only recursive summation holds for every build.
 * Parameters are f32 also for bf16, and eps is a float. The variance can be
 * had, but not 1/sqrt(var + eps): saved=none.
 *
 * bf16: where the processor has AVX512_BF16, oneDNN stores by VCVTNEPS2BF16,
 * which flushes subnormals to zero whatever MXCSR says; on others it keeps
 * them. The contract declares what holds on both: subnormals=flushed. Gated
 * with subnormals kept, the same kernel fails by up to 199 times its bound. */
#include <normgate/impl.h>

#include <oneapi/dnnl/dnnl.h>

enum { ROLE_COUNT = 4 }; /* src, dst, scale, shift */

/* Everything one call creates, to be destroyed whatever happened. */
typedef struct session {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[ROLE_COUNT];
    int count;
} session;

static dnnl_status_t prepare(session *s, const ng_call *call,
                             const dnnl_memory_desc_t *data)
{
    unsigned flags = (call->gamma != NULL ? (unsigned)dnnl_use_scale : 0) |
                     (call->beta != NULL ? (unsigned)dnnl_use_shift : 0);
    dnnl_layer_normalization_desc_t desc;
    dnnl_status_t status = dnnl_layer_normalization_forward_desc_init(
        &desc, dnnl_forward_inference, data, NULL, (float)call->eps, flags);
    if (status == dnnl_success)
        status = dnnl_engine_create(&s->engine, dnnl_cpu, 0);
    if (status == dnnl_success)
        status = dnnl_stream_create(&s->stream, s->engine,
                                    dnnl_stream_default_flags);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&s->description, &desc, NULL,
                                            s->engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&s->primitive, s->description);
    return status;
}

/* Hands the caller's own buffer over; no data when the tensor is absent. */
static dnnl_status_t bind(session *s, int role, const dnnl_memory_desc_t *desc,
                          const void *data)
{
    if (data == NULL)
        return dnnl_success;
    dnnl_exec_arg_t *arg = &s->args[s->count];
    /* The C API has one type of handle for what it reads and what it writes. */
    dnnl_status_t status =
        dnnl_memory_create(&arg->memory, desc, s->engine, (void *)data);
    if (status == dnnl_success) {
        arg->arg = role;
        s->count++;
    }
    return status;
}

static dnnl_status_t execute(session *s, const ng_call *call,
                             const dnnl_memory_desc_t *data,
                             const dnnl_memory_desc_t *param)
{
    dnnl_status_t status = bind(s, DNNL_ARG_SRC, data, call->x);
    if (status == dnnl_success)
        status = bind(s, DNNL_ARG_DST, data, call->y);
    if (status == dnnl_success)
        status = bind(s, DNNL_ARG_SCALE, param, call->gamma);
    if (status == dnnl_success)
        status = bind(s, DNNL_ARG_SHIFT, param, call->beta);
    if (status == dnnl_success)
        status =
            dnnl_primitive_execute(s->primitive, s->stream, s->count, s->args);
    if (status == dnnl_success)
        status = dnnl_stream_wait(s->stream);
    return status;
}

static void destroy(session *s)
{
    for (int i = 0; i < s->count; i++)
        dnnl_memory_destroy(s->args[i].memory);
    dnnl_primitive_destroy(s->primitive);
    dnnl_primitive_desc_destroy(s->description);
    dnnl_stream_destroy(s->stream);
    dnnl_engine_destroy(s->engine);
}

static int layer_norm(const ng_call *call, dnnl_data_type_t dtype)
{
    if (call->rows == 0 || call->n == 0)
        return NG_DONE;
    const dnnl_dims_t data_dims = {(dnnl_dim_t)call->rows, (dnnl_dim_t)call->n};
    const dnnl_dims_t param_dims = {(dnnl_dim_t)call->n};
    session s = {0};
    dnnl_memory_desc_t data, param;
    dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(&data, 2, data_dims, dtype, dnnl_ab);
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(&param, 1, param_dims, dnnl_f32,
                                              dnnl_a);
    if (status == dnnl_success)
        status = prepare(&s, call, &data);
    if (status == dnnl_success)
        status = execute(&s, call, &data, &param);
    destroy(&s);
    switch (status) {
    case dnnl_success: return NG_DONE;
    case dnnl_unimplemented: /* bf16 needs AVX-512 */
    case dnnl_out_of_memory: return NG_NOT_SUPPORTED;
    case dnnl_invalid_arguments: return NG_NOT_ACCEPTED;
    default: return NG_BROKEN;
    }
}

static int layer_norm_f32(const ng_call *call)
{
    return layer_norm(call, dnnl_f32);
}

static int layer_norm_bf16(const ng_call *call)
{
    return layer_norm(call, dnnl_bf16);
}

NG_LIBRARY("oneDNN",
           {"layer_norm_f32", "op=layer_norm dtype=f32 eps_dtype=f32",
            layer_norm_f32, __FILE__, __LINE__},
           {"layer_norm_bf16",
            "op=layer_norm dtype=bf16 param=f32 eps_dtype=f32 "
            "subnormals=flushed",
            layer_norm_bf16, __FILE__, __LINE__})
