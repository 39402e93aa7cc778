/* L2 norm: each row is divided by its Euclidean length, Lp normalization for
 * p = 2; eps bounds the length from below, or stands under the root
 * (eps_place=inside: sqrt(sum(x^2) + eps)). */
#include "shapes.h"

const ng_op ng_op_l2_norm = {
    .name = "l2_norm",
    .formula = "y = x / max(sqrt(sum(x^2)), eps)",
    .defaults = "centred=no divisor=one affine=none eps_place=max_norm",
    .shape = ng_shape_rows,
    .partition = shape_rows,
};
