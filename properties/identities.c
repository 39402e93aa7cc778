/* Identities: one norm is another on the same numbers. Group norm of one group
 * is layer norm, of C groups instance norm; instance norm of one example is
 * batch norm; batch norm of the transpose is layer norm; without a mean RMS
 * norm is layer norm; the L2 norm is RMS norm over sqrt(n). The kernel is
 * judged against the other op's exact values, found by index arithmetic of its
 * own (equivalence.h): no shared geometry can hide a mistake. */
#include "equivalence.h"
#include "judge.h"
#include "plan.h"

#include <math.h>
#include <string.h>

/* --- the other op's exact values -------------------------------------------- */

typedef struct relation {
    const char *words;
    const ng_equivalence *id; /* NULL: the same shape */
    const char *op;
    unsigned centred, divisor; /* of the other contract */
    int exponent; /* exact y here = 2^exponent times the exact y there */
} relation;

typedef struct setting {
    ng_trial *trial;
    const ng_case *test;
    const ng_call_state *call;
    const ng_standard *standard;
    ng_shape own;
} setting;

static void next(const ng_shape *s, size_t at[3])
{
    for (int a = 2; a >= 0; a--) {
        if (++at[a] < s->size[a] || a == 0)
            return;
        at[a] = 0;
    }
}

static void *room(setting *s, ng_role role, size_t count)
{
    const ng_tensor *tensor = &s->call->tensor[role];
    if (tensor->data == NULL)
        return NULL;
    return ng_arena_alloc(&s->trial->arena, count,
                          ng_format_of(tensor->dtype)->size);
}

static void copy(void *to, size_t index, const ng_tensor *from, size_t at)
{
    size_t size = ng_format_of(from->dtype)->size;
    if (to != NULL)
        memcpy((unsigned char *)to + index * size,
               (const unsigned char *)from->data + at * size, size);
}

/* Position of the element in the other op. */
static ng_spot other_spot(const relation *r, const ng_shape *own,
                          const ng_shape *other, const size_t at[3])
{
    size_t to[3] = {at[0], at[1], at[2]};
    if (r->id != NULL)
        r->id->move(own, at, to);
    return ng_spot_find(other, to);
}

/* The other op's view of a dense array. */
static ng_view view_of(const ng_shape *s)
{
    ng_case test;
    ng_contract contract;
    ng_error error;
    ng_case_init(&test, s->op, ng_f32);
    if (ng_contract_init(&contract, s->op, &error) != ng_status_ok)
        return ng_view_rows(0, 0);
    test.rows = s->size[0];
    test.n = s->size[1];
    if (!ng_shape_is_rows(s->op)) {
        test.N = s->size[0];
        test.C = s->size[1];
        test.spatial = s->size[2];
        test.num_groups = s->groups;
    }
    return ng_case_view(&test, &contract);
}

static const ng_exact *other_exact(setting *s, const relation *r,
                                   const ng_shape *other, ng_contract *contract,
                                   ng_finding *finding)
{
    const ng_tensor *from = s->call->tensor;
    size_t count = s->own.size[0] * s->own.size[1] * s->own.size[2];
    ng_problem problem = s->call->problem;
    ng_error error;
    strcpy(contract->op, other->op);
    contract->layout = ng_layout_contiguous;
    contract->running = ng_running_none;
    contract->centred = (unsigned char)r->centred;
    contract->divisor = (unsigned char)r->divisor;
    void *x = room(s, ng_tensor_x, count), *dy = room(s, ng_tensor_dy, count);
    void *gamma = room(s, ng_tensor_gamma, count);
    void *beta = room(s, ng_tensor_beta, count);
    problem.contract = contract;
    problem.view = view_of(other);
    problem.running_mean = problem.running_var = NULL;
    problem.x = x;
    problem.dy = dy;
    problem.gamma = gamma;
    problem.beta = beta;
    if (x == NULL) {
        ng_finding_fail(finding, NG_ERROR, "no memory for another op");
        return NULL;
    }
    size_t at[3] = {0, 0, 0};
    for (size_t k = 0; k < count; k++, next(&s->own, at)) {
        size_t mine =
            ng_spot_memory(s->test, s->call->problem.contract, &s->own, at);
        ng_spot here = ng_spot_find(&s->own, at);
        ng_spot there = other_spot(r, &s->own, other, at);
        copy(x, there.dense, &from[ng_tensor_x], mine);
        copy(dy, there.dense, &from[ng_tensor_dy], mine);
        copy(gamma, there.param, &from[ng_tensor_gamma], here.param);
        copy(beta, there.param, &from[ng_tensor_beta], here.param);
    }
    const ng_exact *exact =
        ng_exact_compute(&s->trial->arena, &problem, &error);
    if (exact == NULL)
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
    return exact;
}

