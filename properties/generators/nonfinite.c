/* Non-finite: normal values with one NaN, Inf or -Inf (argument modulo 3) at
 * the start, middle or end (argument over 3) of the middle set. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    static const double kinds[] = {NAN, INFINITY, -INFINITY};
    unsigned choice = (unsigned)place->arg;
    size_t spots[] = {0, place->n / 2, place->n - 1};
    double normal = ng_source_normal(source);
    bool here =
        place->set == place->sets / 2 && place->i == spots[choice / 3 % 3];
    return here ? kinds[choice % 3] : normal;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 0, value);
}

const ng_generator ng_generator_nonfinite = {
    .name = "nonfinite",
    .claim = "normal values, one NaN or Inf in the middle set",
    .arg_low = 0,
    .arg_high = 8,
    .arg_default = 0,
    .fill = fill,
};
