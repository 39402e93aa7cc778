/* Near eps: normal values whose variance is the argument times eps, exactly but
 * for the rounding to storage: where the place and the size of eps show most.
 * Of the mean square, where the norm has no mean; where eps bounds the norm,
 * the norm is the argument times eps. */
#include "fill.h"

#include <math.h>

/* The sum of squares, of d where the norm is centred, of n normal values. */
static double squares(ng_source source, size_t n, bool centred, double *mean)
{
    double sum = 0, total = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        double x = ng_source_normal(&source);
        sum += x;
        square += x * x;
    }
    *mean = centred ? sum / (double)n : 0;
    total = square - (double)n * *mean * *mean;
    return total > 0 ? total : 0;
}

static double wanted(const ng_case *test, const ng_contract *contract, double n)
{
    double arg = isnan(test->gen_arg) ? 1 : test->gen_arg;
    double eps = ng_contract_eps(contract, test->eps);
    if (!(eps > 0))
        eps = 1;
    if (contract->eps_place == ng_eps_place_max_norm)
        return arg * eps * arg * eps;
    double divisor = contract->divisor == ng_divisor_one ? 1
                     : contract->divisor == ng_divisor_n ? n
                                                         : n - 1;
    return arg * eps * divisor;
}

static void fill(const ng_case *test, const ng_contract *contract,
                 const ng_view *view, ng_source *source, void *x)
{
    ng_dtype dtype = ng_contract_storage(contract);
    size_t n = ng_view_n(view);
    for (size_t set = 0; set < ng_view_sets(view); set++) {
        double mean, want = wanted(test, contract, (double)n);
        double have =
            squares(*source, n, contract->centred == ng_centred_yes, &mean);
        double factor = sqrt(have > 0 ? want / have : want / (double)n);
        for (size_t i = 0; i < n; i++)
            ng_dtype_set(dtype, x, ng_view_index(view, set, i),
                         factor * (ng_source_normal(source) - mean));
    }
}

const ng_generator ng_generator_near_eps = {
    .name = "near_eps",
    .claim = "normal values with variance the given multiple of eps",
    .arg_low = 1e-6,
    .arg_high = 1e6,
    .arg_default = 1,
    .fill = fill,
};
