/* RMS norm: each row is divided by its root mean square (Zhang, Sennrich
 * 2019); no centring; gamma per element. */
#include "shapes.h"

const ng_op ng_op_rms_norm = {
    .name = "rms_norm",
    .formula = "y = gamma * x / sqrt(mean(x^2) + eps)",
    .defaults = "centred=no affine=gamma",
    .shape = ng_shape_rows,
    .partition = shape_rows,
};
