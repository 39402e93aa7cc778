/* Threads: two that call at once do not disturb each other, and, where the
 * contract promises it, the thread count does not change the bits. */
#include "again.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Calls long enough to be stopped in their middle; the last is for kernels that
 * share the work among threads of their own. */
static const ng_plan_row rows[] = {{"normal", NAN, NG_EPS, "random"}};
static const ng_plan_size sizes[] = {
    {2, 2048, ng_smoke},
    {3, 4096, ng_gate},
    {64, 128, ng_gate},
    {32, 8192, ng_deep},
};

/* Of which cases first calls are made too: one of each kernel, since a process
 * is started for each. */
enum { FIRST_CALLS_N = 2048 };

/* Thread counts are compared where there is work for them. */
enum { SHARED_WORK = 8192 };

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

static bool applies(const ng_contract *contract)
{
    return contract->reentrant == ng_reentrant_yes ||
           contract->thread_invariant == ng_thread_invariant_yes;
}

/* --- two at once ------------------------------------------------------------ */

static bool call_both(ng_trial *trial, const ng_case *const test[2],
                      ng_call_state *const call[2], ng_together *together,
                      ng_finding *finding)
{
    ng_request request[2];
    ng_reply reply[2];
    for (size_t k = 0; k < 2; k++)
        ng_trial_request(test[k], call[k], &request[k]);
    ng_subject_call_together(trial->subject, request, together, reply);
    /* Rounds; before them the first alone, twice, and the second. */
    finding->calls += 2 * (size_t)together->tried + (together->cold ? 0 : 3);
    for (size_t k = 0; k < 2; k++) {
        call[k]->reply = reply[k];
        if (reply[k].verdict == NG_REFUSED &&
            ng_case_forbidden(test[k], call[k]->problem.contract) != NULL)
            return false;
        if (reply[k].verdict != NG_PASS || reply[k].breaches != 0) {
            ng_finding_fail(
                finding,
                reply[k].verdict != NG_PASS ? reply[k].verdict : NG_FAIL,
                "two threads that call at once: %s", reply[k].message);
            return false;
        }
    }
    return true;
}

/* Wrong outputs of two calls at once; and alone? */
static void explain(ng_trial *trial, const ng_case *test,
                    const ng_call_state *call, bool first_calls,
                    ng_finding *finding)
{
    ng_call_state alone;
    ng_finding lone;
    char cause[sizeof finding->cause];
    ng_finding_init(&lone);
    memcpy(cause, finding->cause, sizeof cause);
    bool right = ng_trial_copy(trial, call, &alone, &lone) &&
                 ng_trial_call(trial, test, &alone, &lone) &&
                 ng_trial_judge(trial, &alone, &lone) &&
                 lone.verdict == NG_PASS;
    ng_finding_fail(
        finding, finding->verdict, "%.200s; the same call %s", cause,
        !right        ? "alone is wrong too: not by the threads, or they "
                        "spoilt what it keeps"
        : first_calls ? "alone is right, and later calls at once are: one "
                        "does not wait for what the first prepares"
                      : "alone is right: they share memory that should be "
                        "each one's own");
}

/* All rounds but the last gave the bits of the calls alone; that one is
 * compared here. */
static void count_rounds(const ng_call_state *call, unsigned rounds,
                         ng_finding *finding)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT && rounds > 1; role++) {
        const ng_tensor *tensor = &call->tensor[role];
        if (tensor->data != NULL &&
            (tensor->use == ng_output || tensor->use == ng_update))
            finding->compared += (rounds - 1) * ng_again_outputs(call, role);
    }
}

/* Each output of both, against the exact value. */
static bool judge_both(ng_trial *trial, const ng_case *const test[2],
                       ng_call_state *const call[2],
                       const ng_call_state *const first[2], bool first_calls,
                       ng_finding *finding)
{
    for (size_t k = 0; k < 2; k++) {
        if (ng_again_judge(trial, first[k], call[k],
                           first_calls
                               ? "two threads that call at once, as the first "
                                 "calls of a process"
                               : "two threads that call at once",
                           finding))
            continue;
        if (finding->verdict == NG_FAIL)
            explain(trial, test[k], call[k], first_calls, finding);
        return false;
    }
    return true;
}

/* Rounds: half of them overlap by design, so that any memory which two calls
 * share and which lives for a tenth of a call is met several times. Kernels
 * whose bits change from call to call end after a few: then each differing
 * pair is judged. */
enum { ROUNDS = 24, JUDGED = 3 };

/* Two first calls of a process: what one prepares, the other waits for. The
 * second comes this long after the first has begun. */
static const double first_calls[] = {0, 2e-6, 2e-5, 2e-4};
enum { FIRST_CALLS = sizeof first_calls / sizeof first_calls[0] };

