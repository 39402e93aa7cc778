/* Instance norm: each channel of each example is reduced over its spatial
 * positions (Ulyanov, Vedaldi, Lempitsky 2016); gamma and beta per channel.
 * Running statistics, where kept, average the batch (PyTorch
 * InstanceNorm2d(track_running_stats=True)). */
#include "shapes.h"

static void complete(ng_case *test)
{
    test->rows = test->N * test->C;
    test->n = test->spatial;
}

static void choose(ng_case *test)
{
    test->C = shape_divisor(test->rows, 4);
    test->N = test->C > 0 ? test->rows / test->C : 0;
    test->spatial = test->n;
}

static ng_view partition(const ng_case *test, const ptrdiff_t stride[3])
{
    return (ng_view){
        .set = {{test->N, stride[0], 0}, {test->C, stride[1], 1}},
        .element = {{1, 0, 0}, {test->spatial, stride[2], 0}},
    };
}

const ng_op ng_op_instance_norm = {
    .name = "instance_norm",
    .formula = "y = gamma[c] * (x - mean[n,c]) / sqrt(var[n,c] + eps) + "
               "beta[c]",
    .defaults = "",
    .shape = ng_shape_channels,
    .running = true,
    .complete = complete,
    .choose = choose,
    .partition = partition,
};
