/* Judge: distance to the exact value over the bound; NaN loses. */
#include "judge.h"

#include <math.h>

static double value_at(const ng_problem *problem, const void *array,
                       ng_role role, size_t index, double absent)
{
    return array == NULL
               ? absent
               : ng_dtype_get(ng_contract_dtype(problem->contract, role), array,
                              index);
}

/* x, or x + residual to nearest. */
static double x_at(const ng_problem *p, size_t set, size_t i)
{
    size_t at = ng_view_index(&p->view, set, i);
    return value_at(p, p->x, ng_tensor_x, at, 0) +
           value_at(p, p->residual, ng_tensor_residual, at, 0);
}

static double gamma_at(const ng_problem *p, size_t set, size_t i)
{
    const ng_contract *contract = p->contract;
    double neutral = contract->affine == ng_affine_one_plus_gamma ? 0 : 1;
    if (contract->affine == ng_affine_none)
        return neutral;
    return value_at(p, p->gamma, ng_tensor_gamma,
                    ng_view_param(&p->view, set, i), neutral);
}

static double dy_at(const ng_problem *p, size_t set, size_t i)
{
    return value_at(p, p->dy, ng_tensor_dy, ng_view_index(&p->view, set, i), 0);
}

static void bound_set(ng_set_bound *bound, const ng_problem *problem,
                      const ng_conditions *conditions, size_t set)
{
    double largest = 0, least = INFINITY;
    *bound = (ng_set_bound){.judged = false};
    if (!conditions->finite)
        return;
    for (size_t i = 0; i < (size_t)conditions->n; i++) {
        double x = fabs(x_at(problem, set, i));
        largest = isfinite(x) ? fmax(largest, x) : largest;
        least = x > 0 ? fmin(least, x) : least;
    }
    if (least < problem->contract->min_abs)
        return;
    ng_bound_set(bound, problem->contract, conditions, largest);
}

/* One sweep adds every element to the bounds of its gamma and beta. */
static void bound_sums(ng_standard *standard)
{
    const ng_problem *p = standard->problem;
    size_t n = ng_view_n(&p->view), sets = ng_view_sets(&p->view);
    size_t params = ng_view_params(&p->view);
    double cells = (double)(sets * n) / (double)params, inside = 1;
    for (int a = 0; a < 2; a++) {
        if (p->view.element[a].param == 0)
            inside *= (double)p->view.element[a].count;
    }
    for (size_t k = 0; k < params; k++)
        standard->dgamma[k] = standard->dbeta[k] = (ng_sum_bound){
            .sets = cells / inside, .cell = inside, .judged = true};
    for (size_t set = 0; set < sets; set++) {
        const ng_conditions *c = ng_exact_conditions(standard->exact, set);
        for (size_t i = 0; i < n; i++) {
            size_t k = ng_view_param(&p->view, set, i);
            double dy = dy_at(p, set, i), x = x_at(p, set, i);
            ng_bound_add_dbeta(&standard->dbeta[k], dy);
            if (c->finite && isfinite(x))
                ng_bound_add_dgamma(&standard->dgamma[k], &standard->set[set],
                                    p->contract, c, x, dy);
            else
                standard->dgamma[k].judged = false;
        }
    }
}

bool ng_standard_make(ng_standard *standard, ng_arena *arena,
                      const ng_problem *problem, ng_error *error)
{
    const ng_view *view = &problem->view;
    size_t sets = ng_view_sets(view), params = ng_view_params(view);
    *standard = (ng_standard){.problem = problem};
    standard->exact = ng_exact_compute(arena, problem, error);
    if (standard->exact == NULL)
        return false;
    standard->set = ng_arena_alloc(arena, sets, sizeof *standard->set);
    bool enough = standard->set != NULL;
    for (size_t set = 0; enough && set < sets; set++)
        bound_set(&standard->set[set], problem,
                  ng_exact_conditions(standard->exact, set), set);
    if (enough && ng_pass_find(problem->contract->pass)->gradient) {
        standard->dgamma =
            ng_arena_alloc(arena, params, sizeof *standard->dgamma);
        standard->dbeta =
            ng_arena_alloc(arena, params, sizeof *standard->dbeta);
        enough = standard->dgamma != NULL && standard->dbeta != NULL;
        if (enough)
            bound_sums(standard);
    }
    if (!enough)
        ng_fail(error, ng_status_no_memory, "no memory for the bounds");
    return enough;
}

