/* Tensor roles, from tensors.def. */
#include <normgate/tensor.h>

static const struct {
    const char *name;
    bool output;
} rows[] = {
#define NG_TENSOR(name, output) {#name, output},
#include <normgate/tensors.def>
#undef NG_TENSOR
};

const char *ng_role_name(ng_role role)
{
    return role < NG_TENSOR_COUNT ? rows[role].name : "?";
}

bool ng_role_is_output(ng_role role)
{
    return role < NG_TENSOR_COUNT && rows[role].output;
}
