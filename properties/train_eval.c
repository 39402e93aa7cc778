/* Train, eval: with given statistics the norm is one affine map per channel,
 * y = gamma (x - mean)/sqrt(var + eps) + beta. So an output hangs on its own
 * element and its channel: not on the other samples, not on where it stands,
 * not on what was computed before. Where training calls have moved the
 * statistics, the new ones count. */
#include "judge.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "random"},
    {"offset", 10, NG_EPS, "random"},
    {"wide", 20, NG_EPS, "spread"},
};

static const ng_plan_size sizes[] = {
    {6, 12, ng_smoke},
    {4, 2, ng_gate},
    {6, 35, ng_gate},
    {8, 256, ng_gate},
};

static bool applies(const ng_contract *contract)
{
    return !ng_pass_find(contract->pass)->training;
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

static ng_role result_of(const ng_trial *trial)
{
    return ng_pass_find(trial->contract->pass)->gradient ? ng_tensor_dx
                                                         : ng_tensor_y;
}

/* Calls and judges; the words tell which call it was. */
static bool judged(ng_trial *trial, const ng_case *test, ng_call_state *call,
                   const char *words, ng_finding *finding)
{
    if (!ng_trial_call(trial, test, call, finding) ||
        !ng_trial_judge(trial, call, finding))
        return false;
    if (finding->verdict != NG_FAIL)
        return true;
    ng_diagnose(trial, call, finding);
    size_t used = strlen(finding->cause);
    if (used + 3 < sizeof finding->cause)
        snprintf(finding->cause + used, sizeof finding->cause - used, "%s(%s)",
                 used > 0 ? " " : "", words);
    return false;
}

/* Where element (c, s) of example b lies. */
static size_t place(const ng_case *test, const ng_call_state *call, size_t b,
                    size_t c, size_t s)
{
    ptrdiff_t stride[3];
    ng_case_strides(test, call->problem.contract, stride);
    return call->problem.view.start + b * (size_t)stride[0] +
           c * (size_t)stride[1] + s * (size_t)stride[2];
}

/* Example `from` of one call and `to` of another, bit for bit. */
static bool same_example(ng_trial *trial, const ng_case *left,
                         const ng_call_state *a, size_t from,
                         const ng_case *right, const ng_call_state *b,
                         size_t to, const char *words, ng_finding *finding)
{
    ng_role role = result_of(trial);
    const ng_tensor *x = &a->tensor[role], *y = &b->tensor[role];
    if (trial->contract->batch_invariant != ng_batch_invariant_yes)
        return true;
    for (size_t k = 0; k < left->C * left->spatial; k++) {
        size_t c = k / left->spatial, s = k % left->spatial;
        size_t i = place(left, a, from, c, s), j = place(right, b, to, c, s);
        double want = ng_dtype_get(x->dtype, x->data, i);
        double got = ng_dtype_get(y->dtype, y->data, j);
        if (ng_dtype_bits(x->dtype, x->data, i) ==
                ng_dtype_bits(y->dtype, y->data, j) ||
            (isnan(want) && isnan(got)))
            continue;
        ng_judged output = {
            .role = role,
            .set = c,
            .i = s,
            .x = NAN,
            .point = {.kind = ng_kind_value, .rounded = want, .high = want},
            .got = got,
            .ratio = INFINITY};
        ng_finding_merge(finding, &output);
        ng_finding_fail(finding, NG_FAIL,
                        "%s: channel %zu, position %zu of sample %zu is %g and "
                        "%g, though the contract promises batch_invariant=yes",
                        words, c, s, from, want, got);
        return false;
    }
    return true;
}

static const ng_role inputs[2] = {ng_tensor_x, ng_tensor_dy};

/* Another first sample: ordinary numbers, then a NaN. The others stay. */
static bool uncoupled(ng_trial *trial, const ng_case *test,
                      const ng_call_state *base, ng_finding *finding)
{
    static const char *const words[] = {"with another first sample",
                                        "with a NaN in the first sample"};
    ng_call_state call;
    if (test->N < 2)
        return true;
    for (int spoiled = 0; spoiled < 2; spoiled++) {
        if (!ng_trial_copy(trial, base, &call, finding))
            return false;
        for (size_t k = 0; k < test->C * test->spatial; k++) {
            size_t at =
                place(test, &call, 0, k / test->spatial, k % test->spatial);
            for (int r = 0; r < 2; r++) {
                ng_tensor *t = &call.tensor[inputs[r]];
                if (t->data != NULL)
                    ng_dtype_set(
                        t->dtype, t->data, at,
                        spoiled ? NAN
                                : 3 - 2 * ng_dtype_get(t->dtype, t->data, at));
            }
        }
        if (!judged(trial, test, &call, words[spoiled], finding))
            return false;
        for (size_t b = 1; b < test->N; b++) {
            if (!same_example(trial, test, base, b, test, &call, b,
                              words[spoiled], finding))
                return false;
        }
    }
    return true;
}

/* Equal samples, each at its own place in the batch. */
static bool placeless(ng_trial *trial, const ng_case *test,
                      const ng_call_state *base, ng_finding *finding)
{
    ng_call_state call;
    if (!ng_trial_copy(trial, base, &call, finding))
        return false;
    for (size_t k = 0; k < test->N * test->C * test->spatial; k++) {
        size_t c = k / test->spatial % test->C, s = k % test->spatial;
        size_t b = k / test->spatial / test->C;
        for (int r = 0; r < 2; r++) {
            ng_tensor *t = &call.tensor[inputs[r]];
            if (t->data != NULL)
                ng_dtype_set(t->dtype, t->data, place(test, &call, b, c, s),
                             ng_dtype_get(t->dtype, t->data,
                                          place(test, &call, 0, c, s)));
        }
    }
    if (!judged(trial, test, &call, "with equal samples", finding))
        return false;
    for (size_t b = 0; b < test->N; b++) {
        if (!same_example(trial, test, &call, 0, test, &call, b,
                          "equal samples of one batch", finding) ||
            !same_example(trial, test, base, 0, test, &call, b,
                          "a sample in another batch", finding))
            return false;
    }
    return true;
}

/* The last sample without the others. */
static bool alone(ng_trial *trial, const ng_case *test,
                  const ng_call_state *base, ng_finding *finding)
{
    ng_case single = *test;
    ng_call_state call;
    single.N = 1;
    trial->op->complete(&single);
    if (!ng_trial_prepare(trial, &single, &call, finding))
        return false;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_tensor *to = &call.tensor[role];
        const ng_tensor *from = &base->tensor[role];
        if (to->use != ng_input || to->data == NULL)
            continue;
        if (ng_role_extent(role) != ng_per_element) {
            memcpy(to->data, from->data,
                   to->count * ng_format_of(to->dtype)->size);
            continue;
        }
        for (size_t k = 0; k < test->C * test->spatial; k++) {
            size_t c = k / test->spatial, s = k % test->spatial;
            ng_dtype_set(to->dtype, to->data, place(&single, &call, 0, c, s),
                         ng_dtype_get(from->dtype, from->data,
                                      place(test, base, test->N - 1, c, s)));
        }
    }
    return judged(trial, &single, &call, "the last sample alone", finding) &&
           same_example(trial, test, base, test->N - 1, &single, &call, 0,
                        "the last sample alone", finding);
}

