/* `normgate reference` as a user meets it: values worked out by hand, what is
 * no number, bad input named with what was expected; then every op and pass
 * against mpmath (reference_cli.py). */
#include <normgate/oracle.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "program.h"

static ng_arena arena;

static void assert_runs(const char *words)
{
    int code = shell("'%s' reference %s", NORMGATE_PROGRAM, words);
    if (code != 0 || err[0] != '\0')
        fail_msg("normgate reference %s: exit %d\n%s%s", words, code, out, err);
}

/* Exit 2, and one line that says both. */
static void assert_refused(const char *words, const char *what,
                           const char *expected)
{
    int code = shell("'%s' reference %s", NORMGATE_PROGRAM, words);
    size_t length = strlen(err);
    if (code != 2 || length == 0 || strchr(err, '\n') != err + length - 1 ||
        strncmp(err, "normgate", 8) != 0 || strstr(err, what) == NULL ||
        strstr(err, expected) == NULL || out[0] != '\0')
        fail_msg("normgate reference %s: exit %d, no single line with '%s' "
                 "and '%s':\n%s%s",
                 words, code, what, expected, out, err);
}

/* NAME.npy in f32 with 1 or 2 axes (`columns` 0: 1). */
static void put_values(const char *name, size_t rows, size_t columns,
                       const float *values)
{
    const size_t shape[2] = {rows, columns};
    ng_error error;
    if (ng_npy_write(name, ng_f32, columns == 0 ? 1 : 2, shape, values,
                     &error) != ng_status_ok)
        fail_msg("%s", error.text);
}

static double value_at(const char *name, size_t i)
{
    char path[128];
    ng_npy array;
    ng_error error;
    snprintf(path, sizeof path, "out/%s.npy", name);
    if (ng_npy_read(&array, &arena, path, ng_npy_bits_bf16, &error) !=
        ng_status_ok)
        fail_msg("%s", error.text);
    assert_true(i < array.count);
    return ng_dtype_get(array.dtype, array.data, i);
}

/* The value in all its files, where each form holds it exactly. */
static void assert_value(const char *name, size_t i, double value)
{
    char words[64];
    double rounded = value_at(name, i);
    snprintf(words, sizeof words, "%s_high", name);
    double high = value_at(words, i);
    snprintf(words, sizeof words, "%s_low", name);
    double low = value_at(words, i);
    if (rounded != value || high != value || low != 0)
        fail_msg("%s[%zu] is %a, %a + %a, not %a", name, i, rounded, high, low,
                 value);
}

#define F(...) ((const float[]){__VA_ARGS__})

/* x = (1, -1), eps = 3: mean 0, var 1, s = sqrt(1 + 3) = 2, x_hat = +-1/2. */
static void test_layer_norm(void **state)
{
    (void)state;
    put_values("x.npy", 1, 2, F(1, -1));
    put_values("gamma.npy", 2, 0, F(2, 4));
    put_values("beta.npy", 2, 0, F(1, 0));
    assert_runs("'op=layer_norm dtype=f32 saved=mean_rstd' --x x.npy "
                "--gamma gamma.npy --beta beta.npy --eps 3 --out out");
    assert_value("y", 0, 2);
    assert_value("y", 1, -2);
    assert_value("mean", 0, 0);
    assert_value("rstd", 0, 0.5);
    assert_string_equal(out, "y f32 (1, 2) table 0 double_word 2 binary128 0 "
                             "mpfr 0 exact 0 undecided 0\n"
                             "mean f32 (1,) table 0 double_word 0 binary128 0 "
                             "mpfr 0 exact 1 undecided 0\n"
                             "rstd f32 (1,) table 0 double_word 0 binary128 0 "
                             "mpfr 1 exact 0 undecided 0\n");
    assert_false(exists("out/y_kind.npy"));
    assert_false(exists("out/y_exponent.npy"));
}

/* There dy = (1, 0), gamma = 1: mean g = 1/2, mean g x_hat = 1/4,
 * dx = (1 - 1/2 - 1/8)/2 = 3/16, (0 - 1/2 + 1/8)/2 = -3/16. */
static void test_backward(void **state)
{
    (void)state;
    put_values("x.npy", 1, 2, F(1, -1));
    put_values("dy.npy", 1, 2, F(1, 0));
    put_values("gamma.npy", 2, 0, F(1, 1));
    assert_runs("'preset=pytorch op=layer_norm pass=backward' --x x.npy "
                "--gamma=gamma.npy --dy=dy.npy --eps=3 --out=out");
    assert_value("dx", 0, 0.1875);
    assert_value("dx", 1, -0.1875);
    assert_value("dgamma", 0, 0.5);
    assert_value("dgamma", 1, 0);
    assert_value("dbeta", 0, 1);
    assert_value("dbeta", 1, 0);
}

