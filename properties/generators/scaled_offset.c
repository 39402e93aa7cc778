/* Scaled offset: |mean|/sigma = 2^floor(p/2), p the digits of the storage, at
 * the scale 2^k: half of the digits are left for the spread. */
#include "scaled.h"

static double value(const ng_place *place, ng_source *source)
{
    int p = ng_format_of(ng_contract_storage(place->contract))->p;
    return scaled_value(place, source, ldexp(1, p / 2));
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 0, value);
}

const ng_generator ng_generator_scaled_offset = {
    .name = "scaled_offset",
    .claim = "2^argument times normal values, |mean|/sigma = 2^floor(p/2)",
    .arg_low = SCALED_LOW,
    .arg_high = SCALED_HIGH,
    .arg_default = 0,
    .fill = fill,
};
