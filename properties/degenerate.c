/* Degenerate: sets of one element or of none, no spread, no eps, parameters and
 * gradients that are all zero. Each output follows the decision table and its
 * bound; where no rounding can happen on any way that the contract allows, it
 * is the exact value itself. */
#include "judge.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* dy NULL: as the plan has it. */
typedef struct data_row {
    const char *gen;
    double arg, eps;
    const char *affine, *dy;
    ng_profile from;
} data_row;

static const data_row data[] = {
    {"normal", NAN, NG_EPS, "random", "normal", ng_smoke},
    {"offset", 100, NG_EPS, "unit", "ones", ng_smoke},
    {"constant", 0, NG_EPS, "random", "normal", ng_smoke},
    {"constant", -0.0, NG_EPS, "scale_only", "normal", ng_gate},
    {"constant", 3, 0, "random", "normal", ng_gate},
    {"constant", 0, 0, "random", "normal", ng_gate},
    {"normal", NAN, 0, "random", "normal", ng_gate},
    {"normal", NAN, NG_EPS, "zero", "normal", ng_smoke},
    {"normal", NAN, NG_EPS, "random", "zero", ng_smoke},
    {"constant", 0, NG_EPS, "zero", "zero", ng_gate},
    {"offset", 1000, NG_EPS, "spread", "spike", ng_gate},
};
enum { DATA = sizeof data / sizeof data[0] };

typedef struct shape {
    size_t rows, n;                   /* of the row ops */
    size_t N, C, spatial, num_groups; /* of the others */
    ng_profile from;
} shape;

