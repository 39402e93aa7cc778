/* Backward: calls of gradient kernels as numbers with bounds; see backward.h. */
#include "backward.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool ng_is_training(const ng_contract *contract)
{
    return ng_pass_find(contract->pass)->training;
}

bool ng_applies_gradient(const ng_contract *contract)
{
    return ng_pass_find(contract->pass)->gradient;
}

bool ng_uses_saved(const ng_contract *contract)
{
    return ng_applies_gradient(contract) && ng_is_training(contract) &&
           contract->backward_stats == ng_backward_stats_saved;
}

static bool no_memory(ng_finding *finding)
{
    ng_finding_fail(finding, NG_ERROR, "no memory for the values of a call");
    return false;
}

static bool measure(ng_trial *trial, const ng_outcome *outcome, ng_role role,
                    ng_values *to)
{
    const ng_standard *standard = &outcome->standard;
    to->sets = ng_role_sets(standard, role);
    to->n = ng_role_elements(standard, role);
    size_t count = to->sets * to->n;
    to->got = ng_arena_alloc(&trial->arena, 4 * count, sizeof *to->got);
    if (to->got == NULL)
        return false;
    to->exact = to->got + count;
    to->low = to->got + 2 * count;
    to->bound = to->got + 3 * count;
    double largest = ng_dtype_max(outcome->call.tensor[role].dtype);
    for (size_t k = 0; k < count; k++) {
        ng_judged judged;
        ng_judge_output(&judged, standard, &outcome->call.tensor[role], role,
                        k / to->n, k % to->n);
        /* An exact value beyond the format has no distance to what came. */
        bool number = judged.judged && judged.point.kind == ng_kind_value &&
                      isfinite(judged.point.rounded) &&
                      fabs(judged.point.rounded) + judged.bound <= largest;
        to->got[k] = judged.got;
        to->exact[k] = ldexp(judged.point.high, judged.point.exponent);
        to->low[k] = ldexp(judged.point.low, judged.point.exponent);
        to->bound[k] = number ? judged.bound : NAN;
    }
    return true;
}

bool ng_outcome_call(ng_trial *trial, const ng_case *test, ng_outcome *outcome,
                     ng_finding *finding)
{
    ng_error error;
    ng_call_state *call = &outcome->call;
    memset(outcome->value, 0, sizeof outcome->value);
    if (!ng_trial_call(trial, test, call, finding))
        return false;
    if (!ng_standard_make(&outcome->standard, &trial->arena, &call->problem,
                          &error)) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return false;
    }
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &call->tensor[role];
        if (tensor->data == NULL || tensor->use != ng_output ||
            !ng_exact_has(outcome->standard.exact, role))
            continue;
        if (!measure(trial, outcome, role, &outcome->value[role]))
            return no_memory(finding);
    }
    return true;
}

bool ng_outcome_copy(ng_trial *trial, const ng_outcome *from, ng_outcome *to,
                     ng_finding *finding)
{
    memset(to, 0, sizeof *to);
    return ng_trial_copy(trial, &from->call, &to->call, finding);
}

/* Where element (set, i) of a role lies in its memory. */
static size_t place(const ng_call_state *call, ng_role role, size_t set,
                    size_t i)
{
    const ng_view *view = &call->problem.view;
    switch (ng_role_extent(role)) {
    case ng_per_element: return ng_view_index(view, set, i);
    case ng_per_set: return set;
    default: return ng_view_param(view, set, i);
    }
}

double ng_input_at(const ng_call_state *call, ng_role role, size_t set,
                   size_t i, double absent)
{
    const ng_tensor *tensor = &call->tensor[role];
    return tensor->data == NULL ? absent
                                : ng_dtype_get(tensor->dtype, tensor->data,
                                               place(call, role, set, i));
}

void ng_input_set(ng_call_state *call, ng_role role, size_t set, size_t i,
                  double value)
{
    const ng_tensor *tensor = &call->tensor[role];
    if (tensor->data != NULL)
        ng_dtype_set(tensor->dtype, tensor->data, place(call, role, set, i),
                     value);
}