/* --- judgement -------------------------------------------------------------- */

/* Equal to 2^-50, and the same number when rounded, unless that is subnormal or
 * infinite in one of them. */
static bool same(const ng_point *own, const ng_point *other, int exponent)
{
    if (own->kind != other->kind)
        return false;
    if (own->kind != ng_kind_value)
        return true;
    double mine = ldexp(own->high, own->exponent);
    double theirs = ldexp(other->high, other->exponent + exponent);
    return fabs(mine - theirs) <= 0x1p-50 * fabs(mine) &&
           (exponent != 0 || own->rounded == other->rounded);
}

static bool differ(const relation *r, ng_role role, const ng_judged *judged,
                   const ng_point *other, ng_finding *finding)
{
    ng_finding_fail(
        finding, NG_ERROR,
        "%s, yet normgate's own exact %s[%zu][%zu] is %.17g for the "
        "one and %.17g for the other",
        r->words, ng_role_name(role), judged->set, judged->i,
        judged->point.rounded, other->rounded);
    return false;
}

/* The per-set outputs, once for each set, at its first element. */
static bool judge_statistics(setting *s, const relation *r,
                             const ng_exact *exact, const ng_spot *here,
                             const ng_spot *there, ng_finding *finding,
                             size_t *wrong)
{
    static const ng_role roles[] = {ng_tensor_mean, ng_tensor_rstd,
                                    ng_tensor_var};
    for (size_t k = 0; k < 3; k++) {
        const ng_tensor *tensor = &s->call->tensor[roles[k]];
        ng_judged judged;
        ng_point point;
        if (tensor->use != ng_output || r->exponent != 0 ||
            r->centred != s->call->problem.contract->centred ||
            !ng_exact_has(exact, roles[k]))
            continue;
        ng_judge_output(&judged, s->standard, tensor, roles[k], here->set, 0);
        ng_exact_at(exact, roles[k], there->set, 0, &point);
        if (!same(&judged.point, &point, 0))
            return differ(r, roles[k], &judged, &point, finding);
        if (!judged.judged)
            continue;
        *wrong += !(judged.ratio <= 1);
        ng_finding_merge(finding, &judged);
    }
    return true;
}

