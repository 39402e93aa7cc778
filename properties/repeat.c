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

static void fail_bits(ng_finding *finding, const ng_call_state *a, size_t i,
                      double again, size_t n, const char *words)
{
    const ng_tensor *y = &a->tensor[ng_tensor_y];
    finding->wrong++;
    finding->ratio = INFINITY;
    finding->worst_role = ng_tensor_y;
    finding->worst_set = i / n;
    finding->worst_element = i % n;
    finding->rounded = ng_dtype_get(y->dtype, y->data, i);
    finding->got = again;
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
        !ng_trial_call(trial, &other, &between, false, finding) ||
        /* the same shape, other parameters: nothing may be left of the first */
        ng_trial_judge(trial, &between, finding) == NULL ||
        !ng_trial_copy(trial, test, first, &second, finding) ||
        !ng_trial_call(trial, test, &second, false, finding))
        return false;
    const ng_tensor *y = &second.tensor[ng_tensor_y];
    size_t i = ng_trial_differs(&first->tensor[ng_tensor_y], y);
    ng_trial_agree(trial, first, &second, 1,
                   "the second of two equal calls gives another result",
                   finding);
    if (finding->verdict == NG_PASS && i != SIZE_MAX &&
        trial->contract->deterministic == ng_deterministic_yes)
        fail_bits(finding, first, i, ng_dtype_get(y->dtype, y->data, i),
                  test->n,
                  "two equal calls differ in their bits, though the "
                  "contract promises deterministic=yes");
    return finding->verdict == NG_PASS;
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
    ng_tensor *x = &call.tensor[ng_tensor_x], *y = &part.tensor[ng_tensor_y];
    size_t bytes = test->n * ng_format_of(x->dtype)->size;
    const unsigned char *rows_of_x = batch->tensor[ng_tensor_x].data;
    memcpy(x->data, rows_of_x + row * bytes, bytes);
    call.problem.gamma = batch->problem.gamma;
    call.problem.beta = batch->problem.beta;
    call.tensor[ng_tensor_gamma] = batch->tensor[ng_tensor_gamma];
    call.tensor[ng_tensor_beta] = batch->tensor[ng_tensor_beta];
    if (!ng_trial_call(trial, &single, &call, false, finding))
        return;
    part.problem = call.problem;
    y->data = (unsigned char *)y->data + row * bytes;
    y->count = test->n;
    const ng_tensor *got = &call.tensor[ng_tensor_y];
    size_t i = ng_trial_differs(y, got);
    char claim[96];
    snprintf(claim, sizeof claim, "row %zu of %zu gives another result alone",
             row, test->rows);
    ng_trial_agree(trial, &part, &call, 1, claim, finding);
    if (finding->verdict == NG_PASS && i != SIZE_MAX &&
        trial->contract->batch_invariant == ng_batch_invariant_yes)
        fail_bits(finding, &part, i, ng_dtype_get(got->dtype, got->data, i),
                  test->n,
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
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
