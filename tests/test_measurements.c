/* Measurements: the columns of the properties say what really happened. Real
 * kernels are checked, and their columns are computed again from the inputs by
 * textbook formulas: the moving average in closed form, the singular values of
 * two elements, the line of least squares, a kernel that does not repeat its
 * bits. */
#include "../properties/trajectory.h"
#include "measured.h"

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

/* --- running statistics ----------------------------------------------------- */

/* One batch again and again: r_k = (1 - w)^k r_0 + (1 - (1 - w)^k) s. */
static void test_running(void **state)
{
    enum { N = 6, C = 2, SPATIAL = 2, STEPS = 9 };
    const double w = 0.3;
    measured c;
    (void)state;
    measured_run(&c, "builtin:two_pass",
                 "batch_norm/forward/f32 N=6 C=2 spatial=2 gen=offset:3 seed=5 "
                 "momentum=0.3 batches=9",
                 "running");
    if (c.finding.verdict != NG_PASS)
        fail_msg("%s", c.finding.cause);
    const float *x = measured_tensor(&c, ng_tensor_x);
    long double mean = 0, var = 0, m = N * SPATIAL;
    for (size_t i = 0; i < N * SPATIAL; i++)
        mean += x[i / SPATIAL * C * SPATIAL + i % SPATIAL] / m;
    for (size_t i = 0; i < N * SPATIAL; i++) {
        long double d = x[i / SPATIAL * C * SPATIAL + i % SPATIAL] - mean;
        var += d * d / (m - 1);
    }
    double mean0 = measured_tensor(&c, ng_tensor_running_mean)[0];
    double var0 = measured_tensor(&c, ng_tensor_running_var)[0];
    for (size_t k = 0; k < STEPS; k++) {
        double left = pow(1 - w, (double)k + 1);
        double means = left * mean0 + (1 - left) * (double)mean;
        double vars = left * var0 + (1 - left) * (double)var;
        double slack = 2e-5 * (fabs(means) + vars);
        assert_true(measured_all(&c, "step", STEPS).values[k] ==
                    (double)(k + 1));
        assert_near("mean", measured_all(&c, "mean", STEPS).values[k], means,
                    slack);
        assert_near("closed_mean",
                    measured_all(&c, "closed_mean", STEPS).values[k], means,
                    slack);
        assert_near("var", measured_all(&c, "var", STEPS).values[k], vars,
                    slack);
        assert_near("closed_var",
                    measured_all(&c, "closed_var", STEPS).values[k], vars,
                    slack);
        double bound = measured_all(&c, "bound_mean", STEPS).values[k];
        assert_true(bound > 0 && bound < 1e-4 &&
                    measured_all(&c, "error_mean", STEPS).values[k] <= bound);
        bound = measured_all(&c, "bound_var", STEPS).values[k];
        assert_true(bound > 0 && bound < 1e-3 &&
                    measured_all(&c, "error_var", STEPS).values[k] <= bound);
    }
    measured_end(&c);
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
    measured c;
    (void)state;
    measured_run(
        &c, "builtin:two_pass",
        "layer_norm/forward/f32 rows=1 n=2048 gen=offset:4 affine=unit seed=1",
        "growth");
    assert_int_equal(c.finding.verdict, NG_PASS);
    ng_column n = measured_all(&c, "n", 8),
              error = measured_all(&c, "error", 8);
    ng_column bound = measured_all(&c, "bound", 8);
    for (size_t i = 0; i < 8; i++) {
        assert_true(n.values[i] == ldexp(16, (int)i));
        assert_true(error.values[i] > 0x1p-28 && error.values[i] < 1e-5);
        assert_true(error.values[i] <= bound.values[i]);
    }
    assert_near("error_exponent", measured_one(&c, "error_exponent"),
                slope(n, error), 1e-4);
    assert_near("bound_exponent", measured_one(&c, "bound_exponent"),
                slope(n, bound), 1e-4);
    assert_int_equal(ng_columns_find(&c.columns, "offset").count, 0);
    measured_end(&c);
    /* Where every length is wrong all are measured: with n - 1 for n, y is
     * sqrt((n - 1)/n) of what it should be, whatever x. */
    measured_run(
        &c, "builtin:bug.divisor_n_minus_1",
        "layer_norm/forward/f32 rows=1 n=2048 eps=0 gen=offset:4 affine=unit "
        "seed=1",
        "growth");
    assert_int_equal(c.finding.verdict, NG_FAIL);
    error = measured_all(&c, "error", 8);
    for (size_t i = 0; i < 8; i++) {
        double want = 1 - sqrt(1 - ldexp(1, -4 - (int)i));
        assert_near("error", error.values[i], want, 0.01 * want);
    }
    assert_near("error_exponent", measured_one(&c, "error_exponent"), -1, 0.02);
    measured_end(&c);
}

