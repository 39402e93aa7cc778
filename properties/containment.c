/* Containment: a NaN or Inf spoils its own set and no other, and is not
 * swallowed. The other sets are compared with a call in which the bad element
 * is an ordinary number; its own set follows the decision table. */
#include "plan.h"
#include "trial.h"

#include <math.h>
#include <string.h>

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
        !ng_trial_copy(trial, test, &spoiled, &clean, finding))
        return;
    ng_tensor *x = &clean.tensor[ng_tensor_x];
    for (size_t i = 0; i < x->count; i++) {
        if (!isfinite(ng_dtype_get(x->dtype, x->data, i)))
            ng_dtype_set(x->dtype, x->data, i, 1);
    }
    if (!ng_trial_call(trial, test, &clean, false, finding) ||
        trial->contract->batch_invariant != ng_batch_invariant_yes)
        return;
    /* All rows but the spoiled one, bit for bit. */
    size_t bad = test->rows / 2;
    size_t row = test->n * ng_format_of(x->dtype)->size;
    const unsigned char *a = spoiled.tensor[ng_tensor_y].data;
    const unsigned char *b = clean.tensor[ng_tensor_y].data;
    for (size_t r = 0; r < test->rows; r++) {
        if (r != bad && memcmp(a + r * row, b + r * row, row) != 0) {
            ng_finding_fail(finding, NG_FAIL,
                            "a non-finite value in row %zu changes the bits of "
                            "row %zu, though the contract promises "
                            "batch_invariant=yes",
                            bad, r);
            finding->ratio = INFINITY;
            return;
        }
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