/* The same numbers as two examples of one channel; the unbiased variance is 2,
 * so momentum 1/2 moves 1 to 3/2 and a mean of 4 to 2. In inference (x - 4)/
 * sqrt(1 + 3) of 1 is -3/2. */
static void test_batch_norm(void **state)
{
    (void)state;
    put_values("x.npy", 2, 1, F(1, -1));
    put_values("one.npy", 1, 0, F(1));
    put_values("zero.npy", 1, 0, F(0));
    put_values("four.npy", 1, 0, F(4));
    assert_runs("'op=batch_norm dtype=f32' --x x.npy --gamma one.npy --beta "
                "zero.npy --running-mean four.npy --running-var one.npy --eps "
                "3 --momentum 0.5 --out out");
    assert_value("y", 0, 0.5);
    assert_value("y", 1, -0.5);
    assert_value("running_mean", 0, 2);
    assert_value("running_var", 0, 1.5);
    assert_runs("'op=batch_norm dtype=f32 pass=inference' --x x.npy --gamma "
                "one.npy --beta zero.npy --running-mean four.npy "
                "--running-var one.npy --eps 3 --out out");
    assert_value("y", 0, -1.5);
    assert_value("y", 1, -2.5);
}

/* Two groups (1, -1), (7, 5): both are +-1/2 for eps = 3. */
static void test_group_norm(void **state)
{
    (void)state;
    put_values("x.npy", 1, 4, F(1, -1, 7, 5));
    put_values("four.npy", 4, 0, F(1, 1, 1, 2));
    put_values("zero.npy", 4, 0, F(0, 0, 0, 8));
    assert_runs("'op=group_norm dtype=f32 saved=mean_rstd' --x x.npy --gamma "
                "four.npy --beta zero.npy --num-groups 2 --eps 3 --out out");
    assert_value("y", 0, 0.5);
    assert_value("y", 1, -0.5);
    assert_value("y", 2, 0.5);
    assert_value("y", 3, 7);
    assert_value("mean", 1, 6);
    assert_non_null(strstr(out, "mean f32 (1, 2) "));
}

/* NaN in a row, no spread with eps = 0, an infinite beta. */
static void test_kinds(void **state)
{
    (void)state;
    put_values("x.npy", 3, 2, F(NAN, 1, 2, 2, 1, -1));
    put_values("gamma.npy", 2, 0, F(1, 1));
    put_values("beta.npy", 2, 0, F(0, INFINITY));
    assert_runs("'op=layer_norm dtype=f32' --x x.npy --gamma gamma.npy --beta "
                "beta.npy --eps 0 --out out");
    static const ng_kind kinds[] = {ng_kind_nan,       ng_kind_nan,
                                    ng_kind_undefined, ng_kind_undefined,
                                    ng_kind_value,     ng_kind_infinite};
    for (size_t i = 0; i < 6; i++) {
        assert_true(value_at("y_kind", i) == (double)kinds[i]);
        if (i < 4) {
            assert_true(isnan(value_at("y", i)));
            assert_true(isnan(value_at("y_high", i)));
            assert_true(isnan(value_at("y_low", i)));
        }
    }
    assert_value("y", 4, 1);
    assert_value("y", 5, INFINITY);
    /* A later run without such values leaves no stale file. */
    put_values("x.npy", 1, 2, F(1, -1));
    put_values("beta.npy", 2, 0, F(0, 0));
    assert_runs("'op=layer_norm dtype=f32' --x x.npy --gamma gamma.npy --beta "
                "beta.npy --eps 3 --out out");
    assert_false(exists("out/y_kind.npy"));
}

/* 1/sqrt(2^-2060) = 2^1030 is past the doubles, and 2^-1030 * 2^-4 only just
 * among them: high * 2^exponent says what they are. */
