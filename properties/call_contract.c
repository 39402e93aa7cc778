/* Call contract: a kernel reads its inputs, writes every element of its
 * outputs and nothing else, and leaves the floating-point environment alone,
 * in whatever manner it is called: buffers that end or begin at a guard page,
 * at any address that the promised alignment allows, over memory that holds a
 * NaN or a number, in place, and without each tensor that may be NULL. Inputs
 * cannot be written. The outputs are right every time. */
#include "again.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* The finding's cause, whatever it is, happened in this manner. */
static void add_manner(ng_finding *finding, const char *words)
{
    char cause[sizeof finding->cause];
    memcpy(cause, finding->cause, sizeof cause);
    if (words[0] != '\0')
        ng_finding_fail(finding, finding->verdict, "%s: %.300s", words, cause);
}

/* A call in another manner than the first, which was right; NULL: it was wrong
 * anyway, and only what the call does to memory is looked at. */
static bool try_manner(ng_trial *trial, const ng_case *test,
                       const ng_call_state *first, ng_call_state *call,
                       const ng_manner *manner, const char *words,
                       ng_finding *finding)
{
    if (!ng_subject_can(trial->subject, manner))
        return true;
    if (!ng_trial_call_as(trial, test, call, manner, finding)) {
        add_manner(finding, words);
        return false;
    }
    if (call->reply.breaches != 0) {
        ng_finding_fail(finding, NG_FAIL, "%s", call->reply.message);
        add_manner(finding, words);
        return false;
    }
    return first == NULL ||
           ng_again_judge(trial, first, call,
                          words[0] != '\0' ? words : "a second call", finding);
}

static bool try_places(ng_trial *trial, const ng_case *test,
                       const ng_call_state *first, ng_call_state *call,
                       ng_finding *finding)
{
    /* Modulo 64 to 4096, and each tensor otherwise than the next. */
    static const size_t steps[] = {1, 5, 33};
    size_t unit = (size_t)trial->contract->alignment;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        size_t size = ng_format_of(call->tensor[role].dtype)->size;
        if (call->tensor[role].data != NULL && size > unit)
            unit = size; /* no element is torn apart */
    }
    char words[80];
    if (!try_manner(trial, test, first, call,
                    &(ng_manner){.guard_before = true}, "", finding) ||
        !try_manner(trial, test, first, call, &(ng_manner){.huge_before = true},
                    "with large numbers in the outputs before the call",
                    finding))
        return false;
    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        const ng_manner manner = {.guard_before = k % 2 == 0,
                                  .skew = unit * steps[k]};
        snprintf(words, sizeof words,
                 "with tensors at other addresses, %zu bytes apart modulo 4096",
                 manner.skew % 4096);
        if (!try_manner(trial, test, first, call, &manner, words, finding))
            return false;
    }
    return true;
}

static bool try_in_place(ng_trial *trial, const ng_case *test,
                         const ng_call_state *first, ng_call_state *call,
                         ng_finding *finding)
{
    bool gradient = ng_pass_find(trial->contract->pass)->gradient;
    return trial->contract->in_place != ng_in_place_yes ||
           try_manner(trial, test, first, call, &(ng_manner){.in_place = true},
                      gradient ? "in place (dx is dy)" : "in place (y is x)",
                      finding);
}

/* Tensors that impl.h lets be NULL under `nullable`. */
static bool may_be_null(const ng_trial *trial, const ng_call_state *call,
                        ng_role role)
{
    const ng_tensor *tensor = &call->tensor[role];
    bool all = trial->contract->nullable == ng_nullable_all;
    if (trial->contract->nullable == ng_nullable_none || tensor->data == NULL)
        return false;
    if (tensor->use == ng_output)
        return role != ng_tensor_y;
    return all && (role == ng_tensor_gamma || role == ng_tensor_beta);
}

static void drop(ng_call_state *call, ng_role role)
{
    call->tensor[role].data = NULL;
    if (role == ng_tensor_gamma) {
        call->problem.gamma = NULL;
        call->tensor[ng_tensor_dgamma].data = NULL; /* of what is not there */
    }
    if (role == ng_tensor_beta)
        call->problem.beta = NULL;
}

