/* Two-valued: each element is 1 or the argument. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    return ng_source_below(source, 2) != 0 ? place->arg : 1;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 2, value);
}

const ng_generator ng_generator_two_valued = {
    .name = "two_valued",
    .claim = "1 and the given value, at random",
    .arg_low = -1e30,
    .arg_high = 1e30,
    .arg_default = 2,
    .fill = fill,
};
