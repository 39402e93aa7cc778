/* Group norm: the channels of an example fall into num_groups groups of equal
 * size, each reduced over its channels and the spatial positions (Wu, He
 * 2018); gamma and beta per channel. One group is layer norm over C and
 * spatial, C groups are instance norm. */
#include "shapes.h"

static void complete(ng_case *test)
{
    size_t width = test->num_groups > 0 ? test->C / test->num_groups : 0;
    test->rows = test->N * test->num_groups;
    test->n = width * test->spatial;
}

static void choose(ng_case *test)
{
    size_t width = shape_divisor(test->n, 8);
    test->num_groups = test->rows > 0 ? shape_divisor(test->rows, 4) : 1;
    test->N = test->rows / test->num_groups;
    test->spatial = width > 0 ? test->n / width : 1;
    if (width == 1 && test->n < 64) { /* of prime length: channels alone */
        width = test->n;
        test->spatial = 1;
    }
    test->C = test->num_groups * width;
}

static ng_view partition(const ng_case *test, const ptrdiff_t stride[3])
{
    size_t width = test->num_groups > 0 ? test->C / test->num_groups : 0;
    ptrdiff_t step = (ptrdiff_t)width;
    return (ng_view){
        .set = {{test->N, stride[0], 0},
                {test->num_groups, step * stride[1], step}},
        .element = {{width, stride[1], 1}, {test->spatial, stride[2], 0}},
    };
}

const ng_op ng_op_group_norm = {
    .name = "group_norm",
    .formula = "y = gamma[c] * (x - mean[n,g]) / sqrt(var[n,g] + eps) + "
               "beta[c]",
    .defaults = "",
    .shape = ng_shape_channels,
    .groups = true,
    .complete = complete,
    .choose = choose,
    .partition = partition,
};
