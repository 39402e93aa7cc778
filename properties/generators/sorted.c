/* Sorted: values that rise from zero to the argument along the set, or fall to
 * it where it is negative. The first element is far from the mean, and a
 * running mean never comes to rest. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    double step = (double)place->i + ng_source_unit(source);
    return place->arg * step / (double)place->n;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 100, value);
}

const ng_generator ng_generator_sorted = {
    .name = "sorted",
    .claim = "rising from 0 to the given value, or falling to it",
    .arg_low = -1e30,
    .arg_high = 1e30,
    .arg_default = 100,
    .fill = fill,
};
