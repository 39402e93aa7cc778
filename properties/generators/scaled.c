/* Scaled: normal values times 2^k, k the argument: where squares overflow or
 * underflow, and where the storage does. */
#include "scaled.h"

static double value(const ng_place *place, ng_source *source)
{
    return scaled_value(place, source, 0);
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 0, value);
}

const ng_generator ng_generator_scaled = {
    .name = "scaled",
    .claim = "normal values times 2^argument",
    .arg_low = SCALED_LOW,
    .arg_high = SCALED_HIGH,
    .arg_default = 0,
    .fill = fill,
};
