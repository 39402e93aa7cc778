/* Shift: norm(x + c) = norm(x) for a centred norm, tried where x + c is exact,
 * so that both calls have the same exact output; likewise dx, dgamma and dbeta,
 * and, with the running mean moved along, the inference passes. */
#include "identity.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>

static const ng_plan_row rows[] = {
    {"integers", 7, NG_EPS, "random"},
    {"integers", 7, 1, "unit"},
    {"two_valued", 3, NG_EPS, "ramp"},
    {"spike", 1, NG_EPS, "random"},
};

static const ng_plan_size sizes[] = {
    {2, 8, ng_smoke},
    {2, 33, ng_gate},
    {2, 129, ng_gate},
    {1, 500, ng_gate},
};

/* Saved statistics are those of x as they were rounded: mean + c is not exact. */
static bool applies(const ng_contract *contract)
{
    return contract->centred == ng_centred_yes &&
           contract->residual == ng_residual_none &&
           !(ng_pass_find(contract->pass)->gradient &&
             contract->backward_stats == ng_backward_stats_saved);
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

/* Running means small enough to be moved exactly. */
static void round_means(ng_call_state *call)
{
    const ng_tensor *mean = &call->tensor[ng_tensor_running_mean];
    for (size_t i = 0; mean->use == ng_input && i < mean->count; i++)
        ng_dtype_set(mean->dtype, mean->data, i,
                     fmod(rint(ng_dtype_get(mean->dtype, mean->data, i)), 8));
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    static const ng_identity same = {.factor = {[ng_tensor_y] = 1,
                                                [ng_tensor_rstd] = 1,
                                                [ng_tensor_var] = 1,
                                                [ng_tensor_dx] = 1,
                                                [ng_tensor_dgamma] = 1,
                                                [ng_tensor_dbeta] = 1}};
    ng_call_state base, moved;
    if (!ng_trial_prepare(trial, test, &base, finding))
        return;
    round_means(&base);
    if (!ng_trial_call(trial, test, &base, finding))
        return;
    int p = ng_format_of(test->dtype)->p;
    /* |x| <= 7 and c = 2^k: exact for 4 <= k <= p - 2. */
    int exponents[] = {4, p / 2, p - 4, p - 2};
    for (size_t k = 0; k < 4 && finding->verdict == NG_PASS; k++) {
        double c = ldexp(k % 2 != 0 ? -1 : 1, exponents[k]);
        char claim[96];
        if (!ng_trial_copy(trial, &base, &moved, finding))
            return;
        if (!ng_identity_add(&moved, ng_tensor_x, c) ||
            !ng_identity_add(&moved, ng_tensor_running_mean, c))
            continue;
        if (!ng_trial_call(trial, test, &moved, finding))
            return;
        snprintf(claim, sizeof claim,
                 "norm(x %+g) is not norm(x), though the shift is exact", c);
        ng_identity_check(trial, &base, &moved, &same, claim, finding);
    }
}

const ng_property ng_property_shift = {
    .name = "shift",
    .claim =
        "adding a constant to a set (and to a given mean) leaves y and all "
        "gradients of a centred norm unchanged, within the two bounds",
    .why = "activations drift; a kernel that feels the offset loses all "
           "digits long before it fails loudly",
    .source = "exact identity; the two bounds of accuracy, added (BOUNDS.md, "
              "Identities)",
    .wild = "microsoft/onnxruntime#28463: [40000, 40001, 40002, 40003] gave "
            "NaN",
    .applies = applies,
    .plan = plan,
    .check = check,
};