static bool at_once(ng_trial *trial, const ng_case *test, ng_call_state *first,
                    ng_finding *finding)
{
    ng_case other = *test;
    ng_call_state second, pair[2];
    unsigned tried = 0, overlapped = 0;
    other.seed += 400009;
    if (!ng_trial_prepare(trial, &other, &second, finding) ||
        !ng_trial_call(trial, &other, &second, finding) ||
        !ng_again_right(trial, &second, "a call after another", finding) ||
        !ng_trial_copy(trial, first, &pair[0], finding) ||
        !ng_trial_copy(trial, &second, &pair[1], finding))
        return false;
    const ng_case *const tests[2] = {test, &other};
    const ng_call_state *const before[2] = {first, &second};
    ng_call_state *const call[2] = {&pair[0], &pair[1]};
    for (size_t k = 0; k < JUDGED; k++) {
        ng_together together = {.rounds = ROUNDS, .seconds = 0.05};
        if (!call_both(trial, tests, call, &together, finding))
            return false;
        count_rounds(call[0], together.tried, finding);
        count_rounds(call[1], together.tried, finding);
        if (!judge_both(trial, tests, call, before, false, finding))
            return false;
        tried += together.tried;
        overlapped += together.overlapped;
        if (!together.differ)
            break;
    }
    ng_finding_note(finding,
                    "%u rounds of two calls at once, %u of them with "
                    "one inside the other",
                    tried, overlapped);
    for (size_t k = 0; test->n == FIRST_CALLS_N && k < FIRST_CALLS; k++) {
        ng_together cold = {.cold = true, .seconds = first_calls[k]};
        if (!call_both(trial, tests, call, &cold, finding) ||
            !judge_both(trial, tests, call, before, true, finding))
            return false;
    }
    return true;
}

/* --- thread counts ---------------------------------------------------------- */

/* A fresh process under this count gives the same bits. */
static bool same_bits(ng_trial *trial, const ng_case *test, unsigned threads,
                      ng_call_state *first, bool reference, ng_finding *finding)
{
    ng_error error;
    ng_subject *again;
    ng_call_state call;
    char words[160];
    if (ng_subject_again(&again, trial->subject, threads, &error) !=
        ng_status_ok) {
        ng_finding_fail(finding, NG_ERROR, "with %u threads: %.300s", threads,
                        error.text);
        return false;
    }
    ng_trial other = *trial; /* its memory is the trial's */
    other.subject = again;
    bool called = ng_trial_copy(&other, first, &call, finding) &&
                  ng_trial_call(&other, test, &call, finding);
    trial->arena = other.arena;
    ng_subject_close(again);
    snprintf(words, sizeof words, "with %u threads", threads);
    if (!called || !ng_again_judge(trial, first, &call, words, finding))
        return false;
    if (reference) {
        *first = call;
        return true;
    }
    ng_difference at = ng_again_differs(first, &call);
    if (at.role == NG_TENSOR_COUNT)
        return true;
    snprintf(words, sizeof words,
             "%u threads give other bits than 1, though the contract promises "
             "thread_invariant=yes",
             threads);
    ng_again_fail_bits(finding, &first->tensor[at.role], at.i,
                       &call.tensor[at.role], at.i, at.role, words);
    return false;
}

static void try_calls(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    static const unsigned counts[] = {1, 2, 3, 8};
    const ng_contract *contract = trial->contract;
    ng_call_state first;
    if (!ng_trial_run(trial, test, &first, finding))
        return;
    if (contract->reentrant == ng_reentrant_yes &&
        ng_subject_can_together(trial->subject) &&
        !at_once(trial, test, &first, finding))
        return;
    if (contract->thread_invariant != ng_thread_invariant_yes ||
        test->rows * test->n < SHARED_WORK)
        return;
    size_t compared = 0;
    while (compared < sizeof counts / sizeof counts[0] &&
           same_bits(trial, test, counts[compared], &first, compared == 0,
                     finding))
        compared++;
    const double tried = (double)compared;
    ng_finding_column(finding, "counts", &tried, 1);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    try_calls(trial, test, finding);
    ng_again_columns(finding);
}

const ng_property ng_property_threads = {
    .name = "threads",
    .claim = "two threads may call at once, each with its own tensors; and the "
             "thread count does not change the bits where that is promised",
    .why = "a static scratch buffer gives one user's activations to another, "
           "and a result that depends on the machine's cores cannot be "
           "reproduced on the next",
    .source = "contract fields reentrant and thread_invariant; each round of "
              "two calls is judged against the exact values",
    .wild = "tillahoffmann/jax-mps#168: a write-after-read hazard in a "
            "shared buffer made dbeta wrong in 108 of 2000 runs; "
            "ikawrakow/ik_llama.cpp#916: overlapping buffers, results that "
            "change from run to run",
    .process = true,
    .applies = applies,
    .plan = plan,
    .check = check,
};
