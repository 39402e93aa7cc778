/* Layer norm: each row is reduced over its n elements (Ba, Kiros, Hinton 2016,
 * over the last axes, as in Transformers); gamma and beta per element. */
#include <normgate/op.h>

static ng_view plan(const ng_case *test)
{
    return ng_view_rows(test->rows, test->n);
}

static size_t params(const ng_case *test)
{
    return test->n;
}

const ng_op ng_op_layer_norm = {
    .name = "layer_norm",
    .formula = "y = gamma * (x - mean) / sqrt(var + eps) + beta",
    .defaults = "",
    .plan = plan,
    .params = params,
};
