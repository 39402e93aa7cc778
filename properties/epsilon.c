/* Epsilon: with the variance near eps, where it stands and what it is worth
 * decide the leading digits. Short sets keep the bound tight, so that outside,
 * doubled, ignored, clamped and rounded eps are all told apart. */
#include "plan.h"
#include "trial.h"

#include <math.h>

static const ng_plan_row rows[] = {
    {"near_eps", 1, 1, "random"},       {"near_eps", 0.1, 1, "unit"},
    {"near_eps", 1, 1e-3, "random"},    {"near_eps", 1, NG_EPS, "random"},
    {"near_eps", 10, NG_EPS, "unit"},   {"near_eps", 0.01, NG_EPS, "random"},
    {"near_eps", 1, 1e-6, "random"},    {"near_eps", 1, 1e-8, "random"},
    {"near_eps", 100, 1e-12, "random"}, {"integers", 1, 1, "unit"},
    {"normal", NAN, 1e-12, "random"},
};

static const ng_plan_size sizes[] = {
    {2, 2, ng_smoke}, {2, 4, ng_smoke}, {2, 16, ng_gate},
    {2, 64, ng_gate}, {6, 8, ng_gate},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    ng_trial_run(trial, test, &call, finding);
}

const ng_property ng_property_epsilon = {
    .name = "epsilon",
    .claim = "eps has the declared value at the declared place, seen where the "
             "variance is near eps",
    .why = "eps in the wrong place is invisible at unit variance and wrong by "
           "tens of percent in quiet channels",
    .source = "exact reference under the declared contract; bounds as for "
              "accuracy",
    .wild = "tracel-ai/burn#2185: sqrt(var) + eps; apple/coremltools#2821: "
            "eps scaled by max(x)^2",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