static void test_exponent(void **state)
{
    (void)state;
    const double x[2] = {0x1p-1030, -0x1p-1030}, gamma[2] = {1, 1};
    static const size_t shape[2] = {1, 2}, two = 2;
    ng_error error;
    assert_int_equal(ng_npy_write("x.npy", ng_f64, 2, shape, x, &error),
                     ng_status_ok);
    assert_int_equal(ng_npy_write("gamma.npy", ng_f64, 1, &two, gamma, &error),
                     ng_status_ok);
    assert_runs("'op=rms_norm dtype=f64 eps_place=none saved=mean_rstd' --x "
                "x.npy --gamma gamma.npy --out out");
    assert_value("y", 0, 1);
    assert_value("y", 1, -1);
    assert_true(value_at("rstd", 0) == INFINITY);
    int high;
    double fraction = frexp(value_at("rstd_high", 0), &high);
    assert_true(fraction == 0.5 && value_at("rstd_low", 0) == 0);
    assert_true(high - 1 + value_at("rstd_exponent", 0) == 1030);
}

#define ROW "'op=layer_norm dtype=f32' "
#define ALL "--x x.npy --gamma gamma.npy --beta beta.npy "

static void put_row(void)
{
    put_values("x.npy", 2, 3, F(1, 2, 3, 4, 5, 6));
    put_values("gamma.npy", 3, 0, F(1, 2, 3));
    put_values("beta.npy", 3, 0, F(1, 2, 3));
    put_values("two.npy", 2, 0, F(1, 2));
    put_values("square.npy", 3, 1, F(1, 2, 3));
    put_values("dy.npy", 2, 3, F(1, 2, 3, 4, 5, 6));
    static const double wide[] = {1, 2, 3};
    static const size_t three = 3;
    ng_error error;
    assert_int_equal(ng_npy_write("wide.npy", ng_f64, 1, &three, wide, &error),
                     ng_status_ok);
    assert_int_equal(ng_npy_write("bits.npy", ng_bf16, 1, &three, wide, &error),
                     ng_status_ok);
}

static void test_missing(void **state)
{
    (void)state;
    put_row();
    assert_refused("--out out " ALL, "one contract", "--x");
    assert_refused(ROW ALL, "--out", "FOLDER");
    assert_refused(ROW "--gamma gamma.npy --beta beta.npy --out out", "x is",
                   "missing");
    assert_refused(ROW "--x x.npy --gamma gamma.npy --out out",
                   "beta is missing", "f32 of shape (3,)");
    assert_refused("'op=layer_norm pass=backward' --x x.npy --gamma gamma.npy "
                   "--out out",
                   "dy is missing", "f32 of shape (2, 3)");
    assert_refused("op=batch_norm " ALL "--out out", "running_mean is missing",
                   "(3,)");
    assert_refused("'op=layer_norm pass=backward backward_stats=saved' --x "
                   "x.npy --gamma gamma.npy --dy dy.npy --out out",
                   "mean is missing", "(2,)");
    assert_refused("'op=layer_norm residual=sum' " ALL "--out out",
                   "residual is missing", "(2, 3)");
    assert_refused("op=group_norm " ALL "--out out", "num_groups=0",
                   "3 channels");
    assert_refused("'op=batch_norm momentum=old' " ALL
                   "--running-mean gamma.npy "
                   "--running-var beta.npy --out out",
                   "momentum is missing", "0.9");
    assert_refused(ROW "--x x.npy --gamma gamma.npy --beta", "--beta", "value");
}

static void test_surplus(void **state)
{
    (void)state;
    put_row();
    assert_refused(ROW ALL "--dy dy.npy --out out", "dy is surplus",
                   "x, gamma, beta");
    assert_refused("op=rms_norm " ALL "--out out", "beta is surplus",
                   "x, gamma");
    assert_refused("op=l2_norm --x x.npy --gamma gamma.npy --out out",
                   "gamma is surplus", "takes x");
    assert_refused(ROW ALL "--y dy.npy --out out", "y is surplus", "leave it");
    assert_refused(ROW ALL "--num-groups 3 --out out", "num_groups",
                   "group_norm");
    assert_refused(ROW ALL "--momentum 0.1 --out out", "momentum", "leave it");
    assert_refused(ROW ALL "--batches 4 --out out", "batches", "cumulative");
    assert_refused("'op=instance_norm' " ALL "--axes 2 --out out", "axes=2",
                   "channels");
    assert_refused(ROW ALL "--weight gamma.npy --out out", "--weight",
                   "unknown option");
    assert_refused(ROW "'op=rms_norm' " ALL "--out out", "one contract",
                   "quotes");
}

