/* Sizes: every length round the widths of vectors, blocks and dispatch bands,
 * with a mean that is not zero, so that a lane too many or too few shows. */
#include "plan.h"
#include "trial.h"

#include <math.h>
#include <stdio.h>

enum {
    EVERY = 130, /* all sizes up to here */
    RANDOM = 28, /* drawn by the seed, for what no list foresees */
    LONGEST = 6000,
};

/* Round the powers of two; hidden sizes of real models; many rows, round the
 * widths of warps, blocks and grids. */
static const struct {
    size_t rows, n;
} shapes[] = {
    {2, 255},   {2, 256},   {2, 257},   {2, 511},   {2, 512},  {2, 513},
    {2, 769},   {2, 1023},  {2, 1024},  {2, 1025},  {1, 2047}, {1, 2048},
    {1, 2049},  {1, 4095},  {1, 4096},  {1, 4097},  {1, 8191}, {1, 8193},
    {1, 16385}, {1, 32769}, {1, 65537}, {2, 192},   {2, 320},  {2, 383},
    {2, 384},   {2, 639},   {2, 641},   {2, 767},   {2, 768},  {1, 1279},
    {1, 1281},  {1, 1536},  {1, 1537},  {1, 2560},  {1, 3071}, {1, 3072},
    {1, 3584},  {1, 5120},  {1, 6145},  {1, 11008}, {6, 5},    {7, 64},
    {9, 33},    {16, 17},   {31, 9},    {32, 16},   {33, 8},   {63, 5},
    {64, 9},    {65, 12},   {127, 5},   {128, 4},   {129, 3},  {17, 257},
    {3, 1025},  {64, 66},   {255, 6},   {256, 5},   {257, 31}, {511, 3},
    {512, 7},   {513, 4},   {1023, 3},  {1024, 2},  {1025, 7}, {65537, 2},
    {65536, 3}, {65535, 1}, {1, 65535}, {8, 16385},
};
enum {
    SHAPES = sizeof shapes / sizeof shapes[0],
    /* The last ones cost a second together: `deep` only. */
    TALL = 4,
};

/* For batch, group and instance norm: one example and many, more channels and
 * groups than a vector or a block has lanes, channels as many as positions. */
static const struct {
    size_t N, C, spatial, num_groups;
} channels[] = {
    {1, 3, 49, 3},  {2, 7, 7, 7},     {2, 9, 7, 3},    {2, 6, 33, 2},
    {3, 5, 4, 5},   {17, 3, 4, 1},    {2, 3, 100, 3},  {2, 48, 5, 3},
    {33, 16, 3, 4}, {2, 64, 9, 32},   {2, 33, 49, 11}, {4, 32, 64, 32},
    {1, 64, 56, 8}, {2, 128, 17, 32}, {3, 3, 1025, 1}, {257, 2, 1, 1},
    {65, 5, 2, 5},  {1, 257, 3, 257}, {2, 96, 3, 16},  {1025, 3, 1, 3},
};
enum { CHANNELS = sizeof channels / sizeof channels[0] };

/* Each of N, C and spatial from 1 to 70, the other two small. */
enum { SWEEP = 70 };

/* A divisor of C that is neither 1 nor C where there is one, so that groups
 * have widths that no vector has. */
static size_t groups_of(size_t C, size_t k)
{
    size_t divisors[16], count = 0;
    for (size_t d = 1; d <= C && count < 16; d++) {
        if (C % d == 0)
            divisors[count++] = d;
    }
    if (count > 2)
        return divisors[1 + k % (count - 2)];
    return divisors[k % count];
}

static void sweep(const ng_trial *trial, size_t k, ng_case *test)
{
    size_t size = k / 3 + 1;
    size_t small[] = {2, 3, 4, 5};
    test->N = k % 3 == 0 ? size : 2;
    test->C = k % 3 == 1 ? size : small[k % 4];
    test->spatial = k % 3 == 2 ? size : small[(k + size) % 4];
    test->num_groups = trial->op->groups ? groups_of(test->C, k) : 1;
    trial->op->complete(test);
}

static size_t random_n(const ng_trial *trial, size_t i)
{
    ng_source source;
    ng_source_from_seed(&source, trial->seed * 1000003 + i);
    double span = log((double)LONGEST / EVERY);
    return (size_t)(EVERY * exp(span * ng_source_unit(&source))) + 1;
}

static void listed(const ng_trial *trial, size_t k, ng_case *test)
{
    test->N = channels[k].N;
    test->C = channels[k].C;
    test->spatial = channels[k].spatial;
    test->num_groups = trial->op->groups ? channels[k].num_groups : 1;
    trial->op->complete(test);
}

/* A mean that is not zero shows lanes too many; one element that decides, at
 * the end, a lane too few in a set so long that its bound hides a missing
 * ordinary one. */
static void choose_family(size_t i, ng_case *test)
{
    bool last = i % 8 == 5 || test->n > 4096;
    snprintf(test->gen, sizeof test->gen, "%s", last ? "outlier_at" : "offset");
    test->gen_arg = last ? 1 : 10;
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    bool smoke = trial->profile == ng_smoke;
    size_t step = smoke ? 13 : 1, small = EVERY / step;
    size_t drawn = smoke ? 2 : RANDOM, shown = SHAPES, wide = 0, swept = 0;
    if (trial->profile != ng_deep)
        shown = smoke ? 10 : SHAPES - TALL;
    if (trial->op->shape == ng_shape_channels && !smoke) {
        wide = CHANNELS;
        swept = 3 * SWEEP;
    }
    if (i >= small + shown + drawn + wide + swept)
        return false;
    ng_case_init(test, trial->op->name, ng_contract_storage(trial->contract));
    size_t rows = 2, n = 1 + i * step;
    if (i >= small + shown) {
        n = random_n(trial, i);
        rows = n <= 1024 ? 2 : 1;
    } else if (i >= small) {
        rows = shapes[i - small].rows;
        n = shapes[i - small].n;
    }
    ng_plan_shape(trial, i, rows, n, test);
    if (i >= small + shown + drawn + wide)
        sweep(trial, i - small - shown - drawn - wide, test);
    else if (i >= small + shown + drawn)
        listed(trial, i - small - shown - drawn, test);
    ng_plan_strides(trial, i, test); /* of the sizes that it has now */
    choose_family(i, test);
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
    .claim = "every length from 1 to 130, round the powers of two to 65537, of "
             "real models and at random, up to 65537 rows, and every count of "
             "channels and positions to 70, is within its bound",
    .why = "tails, masks and dispatch bands are where kernels differ from "
           "their tests; zero-mean data hides padded lanes",
    .source = "exact reference; bounds as for accuracy",
    .wild = "triton-lang/triton#9838: padded lanes added (B-n)*mean^2 to the "
            "variance, 95% wrong at n=3",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
