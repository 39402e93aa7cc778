/* Trial: inputs from the case, one supervised call, judgement. */
#include "judge.h"

#include <math.h>
#include <string.h>

static bool same_norm(const ng_contract *a, const ng_contract *b)
{
    return strcmp(a->op, b->op) == 0 &&
           ng_contract_storage(a) == ng_contract_storage(b) &&
           ng_contract_param(a) == ng_contract_param(b) &&
           ng_contract_stats(a) == ng_contract_stats(b) &&
           a->centred == b->centred && a->divisor == b->divisor &&
           a->eps_place == b->eps_place && a->eps_dtype == b->eps_dtype &&
           a->affine == b->affine && a->layout == b->layout &&
           a->residual == b->residual;
}

/* Outputs get memory of their own; running statistics, which a call changes, a
 * copy that every call starts from. */
static bool allocate_outputs(ng_trial *trial, ng_call_state *call)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_tensor *tensor = &call->tensor[role];
        if (tensor->use != ng_output && tensor->use != ng_update)
            continue;
        tensor->data = ng_arena_alloc(&trial->arena, tensor->count,
                                      ng_format_of(tensor->dtype)->size);
        if (tensor->data == NULL)
            return false;
    }
    return true;
}

size_t ng_trial_partner(const ng_trial *trial, const char *pass)
{
    const ng_contract *own = trial->contract;
    const char *name = ng_subject_kernel(trial->subject, trial->kernel)->name;
    size_t best = SIZE_MAX, best_common = 0;
    for (size_t k = 0; k < ng_subject_kernel_count(trial->subject); k++) {
        const ng_kernel_info *other = ng_subject_kernel(trial->subject, k);
        if (strcmp(other->contract.pass, pass) != 0 ||
            !same_norm(own, &other->contract))
            continue;
        /* Of several, the one that is named most like it. */
        size_t common = 0;
        while (name[common] != '\0' && name[common] == other->name[common])
            common++;
        if (best == SIZE_MAX || common > best_common) {
            best = k;
            best_common = common;
        }
    }
    return best;
}

bool ng_trial_prepare(ng_trial *trial, const ng_case *test, ng_call_state *call,
                      ng_finding *finding)
{
    return ng_trial_prepare_partner(trial, trial->kernel, test, call, finding);
}

bool ng_trial_prepare_partner(ng_trial *trial, size_t kernel,
                              const ng_case *test, ng_call_state *call,
                              ng_finding *finding)
{
    ng_error error;
    const ng_contract *contract =
        kernel == trial->kernel
            ? trial->contract
            : &ng_subject_kernel(trial->subject, kernel)->contract;
    memset(call, 0, sizeof *call);
    call->kernel = kernel;
    if (ng_case_tensors(test, contract, &trial->arena, &call->problem,
                        call->tensor, &error) != ng_status_ok) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return false;
    }
    if (!allocate_outputs(trial, call)) {
        ng_finding_fail(finding, NG_ERROR, "no memory for the outputs");
        return false;
    }
    return true;
}

bool ng_trial_copy(ng_trial *trial, const ng_call_state *from,
                   ng_call_state *to, ng_finding *finding)
{
    bool enough = true;
    *to = *from;
    memset(&to->reply, 0, sizeof to->reply);
    for (ng_role role = 0; role < NG_TENSOR_COUNT && enough; role++) {
        ng_tensor *tensor = &to->tensor[role];
        size_t size = ng_format_of(tensor->dtype)->size;
        if (tensor->use != ng_input || tensor->data == NULL)
            continue;
        tensor->data = ng_arena_alloc(&trial->arena, tensor->count, size);
        enough = tensor->data != NULL;
        if (enough)
            memcpy(tensor->data, from->tensor[role].data, tensor->count * size);
    }
    if (!enough || !allocate_outputs(trial, to)) {
        ng_finding_fail(finding, NG_ERROR, "no memory for a second call");
        return false;
    }
    const void *mean = from->problem.running_mean;
    const void *var = from->problem.running_var;
    ng_problem_attach(&to->problem, to->tensor);
    /* What a call updates starts from the same values. */
    if (to->tensor[ng_tensor_running_mean].use == ng_update)
        to->problem.running_mean = mean;
    if (to->tensor[ng_tensor_running_var].use == ng_update)
        to->problem.running_var = var;
    return true;
}