/* --- statistics that training moves -------------------------------------------- */

static const ng_role running[2] = {ng_tensor_running_mean,
                                   ng_tensor_running_var};

static bool with_statistics(ng_trial *trial, const ng_case *test,
                            const ng_call_state *base,
                            const void *const given[], const char *words,
                            ng_call_state *call, ng_finding *finding)
{
    if (!ng_trial_copy(trial, base, call, finding))
        return false;
    for (int k = 0; k < 2; k++) {
        ng_tensor *t = &call->tensor[running[k]];
        memcpy(t->data, given[k], t->count * ng_format_of(t->dtype)->size);
    }
    return judged(trial, test, call, words, finding);
}

/* Train, eval, train, eval: each eval takes what the last training returned.
 * What is wrong with that is the training kernel's own affair. */
static bool after_training(ng_trial *trial, const ng_case *test,
                           const ng_call_state *base, ng_finding *finding)
{
    static const char *const words[] = {"after one training call",
                                        "after two training calls"};
    size_t partner = ng_trial_partner(trial, "forward");
    ng_case training = *test;
    ng_call_state call, eval;
    ng_finding ignored;
    ng_finding_init(&ignored);
    strcpy(training.pass, "forward");
    training.momentum = 0.5;
    if (partner == SIZE_MAX || training.n < 2 ||
        !ng_trial_prepare_partner(trial, partner, &training, &call, &ignored) ||
        call.tensor[running[0]].use != ng_update)
        return true;
    call.problem.momentum = training.momentum;
    for (int step = 0; step < 2; step++) {
        const void *given[2];
        if (!ng_trial_call(trial, &training, &call, &ignored))
            return true;
        for (int k = 0; k < 2; k++) {
            const ng_tensor *t = &call.tensor[running[k]];
            size_t bytes = t->count * ng_format_of(t->dtype)->size;
            void *copy = ng_arena_alloc(&trial->arena, bytes, 1);
            if (copy == NULL) {
                ng_finding_fail(finding, NG_ERROR, "no memory for a state");
                return false;
            }
            given[k] = memcpy(copy, t->data, bytes);
        }
        call.problem.running_mean = given[0];
        call.problem.running_var = given[1];
        if (!with_statistics(trial, test, base, given, words[step], &eval,
                             finding))
            return false;
    }
    return true;
}

