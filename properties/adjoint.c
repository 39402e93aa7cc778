/* Adjoint: the Jacobian of the bare norm is symmetric in every pass, so that of
 * y = w x_hat + beta is diag(w) P with P = P', and dx = P (w dy):
 *   <dx(dy1), w dy2> = <dx(dy2), w dy1>   for all dy1, dy2. */
#include "backward.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "random"},
    {"offset", 10, NG_EPS, "spread"},
    {"near_eps", 1, 1e-3, "random"},
};

static const ng_plan_size sizes[] = {
    {2, 8, ng_smoke},
    {2, 61, ng_gate},
    {1, 600, ng_gate},
    {2, 4099, ng_deep},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    if (!ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                       sizeof sizes / sizeof sizes[0], test))
        return false;
    snprintf(test->dy, sizeof test->dy, i % 3 == 2 ? "wide" : "normal");
    return true;
}

/* <dx(of), w dy(with)> over a set. */
static ng_inner product(const ng_outcome *of, const ng_outcome *with,
                        size_t set)
{
    const ng_values *dx = &of->value[ng_tensor_dx];
    ng_inner sum = {0};
    for (size_t i = 0; i < dx->n; i++) {
        size_t k = set * dx->n + i;
        ng_factor factor = ng_factor_at(&with->call, set, i);
        double dy = ng_input_at(&with->call, ng_tensor_dy, set, i, 0);
        double g = factor.gamma * dy, lost = fma(factor.gamma, dy, -g);
        ng_inner_add(&sum, g, dx->got[k], dx->bound[k]);
        ng_inner_add(&sum, lost, dx->got[k], dx->bound[k]);
        if (factor.one != 0)
            ng_inner_add(&sum, dy, dx->got[k], dx->bound[k]);
    }
    return sum;
}

/* The other gradient: normal, from a stream of its own. */
static void draw_dy(const ng_case *test, ng_call_state *call)
{
    const ng_view *view = &call->problem.view;
    ng_source source;
    ng_source_from_seed(&source, test->seed + 104729);
    for (size_t set = 0; set < ng_view_sets(view); set++) {
        for (size_t i = 0; i < ng_view_n(view); i++)
            ng_input_set(call, ng_tensor_dy, set, i, ng_source_normal(&source));
    }
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_outcome drawn = {0}, one, two;
    if (!ng_trial_prepare(trial, test, &drawn.call, finding) ||
        !ng_outcome_copy(trial, &drawn, &one, finding))
        return;
    ng_input_fill(&one.call, ng_tensor_dh, 0); /* dx = P (w dy) + dh */
    if (!ng_outcome_copy(trial, &one, &two, finding))
        return;
    draw_dy(test, &two.call);
    if (!ng_outcome_call(trial, test, &one, finding) ||
        !ng_outcome_call(trial, test, &two, finding))
        return;
    ng_sides sides = {0};
    for (size_t set = 0; set < one.value[ng_tensor_dx].sets; set++) {
        ng_inner left = product(&one, &two, set);
        ng_inner right = product(&two, &one, set);
        double bound = ng_inner_bound(&left) + ng_inner_bound(&right);
        ng_judge_identity(
            finding, ng_tensor_dx, set, 0, ng_inner_value(&left),
            ng_inner_value(&right), bound,
            "the Jacobian is not symmetric: <dx(dy1), gamma*dy2> over "
            "set %zu",
            set);
        ng_sides_add(&sides, ng_inner_value(&left), ng_inner_value(&right),
                     bound, fmax(left.size, right.size));
    }
    ng_sides_columns(&sides, &one.value[ng_tensor_dx], finding);
}

const ng_property ng_property_adjoint = {
    .name = "adjoint",
    .claim = "the Jacobian of the norm is symmetric: <dx(dy1), gamma*dy2> = "
             "<dx(dy2), gamma*dy1>",
    .why = "a backward pass that is not the adjoint of any norm descends "
           "along no gradient, and gamma = 1 in a test hides it",
    .source = "exact: dy/dx = diag(gamma) rstd (I - 11'/n - x_hat x_hat'/n), "
              "whose bracket is symmetric; sums of the outputs' bounds",
    .wild =
        "pytorch/pytorch#156513: batch norm's backward of mixed dtypes, all "
        "three gradients wrong",
    .applies = ng_applies_gradient,
    .plan = plan,
    .check = check,
};
