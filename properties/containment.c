/* Containment: a NaN or Inf spoils its own set and no other, and is not
 * swallowed. The other sets are compared with a call in which the bad element
 * is an ordinary number; its own set follows the decision table. */
#include "plan.h"
#include "trial.h"

#include <math.h>

static const ng_plan_row rows[] = {
    {"nonfinite", 0, NG_EPS, "random"}, {"nonfinite", 1, NG_EPS, "random"},
    {"nonfinite", 2, NG_EPS, "random"}, {"nonfinite", 3, NG_EPS, "random"},
    {"nonfinite", 4, NG_EPS, "random"}, {"nonfinite", 6, NG_EPS, "random"},
    {"nonfinite", 7, NG_EPS, "random"}, {"nonfinite", 8, NG_EPS, "random"},
    {"nonfinite", 0, NG_EPS, "spread"}, {"normal", NAN, NG_EPS, "poisoned"},
};

static const ng_plan_size sizes[] = {
    {3, 5, ng_smoke},
    {4, 16, ng_gate},
    {3, 129, ng_gate},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state spoiled, clean;
    if (!ng_trial_run(trial, test, &spoiled, finding) ||
        !ng_trial_copy(trial, &spoiled, &clean, finding))
        return;
    ng_tensor *x = &clean.tensor[ng_tensor_x];
    for (size_t i = 0; i < x->count; i++) {
        if (!isfinite(ng_dtype_get(x->dtype, x->data, i)))
            ng_dtype_set(x->dtype, x->data, i, 1);
    }
    if (!ng_trial_call(trial, test, &clean, finding) ||
        trial->contract->batch_invariant != ng_batch_invariant_yes)
        return;
    /* All sets but the spoiled one, bit for bit. */
    bool gradient = ng_pass_find(trial->contract->pass)->gradient;
    ng_role role = gradient ? ng_tensor_dx : ng_tensor_y;
    const ng_tensor *a = &spoiled.tensor[role], *b = &clean.tensor[role];
    const ng_view *view = &clean.problem.view;
    size_t bad = ng_view_sets(view) / 2;
    for (size_t at = 0; at < test->rows * test->n; at++) {
        size_t set = at / test->n;
        size_t index = ng_view_index(view, set, at % test->n);
        if (set == bad || ng_dtype_bits(a->dtype, a->data, index) ==
                              ng_dtype_bits(b->dtype, b->data, index))
            continue;
        ng_finding_fail(finding, NG_FAIL,
                        "a non-finite value in set %zu changes the bits of "
                        "set %zu, though the contract promises "
                        "batch_invariant=yes",
                        bad, set);
        finding->ratio = INFINITY;
        return;
    }
}

const ng_property ng_property_containment = {
    .name = "containment",
    .claim = "NaN and Inf reach every output of their own set and no output of "
             "another",
    .why = "a swallowed NaN hides a broken batch; one that leaks takes the "
           "healthy samples with it",
    .source = "decision table of reference/forward.c (IEEE 754 arithmetic on "
              "the definition)",
    .wild = "sonots/cumo#430: [1, 2, inf] gave Inf, [inf, 1, 2] gave NaN; "
            "pytorch/pytorch#90342: one Inf batch reached the running "
            "statistics",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