static const shape shapes[] = {
    {3, 1, 3, 4, 1, 4, ng_smoke}, /* no spatial axes, groups of one value */
    {0, 4, 0, 4, 3, 2, ng_smoke}, /* no rows, no examples */
    {2, 2, 2, 4, 2, 1, ng_smoke}, /* two of each, one group of all */
    {3, 1, 1, 4, 1, 2, ng_gate},  /* one value of each channel */
    {3, 0, 2, 4, 0, 4, ng_gate},  /* no elements, no positions */
    {1, 1, 1, 1, 1, 1, ng_gate},  /* one value in all */
    {0, 0, 0, 4, 0, 1, ng_gate},  /* neither */
    {4, 16, 2, 4, 5, 4, ng_gate}, /* as many groups as channels */
    {1, 33, 2, 4, 5, 1, ng_gate}, /* one group of all */
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void take_shape(const shape *s, ng_case *test)
{
    const ng_op *op = ng_op_find(test->op);
    test->rows = s->rows;
    test->n = s->n;
    if (op->shape == ng_shape_rows)
        return;
    test->N = s->N;
    test->C = s->C;
    test->spatial = s->spatial;
    test->num_groups = op->groups ? s->num_groups : 1;
    op->complete(test);
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    size_t left = i;
    for (size_t at = 0; at < (size_t)DATA * SHAPES; at++) {
        const data_row *row = &data[at / SHAPES];
        const shape *s = &shapes[at % SHAPES];
        if (row->from > trial->profile || s->from > trial->profile)
            continue;
        if (left-- > 0)
            continue;
        ng_case_init(test, trial->op->name,
                     ng_contract_storage(trial->contract));
        ng_plan_shape(trial, i, 1, 1, test);
        take_shape(s, test);
        test->eps = row->eps;
        snprintf(test->gen, sizeof test->gen, "%s", row->gen);
        test->gen_arg = row->arg;
        snprintf(test->affine, sizeof test->affine, "%s", row->affine);
        if (ng_pass_find(test->pass)->gradient)
            snprintf(test->dy, sizeof test->dy, "%s", row->dy);
        test->seed = trial->seed * 1000003 + i;
        return true;
    }
    return false;
}

/* Why outputs must be exact, as conditions that the proofs in BOUNDS.md name. */
typedef struct premises {
    bool wide;     /* what is read has its value in the arithmetic */
    bool nothing;  /* every x is zero */
    bool alone;    /* x - mean is x - x: one element, centred first */
    bool no_gamma; /* gamma = 0 multiplies */
    bool no_dy;    /* dy = 0 */
    bool unit_g;   /* g is a power of two */
} premises;

static bool fits(ng_dtype narrow, ng_dtype wide)
{
    return ng_format_of(narrow)->p <= ng_format_of(wide)->p;
}

static premises premises_of(const ng_contract *contract, const ng_case *test)
{
    ng_dtype compute = ng_contract_compute(contract);
    const ng_pass_info *pass = ng_pass_find(contract->pass);
    bool saved = pass->gradient && pass->training &&
                 contract->backward_stats == ng_backward_stats_saved;
    bool multiplies = contract->affine == ng_affine_gamma ||
                      contract->affine == ng_affine_gamma_beta;
    premises is = {
        .wide = fits(ng_contract_storage(contract), compute) &&
                fits(ng_contract_param(contract), compute) &&
                (!saved || fits(ng_contract_storage(contract),
                                ng_contract_stats(contract))),
        .nothing = pass->training && strcmp(test->gen, "constant") == 0 &&
                   test->gen_arg == 0,
        .alone = pass->training && test->n == 1 &&
                 contract->centred == ng_centred_yes &&
                 contract->affine_eval == ng_affine_eval_centre_first,
        .no_gamma = multiplies && strcmp(test->affine, "zero") == 0,
        .no_dy = pass->gradient && strcmp(test->dy, "zero") == 0,
    };
    is.unit_g =
        strcmp(test->dy, "ones") == 0 && (strcmp(test->affine, "unit") == 0 ||
                                          contract->affine == ng_affine_none);
    return is;
}

/* Why the output has no error at all; NULL: it may have one. */
static const char *exact_for(const ng_contract *contract, const ng_case *test,
                             ng_role role)
{
    premises is = premises_of(contract, test);
    if (!is.wide)
        return NULL;
    switch (role) {
    case ng_tensor_y:
        return is.nothing    ? "every x is zero"
               : is.alone    ? "x - mean is x - x"
               : is.no_gamma ? "gamma is zero"
                             : NULL;
    case ng_tensor_dx:
    case ng_tensor_dresidual:
        return is.no_dy                ? "dy is zero"
               : is.no_gamma           ? "gamma is zero"
               : is.alone && is.unit_g ? "g - mean g is g - g"
                                       : NULL;
    case ng_tensor_dgamma:
        return is.no_dy     ? "dy is zero"
               : is.nothing ? "every x is zero"
               : is.alone   ? "x - mean is x - x"
                            : NULL;
    case ng_tensor_dbeta: return is.no_dy ? "dy is zero" : NULL;
    case ng_tensor_mean:
        return is.nothing ? "every x is zero"
               : is.alone && contract->residual == ng_residual_none
                   ? "the mean of one value is that value"
                   : NULL;
    case ng_tensor_var:
        if (is.nothing)
            return "every x is zero";
        return is.alone && contract->variance != ng_variance_one_pass_wide
                   ? "x - mean is x - x"
                   : NULL;
    default: return NULL;
    }
}

/* A value that flushing would turn into zero on the way. */
static bool may_flush(const ng_contract *contract, const ng_judged *output,
                      ng_dtype dtype)
{
    double size = fabs(output->point.rounded);
    return contract->subnormals == ng_subnormals_flushed && size > 0 &&
           size < ng_dtype_min(dtype);
}

static void check_role(const ng_call_state *call, const ng_case *test,
                       const ng_standard *standard, ng_role role,
                       const char *reason, ng_finding *finding)
{
    const ng_tensor *tensor = &call->tensor[role];
    size_t count = ng_role_elements(standard, role), wrong = 0;
    for (size_t set = 0; set < ng_role_sets(standard, role); set++) {
        for (size_t i = 0; i < count; i++) {
            ng_judged output;
            ng_judge_output(&output, standard, tensor, role, set, i);
            if (!output.judged || output.point.kind != ng_kind_value ||
                output.got == output.point.rounded ||
                may_flush(call->problem.contract, &output, tensor->dtype))
                continue;
            if (wrong++ > 0)
                continue;
            output.ratio = INFINITY;
            ng_finding_merge(finding, &output);
            finding->bound = 0;
            ng_finding_fail(finding, NG_FAIL,
                            "%s[%zu,%zu] is %g, not %g itself, though %s (%zu "
                            "sets of %zu)",
                            ng_role_name(role), set, i, output.got,
                            output.point.rounded, reason, test->rows, test->n);
        }
    }
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_error error;
    ng_call_state call;
    ng_standard standard = {.problem = NULL};
    if (!ng_trial_run(trial, test, &call, finding))
        return;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const char *reason = exact_for(trial->contract, test, role);
        if (call.tensor[role].use != ng_output || reason == NULL)
            continue;
        if (standard.problem == NULL &&
            !ng_standard_make(&standard, &trial->arena, &call.problem,
                              &error)) {
            ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
            return;
        }
        if (ng_exact_has(standard.exact, role))
            check_role(&call, test, &standard, role, reason, finding);
    }
}

const ng_property ng_property_degenerate = {
    .name = "degenerate",
    .claim = "sets of one element or none, no spread, eps = 0, and zeros for "
             "x, gamma or dy give what the decision table allows, and the "
             "exact value wherever nothing can round",
    .why = "last batches of one sample, empty shards, masked rows and frozen "
           "parameters come up in every long run, and one NaN there is in "
           "every weight a step later",
    .source = "decision table of reference/table.c; exact arithmetic on zeros "
              "and x - x (IEEE 754-2019, 6.3); BOUNDS.md",
    .wild = "pytorch/pytorch#12013: a batch of no samples made the running "
            "mean NaN; keras-team/keras#23075: the gradient of the L2 norm at "
            "0 was 0*Inf = NaN",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
