/* Inputs: a family reaches the condition that it names, measured on the exact
 * values of what it made; the inputs of the field have the values that their
 * reports give, written here by hand. */
#include <normgate/families.h>
#include <normgate/property.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The inputs of a line, for the contract that its head asks for. */
typedef struct inputs {
    ng_arena arena;
    ng_case test;
    ng_contract contract;
    ng_problem problem;
    ng_tensor tensor[NG_TENSOR_COUNT];
} inputs;

static void make(inputs *in, const char *line, const char *fields)
{
    char text[200];
    ng_error error;
    memset(in, 0, sizeof *in);
    if (ng_case_parse(&in->test, line, &error) != ng_status_ok)
        fail_msg("%s: %s", line, error.text);
    snprintf(text, sizeof text, "op=%s pass=%s dtype=%s %s", in->test.op,
             in->test.pass, ng_format_of(in->test.dtype)->name, fields);
    if (ng_contract_parse(&in->contract, text, &error) != ng_status_ok ||
        ng_case_tensors(&in->test, &in->contract, &in->arena, &in->problem,
                        in->tensor, &error) != ng_status_ok)
        fail_msg("%s: %s", line, error.text);
}

static double at(const inputs *in, ng_role role, size_t i)
{
    const ng_tensor *tensor = &in->tensor[role];
    assert_true(i < tensor->count);
    return ng_dtype_get(tensor->dtype, tensor->data, i);
}

static double x_at(const inputs *in, size_t i)
{
    return at(in, ng_tensor_x, i);
}

/* --- conditions --------------------------------------------------------------- */

static double var_over_eps(const ng_conditions *c, const inputs *in)
{
    return c->deviation * c->deviation / in->test.eps;
}

static double mean_over_sigma(const ng_conditions *c, const inputs *in)
{
    (void)in;
    return fabs(c->mean) / c->deviation;
}

static double sigma(const ng_conditions *c, const inputs *in)
{
    (void)in;
    return c->deviation;
}

static double root_sum(const ng_conditions *c, const inputs *in)
{
    (void)in;
    return c->root_mean_square * sqrt(c->n);
}

/* Mean |x| over |mean|: how much the sum of x cancels. */
static double cancelling(const ng_conditions *c, const inputs *in)
{
    (void)in;
    return c->mean_abs / fabs(c->mean);
}

