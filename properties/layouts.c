/* Layouts: strides, steps, gaps and starts in every combination, rows that lie
 * more than 2^31 elements apart, and the shapes in which one axis taken for
 * another goes unnoticed, or only there. */
#include "again.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Each of these reads or writes elsewhere when axes are exchanged, a size is
 * taken for another, or one axis has a single step. */
static const struct {
    size_t N, C, spatial;
} channel_shapes[] = {
    {2, 3, 5},  {3, 4, 5}, {1, 6, 7},   {5, 16, 1}, {2, 8, 8},  {4, 4, 6},
    {4, 4, 4},  {6, 2, 2}, {2, 64, 3},  {1, 33, 2}, {3, 1, 20}, {1, 1, 24},
    {2, 2, 65}, {9, 5, 1}, {1, 16, 16}, {17, 2, 3},
};
static const struct {
    size_t rows, n;
} row_shapes[] = {
    {3, 17}, {2, 5},  {7, 7},  {16, 15}, {15, 16}, {33, 2},
    {1, 33}, {65, 3}, {17, 1}, {2, 64},  {64, 2},
};

static const size_t steps[] = {1, 2, 3, 7};
static const size_t gaps[] = {0, 1, 5, 63, 4099};
enum {
    CHANNEL_SHAPES = sizeof channel_shapes / sizeof channel_shapes[0],
    ROW_SHAPES = sizeof row_shapes / sizeof row_shapes[0],
    STEPS = sizeof steps / sizeof steps[0],
    GAPS = sizeof gaps / sizeof gaps[0],
    STRIDES = 2 * STEPS * GAPS, /* start: none, and one */
};

/* Far calls are made of the cases with this gap. */
enum { FAR_GAP = 63 };

static void shape(const ng_trial *trial, size_t i, ng_case *test)
{
    if (trial->op->shape == ng_shape_rows) {
        test->rows = row_shapes[i % ROW_SHAPES].rows;
        test->n = row_shapes[i % ROW_SHAPES].n;
        return;
    }
    test->N = channel_shapes[i % CHANNEL_SHAPES].N;
    test->C = channel_shapes[i % CHANNEL_SHAPES].C;
    test->spatial = channel_shapes[i % CHANNEL_SHAPES].spatial;
    if (trial->op->groups) { /* one, all, and as many as divide C */
        size_t wanted = i % 3 == 0 ? 2 : i % 3 == 1 ? 1 : test->C;
        while (test->C % wanted != 0)
            wanted++;
        test->num_groups = wanted;
    }
    trial->op->complete(test);
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    bool strided = trial->contract->layout == ng_layout_strided;
    size_t shapes =
        trial->op->shape == ng_shape_rows ? ROW_SHAPES : CHANNEL_SHAPES;
    size_t all = strided ? STRIDES + shapes : shapes;
    size_t count = trial->profile == ng_smoke ? (strided ? 6 : 3) : all;
    if (i >= count)
        return false;
    /* Of all combinations smoke takes some from everywhere. */
    size_t k = trial->profile == ng_smoke ? i * 7 % all : i;
    ng_case_init(test, trial->op->name, ng_contract_storage(trial->contract));
    ng_plan_shape(trial, i, 1, 1, test); /* pass, momentum */
    test->gap = test->start = 0;
    test->step = 1;
    if (strided && k < STRIDES) {
        size_t size = ng_format_of(test->dtype)->size;
        size_t unit = (size_t)trial->contract->alignment / size;
        test->step = steps[k % STEPS];
        test->gap = gaps[k / STEPS % GAPS];
        test->start = k / STEPS / GAPS * (unit > 1 ? unit : 1);
        k %= 3; /* small shapes, of several examples and of one */
    } else if (strided) {
        k -= STRIDES;
    }
    shape(trial, k, test);
    test->seed = trial->seed * 1000003 + i;
    return true;
}

static void far_call(ng_trial *trial, const ng_case *test,
                     const ng_call_state *first, ng_finding *finding)
{
    const ng_manner far = {.far = true};
    ng_call_state call;
    if (!ng_subject_can(trial->subject, &far) ||
        !ng_trial_copy(trial, first, &call, finding))
        return;
    if (!ng_trial_call_as(trial, test, &call, &far, finding)) {
        char cause[sizeof finding->cause];
        memcpy(cause, finding->cause, sizeof cause);
        if (finding->verdict == NG_UNSUPPORTED) /* said, and so no harm */
            finding->verdict = NG_PASS;
        else
            ng_finding_fail(finding, finding->verdict,
                            "with strides beyond 2^31 elements: %.300s", cause);
        return;
    }
    if (call.reply.breaches != 0)
        ng_finding_fail(finding, NG_FAIL,
                        "with strides beyond 2^31 elements: %s",
                        call.reply.message);
    else
        ng_again_judge(trial, first, &call, "with strides beyond 2^31 elements",
                       finding);
    ng_again_columns(finding);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    if (!ng_trial_run(trial, test, &call, finding))
        return;
    if (call.reply.breaches != 0) {
        ng_finding_fail(finding, NG_FAIL, "%s", call.reply.message);
        return;
    }
    if (trial->contract->layout == ng_layout_strided && test->gap == FAR_GAP)
        far_call(trial, test, &call, finding);
}

const ng_property ng_property_layouts = {
    .name = "layouts",
    .claim = "the result depends on the shape and the values, not on how far "
             "apart the elements lie: any step, gap and start, strides beyond "
             "2^31 elements, and shapes that hide one axis behind another",
    .why = "an index of 32 bits wraps round on a long sequence, and a kernel "
           "that takes C for spatial is right on square inputs only",
    .source = "the strides of normgate/impl.h; far rows in memory of which no "
              "page exists until it is touched",
    .wild = "flashinfer-ai/flashinfer#3005: an outer stride above 2^31 "
            "elements faulted on a small slice; #3391: (175000, 12288) faults",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
