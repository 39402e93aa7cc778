/* Running: the running statistics as a state machine. The case's `batches`
 * training calls come first, each from the state that the one before returned,
 * with eval calls and resets in between; every step is judged from the state
 * that the kernel was given, and the whole by the closed form
 *
 *     sum over k of w (1 - w)^(K - k) s_k + (1 - w)^K r_0.
 *
 * Then the case's own call is made under several momenta. A case without rows,
 * of one value per channel or with a NaN among x tries these instead. */
#include "judge.h"
#include "plan.h"
#include "trajectory.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct row {
    const char *gen;
    double arg, momentum;
    uint64_t batches;
    size_t rows, n; /* 0, 0: two channels, two examples of three positions */
    ng_profile from;
} row;

static const row rows[] = {
    {"normal", NAN, 0.1, 100, 0, 0, ng_smoke},
    {"offset", 3, 0.3, 3, 6, 2, ng_smoke},
    {"nonfinite", 0, 0.1, 1, 6, 4, ng_smoke},
    {"normal", NAN, 0.1, 0, 4, 1, ng_smoke},
    {"normal", NAN, 0.1, 0, 0, 1, ng_smoke}, /* no examples */
    {"normal", NAN, 0.1, 10000, 0, 0, ng_gate},
    {"offset", 3, 0x1p-4, 600, 0, 0, ng_gate}, /* until buffers stop */
    {"offset", 3, 0x1p-30, 20, 0, 0, ng_gate},
    {"offset", 10, 0.9, 2, 6, 12, ng_gate},
    {"constant", 3, 0.5, 2, 6, 5, ng_gate},
    {"normal", NAN, 1, 2, 3, 64, ng_gate},
    {"normal", NAN, 0, 2, 3, 64, ng_gate},
    {"nonfinite", 1, 0.5, 3, 6, 4, ng_gate},
    {"nonfinite", 5, 0.01, 2, 6, 9, ng_gate},
    {"normal", NAN, 0.5, 2, 1, 1, ng_gate},
    {"normal", NAN, 0.1, 100000, 0, 0, ng_deep},
};

static bool applies(const ng_contract *contract)
{
    const ng_op *op = ng_op_find(contract->op);
    return strcmp(contract->pass, "forward") == 0 && op != NULL &&
           op->running && contract->running == ng_running_update;
}

static void take_sizes(const ng_trial *trial, const row *r, ng_case *test)
{
    if (r->rows > 0) {
        ng_case_reshape(test, r->rows, r->n);
        return;
    }
    test->N = r->n > 0 ? 0 : 2; /* n of no examples: none */
    test->C = 2;
    test->spatial = 3;
    trial->op->complete(test);
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    size_t left = i;
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        const row *r = &rows[at];
        if (r->from > trial->profile || left-- > 0)
            continue;
        ng_case_init(test, trial->op->name,
                     ng_contract_storage(trial->contract));
        ng_plan_shape(trial, i, 2, 2, test);
        test->gap %= 8;
        take_sizes(trial, r, test);
        bool old = trial->contract->momentum == ng_momentum_old;
        test->momentum = old ? 1 - r->momentum : r->momentum;
        test->batches = r->batches;
        snprintf(test->gen, sizeof test->gen, "%s", r->gen);
        test->gen_arg = r->arg;
        test->seed = trial->seed * 1000003 + i;
        return true;
    }
    return false;
}

/* --- a state and its steps --------------------------------------------------- */

enum { POOL = 8 };
static const ng_role roles[2] = {ng_tensor_running_mean, ng_tensor_running_var};

/* A batch: a call that can be made from any state, and the exact statistics
 * [2][C] that it has. */
typedef struct batch {
    ng_call_state call, first; /* the outputs of its first call */
    bool called;
    long double *value;
    ng_running_share *share;
} batch;