/* Squares beyond the range of f32: rstd is 0, and so is every y. */
static void test_range(void **state)
{
    measured c;
    (void)state;
    measured_run(
        &c, "builtin:two_pass",
        "layer_norm/forward/f32 rows=2 n=24 eps=1e-5 gen=scaled_offset:80 "
        "affine=unit seed=1",
        "range");
    assert_true(measured_one(&c, "scale") == 80);
    assert_true(measured_one(&c, "offset") == 12); /* half of 24 digits */
    assert_near("eps", measured_one(&c, "eps"), 1e-5, 1e-10);
    assert_true(measured_one(&c, "outputs") == 48 &&
                measured_one(&c, "outside") == 48);
    assert_true(measured_one(&c, "infinite") == 0 &&
                measured_one(&c, "zero") == 48);
    assert_true(measured_one(&c, "error") == 1);
    measured_end(&c);
    measured_run(
        &c, "builtin:two_pass",
        "layer_norm/forward/f32 rows=2 n=24 eps=1e-5 gen=scaled:3 affine=unit "
        "seed=1",
        "range");
    assert_true(measured_one(&c, "scale") == 3 &&
                measured_one(&c, "offset") == 0);
    assert_true(measured_one(&c, "outputs") == 48 &&
                measured_one(&c, "outside") == 0);
    assert_true(measured_one(&c, "infinite") == 0 &&
                measured_one(&c, "zero") == 0);
    assert_true(measured_one(&c, "error") > 0 &&
                measured_one(&c, "error") < 1e-6);
    measured_end(&c);
    /* Squares below it, without eps: 1/0 times what is left of the mean. */
    measured_run(&c, "builtin:two_pass",
                 "layer_norm/forward/f32 rows=2 n=24 eps=0 gen=scaled:-90 "
                 "affine=unit seed=1",
                 "range");
    assert_true(measured_one(&c, "infinite") == 48);
    assert_true(isinf(measured_one(&c, "error")));
    measured_end(&c);
}

/* Two elements a and b: with d = (a - b)/2, var = d^2, and all that is left of a
 * gradient is the share of eps along x_hat. */
static void test_jacobian(void **state)
{
    measured c;
    (void)state;
    measured_run(
        &c, "builtin:two_pass",
        "layer_norm/backward/f32 rows=2 n=2 eps=1 gen=normal affine=unit "
        "seed=11",
        "jacobian");
    assert_int_equal(c.finding.verdict, NG_PASS);
    const float *x = measured_tensor(&c, ng_tensor_x);
    double d = ((double)x[0] - x[1]) / 2, rstd = 1 / sqrt(d * d + 1);
    const double exact[2] = {rstd / (d * d + 1), 0};
    for (size_t k = 0; k < 2; k++) {
        double least = measured_all(&c, "least", 2).values[k];
        double most = measured_all(&c, "most", 2).values[k];
        double got = measured_all(&c, "singular", 2).values[k];
        assert_near("singular", got, exact[k], 1e-5);
        assert_true(least <= exact[k] * 1.00001 && most >= exact[k] * 0.99999);
        assert_true(most - least < 1e-4 && least <= got && got <= most);
    }
    measured_end(&c);
}

/* A right backward pass points where the exact one does; one that treats the
 * statistics as constants elsewhere. */
static void test_gradients(void **state)
{
    static const char *const properties[] = {"gradient", "finite_difference",
                                             "adjoint"};
    const char *line = "layer_norm/backward/f32 rows=2 n=8 eps=1e-3 "
                       "gen=normal affine=random dy=normal seed=2";
    measured c;
    (void)state;
    for (size_t p = 0; p < 3; p++) {
        measured_run(&c, "builtin:two_pass", line, properties[p]);
        assert_int_equal(c.finding.verdict, NG_PASS);
        assert_near("cosine", measured_one(&c, "cosine"), 1, 1e-6);
        double residual = measured_one(&c, "residual"),
               bound = measured_one(&c, "bound");
        assert_true(residual >= 0 && residual <= bound && bound < 1e-2);
        if (p == 1) /* of 24 digits a third */
            assert_true(measured_one(&c, "step") == 1 / 256.0);
        measured_end(&c);
    }
    measured_run(&c, "builtin:bug.dx_without_mean", line, "gradient");
    assert_int_equal(c.finding.verdict, NG_FAIL);
    assert_true(measured_one(&c, "residual") > measured_one(&c, "bound"));
    assert_true(measured_one(&c, "cosine") < 0.9999);
    measured_end(&c);
}

/* --- bits ------------------------------------------------------------------- */

