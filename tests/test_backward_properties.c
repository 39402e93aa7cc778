/* The properties of the backward pass: which of them kills which wrong kernel,
 * and in what words; the Jacobian's spectrum, in closed form, against LAPACK on
 * the exact Jacobian of every op; singular values and slopes on matrices and
 * lines whose answers are known. */
#include "../properties/backward.h"
#include "../properties/spectrum.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLUGIN NORMGATE_BINARY_DIR "/tests/plugins/backward.so"

static ng_subject *subject; /* the plugin */

static ng_subject *opened(const char *spec)
{
    ng_error error;
    ng_subject *from;
    ng_subject_options options = {.timeout_s = 20};
    if (ng_subject_open(&from, spec, &options, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    return from;
}

static int open_plugin(void **state)
{
    (void)state;
    subject = opened(PLUGIN);
    return 0;
}

static int close_plugin(void **state)
{
    (void)state;
    ng_subject_close(subject);
    return 0;
}

static size_t kernel_named(const ng_subject *from, const char *name)
{
    for (size_t k = 0; k < ng_subject_kernel_count(from); k++) {
        if (strcmp(ng_subject_kernel(from, k)->name, name) == 0)
            return k;
    }
    fail_msg("no kernel %s", name);
    return 0;
}

/* All cases of a property; the cause of the first failure, or "". */
static size_t failures_of(ng_subject *from, const char *kernel,
                          const char *property_name, ng_profile profile,
                          char cause[400], char note[240])
{
    const ng_property *property = ng_property_find(property_name);
    size_t k = kernel_named(from, kernel), failed = 0, judged = 0;
    const ng_contract *contract = &ng_subject_kernel(from, k)->contract;
    ng_trial trial = {.subject = from,
                      .kernel = k,
                      .contract = contract,
                      .op = ng_op_find(contract->op),
                      .profile = profile,
                      .seed = 1};
    ng_case test;
    assert_non_null(property);
    assert_true(property->applies(contract));
    cause[0] = note[0] = '\0';
    for (size_t i = 0; property->plan(&trial, i, &test); i++) {
        ng_finding finding;
        ng_finding_init(&finding);
        property->check(&trial, &test, &finding);
        ng_arena_release(&trial.arena);
        judged += finding.elements;
        if (finding.verdict == NG_ERROR)
            fail_msg("%s, %s: %s", kernel, property_name, finding.cause);
        if (finding.note[0] != '\0')
            snprintf(note, 240, "%s", finding.note);
        if (finding.verdict != NG_PASS && failed++ == 0)
            snprintf(cause, 400, "%s", finding.cause);
    }
    assert_true(judged > 0);
    return failed;
}

static size_t failures(const char *kernel, const char *property,
                       ng_profile profile, char cause[400], char note[240])
{
    return failures_of(subject, kernel, property, profile, cause, note);
}

/* In 16 bits the step is large, and curvature more than the bounds allow. */
static void test_curvature_is_exact(void **state)
{
    static const char *const kernels[] = {"layer_norm_backward_f16",
                                          "rms_norm_backward_f16",
                                          "group_norm_backward_f16"};
    ng_subject *right = opened("builtin:wide");
    char cause[400], note[240];
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        if (failures_of(right, kernels[k], "finite_difference", ng_gate, cause,
                        note) > 0)
            fail_msg("%s: %s", kernels[k], cause);
    }
    ng_subject_close(right);
}

static void test_right_kernels_hold(void **state)
{
    static const char *const kernels[] = {"right", "rms_right", "held_right"};
    static const char *const names[] = {"gradient", "finite_difference",
                                        "adjoint", "jacobian"};
    char cause[400], note[240];
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        for (size_t p = 0; p < 4; p++) {
            if (k > 0 && p == 1) /* no forward pass beside it */
                continue;
            if (failures(kernels[k], names[p], ng_gate, cause, note) > 0)
                fail_msg("%s, %s: %s", kernels[k], names[p], cause);
        }
    }
    if (failures("forward", "growth", ng_gate, cause, note) > 0)
        fail_msg("growth: %s", cause);
}