static void test_misshapen(void **state)
{
    (void)state;
    put_row();
    assert_refused(ROW "--x x.npy --gamma two.npy --beta beta.npy --out out",
                   "gamma has shape (2,)", "expected (3,)");
    assert_refused(ROW "--x x.npy --gamma square.npy --beta beta.npy --out out",
                   "gamma has shape (3, 1)", "expected (3,)");
    assert_refused(ROW ALL "--axes 2 --out out", "gamma has shape (3,)",
                   "expected (2, 3)");
    assert_refused(ROW ALL "--axes 3 --out out", "axes=3", "x has 2");
    assert_refused("'op=layer_norm pass=backward' --x x.npy --gamma gamma.npy "
                   "--dy square.npy --out out",
                   "dy has shape (3, 1)", "expected (2, 3)");
    assert_refused("'op=batch_norm running=none' --x two.npy --gamma gamma.npy "
                   "--beta beta.npy --out out",
                   "x has 1 axes", "(N, C)");
    assert_refused("op=group_norm " ALL "--num-groups 2 --out out",
                   "num_groups=2", "3 channels");
    assert_refused(
        "'op=batch_norm layout=channels_last running=none' --x x.npy "
        "--gamma two.npy --beta beta.npy --out out",
        "gamma has shape (2,)", "expected (3,)");
    assert_refused("'op=instance_norm' " ALL "--out out", "forbids",
                   "one value");
}

static void test_dtypes(void **state)
{
    (void)state;
    put_row();
    assert_refused(ROW "--x x.npy --gamma wide.npy --beta beta.npy --out out",
                   "gamma is f64", "expected f32");
    assert_refused("'op=layer_norm dtype=f64' " ALL "--out out", "x is f32",
                   "expected f64");
    assert_refused(ROW "--x x.npy --gamma bits.npy --beta beta.npy --out out",
                   "bits.npy", "'<f4'");
    assert_refused("'op=layer_norm dtype=bf16' " ALL "--out out", "x is f32",
                   "expected bf16");
    assert_refused("'op=layer_norm param=f64' " ALL "--out out", "gamma is f32",
                   "expected f64");
}

static void test_words_and_files(void **state)
{
    (void)state;
    put_row();
    assert_refused("op=layernorm " ALL "--out out", "layernorm", "list ops");
    assert_refused("'op=layer_norm pass=inference' " ALL "--out out",
                   "running statistics", "layer_norm");
    assert_refused("'dtype=f32' " ALL "--out out", "op", "op=");
    assert_refused("'op=layer_norm dtype=f8' " ALL "--out out", "f8", "bf16");
    assert_refused(ROW ALL "--eps tiny --out out", "--eps tiny", "number");
    assert_refused(ROW ALL "--eps nan --out out", "--eps nan", "finite");
    assert_refused(ROW ALL "--eps -1 --out out", "eps=-1", ">= 0");
    assert_refused(ROW ALL "--axes 0 --out out", "--axes 0", "1 to 8");
    assert_refused(ROW ALL "--axes -1 --out out", "--axes -1", "1 to 8");
    assert_refused("op=group_norm " ALL "--num-groups 99999999999 --out out",
                   "--num-groups", "16777216");
    assert_refused(ROW
                   "--x none.npy --gamma gamma.npy --beta beta.npy --out out",
                   "none.npy", "No such file");
    assert_refused(ROW "--x . --gamma gamma.npy --beta beta.npy --out out",
                   ".: cannot be read", "name a .npy file");
    assert_refused(ROW "--x stdout.txt --gamma gamma.npy --beta beta.npy --out "
                       "out",
                   "stdout.txt", "numpy.save");
    assert_refused(ROW ALL "--out none/out", "none/out", "cannot be made");
    assert_refused(ROW ALL "--out x.npy", "x.npy/y.npy", "cannot be written");
}

/* Running statistics have the same name in and out. */
static void test_inputs_stay(void **state)
{
    (void)state;
    put_row();
    put_values("running_mean.npy", 3, 0, F(0, 0, 0));
    put_values("running_var.npy", 3, 0, F(1, 1, 1));
    assert_refused("op=batch_norm " ALL "--running-mean running_mean.npy "
                   "--running-var running_var.npy --out .",
                   "running_mean.npy is an input", "--out");
}

/* No rows: every output is there, and empty. */
static void test_empty(void **state)
{
    (void)state;
    put_row();
    static const size_t shape[] = {0, 3};
    ng_error error;
    ng_npy array;
    assert_int_equal(ng_npy_write("x.npy", ng_f32, 2, shape, "", &error),
                     ng_status_ok);
    assert_runs("'op=layer_norm pass=backward' --x x.npy --dy x.npy --gamma "
                "gamma.npy --out out");
    assert_int_equal(
        ng_npy_read(&array, &arena, "out/dx.npy", ng_npy_bits_refused, &error),
        ng_status_ok);
    assert_true(array.rank == 2 && array.shape[0] == 0 && array.shape[1] == 3);
    assert_value("dgamma", 2, 0); /* a sum of nothing */
}