typedef struct machine {
    ng_trial *trial;
    ng_finding *finding;
    ng_case test; /* its momentum and batches are those of the next call */
    size_t channels, pool;
    ng_dtype dtype; /* of the state */
    batch batch[POOL];
    void *state[2];       /* what the next call starts from */
    long double *closed;  /* [2][C]: the closed form */
    long double *allowed; /* [2][C]: sum of (1 - w)^(K - k) step bounds */
    ng_call_state eval;
    size_t evaluator; /* SIZE_MAX: none */
    size_t steps, evals, resets, moved, restless;
    double drift;     /* largest distance to the closed form, over the bound */
    double distance;  /* of these at the last step, in ulp */
    uint64_t planned; /* steps */
    ng_trajectory trajectory; /* of the first channel */
    bool unfollowed; /* nothing is promised of a step since the last start */
} machine;

/* The weight of the new value. */
static long double weight_of(const machine *m)
{
    switch (m->trial->contract->momentum) {
    case ng_momentum_cumulative: return 1 / ((long double)m->test.batches + 1);
    case ng_momentum_old: return 1 - (long double)m->test.momentum;
    default: return (long double)m->test.momentum;
    }
}

static bool failed(machine *m, const char *words)
{
    ng_finding_fail(m->finding, NG_ERROR, "%s", words);
    return false;
}

/* The statistics of a batch, exact: a step of weight 1 from 0. */
static bool take_statistics(machine *m, batch *b)
{
    ng_arena *arena = &m->trial->arena;
    ng_standard standard;
    ng_error error;
    ng_contract whole = *m->trial->contract;
    ng_problem problem = b->call.problem;
    size_t size = ng_format_of(m->dtype)->size;
    void *zero = ng_arena_alloc(arena, m->channels, size);
    b->value = ng_arena_alloc(arena, 2 * m->channels, sizeof *b->value);
    b->share = ng_arena_alloc(arena, 2 * m->channels, sizeof *b->share);
    if (zero == NULL || b->value == NULL || b->share == NULL)
        return failed(m, "no memory for the statistics of a batch");
    memset(zero, 0, m->channels * size);
    whole.momentum = ng_momentum_new;
    problem.contract = &whole;
    problem.momentum = 1;
    problem.running_mean = problem.running_var = zero;
    if (!ng_standard_make(&standard, arena, &problem, &error))
        return failed(m, error.text);
    for (size_t k = 0; k < 2 * m->channels; k++) {
        ng_point point;
        size_t c = k % m->channels;
        ng_exact_at(standard.exact, roles[k / m->channels], c, 0, &point);
        ng_running_share_of(&b->share[k], &standard, roles[k / m->channels], c);
        b->share[k].judged &= point.kind == ng_kind_value;
        b->value[k] =
            ldexpl((long double)point.high + point.low, point.exponent);
    }
    return true;
}

static bool add_batch(machine *m, batch *b, uint64_t seed)
{
    ng_case test = m->test;
    test.seed = seed;
    return ng_trial_prepare(m->trial, &test, &b->call, m->finding);
}

/* Where the state is kept; at first the running statistics of the case. */
static bool begin(machine *m, ng_trial *trial, const ng_case *test,
                  ng_finding *finding)
{
    *m = (machine){.trial = trial,
                   .finding = finding,
                   .test = *test,
                   .channels = test->C,
                   .dtype = ng_contract_stats(trial->contract),
                   .evaluator = SIZE_MAX};
    if (!add_batch(m, &m->batch[0], test->seed))
        return false;
    m->pool = 1;
    size_t size = ng_format_of(m->dtype)->size;
    for (int k = 0; k < 2; k++) {
        m->state[k] = ng_arena_alloc(&trial->arena, m->channels, size);
        if (m->state[k] == NULL)
            return failed(m, "no memory for the state");
        memcpy(m->state[k], m->batch[0].call.tensor[roles[k]].data,
               m->channels * size);
    }
    const void *const given[] = {m->batch[0].call.problem.running_mean,
                                 m->batch[0].call.problem.running_var};
    for (int k = 0; k < 2; k++)
        memcpy(m->state[k], given[k], m->channels * size);
    return true;
}

/* 0 and 1, as every library starts; elsewhere the case's own. */
static void reset(machine *m)
{
    for (size_t c = 0; c < m->channels; c++) {
        ng_dtype_set(m->dtype, m->state[0], c, 0);
        ng_dtype_set(m->dtype, m->state[1], c, 1);
    }
}

