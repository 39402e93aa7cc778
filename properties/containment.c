/* Containment: a NaN or Inf spoils its own set and no other, and is not
 * swallowed, wherever it stands: in x, dy, gamma, beta or the running
 * statistics. The other sets are compared with a call in which the bad elements
 * are ordinary numbers; their own set follows the decision table. */
#include "again.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>

/* First, middle and last element of the middle, first and last set. */
static const ng_plan_row rows[] = {
    {"nonfinite", 0, NG_EPS, "random"},  {"nonfinite", 1, NG_EPS, "random"},
    {"nonfinite", 2, NG_EPS, "random"},  {"nonfinite", 3, NG_EPS, "random"},
    {"nonfinite", 4, NG_EPS, "random"},  {"nonfinite", 6, NG_EPS, "random"},
    {"nonfinite", 7, NG_EPS, "random"},  {"nonfinite", 8, NG_EPS, "random"},
    {"nonfinite", 9, NG_EPS, "random"},  {"nonfinite", 13, NG_EPS, "unit"},
    {"nonfinite", 15, NG_EPS, "ramp"},   {"nonfinite", 18, NG_EPS, "random"},
    {"nonfinite", 22, NG_EPS, "random"}, {"nonfinite", 24, NG_EPS, "unit"},
    {"nonfinite", 26, NG_EPS, "random"}, {"nonfinite", 27, NG_EPS, "random"},
    {"nonfinite", 28, 0, "random"},      {"nonfinite", 29, 1, "ramp"},
    {"nonfinite", 0, NG_EPS, "spread"},  {"normal", NAN, NG_EPS, "poisoned"},
    {"offset", 10, NG_EPS, "poisoned"},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const ng_plan_size sizes[] = {
    {3, 5, ng_smoke},
    {4, 16, ng_gate},
    {3, 65, ng_gate},
    {33, 7, ng_gate},
};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* In the gradient passes another round, with the bad elements in dy. */
static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    static const ng_plan_row in_dy[] = {
        {"normal", NAN, NG_EPS, "random"},
        {"offset", 10, NG_EPS, "unit"},
        {"nonfinite", 11, NG_EPS, "random"},
    };
    if (ng_plan_cross(trial, i, rows, ROWS, sizes, SIZES, test))
        return true;
    size_t first = 0;
    ng_case other;
    while (ng_plan_cross(trial, first, rows, ROWS, sizes, SIZES, &other))
        first++;
    if (!ng_pass_find(trial->contract->pass)->gradient ||
        !ng_plan_cross(trial, i - first, in_dy, sizeof in_dy / sizeof in_dy[0],
                       sizes, SIZES, test))
        return false;
    snprintf(test->dy, sizeof test->dy, "poisoned");
    return true;
}

static bool bad_at(const ng_tensor *tensor, const ng_view *view, size_t set,
                   size_t i)
{
    return tensor->use == ng_input && tensor->data != NULL &&
           !isfinite(ng_dtype_get(tensor->dtype, tensor->data,
                                  ng_view_index(view, set, i)));
}

/* Whether the set has a bad element of its own. */
static bool spoilt(const ng_call_state *call, size_t set)
{
    static const ng_role roles[] = {ng_tensor_x, ng_tensor_residual,
                                    ng_tensor_dy, ng_tensor_dh};
    const ng_view *view = &call->problem.view;
    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
        for (size_t i = 0; i < ng_view_n(view); i++) {
            if (bad_at(&call->tensor[roles[r]], view, set, i))
                return true;
        }
    }
    return false;
}

/* Everything per element that is NaN or Inf becomes 1. */
static void clean_up(ng_call_state *call)
{
    const ng_view *view = &call->problem.view;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &call->tensor[role];
        if (ng_role_extent(role) != ng_per_element || tensor->data == NULL ||
            tensor->use != ng_input)
            continue;
        for (size_t set = 0; set < ng_view_sets(view); set++) {
            for (size_t i = 0; i < ng_view_n(view); i++) {
                if (bad_at(tensor, view, set, i))
                    ng_dtype_set(tensor->dtype, tensor->data,
                                 ng_view_index(view, set, i), 1);
            }
        }
    }
}

/* All sets but the spoilt ones, bit for bit; the answer is the first that
 * differs, SIZE_MAX: none. */
static size_t compare(const ng_call_state *spoiled, const ng_call_state *clean,
                      ng_role role, ng_finding *finding)
{
    const ng_tensor *a = &spoiled->tensor[role], *b = &clean->tensor[role];
    const ng_view *view = &clean->problem.view;
    size_t n = ng_view_n(view), first = SIZE_MAX;
    for (size_t set = 0; set < ng_view_sets(view); set++) {
        if (spoilt(spoiled, set))
            continue;
        finding->compared += n;
        for (size_t i = 0; i < n; i++) {
            size_t index = ng_view_index(view, set, i);
            if (ng_dtype_bits(a->dtype, a->data, index) ==
                ng_dtype_bits(b->dtype, b->data, index))
                continue;
            finding->differing++;
            first = first < set ? first : set;
        }
    }
    return first;
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state spoiled, clean;
    if (!ng_trial_run(trial, test, &spoiled, finding) ||
        !ng_trial_copy(trial, &spoiled, &clean, finding))
        return;
    clean_up(&clean);
    if (!ng_trial_call(trial, test, &clean, finding))
        return;
    bool gradient = ng_pass_find(trial->contract->pass)->gradient;
    size_t set = compare(&spoiled, &clean,
                         gradient ? ng_tensor_dx : ng_tensor_y, finding);
    ng_again_columns(finding);
    if (set == SIZE_MAX ||
        trial->contract->batch_invariant != ng_batch_invariant_yes)
        return;
    ng_finding_fail(finding, NG_FAIL,
                    "a non-finite value in another set changes the bits of set "
                    "%zu, though the contract promises batch_invariant=yes",
                    set);
    finding->ratio = INFINITY;
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
