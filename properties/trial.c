/* Trial: inputs from the case, one supervised call, judgement. */
#include "judge.h"

#include <math.h>
#include <string.h>

static bool allocate_outputs(ng_trial *trial, const ng_case *test,
                             ng_call_state *call)
{
    const ng_contract *contract = trial->contract;
    bool saved = contract->saved == ng_saved_mean_rstd;
    bool centred = contract->centred == ng_centred_yes;
    size_t sets = ng_view_sets(&call->problem.view);
    size_t counts[NG_TENSOR_COUNT] = {
        [ng_tensor_y] = test->rows * test->n,
        [ng_tensor_mean] = saved && centred ? sets : SIZE_MAX,
        [ng_tensor_rstd] = saved ? sets : SIZE_MAX,
    };
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (!ng_role_is_output(role) || counts[role] == SIZE_MAX)
            continue;
        ng_tensor *tensor = &call->tensor[role];
        tensor->dtype = role == ng_tensor_y ? ng_contract_storage(contract)
                                            : ng_contract_stats(contract);
        tensor->count = counts[role];
        tensor->data = ng_arena_alloc(&trial->arena, tensor->count,
                                      ng_format_of(tensor->dtype)->size);
        if (tensor->data == NULL)
            return false;
    }
    return true;
}

static void attach_inputs(ng_trial *trial, const ng_case *test,
                          ng_call_state *call)
{
    const ng_problem *problem = &call->problem;
    size_t params = trial->op->params(test);
    ng_dtype storage = ng_contract_storage(trial->contract);
    ng_dtype param = ng_contract_param(trial->contract);
    call->tensor[ng_tensor_x] = (ng_tensor){(void *)(uintptr_t)problem->x,
                                            test->rows * test->n, storage};
    call->tensor[ng_tensor_gamma] =
        (ng_tensor){(void *)(uintptr_t)problem->gamma, params, param};
    call->tensor[ng_tensor_beta] =
        (ng_tensor){(void *)(uintptr_t)problem->beta, params, param};
}

bool ng_trial_prepare(ng_trial *trial, const ng_case *test, ng_call_state *call,
                      ng_finding *finding)
{
    ng_error error;
    memset(call, 0, sizeof *call);
    if (ng_case_tensors(test, trial->contract, &trial->arena, &call->problem,
                        &error) != ng_status_ok) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return false;
    }
    attach_inputs(trial, test, call);
    if (!allocate_outputs(trial, test, call)) {
        ng_finding_fail(finding, NG_ERROR, "no memory for the outputs");
        return false;
    }
    return true;
}

bool ng_trial_copy(ng_trial *trial, const ng_case *test,
                   const ng_call_state *from, ng_call_state *to,
                   ng_finding *finding)
{
    const ng_tensor *x = &from->tensor[ng_tensor_x];
    size_t size = ng_format_of(x->dtype)->size;
    memset(to, 0, sizeof *to);
    to->problem = from->problem;
    void *copy = ng_arena_alloc(&trial->arena, x->count, size);
    if (copy == NULL || !allocate_outputs(trial, test, to)) {
        ng_finding_fail(finding, NG_ERROR, "no memory for a second call");
        return false;
    }
    to->problem.x = memcpy(copy, x->data, x->count * size);
    attach_inputs(trial, test, to);
    return true;
}

bool ng_trial_call(ng_trial *trial, const ng_case *test, ng_call_state *call,
                   bool guard_before, ng_finding *finding)
{
    ng_request request = {
        .kernel = trial->kernel, .test = test, .guard_before = guard_before};
    memcpy(request.tensor, call->tensor, sizeof request.tensor);
    ng_subject_call(trial->subject, &request, &call->reply);
    if (call->reply.verdict == NG_PASS)
        return true;
    ng_finding_fail(finding, call->reply.verdict, "%s", call->reply.message);
    return false;
}

/* Keeps the numbers of the worst output; any wrong one beats any right one. */
static void merge(ng_finding *finding, const ng_judged *judged)
{
    finding->elements++;
    if (!(judged->ratio <= 1))
        finding->wrong++;
    if (judged->error_ulp > finding->error_ulp)
        finding->error_ulp = judged->error_ulp;
    if (finding->elements > 1 && judged->ratio <= finding->ratio)
        return;
    finding->ratio = judged->ratio;
    finding->worst_role = judged->role;
    finding->worst_set = judged->set;
    finding->worst_element = judged->i;
    finding->x = judged->x;
    finding->got = judged->got;
    finding->exact = judged->point.kind == ng_kind_value
                         ? ldexp(judged->point.high, judged->point.exponent)
                         : NAN;
    finding->rounded =
        judged->point.kind == ng_kind_nan ? NAN : judged->point.rounded;
    finding->bound = judged->bound;
}

static void judge_role(const ng_call_state *call, const ng_exact *exact,
                       ng_role role, size_t set, const ng_set_bound *bound,
                       ng_finding *finding)
{
    const ng_tensor *tensor = &call->tensor[role];
    if (tensor->data == NULL)
        return;
    size_t count = role == ng_tensor_y ? ng_view_n(&call->problem.view) : 1;
    ng_judged judged;
    for (size_t i = 0; i < count; i++) {
        ng_judge_output(&judged, &call->problem, exact, bound, tensor, role,
                        set, i);
        if (judged.judged)
            merge(finding, &judged);
    }
}

