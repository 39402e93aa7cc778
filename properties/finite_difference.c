/* Finite difference: the subject's backward is the derivative of its own
 * forward. Along a line through x, and through gamma and beta,
 *
 *   L(x+) - L(x-)  against  <dx, x+ - x->,   L = sum dy y + sum dh h.
 *
 * The two differ by the third derivative of the exact norm, which needs no
 * theory here: the exact y at both ends and the exact dx are known, and so is
 * their exact difference. What is left are the bounds of the outputs. */
#include "backward.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ng_plan_row rows[] = {
    {"near_eps", 1, 1e-3, "random"},
    {"normal", NAN, NG_EPS, "random"},
    {"offset", 4, 1, "random"},
};

static const ng_plan_size sizes[] = {
    {2, 8, ng_smoke},
    {3, 5, ng_gate},
    {2, 64, ng_gate},
    {2, 600, ng_deep},
};

static const char *forward_of(const ng_contract *contract)
{
    return ng_is_training(contract) ? "forward" : "inference";
}

/* Without a forward kernel beside it there is nothing to differentiate. */
static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    if (trial->subject != NULL &&
        ng_trial_partner(trial, forward_of(trial->contract)) == SIZE_MAX)
        return false;
    if (!ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                       sizeof sizes / sizeof sizes[0], test))
        return false;
    snprintf(test->dy, sizeof test->dy, "normal");
    return true;
}

/* What moves along the line. */
typedef enum direction {
    along_any,    /* x, each element by its own step */
    along_radius, /* x, away from the mean: where eps decides */
    along_ones,   /* x, all alike: nothing changes where the norm centres */
    along_gamma,
    along_beta,
    DIRECTION_COUNT
} direction;

static const struct {
    ng_role input, output;
    const char *words;
} lines[DIRECTION_COUNT] = {
    {ng_tensor_x, ng_tensor_dx, "x"},
    {ng_tensor_x, ng_tensor_dx, "x, away from the mean"},
    {ng_tensor_x, ng_tensor_dx, "x, all elements alike"},
    {ng_tensor_gamma, ng_tensor_dgamma, "gamma"},
    {ng_tensor_beta, ng_tensor_dbeta, "beta"},
};

/* A call of the forward kernel on the inputs of the backward one. */
static bool forward_call(ng_trial *trial, const ng_case *test, size_t partner,
                         const ng_outcome *back, ng_outcome *forward,
                         ng_finding *finding)
{
    ng_outcome made = {0};
    if (!ng_trial_prepare_partner(trial, partner, test, &made.call, finding) ||
        !ng_outcome_copy(trial, &made, forward, finding))
        return false;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *from = &back->call.tensor[role];
        ng_tensor *to = &forward->call.tensor[role];
        if (from->use != ng_input || from->data == NULL || to->data == NULL ||
            to->use != ng_input)
            continue;
        memcpy(to->data, from->data, to->count * ng_format_of(to->dtype)->size);
    }
    /* The backward pass is given the sum h. */
    ng_input_fill(&forward->call, ng_tensor_residual, 0);
    return true;
}

/* In units of sigma: the cube root of the unit roundoff balances the rounding of
 * y over the step with the curvature, its square (Nocedal, Wright, Numerical
 * Optimization, 8.1). */
static double step_of(const ng_contract *contract)
{
    return ldexp(1, -(ng_format_of(ng_contract_storage(contract))->p / 3));
}

/* Moves the input of the line by sign*step. */
static void move(const ng_case *test, const ng_outcome *back, direction line,
                 double sign, ng_call_state *call)
{
    const ng_view *view = &call->problem.view;
    double step = sign * step_of(call->problem.contract);
    for (size_t set = 0; set < ng_view_sets(view); set++) {
        const ng_conditions *c = ng_exact_conditions(back->standard.exact, set);
        double sigma = c->deviation > 0 ? c->deviation : 1;
        for (size_t i = 0; i < ng_view_n(view); i++) {
            ng_role role = lines[line].input;
            double value = ng_input_at(&back->call, role, set, i, 0);
            /* A parameter has one direction, whichever element asks. */
            size_t at = role == ng_tensor_x ? ng_view_index(view, set, i)
                                            : ng_view_param(view, set, i);
            ng_source source;
            ng_source_from_seed(&source,
                                test->seed * 31 + 1000003 * (at + 1) + line);
            double along = line == along_ones     ? sigma
                           : line == along_radius ? value - c->mean
                           : line == along_any
                               ? sigma * ng_source_normal(&source)
                               : 1 + ng_source_unit(&source);
            ng_input_set(call, role, set, i, value + step * along);
        }
    }
}

/* Adds sign*sum weight*out to the change of L, and to its exact value. */
static void add_loss(const ng_outcome *end, ng_role output,
                     const ng_outcome *back, ng_role weight, double sign,
                     ng_inner *sum, ng_inner *exact)
{
    const ng_values *out = &end->value[output];
    for (size_t k = 0; k < out->sets * out->n; k++) {
        double w =
            sign * ng_input_at(&back->call, weight, k / out->n, k % out->n, 0);
        ng_inner_add(sum, w, out->got[k], out->bound[k]);
        ng_inner_add(exact, w, out->exact[k], 0);
        ng_inner_add(exact, w, out->low[k], 0);
    }
}

