/* Tensor: one array of a call, named by its role. */
#ifndef NORMGATE_TENSOR_H
#define NORMGATE_TENSOR_H

#include <normgate/dtype.h>

typedef enum ng_role {
#define NG_TENSOR(name, output) ng_tensor_##name,
#include <normgate/tensors.def>
#undef NG_TENSOR
    NG_TENSOR_COUNT
} ng_role;

typedef struct ng_tensor {
    void *data; /* NULL: the tensor is not passed */
    size_t count;
    ng_dtype dtype;
} ng_tensor;

const char *ng_role_name(ng_role role);
bool ng_role_is_output(ng_role role);

#endif
