/* Batch norm: each channel is reduced over the batch and the spatial positions
 * (Ioffe, Szegedy 2015); gamma and beta per channel. In inference running
 * statistics take the place of those of the batch. */
#include "shapes.h"

static void complete(ng_case *test)
{
    test->rows = test->C;
    test->n = test->N * test->spatial;
}

static void choose(ng_case *test)
{
    test->C = test->rows;
    test->N = shape_divisor(test->n, 8);
    test->spatial = test->N > 0 ? test->n / test->N : 1;
    if (test->N == 1) { /* of prime length: [N][C] without spatial axes */
        test->N = test->n;
        test->spatial = 1;
    }
}

static ng_view partition(const ng_case *test, const ptrdiff_t stride[3])
{
    return (ng_view){
        .set = {{1, 0, 0}, {test->C, stride[1], 1}},
        .element = {{test->N, stride[0], 0}, {test->spatial, stride[2], 0}},
    };
}

const ng_op ng_op_batch_norm = {
    .name = "batch_norm",
    .formula = "y = gamma[c] * (x - mean[c]) / sqrt(var[c] + eps) + beta[c]",
    .defaults = "running=update",
    .shape = ng_shape_channels,
    .running = true,
    .complete = complete,
    .choose = choose,
    .partition = partition,
};