/* A training call from the state, not yet judged; the state is still the one
 * before it. */
static bool train(machine *m, ng_call_state *call)
{
    call->problem.running_mean = m->state[0];
    call->problem.running_var = m->state[1];
    call->problem.momentum = m->test.momentum;
    call->problem.batches = m->test.batches;
    return ng_trial_call(m->trial, &m->test, call, m->finding);
}

static void advance(machine *m, const ng_call_state *call)
{
    size_t bytes = m->channels * ng_format_of(m->dtype)->size;
    for (int k = 0; k < 2; k++)
        memcpy(m->state[k], call->tensor[roles[k]].data, bytes);
}

/* All outputs of a call against the reference; the words tell which it was. */
static bool judge(machine *m, const ng_call_state *call, const char *words)
{
    ng_finding *finding = m->finding;
    if (!ng_trial_judge(m->trial, call, finding))
        return false;
    if (finding->verdict != NG_FAIL)
        return true;
    ng_diagnose(m->trial, call, finding);
    size_t used = strlen(finding->cause);
    if (used + 3 < sizeof finding->cause)
        snprintf(finding->cause + used, sizeof finding->cause - used, "%s(%s)",
                 used > 0 ? " " : "", words);
    return false;
}

static void judge_wrong(machine *m, ng_role role, size_t c, double got,
                        double want)
{
    ng_judged output = {
        .role = role,
        .set = c,
        .x = NAN,
        .point = {.kind = ng_kind_value, .rounded = want, .high = want},
        .got = got,
        .ratio = INFINITY};
    ng_finding_merge(m->finding, &output);
}

/* The buffers hold the values that they had. */
static bool unmoved(machine *m, const ng_call_state *call, bool mean, bool var,
                    const char *words)
{
    for (size_t k = mean ? 0 : 1; k < (var ? 2 : 1); k++) {
        for (size_t c = 0; c < m->channels; c++) {
            double was = ng_dtype_get(m->dtype, m->state[k], c);
            double is = ng_dtype_get(m->dtype, call->tensor[roles[k]].data, c);
            bool flushed =
                m->trial->contract->subnormals == ng_subnormals_flushed &&
                fabs(was) < ng_dtype_min(m->dtype);
            if (is == was || flushed || (isnan(is) && isnan(was)))
                continue;
            judge_wrong(m, roles[k], c, is, was);
            ng_finding_fail(m->finding, NG_FAIL, "%s[%zu] went from %g to %g%s",
                            ng_role_name(roles[k]), c, was, is, words);
            return false;
        }
    }
    return true;
}

static bool stays_finite(machine *m, const ng_call_state *call,
                         const char *words)
{
    for (size_t k = 0; k < 2; k++) {
        for (size_t c = 0; c < m->channels; c++) {
            double was = ng_dtype_get(m->dtype, m->state[k], c);
            double is = ng_dtype_get(m->dtype, call->tensor[roles[k]].data, c);
            if (isfinite(is))
                continue;
            judge_wrong(m, roles[k], c, is, was);
            ng_finding_fail(m->finding, NG_FAIL, "%s[%zu] went from %g to %g%s",
                            ng_role_name(roles[k]), c, was, is, words);
            return false;
        }
    }
    return true;
}

/* --- the long sequence --------------------------------------------------------- */

/* One output of one step: the distance to the exact step from the state given,
 * and what the closed form may have lost by it. */
