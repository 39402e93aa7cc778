/* Constant: a set of equal elements has no spread, so a centred norm returns
 * beta. Where every partial sum is exact (a short integer, n a power of two)
 * the mean is exact and the output must be beta itself; elsewhere the bound of
 * the class applies. */
#include "plan.h"
#include "trial.h"

#include <math.h>

static const ng_plan_row rows[] = {
    {"constant", 0, NG_EPS, "random"},  {"constant", 1, NG_EPS, "random"},
    {"constant", -5, NG_EPS, "random"}, {"constant", 100, NG_EPS, "random"},
    {"constant", 7, 1e-12, "spread"},   {"constant", 0.1, NG_EPS, "random"},
};

static const ng_plan_size sizes[] = {
    {2, 1, ng_smoke},  {2, 2, ng_smoke},  {1, 3, ng_gate},    {2, 16, ng_gate},
    {1, 100, ng_gate}, {2, 256, ng_gate}, {1, 1024, ng_gate},
};

static bool applies(const ng_contract *contract)
{
    return contract->centred == ng_centred_yes && ng_applies_forward(contract);
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

/* Sums of n <= 1024 equal integers up to 100 have at most 17 bits; beta must
 * not be rounded on its way through the arithmetic. */
static bool exact_sums(const ng_trial *trial, const ng_case *test)
{
    const ng_contract *contract = trial->contract;
    int p = ng_format_of(ng_contract_compute(contract))->p;
    return test->gen_arg == floor(test->gen_arg) &&
           (test->n & (test->n - 1)) == 0 && p >= 24 &&
           ng_format_of(ng_contract_param(contract))->p <= p &&
           contract->affine_eval == ng_affine_eval_centre_first;
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

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    if (!ng_trial_run(trial, test, &call, finding) ||
        finding->elements == 0 || /* outside the declared domain */
        zero_over_zero(trial, test) || !exact_sums(trial, test))
        return;
    const ng_tensor *y = &call.tensor[ng_tensor_y];
    const ng_tensor *beta = &call.tensor[ng_tensor_beta];
    const ng_view *view = &call.problem.view;
    size_t wrong = 0, total = test->rows * test->n;
    for (size_t at = 0; at < total; at++) {
        size_t set = at / test->n, i = at % test->n;
        double want = 0;
        if (beta->data != NULL)
            want = ng_dtype_get(beta->dtype, beta->data,
                                ng_view_param(view, set, i));
        want = ng_dtype_round(y->dtype, want);
        double got =
            ng_dtype_get(y->dtype, y->data, ng_view_index(view, set, i));
        if (got == want || wrong++ > 0)
            continue;
        finding->worst_role = ng_tensor_y;
        finding->worst_set = set;
        finding->worst_element = i;
        finding->x = test->gen_arg;
        finding->got = got;
        finding->bound = 0;
        finding->exact = finding->rounded = want;
    }
    if (wrong == 0)
        return;
    finding->wrong += wrong;
    finding->ratio = INFINITY;
    ng_finding_fail(finding, NG_FAIL,
                    "%zu of %zu outputs of a constant set are not beta, though "
                    "its sums are exact",
                    wrong, total);
}

const ng_property ng_property_constant = {
    .name = "constant",
    .claim = "a constant set gives beta: exactly where its sums are exact, "
             "else within the bound",
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
