/* Near overflow: uniform values up to the argument times the size at which n
 * squares fill the range of the arithmetic, or the storage does. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    ng_dtype storage = ng_contract_storage(place->contract);
    ng_dtype compute = ng_contract_compute(place->contract);
    double squares = sqrt(ng_dtype_max(compute) / (double)place->n);
    double largest = ng_dtype_max(storage);
    double limit = place->arg * (squares < largest ? squares : largest);
    return limit * (2 * ng_source_unit(source) - 1);
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 0.25, value);
}

const ng_generator ng_generator_near_overflow = {
    .name = "near_overflow",
    .claim = "as large as n squares may be in the arithmetic",
    .arg_low = 0,
    .arg_high = 1,
    .arg_default = 0.25,
    .fill = fill,
};
