/* Alternating: signs change from element to element and the magnitudes are
 * nearly the argument, so that sums cancel while their terms are large. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    double size = place->arg * (1 + ng_source_unit(source) / 16);
    return place->i % 2 != 0 ? -size : size;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 1e4, value);
}

const ng_generator ng_generator_alternating = {
    .name = "alternating",
    .claim = "nearly the given magnitude with alternating signs",
    .arg_low = 0,
    .arg_high = 1e30,
    .arg_default = 1e4,
    .fill = fill,
};
