/* Scale: norm(2^k x; 4^k eps) = norm(x; eps). Scaling by a power of two
 * commutes with every rounding, so a kernel without absolute thresholds gives
 * the same bits; it fails when the outputs differ by more than the bounds. */
#include "plan.h"
#include "trial.h"

#include <math.h>
#include <stdio.h>

static const ng_plan_row rows[] = {
    {"integers", 7, NG_EPS, "random"},
    {"integers", 100, 1, "unit"},
};

static const ng_plan_size sizes[] = {
    {2, 8, ng_smoke},
    {2, 33, ng_gate},
    {1, 1000, ng_gate},
};

static bool applies(const ng_contract *contract)
{
    return ng_applies_forward(contract) &&
           (contract->eps_place == ng_eps_place_inside ||
            contract->eps_place == ng_eps_place_max_var ||
            contract->eps_place == ng_eps_place_none);
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state base, scaled;
    if (!ng_trial_prepare(trial, test, &base, finding) ||
        !ng_trial_call(trial, test, &base, finding))
        return;
    bool half = test->dtype == ng_f16; /* 2^-14 to 2^15 are normal */
    int exponents[] = {half ? -5 : -24, half ? 5 : 20};
    for (size_t k = 0; k < 2 && finding->verdict == NG_PASS; k++) {
        ng_case other = *test;
        char claim[96];
        other.eps = ldexp(test->eps, 2 * exponents[k]);
        /* The identity needs eps to scale exactly in its own format too. */
        if (ng_contract_eps(trial->contract, other.eps) !=
            ldexp(ng_contract_eps(trial->contract, test->eps),
                  2 * exponents[k]))
            continue;
        if (!ng_trial_copy(trial, &base, &scaled, finding))
            return;
        ng_tensor *x = &scaled.tensor[ng_tensor_x];
        for (size_t i = 0; i < x->count; i++)
            ng_dtype_set(
                x->dtype, x->data, i,
                ldexp(ng_dtype_get(x->dtype, x->data, i), exponents[k]));
        scaled.problem.eps = other.eps;
        if (!ng_trial_call(trial, &other, &scaled, finding))
            return;
        snprintf(claim, sizeof claim,
                 "norm(2^%d x; 4^%d eps) is not norm(x; eps)", exponents[k],
                 exponents[k]);
        ng_trial_agree(trial, &base, &scaled, 1, claim, finding);
    }
}

const ng_property ng_property_scale = {
    .name = "scale",
    .claim = "norm(2^k x; 4^k eps) equals norm(x; eps)",
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
