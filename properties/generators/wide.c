/* Wide: random signs and significands with exponents spread evenly over the
 * given number of binades round 1. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    double significand = 1 + ng_source_unit(source);
    double exponent = floor(place->arg * ng_source_unit(source));
    double sign = ng_source_below(source, 2) != 0 ? -1 : 1;
    return sign * ldexp(significand, (int)(exponent - floor(place->arg / 2)));
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 40, value);
}

const ng_generator ng_generator_wide = {
    .name = "wide",
    .claim = "random exponents over the given number of binades",
    .arg_low = 1,
    .arg_high = 1000,
    .arg_default = 40,
    .fill = fill,
};
