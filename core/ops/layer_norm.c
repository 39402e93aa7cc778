/* Layer norm: each row is reduced over its n elements (Ba, Kiros, Hinton 2016,
 * over the last axes, as in Transformers); gamma and beta per element. Any
 * normalized_shape is such a row: n is the product of its sizes. */
#include "shapes.h"

const ng_op ng_op_layer_norm = {
    .name = "layer_norm",
    .formula = "y = gamma * (x - mean) / sqrt(var + eps) + beta",
    .defaults = "",
    .shape = ng_shape_rows,
    .partition = shape_rows,
};
