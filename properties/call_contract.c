/* Call contract: a kernel reads its inputs, writes every element of its
 * outputs and nothing else, and leaves the floating-point environment alone.
 * Buffers end at a guard page in the first call and begin at one in the
 * second; outputs are poisoned; inputs cannot be written. */
#include "plan.h"
#include "trial.h"

#include <math.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "random"},
};

static const ng_plan_size sizes[] = {
    {1, 1, ng_smoke},   {1, 16, ng_smoke},  {3, 7, ng_smoke},
    {2, 3, ng_gate},    {5, 8, ng_gate},    {2, 15, ng_gate},
    {1, 17, ng_gate},   {3, 32, ng_gate},   {2, 33, ng_gate},
    {1, 63, ng_gate},   {4, 64, ng_gate},   {2, 129, ng_gate},
    {1, 1000, ng_gate}, {2, 1024, ng_gate}, {1, 4096, ng_gate},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    const char *load = ng_subject_load_breach(trial->subject);
    if (load != NULL) {
        ng_finding_fail(finding, NG_FAIL, "%s", load);
        return;
    }
    if (!ng_trial_prepare(trial, test, &call, finding))
        return;
    for (int before = 0; before < 2 && finding->verdict == NG_PASS; before++) {
        const ng_manner manner = {.guard_before = before != 0};
        if (!ng_trial_call_as(trial, test, &call, &manner, finding))
            return;
        if (call.reply.breaches != 0)
            ng_finding_fail(finding, NG_FAIL, "%s", call.reply.message);
    }
}

const ng_property ng_property_call_contract = {
    .name = "call_contract",
    .claim = "a call writes every element of its outputs and nothing else, and "
             "leaves rounding mode and FTZ/DAZ as they were",
    .why = "a stray write corrupts a neighbour's tensor, an element left out "
           "keeps the last call's value, a changed MXCSR breaks other "
           "libraries",
    .source = "normgate/impl.h; design by guard pages and poisoned outputs",
    .wild = "ROCm/aiter#5044: n=769 wrote into column 0 of the following rows; "
            "pytorch/pytorch#193016: out-of-bounds write of dgamma",
    .process = true,
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
