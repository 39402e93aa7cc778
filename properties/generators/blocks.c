/* Blocks: normal values whose mean changes from block to block of the given
 * length. Statistics of blocks that are merged without the distance of their
 * means lose nearly all of the variance (Chan, Golub, LeVeque 1983). */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    size_t block = place->i / (size_t)place->arg;
    double level = (double)((block * 7 + place->set) % 13) - 6;
    return 16 * level + ng_source_normal(source);
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 16, value);
}

const ng_generator ng_generator_blocks = {
    .name = "blocks",
    .claim = "normal values, each block of the given length with its own mean",
    .arg_low = 1,
    .arg_high = 1e6,
    .arg_default = 16,
    .fill = fill,
};
