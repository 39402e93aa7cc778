/* Range: a map over the scale 2^k of x and |mean|/sigma. Inside the declared
 * domain every cell is judged as ever; outside it nothing is promised, and the
 * note says what the kernel made of it. One case is one cell: its generator
 * names the offset, the argument the scale. */
#include "judge.h"
#include "plan.h"

#include <math.h>
#include <string.h>

static const char *const offsets[] = {"scaled", "scaled_offset", "scaled_far"};
static const double epsilons[] = {NG_EPS, 0};
enum {
    OFFSETS = sizeof offsets / sizeof offsets[0],
    EPSILONS = sizeof epsilons / sizeof epsilons[0],
};

/* Cells along the scale by profile; every exponent at `deep`, unless the dtype
 * has thousands. */
static const int cells[] = {6, 24, 400};

enum { SETS = 2, N = 24 };

/* Cells beside the grid: so many binades below where the domain ends, or above where squares of the arithmetic are subnormal. */
static const struct {
    bool zero;
    int binades;
    ng_profile from;
} edges[] = {
    {false, 0, ng_smoke}, {false, 1, ng_gate}, {false, 2, ng_gate},
    {false, 4, ng_gate},  {true, 0, ng_smoke}, {true, 2, ng_gate},
    {true, 5, ng_gate},   {true, 9, ng_gate},
};
enum { EDGES = sizeof edges / sizeof edges[0] };

/* log2 of |mean|/sigma. */
static int offset_bits(const ng_trial *trial, size_t offset)
{
    int p = ng_format_of(ng_contract_storage(trial->contract))->p;
    const int bits[OFFSETS] = {0, p / 2, p - 3};
    return bits[offset];
}

/* From half the least subnormal to the top of the storage, both among them. */
static int grid_exponent(const ng_trial *trial, size_t cell, size_t count)
{
    const ng_format *format =
        ng_format_of(ng_contract_storage(trial->contract));
    int low = format->emin - format->p, high = format->emax;
    return low + (int)(cell * (size_t)(high - low) / (count - 1));
}

/* The root mean square of the domain's end is sqrt(largest)/2 over sqrt(n). */
static int edge_exponent(const ng_trial *trial, size_t edge, size_t offset)
{
    const ng_format *storage =
        ng_format_of(ng_contract_storage(trial->contract));
    ng_dtype compute = ng_contract_compute(trial->contract);
    int end = (int)floor(log2(sqrt(ng_dtype_max(compute) / N) / 2)) -
              offset_bits(trial, offset) - edges[edge].binades;
    if (edges[edge].zero)
        end = ng_format_of(compute)->emin / 2 + edges[edge].binades;
    int low = storage->emin - storage->p, high = storage->emax;
    return end < low ? low : end > high ? high : end;
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    const ng_format *format =
        ng_format_of(ng_contract_storage(trial->contract));
    size_t used[EDGES], edge_count = 0;
    for (size_t k = 0; k < EDGES; k++) {
        if (edges[k].from <= trial->profile)
            used[edge_count++] = k;
    }
    size_t grid = (size_t)cells[trial->profile];
    size_t span = (size_t)(format->emax - format->emin + format->p) + 1;
    grid = grid < span ? grid : span;
    size_t count = grid + edge_count;
    if (i >= count * OFFSETS * EPSILONS)
        return false;
    size_t offset = i / count % OFFSETS, cell = i % count;
    ng_case_init(test, trial->op->name, ng_contract_storage(trial->contract));
    ng_plan_shape(trial, i, SETS, N, test);
    test->eps = epsilons[i / count / OFFSETS];
    strcpy(test->gen, offsets[offset]);
    test->gen_arg = cell < grid
                        ? grid_exponent(trial, cell, grid)
                        : edge_exponent(trial, used[cell - grid], offset);
    strcpy(test->affine, "unit");
    test->seed = trial->seed * 1000003 + i;
    return true;
}