const ng_exact *ng_trial_judge(ng_trial *trial, const ng_call_state *call,
                               ng_finding *finding)
{
    ng_error error;
    const ng_exact *exact =
        ng_exact_forward(&trial->arena, &call->problem, &error);
    if (exact == NULL) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return NULL;
    }
    size_t before = finding->wrong;
    for (size_t set = 0; set < ng_view_sets(&call->problem.view); set++) {
        ng_set_bound bound;
        ng_judge_set(&bound, &call->problem, exact, set);
        for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
            if (ng_role_is_output(role))
                judge_role(call, exact, role, set, &bound, finding);
        }
    }
    const size_t *levels = ng_exact_levels(exact);
    for (size_t level = 0; level < NG_LEVEL_COUNT; level++)
        finding->level[level] += levels[level];
    if (levels[ng_level_undecided] > 0)
        ng_finding_fail(finding, NG_ERROR,
                        "normgate could not prove %zu roundings",
                        levels[ng_level_undecided]);
    else if (finding->wrong > before && finding->verdict == NG_PASS)
        finding->verdict = NG_FAIL;
    return exact;
}

/* A wrong output that was never written needs no numerical explanation. */
static void explain(ng_trial *trial, const ng_call_state *call,
                    ng_finding *finding)
{
    if (finding->verdict != NG_FAIL)
        return;
    if (call->reply.breaches & ng_breach_unwritten)
        ng_finding_fail(finding, NG_FAIL, "%s", call->reply.message);
    else
        ng_diagnose(trial, call, finding);
}

bool ng_trial_run(ng_trial *trial, const ng_case *test, ng_call_state *call,
                  ng_finding *finding)
{
    if (!ng_trial_prepare(trial, test, call, finding) ||
        !ng_trial_call(trial, test, call, false, finding))
        return false;
    if (ng_trial_judge(trial, call, finding) == NULL)
        return false;
    explain(trial, call, finding);
    return finding->verdict == NG_PASS;
}

void ng_trial_case(ng_trial *trial, const ng_case *test,
                   void (*row)(const ng_judged *judged, void *user), void *user,
                   ng_finding *finding)
{
    ng_call_state call;
    if (!ng_trial_prepare(trial, test, &call, finding) ||
        !ng_trial_call(trial, test, &call, false, finding))
        return;
    const ng_exact *exact = ng_trial_judge(trial, &call, finding);
    if (exact == NULL)
        return;
    explain(trial, &call, finding);
    for (size_t set = 0; row != NULL && set < ng_view_sets(&call.problem.view);
         set++) {
        ng_set_bound bound;
        ng_judge_set(&bound, &call.problem, exact, set);
        for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
            const ng_tensor *tensor = &call.tensor[role];
            bool whole = role == ng_tensor_y;
            size_t count = whole ? ng_view_n(&call.problem.view) : 1;
            if (!ng_role_is_output(role) || tensor->data == NULL)
                continue;
            for (size_t i = 0; i < count; i++) {
                ng_judged judged;
                ng_judge_output(&judged, &call.problem, exact, &bound, tensor,
                                role, set, i);
                row(&judged, user);
            }
        }
    }
}

size_t ng_trial_differs(const ng_tensor *a, const ng_tensor *b)
{
    size_t size = ng_format_of(a->dtype)->size;
    if (memcmp(a->data, b->data, a->count * size) == 0)
        return SIZE_MAX;
    for (size_t i = 0; i < a->count; i++) {
        if (ng_dtype_bits(a->dtype, a->data, i) !=
            ng_dtype_bits(b->dtype, b->data, i))
            return i;
    }
    return SIZE_MAX;
}

size_t ng_trial_agree(ng_trial *trial, const ng_call_state *a,
                      const ng_call_state *b, double sign, const char *claim,
                      ng_finding *finding)
{
    ng_error error;
    const ng_exact *first =
        ng_exact_forward(&trial->arena, &a->problem, &error);
    const ng_exact *second =
        ng_exact_forward(&trial->arena, &b->problem, &error);
    if (first == NULL || second == NULL) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return 0;
    }
    size_t sets = ng_view_sets(&a->problem.view), bits = 0, wrong = 0;
    size_t n = ng_view_n(&a->problem.view);
    for (size_t set = 0; set < sets; set++) {
        ng_set_bound bound[2];
        ng_judge_set(&bound[0], &a->problem, first, set);
        ng_judge_set(&bound[1], &b->problem, second, set);
        for (size_t i = 0; i < n; i++) {
            ng_judged left, right;
            ng_judge_output(&left, &a->problem, first, &bound[0],
                            &a->tensor[ng_tensor_y], ng_tensor_y, set, i);
            ng_judge_output(&right, &b->problem, second, &bound[1],
                            &b->tensor[ng_tensor_y], ng_tensor_y, set, i);
            if (!left.judged || !right.judged)
                continue;
            double other = sign * right.got;
            bool equal = left.got == other || (isnan(left.got) && isnan(other));
            bits += !equal;
            if (!equal && left.point.kind == ng_kind_value) {
                left.error = fabs(left.got - other);
                left.bound += right.bound;
                left.ratio = left.error / left.bound;
                if (isnan(left.ratio))
                    left.ratio = INFINITY;
                left.error_ulp = 0; /* a difference, not an error */
            } else {
                left.ratio = left.error = left.error_ulp = 0;
            }
            wrong += !(left.ratio <= 1);
            merge(finding, &left);
        }
    }
    if (wrong > 0 && finding->verdict == NG_PASS)
        ng_finding_fail(finding, NG_FAIL,
                        "%s: %zu of %zu outputs differ by more than both "
                        "bounds",
                        claim, wrong, sets * n);
    return bits;
}
