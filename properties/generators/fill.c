/* The loop that all families share. */
#include "fill.h"

#include <math.h>

void ng_fill(const ng_case *test, const ng_contract *contract,
             const ng_view *view, ng_source *source, void *x,
             double arg_default,
             double (*value)(const ng_place *place, ng_source *source))
{
    ng_dtype dtype = ng_contract_storage(contract);
    ng_place place = {
        .test = test,
        .contract = contract,
        .sets = ng_view_sets(view),
        .n = ng_view_n(view),
        .arg = isnan(test->gen_arg) ? arg_default : test->gen_arg,
    };
    for (place.set = 0; place.set < place.sets; place.set++) {
        for (place.i = 0; place.i < place.n; place.i++)
            ng_dtype_set(dtype, x, ng_view_index(view, place.set, place.i),
                         value(&place, source));
    }
}