size_t ng_role_sets(const ng_standard *standard, ng_role role)
{
    const ng_view *view = &standard->problem->view;
    ng_extent extent = ng_role_extent(role);
    return extent == ng_per_element || extent == ng_per_set
               ? ng_view_sets(view)
               : ng_view_params(view);
}

size_t ng_role_elements(const ng_standard *standard, ng_role role)
{
    return ng_role_extent(role) == ng_per_element
               ? ng_view_n(&standard->problem->view)
               : 1;
}

/* An output that the decision table covers: right or wrong, no distance. */
static bool table_holds(const ng_point *point, ng_role role, double got)
{
    switch (point->kind) {
    case ng_kind_nan: return isnan(got);
    case ng_kind_infinite: return isnan(got) || got == point->rounded;
    case ng_kind_nonfinite: return !isfinite(got);
    case ng_kind_zero_nan:
        /* rstd is 0 in this case, y is beta, dx is dh */
        return isnan(got) ||
               got == (role == ng_tensor_rstd ? 0 : point->rounded);
    default: return false;
    }
}

/* |got - exact|, with an infinite output standing where its format's range
 * ends: half a unit beyond the largest finite value (IEEE 754, 7.4). */
static double distance(const ng_point *point, double got, ng_dtype dtype)
{
    if (!isinf(got))
        return ng_point_error(point, got);
    double largest = ng_dtype_max(dtype);
    double limit = largest + ng_dtype_ulp(dtype, largest) / 2;
    double exact = ldexp(point->high, point->exponent);
    if (isinf(limit)) /* f64: compare the largest finite value instead */
        limit = largest;
    if (signbit(got) != signbit(exact))
        return INFINITY;
    return fmax(0, limit - fabs(exact));
}

void ng_running_share_of(ng_running_share *share, const ng_standard *standard,
                         ng_role role, size_t channel)
{
    const ng_problem *p = standard->problem;
    bool var = role == ng_tensor_running_var;
    double count = 0;
    *share = (ng_running_share){.judged = true};
    size_t first, step;
    ng_view_sets_of(&p->view, channel, &first, &step);
    for (size_t set = first; set < ng_view_sets(&p->view); set += step) {
        const ng_conditions *c = ng_exact_conditions(standard->exact, set);
        const ng_set_bound *bound = &standard->set[set];
        if (ng_view_param(&p->view, set, 0) != channel)
            continue;
        share->judged = share->judged && bound->judged;
        double unbias = c->n > 1 ? c->n / (c->n - 1) : 1;
        count++;
        share->value +=
            var ? c->deviation * c->deviation * unbias : fabs(c->mean);
        share->error += var ? bound->var * unbias : bound->mean;
    }
    share->value /= fmax(count, 1);
    share->error /= fmax(count, 1);
    share->h = count > 1 ? ng_accumulation_bound(p->contract, count) : 0;
}

/* Bound of a running statistic: one step from the value it had. */
static double bound_running(const ng_standard *standard, ng_role role,
                            size_t channel, const ng_point *point, bool *judged)
{
    const ng_problem *p = standard->problem;
    const ng_contract *contract = p->contract;
    bool var = role == ng_tensor_running_var;
    double old =
        value_at(p, var ? p->running_var : p->running_mean, role, channel, 0);
    ng_running_share share;
    ng_running_share_of(&share, standard, role, channel);
    *judged = share.judged;
    double m = contract->momentum == ng_momentum_cumulative
                   ? 1 / ((double)p->batches + 1)
               : contract->momentum == ng_momentum_old ? 1 - p->momentum
                                                       : p->momentum;
    return ng_bound_running(contract, m, old, share.value, share.error, share.h,
                            point);
}