bool ng_input_scale(ng_call_state *call, ng_role role, double factor)
{
    const ng_tensor *tensor = &call->tensor[role];
    bool exact = true;
    for (size_t i = 0; tensor->data != NULL && i < tensor->count; i++) {
        double value = factor * ng_dtype_get(tensor->dtype, tensor->data, i);
        ng_dtype_set(tensor->dtype, tensor->data, i, value);
        exact =
            exact && (isnan(value) ||
                      ng_dtype_get(tensor->dtype, tensor->data, i) == value);
    }
    return exact;
}

void ng_input_fill(ng_call_state *call, ng_role role, double value)
{
    const ng_view *view = &call->problem.view;
    for (size_t set = 0; set < ng_view_sets(view); set++) {
        for (size_t i = 0; i < ng_view_n(view); i++)
            ng_input_set(call, role, set, i, value);
    }
}

ng_factor ng_factor_at(const ng_call_state *call, size_t set, size_t i)
{
    int affine = call->problem.contract->affine;
    ng_factor factor = {0, 1};
    if (affine == ng_affine_none)
        return factor;
    factor.one = affine == ng_affine_one_plus_gamma;
    factor.gamma = ng_input_at(call, ng_tensor_gamma, set, i, 1 - factor.one);
    return factor;
}

/* x - mean exactly (Knuth's TwoSum), times rstd in twice the precision. */
static void saved_x_hat(const ng_call_state *call, ng_x_hat *to)
{
    for (size_t set = 0; set < to->sets; set++) {
        double mean = 0, rstd = ng_input_at(call, ng_tensor_rstd, set, 0, NAN);
        if (call->problem.contract->centred == ng_centred_yes)
            mean = ng_input_at(call, ng_tensor_mean, set, 0, 0);
        to->rstd[set] = rstd;
        for (size_t i = 0; i < to->n; i++) {
            double x = ng_input_at(call, ng_tensor_x, set, i, 0);
            double d = x - mean, part = d - x;
            double lost = (x - (d - part)) + (-mean - part);
            double high = d * rstd;
            to->high[set * to->n + i] = high;
            to->low[set * to->n + i] = fma(d, rstd, -high) + lost * rstd;
        }
    }
}

bool ng_x_hat_make(ng_trial *trial, const ng_call_state *call, ng_x_hat *x_hat,
                   ng_finding *finding)
{
    const ng_view *view = &call->problem.view;
    ng_arena *arena = &trial->arena;
    x_hat->sets = ng_view_sets(view);
    x_hat->n = ng_view_n(view);
    size_t count = x_hat->sets * x_hat->n;
    x_hat->high = ng_arena_alloc(arena, 2 * count, sizeof *x_hat->high);
    x_hat->rstd = ng_arena_alloc(arena, x_hat->sets, sizeof *x_hat->rstd);
    ng_contract *contract = ng_arena_alloc(arena, 1, sizeof *contract);
    if (x_hat->high == NULL || x_hat->rstd == NULL || contract == NULL)
        return no_memory(finding);
    x_hat->low = x_hat->high + count;
    *contract = *call->problem.contract;
    if (ng_uses_saved(contract)) {
        saved_x_hat(call, x_hat);
        return true;
    }
    /* y of the bare norm, exactly */
    ng_error error;
    ng_problem problem = call->problem;
    const char *pass = ng_is_training(contract) ? "forward" : "inference";
    snprintf(contract->pass, sizeof contract->pass, "%s", pass);
    ng_contract_set(contract, "affine", "none");
    ng_contract_set(contract, "residual", "none");
    ng_contract_set(contract, "running", "none");
    problem.contract = contract;
    problem.residual = NULL;
    const ng_exact *exact = ng_exact_compute(arena, &problem, &error);
    if (exact == NULL) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return false;
    }
    for (size_t set = 0; set < x_hat->sets; set++) {
        ng_point point;
        x_hat->rstd[set] = 1 / ng_exact_conditions(exact, set)->scale;
        for (size_t i = 0; i < x_hat->n; i++) {
            size_t k = set * x_hat->n + i;
            ng_exact_at(exact, ng_tensor_y, set, i, &point);
            x_hat->high[k] = ldexp(point.high, point.exponent);
            x_hat->low[k] = ldexp(point.low, point.exponent);
        }
    }
    return true;
}

