/* Repeat: equal calls give equal results, whatever ran between them, and a row
 * gives the same result alone as in a batch. The bits are judged where the
 * contract promises them; beyond the bounds a difference always fails. */
#include "plan.h"
#include "trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "random"},
    {"offset", 10, NG_EPS, "random"},
};

static const ng_plan_size sizes[] = {
    {5, 8, ng_smoke},
    {4, 33, ng_gate},
    {3, 257, ng_gate},
    {3, 1024, ng_gate},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

static void fail_bits(ng_finding *finding, const ng_tensor *first,
                      const ng_tensor *again, size_t i, ng_role role,
                      const char *words)
{
    finding->wrong++;
    finding->ratio = INFINITY;
    finding->worst_role = role;
    finding->worst_set = 0;
    finding->worst_element = i;
    finding->rounded = ng_dtype_get(first->dtype, first->data, i);
    finding->got = ng_dtype_get(again->dtype, again->data, i);
    ng_finding_fail(finding, NG_FAIL, "%s", words);
}

/* A, then another input B, then A again. */
static bool rerun(ng_trial *trial, const ng_case *test, ng_call_state *first,
                  ng_finding *finding)
{
    ng_case other = *test;
    ng_call_state between, second;
    other.seed += 500009;
    if (!ng_trial_prepare(trial, &other, &between, finding) ||
        !ng_trial_call(trial, &other, &between, finding) ||
        /* the same shape, other parameters: nothing may be left of the first */
        !ng_trial_judge(trial, &between, finding) ||
        !ng_trial_copy(trial, first, &second, finding) ||
        !ng_trial_call(trial, test, &second, finding))
        return false;
    if (finding->verdict == NG_FAIL)
        ng_diagnose(trial, &between, finding);
    ng_trial_agree(trial, first, &second, 1,
                   "the second of two equal calls gives another result",
                   finding);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *a = &first->tensor[role], *b = &second.tensor[role];
        if (finding->verdict != NG_PASS || a->data == NULL ||
            trial->contract->deterministic != ng_deterministic_yes)
            continue;
        size_t i = ng_trial_differs(a, b);
        if (i != SIZE_MAX)
            fail_bits(finding, a, b, i, role,
                      "two equal calls differ in their bits, though the "
                      "contract promises deterministic=yes");
    }
    return finding->verdict == NG_PASS;
}

/* Rows that lie one after the other and do not share a statistic. */
static bool has_rows(const ng_trial *trial)
{
    const ng_contract *contract = trial->contract;
    return trial->op->shape == ng_shape_rows &&
           strcmp(contract->pass, "forward") == 0 &&
           contract->layout == ng_layout_contiguous;
}

/* Row `row` of the batch, alone. */
static void alone(ng_trial *trial, const ng_case *test,
                  const ng_call_state *batch, size_t row, ng_finding *finding)
{
    ng_case single = *test;
    ng_call_state call, part = *batch;
    single.rows = 1;
    if (!ng_trial_prepare(trial, &single, &call, finding))
        return;
    /* The row of every tensor per element; parameters are shared. */
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_tensor *whole = &part.tensor[role], *one = &call.tensor[role];
        size_t bytes = test->n * ng_format_of(whole->dtype)->size;
        if (ng_role_extent(role) == ng_per_param)
            *one = *whole;
        if (ng_role_extent(role) != ng_per_element || whole->data == NULL)
            continue;
        whole->data = (unsigned char *)whole->data + row * bytes;
        whole->count = test->n;
        if (whole->use == ng_input)
            memcpy(one->data, whole->data, bytes);
    }
    ng_problem_attach(&call.problem, call.tensor);
    part.problem = call.problem;
    if (!ng_trial_call(trial, &single, &call, finding))
        return;
    const ng_tensor *y = &part.tensor[ng_tensor_y];
    const ng_tensor *got = &call.tensor[ng_tensor_y];
    size_t i = ng_trial_differs(y, got);
    char claim[96];
    snprintf(claim, sizeof claim, "row %zu of %zu gives another result alone",
             row, test->rows);
    ng_trial_agree(trial, &part, &call, 1, claim, finding);
    if (finding->verdict == NG_PASS && i != SIZE_MAX &&
        trial->contract->batch_invariant == ng_batch_invariant_yes)
        fail_bits(finding, y, got, i, ng_tensor_y,
                  "a row alone differs in its bits from the row in a "
                  "batch, though the contract promises "
                  "batch_invariant=yes");
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state batch;
    /* The first call is judged by itself: a state that has gone NaN would
     * make all calls agree. */
    if (!ng_trial_run(trial, test, &batch, finding) ||
        !rerun(trial, test, &batch, finding))
        return;
    if (!has_rows(trial))
        return;
    for (size_t row = 0; row < test->rows && finding->verdict == NG_PASS;
         row += test->rows - 1)
        alone(trial, test, &batch, row, finding);
}

const ng_property ng_property_repeat = {
    .name = "repeat",
    .claim = "equal calls agree, and a row agrees with itself in any batch: in "
             "their bits where promised, else within the bounds",
    .why = "hidden state and batch-dependent orders make results that nobody "
           "can reproduce, and samples that change with their neighbours",
    .source = "contract fields deterministic and batch_invariant",
    .wild = "vllm-project/vllm#48271: the same row differed between 1 and 256 "
            "rows in the launch",
    .process = true,
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