/* kills NULL: the property cannot see it, by its nature. */
static const struct {
    const char *kernel, *property, *kills;
} murders[] = {
    {"no_mean", "gradient", "the sum of dx over set"},
    {"no_mean", "finite_difference", "not the derivative of the forward pass"},
    {"no_mean", "jacobian", "singular value"},
    {"no_mean", "adjoint", NULL}, /* I - x_hat x_hat' is symmetric */
    {"no_slope", "gradient", "the sum of dx*x_hat over set"},
    {"no_slope", "finite_difference", "along x"},
    /* rank n - 1 where n - 2 is due */
    {"no_slope", "jacobian", "singular value"},
    {"rms_no_slope", "jacobian", "singular value"},
    {"gamma_outside", "gradient", "the sum of dx over set"},
    {"gamma_outside", "adjoint", "not symmetric"},
    {"gamma_outside", "finite_difference", "along x"},
    {"rms_gamma_twice", "adjoint", "not symmetric"},
    {"rms_gamma_twice", "gradient", "dx*x_hat"},
    {"other_eps", "finite_difference", "along x"},
    {"other_eps", "gradient", "(eps in step)"},
    {"other_eps", "jacobian", "singular value"},
    {"other_eps", "adjoint", NULL}, /* a norm's, of another eps */
    {"clips", "gradient", "of 8 dy"},
    {"absolute", "gradient", "the sum of dx over set"},
    {"absolute", "adjoint", "not symmetric"},
    {"last_row", "gradient", "of all examples"},
    {"last_row", "finite_difference", "along gamma"},
    {"exchanged", "gradient", "of -x"},
    {"exchanged", "finite_difference", "along gamma"},
    {"signs", "gradient", "of dy = a + b"},
    {"nan_at_zero", "gradient", "of dy = 0"},
    {"nan_at_zero", "adjoint", NULL},
    {"less_one", "gradient", "dx*x_hat"},
    {"less_one", "finite_difference", "along x"},
    {"less_one", "jacobian", "singular value"},
    {"held_batch", "gradient", "dx"},
    {"held_batch", "jacobian", "singular value"},
    {"held_with_x", "gradient", "of dy = 0"},
    {"held_with_x", "jacobian", "singular value"},
};

static void test_wrong_kernels_die(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof murders / sizeof murders[0]; m++) {
        char cause[400], note[240];
        const char *words = murders[m].kills;
        size_t failed = failures(murders[m].kernel, murders[m].property,
                                 ng_gate, cause, note);
        if (words == NULL ? failed > 0
                          : failed == 0 || strstr(cause, words) == NULL)
            fail_msg("%s, %s: %zu failures, '%s'", murders[m].kernel,
                     murders[m].property, failed, cause);
    }
}

static double exponent_of(const char *note)
{
    const char *at = strchr(note, '^');
    assert_non_null(at);
    return strtod(at + 1, NULL);
}

/* One pass loses var to mean^2: its error grows as the square of the offset, of
 * two passes as the offset at most; sums in double do not grow with n. */
static void test_growth(void **state)
{
    char cause[400], note[240];
    (void)state;
    assert_true(failures("one_pass", "growth", ng_gate, cause, note) > 0);
    assert_int_equal(failures("forward", "growth", ng_smoke, cause, note), 0);
    assert_non_null(strstr(note, "declared recursive"));
    if (!(fabs(exponent_of(note)) < 0.1))
        fail_msg("%s", note);
    const char *bound = strstr(note, "its bound as n");
    assert_non_null(bound);
    if (!(fabs(exponent_of(bound) - 1) < 0.15))
        fail_msg("%s", note);
}

