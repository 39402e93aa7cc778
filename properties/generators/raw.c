/* Raw: the choices are the bit patterns of the storage dtype; NaN and Inf
 * become zero. What a fuzzer mutates directly. */
#include "fill.h"

#include <math.h>

static double value(const ng_place *place, ng_source *source)
{
    ng_dtype dtype = ng_contract_storage(place->contract);
    size_t size = ng_format_of(dtype)->size;
    uint64_t bits = size > 4 ? ng_source_u64(source) : ng_source_u32(source);
    uint16_t narrow = (uint16_t)bits;
    uint32_t middle = (uint32_t)bits;
    const void *pattern = size == 2   ? (const void *)&narrow
                          : size == 4 ? (const void *)&middle
                                      : (const void *)&bits;
    double decoded = ng_dtype_get(dtype, pattern, 0);
    return isfinite(decoded) ? decoded : 0;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_fill(test, contract, view, source, x, NAN, value);
}

const ng_generator ng_generator_raw = {
    .name = "raw",
    .claim = "any finite bit pattern",
    .arg_low = NAN,
    .arg_high = NAN,
    .arg_default = NAN,
    .fill = fill,
};
