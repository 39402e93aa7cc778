/* One pass over a set into superaccumulators. */
#include "moments.h"
#include "sum.h"

#include <math.h>

void moments_init(moments *set)
{
    dyadic_init(&set->sum);
    dyadic_init(&set->squares);
    dyadic_init(&set->magnitudes);
    dyadic_init(&set->g);
    dyadic_init(&set->gx);
}

void moments_clear(moments *set)
{
    dyadic_clear(&set->sum);
    dyadic_clear(&set->squares);
    dyadic_clear(&set->magnitudes);
    dyadic_clear(&set->g);
    dyadic_clear(&set->gx);
}

element element_at(const ng_problem *p, size_t set, size_t i)
{
    const ng_contract *contract = p->contract;
    size_t at = ng_view_index(&p->view, set, i);
    size_t param = ng_view_param(&p->view, set, i);
    ng_dtype storage = ng_contract_storage(contract);
    ng_dtype params = ng_contract_param(contract);
    /* An absent gamma is 1, and so is 1 + 0. */
    element e = {
        .gamma = contract->affine == ng_affine_one_plus_gamma ? 0 : 1,
    };
    e.x = ng_dtype_get(storage, p->x, at);
    if (p->residual != NULL)
        e.residual = ng_dtype_get(storage, p->residual, at);
    if (p->gamma != NULL && contract->affine != ng_affine_none)
        e.gamma = ng_dtype_get(params, p->gamma, param);
    if (p->beta != NULL && contract->affine == ng_affine_gamma_beta)
        e.beta = ng_dtype_get(params, p->beta, param);
    if (p->dy != NULL)
        e.dy = ng_dtype_get(storage, p->dy, at);
    if (p->dh != NULL)
        e.dh = ng_dtype_get(storage, p->dh, at);
    return e;
}

void moments_of(moments *to, const ng_problem *problem, size_t set)
{
    exact_sum sum, squares, magnitudes;
    sum_init(&sum);
    sum_init(&squares);
    sum_init(&magnitudes);
    to->n = ng_view_n(&problem->view);
    to->nan = to->inf = to->g_nan = to->g_inf = false;
    to->first = 0;
    ng_dtype dtype = ng_contract_storage(problem->contract);
    for (size_t i = 0; i < to->n; i++) {
        size_t at = ng_view_index(&problem->view, set, i);
        double x = ng_dtype_get(dtype, problem->x, at), r = 0;
        if (problem->residual != NULL)
            r = ng_dtype_get(dtype, problem->residual, at);
        if (i == 0)
            to->first = x + r;
        if (!isfinite(x) || !isfinite(r)) {
            to->nan |= isnan(x + r) != 0;
            to->inf |= isinf(x + r) != 0;
            continue;
        }
        sum_add(&sum, x);
        sum_add_product(&squares, x, x);
        if (r == 0) {
            sum_add(&magnitudes, fabs(x));
            continue;
        }
        sum_add(&sum, r);
        sum_add_product(&squares, r, r);
        sum_add_product(&squares, x, r);
        sum_add_product(&squares, x, r);
        double size = fabs(x + r); /* for bounds alone: to nearest */
        sum_add(&magnitudes, isfinite(size) ? size : fmax(fabs(x), fabs(r)));
    }
    sum_get(&to->sum, &sum);
    sum_get(&to->squares, &squares);
    sum_get(&to->magnitudes, &magnitudes);
}

void moments_add_gradient(moments *to, const ng_problem *problem, size_t set)
{
    exact_sum g, gx;
    bool one_plus = problem->contract->affine == ng_affine_one_plus_gamma;
    sum_init(&g);
    sum_init(&gx);
    for (size_t i = 0; i < to->n; i++) {
        element e = element_at(problem, set, i);
        if (!isfinite(e.gamma) || !isfinite(e.dy)) {
            /* Inf * 0 is NaN, or Inf where dy is summed first. */
            bool nan = isnan(e.gamma) || isnan(e.dy);
            to->g_nan |= nan;
            to->g_inf |= !nan;
            continue;
        }
        sum_add_product(&g, e.gamma, e.dy);
        if (one_plus)
            sum_add(&g, e.dy);
        if (!isfinite(e.x))
            continue;
        sum_add_triple(&gx, e.gamma, e.dy, e.x);
        if (one_plus)
            sum_add_product(&gx, e.dy, e.x);
    }
    sum_get(&to->g, &g);
    sum_get(&to->gx, &gx);
}