static void test_conditions(void **state)
{
    static const struct {
        const char *line, *fields;
        double (*measure)(const ng_conditions *c, const inputs *in);
        double low, high;
    } rows[] = {
        /* exact but for rounding to storage */
        {"layer_norm/forward/f32 n=64 eps=0.001 gen=near_eps:0.75", "",
         var_over_eps, 0.74999, 0.75001},
        {"layer_norm/forward/f64 n=5 eps=1 gen=near_eps:1e-06", "",
         var_over_eps, 0.999999e-6, 1.000001e-6},
        {"layer_norm/forward/f32 n=7 eps=1e-05 gen=near_eps:1e+06", "",
         var_over_eps, 0.99999e6, 1.00001e6},
        {"rms_norm/forward/f32 n=64 eps=0.001 gen=near_eps:4", "", var_over_eps,
         3.9999, 4.0001},
        {"layer_norm/forward/bf16 n=64 eps=0.001 gen=near_eps:10", "",
         var_over_eps, 9.8, 10.2},
        {"layer_norm/forward/f32 n=9 eps=0.5 gen=near_eps:2",
         "divisor=n_minus_1", var_over_eps, 1.9999, 2.0001},
        /* by the law of large numbers */
        {"layer_norm/forward/f64 n=1000 gen=offset:100000000", "",
         mean_over_sigma, 0.9e8, 1.1e8},
        {"layer_norm/forward/f32 n=1000 gen=offset:1", "", mean_over_sigma, 0.8,
         1.2},
        /* sqrt(2^-126 2^20) = 2^-53 */
        {"layer_norm/forward/f32 n=1000 gen=near_underflow:0x1p20", "", sigma,
         0.9 * 0x1p-53, 1.1 * 0x1p-53},
        {"layer_norm/forward/f64 n=1000 gen=near_underflow:1", "", sigma,
         0.9 * 0x1p-511, 1.1 * 0x1p-511},
        /* as small as f16 has normal numbers: 4 * 2^-14 */
        {"layer_norm/forward/f16 n=1000 gen=near_underflow:1", "", sigma,
         0.9 * 0x1p-12, 1.1 * 0x1p-12},
        /* uniform up to 0.25 sqrt(2^128): 1/sqrt(3) of that in the root */
        {"rms_norm/forward/f32 n=1000 gen=near_overflow:0.25", "", root_sum,
         0.13 * 0x1p64, 0.16 * 0x1p64},
        {"layer_norm/forward/f32 n=1000 gen=alternating:10000", "", cancelling,
         30, INFINITY},
        /* means of blocks at 16 (-6 ... 6), deviation 1 within */
        {"layer_norm/forward/f32 n=208 gen=blocks:16", "", sigma, 58, 62},
    };
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        inputs in;
        ng_error error;
        make(&in, rows[r].line, rows[r].fields);
        ng_exact *exact = ng_exact_compute(&in.arena, &in.problem, &error);
        assert_non_null(exact);
        double got = rows[r].measure(ng_exact_conditions(exact, 0), &in);
        if (!(got >= rows[r].low && got <= rows[r].high))
            fail_msg("%s: %g, not %g to %g", rows[r].line, got, rows[r].low,
                     rows[r].high);
        ng_arena_release(&in.arena);
    }
}

/* One element decides, and where it stands is the argument. */
static void test_places(void **state)
{
    static const struct {
        const char *gen;
        size_t spot;
        double value;
    } rows[] = {
        {"outlier_at:0", 0, 1000},
        {"outlier_at:0.5", 32, 1000},
        {"outlier_at:1", 64, 1000},
        {"spike:0", 0, 1},
        {"spike:0.5", 32, 1},
        {"spike:1", 64, 1},
        {"nonfinite:10", 0, INFINITY},
        {"nonfinite:14", 32, -INFINITY},
        {"nonfinite:28", 64, -INFINITY},
    };
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        char line[160];
        inputs in;
        snprintf(line, sizeof line,
                 "layer_norm/forward/f32 rows=3 n=65 gen=%s seed=4",
                 rows[r].gen);
        make(&in, line, "");
        for (size_t i = 0; i < 65; i++) {
            bool here = i == rows[r].spot;
            if (here != (x_at(&in, i) == rows[r].value))
                fail_msg("%s: x[%zu] = %g", rows[r].gen, i, x_at(&in, i));
        }
        ng_arena_release(&in.arena);
    }
}

static void test_orders(void **state)
{
    inputs up, down, lane;
    (void)state;
    make(&up, "layer_norm/forward/f32 n=300 gen=sorted:100 seed=2", "");
    make(&down, "layer_norm/forward/f32 n=300 gen=sorted:-100 seed=2", "");
    make(&lane, "layer_norm/forward/f32 n=300 gen=one_lane:15 seed=2", "");
    for (size_t i = 1; i < 300; i++) {
        assert_true(x_at(&up, i - 1) < x_at(&up, i));
        assert_true(x_at(&down, i - 1) > x_at(&down, i));
        assert_true((x_at(&lane, i) == 0) == (i % 16 != 15));
    }
    ng_arena_release(&up.arena);
    ng_arena_release(&down.arena);
    ng_arena_release(&lane.arena);
}

/* --- parameters and gradients ------------------------------------------------- */

