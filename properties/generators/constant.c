/* Constant: every element of every set is the argument; the variance is
 * exactly zero. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    (void)source;
    return place->arg;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 1, value);
}

const ng_generator ng_generator_constant = {
    .name = "constant",
    .claim = "every element the given value",
    .arg_low = -1e30,
    .arg_high = 1e30,
    .arg_default = 1,
    .fill = fill,
};
