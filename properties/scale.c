/* Scale: norm(2^k x; 4^k eps) = norm(x; eps), and the same from the other side,
 * norm(2^k x; eps) = norm(x; 4^-k eps). Scaling by a power of two commutes with
 * every rounding, so a kernel without absolute thresholds gives the same bits;
 * it fails when the outputs differ by more than the bounds, or either leaves
 * its own. A scale that is no power of two is judged against the exact value. */
#include "identity.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>

static const ng_plan_row rows[] = {
    {"integers", 7, NG_EPS, "random"},
    {"integers", 100, 1, "unit"},
    {"near_eps", 1.5, 0x1p-10, "ramp"},
};

static const ng_plan_size sizes[] = {
    {2, 8, ng_smoke},
    {2, 33, ng_gate},
    {1, 200, ng_gate},
};

static bool applies(const ng_contract *contract)
{
    return contract->residual == ng_residual_none;
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

/* eps goes with x where it is compared with sigma or the norm, else with x^2. */
static int eps_power(const ng_contract *contract)
{
    return contract->eps_place == ng_eps_place_outside ||
                   contract->eps_place == ng_eps_place_max_norm
               ? 1
               : 2;
}

/* Takes the call's x and given statistics times 2^k. False: some value does
 * not keep all its bits, and the identity says nothing. */
static bool scale_inputs(ng_call_state *call, int k)
{
    double factor = ldexp(1, k);
    return ng_identity_multiply(call, ng_tensor_x, factor) &&
           ng_identity_multiply(call, ng_tensor_running_mean, factor) &&
           ng_identity_multiply(call, ng_tensor_running_var, ldexp(1, 2 * k)) &&
           ng_identity_multiply(call, ng_tensor_mean, factor) &&
           ng_identity_multiply(call, ng_tensor_rstd, 1 / factor);
}

/* Whether the arithmetic has the eps as a normal number, or 0: among the others
 * the scaled one is another. */
static bool is_held(const ng_contract *contract, double eps)
{
    ng_dtype compute = ng_contract_compute(contract);
    return eps == 0 ||
           (eps >= ng_dtype_min(compute) && eps <= ng_dtype_max(compute) / 2);
}

/* eps times 2^(power k), if it is that in its own format too. */
static bool scale_eps(const ng_trial *trial, const ng_case *from, int k,
                      ng_case *to, ng_call_state *call)
{
    int shift = eps_power(trial->contract) * k;
    *to = *from;
    to->eps = ldexp(from->eps, shift);
    call->problem.eps = to->eps;
    return is_held(trial->contract, from->eps) &&
           is_held(trial->contract, to->eps) &&
           ng_contract_eps(trial->contract, to->eps) ==
               ldexp(ng_contract_eps(trial->contract, from->eps), shift);
}

/* What the outputs of x are, from those of 2^k x. */
static ng_identity outputs(int k)
{
    return (ng_identity){.factor = {[ng_tensor_y] = 1,
                                    [ng_tensor_mean] = ldexp(1, -k),
                                    [ng_tensor_rstd] = ldexp(1, k),
                                    [ng_tensor_var] = ldexp(1, -2 * k),
                                    [ng_tensor_dx] = ldexp(1, k),
                                    [ng_tensor_dgamma] = 1,
                                    [ng_tensor_dbeta] = 1}};
}

/* norm(2^k x; 4^k eps) beside `base`, norm(x; eps). */
static void scale_both(ng_trial *trial, const ng_case *test,
                       const ng_call_state *base, int k, ng_finding *finding)
{
    ng_call_state scaled;
    ng_case other;
    char claim[96];
    const ng_identity identity = outputs(k);
    if (!ng_trial_copy(trial, base, &scaled, finding) ||
        !scale_inputs(&scaled, k) ||
        !scale_eps(trial, test, k, &other, &scaled) ||
        !ng_trial_call(trial, &other, &scaled, finding))
        return;
    snprintf(claim, sizeof claim, "norm(2^%d x; %d^%d eps) is not norm(x; eps)",
             k, 1 << eps_power(trial->contract), k);
    ng_identity_check(trial, base, &scaled, &identity, claim, finding);
}

/* norm(2^k x; eps) beside norm(x; 4^-k eps). */
static void scale_apart(ng_trial *trial, const ng_case *test,
                        const ng_call_state *base, int k, ng_finding *finding)
{
    ng_call_state scaled, still;
    ng_case other;
    char claim[96];
    const ng_identity identity = outputs(-k);
    if (!ng_trial_copy(trial, base, &scaled, finding) ||
        !ng_trial_copy(trial, base, &still, finding) ||
        !scale_inputs(&scaled, k) ||
        !scale_eps(trial, test, -k, &other, &still) ||
        !ng_trial_call(trial, test, &scaled, finding) ||
        !ng_trial_call(trial, &other, &still, finding))
        return;
    snprintf(claim, sizeof claim, "norm(2^%d x; eps) is not norm(x; %d^%d eps)",
             k, 1 << eps_power(trial->contract), -k);
    ng_identity_check(trial, &scaled, &still, &identity, claim, finding);
}

/* 3 x is exact for short integers; 9 eps is the eps of another case. */
static void scale_odd(ng_trial *trial, const ng_case *test,
                      const ng_call_state *base, ng_finding *finding)
{
    ng_call_state scaled;
    ng_case other = *test;
    if (!ng_trial_copy(trial, base, &scaled, finding) ||
        !ng_identity_multiply(&scaled, ng_tensor_x, 3) ||
        ng_pass_find(trial->contract->pass)->training == false)
        return;
    if (trial->contract->backward_stats == ng_backward_stats_saved &&
        ng_pass_find(trial->contract->pass)->gradient)
        return; /* the statistics would be those of another x */
    other.eps = 9 * test->eps;
    scaled.problem.eps = other.eps;
    if (ng_trial_call(trial, &other, &scaled, finding) &&
        ng_trial_judge(trial, &scaled, finding) && finding->verdict == NG_FAIL)
        ng_diagnose(trial, &scaled, finding);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    /* |x| <= 100 stays normal, its squares and 4^k eps in the arithmetic. */
    static const int half[] = {-13, 8, -5, 3, 0},
                     single[] = {-50, 48, -7, 20, 0},
                     wide[] = {-480, 470, -24, 20, 0};
    const int *powers = test->dtype == ng_f16   ? half
                        : test->dtype == ng_f64 ? wide
                                                : single;
    ng_call_state base;
    if (!ng_trial_prepare(trial, test, &base, finding) ||
        !ng_trial_call(trial, test, &base, finding))
        return;
    for (size_t k = 0; powers[k] != 0 && finding->verdict == NG_PASS; k++) {
        scale_both(trial, test, &base, powers[k], finding);
        if (k < 2 && finding->verdict == NG_PASS)
            scale_apart(trial, test, &base, powers[k], finding);
    }
    if (finding->verdict == NG_PASS)
        scale_odd(trial, test, &base, finding);
}

const ng_property ng_property_scale = {
    .name = "scale",
    .claim =
        "norm(2^k x; 4^k eps) equals norm(x; eps), norm(2^k x; eps) equals "
        "norm(x; 4^-k eps), and their gradients scale alike",
    .why = "a hidden floor, clamp or fixed-point step makes small or large "
           "activations come out wrong while unit-scale tests pass",
    .source = "exact identity: power-of-two scaling commutes with rounding "
              "(IEEE 754), short of overflow and underflow",
    .wild = "tenstorrent/tt-metal#55159: RMS norm of uniform rows above 1.8e19 "
            "returned 0 or Inf",
    .applies = applies,
    .plan = plan,
    .check = check,
};
