/* Op: the table of normalizations. */
#include <normgate/op.h>

#include <string.h>

#define NG_OP(name) extern const ng_op ng_op_##name;
#include "ops.def"
#undef NG_OP

const ng_op *const ng_ops[] = {
#define NG_OP(name) &ng_op_##name,
#include "ops.def"
#undef NG_OP
    NULL,
};

const ng_op *ng_op_find(const char *name)
{
    for (size_t i = 0; ng_ops[i] != NULL; i++) {
        if (strcmp(ng_ops[i]->name, name) == 0)
            return ng_ops[i];
    }
    return NULL;
}