/* Element k of the line's input, in the order of its gradient. */
static double input_of(const ng_outcome *end, direction line, size_t n,
                       size_t k)
{
    ng_role role = lines[line].input;
    const ng_tensor *tensor = &end->call.tensor[role];
    return role == ng_tensor_x ? ng_input_at(&end->call, role, k / n, k % n, 0)
                               : ng_dtype_get(tensor->dtype, tensor->data, k);
}

/* <gradient, end+ - end->, with the difference exact (Knuth's TwoSum); its
 * exact value is taken from *exact. */
static ng_inner slope(const ng_outcome *back, const ng_outcome end[2],
                      direction line, ng_inner *exact)
{
    const ng_values *out = &back->value[lines[line].output];
    ng_inner sum = {0};
    for (size_t k = 0; k < out->sets * out->n; k++) {
        double plus = input_of(&end[0], line, out->n, k);
        double minus = input_of(&end[1], line, out->n, k);
        double d = plus - minus, part = d - plus;
        double lost = (plus - (d - part)) + (-minus - part);
        ng_inner_add(&sum, d, out->got[k], out->bound[k]);
        ng_inner_add(&sum, lost, out->got[k], out->bound[k]);
        ng_inner_add(exact, -d, out->exact[k], 0);
        ng_inner_add(exact, -lost, out->exact[k], 0);
        ng_inner_add(exact, -d, out->low[k], 0);
    }
    return sum;
}

static bool try_line(ng_trial *trial, const ng_case *test, const ng_case *ahead,
                     size_t partner, const ng_outcome *back, direction line,
                     ng_sides *sides, ng_finding *finding)
{
    ng_outcome end[2];
    ng_inner loss = {0}, exact = {0};
    for (size_t e = 0; e < 2; e++) {
        double sign = e == 0 ? 1 : -1;
        if (!forward_call(trial, ahead, partner, back, &end[e], finding))
            return false;
        move(test, back, line, sign, &end[e].call);
        if (!ng_outcome_call(trial, ahead, &end[e], finding))
            return false;
        add_loss(&end[e], ng_tensor_y, back, ng_tensor_dy, sign, &loss, &exact);
        add_loss(&end[e], ng_tensor_h, back, ng_tensor_dh, sign, &loss, &exact);
    }
    ng_inner change = slope(back, end, line, &exact);
    /* L(x+) - L(x-) = <dx, x+ - x-> + what curvature adds, exactly */
    double due = ng_inner_value(&change) + ng_inner_value(&exact);
    double bound = ng_inner_bound(&loss) + ng_inner_bound(&change) +
                   ng_inner_bound(&exact) + 0x1p-99 * exact.size +
                   2 * 0x1p-53 * fabs(due);
    ng_sides_add(sides, ng_inner_value(&loss), due, bound, change.size);
    return ng_judge_identity(
        finding, lines[line].output, 0, 0, ng_inner_value(&loss), due, bound,
        "the backward pass is not the derivative of the forward "
        "pass beside it: along %s, the change of sum dy*y",
        lines[line].words);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    const char *pass = forward_of(trial->contract);
    size_t partner = ng_trial_partner(trial, pass);
    ng_outcome back = {0};
    if (partner == SIZE_MAX ||
        !ng_trial_prepare(trial, test, &back.call, finding) ||
        !ng_outcome_call(trial, test, &back, finding))
        return;
    ng_case ahead = *test;
    snprintf(ahead.pass, sizeof ahead.pass, "%s", pass);
    ng_sides sides = {0};
    bool holds = true;
    for (direction line = along_any; holds && line < DIRECTION_COUNT; line++) {
        bool has = back.value[lines[line].output].n > 0 &&
                   back.call.tensor[lines[line].input].data != NULL;
        /* beta is no input of the backward pass */
        if (line == along_beta)
            has = back.value[ng_tensor_dbeta].n > 0;
        holds = !has || try_line(trial, test, &ahead, partner, &back, line,
                                 &sides, finding);
    }
    double step = step_of(trial->contract);
    if (sides.any)
        ng_finding_column(finding, "step", &step, 1);
    ng_sides_columns(&sides, &back.value[ng_tensor_dx], finding);
}

const ng_property ng_property_finite_difference = {
    .name = "finite_difference",
    .claim = "central differences of the subject's own forward pass, along "
             "lines through x, gamma and beta, agree with its backward pass "
             "up to the bounds of both and the exact curvature",
    .why = "a forward and a backward pass that differ in eps, divisor or "
           "rounding each look right alone, and training drifts",
    .source =
        "exact: L(x+) - L(x-) - <dx, x+ - x-> of the exact norm; Nocedal, "
        "Wright, Numerical Optimization, 8.1, for the step",
    .wild =
        "keras-team/keras#23075: the clamp of an L2 norm stood after rsqrt, "
        "values fine, gradient 0*Inf = NaN",
    .process = true,
    .applies = ng_applies_gradient,
    .plan = plan,
    .check = check,
};