static void test_families(void **state)
{
    inputs in;
    double mean = 0, square = 0;
    (void)state;
    /* dy = x_hat, with the sign of gamma: by its definition */
    make(&in,
         "layer_norm/backward/f64 n=50 gen=offset:3 affine=random dy=x_hat "
         "seed=5",
         "");
    for (size_t i = 0; i < 50; i++)
        mean += x_at(&in, i) / 50;
    for (size_t i = 0; i < 50; i++)
        square += (x_at(&in, i) - mean) * (x_at(&in, i) - mean) / 50;
    for (size_t i = 0; i < 50; i++) {
        double x_hat = (x_at(&in, i) - mean) / sqrt(square);
        double sign = at(&in, ng_tensor_gamma, i) < 0 ? -1 : 1;
        assert_true(fabs(at(&in, ng_tensor_dy, i) - sign * x_hat) < 1e-12);
    }
    ng_arena_release(&in.arena);
    make(&in, "layer_norm/backward/f32 rows=2 n=5 affine=ramp dy=last", "");
    for (size_t i = 0; i < 10; i++)
        assert_true((at(&in, ng_tensor_dy, i) != 0) == (i == 9));
    for (size_t i = 0; i < 5; i++)
        assert_true(at(&in, ng_tensor_gamma, i) == 1 + 0.25 * (double)i);
    ng_arena_release(&in.arena);
    make(&in, "batch_norm/backward/f32 N=2 C=2 spatial=2 dy=cycle", "");
    assert_true(at(&in, ng_tensor_dy, 0) == -0.3f);
    assert_true(at(&in, ng_tensor_dy, 1) == -0.05f);
    assert_true(at(&in, ng_tensor_dy, 4) == 0.2f); /* N=1: its third element */
    ng_arena_release(&in.arena);
    make(&in, "layer_norm/backward/f32 rows=3 n=4 dy=poisoned", "");
    for (size_t i = 0; i < 12; i++)
        assert_true(i / 4 == 1 || isfinite(at(&in, ng_tensor_dy, i)));
    assert_false(isfinite(at(&in, ng_tensor_dy, 6)));
    ng_arena_release(&in.arena);
}

/* --- inputs of the field ------------------------------------------------------ */

static void test_wild_values(void **state)
{
    static const struct {
        unsigned number;
        const char *head;
        double x[4];
    } rows[] = {
        {4, "layer_norm/forward/f32 n=4", {40000, 40001, 40002, 40003}},
        {5, "layer_norm/forward/f32 n=256", {1234, 1234, 1234, 1234}},
        {6,
         "layer_norm/forward/f64 n=16",
         {1e4, 1e4 + 1e-3, 1e4 + 2e-3, 1e4 + 3e-3}},
        {18, "rms_norm/forward/f16 n=1024", {20, 20, 20, 20}},
        {20, "layer_norm/forward/f16 n=64", {795, -795, 795, -795}},
        {27, "rms_norm/forward/f16 rows=2 n=2", {256, 256, 256, 256}},
        {34, "l2_norm/forward/f64 rows=2 n=2", {1e30, -1e30, 1e30, -1e30}},
        {35, "l2_norm/forward/f64 rows=2 n=2", {1e-30, -1e-30, 1e-30, -1e-30}},
        {37, "rms_norm/forward/bf16 n=5120", {1, 1, 1, 1}},
        {41, "layer_norm/forward/f32 rows=2 n=2", {-1, 1, -1, 1}},
        {43, "rms_norm/forward/f32 n=4", {8, 0, 0, 0}},
        {62, "batch_norm/forward/f32 N=4 C=1 spatial=1", {1, 2, 3, 4}},
        {70, "batch_norm/inference/f32 N=2 C=1 spatial=2", {12, 12, 12, 12}},
        {85, "rms_norm/backward/f32 n=4", {1, 0, 0, 0}},
        {97, "rms_norm/forward/f32 n=4", {0, 0, 0, 1}},
        {117, "layer_norm/forward/f64 rows=2 n=3", {INFINITY, 1, 2, INFINITY}},
        {118, "layer_norm/forward/f32 n=4", {1, 2, 3, 4}},
        {124, "layer_norm/forward/f32 n=4", {1, 1, 1, 1 + 0x1p-23}},
    };
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        char line[160];
        inputs in;
        snprintf(line, sizeof line, "%s gen=wild:%u", rows[r].head,
                 rows[r].number);
        make(&in, line, "");
        for (size_t i = 0; i < 4; i++)
            if (x_at(&in, i) != rows[r].x[i])
                fail_msg("%s: x[%zu] = %a", line, i, x_at(&in, i));
        ng_arena_release(&in.arena);
    }
}

