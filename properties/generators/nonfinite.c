/* Non-finite: normal values and one NaN, Inf or -Inf (argument modulo 3) at
 * the start, middle or end (argument over 3, modulo 3) of the middle, first or
 * last set (argument over 9); from 27 on, Inf at the start and -Inf at the end
 * of it. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    static const double kinds[] = {NAN, INFINITY, -INFINITY};
    unsigned choice = (unsigned)place->arg, pair = choice - 27;
    size_t spots[] = {0, place->n / 2, place->n - 1};
    size_t sets[] = {place->sets / 2, 0, place->sets - 1};
    double normal = ng_source_normal(source);
    if (place->set != sets[choice < 27 ? choice / 9 : pair])
        return normal;
    if (choice >= 27)
        return place->i == 0              ? INFINITY
               : place->i == place->n - 1 ? -INFINITY
                                          : normal;
    return place->i == spots[choice / 3 % 3] ? kinds[choice % 3] : normal;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 0, value);
}

const ng_generator ng_generator_nonfinite = {
    .name = "nonfinite",
    .claim = "normal values, NaN or Inf at one place, or both at two",
    .arg_low = 0,
    .arg_high = 29,
    .arg_default = 0,
    .fill = fill,
};
