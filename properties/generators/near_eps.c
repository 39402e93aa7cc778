/* Near eps: normal values whose variance (or norm, where eps bounds that) is the
 * argument times eps, where the place and the size of eps show most. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    double sigma = sqrt(place->arg * place->test->eps);
    if (place->contract->eps_place == ng_eps_place_max_norm)
        sigma = place->arg * place->test->eps / sqrt((double)place->n);
    return (sigma > 0 ? sigma : 1) * ng_source_normal(source);
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 1, value);
}

const ng_generator ng_generator_near_eps = {
    .name = "near_eps",
    .claim = "normal values with variance the given multiple of eps",
    .arg_low = 1e-6,
    .arg_high = 1e6,
    .arg_default = 1,
    .fill = fill,
};
