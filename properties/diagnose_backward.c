/* The norm with defects, backward:
 *
 *   dx = (g - mean g - x_hat mean(g x_hat)) rstd + dh,  g = gamma*dy
 *   dgamma = sum dy x_hat,  dbeta = sum dy
 *
 * as the formulas read, with each defect at its spot. */
#include "diagnose.h"

#include <math.h>

static bool has(const ng_evaluation *e, ng_defect defect)
{
    return ng_damage_has(e->damage, defect);
}

static size_t cut(const ng_evaluation *e, ng_defect defect, size_t n)
{
    double length = ng_damage_value(e->damage, defect);
    return length < 0 ? n : n - n % (size_t)length;
}

static ng_wide dy_of(const ng_evaluation *e, size_t set, size_t i)
{
    const ng_problem *p = e->problem;
    size_t at = ng_view_index(&e->write, set, i) % e->extent;
    return ng_evaluate_read(p, p->dy, ng_tensor_dy, at, 0);
}

static ng_wide x_hat_of(const ng_evaluation *e, size_t set, size_t i)
{
    ng_wide d = e->x[set * e->n + i] - e->mean[set];
    return d * e->rstd[set];
}

/* What the terms of dx share in a set. */
typedef struct shared {
    ng_wide mean, slope, ratio; /* s/sigma where eps is outside the root */
} shared;

static shared share(ng_evaluation *e, size_t set)
{
    const ng_contract *contract = &e->damage->contract;
    shared s = {0, 0, 1};
    size_t n = e->n, count = cut(e, ng_defect_dx_tail, n);
    for (size_t i = 0; i < n; i++) {
        ng_wide gamma =
            has(e, ng_defect_gamma_missing) ? 1 : ng_evaluate_gamma(e, set, i);
        e->g[i] = gamma * dy_of(e, set, i);
        ng_wide x_hat = x_hat_of(e, set, i);
        if (has(e, ng_defect_slope_of_x))
            x_hat /= e->rstd[set];
        ng_wide gx = e->g[i] * x_hat;
        if (has(e, ng_defect_slope_no_gamma))
            gx = dy_of(e, set, i) * x_hat;
        if (has(e, ng_defect_slope_gamma_twice))
            gx *= gamma;
        if (has(e, ng_defect_slope_last) && i + 1 == n)
            gx = 0;
        s.mean += i < count ? e->g[i] : 0;
        s.slope += i < count ? gx : 0;
    }
    bool fewer = has(e, ng_defect_means_over_n_minus_1);
    ng_wide less = fewer || has(e, ng_defect_slope_over_n_minus_1) ||
                   contract->divisor == ng_divisor_n_minus_1;
    ng_wide cell = (ng_wide)n;
    if (has(e, ng_defect_means_over_cell))
        cell = (ng_wide)e->problem->view.element[1].count;
    s.mean /= cell - fewer;
    if (contract->divisor != ng_divisor_one || has(e, ng_defect_slope_over_n))
        s.slope /= cell - less;
    if (has(e, ng_defect_mean_first))
        s.mean = e->g[0];
    if (contract->centred == ng_centred_no && !has(e, ng_defect_mean_of_g))
        s.mean = 0;
    if (contract->eps_place == ng_eps_place_outside)
        s.ratio = 1 / (e->rstd[set] * sqrtl(e->var[set]));
    bool flat = !ng_pass_find(contract->pass)->training;
    if (flat && has(e, ng_defect_mean_of_g))
        s.slope = 0;
    else if (has(e, ng_defect_constants) ||
             (flat && !has(e, ng_defect_depends) &&
              !has(e, ng_defect_of_batch)))
        s.mean = s.slope = 0;
    else if (!flat && e->fixed[set] && !has(e, ng_defect_clamp_slope))
        s.slope = 0;
    if (has(e, ng_defect_no_mean))
        s.mean = 0;
    if (has(e, ng_defect_no_slope))
        s.slope = 0;
    if (has(e, ng_defect_slope_plus))
        s.slope = -s.slope;
    if (has(e, ng_defect_mean_plus))
        s.mean = -s.mean;
    return s;
}

static void write_dx(ng_evaluation *e, size_t set)
{
    const ng_problem *p = e->problem;
    shared s = share(e, set);
    for (size_t i = 0; i < e->n; i++) {
        size_t at = ng_view_index(&e->write, set, i) % e->extent;
        ng_wide rstd = e->rstd[set], x_hat = x_hat_of(e, set, i);
        if (has(e, ng_defect_slope_of_x))
            x_hat /= rstd;
        ng_wide slope = x_hat * s.slope * s.ratio;
        if (has(e, ng_defect_slope_no_rstd))
            slope /= rstd;
        ng_wide dx = (e->g[i] - s.mean - slope) * rstd;
        if (has(e, ng_defect_no_rstd))
            dx /= rstd;
        if (has(e, ng_defect_rstd_twice))
            dx *= rstd;
        if (i >= cut(e, ng_defect_uncomputed, e->n))
            dx = 0;
        ng_wide dh = ng_evaluate_read(p, p->dh, ng_tensor_dh, at, 0);
        bool none = has(e, ng_defect_no_dh);
        ng_wide to_x = none || has(e, ng_defect_no_dh_dx) ? 0 : dh;
        ng_wide to_residual = none || has(e, ng_defect_no_dh_residual) ? 0 : dh;
        e->out[ng_tensor_dx][at] = dx + to_x;
        e->out[ng_tensor_dresidual][at] = dx + to_residual;
    }
}