static bool try_without(ng_trial *trial, const ng_case *test,
                        const ng_call_state *first, ng_call_state *call,
                        const char *words, ng_finding *finding)
{
    bool same = call->problem.gamma == first->problem.gamma &&
                call->problem.beta == first->problem.beta;
    const ng_manner ordinary = {0};
    if (same)
        return try_manner(trial, test, first, call, &ordinary, words, finding);
    if (!ng_trial_call_as(trial, test, call, &ordinary, finding)) {
        add_manner(finding, words);
        return false;
    }
    return ng_again_right(trial, call, words, finding);
}

/* Each alone, then each alone wanted: all others NULL. */
static bool try_nulls(ng_trial *trial, const ng_case *test,
                      const ng_call_state *first, const ng_call_state *other,
                      ng_finding *finding)
{
    char words[80];
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_call_state call = *other, rest = *other;
        size_t others = 0;
        if (!may_be_null(trial, first, role))
            continue;
        bool output = first->tensor[role].use == ng_output;
        for (ng_role r = 0; output && r < NG_TENSOR_COUNT; r++) {
            if (r == role || first->tensor[r].use != ng_output ||
                !may_be_null(trial, first, r))
                continue;
            drop(&rest, r);
            others++;
        }
        drop(&call, role);
        /* A backward call must have something to do. */
        bool wanted = others > 0 || first->tensor[ng_tensor_y].data != NULL;
        snprintf(words, sizeof words, "with %s NULL", ng_role_name(role));
        if ((wanted || !output) &&
            !try_without(trial, test, first, &call, words, finding))
            return false;
        snprintf(words, sizeof words, "with every output NULL but %s%s",
                 first->tensor[ng_tensor_y].data != NULL ? "y and " : "",
                 ng_role_name(role));
        if (others > 1 &&
            !try_without(trial, test, first, &rest, words, finding))
            return false;
    }
    return true;
}

/* An ordinary call that is wrong each time is for the other properties; one
 * that is right when it is made again broke no formula. */
static void wrong_at_first(ng_trial *trial, const ng_case *test,
                           ng_call_state *call, const ng_finding *first,
                           ng_finding *finding)
{
    ng_finding again;
    ng_finding_init(&again);
    if (!ng_trial_call(trial, test, call, &again) ||
        !ng_trial_judge(trial, call, &again) || again.verdict != NG_PASS)
        return;
    *finding = *first;
    ng_finding_fail(finding, NG_FAIL,
                    "the first of two equal calls is wrong in %zu of %zu "
                    "outputs, the other is right",
                    first->wrong, first->elements);
}

static void try_calls(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state first, call;
    const char *load = ng_subject_load_breach(trial->subject);
    if (load != NULL) {
        ng_finding_fail(finding, NG_FAIL, "%s", load);
        return;
    }
    if (!ng_trial_prepare(trial, test, &first, finding) ||
        !ng_trial_call(trial, test, &first, finding))
        return;
    if (first.reply.breaches != 0) {
        ng_finding_fail(finding, NG_FAIL, "%s", first.reply.message);
        return;
    }
    if (!ng_trial_copy(trial, &first, &call, finding))
        return;
    ng_finding values = *finding;
    if (!ng_trial_judge(trial, &first, &values)) {
        *finding = values;
    } else if (values.verdict == NG_PASS) {
        *finding = values;
        if (try_places(trial, test, &first, &call, finding) &&
            try_in_place(trial, test, &first, &call, finding))
            try_nulls(trial, test, &first, &call, finding);
    } else if (try_places(trial, test, NULL, &call, finding)) {
        wrong_at_first(trial, test, &call, &values, finding);
    }
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    try_calls(trial, test, finding);
    ng_again_columns(finding);
}

const ng_property ng_property_call_contract = {
    .name = "call_contract",
    .claim = "a call writes every element of its outputs and nothing else, "
             "leaves rounding mode and FTZ/DAZ as they were, and is right at "
             "any address, over any memory, in place and without what may be "
             "NULL",
    .why = "a stray write corrupts a neighbour's tensor, an element left out "
           "keeps the last call's value, a changed MXCSR breaks other "
           "libraries, an unasked-for gradient is a null pointer",
    .source = "normgate/impl.h; design by guard pages and poisoned outputs",
    .wild = "ROCm/aiter#5044: n=769 wrote into column 0 of the following rows; "
            "pytorch/pytorch#193016: out-of-bounds write of dgamma; "
            "linkedin/Liger-Kernel#376: dy overwritten while still needed",
    .process = true,
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
