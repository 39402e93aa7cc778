/* api.h for oneDNN 3: descriptors are handles that the library owns. */
#include "api.h"

dnnl_status_t ng_dnnl_describe(dnnl_memory_desc_t *tensor, int axes,
                               const dnnl_dims_t dims, dnnl_data_type_t dtype,
                               const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(tensor, axes, dims, dtype,
                                                strides);
}

void ng_dnnl_forget(dnnl_memory_desc_t *tensor)
{
    if (*tensor != NULL)
        dnnl_memory_desc_destroy(*tensor);
    *tensor = NULL;
}

dnnl_status_t ng_dnnl_memory(dnnl_memory_t *memory,
                             const dnnl_memory_desc_t *tensor,
                             dnnl_engine_t engine, void *data)
{
    return dnnl_memory_create(memory, *tensor, engine, data);
}

dnnl_status_t ng_dnnl_forward(dnnl_primitive_desc_t *to, dnnl_engine_t engine,
                              const ng_dnnl_norm *norm, dnnl_prop_kind_t pass)
{
    switch (norm->kind) {
    case ng_dnnl_layer:
        return dnnl_layer_normalization_forward_primitive_desc_create(
            to, engine, pass, norm->data, norm->data, norm->stat, norm->eps,
            norm->flags, NULL);
    case ng_dnnl_batch:
        return dnnl_batch_normalization_forward_primitive_desc_create(
            to, engine, pass, norm->data, norm->data, norm->eps, norm->flags,
            NULL);
#if NG_DNNL_GROUP_NORM
    case ng_dnnl_group:
        return dnnl_group_normalization_forward_primitive_desc_create(
            to, engine, pass, norm->data, norm->data, norm->groups, norm->eps,
            norm->flags, NULL);
#endif
    default: return dnnl_unimplemented;
    }
}

dnnl_status_t ng_dnnl_backward(dnnl_primitive_desc_t *to, dnnl_engine_t engine,
                               const ng_dnnl_norm *norm,
                               dnnl_primitive_desc_t hint)
{
    switch (norm->kind) {
    case ng_dnnl_layer:
        return dnnl_layer_normalization_backward_primitive_desc_create(
            to, engine, dnnl_backward, norm->data, norm->data, norm->data,
            norm->stat, norm->eps, norm->flags, hint, NULL);
    case ng_dnnl_batch:
        return dnnl_batch_normalization_backward_primitive_desc_create(
            to, engine, dnnl_backward, norm->data, norm->data, norm->data,
            norm->eps, norm->flags, hint, NULL);
#if NG_DNNL_GROUP_NORM
    case ng_dnnl_group:
        return dnnl_group_normalization_backward_primitive_desc_create(
            to, engine, dnnl_backward, norm->data, norm->data, norm->data,
            norm->groups, norm->eps, norm->flags, hint, NULL);
#endif
    default: return dnnl_unimplemented;
    }
}
