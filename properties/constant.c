/* Constant: a set of equal elements has no spread, so a centred norm returns
 * beta and dgamma is zero. Where every partial sum is exact (a short integer, n
 * a power of two) the mean is exact, x - mean is zero, and y must be beta
 * itself; so too where the mean is given and is that value. Elsewhere the bound
 * of the class applies. */
#include "judge.h"
#include "plan.h"

#include <math.h>

static const ng_plan_row rows[] = {
    {"constant", 0, NG_EPS, "random"},    {"constant", 1, NG_EPS, "random"},
    {"constant", -5, NG_EPS, "random"},   {"constant", 100, NG_EPS, "random"},
    {"constant", 7, 1e-12, "spread"},     {"constant", 0.1, NG_EPS, "random"},
    {"constant", 1234, NG_EPS, "ramp"},   {"constant", -1e5, NG_EPS, "random"},
    {"constant", 0x1p24, NG_EPS, "unit"}, {"constant", 3, 1, "large"},
};

static const ng_plan_size sizes[] = {
    {2, 1, ng_smoke},  {2, 2, ng_smoke},  {1, 3, ng_gate},   {2, 16, ng_gate},
    {1, 100, ng_gate}, {2, 256, ng_gate}, {1, 512, ng_gate}, {1, 8192, ng_deep},
};

static bool applies(const ng_contract *contract)
{
    return contract->centred == ng_centred_yes &&
           contract->residual == ng_residual_none;
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

static bool given_mean(const ng_contract *contract)
{
    return !ng_pass_find(contract->pass)->training;
}

/* Whether a right kernel's x - mean is zero: n equal integers add up below 2^p
 * in any order, a power of two divides exactly, and beta is not rounded on its
 * way through the arithmetic. */
static bool exact_mean(const ng_trial *trial, const ng_case *test)
{
    const ng_contract *contract = trial->contract;
    int p = ng_format_of(ng_contract_compute(contract))->p;
    double x = ng_dtype_round(test->dtype, test->gen_arg);
    if (ng_format_of(ng_contract_param(contract))->p > p ||
        contract->affine_eval != ng_affine_eval_centre_first || x != floor(x) ||
        fabs(x) > ldexp(1, p))
        return false;
    return given_mean(contract) || ((test->n & (test->n - 1)) == 0 &&
                                    fabs(x) * (double)test->n <= ldexp(1, p));
}

/* A constant set has no spread, so without eps its x_hat is 0/0; and so is a
 * variance of one element over n - 1. */
static bool zero_over_zero(const ng_trial *trial, const ng_case *test)
{
    const ng_contract *contract = trial->contract;
    return contract->eps_place == ng_eps_place_none ||
           ng_contract_eps(contract, test->eps) == 0 ||
           (contract->divisor == ng_divisor_n_minus_1 && test->n == 1);
}

/* The given mean becomes the value of the set. False: its format does not hold
 * it. */
static bool give_mean(ng_call_state *call, double x)
{
    const ng_tensor *mean = &call->tensor[ng_tensor_running_mean];
    for (size_t i = 0; i < mean->count; i++)
        ng_dtype_set(mean->dtype, mean->data, i, x);
    return mean->count > 0 && ng_dtype_get(mean->dtype, mean->data, 0) == x;
}

/* Outputs of a role that are not exactly what they must be, of those that the
 * contract promises; the first of them goes to the finding. */
static size_t count_wrong(const ng_standard *standard,
                          const ng_call_state *call, ng_role role,
                          const ng_tensor *wanted, double x,
                          ng_finding *finding)
{
    const ng_tensor *out = &call->tensor[role];
    const ng_view *view = &call->problem.view;
    bool element = ng_role_extent(role) == ng_per_element;
    size_t n = element ? ng_view_n(view) : 1, wrong = 0;
    size_t total = element ? ng_view_sets(view) * n : out->count;
    for (size_t at = 0; at < total; at++) {
        size_t set = at / n, i = at % n;
        size_t index = element ? ng_view_index(view, set, i) : set;
        double want = 0;
        if (wanted != NULL && wanted->data != NULL)
            want = ng_dtype_get(wanted->dtype, wanted->data,
                                ng_view_param(view, set, i));
        want = ng_dtype_round(out->dtype, want);
        double got = ng_dtype_get(out->dtype, out->data, index);
        ng_judged judged;
        ng_judge_output(&judged, standard, out, role, set, i);
        if (got == want || !judged.judged ||
            judged.point.kind != ng_kind_value || wrong++ > 0)
            continue;
        finding->worst_role = role;
        finding->worst_set = set;
        finding->worst_element = i;
        finding->x = x;
        finding->got = got;
        finding->bound = 0;
        finding->exact = finding->rounded = want;
    }
    return wrong;
}

static void judge_exactly(ng_trial *trial, const ng_call_state *call, double x,
                          ng_finding *finding)
{
    size_t wrong;
    ng_error error;
    ng_standard standard;
    const char *claim = "y of a constant set is not beta";
    if (!ng_standard_make(&standard, &trial->arena, &call->problem, &error)) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return;
    }
    if (call->tensor[ng_tensor_y].data != NULL) {
        wrong = count_wrong(&standard, call, ng_tensor_y,
                            &call->tensor[ng_tensor_beta], x, finding);
    } else if (call->tensor[ng_tensor_dgamma].data != NULL) {
        wrong =
            count_wrong(&standard, call, ng_tensor_dgamma, NULL, x, finding);
        claim = "dgamma of constant sets is not zero";
    } else {
        return;
    }
    if (wrong == 0)
        return;
    finding->wrong += wrong;
    finding->ratio = INFINITY;
    ng_finding_fail(finding, NG_FAIL,
                    "%s in %zu outputs, though x - mean is exactly zero", claim,
                    wrong);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    double x = ng_dtype_round(test->dtype, test->gen_arg);
    bool given = given_mean(trial->contract);
    if (!ng_trial_prepare(trial, test, &call, finding))
        return;
    bool held = !given || give_mean(&call, x);
    if (!ng_trial_call(trial, test, &call, finding) ||
        !ng_trial_judge(trial, &call, finding))
        return;
    if (finding->verdict == NG_FAIL)
        ng_diagnose(trial, &call, finding);
    if (finding->verdict != NG_PASS ||
        finding->elements == 0 || /* outside the declared domain */
        !held || (!given && zero_over_zero(trial, test)) ||
        !exact_mean(trial, test))
        return;
    judge_exactly(trial, &call, x, finding);
}

const ng_property ng_property_constant = {
    .name = "constant",
    .claim = "a constant set gives beta, and no dgamma: exactly where its mean "
             "is exact or given, else within the bound",
    .why = "padding, dead features and masked tokens are constant; noise "
           "there is amplified by 1/sqrt(eps)",
    .source = "exact identity: x - mean = 0; sums of short integers are exact "
              "in any order",
    .wild = "pytorch/pytorch#5410: constant channels above 1e7 came out as +-1 "
            "instead of 0",
    .applies = applies,
    .plan = plan,
    .check = check,
};