static double bound_of(ng_judged *judged, const ng_standard *standard,
                       ng_role role, size_t set, size_t i)
{
    const ng_problem *p = standard->problem;
    const ng_contract *contract = p->contract;
    const ng_point *point = &judged->point;
    size_t at = 0;
    if (ng_role_extent(role) == ng_per_param) {
        const ng_sum_bound *sum = role == ng_tensor_dgamma
                                      ? &standard->dgamma[set]
                                      : &standard->dbeta[set];
        /* Partial sums may be as large as the terms together. */
        double largest = ng_dtype_max(ng_contract_compute(contract));
        judged->judged = sum->judged && sum->magnitude < largest / 4;
        return ng_bound_sum(sum, contract, point);
    }
    if (ng_role_extent(role) == ng_per_channel)
        return bound_running(standard, role, set, point, &judged->judged);
    const ng_set_bound *bound = &standard->set[set];
    const ng_conditions *c = ng_exact_conditions(standard->exact, set);
    judged->judged = bound->judged;
    if (role == ng_tensor_h) {
        judged->judged = true;
        return ng_bound_h(contract, point);
    }
    if (!bound->judged)
        return 0;
    switch (role) {
    case ng_tensor_mean: return ng_bound_mean(bound, contract, c);
    case ng_tensor_rstd: return ng_bound_rstd(bound, contract, c);
    case ng_tensor_var: return ng_bound_var(bound, contract, point);
    case ng_tensor_y:
        return ng_bound_y(bound, contract, c, point, judged->x,
                          gamma_at(p, set, i),
                          contract->affine != ng_affine_gamma_beta
                              ? 0
                              : value_at(p, p->beta, ng_tensor_beta,
                                         ng_view_param(&p->view, set, i), 0));
    default: break;
    }
    judged->judged = bound->dx_judged;
    at = ng_view_index(&p->view, set, i);
    double factor = fabs(gamma_at(p, set, i));
    if (contract->affine == ng_affine_one_plus_gamma)
        factor += 1; /* dy + gamma*dy rounds both */
    return ng_bound_dx(bound, contract, c, point, judged->x,
                       factor * dy_at(p, set, i),
                       value_at(p, p->dh, ng_tensor_dh, at, 0));
}

void ng_judge_output(ng_judged *judged, const ng_standard *standard,
                     const ng_tensor *tensor, ng_role role, size_t set,
                     size_t i)
{
    const ng_problem *p = standard->problem;
    bool element = ng_role_extent(role) == ng_per_element;
    size_t index = element ? ng_view_index(&p->view, set, i) : set;
    *judged = (ng_judged){.role = role, .set = set, .i = i, .x = NAN};
    ng_exact_at(standard->exact, role, set, i, &judged->point);
    judged->got = ng_dtype_get(tensor->dtype, tensor->data, index);
    if (element)
        judged->x = x_at(p, set, i);
    if (judged->point.kind != ng_kind_value) {
        judged->judged = judged->point.kind != ng_kind_undefined;
        if (judged->judged && !table_holds(&judged->point, role, judged->got))
            judged->ratio = INFINITY;
        return;
    }
    judged->bound = bound_of(judged, standard, role, set, i);
    judged->judged = judged->judged && isfinite(judged->bound);
    if (!judged->judged)
        return;
    judged->error = distance(&judged->point, judged->got, tensor->dtype);
    if (isnan(judged->error))
        judged->error = INFINITY;
    double unit = ng_dtype_ulp(
        tensor->dtype, ldexp(judged->point.high, judged->point.exponent));
    judged->error_ulp = judged->error / unit;
    judged->ratio = judged->error / judged->bound;
}
