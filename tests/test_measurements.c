/* Measurements: the columns of the properties say what really happened. Real
 * kernels are checked, and their columns are computed again from the inputs by
 * textbook formulas: moments and bins, the moving average in closed form, the
 * singular values of two elements, the line of least squares, a kernel that
 * does not repeat its bits. */
#include "../properties/distribution.h"
#include "../properties/trajectory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CALLS NORMGATE_BINARY_DIR "/tests/plugins/calls.so"

/* One case of one kernel of a subject, checked. */
typedef struct checked {
    ng_subject *subject;
    ng_trial trial;
    ng_case test;
    ng_finding finding;
    ng_arena arena;
    ng_columns columns;
} checked;

static bool is_of(const ng_kernel_info *info, const char *kernel,
                  const ng_case *test)
{
    const ng_contract *c = &info->contract;
    return kernel != NULL ? strcmp(info->name, kernel) == 0
                          : strcmp(c->op, test->op) == 0 &&
                                strcmp(c->pass, test->pass) == 0 &&
                                ng_contract_storage(c) == test->dtype;
}

/* By its name, or (NULL) the first of the case's op, pass and dtype. */
static void begin(checked *c, const char *spec, const char *kernel,
                  const char *line)
{
    const ng_subject_options options = {.timeout_s = 60, .start_s = 60};
    ng_error error;
    memset(c, 0, sizeof *c);
    if (ng_case_parse(&c->test, line, &error) != ng_status_ok ||
        ng_subject_open(&c->subject, spec, &options, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    size_t k = 0, count = ng_subject_kernel_count(c->subject);
    while (k < count &&
           !is_of(ng_subject_kernel(c->subject, k), kernel, &c->test))
        k++;
    if (k == count)
        fail_msg("%s has no kernel for %s", spec, line);
    const ng_contract *contract = &ng_subject_kernel(c->subject, k)->contract;
    c->trial = (ng_trial){.subject = c->subject,
                          .kernel = k,
                          .contract = contract,
                          .op = ng_op_find(contract->op),
                          .seed = 1};
}

static void check(checked *c, const char *property)
{
    const ng_property *p = ng_property_find(property);
    ng_error error;
    assert_non_null(p);
    assert_true(p->applies(c->trial.contract));
    ng_finding_init(&c->finding);
    p->check(&c->trial, &c->test, &c->finding);
    if (ng_columns_read(&c->columns, &c->arena, c->finding.columns, &error) !=
        ng_status_ok)
        fail_msg("%s", error.text);
}

static void end(checked *c)
{
    ng_subject_close(c->subject);
    ng_arena_release(&c->trial.arena);
    ng_arena_release(&c->arena);
}

static void run(checked *c, const char *spec, const char *line,
                const char *property)
{
    begin(c, spec, NULL, line);
    check(c, property);
}

static double first(const checked *c, const char *name)
{
    ng_column column = ng_columns_find(&c->columns, name);
    if (column.count != 1)
        fail_msg("%zu values of %s in \"%s\"", column.count, name,
                 c->finding.columns);
    return column.values[0];
}

static ng_column all(const checked *c, const char *name, size_t count)
{
    ng_column column = ng_columns_find(&c->columns, name);
    if (column.count != count)
        fail_msg("%zu values of %s, not %zu, in \"%s\"", column.count, name,
                 count, c->finding.columns);
    return column;
}

static void near(const char *what, double got, double want, double slack)
{
    if (!(fabs(got - want) <= slack))
        fail_msg("%s: %.9g, not %.9g within %.2g", what, got, want, slack);
}

/* The case's own tensors, drawn once more. */
static float *tensor(checked *c, ng_role role)
{
    ng_tensor tensors[NG_TENSOR_COUNT];
    ng_problem problem;
    ng_error error;
    if (ng_case_tensors(&c->test, c->trial.contract, &c->arena, &problem,
                        tensors, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    if (role == ng_tensor_running_mean)
        return (float *)problem.running_mean;
    if (role == ng_tensor_running_var)
        return (float *)problem.running_var;
    assert_int_equal(tensors[role].dtype, ng_f32);
    return tensors[role].data;
}

/* --- distributions ---------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What the columns should say of these values, which are sorted; `slack` is how
 * far the values themselves may be off. */
static void compare(const checked *c, const char *name, const char *bins,
                    double *values, size_t count, double slack)
{
    ng_column five = all(c, name, 5), counts = all(c, bins, 24);
    long double sum = 0, squares = 0;
    qsort(values, count, sizeof *values, ascending);
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - sum / count) * (values[i] - sum / count);
    double least = values[0], most = values[count - 1], total = 0;
    slack += 1e-5 * fmax(fabs(least), fabs(most));
    near("mean", five.values[0], (double)(sum / count), slack);
    near("std", five.values[1], (double)sqrtl(squares / count), slack);
    near("min", five.values[2], least, slack);
    near("median", five.values[3],
         (values[count / 2] + values[(count - 1) / 2]) / 2, slack);
    near("max", five.values[4], most, slack);
    for (size_t bin = 0; bin < 24; bin++) {
        double low = least + (most - least) * (double)bin / 24;
        double high = least + (most - least) * (double)(bin + 1) / 24;
        double inside = 0, perhaps = 0;
        for (size_t i = 0; i < count; i++) {
            inside +=
                values[i] >= low + 2 * slack && values[i] < high - 2 * slack;
            perhaps +=
                values[i] >= low - 2 * slack && values[i] < high + 2 * slack;
        }
        assert_true(counts.values[bin] >= inside);
        assert_true(counts.values[bin] <= perhaps);
        total += counts.values[bin];
    }
    assert_true(total == (double)count);
}

static void test_distribution(void **state)
{
    enum { ROWS = 3, N = 61 };
    checked c;
    double before[ROWS * N], after[ROWS * N];
    (void)state;
    run(&c, "builtin:two_pass",
        "layer_norm/forward/f32 rows=3 n=61 eps=0x1p-10 gen=offset:3 "
        "affine=random seed=7",
        "accuracy");
    assert_int_equal(c.finding.verdict, NG_PASS);
    const float *x = tensor(&c, ng_tensor_x);
    const float *gamma = tensor(&c, ng_tensor_gamma);
    const float *beta = tensor(&c, ng_tensor_beta);
    for (size_t row = 0; row < ROWS; row++) {
        long double mean = 0, var = 0;
        for (size_t i = 0; i < N; i++)
            mean += (long double)x[row * N + i] / N;
        for (size_t i = 0; i < N; i++)
            var += (x[row * N + i] - mean) * (x[row * N + i] - mean) / N;
        for (size_t i = 0; i < N; i++) {
            before[row * N + i] = x[row * N + i];
            after[row * N + i] = (double)((x[row * N + i] - mean) /
                                              sqrtl(var + 0x1p-10L) * gamma[i] +
                                          beta[i]);
        }
    }
    compare(&c, "before", "before_bins", before, ROWS * N, 0);
    compare(&c, "after", "after_bins", after, ROWS * N, 1e-5);
    end(&c);
}

/* In a backward pass it is dy and dx. */
static void test_distribution_of_gradients(void **state)
{
    checked c;
    double dy[64];
    (void)state;
    run(&c, "builtin:two_pass",
        "layer_norm/backward/f32 rows=4 n=16 gen=normal dy=wide seed=3",
        "accuracy");
    const float *given = tensor(&c, ng_tensor_dy);
    for (size_t i = 0; i < 64; i++)
        dy[i] = given[i];
    compare(&c, "before", "before_bins", dy, 64, 0);
    double total = 0;
    for (size_t bin = 0; bin < 24; bin++)
        total += all(&c, "after_bins", 24).values[bin];
    assert_true(total == 64);
    end(&c);
}

/* Too few, or not finite on one side: neither is drawn. A wrong kernel's y is
 * as it came. */
static void test_distribution_or_none(void **state)
{
    static const char *const lines[] = {
        "layer_norm/forward/f32 rows=1 n=23 gen=normal seed=1",
        "layer_norm/forward/f32 rows=3 n=16 gen=nonfinite:0 seed=1",
    };
    checked c;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        run(&c, "builtin:two_pass", lines[i], "accuracy");
        assert_int_equal(c.columns.count, 0);
        end(&c);
    }
    run(&c, "builtin:bug.divisor_n_minus_1",
        "layer_norm/forward/f32 rows=1 n=24 eps=0 gen=normal affine=unit "
        "seed=1",
        "accuracy");
    assert_int_equal(c.finding.verdict, NG_FAIL);
    near("std of y", all(&c, "after", 5).values[1], sqrt(23 / 24.0), 1e-5);
    end(&c);
}

static void test_extreme_distributions(void **state)
{
    ng_distribution d;
    double values[24];
    (void)state;
    for (size_t i = 0; i < 24; i++)
        values[i] = i % 2 == 0 ? -0x1.8p1023 : 0x1.8p1023;
    assert_true(ng_distribution_of(&d, values, 24));
    assert_true(d.mean == 0 && d.std == 0x1.8p1023 && d.median == 0);
    assert_true(d.bins[0] == 12 && d.bins[23] == 12);
    for (size_t i = 0; i < 24; i++)
        values[i] = i < 23 ? 0x1p-1074 : 0x1p-1073;
    assert_true(ng_distribution_of(&d, values, 24));
    assert_true(d.median == 0x1p-1074 && d.bins[0] == 23 && d.bins[23] == 1);
    for (size_t i = 0; i < 24; i++)
        values[i] = -3;
    assert_true(ng_distribution_of(&d, values, 24));
    assert_true(d.mean == -3 && d.std == 0 && d.bins[0] == 24);
    for (size_t i = 0; i < 24; i++)
        values[i] = 0;
    assert_true(ng_distribution_of(&d, values, 24));
    assert_true(d.min == 0 && d.max == 0 && d.bins[0] == 24);
    assert_false(ng_distribution_of(&d, values, 23));
    values[11] = INFINITY;
    assert_false(ng_distribution_of(&d, values, 24));
}

/* --- running statistics ----------------------------------------------------- */

/* One batch again and again: r_k = (1 - w)^k r_0 + (1 - (1 - w)^k) s. */
static void test_running(void **state)
{
    enum { N = 6, C = 2, SPATIAL = 2, STEPS = 9 };
    const double w = 0.3;
    checked c;
    (void)state;
    run(&c, "builtin:two_pass",
        "batch_norm/forward/f32 N=6 C=2 spatial=2 gen=offset:3 seed=5 "
        "momentum=0.3 batches=9",
        "running");
    if (c.finding.verdict != NG_PASS)
        fail_msg("%s", c.finding.cause);
    const float *x = tensor(&c, ng_tensor_x);
    long double mean = 0, var = 0, m = N * SPATIAL;
    for (size_t i = 0; i < N * SPATIAL; i++)
        mean += x[i / SPATIAL * C * SPATIAL + i % SPATIAL] / m;
    for (size_t i = 0; i < N * SPATIAL; i++) {
        long double d = x[i / SPATIAL * C * SPATIAL + i % SPATIAL] - mean;
        var += d * d / (m - 1);
    }
    double mean0 = tensor(&c, ng_tensor_running_mean)[0];
    double var0 = tensor(&c, ng_tensor_running_var)[0];
    for (size_t k = 0; k < STEPS; k++) {
        double left = pow(1 - w, (double)k + 1);
        double means = left * mean0 + (1 - left) * (double)mean;
        double vars = left * var0 + (1 - left) * (double)var;
        double slack = 2e-5 * (fabs(means) + vars);
        assert_true(all(&c, "step", STEPS).values[k] == (double)(k + 1));
        near("mean", all(&c, "mean", STEPS).values[k], means, slack);
        near("closed_mean", all(&c, "closed_mean", STEPS).values[k], means,
             slack);
        near("var", all(&c, "var", STEPS).values[k], vars, slack);
        near("closed_var", all(&c, "closed_var", STEPS).values[k], vars, slack);
        double bound = all(&c, "bound_mean", STEPS).values[k];
        assert_true(bound > 0 && bound < 1e-4 &&
                    all(&c, "error_mean", STEPS).values[k] <= bound);
        bound = all(&c, "bound_var", STEPS).values[k];
        assert_true(bound > 0 && bound < 1e-3 &&
                    all(&c, "error_var", STEPS).values[k] <= bound);
    }
    end(&c);
}

/* At most 60, the first and the last among them, evenly. */
static void test_trajectory(void **state)
{
    (void)state;
    for (size_t steps = 1; steps < 700; steps += 3) {
        size_t kept = 0, gap = 0, widest = 0;
        for (size_t step = 1; step <= steps; step++, gap++) {
            if (!ng_trajectory_keeps(step, steps))
                continue;
            kept++;
            widest = gap > widest ? gap : widest;
            gap = 0;
        }
        assert_int_equal(kept, steps < 60 ? steps : 60);
        assert_true(ng_trajectory_keeps(1, steps));
        assert_true(ng_trajectory_keeps(steps, steps));
        assert_true(widest <= steps / 59 + 1);
    }
}

/* --- sweeps and spectra ----------------------------------------------------- */

/* The slope of the least squares line through log2 of both. */
static double slope(ng_column x, ng_column y)
{
    double n = (double)x.count, a = 0, b = 0, aa = 0, ab = 0;
    for (size_t i = 0; i < x.count; i++) {
        double u = log2(x.values[i]), v = log2(y.values[i]);
        a += u, b += v, aa += u * u, ab += u * v;
    }
    return (n * ab - a * b) / (n * aa - a * a);
}

static void test_growth(void **state)
{
    checked c;
    (void)state;
    run(&c, "builtin:two_pass",
        "layer_norm/forward/f32 rows=1 n=2048 gen=offset:4 affine=unit seed=1",
        "growth");
    assert_int_equal(c.finding.verdict, NG_PASS);
    ng_column n = all(&c, "n", 8), error = all(&c, "error", 8);
    ng_column bound = all(&c, "bound", 8);
    for (size_t i = 0; i < 8; i++) {
        assert_true(n.values[i] == ldexp(16, (int)i));
        assert_true(error.values[i] > 0x1p-28 && error.values[i] < 1e-5);
        assert_true(error.values[i] <= bound.values[i]);
    }
    near("error_exponent", first(&c, "error_exponent"), slope(n, error), 1e-4);
    near("bound_exponent", first(&c, "bound_exponent"), slope(n, bound), 1e-4);
    assert_int_equal(ng_columns_find(&c.columns, "offset").count, 0);
    end(&c);
    /* Where every length is wrong all are measured: with n - 1 for n, y is
     * sqrt((n - 1)/n) of what it should be, whatever x. */
    run(&c, "builtin:bug.divisor_n_minus_1",
        "layer_norm/forward/f32 rows=1 n=2048 eps=0 gen=offset:4 affine=unit "
        "seed=1",
        "growth");
    assert_int_equal(c.finding.verdict, NG_FAIL);
    error = all(&c, "error", 8);
    for (size_t i = 0; i < 8; i++) {
        double want = 1 - sqrt(1 - ldexp(1, -4 - (int)i));
        near("error", error.values[i], want, 0.01 * want);
    }
    near("error_exponent", first(&c, "error_exponent"), -1, 0.02);
    end(&c);
}

/* Squares beyond the range of f32: rstd is 0, and so is every y. */
static void test_range(void **state)
{
    checked c;
    (void)state;
    run(&c, "builtin:two_pass",
        "layer_norm/forward/f32 rows=2 n=24 eps=1e-5 gen=scaled_offset:80 "
        "affine=unit seed=1",
        "range");
    assert_true(first(&c, "scale") == 80);
    assert_true(first(&c, "offset") == 12); /* half of 24 digits */
    near("eps", first(&c, "eps"), 1e-5, 1e-10);
    assert_true(first(&c, "outputs") == 48 && first(&c, "outside") == 48);
    assert_true(first(&c, "infinite") == 0 && first(&c, "zero") == 48);
    assert_true(first(&c, "error") == 1);
    end(&c);
    run(&c, "builtin:two_pass",
        "layer_norm/forward/f32 rows=2 n=24 eps=1e-5 gen=scaled:3 affine=unit "
        "seed=1",
        "range");
    assert_true(first(&c, "scale") == 3 && first(&c, "offset") == 0);
    assert_true(first(&c, "outputs") == 48 && first(&c, "outside") == 0);
    assert_true(first(&c, "infinite") == 0 && first(&c, "zero") == 0);
    assert_true(first(&c, "error") > 0 && first(&c, "error") < 1e-6);
    end(&c);
}

/* Two elements a and b: with d = (a - b)/2, var = d^2, and all that is left of a
 * gradient is the share of eps along x_hat. */
static void test_jacobian(void **state)
{
    checked c;
    (void)state;
    run(&c, "builtin:two_pass",
        "layer_norm/backward/f32 rows=2 n=2 eps=1 gen=normal affine=unit "
        "seed=11",
        "jacobian");
    assert_int_equal(c.finding.verdict, NG_PASS);
    const float *x = tensor(&c, ng_tensor_x);
    double d = ((double)x[0] - x[1]) / 2, rstd = 1 / sqrt(d * d + 1);
    const double exact[2] = {rstd / (d * d + 1), 0};
    for (size_t k = 0; k < 2; k++) {
        double least = all(&c, "least", 2).values[k];
        double most = all(&c, "most", 2).values[k];
        double got = all(&c, "singular", 2).values[k];
        near("singular", got, exact[k], 1e-5);
        assert_true(least <= exact[k] * 1.00001 && most >= exact[k] * 0.99999);
        assert_true(most - least < 1e-4 && least <= got && got <= most);
    }
    end(&c);
}

/* A right backward pass points where the exact one does; one that treats the
 * statistics as constants elsewhere. */
static void test_gradients(void **state)
{
    static const char *const properties[] = {"gradient", "finite_difference",
                                             "adjoint"};
    const char *line = "layer_norm/backward/f32 rows=2 n=8 eps=1e-3 "
                       "gen=normal affine=random dy=normal seed=2";
    checked c;
    (void)state;
    for (size_t p = 0; p < 3; p++) {
        run(&c, "builtin:two_pass", line, properties[p]);
        assert_int_equal(c.finding.verdict, NG_PASS);
        near("cosine", first(&c, "cosine"), 1, 1e-6);
        double residual = first(&c, "residual"), bound = first(&c, "bound");
        assert_true(residual >= 0 && residual <= bound && bound < 1e-2);
        if (p == 1) /* of 24 digits a third */
            assert_true(first(&c, "step") == 1 / 256.0);
        end(&c);
    }
    run(&c, "builtin:bug.dx_without_mean", line, "gradient");
    assert_int_equal(c.finding.verdict, NG_FAIL);
    assert_true(first(&c, "residual") > first(&c, "bound"));
    assert_true(first(&c, "cosine") < 0.9999);
    end(&c);
}

/* --- bits ------------------------------------------------------------------- */

static void assert_bits(const checked *c, double calls, double compared,
                        double differing)
{
    near("calls", first(c, "calls"), calls, 0);
    near("compared", first(c, "compared"), compared, 0);
    near("differing", first(c, "differing"), differing, 0);
}

static void test_bits(void **state)
{
    checked c;
    (void)state;
    /* y of the 2 sets without a NaN; the call and a clean one */
    run(&c, "builtin:two_pass",
        "layer_norm/forward/f32 rows=3 n=5 gen=nonfinite:0 seed=1",
        "containment");
    assert_bits(&c, 2, 10, 0);
    end(&c);
    /* the call, sets moved, elements moved; y, mean and rstd of 4 sets */
    run(&c, "builtin:two_pass",
        "rms_norm/forward/f32 rows=4 n=6 gen=normal seed=1", "permutation");
    assert_int_equal(c.finding.verdict, NG_PASS);
    near("calls", first(&c, "calls"), 3, 0);
    assert_true(first(&c, "compared") >= 24 && first(&c, "differing") == 0);
    end(&c);
}

/* What is not promised is measured, and no failure; what is promised fails with
 * the same numbers. */
static void test_promises(void **state)
{
    const char *line = "rms_norm/forward/f32 rows=4 n=33 gen=normal seed=1";
    static const char *const kernels[] = {"by_rows_said", "by_rows"};
    double differing[2];
    checked c;
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        begin(&c, CALLS, kernels[k], line);
        check(&c, "repeat");
        differing[k] = first(&c, "differing");
        assert_int_equal(c.finding.verdict, k == 0 ? NG_PASS : NG_FAIL);
        assert_true(differing[k] > 0 && differing[k] < first(&c, "compared") &&
                    first(&c, "compared") > 33 * first(&c, "calls") / 2);
        end(&c);
    }
    /* By rows: alone, a row sums another way. It fails at the first row. */
    assert_true(differing[0] >= differing[1]);
    begin(&c, CALLS, "plain", line);
    check(&c, "repeat");
    assert_true(first(&c, "differing") == 0);
    end(&c);
    /* A NaN in one row sends the others another way. */
    for (size_t k = 0; k < 2; k++) {
        ng_contract contract;
        begin(&c, CALLS, "by_mates",
              "rms_norm/forward/f32 rows=9 n=65 gen=nonfinite:0 seed=1");
        contract = *c.trial.contract;
        contract.batch_invariant =
            k == 0 ? ng_batch_invariant_no : ng_batch_invariant_yes;
        c.trial.contract = &contract;
        check(&c, "containment");
        assert_int_equal(c.finding.verdict, k == 0 ? NG_PASS : NG_FAIL);
        assert_true(first(&c, "compared") == 8 * 65 &&
                    first(&c, "differing") > 0);
        end(&c);
    }
}

/* Every output is one rounding from exact, or is not. */
static void test_rounding(void **state)
{
    checked c;
    (void)state;
    run(&c, "builtin:two_pass",
        "layer_norm/forward/bf16 rows=12 n=4 gen=normal seed=1", "rounding");
    assert_int_equal(c.finding.verdict, NG_PASS);
    assert_true(first(&c, "samples") == 48);
    double share = first(&c, "share");
    near("a count of 48", share * 48, round(share * 48), 1e-3);
    assert_true(share > 0.9 && share <= 1);
    end(&c);
    run(&c, "builtin:bug.rstd_f16",
        "batch_norm/forward/f16 N=12 C=4 spatial=1 gen=normal seed=1",
        "rounding");
    assert_true(first(&c, "samples") == 48 && first(&c, "share") < 0.9);
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_distribution_of_gradients),
        cmocka_unit_test(test_distribution_or_none),
        cmocka_unit_test(test_extreme_distributions),
        cmocka_unit_test(test_running),
        cmocka_unit_test(test_trajectory),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_jacobian),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_promises),
        cmocka_unit_test(test_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
