/* Near-constant: the argument, or its upper neighbour in the storage dtype;
 * the least variance that is not zero. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    ng_dtype dtype = ng_contract_storage(place->contract);
    double base = ng_dtype_round(dtype, place->arg);
    bool up = ng_source_below(source, 2) != 0;
    return up ? base + ng_dtype_ulp(dtype, base) : base;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 1, value);
}

const ng_generator ng_generator_near_constant = {
    .name = "near_constant",
    .claim = "the given value, each element 0 or 1 ulp above it",
    .arg_low = -1e30,
    .arg_high = 1e30,
    .arg_default = 1,
    .fill = fill,
};
