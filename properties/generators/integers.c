/* Integers of absolute value up to the argument: sums and squares are exact in
 * any order, and outputs often lie half-way between two values. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    uint64_t span = 2 * (uint64_t)place->arg + 1;
    uint64_t draw = ng_source_below(source, span);
    double half = (double)((draw + 1) / 2); /* 0, -1, 1, -2, 2, ... */
    return draw % 2 != 0 ? -half : half;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, 7, value);
}

const ng_generator ng_generator_integers = {
    .name = "integers",
    .claim = "integers up to the given size: exact sums, many ties",
    .arg_low = 1,
    .arg_high = 0x1p53,
    .arg_default = 7,
    .fill = fill,
};
