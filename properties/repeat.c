/* Repeat: equal calls give equal results, whatever ran between them, and an
 * example gives the same result alone, in another batch and at another place
 * in it. The bits are judged where the contract promises them; results that
 * are not right the second time always fail. */
#include "again.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "random"},
    {"offset", 10, NG_EPS, "random"},
};

static const ng_plan_size sizes[] = {
    {5, 8, ng_smoke},
    {4, 33, ng_gate},
    {3, 257, ng_gate},
    {3, 1024, ng_gate},
    /* Round the rows of a warp, a block and a grid. */
    {9, 100, ng_gate},
    {33, 48, ng_gate},
    {257, 12, ng_gate},
};

/* Where a kernel's own threads take part: equal calls alone. */
static const ng_plan_row large_rows[] = {{"normal", NAN, NG_EPS, "random"}};
static const ng_plan_size large_sizes[] = {
    {16, 2048, ng_gate}, {256, 64, ng_deep}, {64, 16384, ng_deep}};
enum { LARGE = 8192, REPETITIONS = 8 };

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    size_t count = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        count += sizes[s].from <= trial->profile;
    count *= sizeof rows / sizeof rows[0];
    if (i < count)
        return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0],
                             sizes, sizeof sizes / sizeof sizes[0], test);
    return ng_plan_cross(trial, i - count, large_rows, 1, large_sizes,
                         sizeof large_sizes / sizeof large_sizes[0], test);
}

/* --- time ------------------------------------------------------------------- */

/* Another call, judged: nothing may be left of the one before. */
static bool call_other(ng_trial *trial, const ng_case *other, const char *words,
                       ng_finding *finding)
{
    ng_call_state call;
    return ng_trial_prepare(trial, other, &call, finding) &&
           ng_trial_call(trial, other, &call, finding) &&
           ng_again_right(trial, &call, words, finding);
}

/* The first call once more. */
static bool once_more(ng_trial *trial, const ng_case *test,
                      const ng_call_state *first, const char *words,
                      ng_finding *finding)
{
    ng_call_state second;
    if (!ng_trial_copy(trial, first, &second, finding) ||
        !ng_trial_call(trial, test, &second, finding) ||
        !ng_again_judge(trial, first, &second, words, finding))
        return false;
    ng_difference at = ng_again_differs(first, &second);
    if (at.role != NG_TENSOR_COUNT &&
        trial->contract->deterministic == ng_deterministic_yes)
        ng_again_fail_bits(finding, &first->tensor[at.role], at.i,
                           &second.tensor[at.role], at.i, at.role,
                           "two equal calls differ in their bits, though the "
                           "contract promises deterministic=yes");
    return finding->verdict == NG_PASS;
}

/* The same sizes with other contents, at the same addresses; then other sizes,
 * as many elements as before where that can be, else one more in each set. */
static bool over_time(ng_trial *trial, const ng_case *test,
                      const ng_call_state *first, ng_finding *finding)
{
    ng_case same = *test, shape = *test;
    same.seed += 500009;
    shape.seed += 700001;
    if (!call_other(trial, &same, "a call after another of the same sizes",
                    finding) ||
        !once_more(trial, test, first,
                   "the second of two equal calls gives another result",
                   finding))
        return false;
    ng_case_reshape(&shape, test->n % 2 == 0 ? 2 * test->rows : test->rows,
                    test->n % 2 == 0 ? test->n / 2 : test->n + 1);
    return call_other(trial, &shape, "a call after another of other sizes",
                      finding) &&
           once_more(trial, test, first,
                     "the second of two equal calls gives another result, "
                     "after one of other sizes",
                     finding);
}

/* --- company ---------------------------------------------------------------- */

/* Examples are what lies along x's outermost axis; where no set takes elements
 * from two of them, they do not share a statistic. */
static size_t examples_of(const ng_trial *trial, const ng_case *test)
{
    const ng_contract *contract = trial->contract;
    const ng_pass_info *pass = ng_pass_find(contract->pass);
    if (trial->op->shape == ng_shape_rows)
        return test->rows;
    if (strcmp(test->op, "batch_norm") == 0 && pass->training)
        return 0;
    return test->N;
}

/* One example of a call. */
typedef struct example {
    const ng_case *test;
    const ng_call_state *call;
    size_t number;
} example;

static size_t elements_of(const example *e)
{
    bool channels = e->test->C > 0;
    return channels ? e->test->C * e->test->spatial : e->test->n;
}

