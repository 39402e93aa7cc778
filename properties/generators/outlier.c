/* Outlier: standard normal values with one element of each set, at a random
 * place, as large as the argument. */
#include "fill.h"

#include <math.h>

/* The place is a hash of the set, so that it needs no state of its own. */
static double value(const ng_place *place, ng_source *source)
{
    size_t spot = place->set * (size_t)2654435761u % place->n;
    double normal = ng_source_normal(source);
    return place->i == spot ? place->arg : normal;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 1000, value);
}

const ng_generator ng_generator_outlier = {
    .name = "outlier",
    .claim = "normal values with one of the given size in each set",
    .arg_low = 1,
    .arg_high = 1e30,
    .arg_default = 1000,
    .fill = fill,
};
