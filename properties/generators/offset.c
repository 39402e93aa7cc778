/* Offset: standard normal values plus a constant, so that |mean|/sigma is the
 * argument: what cancellation in the variance hangs on. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    return place->arg + ng_source_normal(source);
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 10, value);
}

const ng_generator ng_generator_offset = {
    .name = "offset",
    .claim = "normal values with |mean|/sigma given",
    .arg_low = 0,
    .arg_high = 1e15,
    .arg_default = 10,
    .fill = fill,
};