/* What came: everywhere, and where nothing is promised. */
typedef struct outcome {
    size_t outputs;
    double any_error, any_largest; /* infinite where an output is, wrongly */
    size_t outside, infinite, zero;
    size_t lost;           /* of the infinite ones, those wrongly so */
    double error, largest; /* of the finite ones; of the exact ones */
} outcome;

static void count(const ng_judged *judged, void *user)
{
    outcome *o = user;
    bool main = judged->role == ng_tensor_y || judged->role == ng_tensor_dx;
    if (!main || judged->point.kind != ng_kind_value)
        return;
    double exact = fabs(ldexp(judged->point.high, judged->point.exponent));
    bool lost = !isfinite(judged->got) && judged->got != judged->point.rounded;
    o->outputs++;
    o->any_largest = fmax(o->any_largest, exact);
    if (isfinite(judged->got))
        o->any_error =
            fmax(o->any_error, ng_point_error(&judged->point, judged->got));
    else if (lost)
        o->any_error = INFINITY;
    if (judged->judged)
        return;
    o->outside++;
    o->infinite += !isfinite(judged->got);
    o->lost += lost;
    o->zero += judged->got == 0 && judged->point.rounded != 0;
    if (isfinite(judged->got))
        o->error = fmax(o->error, ng_point_error(&judged->point, judged->got));
    o->largest = fmax(o->largest, exact);
}

static void describe(const outcome *o, const char *output, ng_finding *finding)
{
    if (o->outside == 0)
        ng_finding_note(finding, "inside the domain");
    else if (o->infinite > 0)
        ng_finding_note(finding,
                        "outside the domain: %zu of %zu outputs of %s are not "
                        "finite",
                        o->infinite, o->outside, output);
    else if (o->zero == o->outside)
        ng_finding_note(finding, "outside the domain: every %s is zero",
                        output);
    else
        ng_finding_note(finding,
                        "outside the domain: %s is finite, the largest error "
                        "%.2g of the largest %s",
                        output, o->largest > 0 ? o->error / o->largest : 0,
                        output);
}

/* The cell and what came, for the map. */
static void columns(const ng_trial *trial, const ng_case *test,
                    const outcome *o, ng_finding *finding)
{
    size_t offset = 0;
    while (offset < OFFSETS && strcmp(test->gen, offsets[offset]) != 0)
        offset++;
    if (o->outputs == 0 || offset == OFFSETS)
        return;
    double error = o->any_error;
    if (error > 0 && isfinite(error))
        error /= o->any_largest;
    const struct {
        const char *name;
        double value;
    } columns[] = {
        {"scale", test->gen_arg},
        {"offset", offset_bits(trial, offset)},
        {"eps", test->eps},
        {"outputs", (double)o->outputs},
        {"outside", (double)o->outside},
        {"infinite", (double)o->lost},
        {"zero", (double)o->zero},
        {"error", error},
    };
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        ng_finding_column(finding, columns[i].name, &columns[i].value, 1);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    bool gradient = ng_pass_find(trial->contract->pass)->gradient;
    outcome o = {0};
    ng_trial_case(trial, test, count, &o, finding);
    columns(trial, test, &o, finding);
    if (finding->verdict == NG_PASS || finding->verdict == NG_FAIL)
        describe(&o, gradient ? "dx" : "y", finding);
}

const ng_property ng_property_range = {
    .name = "range",
    .claim = "over all scales 2^k of the storage and three ratios |mean|/sigma "
             "the outputs are within their bounds wherever the declared domain "
             "reaches; the notes map what lies beyond",
    .why = "squares overflow or vanish long before x does: f32 data above "
           "1.8e19 or below 1e-23 is finite and its variance is not",
    .source = "IEEE 754-2019, 7.4 and 7.5; the domain: BOUNDS.md; bounds as "
              "for accuracy",
    .wild = "tenstorrent/tt-metal#55159: RMS norm of uniform rows above 1.8e19 "
            "returned 0 or Inf; pytorch/pytorch#178123: x near 1e30 gave "
            "zeros on one device and NaN on another",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
