/* Normal: independent standard normal values. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    (void)place;
    return ng_source_normal(source);
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, NAN, value);
}

const ng_generator ng_generator_normal = {
    .name = "normal",
    .claim = "standard normal values",
    .arg_low = NAN,
    .arg_high = NAN,
    .arg_default = NAN,
    .fill = fill,
};
