/* One pass over a set into three superaccumulators. */
#include "moments.h"
#include "sum.h"

#include <math.h>

void moments_init(moments *set)
{
    dyadic_init(&set->sum);
    dyadic_init(&set->squares);
    dyadic_init(&set->magnitudes);
}

void moments_clear(moments *set)
{
    dyadic_clear(&set->sum);
    dyadic_clear(&set->squares);
    dyadic_clear(&set->magnitudes);
}

void moments_of(moments *to, const ng_view *view, size_t set, ng_dtype dtype,
                const void *x)
{
    exact_sum sum, squares, magnitudes;
    sum_init(&sum);
    sum_init(&squares);
    sum_init(&magnitudes);
    to->n = ng_view_n(view);
    to->nan = to->inf = false;
    to->first = 0;
    for (size_t i = 0; i < to->n; i++) {
        double value = ng_dtype_get(dtype, x, ng_view_index(view, set, i));
        if (i == 0)
            to->first = value;
        if (!isfinite(value)) {
            to->nan |= isnan(value) != 0;
            to->inf |= isinf(value) != 0;
            continue;
        }
        sum_add(&sum, value);
        sum_add(&magnitudes, fabs(value));
        sum_add_square(&squares, value);
    }
    sum_get(&to->sum, &sum);
    sum_get(&to->squares, &squares);
    sum_get(&to->magnitudes, &magnitudes);
}
