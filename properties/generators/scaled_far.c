/* Scaled far: |mean|/sigma = 2^(p-3), p the digits of the storage, at the scale
 * 2^k: three digits are left for the spread. */
#include "scaled.h"

static double value(const ng_place *place, ng_source *source)
{
    int p = ng_format_of(ng_contract_storage(place->contract))->p;
    return scaled_value(place, source, ldexp(1, p - 3));
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 0, value);
}

const ng_generator ng_generator_scaled_far = {
    .name = "scaled_far",
    .claim = "2^argument times normal values, |mean|/sigma = 2^(p-3)",
    .arg_low = SCALED_LOW,
    .arg_high = SCALED_HIGH,
    .arg_default = 0,
    .fill = fill,
};