static void test_wild_statistics(void **state)
{
    inputs in;
    (void)state;
    make(&in, "batch_norm/inference/f32 N=2 C=3 spatial=4 gen=wild:70", "");
    for (size_t c = 0; c < 3; c++) {
        assert_true(at(&in, ng_tensor_running_mean, c) == 10);
        assert_true(at(&in, ng_tensor_running_var, c) == 4);
    }
    ng_arena_release(&in.arena);
    /* mean +-5 by channel, deviation 0.1 */
    make(&in, "batch_norm/forward/f32 N=4 C=2 spatial=49 gen=wild:10", "");
    for (size_t i = 0; i < 49; i++) {
        assert_true(fabs(x_at(&in, i) - 5) < 1);
        assert_true(fabs(x_at(&in, 49 + i) + 5) < 1);
    }
    ng_arena_release(&in.arena);
}

/* The cases of a kernel, and whether one of them has this text. */
static size_t count_wild(const char *fields, ng_profile profile,
                         const char *words, size_t *hits)
{
    ng_contract contract;
    ng_error error;
    size_t count = 0;
    ng_case test;
    *hits = 0;
    if (ng_contract_parse(&contract, fields, &error) != ng_status_ok)
        fail_msg("%s: %s", fields, error.text);
    ng_trial trial = {.contract = &contract,
                      .op = ng_op_find(contract.op),
                      .profile = profile,
                      .seed = 1};
    for (; ng_property_find("wild")->plan(&trial, count, &test); count++) {
        char line[NG_CASE_TEXT_MAX];
        ng_case_print(&test, line, sizeof line);
        *hits += strstr(line, words) != NULL;
    }
    return count;
}

static void test_wild_plan(void **state)
{
    static const struct {
        const char *fields, *words;
        size_t hits;
    } rows[] = {
        /* a bug of layer norm is tried on every op */
        {"op=layer_norm", "rows=1 n=4 eps=1e-05 gen=wild:4 affine=unit", 1},
        {"op=rms_norm", "rows=1 n=4 eps=1e-05 gen=wild:4 affine=unit", 1},
        {"op=group_norm", "gen=wild:4 ", 1},
        /* sizes of channels as reported; the sets that they make, of a row op */
        {"op=group_norm pass=backward",
         "N=2 C=6 spatial=4 num_groups=3 eps=1e-05 gen=wild:76 affine=ramp "
         "dy=cycle",
         1},
        {"op=layer_norm pass=backward", "rows=6 n=8 eps=1e-05 gen=wild:76", 1},
        /* not where the pass or the dtype has none of it */
        {"op=layer_norm", "gen=wild:76 ", 0},
        {"op=layer_norm dtype=f16", "gen=wild:34 ", 0},
        {"op=layer_norm dtype=bf16", "gen=wild:34 ", 1},
        {"op=batch_norm pass=inference", "gen=wild:70 ", 1},
        {"op=batch_norm", "gen=wild:70 ", 0},
        {"op=batch_norm", "gen=wild:59 ", 1},
    };
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        size_t hits;
        size_t count =
            count_wild(rows[r].fields, ng_gate, rows[r].words, &hits);
        if (hits != rows[r].hits || count < 60)
            fail_msg("%s: '%s' %zu times in %zu cases", rows[r].fields,
                     rows[r].words, hits, count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_wild_values),
        cmocka_unit_test(test_wild_statistics),
        cmocka_unit_test(test_wild_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