double ng_eps_share(const ng_standard *standard, size_t set)
{
    const ng_conditions *c = ng_exact_conditions(standard->exact, set);
    const ng_contract *contract = standard->problem->contract;
    double eps = ng_contract_eps(contract, standard->problem->eps);
    if (c->flat)
        return 1;
    switch (contract->eps_place) {
    case ng_eps_place_inside: return eps / c->scale / c->scale;
    case ng_eps_place_outside: return eps / c->scale;
    default: return 0; /* none; max(a, eps) = a, since it is not flat */
    }
}

bool ng_judge_identity(ng_finding *finding, ng_role role, size_t set, size_t i,
                       double got, double due, double bound, const char *format,
                       ...)
{
    ng_judged judged = {
        .role = role,
        .set = set,
        .i = i,
        .x = NAN,
        .point = {.kind = ng_kind_value, .rounded = due, .high = due},
        .got = got,
        .bound = bound,
        .judged = true};
    if (!isfinite(bound))
        return true;
    judged.error = fabs(got - due);
    judged.ratio = judged.error / bound;
    if (judged.error == 0)
        judged.ratio = 0;
    else if (isnan(judged.ratio))
        judged.ratio = INFINITY;
    ng_finding_merge(finding, &judged);
    if (judged.ratio <= 1)
        return true;
    if (finding->verdict == NG_PASS) {
        char words[sizeof finding->cause];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(words, sizeof words, format, arguments);
        va_end(arguments);
        ng_finding_fail(finding, NG_FAIL,
                        "%.250s is %.9g where %.9g is due, and rounding "
                        "explains %.2g",
                        words, got, due, bound);
    }
    return false;
}

void ng_sides_add(ng_sides *sides, double got, double due, double bound,
                  double size)
{
    double error = fabs(got - due), ratio = error == 0 ? 0 : error / bound;
    if (isnan(ratio))
        ratio = INFINITY;
    if (!isfinite(bound) || size == 0 || (sides->any && ratio <= sides->ratio))
        return;
    *sides = (ng_sides){true, ratio, error / size, bound / size};
}

/* NAN without such an angle: a vector is zero or not finite. */
static double cosine_of(const ng_values *gradient)
{
    size_t count = gradient->sets * gradient->n;
    double got = 0, exact = 0; /* largest: squares stay in range */
    for (size_t k = 0; k < count; k++) {
        if (!isfinite(gradient->got[k]) || !isfinite(gradient->exact[k]))
            return NAN;
        got = fmax(got, fabs(gradient->got[k]));
        exact = fmax(exact, fabs(gradient->exact[k]));
    }
    ng_inner product = {0}, left = {0}, right = {0};
    for (size_t k = 0; k < count; k++) {
        double a = gradient->got[k] / got, b = gradient->exact[k] / exact;
        ng_inner_add(&product, a, b, 0);
        ng_inner_add(&left, a, a, 0);
        ng_inner_add(&right, b, b, 0);
    }
    return ng_inner_value(&product) /
           sqrt(ng_inner_value(&left) * ng_inner_value(&right));
}

void ng_sides_columns(const ng_sides *sides, const ng_values *gradient,
                      ng_finding *finding)
{
    double cosine = cosine_of(gradient);
    if (sides->any) {
        ng_finding_column(finding, "residual", &sides->residual, 1);
        ng_finding_column(finding, "bound", &sides->bound, 1);
    }
    if (!isnan(cosine))
        ng_finding_column(finding, "cosine", &cosine, 1);
}