static void test_rank_is_noted(void **state)
{
    char cause[400], note[240];
    (void)state;
    /* The last case of smoke: eps = 1, so only 1 is lost. */
    assert_int_equal(failures("right", "jacobian", ng_smoke, cause, note), 0);
    if (strstr(note, "Jacobian of 8 elements: rank 7,") == NULL)
        fail_msg("%s", note);
}

/* ---- the exact spectrum ---- */

/* Every contract that changes it. */
static const char *const contracts[] = {
    "op=layer_norm pass=backward",
    "op=layer_norm pass=backward eps_place=outside",
    "op=layer_norm pass=backward eps_place=none",
    "op=layer_norm pass=backward eps_place=max_var",
    "op=layer_norm pass=backward divisor=n_minus_1",
    "op=layer_norm pass=backward divisor=n_minus_1 eps_place=outside",
    "op=layer_norm pass=backward backward_stats=saved stats=bf16",
    "op=layer_norm pass=backward backward_stats=saved divisor=n_minus_1",
    "op=layer_norm pass=backward centred=no divisor=n_minus_1",
    "op=rms_norm pass=backward",
    "op=rms_norm pass=backward eps_place=outside",
    "op=rms_norm pass=backward eps_place=max_var",
    "op=rms_norm pass=backward backward_stats=saved stats=f16",
    "op=l2_norm pass=backward",
    "op=l2_norm pass=backward eps_place=inside",
    "op=l2_norm pass=backward eps_place=outside",
    "op=batch_norm pass=backward",
    "op=batch_norm pass=inference_backward",
    "op=group_norm pass=backward",
    "op=instance_norm pass=backward",
    "op=instance_norm pass=inference_backward eps_place=outside",
};

/* near_eps far above and below, so that either side of a maximum is taken. */
static const double sizes[] = {0.01, 0.75, 100};

static void spectrum_of(const char *text, double arg, size_t n)
{
    ng_contract contract;
    ng_error error;
    ng_outcome base = {0};
    ng_x_hat x_hat;
    ng_finding finding;
    ng_case test;
    char line[256];
    snprintf(line, sizeof line, "%s dtype=f64 affine=none", text);
    assert_int_equal(ng_contract_parse(&contract, line, &error), ng_status_ok);
    ng_trial trial = {.contract = &contract, .op = ng_op_find(contract.op)};
    ng_finding_init(&finding);
    ng_case_init(&test, contract.op, ng_f64);
    snprintf(test.pass, sizeof test.pass, "%s", contract.pass);
    snprintf(test.gen, sizeof test.gen, "near_eps");
    test.gen_arg = arg;
    test.eps = 0.25;
    test.seed = 11 + n;
    ng_case_reshape(&test, n, n);
    assert_int_equal(ng_case_tensors(&test, &contract, &trial.arena,
                                     &base.call.problem, base.call.tensor,
                                     &error),
                     ng_status_ok);
    ng_unit_gradients(&base.call);
    assert_true(ng_standard_make(&base.standard, &trial.arena,
                                 &base.call.problem, &error));
    assert_true(ng_x_hat_make(&trial, &base.call, &x_hat, &finding));
    double *a = ng_arena_alloc(&trial.arena, n * n + 2 * n, sizeof *a);
    double *got = a + n * n, *closed = got + n, slack;
    for (size_t k = 0; k < n * n; k++) {
        ng_point point;
        ng_exact_at(base.standard.exact, ng_tensor_dx, k % n, k / n, &point);
        assert_int_equal(point.kind, ng_kind_value);
        a[k] = ldexp(point.high, point.exponent);
    }
    assert_true(ng_singular_values(&trial.arena, a, n, got, &slack));
    ng_norm_spectrum(&base, &x_hat, closed);
    /* entries to nearest: n u |P| in the Frobenius norm, at most */
    slack += ((double)n + 32) * 0x1p-53 * x_hat.rstd[0];
    for (size_t k = 0; k < n; k++) {
        if (!(fabs(got[k] - closed[k]) <= slack))
            fail_msg("%s, near_eps:%g, n = %zu: singular value %zu is %.17g, "
                     "closed form %.17g, slack %g",
                     line, arg, n, k, got[k], closed[k], slack);
    }
    /* a slack that forgives the share of eps would prove nothing */
    assert_true(slack < 1e-12 * x_hat.rstd[0]);
    ng_arena_release(&trial.arena);
}

