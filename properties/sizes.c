/* Sizes: every length round the widths of vectors, blocks and dispatch bands,
 * with a mean that is not zero, so that a lane too many or too few shows. */
#include "plan.h"
#include "trial.h"

#include <math.h>
#include <stdio.h>

enum {
    EVERY = 130, /* all sizes up to here */
    RANDOM = 24, /* drawn by the seed, for what no list foresees */
    LONGEST = 20000,
};

/* Round the powers of two; hidden sizes of real models; many rows, round the
 * widths of warps, blocks and grids. */
static const struct {
    size_t rows, n;
} shapes[] = {
    {2, 255},   {2, 256},   {2, 257},   {2, 511},   {2, 512},   {2, 513},
    {2, 769},   {2, 1023},  {2, 1024},  {2, 1025},  {1, 2047},  {1, 2048},
    {4, 2049},  {1, 4095},  {1, 4096},  {1, 4097},  {1, 8191},  {1, 8192},
    {1, 8193},  {1, 16383}, {1, 16384}, {1, 16385}, {1, 32767}, {1, 32768},
    {1, 32769}, {1, 65535}, {1, 65536}, {1, 65537}, {2, 192},   {2, 384},
    {2, 768},   {1, 1536},  {1, 2560},  {1, 3072},  {1, 3584},  {1, 5120},
    {1, 6144},  {1, 7168},  {1, 11008}, {1, 12288}, {1, 14336}, {6, 5},
    {7, 64},    {9, 33},    {16, 17},   {32, 16},   {33, 8},    {64, 9},
    {65, 12},   {129, 3},   {33, 257},  {9, 1025},  {64, 130},  {40, 768},
    {257, 31},  {1025, 7},  {65535, 1}, {65536, 2}, {65537, 3},
};
enum {
    SHAPES = sizeof shapes / sizeof shapes[0],
    /* The last ones, of 65535 rows and more, cost seconds each: `deep` only. */
    TALL = 3,
};

/* For batch, group and instance norm: one example and many, more channels and
 * groups than a vector or a block has lanes, channels as many as positions. */
static const struct {
    size_t N, C, spatial, num_groups;
} channels[] = {
    {1, 3, 49, 3},  {2, 7, 7, 7},     {2, 9, 7, 3},    {2, 6, 33, 2},
    {3, 5, 4, 5},   {17, 3, 4, 1},    {2, 3, 100, 3},  {2, 48, 5, 3},
    {33, 16, 3, 4}, {2, 64, 9, 32},   {2, 33, 49, 11}, {4, 32, 64, 32},
    {1, 64, 56, 8}, {2, 128, 17, 32}, {3, 3, 1025, 1},
};
enum { CHANNELS = sizeof channels / sizeof channels[0] };

static size_t random_n(const ng_trial *trial, size_t i)
{
    ng_source source;
    ng_source_from_seed(&source, trial->seed * 1000003 + i);
    double span = log((double)LONGEST / EVERY);
    return (size_t)(EVERY * exp(span * ng_source_unit(&source))) + 1;
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    bool smoke = trial->profile == ng_smoke;
    size_t step = smoke ? 13 : 1, small = EVERY / step;
    size_t drawn = smoke ? 2 : RANDOM, listed = SHAPES;
    if (trial->profile != ng_deep)
        listed = smoke ? 10 : SHAPES - TALL;
    bool has_channels = trial->op->shape == ng_shape_channels;
    size_t wide = has_channels && !smoke ? CHANNELS : 0;
    if (i >= small + listed + drawn + wide)
        return false;
    ng_case_init(test, trial->op->name, ng_contract_storage(trial->contract));
    size_t rows = 2, n = 1 + i * step;
    if (i >= small + listed) {
        n = random_n(trial, i);
        rows = n <= 2048 ? 2 : 1;
    } else if (i >= small) {
        rows = shapes[i - small].rows;
        n = shapes[i - small].n;
    }
    ng_plan_shape(trial, i, rows, n, test);
    if (i >= small + listed + drawn) {
        size_t k = i - small - listed - drawn;
        test->N = channels[k].N;
        test->C = channels[k].C;
        test->spatial = channels[k].spatial;
        test->num_groups = trial->op->groups ? channels[k].num_groups : 1;
        trial->op->complete(test);
    }
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
    .claim = "every length from 1 to 130, round the powers of two to 65537, of "
             "real models and at random, and up to 1025 rows (deep: 65537), is "
             "within its bound",
    .why = "tails, masks and dispatch bands are where kernels differ from "
           "their tests; zero-mean data hides padded lanes",
    .source = "exact reference; bounds as for accuracy",
    .wild = "triton-lang/triton#9838: padded lanes added (B-n)*mean^2 to the "
            "variance, 95% wrong at n=3",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
