/* Wild: every input on which a kernel in the field is known to have failed, on
 * every op whose shapes allow it. Cases follow from wild.def. */
#include "generators/wild.h"
#include "trial.h"

#include <stdio.h>
#include <string.h>

static bool fits(const ng_trial *trial, const ng_wild_row *row)
{
    const ng_contract *contract = trial->contract;
    const ng_pass_info *pass = ng_pass_find(contract->pass);
    bool update = trial->op->running && pass->training && !pass->gradient &&
                  contract->running == ng_running_update;
    size_t size = row->shape.rows * row->shape.n;
    if ((row->dtypes >> ng_contract_storage(contract) & 1) == 0)
        return false;
    if (row->from > trial->profile &&
        /* a few short ones */
        (row->from > ng_gate || row->number % 5 != 1 || size == 0 || size > 64))
        return false;
    if (strcmp(row->where, "gradient") == 0)
        return pass->gradient;
    if (strcmp(row->where, "inference") == 0)
        return !pass->training;
    if (strcmp(row->where, "update") == 0)
        return update;
    return true;
}

/* A row op takes the sets that the channel op of the report reduced: a group
 * of an example, or a channel of the batch. */
static void shape(const ng_trial *trial, const ng_wild_row *row, size_t i,
                  ng_case *test)
{
    const ng_wild_shape *s = &row->shape;
    size_t rows = s->rows, n = s->n;
    if (rows == 0 && s->num_groups > 1) {
        rows = s->N * s->num_groups;
        n = s->C / s->num_groups * s->spatial;
    } else if (rows == 0) {
        rows = s->C;
        n = s->N * s->spatial;
    }
    ng_plan_shape(trial, i, rows, n, test);
    if (s->rows != 0 || trial->op->shape != ng_shape_channels)
        return;
    test->N = s->N;
    test->C = s->C;
    test->spatial = s->spatial;
    test->num_groups = trial->op->groups ? s->num_groups : 1;
    trial->op->complete(test);
    ng_plan_strides(trial, i, test);
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    const ng_wild_row *row = ng_wild_rows;
    for (size_t left = i; row->number != 0; row++) {
        if (fits(trial, row) && left-- == 0)
            break;
    }
    if (row->number == 0)
        return false;
    ng_case_init(test, trial->op->name, ng_contract_storage(trial->contract));
    shape(trial, row, i, test);
    test->eps = row->eps;
    snprintf(test->gen, sizeof test->gen, "wild");
    test->gen_arg = row->number;
    snprintf(test->affine, sizeof test->affine, "%s", row->affine);
    if (ng_pass_find(test->pass)->gradient)
        snprintf(test->dy, sizeof test->dy, "%s", row->dy);
    test->seed = trial->seed * 1000003 + i;
    return true;
}

/* The record says which report the input comes from. */
static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    const ng_wild_row *row = ng_wild_find(test->gen_arg);
    if (strcmp(test->gen, "wild") == 0)
        ng_finding_note(finding, "the input of %s", row->thread);
    ng_trial_run(trial, test, &call, finding);
}

const ng_property ng_property_wild = {
    .name = "wild",
    .claim = "inputs on which kernels in the field have failed are within "
             "their bounds",
    .why = "a bug that was made once is made again, in the next kernel and the "
           "next language, and its input is known",
    .source = "public bug reports, by thread (wild.def); exact reference; "
              "bounds as for accuracy",
    .wild = "microsoft/onnxruntime#28463: [40000, 40001, 40002, 40003] gave "
            "NaN; apple/axlearn#21: x = 3e-5 and eps = 1e-8 gave 0.28, not 1",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
