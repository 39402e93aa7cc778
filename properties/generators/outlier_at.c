/* Outlier at a place: standard normal values and one of 1000 in each set, the
 * argument being how far along the set it stands: what a tail that is left out
 * of the sums, or computed apart from them, gets wrong most. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    double normal = ng_source_normal(source);
    size_t spot = (size_t)(place->arg * (double)(place->n - 1) + 0.5);
    return place->i == spot ? 1000 : normal;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 1, value);
}

const ng_generator ng_generator_outlier_at = {
    .name = "outlier_at",
    .claim = "normal values, one of 1000 at the given fraction of each set",
    .arg_low = 0,
    .arg_high = 1,
    .arg_default = 1,
    .fill = fill,
};
