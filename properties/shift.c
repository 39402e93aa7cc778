/* Shift: norm(x + c) = norm(x) for a centred norm, tried where x + c is exact,
 * so that both calls have the same exact output. */
#include "plan.h"
#include "trial.h"

#include <math.h>
#include <stdio.h>

static const ng_plan_row rows[] = {
    {"integers", 7, NG_EPS, "random"},
    {"integers", 7, 1, "unit"},
};

static const ng_plan_size sizes[] = {
    {2, 8, ng_smoke},
    {2, 33, ng_gate},
    {2, 256, ng_gate},
    {1, 1000, ng_gate},
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

static void shift_x(ng_call_state *call, double c)
{
    ng_tensor *x = &call->tensor[ng_tensor_x];
    for (size_t i = 0; i < x->count; i++)
        ng_dtype_set(x->dtype, x->data, i,
                     ng_dtype_get(x->dtype, x->data, i) + c);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state base, moved;
    if (!ng_trial_prepare(trial, test, &base, finding) ||
        !ng_trial_call(trial, test, &base, finding))
        return;
    int p = ng_format_of(test->dtype)->p;
    /* |x| <= 7 and c = 2^k: exact for 4 <= k <= p - 2. */
    int exponents[] = {4, p / 2, p - 2};
    for (size_t k = 0; k < 3 && finding->verdict == NG_PASS; k++) {
        double c = ldexp(k % 2 != 0 ? -1 : 1, exponents[k]);
        char claim[96];
        if (!ng_trial_copy(trial, &base, &moved, finding))
            return;
        shift_x(&moved, c);
        if (!ng_trial_call(trial, test, &moved, finding))
            return;
        snprintf(claim, sizeof claim,
                 "norm(x %+g) is not norm(x), though the shift is exact", c);
        ng_trial_agree(trial, &base, &moved, 1, claim, finding);
    }
}

const ng_property ng_property_shift = {
    .name = "shift",
    .claim = "adding a constant to a set leaves the output of a centred norm "
             "unchanged, within the two bounds",
    .why = "activations drift; a kernel that feels the offset loses all "
           "digits long before it fails loudly",
    .source = "exact identity; bounds as for accuracy",
    .wild = "microsoft/onnxruntime#28463: [40000, 40001, 40002, 40003] gave "
            "NaN",
    .applies = applies,
    .plan = plan,
    .check = check,
};
