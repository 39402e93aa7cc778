/* Exhaustive: every bit pattern of a 16-bit storage as a set of one and beside
 * another value in sets of two, each judged as ever; of f32 and f64 every sign
 * and exponent. No family of inputs has to foresee the value that breaks. */
#include "generators/sweep.h"
#include "judge.h"
#include "plan.h"

#include <math.h>
#include <string.h>

/* A sweep: what stands beside the first value of each set of n, and one of how
 * many patterns it takes, by profile; 0: it is left out. A set of two infinite
 * or NaN values is the decision table's, which needs few of them. */
static const struct {
    unsigned kind;
    size_t n;
    double eps;
    size_t share[ng_deep + 1];
} sweeps[] = {
    {SWEEP_SEEDED, 1, NG_EPS, {64, 1, 1}},
    {SWEEP_SEEDED, 2, NG_EPS, {64, 8, 1}},
    {SWEEP_SEEDED, 1, 0, {0, 8, 1}},
    {SWEEP_SEEDED, 2, 0, {0, 32, 1}},
    {SWEEP_SEEDED, 3, NG_EPS, {0, 32, 1}},
    {SWEEP_NEIGHBOUR, 2, NG_EPS, {0, 32, 1}},
    {SWEEP_OPPOSITE, 2, NG_EPS, {0, 32, 1}},
    {SWEEP_ONE, 2, NG_EPS, {0, 32, 1}},
    {SWEEP_ZERO, 2, NG_EPS, {0, 32, 1}},
    {SWEEP_LEAST, 2, NG_EPS, {0, 32, 1}},
    {SWEEP_LARGEST, 2, NG_EPS, {0, 32, 1}},
    {SWEEP_INFINITE, 2, NG_EPS, {0, 64, 1}},
    {SWEEP_NAN, 2, NG_EPS, {0, 64, 1}},
    {SWEEP_NEIGHBOUR, 2, 0, {0, 0, 1}},
    {SWEEP_SEEDED, 4, NG_EPS, {0, 0, 1}},
};
enum {
    SWEEPS = sizeof sweeps / sizeof sweeps[0],
    /* A backward pass has four outputs a set, most of them dear to prove. */
    GRADIENT_SHARE = 8,
};

/* False: the profile leaves the sweep out, or the contract does. */
static bool make(const ng_trial *trial, size_t s, ng_case *test)
{
    const ng_contract *contract = trial->contract;
    ng_dtype dtype = ng_contract_storage(contract);
    size_t share = sweeps[s].share[trial->profile];
    if (share == 0)
        return false;
    if (ng_pass_find(contract->pass)->gradient && trial->profile != ng_deep)
        share *= GRADIENT_SHARE;
    ng_case_init(test, trial->op->name, dtype);
    ng_plan_shape(trial, 0, sweep_patterns(dtype) / share, sweeps[s].n, test);
    test->eps = sweeps[s].eps;
    strcpy(test->gen, "sweep");
    test->gen_arg = sweeps[s].kind;
    strcpy(test->affine, "random");
    test->seed = trial->seed * 1000003 + s;
    return ng_case_forbidden(test, contract) == NULL;
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    for (size_t s = 0; s < SWEEPS; s++) {
        if (make(trial, s, test) && i-- == 0)
            return true;
    }
    return false;
}

/* The outputs that are wrong, and the x that they stand at. */
typedef struct wrongs {
    size_t wrong, outputs;
    double least, most;
} wrongs;

static bool survey(ng_trial *trial, const ng_call_state *call, wrongs *w)
{
    ng_standard standard;
    ng_error error;
    bool gradient = ng_pass_find(trial->contract->pass)->gradient;
    ng_role role = gradient ? ng_tensor_dx : ng_tensor_y;
    *w = (wrongs){.least = INFINITY, .most = -INFINITY};
    if (!ng_standard_make(&standard, &trial->arena, &call->problem, &error))
        return false;
    size_t n = ng_view_n(&call->problem.view);
    for (size_t set = 0; set < ng_view_sets(&call->problem.view); set++) {
        for (size_t i = 0; i < n; i++) {
            ng_judged judged;
            ng_judge_output(&judged, &standard, &call->tensor[role], role, set,
                            i);
            w->outputs += judged.judged;
            if (!judged.judged || judged.ratio <= 1)
                continue;
            w->wrong++;
            w->least = fmin(w->least, judged.x);
            w->most = fmax(w->most, judged.x);
        }
    }
    return true;
}

/* A few patterns alone are no matter of the contract: say which. */
static void explain(ng_trial *trial, const ng_call_state *call,
                    ng_finding *finding)
{
    wrongs w;
    if (call->reply.breaches & ng_breach_unwritten)
        ng_finding_fail(finding, NG_FAIL, "%s", call->reply.message);
    else if (!survey(trial, call, &w) || w.wrong == 0 ||
             w.wrong > w.outputs / 16)
        ng_diagnose(trial, call, finding);
    else if (w.least <= w.most)
        ng_finding_fail(finding, NG_FAIL,
                        "wrong for few values alone: %zu of %zu outputs, with "
                        "x from %a to %a",
                        w.wrong, w.outputs, w.least, w.most);
    else
        ng_finding_fail(finding, NG_FAIL,
                        "wrong for few values alone: %zu of %zu outputs, "
                        "where x is NaN",
                        w.wrong, w.outputs);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    if (ng_trial_prepare(trial, test, &call, finding) &&
        ng_trial_call(trial, test, &call, finding) &&
        ng_trial_judge(trial, &call, finding) && finding->verdict == NG_FAIL)
        explain(trial, &call, finding);
}

const ng_property ng_property_exhaustive = {
    .name = "exhaustive",
    .claim =
        "every f16 or bf16 bit pattern, alone and beside another value, is "
        "within its bound or gives what the decision table says; of f32 "
        "and f64 every sign and exponent",
    .why = "a table, a clamp or a bit trick is wrong for one exponent or one "
           "sign alone, and random data never meet it",
    .source = "65536 patterns can all be tried; bounds as for accuracy, "
              "decision table: reference/table.c",
    .wild =
        "pytorch/pytorch#192017: the L2 norm of an f16 zero vector was NaN, "
        "as eps 1e-12 rounds to 0",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
