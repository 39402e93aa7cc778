/* Epsilon: with the variance near eps, where it stands and what it is worth
 * decide the leading digits. Short sets keep the bound tight, so that outside,
 * doubled, ignored, clamped and rounded eps are all told apart. */
#include "plan.h"
#include "trial.h"

#include <math.h>

/* var/eps from 1e-6 to 1e6, with eps such that the values are ordinary numbers
 * of every dtype; then eps as users set it. */
static const ng_plan_row rows[] = {
    {"near_eps", 0.75, 1, "random"},
    {"near_eps", 0.1, 1, "unit"},
    {"near_eps", 1.5, 1e-3, "random"},
    {"near_eps", 0.75, NG_EPS, "random"},
    {"near_eps", 1e-6, 1, "random"},
    {"near_eps", 1e-5, 1, "unit"},
    {"near_eps", 1e-4, 1, "ramp"},
    {"near_eps", 1e-3, 0.1, "random"},
    {"near_eps", 0.01, NG_EPS, "random"},
    {"near_eps", 0.3, 1e-4, "random"},
    {"near_eps", 3, 1e-4, "unit"},
    {"near_eps", 10, NG_EPS, "unit"},
    {"near_eps", 100, 1e-3, "random"},
    {"near_eps", 1e3, NG_EPS, "unit"},
    {"near_eps", 1e4, NG_EPS, "random"},
    {"near_eps", 1e5, NG_EPS, "ramp"},
    {"near_eps", 1e6, NG_EPS, "random"},
    {"near_eps", 1, 1e-3, "unit"}, /* where max(var, eps) has its kink */
    {"near_eps", 1.5, 1e-6, "random"},
    {"near_eps", 1.5, 1e-8, "random"},
    {"near_eps", 0.5, 0x1.8p-11, "unit"}, /* exact in every format */
    {"near_eps", 100, 1e-12, "random"},
    {"near_eps", 1.5, 16, "random"},
    {"integers", 1, 1, "unit"},
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
