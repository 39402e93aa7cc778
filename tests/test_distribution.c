/* Distribution: moments and bins of what went into a kernel and of what came
 * out, computed again from the case by the definitions. */
#include "../properties/distribution.h"
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

/* --- distributions ---------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What the columns should say of these values, which are sorted; `slack` is how
 * far the values themselves may be off. */
static void compare(const measured *c, const char *name, const char *bins,
                    double *values, size_t count, double slack)
{
    ng_column five = measured_all(c, name, 5),
              counts = measured_all(c, bins, 24);
    long double sum = 0, squares = 0;
    qsort(values, count, sizeof *values, ascending);
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - sum / count) * (values[i] - sum / count);
    double least = values[0], most = values[count - 1], total = 0;
    slack += 1e-5 * fmax(fabs(least), fabs(most));
    assert_near("mean", five.values[0], (double)(sum / count), slack);
    assert_near("std", five.values[1], (double)sqrtl(squares / count), slack);
    assert_near("min", five.values[2], least, slack);
    assert_near("median", five.values[3],
                (values[count / 2] + values[(count - 1) / 2]) / 2, slack);
    assert_near("max", five.values[4], most, slack);
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
    measured c;
    double before[ROWS * N], after[ROWS * N];
    (void)state;
    measured_run(&c, "builtin:two_pass",
                 "layer_norm/forward/f32 rows=3 n=61 eps=0x1p-10 gen=offset:3 "
                 "affine=random seed=7",
                 "accuracy");
    assert_int_equal(c.finding.verdict, NG_PASS);
    const float *x = measured_tensor(&c, ng_tensor_x);
    const float *gamma = measured_tensor(&c, ng_tensor_gamma);
    const float *beta = measured_tensor(&c, ng_tensor_beta);
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
    measured_end(&c);
}

/* In a backward pass it is dy and dx. */
static void test_distribution_of_gradients(void **state)
{
    measured c;
    double dy[64];
    (void)state;
    measured_run(
        &c, "builtin:two_pass",
        "layer_norm/backward/f32 rows=4 n=16 gen=normal dy=wide seed=3",
        "accuracy");
    const float *given = measured_tensor(&c, ng_tensor_dy);
    for (size_t i = 0; i < 64; i++)
        dy[i] = given[i];
    compare(&c, "before", "before_bins", dy, 64, 0);
    double total = 0;
    for (size_t bin = 0; bin < 24; bin++)
        total += measured_all(&c, "after_bins", 24).values[bin];
    assert_true(total == 64);
    measured_end(&c);
}

/* Too few, or not finite on one side: neither is drawn. A wrong kernel's y is
 * as it came. */
static void test_distribution_or_none(void **state)
{
    static const char *const lines[] = {
        "layer_norm/forward/f32 rows=1 n=23 gen=normal seed=1",
        "layer_norm/forward/f32 rows=3 n=16 gen=nonfinite:0 seed=1",
    };
    measured c;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        measured_run(&c, "builtin:two_pass", lines[i], "accuracy");
        assert_int_equal(c.columns.count, 0);
        measured_end(&c);
    }
    measured_run(
        &c, "builtin:bug.divisor_n_minus_1",
        "layer_norm/forward/f32 rows=1 n=24 eps=0 gen=normal affine=unit "
        "seed=1",
        "accuracy");
    assert_int_equal(c.finding.verdict, NG_FAIL);
    assert_near("std of y", measured_all(&c, "after", 5).values[1],
                sqrt(23 / 24.0), 1e-5);
    measured_end(&c);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_distribution_of_gradients),
        cmocka_unit_test(test_distribution_or_none),
        cmocka_unit_test(test_extreme_distributions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