static bool judge_one(machine *m, const batch *b, size_t k)
{
    const ng_contract *contract = m->trial->contract;
    size_t c = k % m->channels;
    int which = k < m->channels ? 0 : 1;
    const ng_running_share *share = &b->share[k];
    long double w = weight_of(m), value = b->value[k];
    long double old = ng_dtype_get(m->dtype, m->state[which], c);
    long double now = (1 - w) * old + w * value;
    double got = ng_dtype_get(m->dtype, b->call.tensor[roles[which]].data, c);
    ng_judged output = {.role = roles[which], .set = c, .x = NAN, .got = got};
    output.judged = share->judged;
    output.point = (ng_point){.kind = ng_kind_value,
                              .rounded = ng_dtype_round(m->dtype, (double)now),
                              .high = (double)now};
    /* Five roundings of our own. */
    long double own =
        3 * LDBL_EPSILON * (fabsl((1 - w) * old) + fabsl(w * value));
    output.bound =
        ng_bound_running(contract, (double)w, (double)old, share->value,
                         share->error, share->h, &output.point) +
        (double)own;
    if (!output.judged || !isfinite(output.bound)) {
        m->unfollowed = true;
        return true;
    }
    output.error = (double)fabsl(got - now);
    output.ratio = output.error / output.bound;
    if (isnan(output.ratio))
        output.ratio = INFINITY;
    double ulp = ng_dtype_ulp(m->dtype, (double)now);
    output.error_ulp = output.error / ulp;
    ng_finding_merge(m->finding, &output);
    m->closed[k] = (1 - w) * m->closed[k] + w * value;
    m->allowed[k] = fabsl(1 - w) * m->allowed[k] + output.bound + own;
    double drift = (double)(fabsl(got - m->closed[k]) / m->allowed[k]);
    m->distance = fmax(m->distance, (double)fabsl(got - m->closed[k]) / ulp);
    m->drift = !(drift <= m->drift) ? drift : m->drift;
    return output.ratio <= 1 && drift <= 1;
}

static bool same_outputs(const batch *b)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *now = &b->call.tensor[role];
        if (now->use == ng_output && now->data != NULL &&
            ng_trial_differs(now, &b->first.tensor[role]) != SIZE_MAX)
            return false;
    }
    return true;
}

/* The other outputs do not depend on the state: judged once for a batch, and
 * again where their bits differ from the first time. */
static bool judge_outputs(machine *m, batch *b)
{
    char words[96];
    if (b->called && same_outputs(b))
        return true;
    snprintf(words, sizeof words, "step %zu, momentum %g", m->steps,
             m->test.momentum);
    m->restless += b->called;
    if (!judge(m, &b->call, words))
        return false;
    for (ng_role role = 0; !b->called && role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *from = &b->call.tensor[role];
        if (from->use == ng_output && from->data != NULL)
            memcpy(b->first.tensor[role].data, from->data,
                   from->count * ng_format_of(from->dtype)->size);
    }
    b->called = true;
    return true;
}

/* What the first channel came to: of the mean k is 0, of the variance the
 * number of channels. */
static void keep_step(machine *m, const batch *b)
{
    double got[2];
    long double closed[2], bound[2];
    if (m->unfollowed)
        return;
    for (int which = 0; which < 2; which++) {
        size_t k = (size_t)which * m->channels;
        got[which] =
            ng_dtype_get(m->dtype, b->call.tensor[roles[which]].data, 0);
        closed[which] = m->closed[k];
        bound[which] = m->allowed[k];
    }
    ng_trajectory_add(&m->trajectory, m->steps, got, closed, bound);
}

static bool step(machine *m, batch *b)
{
    bool right = true;
    if (!train(m, &b->call))
        return false;
    m->steps++;
    m->distance = 0;
    for (size_t k = 0; k < 2 * m->channels; k++)
        right = judge_one(m, b, k) && right;
    if (!right || ng_trajectory_keeps(m->steps, (size_t)m->planned))
        keep_step(m, b);
    if (!right) {
        char words[96];
        snprintf(words, sizeof words, "step %zu of a sequence", m->steps);
        if (judge(m, &b->call, words)) /* with the diagnosis of one call */
            ng_finding_fail(m->finding, NG_FAIL,
                            "the running statistics drift from their closed "
                            "form at step %zu",
                            m->steps);
        return false;
    }
    if (!judge_outputs(m, b))
        return false;
    for (int k = 0; k < 2; k++) {
        ng_tensor was = {m->state[k], m->channels, m->dtype, ng_update};
        if (ng_trial_differs(&was, &b->call.tensor[roles[k]]) != SIZE_MAX)
            m->moved = m->steps;
    }
    advance(m, &b->call);
    m->test.batches++;
    return true;
}

