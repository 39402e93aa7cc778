/* Near underflow: normal values whose squares are the argument times the least
 * normal number of the arithmetic, or that are as small as the storage has
 * them. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    ng_dtype storage = ng_contract_storage(place->contract);
    ng_dtype compute = ng_contract_compute(place->contract);
    double squares = sqrt(place->arg) * sqrt(ng_dtype_min(compute));
    double least = 4 * ng_dtype_min(storage);
    return (squares > least ? squares : least) * ng_source_normal(source);
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 0x1p20, value);
}

const ng_generator ng_generator_near_underflow = {
    .name = "near_underflow",
    .claim = "squares the given multiple of the least normal number",
    .arg_low = 0x1p-20,
    .arg_high = 1e30,
    .arg_default = 0x1p20,
    .fill = fill,
};
