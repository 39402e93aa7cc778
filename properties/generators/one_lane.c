/* One lane: zeros but for every 16th element, from the argument on: one lane
 * of a vector holds the whole set, and a lane that is lost loses all of it. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    double normal = ng_source_normal(source);
    return place->i % 16 == (size_t)place->arg ? 2 + normal : 0;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 15, value);
}

const ng_generator ng_generator_one_lane = {
    .name = "one_lane",
    .claim = "zeros but for every 16th element, from the given one on",
    .arg_low = 0,
    .arg_high = 15,
    .arg_default = 15,
    .fill = fill,
};