/* The state as it is, for the closed form. */
static void start_over(machine *m)
{
    m->test.batches = 0;
    m->unfollowed = false;
    for (size_t k = 0; k < 2 * m->channels; k++) {
        m->closed[k] =
            ng_dtype_get(m->dtype, m->state[k / m->channels], k % m->channels);
        m->allowed[k] = 0;
    }
}

/* Eval by the kernel's partner. What it returns is judged where it is tried
 * itself; here it must only leave the next training call alone. */
static void evaluate(machine *m)
{
    ng_finding ignored;
    ng_case test = m->test;
    ng_finding_init(&ignored);
    strcpy(test.pass, "inference");
    if (m->eval.problem.x == NULL &&
        !ng_trial_prepare_partner(m->trial, m->evaluator, &test, &m->eval,
                                  &ignored)) {
        m->evaluator = SIZE_MAX;
        return;
    }
    size_t bytes = m->channels * ng_format_of(m->dtype)->size;
    for (int k = 0; k < 2; k++)
        memcpy(m->eval.tensor[roles[k]].data, m->state[k], bytes);
    ng_trial_call(m->trial, &test, &m->eval, &ignored);
    m->evals++;
}

static bool fill_pool(machine *m)
{
    ng_arena *arena = &m->trial->arena;
    m->closed = ng_arena_alloc(arena, 2 * m->channels, sizeof *m->closed);
    m->allowed = ng_arena_alloc(arena, 2 * m->channels, sizeof *m->allowed);
    if (m->closed == NULL || m->allowed == NULL)
        return failed(m, "no memory for the closed form");
    /* Of a family with an argument the same batch again and again. */
    m->pool = isnan(m->test.gen_arg) ? POOL : 1;
    for (size_t i = 0; i < m->pool; i++) {
        batch *b = &m->batch[i];
        if ((i > 0 && !add_batch(m, b, m->test.seed + 7919 * i)) ||
            !ng_trial_copy(m->trial, &b->call, &b->first, m->finding) ||
            !take_statistics(m, b))
            return false;
    }
    return true;
}

static bool history(machine *m, uint64_t count)
{
    ng_source source;
    if (!fill_pool(m))
        return false;
    m->evaluator = ng_trial_partner(m->trial, "inference");
    ng_source_from_seed(&source, m->test.seed);
    start_over(m);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t choice = ng_source_below(&source, 2000);
        if (choice == 0 && i > 0) {
            reset(m);
            start_over(m);
            m->resets++;
        } else if (choice < 40 && m->evaluator != SIZE_MAX) {
            evaluate(m);
        }
        if (!step(m, &m->batch[ng_source_below(&source, m->pool)]))
            return false;
    }
    return true;
}

/* The case's own call, under its momentum, 0 and 1. */
static bool momenta(machine *m)
{
    const double tried[] = {m->test.momentum, 0, 1};
    const ng_contract *contract = m->trial->contract;
    for (size_t i = 0; i < 3; i++) {
        char words[64];
        m->test.momentum = tried[i];
        snprintf(words, sizeof words, "momentum %g", tried[i]);
        if (!train(m, &m->batch[0].call) ||
            !judge(m, &m->batch[0].call, words) ||
            !judge_outputs(m, &m->batch[0]))
            return false;
        bool kept = weight_of(m) == 0 &&
                    contract->momentum != ng_momentum_cumulative &&
                    ng_format_of(m->dtype)->p <=
                        ng_format_of(ng_contract_compute(contract))->p;
        for (size_t k = 0; k < 2 * m->channels; k++)
            kept = kept && m->batch[0].share[k].judged;
        if (kept && !unmoved(m, &m->batch[0].call, true, true,
                             ", though the new value has weight 0"))
            return false;
    }
    return true;
}

static void check_sequence(machine *m)
{
    m->planned = m->test.batches;
    bool whole = history(m, m->planned);
    ng_trajectory_columns(&m->trajectory, m->finding);
    if (!whole || !momenta(m) || m->steps == 0)
        return;
    ng_finding_note(m->finding,
                    "%zu steps, %zu eval calls, %zu resets: at most %.2g of "
                    "the bound from the closed form, %.3g ulp at the end; the "
                    "buffers last moved in step %zu; bits of y changed in %zu",
                    m->steps, m->evals, m->resets, m->drift, m->distance,
                    m->moved, m->restless);
}

