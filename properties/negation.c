/* Negation: norm(-x) = -norm(x) when beta is zero. Rounding to nearest is
 * symmetric, so a kernel without sign handling gives the same bits. */
#include "plan.h"
#include "trial.h"

#include <math.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "scale_only"},
    {"offset", 10, NG_EPS, "scale_only"},
    {"wide", 16, NG_EPS, "unit"},
};

static const ng_plan_size sizes[] = {
    {2, 7, ng_smoke},
    {2, 64, ng_gate},
    {1, 1021, ng_gate},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state base, negated;
    if (!ng_trial_prepare(trial, test, &base, finding) ||
        !ng_trial_call(trial, test, &base, finding) ||
        !ng_trial_copy(trial, &base, &negated, finding))
        return;
    ng_tensor *x = &negated.tensor[ng_tensor_x];
    for (size_t i = 0; i < x->count; i++)
        ng_dtype_set(x->dtype, x->data, i, -ng_dtype_get(x->dtype, x->data, i));
    if (ng_trial_call(trial, test, &negated, finding))
        ng_trial_agree(trial, &base, &negated, -1, "norm(-x) is not -norm(x)",
                       finding);
}

const ng_property ng_property_negation = {
    .name = "negation",
    .claim = "norm(-x) equals -norm(x) when beta is zero",
    .why = "a magnitude taken where a sign was meant hides behind positive "
           "test data",
    .source = "exact identity; round to nearest is symmetric (IEEE 754)",
    .wild = "field kernels tested on uniform(0, 1) only; see KernelBench's "
            "torch.rand inputs",
    .applies = ng_applies_forward,
    .plan = plan,
    .check = check,
};