static void assert_bits(const measured *c, double calls, double compared,
                        double differing)
{
    assert_near("calls", measured_one(c, "calls"), calls, 0);
    assert_near("compared", measured_one(c, "compared"), compared, 0);
    assert_near("differing", measured_one(c, "differing"), differing, 0);
}

static void test_bits(void **state)
{
    measured c;
    (void)state;
    /* y of the 2 sets without a NaN; the call and a clean one */
    measured_run(&c, "builtin:two_pass",
                 "layer_norm/forward/f32 rows=3 n=5 gen=nonfinite:0 seed=1",
                 "containment");
    assert_bits(&c, 2, 10, 0);
    measured_end(&c);
    /* the call, sets moved, elements moved; y, mean and rstd of 4 sets */
    measured_run(&c, "builtin:two_pass",
                 "rms_norm/forward/f32 rows=4 n=6 gen=normal seed=1",
                 "permutation");
    assert_int_equal(c.finding.verdict, NG_PASS);
    assert_near("calls", measured_one(&c, "calls"), 3, 0);
    assert_true(measured_one(&c, "compared") >= 24 &&
                measured_one(&c, "differing") == 0);
    measured_end(&c);
}

/* What is not promised is measured, and no failure; what is promised fails with
 * the same numbers. */
static void test_promises(void **state)
{
    const char *line = "rms_norm/forward/f32 rows=4 n=33 gen=normal seed=1";
    static const char *const kernels[] = {"by_rows_said", "by_rows"};
    double differing[2];
    measured c;
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        measured_begin(&c, CALLS, kernels[k], line);
        measured_check(&c, "repeat");
        differing[k] = measured_one(&c, "differing");
        assert_int_equal(c.finding.verdict, k == 0 ? NG_PASS : NG_FAIL);
        assert_true(
            differing[k] > 0 && differing[k] < measured_one(&c, "compared") &&
            measured_one(&c, "compared") > 33 * measured_one(&c, "calls") / 2);
        measured_end(&c);
    }
    /* By rows: alone, a row sums another way. It fails at the first row. */
    assert_true(differing[0] >= differing[1]);
    measured_begin(&c, CALLS, "plain", line);
    measured_check(&c, "repeat");
    assert_true(measured_one(&c, "differing") == 0);
    measured_end(&c);
    /* Equal calls alone; every other one sums in another order. */
    measured_begin(&c, CALLS, "alternates",
                   "rms_norm/forward/f32 rows=16 n=1024 gen=normal seed=1");
    measured_check(&c, "repeat");
    assert_int_equal(c.finding.verdict, NG_PASS);
    assert_near("calls", measured_one(&c, "calls"), 9, 0);
    assert_near("compared", measured_one(&c, "compared"), 8 * 16384, 0);
    assert_true(measured_one(&c, "differing") > 0);
    measured_end(&c);
    /* A NaN in one row sends the others another way. */
    for (size_t k = 0; k < 2; k++) {
        ng_contract contract;
        measured_begin(
            &c, CALLS, "by_mates",
            "rms_norm/forward/f32 rows=9 n=65 gen=nonfinite:0 seed=1");
        contract = *c.trial.contract;
        contract.batch_invariant =
            k == 0 ? ng_batch_invariant_no : ng_batch_invariant_yes;
        c.trial.contract = &contract;
        measured_check(&c, "containment");
        assert_int_equal(c.finding.verdict, k == 0 ? NG_PASS : NG_FAIL);
        assert_true(measured_one(&c, "compared") == 8 * 65 &&
                    measured_one(&c, "differing") > 0);
        measured_end(&c);
    }
}

/* Every output is one rounding from exact, or is not. */
static void test_rounding(void **state)
{
    measured c;
    (void)state;
    measured_run(&c, "builtin:two_pass",
                 "layer_norm/forward/bf16 rows=12 n=4 gen=normal seed=1",
                 "rounding");
    assert_int_equal(c.finding.verdict, NG_PASS);
    assert_true(measured_one(&c, "samples") == 48);
    double share = measured_one(&c, "share");
    assert_near("a count of 48", share * 48, round(share * 48), 1e-3);
    assert_true(share > 0.9 && share <= 1);
    measured_end(&c);
    measured_run(&c, "builtin:bug.rstd_f16",
                 "batch_norm/forward/f16 N=12 C=4 spatial=1 gen=normal seed=1",
                 "rounding");
    assert_true(measured_one(&c, "samples") == 48 &&
                measured_one(&c, "share") < 0.9);
    measured_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running),  cmocka_unit_test(test_trajectory),
        cmocka_unit_test(test_growth),   cmocka_unit_test(test_range),
        cmocka_unit_test(test_jacobian), cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_bits),     cmocka_unit_test(test_promises),
        cmocka_unit_test(test_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
