/* Mean, standard deviation, quantiles and bins of a tensor's elements. */
#include "distribution.h"
#include "inner.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The numbers of sorted values of at most 1 in magnitude. */
static void take_moments(ng_distribution *d, const double *values, size_t count)
{
    ng_inner sum = {0}, squares = {0};
    for (size_t i = 0; i < count; i++)
        ng_inner_add(&sum, values[i], 1, 0);
    d->mean = ng_inner_value(&sum) / (double)count;
    for (size_t i = 0; i < count; i++) {
        double left = values[i] - d->mean;
        ng_inner_add(&squares, left, left, 0);
    }
    d->std = sqrt(ng_inner_value(&squares) / (double)count);
    d->median = (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void take_bins(ng_distribution *d, const double *values, size_t count)
{
    double width = values[count - 1] - values[0];
    for (size_t i = 0; i < count; i++) {
        size_t bin = 0;
        if (width > 0)
            bin = (size_t)((values[i] - values[0]) / width *
                           NG_DISTRIBUTION_BINS);
        if (bin >= NG_DISTRIBUTION_BINS)
            bin = NG_DISTRIBUTION_BINS - 1;
        d->bins[bin]++;
    }
}

bool ng_distribution_of(ng_distribution *distribution, double *values,
                        size_t count)
{
    ng_distribution *d = distribution;
    *d = (ng_distribution){0};
    if (count < NG_DISTRIBUTION_BINS)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return false;
    }
    qsort(values, count, sizeof *values, ascending);
    d->min = values[0];
    d->max = values[count - 1];
    /* By a power of two, so that squares, sums and differences stay in range;
     * what that rounds is 2^-1000 of the largest. */
    double largest = fmax(fabs(d->min), fabs(d->max));
    int exponent = largest > 0 ? ilogb(largest) + 1 : 0;
    for (size_t i = 0; i < count; i++)
        values[i] = ldexp(values[i], -exponent);
    take_moments(d, values, count);
    take_bins(d, values, count);
    d->mean = ldexp(d->mean, exponent);
    d->std = ldexp(d->std, exponent);
    d->median = ldexp(d->median, exponent);
    return true;
}

static bool of_tensor(ng_distribution *d, ng_trial *trial,
                      const ng_call_state *call, ng_role role)
{
    const ng_tensor *tensor = &call->tensor[role];
    const ng_view *view = &call->problem.view;
    size_t sets = ng_view_sets(view), n = ng_view_n(view);
    double *values = ng_arena_alloc(&trial->arena, sets * n, sizeof *values);
    if (values == NULL || tensor->data == NULL)
        return false;
    for (size_t k = 0; k < sets * n; k++)
        values[k] = ng_dtype_get(tensor->dtype, tensor->data,
                                 ng_view_index(view, k / n, k % n));
    return ng_distribution_of(d, values, sets * n);
}

static void columns(const ng_distribution *d, const char *name,
                    const char *bins, ng_finding *finding)
{
    const double numbers[] = {d->mean, d->std, d->min, d->median, d->max};
    ng_finding_column(finding, name, numbers,
                      sizeof numbers / sizeof numbers[0]);
    ng_finding_column(finding, bins, d->bins, NG_DISTRIBUTION_BINS);
}

void ng_distribution_columns(ng_trial *trial, const ng_call_state *call,
                             ng_finding *finding)
{
    bool gradient = ng_pass_find(trial->contract->pass)->gradient;
    ng_distribution before, after;
    if (!of_tensor(&before, trial, call,
                   gradient ? ng_tensor_dy : ng_tensor_x) ||
        !of_tensor(&after, trial, call, gradient ? ng_tensor_dx : ng_tensor_y))
        return;
    columns(&before, "before", "before_bins", finding);
    columns(&after, "after", "after_bins", finding);
}