static void relate(setting *s, const relation *r, ng_finding *finding)
{
    const ng_contract *own_contract = s->call->problem.contract;
    bool gradient = ng_pass_find(own_contract->pass)->gradient;
    ng_role role = gradient ? ng_tensor_dx : ng_tensor_y;
    ng_contract contract = *own_contract;
    ng_shape other = s->own;
    other.op = r->op;
    if (r->id != NULL)
        other = r->id->other(&s->own);
    const ng_exact *exact = other_exact(s, r, &other, &contract, finding);
    size_t count = s->own.size[0] * s->own.size[1] * s->own.size[2];
    size_t at[3] = {0, 0, 0}, wrong = 0, judged_count = 0;
    if (exact == NULL)
        return;
    /* Two geometries of one op must agree before they are compared. */
    if (ng_shape_sets(&s->own) != ng_view_sets(&s->call->problem.view)) {
        ng_finding_fail(finding, NG_ERROR, "normgate's own sets differ");
        return;
    }
    for (size_t k = 0; k < count; k++, next(&s->own, at)) {
        ng_spot here = ng_spot_find(&s->own, at);
        ng_spot there = other_spot(r, &s->own, &other, at);
        const ng_tensor *tensor = &s->call->tensor[role];
        ng_judged judged;
        ng_point point;
        ng_judge_output(&judged, s->standard, tensor, role, here.set, here.i);
        ng_exact_at(exact, role, there.set, there.i, &point);
        double got =
            ng_dtype_get(tensor->dtype, tensor->data,
                         ng_spot_memory(s->test, own_contract, &s->own, at));
        if (!same(&judged.point, &point, r->exponent) ||
            !(got == judged.got || (isnan(got) && isnan(judged.got)))) {
            differ(r, role, &judged, &point, finding);
            return;
        }
        if (here.i == 0 &&
            !judge_statistics(s, r, exact, &here, &there, finding, &wrong))
            return;
        if (!judged.judged)
            continue;
        judged_count++;
        wrong += !(judged.ratio <= 1);
        ng_finding_merge(finding, &judged);
    }
    if (wrong == 0 || finding->verdict != NG_PASS)
        return;
    ng_diagnose(s->trial, s->call, finding);
    if (finding->verdict == NG_PASS)
        ng_finding_fail(finding, NG_FAIL,
                        "%s, but not here: %zu outputs are wrong", r->words,
                        wrong);
}

/* --- the call --------------------------------------------------------------- */

/* Pairs v, -v and, of an odd n, a zero at the end: the mean is exactly 0. */
static void mirror(ng_call_state *call)
{
    const ng_tensor *x = &call->tensor[ng_tensor_x];
    const ng_view *view = &call->problem.view;
    size_t n = ng_view_n(view);
    for (size_t set = 0; set < ng_view_sets(view); set++) {
        for (size_t i = 0; i < n; i++) {
            size_t at = ng_view_index(view, set, i);
            double before = i % 2 == 0
                                ? 0
                                : ng_dtype_get(x->dtype, x->data,
                                               ng_view_index(view, set, i - 1));
            if (i % 2 != 0)
                ng_dtype_set(x->dtype, x->data, at, -before);
            else if (i + 1 == n)
                ng_dtype_set(x->dtype, x->data, at, 0);
        }
    }
}

static bool call_it(setting *s, ng_call_state *call, ng_standard *standard,
                    ng_finding *finding)
{
    ng_error error;
    if (!ng_trial_call(s->trial, s->test, call, finding))
        return false;
    if (!ng_standard_make(standard, &s->trial->arena, &call->problem, &error)) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return false;
    }
    s->call = call;
    s->standard = standard;
    return true;
}

/* 2^exponent = 1/sqrt(n); false: that is no power of two. */
static bool root_exponent(size_t n, int *exponent)
{
    *exponent = 0;
    for (; n > 1 && n % 4 == 0; n /= 4)
        --*exponent;
    return n == 1;
}

static void relate_shapes(setting *s, ng_finding *finding)
{
    const ng_contract *contract = s->trial->contract;
    for (size_t k = 0;
         ng_equivalences[k].words != NULL && finding->verdict == NG_PASS; k++) {
        relation r = {ng_equivalences[k].words, &ng_equivalences[k], NULL,
                      contract->centred,        contract->divisor,   0};
        if (ng_equivalence_holds(&ng_equivalences[k], &s->own, s->test))
            relate(s, &r, finding);
    }
}

