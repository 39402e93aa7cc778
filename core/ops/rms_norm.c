/* RMS norm: each row is divided by its root mean square (Zhang, Sennrich
 * 2019); no centring; gamma per element. */
#include <normgate/op.h>

static ng_view plan(const ng_case *test)
{
    return ng_view_rows(test->rows, test->n);
}

static size_t params(const ng_case *test)
{
    return test->n;
}

const ng_op ng_op_rms_norm = {
    .name = "rms_norm",
    .formula = "y = gamma * x / sqrt(mean(x^2) + eps)",
    .defaults = "centred=no affine=gamma",
    .plan = plan,
    .params = params,
};