/* x_hat of a set by its own statistics. */
static ng_wide batch_x_hat(const ng_evaluation *e, size_t set, size_t i)
{
    const ng_wide *x = e->x + set * e->n;
    ng_wide mean = 0, var = 0, n = (ng_wide)e->n;
    for (size_t k = 0; k < e->n; k++)
        mean += x[k] / n;
    for (size_t k = 0; k < e->n; k++)
        var += (x[k] - mean) * (x[k] - mean) / n;
    return (x[i] - mean) / sqrtl(var + (ng_wide)e->damage->eps);
}

static ng_wide dgamma_term(const ng_evaluation *e, size_t set, size_t i)
{
    ng_wide dy = dy_of(e, set, i), x = e->x[set * e->n + i];
    ng_wide term = dy * x_hat_of(e, set, i);
    if (has(e, ng_defect_dgamma_of_g))
        term *= ng_evaluate_gamma(e, set, i);
    if (has(e, ng_defect_dgamma_no_rstd))
        term = dy * (x - e->mean[set]);
    if (has(e, ng_defect_dgamma_of_x))
        term = dy * x;
    if (has(e, ng_defect_dgamma_of_x_rstd))
        term = dy * x * e->rstd[set];
    if (has(e, ng_defect_dgamma_of_batch))
        term = dy * batch_x_hat(e, set, i);
    if (has(e, ng_defect_dgamma_zero))
        term = 0;
    if (has(e, ng_defect_dgamma_nan) && isnan(term))
        term = 0;
    return term;
}

/* Adds to a sum that one defect keeps in a narrow format. */
static void add(const ng_evaluation *e, ng_defect format, ng_wide *sum,
                ng_wide term)
{
    double dtype = ng_damage_value(e->damage, format);
    *sum += term;
    if (dtype >= 0)
        *sum = ng_evaluate_round(dtype, *sum);
}

static size_t dbeta_index(const ng_evaluation *e, size_t set, size_t i)
{
    double both = ng_damage_value(e->damage, ng_defect_gamma_by_group);
    return both > 0 ? ng_evaluate_param(e, set, i, false)
                    : ng_view_param(&e->write, set, i) % e->params;
}

static size_t dgamma_index(const ng_evaluation *e, size_t set, size_t i)
{
    const ng_axis *inner = &e->problem->view.element[1];
    if (has(e, ng_defect_dgamma_place))
        return (inner->param != 0 ? i : i / inner->count) % e->params;
    return dbeta_index(e, set, i);
}

/* Which terms of a sum are counted, by where they stand among those of their
 * parameter: "last" forgets those before, "first" those after. */
static void add_set(ng_evaluation *e, size_t set)
{
    ng_wide *dgamma = e->out[ng_tensor_dgamma];
    ng_wide *dbeta = e->out[ng_tensor_dbeta];
    bool last = has(e, ng_defect_both_last);
    bool skip = set >= cut(e, ng_defect_rows_tail, e->sets);
    for (size_t i = 0; i < e->n; i++) {
        size_t k = dgamma_index(e, set, i), b = dbeta_index(e, set, i);
        ng_wide dy = dy_of(e, set, i), term = dgamma_term(e, set, i);
        if (has(e, ng_defect_dbeta_of_g))
            dy *= ng_evaluate_gamma(e, set, i);
        if (last || has(e, ng_defect_dgamma_last))
            dgamma[k] = 0;
        if (last || has(e, ng_defect_dbeta_last))
            dbeta[b] = 0;
        bool in_dgamma = i < cut(e, ng_defect_dgamma_tail, e->n) && !skip &&
                         !(has(e, ng_defect_dgamma_first) && set > 0);
        bool in_dbeta = i < cut(e, ng_defect_dbeta_tail, e->n) && !skip &&
                        !(has(e, ng_defect_dbeta_first) && set > 0);
        add(e, ng_defect_dgamma_rounded, &dgamma[k], in_dgamma ? term : 0);
        add(e, ng_defect_dbeta_rounded, &dbeta[b], in_dbeta ? dy : 0);
    }
    double rows = ng_damage_value(e->damage, ng_defect_dgamma_rounded_rows);
    for (size_t k = 0; rows >= 0 && k < e->params; k++)
        dgamma[k] = ng_evaluate_round(rows, dgamma[k]);
}

void ng_evaluate_backward(ng_evaluation *e)
{
    ng_wide *dgamma = e->out[ng_tensor_dgamma];
    ng_wide *dbeta = e->out[ng_tensor_dbeta];
    for (size_t k = 0; k < e->params; k++)
        dgamma[k] = dbeta[k] = 0;
    for (size_t set = 0; set < e->sets; set++) {
        write_dx(e, set);
        add_set(e, set);
    }
    ng_wide shares = (ng_wide)(e->sets * e->n) / (ng_wide)e->params;
    for (size_t k = 0; k < e->params; k++) {
        if (has(e, ng_defect_dgamma_dbeta)) {
            ng_wide kept = dgamma[k];
            dgamma[k] = dbeta[k];
            dbeta[k] = kept;
        }
        if (has(e, ng_defect_dgamma_mean)) {
            dgamma[k] /= shares;
            dbeta[k] /= shares;
        }
        if (has(e, ng_defect_dgamma_minus))
            dgamma[k] = -dgamma[k];
    }
}