/* L2 norm over sqrt(n), where that is a power of two and eps is nothing. */
static void relate_lengths(setting *s, ng_finding *finding)
{
    const ng_contract *contract = s->trial->contract;
    relation r = {"the L2 norm is RMS norm over sqrt(n)",
                  NULL,
                  "rms_norm",
                  contract->centred,
                  ng_divisor_n,
                  0};
    if (contract->divisor == ng_divisor_one &&
        ng_contract_eps(contract, s->test->eps) == 0 &&
        root_exponent(s->test->n, &r.exponent) &&
        !ng_pass_find(contract->pass)->gradient && finding->verdict == NG_PASS)
        relate(s, &r, finding);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state base, centred;
    ng_standard first, second;
    const ng_contract *contract = trial->contract;
    setting s = {.trial = trial, .test = test, .own = ng_shape_of(test)};
    if (!ng_trial_prepare(trial, test, &base, finding) ||
        !call_it(&s, &base, &first, finding))
        return;
    relate_shapes(&s, finding);
    relate_lengths(&s, finding);
    if (finding->verdict != NG_PASS || ng_pass_find(contract->pass)->gradient ||
        !ng_shape_is_rows(test->op) || contract->divisor != ng_divisor_n)
        return;
    bool has_mean = contract->centred == ng_centred_yes;
    relation r = {"layer norm and RMS norm agree where the mean is 0",
                  NULL,
                  has_mean ? "rms_norm" : "layer_norm",
                  has_mean ? ng_centred_no : ng_centred_yes,
                  ng_divisor_n,
                  0};
    if (!ng_trial_copy(trial, &base, &centred, finding))
        return;
    mirror(&centred);
    if (call_it(&s, &centred, &second, finding))
        relate(&s, &r, finding);
}

/* --- the plan --------------------------------------------------------------- */

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "random"}, {"normal", NAN, NG_EPS, "unit"},
    {"normal", NAN, 0, "unit"},        {"offset", 10, NG_EPS, "random"},
    {"integers", 7, 1, "unit"},
};
static const ng_plan_size sizes[] = {
    {3, 5, ng_gate},  {2, 16, ng_smoke}, {4, 33, ng_gate},
    {2, 64, ng_gate}, {1, 256, ng_deep},
};
static const struct {
    size_t N, C, spatial, num_groups;
    ng_profile from;
} channels[] = {
    {2, 6, 5, 3, ng_smoke}, {2, 6, 5, 1, ng_gate}, {2, 6, 5, 6, ng_gate},
    {1, 4, 9, 2, ng_gate},  {3, 2, 2, 2, ng_gate}, {4, 8, 17, 4, ng_deep},
};

static bool applies(const ng_contract *contract)
{
    const ng_pass_info *pass = ng_pass_find(contract->pass);
    return pass->training && contract->residual == ng_residual_none &&
           contract->backward_stats == ng_backward_stats_recomputed;
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    enum { CHANNELS = sizeof channels / sizeof channels[0] };
    size_t row_count = sizeof rows / sizeof rows[0];
    if (trial->op->shape == ng_shape_rows)
        return ng_plan_cross(trial, i, rows, row_count, sizes,
                             sizeof sizes / sizeof sizes[0], test);
    ng_plan_size same[CHANNELS];
    size_t used[CHANNELS], count = 0;
    for (size_t k = 0; k < CHANNELS; k++) {
        if (channels[k].from > trial->profile)
            continue;
        used[count] = k;
        same[count++] = (ng_plan_size){2, 4, ng_smoke};
    }
    if (!ng_plan_cross(trial, i, rows, row_count, same, count, test))
        return false;
    size_t k = used[i % count];
    test->N = channels[k].N;
    test->C = channels[k].C;
    test->spatial = channels[k].spatial;
    test->num_groups = trial->op->groups ? channels[k].num_groups : 1;
    trial->op->complete(test);
    return true;
}

const ng_property ng_property_identities = {
    .name = "identities",
    .claim = "a norm agrees with every other norm that it is on the same "
             "numbers: group norm with layer and instance norm, batch norm of "
             "the transpose with layer norm, RMS norm without a mean with "
             "layer norm, the L2 norm with RMS norm over sqrt(n)",
    .why = "one op's geometry, checked by itself, can be wrong in the same way "
           "twice; another op's cannot",
    .source = "Wu, He 2018 (group norm); Ulyanov et al. 2016; Ba et al. 2016; "
              "Zhang, Sennrich 2019; bounds as for accuracy",
    .wild = "flagos-ai/FlagGems#4984: group norm of C=48 in 16 groups mixed "
            "neighbouring groups; linkedin/Liger-Kernel#1376: a group of W "
            "elements instead of H*W",
    .applies = applies,
    .plan = plan,
    .check = check,
};
