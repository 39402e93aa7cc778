/* api.h for oneDNN 2: descriptors are structs that the caller owns. */
#include "api.h"

dnnl_status_t ng_dnnl_describe(dnnl_memory_desc_t *tensor, int axes,
                               const dnnl_dims_t dims, dnnl_data_type_t dtype,
                               const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(tensor, axes, dims, dtype, strides);
}

void ng_dnnl_forget(dnnl_memory_desc_t *tensor)
{
    (void)tensor;
}

dnnl_status_t ng_dnnl_memory(dnnl_memory_t *memory,
                             const dnnl_memory_desc_t *tensor,
                             dnnl_engine_t engine, void *data)
{
    return dnnl_memory_create(memory, tensor, engine, data);
}

dnnl_status_t ng_dnnl_forward(dnnl_primitive_desc_t *to, dnnl_engine_t engine,
                              const ng_dnnl_norm *norm, dnnl_prop_kind_t pass)
{
    dnnl_layer_normalization_desc_t layer;
    dnnl_batch_normalization_desc_t batch;
    dnnl_status_t status = dnnl_unimplemented;
    if (norm->kind == ng_dnnl_layer)
        status = dnnl_layer_normalization_forward_desc_init(
            &layer, pass, &norm->data, &norm->stat, norm->eps, norm->flags);
    else if (norm->kind == ng_dnnl_batch)
        status = dnnl_batch_normalization_forward_desc_init(
            &batch, pass, &norm->data, norm->eps, norm->flags);
    if (status != dnnl_success)
        return status;
    const void *desc = norm->kind == ng_dnnl_layer ? (const void *)&layer
                                                   : (const void *)&batch;
    return dnnl_primitive_desc_create(to, desc, NULL, engine, NULL);
}

dnnl_status_t ng_dnnl_backward(dnnl_primitive_desc_t *to, dnnl_engine_t engine,
                               const ng_dnnl_norm *norm,
                               dnnl_primitive_desc_t hint)
{
    dnnl_layer_normalization_desc_t layer;
    dnnl_batch_normalization_desc_t batch;
    dnnl_status_t status = dnnl_unimplemented;
    if (norm->kind == ng_dnnl_layer)
        status = dnnl_layer_normalization_backward_desc_init(
            &layer, dnnl_backward, &norm->data, &norm->data, &norm->stat,
            norm->eps, norm->flags);
    else if (norm->kind == ng_dnnl_batch)
        status = dnnl_batch_normalization_backward_desc_init(
            &batch, dnnl_backward, &norm->data, &norm->data, norm->eps,
            norm->flags);
    if (status != dnnl_success)
        return status;
    const void *desc = norm->kind == ng_dnnl_layer ? (const void *)&layer
                                                   : (const void *)&batch;
    return dnnl_primitive_desc_create(to, desc, NULL, engine, hint);
}
