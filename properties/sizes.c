/* Sizes: every length round the widths of vectors, blocks and dispatch bands,
 * with a mean that is not zero, so that a lane too many or too few shows. */
#include "plan.h"
#include "trial.h"

#include <stdio.h>

enum { EVERY = 130 }; /* all sizes up to here */

static const size_t larger[] = {
    255,   256,   257,   511,   512,   513,   769,   1023,  1024, 1025,
    2047,  2048,  2049,  4095,  4096,  4097,  8191,  8192,  8193, 16383,
    16384, 16385, 32767, 32768, 32769, 65535, 65536, 65537,
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    size_t step = trial->profile == ng_smoke ? 13 : 1;
    size_t small = EVERY / step, large = sizeof larger / sizeof larger[0];
    if (trial->profile == ng_smoke)
        large = 10;
    if (i >= small + large)
        return false;
    ng_case_init(test, trial->op->name, ng_contract_storage(trial->contract));
    test->n = i < small ? 1 + i * step : larger[i - small];
    test->rows = test->n <= 1025 ? 2 : 1;
    snprintf(test->gen, sizeof test->gen, "offset");
    test->gen_arg = 10;
    test->seed = trial->seed * 1000003 + i;
    return true;
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    ng_trial_run(trial, test, &call, finding);
}

const ng_property ng_property_sizes = {
    .name = "sizes",
    .claim = "every length from 1 to 130, and round the powers of two to "
             "65537, is within its bound",
    .why = "tails, masks and dispatch bands are where kernels differ from "
           "their tests; zero-mean data hides padded lanes",
    .source = "exact reference; bounds as for accuracy",
    .wild = "triton-lang/triton#9838: padded lanes added (B-n)*mean^2 to the "
            "variance, 95% wrong at n=3",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