/* What files cannot say: shapes past the limits, no x at all. */
static void test_library(void **state)
{
    (void)state;
    float values[8] = {1, -1};
    ng_oracle_call call;
    ng_oracle oracle;
    ng_error error;
    ng_oracle_call_init(&call, "op=layer_norm dtype=f32 affine=none");
    call.eps = 3;
    assert_int_equal(ng_oracle_compute(&oracle, &arena, &call, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, "x is missing"));
    ng_npy *x = &call.input[ng_tensor_x];
    *x = (ng_npy){.dtype = ng_f32, .rank = 2, .shape = {1, 2}, .data = values};
    assert_int_equal(ng_oracle_compute(&oracle, &arena, &call, &error),
                     ng_status_ok);
    const ng_oracle_output *y = ng_oracle_find(&oracle, ng_tensor_y);
    assert_int_equal(oracle.count, 1);
    assert_true(y == &oracle.output[0] && y->rounded.count == 2);
    assert_true(((const float *)y->rounded.data)[1] == -0.5f);
    assert_true(y->high[0] == 0.5 && y->low[0] == 0);
    assert_true(y->kind == NULL && y->exponent == NULL);
    assert_null(ng_oracle_find(&oracle, ng_tensor_dx));
    assert_int_equal(ng_oracle_undecided(&oracle), 0);
    x->rank = NG_NPY_RANK_MAX + 1;
    assert_int_equal(ng_oracle_compute(&oracle, &arena, &call, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, "more than 8 axes"));
    x->rank = 2;
    x->shape[0] = SIZE_MAX;
    assert_int_equal(ng_oracle_compute(&oracle, &arena, &call, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, "2^24"));
    x->shape[0] = 1;
    call.input[ng_tensor_gamma] = *x;
    call.contract = "op=layer_norm dtype=f32 affine=gamma";
    call.input[ng_tensor_gamma].rank = SIZE_MAX;
    assert_int_equal(ng_oracle_compute(&oracle, &arena, &call, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, "gamma has more than 8 axes"));
    call.contract = "op=layer_norm dtype=f32 affine=gamma eps_place=odd";
    assert_int_equal(ng_oracle_compute(&oracle, &arena, &call, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, "eps_place=odd"));
}

static void test_mpmath(void **state)
{
    (void)state;
    if (shell("'%s' -c 'import mpmath, numpy'", NORMGATE_PYTHON) != 0)
        skip();
    int code = shell("rm -rf out && '%s' '%s/tests/reference_cli.py' '%s'",
                     NORMGATE_PYTHON, NORMGATE_SOURCE_DIR, NORMGATE_PROGRAM);
    if (code != 0)
        fail_msg("exit %d: %s%s", code, out, err);
}

/* The program of docs/reference.md runs as it stands there. */
static void test_document(void **state)
{
    (void)state;
    if (shell("'%s' -c 'import numpy'", NORMGATE_PYTHON) != 0)
        skip();
    int code = shell("sed -n '/^```python/,/^```$/{/^```/d;p}' "
                     "'%s/docs/reference.md' >document.py && "
                     "PATH=\"$(dirname '%s'):$PATH\" '%s' document.py",
                     NORMGATE_SOURCE_DIR, NORMGATE_PROGRAM, NORMGATE_PYTHON);
    if (code != 0)
        fail_msg("exit %d: %s", code, err);
    assert_non_null(
        strstr(out, "y f32 (2, 3) table 0 double_word 6 binary128 0 mpfr 0 "
                    "exact 0 undecided 0\n"));
    assert_non_null(strstr(out, "ulp at most"));
}

static int leave(void **state)
{
    ng_arena_release(&arena);
    return program_leave(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_backward),
        cmocka_unit_test(test_batch_norm),
        cmocka_unit_test(test_group_norm),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_exponent),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_surplus),
        cmocka_unit_test(test_misshapen),
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_words_and_files),
        cmocka_unit_test(test_inputs_stay),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_library),
        cmocka_unit_test(test_mpmath),
        cmocka_unit_test(test_document),
    };
    return cmocka_run_group_tests(tests, program_enter, leave);
}
