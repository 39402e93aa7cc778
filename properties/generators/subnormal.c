/* Subnormal: small integer multiples of the least positive value of the
 * storage dtype. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    ng_dtype dtype = ng_contract_storage(place->contract);
    double least = ng_dtype_ulp(dtype, 0);
    return least * (double)(int64_t)ng_source_below(source, 200) - 100 * least;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, NAN, value);
}

const ng_generator ng_generator_subnormal = {
    .name = "subnormal",
    .claim = "multiples of the least subnormal of the storage",
    .arg_low = NAN,
    .arg_high = NAN,
    .arg_default = NAN,
    .fill = fill,
};
