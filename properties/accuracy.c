/* Accuracy: every output lies within the bound of its class, family by family.
 * The bound follows from rounding-error analysis (BOUNDS.md), so it grows with
 * the conditioning of the input and with nothing else. */
#include "plan.h"
#include "trial.h"

#include <math.h>
#include <string.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "random"},
    {"normal", NAN, NG_EPS, "spread"},
    {"normal", NAN, 1, "random"},
    {"normal", NAN, 0, "unit"},
    {"offset", 1, NG_EPS, "random"},
    {"offset", 10, NG_EPS, "random"},
    {"offset", 100, NG_EPS, "unit"},
    {"offset", 1e3, NG_EPS, "random"},
    {"offset", 1e4, NG_EPS, "unit"},
    {"offset", 1e5, NG_EPS, "random"},
    {"offset", 1e6, NG_EPS, "unit"},
    {"offset", 1e8, NG_EPS, "random"},
    {"wide", 8, NG_EPS, "random"},
    {"wide", 24, NG_EPS, "spread"},
    {"integers", 1, NG_EPS, "unit"},
    {"integers", 7, 0x1p-4, "unit"},
    {"integers", 100, NG_EPS, "random"},
    {"constant", 0, NG_EPS, "random"},
    {"constant", 0.1, NG_EPS, "random"},
    {"constant", 1000, NG_EPS, "random"},
    {"near_constant", 1, NG_EPS, "random"},
    {"near_constant", 1000, NG_EPS, "unit"},
    {"two_valued", 3, NG_EPS, "random"},
    {"two_valued", -100, NG_EPS, "random"},
    {"outlier", 100, NG_EPS, "random"},
    {"outlier", 1e4, NG_EPS, "unit"},
    {"subnormal", NAN, NG_EPS, "random"},
    {"subnormal", NAN, NG_EPS, "scale_only"},
    {"near_overflow", 0.25, NG_EPS, "random"},
    {"near_overflow", 0.01, NG_EPS, "unit"},
    {"nonfinite", 0, NG_EPS, "random"},
    {"nonfinite", 4, NG_EPS, "random"},
    {"nonfinite", 8, NG_EPS, "random"},
};

static const ng_plan_size sizes[] = {
    {5, 1, ng_gate},
    {3, 4, ng_gate},
    {3, 16, ng_smoke},
    {3, 61, ng_gate},
    {3, 256, ng_smoke},
    {2, 1024, ng_gate},
    {1, 4099, ng_gate},
    {2, 16384, ng_deep},
    /* several examples of several channels or groups */
    {6, 16, ng_gate},
};

/* |mean|/sigma that the storage can hold: a few units of the last place must
 * be left for sigma, else the family degenerates into near_constant. */
static bool holds(const ng_trial *trial, const ng_case *test)
{
    int p = ng_format_of(test->dtype)->p;
    (void)trial;
    return strcmp(test->gen, "offset") != 0 || test->gen_arg <= ldexp(1, p - 3);
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    size_t row_count = sizeof rows / sizeof rows[0];
    if (!ng_plan_cross(trial, i, rows, row_count, sizes,
                       sizeof sizes / sizeof sizes[0], test))
        return false;
    if (!holds(trial, test))
        test->gen_arg = ldexp(1, ng_format_of(test->dtype)->p - 3);
    return true;
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    ng_trial_run(trial, test, &call, finding);
}

const ng_property ng_property_accuracy = {
    .name = "accuracy",
    .claim = "every output is within its derived error bound of the exact "
             "value, in every input family",
    .why = "an error beyond what rounding explains trains or serves a "
           "different model, and one that depends on the data is found last",
    .source = "Higham, Accuracy and Stability of Numerical Algorithms, 2nd "
              "ed., ch. 3 and 4; Chan, Golub, LeVeque 1983; BOUNDS.md",
    .wild = "pytorch/pytorch#51102: randn(5,4)+2000 gave a layer norm output "
            "variance of 30822 instead of 1 (one-pass variance)",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