static void test_spectrum(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof contracts / sizeof contracts[0]; c++) {
        for (size_t s = 0; s < 3; s++) {
            spectrum_of(contracts[c], sizes[s], 2);
            spectrum_of(contracts[c], sizes[s], 12);
        }
    }
}

/* ---- LAPACK ---- */

/* [1 1; 0 1] has the golden ratio and its inverse; a rotation of diag(5, 0, 0),
 * by Pythagorean triples, has 5, 0, 0. */
static void test_singular_values(void **state)
{
    const double shear[] = {1, 1, 0, 1};
    const double flat[] = {3, 0, 0, 4, 0, 0, 0, 0, 0};
    const long double golden = (1 + sqrtl(5)) / 2;
    double values[3], error;
    ng_arena arena = {0};
    (void)state;
    assert_true(ng_singular_values(&arena, shear, 2, values, &error));
    assert_true(error < 1e-14);
    /* irrational, so no double is nearer than the error says */
    assert_true(fabsl((long double)values[0] - golden) <= (long double)error);
    assert_true(fabsl((long double)values[1] - 1 / golden) <=
                (long double)error);
    assert_true(ng_singular_values(&arena, flat, 3, values, &error));
    assert_true(error < 1e-14);
    assert_true(fabs(values[0] - 5) <= error);
    assert_true(values[1] <= error && values[2] <= error);
    ng_arena_release(&arena);
}

static void test_slope(void **state)
{
    const double x[] = {0, 1, 2, 5}, y[] = {1, -1, -3, -9};
    /* (0, 0), (1, 1), (2, 0), (3, 3): slope 8/10 by the normal equations */
    const double u[] = {0, 1, 2, 3}, v[] = {0, 1, 0, 3};
    (void)state;
    assert_true(fabs(ng_fitted_slope(x, y, 4) + 2) < 1e-14);
    assert_true(fabs(ng_fitted_slope(u, v, 4) - 0.8) < 1e-14);
    assert_true(isnan(ng_fitted_slope(x, y, 2)));
}

/* 2^60 + 1 - 2^60, and products whose low halves matter. */
static void test_inner(void **state)
{
    ng_inner sum = {0};
    (void)state;
    ng_inner_add(&sum, 0x1p60, 1, 0.5);
    ng_inner_add(&sum, 1, 1, 0);
    ng_inner_add(&sum, -0x1p30, 0x1p30, 0);
    assert_true(ng_inner_value(&sum) == 1);
    /* 2^60 times 0.5, and hardly more */
    assert_true(ng_inner_bound(&sum) >= 0x1p59);
    assert_true(ng_inner_bound(&sum) < 0x1.0001p59);
    sum = (ng_inner){0};
    ng_inner_add(&sum, 1 + 0x1p-30, 1 + 0x1p-30, 0);
    ng_inner_add(&sum, -1, 1 + 0x1p-29, 0);
    assert_true(ng_inner_value(&sum) == 0x1p-60);
    assert_true(ng_inner_bound(&sum) < 0x1p-90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inner),
        cmocka_unit_test(test_slope),
        cmocka_unit_test(test_singular_values),
        cmocka_unit_test(test_spectrum),
        cmocka_unit_test(test_right_kernels_hold),
        cmocka_unit_test(test_curvature_is_exact),
        cmocka_unit_test(test_wrong_kernels_die),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_rank_is_noted),
    };
    return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