/* What a call updates starts from the problem's values each time. */
static void restore(ng_call_state *call)
{
    const struct {
        ng_role role;
        const void *was;
    } pairs[] = {
        {ng_tensor_running_mean, call->problem.running_mean},
        {ng_tensor_running_var, call->problem.running_var},
    };
    for (size_t i = 0; i < 2; i++) {
        const ng_tensor *tensor = &call->tensor[pairs[i].role];
        if (tensor->use == ng_update)
            memcpy(tensor->data, pairs[i].was,
                   tensor->count * ng_format_of(tensor->dtype)->size);
    }
}

bool ng_trial_call(ng_trial *trial, const ng_case *test, ng_call_state *call,
                   ng_finding *finding)
{
    return ng_trial_call_as(trial, test, call, &(ng_manner){0}, finding);
}

void ng_trial_request(const ng_case *test, ng_call_state *call,
                      ng_request *request)
{
    *request = (ng_request){.kernel = call->kernel,
                            .test = test,
                            .start = call->problem.view.start};
    ng_case_strides(test, call->problem.contract, request->stride);
    restore(call);
    memcpy(request->tensor, call->tensor, sizeof request->tensor);
}

/* A case that the contract refuses may be refused, and nothing else: what the
 * kernel makes of it otherwise is judged as if it had not said so. */
bool ng_trial_call_as(ng_trial *trial, const ng_case *test, ng_call_state *call,
                      const ng_manner *manner, ng_finding *finding)
{
    const ng_contract *contract = call->problem.contract;
    ng_request request;
    ng_trial_request(test, call, &request);
    request.manner = *manner;
    call->test = test;
    finding->calls++;
    ng_subject_call(trial->subject, &request, &call->reply);
    if (call->reply.verdict == NG_PASS)
        return true;
    if (call->reply.verdict == NG_REFUSED &&
        ng_case_forbidden(test, contract) != NULL)
        return false;
    ng_finding_fail(finding, call->reply.verdict, "%s", call->reply.message);
    return false;
}

/* Keeps the numbers of the worst output; any wrong one beats any right one. */
void ng_finding_merge(ng_finding *finding, const ng_judged *judged)
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

typedef void judged_row(const ng_judged *judged, void *user);

static void judge_role(const ng_call_state *call, const ng_standard *standard,
                       ng_role role, ng_finding *finding, judged_row *row,
                       void *user)
{
    const ng_tensor *tensor = &call->tensor[role];
    size_t sets = ng_role_sets(standard, role);
    size_t count = ng_role_elements(standard, role);
    for (size_t set = 0; set < sets; set++) {
        for (size_t i = 0; i < count; i++) {
            ng_judged judged;
            ng_judge_output(&judged, standard, tensor, role, set, i);
            if (judged.judged)
                ng_finding_merge(finding, &judged);
            if (judged.judged && judged.point.kind == ng_kind_value)
                ng_histogram_add(&finding->histogram, judged.error_ulp);
            if (row != NULL)
                row(&judged, user);
        }
    }
}

static bool is_written(const ng_tensor *tensor)
{
    return tensor->data != NULL &&
           (tensor->use == ng_output || tensor->use == ng_update);
}

/* Under round_residual=yes the norm is that of the h which the kernel returned;
 * h itself is judged against x + residual. */
static const ng_standard *judge_h(ng_trial *trial, const ng_call_state *call,
                                  const ng_standard *whole, ng_finding *finding,
                                  judged_row *row, void *user, ng_error *error)
{
    ng_standard *rest = ng_arena_alloc(&trial->arena, 1, sizeof *rest);
    ng_problem *problem = ng_arena_alloc(&trial->arena, 1, sizeof *problem);
    ng_contract *contract = ng_arena_alloc(&trial->arena, 1, sizeof *contract);
    if (rest == NULL || problem == NULL || contract == NULL) {
        ng_fail(error, ng_status_no_memory, "no memory for a second reference");
        return NULL;
    }
    judge_role(call, whole, ng_tensor_h, finding, row, user);
    *contract = *call->problem.contract;
    ng_contract_set(contract, "residual", "none");
    *problem = call->problem;
    problem->contract = contract;
    problem->x = call->tensor[ng_tensor_h].data;
    problem->residual = NULL;
    return ng_standard_make(rest, &trial->arena, problem, error) ? rest : NULL;
}

static bool rounds_h(const ng_call_state *call)
{
    return is_written(&call->tensor[ng_tensor_h]) &&
           call->problem.contract->round_residual == ng_round_residual_yes;
}

