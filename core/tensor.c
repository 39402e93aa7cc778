/* Tensor roles, from tensors.def. */
#include <normgate/tensor.h>

#include <string.h>

static const struct {
    const char *name, *meaning;
} rows[] = {
#define NG_TENSOR(name, meaning) {#name, meaning},
#include <normgate/tensors.def>
#undef NG_TENSOR
};

const char *ng_role_name(ng_role role)
{
    return role < NG_TENSOR_COUNT ? rows[role].name : "?";
}

const char *ng_role_meaning(ng_role role)
{
    return role < NG_TENSOR_COUNT ? rows[role].meaning : "?";
}

ng_extent ng_role_extent(ng_role role)
{
    switch (role) {
    case ng_tensor_mean:
    case ng_tensor_rstd:
    case ng_tensor_var: return ng_per_set;
    case ng_tensor_gamma:
    case ng_tensor_beta:
    case ng_tensor_dgamma:
    case ng_tensor_dbeta: return ng_per_param;
    case ng_tensor_running_mean:
    case ng_tensor_running_var: return ng_per_channel;
    default: return ng_per_element;
    }
}

bool ng_role_parse(const char *name, ng_role *role)
{
    for (size_t i = 0; i < NG_TENSOR_COUNT; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            *role = (ng_role)i;
            return true;
        }
    }
    return false;
}
