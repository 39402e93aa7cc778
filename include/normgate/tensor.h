/* Tensor: one array of a call, named by its role. */
#ifndef NORMGATE_TENSOR_H
#define NORMGATE_TENSOR_H

#include <normgate/dtype.h>

typedef enum ng_role {
#define NG_TENSOR(name, meaning) ng_tensor_##name,
#include <normgate/tensors.def>
#undef NG_TENSOR
    NG_TENSOR_COUNT
} ng_role;

/* Which way a tensor goes in a call. */
typedef enum ng_use {
    ng_unused,
    ng_input,  /* read only */
    ng_output, /* every element is written */
    ng_update, /* read and written: running statistics in training */
} ng_use;

typedef struct ng_tensor {
    void *data;   /* NULL: the tensor is not passed */
    size_t count; /* elements of its memory, gaps between strides included */
    ng_dtype dtype;
    ng_use use;
} ng_tensor;

/* What kind of index a role has. */
typedef enum ng_extent {
    ng_per_element, /* as x: index by the view */
    ng_per_set,     /* mean, rstd, var: one per reduction set */
    ng_per_param,   /* gamma, beta and their gradients */
    ng_per_channel, /* running statistics */
} ng_extent;

const char *ng_role_name(ng_role role);
const char *ng_role_meaning(ng_role role);
ng_extent ng_role_extent(ng_role role);
bool ng_role_parse(const char *name, ng_role *role);

#endif