/* --- bad batches ---------------------------------------------------------------- */

/* An ordinary batch of the same channels, from the state. */
static bool train_ordinary(machine *m, uint64_t salt, const char *words)
{
    ng_case test = m->test, kept = m->test;
    ng_call_state call;
    strcpy(test.gen, "normal");
    test.gen_arg = NAN;
    test.seed += salt;
    if (test.N * test.spatial == 0 || test.n == 1) {
        test.N = 2;
        test.spatial = 3;
        m->trial->op->complete(&test);
    }
    if (!ng_trial_prepare(m->trial, &test, &call, m->finding))
        return false;
    m->test = test;
    bool right = train(m, &call) && judge(m, &call, words);
    m->test = kept;
    if (right)
        advance(m, &call);
    return right;
}

/* A NaN or Inf reaches its channel's statistics, and stays there until they are
 * set anew. */
static void check_poison(machine *m)
{
    ng_call_state *bad = &m->batch[0].call;
    if (!train(m, bad) || !judge(m, bad, "the batch with a NaN or Inf"))
        return;
    advance(m, bad);
    m->test.batches++;
    if (!train_ordinary(m, 1, "the batch after one with a NaN or Inf"))
        return;
    m->test.batches++;
    if (!train_ordinary(m, 2, "two batches after one with a NaN or Inf"))
        return;
    reset(m);
    train_ordinary(m, 3, "the first batch after a reset");
}

/* No value or one of each channel: refused, or by what the contract says. */
static void check_few(machine *m)
{
    const ng_contract *contract = m->trial->contract;
    ng_call_state *call = &m->batch[0].call;
    bool empty = m->test.rows * m->test.n == 0;
    bool refuse = ng_case_forbidden(&m->test, contract) != NULL;
    bool skip = !empty && contract->one_value == ng_one_value_skip;
    bool answered = train(m, call);
    if (!answered && m->finding->verdict != NG_PASS)
        return;
    if (answered) {
        if (!judge(m, call, empty ? "no values" : "one value per channel") ||
            (empty && !refuse &&
             !unmoved(m, call, true, true, " by a batch of nothing")) ||
            (skip && !unmoved(m, call, false, true,
                              " by one value, though one_value=skip")) ||
            (refuse &&
             !stays_finite(m, call,
                           " in a call that the contract says it refuses")))
            return;
        advance(m, call);
    }
    train_ordinary(m, 1,
                   empty ? "the batch after one of nothing"
                         : "the batch after one of one value per channel");
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    machine *m = ng_arena_alloc(&trial->arena, 1, sizeof *m);
    if (m == NULL) {
        ng_finding_fail(finding, NG_ERROR, "no memory for a sequence");
        return;
    }
    if (!begin(m, trial, test, finding))
        return;
    if (test->rows * test->n == 0 || test->n == 1)
        check_few(m);
    else if (strcmp(test->gen, "nonfinite") == 0)
        check_poison(m);
    else
        check_sequence(m);
}

const ng_property ng_property_running = {
    .name = "running",
    .claim = "over any sequence of training calls, eval calls and resets the "
             "running statistics follow their closed form, whatever the "
             "momentum, and y does not depend on them; one bad batch stays in "
             "its channel, one of nothing moves nothing",
    .why = "what a model serves with is this state; a wrong weight or divisor "
           "is invisible in training and shifts every prediction after it",
    .source = "Ioffe, Szegedy 2015, algorithm 2; the moving average as a "
              "linear recurrence; BOUNDS.md, running statistics",
    .wild = "microsoft/onnxruntime#29790: y itself changed with momentum; "
            "kakaobrain/trident#125: a biased running variance; "
            "pytorch/pytorch#12013: NaN after a batch of nothing",
    .process = true,
    .applies = applies,
    .plan = plan,
    .check = check,
};