/* Index into a tensor of x's shape of the example's k-th element. */
static size_t index_of(const example *e, const ng_contract *contract, size_t k)
{
    ptrdiff_t stride[3];
    bool channels = e->test->C > 0;
    size_t inner = channels ? e->test->spatial : 1;
    ng_case_strides(e->test, contract, stride);
    return e->call->problem.view.start + e->number * (size_t)stride[0] +
           k / inner * (size_t)stride[1] + k % inner * (size_t)stride[2];
}

/* Statistics of one example; none where sets span the batch. */
static size_t statistics_of(const ng_trial *trial, const example *e)
{
    size_t sets = ng_view_sets(&e->call->problem.view);
    size_t count = examples_of(trial, e->test);
    bool apart = trial->op->shape == ng_shape_rows ||
                 strcmp(e->test->op, "batch_norm") != 0;
    return apart && count > 0 ? sets / count : 0;
}

/* How many values of the tensor are the example's own, and where the k-th is. */
static size_t own_count(const ng_trial *trial, const example *e, ng_role role)
{
    switch (ng_role_extent(role)) {
    case ng_per_element: return elements_of(e);
    case ng_per_set: return statistics_of(trial, e);
    default: return 0;
    }
}

static size_t own_index(const ng_trial *trial, const example *e, ng_role role,
                        size_t k)
{
    return ng_role_extent(role) == ng_per_element
               ? index_of(e, trial->contract, k)
               : e->number * statistics_of(trial, e) + k;
}

/* The inputs of one example in the place of those of another. */
static void put(const ng_trial *trial, const example *from, const example *to)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *a = &from->call->tensor[role];
        const ng_tensor *b = &to->call->tensor[role];
        size_t size = ng_format_of(a->dtype)->size;
        if (a->use != ng_input || a->data == NULL)
            continue;
        for (size_t k = 0; k < own_count(trial, from, role); k++)
            memcpy((unsigned char *)b->data +
                       own_index(trial, to, role, k) * size,
                   (const unsigned char *)a->data +
                       own_index(trial, from, role, k) * size,
                   size);
    }
}

/* What all examples share is that of `from`. */
static void put_parameters(const ng_call_state *from, ng_call_state *to)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *a = &from->tensor[role];
        ng_extent extent = ng_role_extent(role);
        bool shared = extent == ng_per_param || extent == ng_per_channel;
        /* Inference of batch norm: rstd and mean of channels, as given. */
        bool given = extent == ng_per_set && a->count == to->tensor[role].count;
        if (a->use == ng_input && a->data != NULL && (shared || given))
            memcpy(to->tensor[role].data, a->data,
                   a->count * ng_format_of(a->dtype)->size);
    }
    to->problem.running_mean = from->problem.running_mean;
    to->problem.running_var = from->problem.running_var;
}

/* The first output of an example whose bits differ between two calls. */
typedef struct other_bits {
    ng_role role; /* NG_TENSOR_COUNT: none */
    size_t i, j;
} other_bits;

static other_bits compare_example(const ng_trial *trial, const example *a,
                                  const example *b, ng_finding *finding)
{
    other_bits found = {.role = NG_TENSOR_COUNT};
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *left = &a->call->tensor[role];
        const ng_tensor *right = &b->call->tensor[role];
        if (left->use != ng_output || left->data == NULL)
            continue;
        finding->compared += own_count(trial, a, role);
        for (size_t k = 0; k < own_count(trial, a, role); k++) {
            size_t i = own_index(trial, a, role, k);
            size_t j = own_index(trial, b, role, k);
            if (ng_dtype_bits(left->dtype, left->data, i) ==
                ng_dtype_bits(right->dtype, right->data, j))
                continue;
            finding->differing++;
            if (found.role == NG_TENSOR_COUNT)
                found = (other_bits){role, i, j};
        }
    }
    return found;
}

/* The same example in two calls: equal bits, or, where they are not promised,
 * a right result. */
static bool same_example(ng_trial *trial, const example *a, const example *b,
                         const char *words, ng_finding *finding)
{
    other_bits at = compare_example(trial, a, b, finding);
    if (at.role == NG_TENSOR_COUNT)
        return true;
    if (!ng_again_right(trial, b->call, words, finding))
        return false;
    if (trial->contract->batch_invariant != ng_batch_invariant_yes)
        return true;
    char cause[300];
    snprintf(cause, sizeof cause,
             "%s: its bits differ, though the contract promises "
             "batch_invariant=yes",
             words);
    ng_again_fail_bits(finding, &a->call->tensor[at.role], at.i,
                       &b->call->tensor[at.role], at.j, at.role, cause);
    return false;
}