/* Given the statistics of the very batch, rounded, eval does what training
 * does, but for that rounding: both exact values say how far they may part. */
static bool as_in_training(ng_trial *trial, const ng_case *test,
                           const ng_call_state *base, ng_finding *finding)
{
    ng_arena *arena = &trial->arena;
    ng_contract training = *trial->contract;
    ng_problem problem = base->problem;
    ng_error error;
    ng_call_state eval;
    void *given[2];
    if (training.op[0] != 'b') /* instance norm: a channel has many sets */
        return true;
    strcpy(training.pass, "forward");
    ng_contract_set(&training, "running", "none");
    ng_contract_set(&training, "saved", "mean_var");
    problem.contract = &training;
    const ng_exact *exact = ng_exact_compute(arena, &problem, &error);
    if (exact == NULL) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return false;
    }
    for (int k = 0; k < 2; k++) {
        const ng_tensor *t = &base->tensor[running[k]];
        given[k] =
            ng_arena_alloc(arena, t->count, ng_format_of(t->dtype)->size);
        if (given[k] == NULL) {
            ng_finding_fail(finding, NG_ERROR, "no memory for statistics");
            return false;
        }
        for (size_t c = 0; c < t->count; c++) {
            ng_point point;
            ng_exact_at(exact, k == 0 ? ng_tensor_mean : ng_tensor_var, c, 0,
                        &point);
            ng_dtype_set(t->dtype, given[k], c, point.rounded);
        }
    }
    if (!with_statistics(trial, test, base, (const void *const *)given,
                         "given the statistics of the batch", &eval, finding))
        return false;
    if (result_of(trial) != ng_tensor_y)
        return true;
    /* How far apart, in words: the kernel's eval and exact training. */
    double apart = 0, between = 0;
    ng_exact *fixed = ng_exact_compute(arena, &eval.problem, &error);
    const ng_tensor *y = &eval.tensor[ng_tensor_y];
    for (size_t set = 0; fixed != NULL && set < test->rows; set++) {
        for (size_t i = 0; i < test->n; i++) {
            ng_point train, given_point;
            ng_exact_at(exact, ng_tensor_y, set, i, &train);
            ng_exact_at(fixed, ng_tensor_y, set, i, &given_point);
            double want = ldexp(train.high, train.exponent);
            double got = ng_dtype_get(
                y->dtype, y->data, ng_view_index(&base->problem.view, set, i));
            double ulp = ng_dtype_ulp(y->dtype, want);
            apart = fmax(apart, fabs(got - want) / ulp);
            between = fmax(
                between,
                fabs(ldexp(given_point.high, given_point.exponent) - want) /
                    ulp);
        }
    }
    ng_finding_note(finding,
                    "given the batch's own statistics, eval is within %.3g ulp "
                    "of exact training; rounding them explains %.3g",
                    apart, between);
    return true;
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state base;
    if (!ng_trial_run(trial, test, &base, finding) ||
        !uncoupled(trial, test, &base, finding) ||
        !placeless(trial, test, &base, finding) ||
        !alone(trial, test, &base, finding) ||
        !after_training(trial, test, &base, finding))
        return;
    as_in_training(trial, test, &base, finding);
}

const ng_property ng_property_train_eval = {
    .name = "train_eval",
    .claim = "in inference the norm is a fixed affine map per channel: samples "
             "do not touch each other, the statistics given last count, and "
             "those of the batch itself give what training gives",
    .why = "a served sample must not depend on whom it was batched with, and "
           "a model must serve what it learned",
    .source = "Ioffe, Szegedy 2015, algorithm 2, line 11: inference is linear "
              "with fixed mean and variance; contract field batch_invariant",
    .wild = "apache/tvm#19574: eval normalized by the statistics of the batch; "
            "pytorch/xla#913: the gradient in eval was that of training",
    .process = true,
    .applies = applies,
    .plan = plan,
    .check = check,
};