static const ng_standard *judge(ng_trial *trial, const ng_call_state *call,
                                ng_finding *finding, judged_row *row,
                                void *user)
{
    ng_error error;
    ng_standard *whole = ng_arena_alloc(&trial->arena, 1, sizeof *whole);
    const ng_standard *standard = whole;
    size_t before = finding->wrong;
    if (whole == NULL ||
        !ng_standard_make(whole, &trial->arena, &call->problem, &error))
        standard = NULL;
    else if (rounds_h(call))
        standard = judge_h(trial, call, whole, finding, row, user, &error);
    if (standard == NULL) {
        ng_finding_fail(finding, NG_ERROR, "%.390s",
                        whole != NULL ? error.text : "out of memory");
        return NULL;
    }
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (is_written(&call->tensor[role]) &&
            ng_exact_has(standard->exact, role))
            judge_role(call, standard, role, finding, row, user);
    }
    const size_t *levels = ng_exact_levels(standard->exact);
    for (size_t level = 0; level < NG_LEVEL_COUNT; level++)
        finding->level[level] += levels[level];
    if (levels[ng_level_undecided] > 0)
        ng_finding_fail(finding, NG_ERROR,
                        "normgate could not prove %zu roundings",
                        levels[ng_level_undecided]);
    else if (finding->wrong > before && finding->verdict == NG_PASS)
        finding->verdict = NG_FAIL;
    return standard;
}

bool ng_trial_judge(ng_trial *trial, const ng_call_state *call,
                    ng_finding *finding)
{
    return judge(trial, call, finding, NULL, NULL) != NULL;
}

/* Outputs that were never written are told of; what was may say why. */
static void explain(ng_trial *trial, const ng_call_state *call,
                    ng_finding *finding)
{
    if (finding->verdict != NG_FAIL)
        return;
    if (call->reply.breaches & ng_breach_unwritten) {
        ng_finding_fail(finding, NG_FAIL, "%s", call->reply.message);
        ng_diagnose_add(trial, call, finding);
    } else {
        ng_diagnose(trial, call, finding);
    }
}

bool ng_trial_run(ng_trial *trial, const ng_case *test, ng_call_state *call,
                  ng_finding *finding)
{
    if (!ng_trial_prepare(trial, test, call, finding) ||
        !ng_trial_call(trial, test, call, finding) ||
        !ng_trial_judge(trial, call, finding))
        return false;
    explain(trial, call, finding);
    return finding->verdict == NG_PASS;
}

bool ng_trial_measure(ng_trial *trial, const ng_case *test,
                      void (*row)(const ng_judged *judged, void *user),
                      void *user, ng_finding *finding)
{
    ng_call_state call;
    return ng_trial_prepare(trial, test, &call, finding) &&
           ng_trial_call(trial, test, &call, finding) &&
           judge(trial, &call, finding, row, user) != NULL;
}

void ng_trial_case(ng_trial *trial, const ng_case *test,
                   void (*row)(const ng_judged *judged, void *user), void *user,
                   ng_finding *finding)
{
    ng_call_state call;
    if (ng_trial_prepare(trial, test, &call, finding) &&
        ng_trial_call(trial, test, &call, finding) &&
        judge(trial, &call, finding, row, user) != NULL)
        explain(trial, &call, finding);
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
    ng_standard first, second;
    if (!ng_standard_make(&first, &trial->arena, &a->problem, &error) ||
        !ng_standard_make(&second, &trial->arena, &b->problem, &error)) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return 0;
    }
    size_t sets = ng_view_sets(&a->problem.view), bits = 0, wrong = 0;
    size_t n = ng_view_n(&a->problem.view);
    ng_role role = ng_pass_find(trial->contract->pass)->gradient ? ng_tensor_dx
                                                                 : ng_tensor_y;
    for (size_t set = 0; set < sets; set++) {
        for (size_t i = 0; i < n; i++) {
            ng_judged left, right;
            ng_judge_output(&left, &first, &a->tensor[role], role, set, i);
            ng_judge_output(&right, &second, &b->tensor[role], role, set, i);
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
            ng_finding_merge(finding, &left);
        }
    }
    if (wrong > 0 && finding->verdict == NG_PASS) {
        ng_finding_fail(finding, NG_FAIL,
                        "%s: %zu of %zu outputs differ by more than both "
                        "bounds",
                        claim, wrong, sets * n);
        if (!ng_diagnose_add(trial, a, finding))
            ng_diagnose_add(trial, b, finding);
    }
    return bits;
}
