/* Spike: zeros, and a single 1 in each set, the argument being how far along
 * the set it stands. All of the sums hang on one element. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    size_t spot = (size_t)(place->arg * (double)(place->n - 1) + 0.5);
    (void)source;
    return place->i == spot ? 1 : 0;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 1, value);
}

const ng_generator ng_generator_spike = {
    .name = "spike",
    .claim = "zeros, and a 1 at the given fraction of each set",
    .arg_low = 0,
    .arg_high = 1,
    .arg_default = 1,
    .fill = fill,
};
