/* Baselines: what is worse than before. */
#include <normgate/baseline.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double HALF_ULP = 0.5;

int ng_baseline_order(const ng_baseline_entry *a, const ng_baseline_entry *b)
{
    const char *const left[] = {a->kernel, a->op, a->pass, a->dtype,
                                a->property};
    const char *const right[] = {b->kernel, b->op, b->pass, b->dtype,
                                 b->property};
    int order = 0;
    for (size_t i = 0; order == 0 && i < sizeof left / sizeof left[0]; i++)
        order = strcmp(left[i], right[i]);
    return order;
}

double ng_baseline_kept(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", value);
    return strtod(text, NULL);
}

/* What is below the floor is as good as the floor; inf after inf and what is
 * not known are no growth. */
static double times(double before, double now, double floor)
{
    double grown = fmax(now, floor) / fmax(before, floor);
    return isnan(before) || isnan(now) || isnan(grown) ? 1 : grown;
}

static void consider(ng_growths *both, const char *what, const char *unit,
                     double before, double now, double floor)
{
    ng_growth growth = {what, unit, before, now, times(before, now, floor)};
    if (growth.times > both->most.times)
        both->most = growth;
    if (growth.times < both->least.times)
        both->least = growth;
}

ng_growths ng_baseline_growth(const ng_measured *before, const ng_measured *now)
{
    ng_growths both = {.most.times = -1, .least.times = INFINITY};
    consider(&both, "largest error", " ulp", before->error_ulp, now->error_ulp,
             HALF_ULP);
    consider(&both, "error that 99 % stay below", " ulp", before->p99_ulp,
             now->p99_ulp, HALF_ULP);
    /* Half an ulp in units of the bound, where both can be told apart. */
    if (before->error_ulp > 0 && now->error_ulp > HALF_ULP)
        consider(&both, "largest error/bound", "", before->ratio, now->ratio,
                 before->ratio * (HALF_ULP / before->error_ulp));
    return both;
}