/* A batch of one. */
static bool alone(ng_trial *trial, const example *e, ng_finding *finding)
{
    ng_case single = *e->test;
    ng_call_state call;
    char words[120];
    if (trial->op->shape == ng_shape_rows) {
        single.rows = 1;
    } else {
        single.N = 1;
        trial->op->complete(&single);
    }
    if (!ng_trial_prepare(trial, &single, &call, finding))
        return false;
    const example lone = {&single, &call, 0};
    put_parameters(e->call, &call);
    put(trial, e, &lone);
    snprintf(words, sizeof words,
             "example %zu of %zu differs alone / in a batch: alone", e->number,
             examples_of(trial, e->test));
    if (!ng_trial_call(trial, &single, &call, finding))
        return false;
    /* A set of one value where the contract refuses such: judged by it. */
    return same_example(trial, e, &lone, words, finding);
}

enum mates { mates_other, mates_huge, mates_nan, mates_moved, MATES };

/* The same batch, with the example `e` untouched but for its place and all
 * others changed. */
static bool among(ng_trial *trial, const example *e, enum mates mates,
                  ng_finding *finding)
{
    static const char *const names[] = {
        "among other examples", "among examples of large numbers",
        "among examples that are NaN", "at another place of the batch"};
    ng_case other = *e->test;
    ng_call_state call, drawn;
    char words[160];
    size_t count = examples_of(trial, e->test);
    other.seed += 900001;
    if (!ng_trial_prepare(trial, &other, &drawn, finding) ||
        !ng_trial_copy(trial, e->call, &call, finding))
        return false;
    example to = {e->test, &call, e->number};
    if (mates == mates_moved)
        to.number = (e->number + count / 2) % count;
    for (size_t k = 0; k < count; k++) {
        example mate = {e->test, &call, k};
        const example source = {e->test, &drawn, k};
        if (k == to.number)
            continue;
        put(trial, &source, &mate);
        const ng_tensor *x = &call.tensor[ng_tensor_x];
        for (size_t i = 0; i < elements_of(&mate); i++) {
            size_t at = own_index(trial, &mate, ng_tensor_x, i);
            double was = ng_dtype_get(x->dtype, x->data, at);
            /* Squares far above the example's, and yet of every format. */
            if (mates == mates_huge)
                ng_dtype_set(x->dtype, x->data, at, was * 100);
            if (mates == mates_nan && i == 0)
                ng_dtype_set(x->dtype, x->data, at, NAN);
        }
    }
    put(trial, e, &to);
    snprintf(words, sizeof words,
             "example %zu of %zu differs alone / in a batch: %s", e->number,
             count, names[mates]);
    return ng_trial_call(trial, e->test, &call, finding) &&
           same_example(trial, e, &to, words, finding);
}

/* Given statistics belong to the x that they were made of. */
static bool mates_may_change(const ng_trial *trial)
{
    return trial->contract->backward_stats != ng_backward_stats_saved;
}

static void in_company(ng_trial *trial, const ng_case *test,
                       const ng_call_state *batch, ng_finding *finding)
{
    size_t count = examples_of(trial, test);
    if (count < 2)
        return;
    for (size_t number = 0; number < count; number += count - 1) {
        const example e = {test, batch, number};
        if (!alone(trial, &e, finding))
            return;
        for (enum mates m = 0; m < MATES; m++) {
            bool changes = m == mates_huge || m == mates_nan;
            if ((!changes || mates_may_change(trial)) &&
                !among(trial, &e, m, finding))
                return;
        }
    }
}

/* --- all -------------------------------------------------------------------- */

static void try_calls(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state first;
    /* The first call is judged by itself: a state that has gone NaN would
     * make all calls agree. */
    if (!ng_trial_run(trial, test, &first, finding))
        return;
    if (test->rows * test->n > LARGE) {
        for (size_t k = 0; k < REPETITIONS; k++) {
            if (!once_more(trial, test, &first,
                           "the second of two equal calls gives another result",
                           finding))
                return;
        }
        return;
    }
    if (over_time(trial, test, &first, finding))
        in_company(trial, test, &first, finding);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    try_calls(trial, test, finding);
    ng_again_columns(finding);
}

const ng_property ng_property_repeat = {
    .name = "repeat",
    .claim = "equal calls agree, whatever ran between them, and an example "
             "agrees with itself alone, in any batch and at any place of it: "
             "in their bits where promised, else within the bounds",
    .why = "hidden state and batch-dependent orders make results that nobody "
           "can reproduce, and samples that change with their neighbours",
    .source = "contract fields deterministic and batch_invariant",
    .wild = "vllm-project/vllm#48271: the same row differed between 1 and 256 "
            "rows in the launch",
    .process = true,
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
