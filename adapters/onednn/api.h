/* What differs between the C interfaces of oneDNN 2 and 3: memory descriptors
 * are values there and handles here, and operation descriptors are gone. */
#ifndef NORMGATE_ONEDNN_API_H
#define NORMGATE_ONEDNN_API_H

#include <oneapi/dnnl/dnnl.h>

/* Since oneDNN 3.3. */
#define NG_DNNL_GROUP_NORM                                                     \
    (DNNL_VERSION_MAJOR > 3 ||                                                 \
     (DNNL_VERSION_MAJOR == 3 && DNNL_VERSION_MINOR >= 3))

typedef enum ng_dnnl_kind {
    ng_dnnl_layer,
    ng_dnnl_batch,
    ng_dnnl_group,
} ng_dnnl_kind;

/* One normalization, as its descriptor needs it. */
typedef struct ng_dnnl_norm {
    ng_dnnl_kind kind;
    dnnl_dim_t groups;
    float eps;
    unsigned flags;                       /* dnnl_use_scale, ... */
    dnnl_memory_desc_t data, stat, param; /* x, mean, gamma and their like */
} ng_dnnl_norm;

dnnl_status_t ng_dnnl_describe(dnnl_memory_desc_t *tensor, int axes,
                               const dnnl_dims_t dims, dnnl_data_type_t dtype,
                               const dnnl_dims_t strides);
void ng_dnnl_forget(dnnl_memory_desc_t *tensor);
dnnl_status_t ng_dnnl_memory(dnnl_memory_t *memory,
                             const dnnl_memory_desc_t *tensor,
                             dnnl_engine_t engine, void *data);

dnnl_status_t ng_dnnl_forward(dnnl_primitive_desc_t *to, dnnl_engine_t engine,
                              const ng_dnnl_norm *norm, dnnl_prop_kind_t pass);
/* `hint` describes the forward pass whose gradient this is. */
dnnl_status_t ng_dnnl_backward(dnnl_primitive_desc_t *to, dnnl_engine_t engine,
                               const ng_dnnl_norm *norm,
                               dnnl_primitive_desc_t hint);

#endif
