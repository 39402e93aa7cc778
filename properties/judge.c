/* Judge: distance to the exact value over the bound; NaN loses. */
#include "judge.h"

#include <math.h>

void ng_judge_set(ng_set_bound *bound, const ng_problem *problem,
                  const ng_exact *exact, size_t set)
{
    const ng_conditions *conditions = ng_exact_conditions(exact, set);
    ng_dtype dtype = ng_contract_storage(problem->contract);
    double largest = 0;
    bound->judged = false;
    if (!conditions->finite)
        return;
    for (size_t i = 0; i < (size_t)conditions->n; i++) {
        size_t index = ng_view_index(&problem->view, set, i);
        largest = fmax(largest, fabs(ng_dtype_get(dtype, problem->x, index)));
    }
    ng_bound_set(bound, problem->contract, conditions, largest);
}

/* An output that the decision table covers: right or wrong, no distance. */
static bool table_holds(const ng_point *point, ng_role role, double got)
{
    switch (point->kind) {
    case ng_kind_nan: return isnan(got);
    case ng_kind_infinite: return isnan(got) || got == point->rounded;
    case ng_kind_nonfinite: return !isfinite(got);
    case ng_kind_zero_nan:
        /* rstd is 0 in this case, y is beta */
        return isnan(got) || got == (role == ng_tensor_y ? point->rounded : 0);
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

static double parameter(const ng_problem *problem, const void *array,
                        size_t set, size_t i, double absent)
{
    size_t index = ng_view_param(&problem->view, set, i);
    return array == NULL ? absent
                         : ng_dtype_get(ng_contract_param(problem->contract),
                                        array, index);
}

void ng_judge_output(ng_judged *judged, const ng_problem *problem,
                     const ng_exact *exact, const ng_set_bound *bound,
                     const ng_tensor *tensor, ng_role role, size_t set,
                     size_t i)
{
    const ng_contract *contract = problem->contract;
    const ng_conditions *conditions = ng_exact_conditions(exact, set);
    size_t index =
        role == ng_tensor_y ? ng_view_index(&problem->view, set, i) : set;
    judged->role = role;
    judged->set = set;
    judged->i = i;
    ng_exact_at(exact, role, set, i, &judged->point);
    judged->got = ng_dtype_get(tensor->dtype, tensor->data, index);
    judged->x = NAN;
    judged->error = judged->error_ulp = judged->bound = judged->ratio = 0;
    if (role == ng_tensor_y)
        judged->x =
            ng_dtype_get(ng_contract_storage(contract), problem->x, index);
    if (judged->point.kind != ng_kind_value) {
        judged->judged = judged->point.kind != ng_kind_undefined;
        if (judged->judged && !table_holds(&judged->point, role, judged->got))
            judged->ratio = INFINITY;
        return;
    }
    judged->judged = bound->judged;
    if (!bound->judged)
        return;
    double neutral = contract->affine == ng_affine_one_plus_gamma ? 0 : 1;
    if (role == ng_tensor_mean)
        judged->bound = ng_bound_mean(bound, contract, conditions);
    else if (role == ng_tensor_rstd)
        judged->bound = ng_bound_rstd(bound, contract, conditions);
    else
        judged->bound =
            ng_bound_y(bound, contract, conditions, &judged->point, judged->x,
                       parameter(problem, problem->gamma, set, i, neutral),
                       parameter(problem, problem->beta, set, i, 0));
    judged->error = distance(&judged->point, judged->got, tensor->dtype);
    if (isnan(judged->error))
        judged->error = INFINITY;
    double unit = ng_dtype_ulp(
        tensor->dtype, ldexp(judged->point.high, judged->point.exponent));
    judged->error_ulp = judged->error / unit;
    judged->ratio = judged->error / judged->bound;
}
