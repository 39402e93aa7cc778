/* The exact reference where formats and contracts end: overflow, underflow, signs
 * of zero, cancelled outputs, sets without spread, elements or rows, an eps that
 * is no number, contracts that the reference does not define. */
#include "reference_trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Past the largest finite number and below the smallest normal one. */
static void range_ends(void **state)
{
    (void)state;
    const double x[] = {-1, 1};
    for (int d = 0; d < 4; d++) {
        ng_dtype dtype = ng_f32;
        assert_true(ng_dtype_parse(trial_dtypes[d], &dtype));
        const slow_format *f = slow_format_of(dtype);
        double largest = ng_dtype_max(dtype);
        double half = ldexp(1, f->emax - f->p); /* half an ulp of largest */
        double tiny = ldexp(1, f->emin - f->p + 1);
        const double gammas[][2] = {
            {half, half}, /* largest + half: a tie, to Inf */
            {half - half / 64, half - half / 64}, /* just below: largest */
            {half + half / 64, half + half / 64},
            {largest, largest},
            {tiny, tiny},
            {3 * tiny, 3 * tiny},
            {0, -0.0},
        };
        const double betas[][2] = {
            {largest, largest}, {-largest, largest}, {0, 0},
            {tiny, -tiny},      {-0.0, 0.0},
        };
        const double eps[] = {0, 3, 8, 1e-5, 24, 0x1p-60};
        for (size_t g = 0; g < sizeof gammas / sizeof gammas[0]; g++)
            for (size_t b = 0; b < sizeof betas / sizeof betas[0]; b++)
                for (size_t e = 0; e < sizeof eps / sizeof eps[0]; e++)
                    trial_row("layer_norm", trial_dtypes[d], eps[e], 2, x,
                              gammas[g], betas[b]);
    }
    assert_true(trial_total.infinite > 50);
    assert_true(trial_total.subnormal > 50);
    assert_true(trial_total.ties > 50);
    trial_report();
}

/* A result too small for the format keeps its sign as a zero. */
static void signed_zero(void **state)
{
    (void)state;
    for (int d = 0; d < 4; d++) {
        trial t = {.in = {.norm = SLOW_LAYER, .N = 1, .C = 2, .H = 1, .W = 1},
                   .view = ng_view_rows(1, 2)};
        trial_contract(&t.contract, "layer_norm", trial_dtypes[d]);
        ng_dtype dtype = ng_contract_storage(&t.contract);
        const slow_format *f = slow_format_of(dtype);
        trial_alloc(&t, true, false);
        t.x[0] = -1;
        t.x[1] = 1;
        t.gamma[0] = t.gamma[1] = ldexp(1, f->emin - f->p + 1);
        trial_encode(&t);
        ng_arena arena = {0};
        ng_problem problem = {.contract = &t.contract,
                              .view = t.view,
                              .eps = 99,
                              .x = t.raw_x,
                              .gamma = t.raw_gamma};
        ng_exact *exact = ng_exact_compute(&arena, &problem, NULL);
        assert_non_null(exact);
        ng_point point;
        ng_exact_at(exact, ng_tensor_y, 0, 0, &point);
        assert_true(point.rounded == 0 && signbit(point.rounded));
        assert_true(point.high < 0);
        ng_exact_at(exact, ng_tensor_y, 0, 1, &point);
        assert_true(point.rounded == 0 && !signbit(point.rounded));
        assert_true(point.high > 0);
        ng_arena_release(&arena);
        trial_free(&t);
    }
}

/* x_hat = 3/sqrt(9 + 2^-k) - 1 and the like, about -2^-(k+4): all but the last
 * bits cancel, yet the value must be good to 2^-100. (A third is no binary
 * fraction, so its rounding shows.) */
static void cancelled_outputs(void **state)
{
    (void)state;
    const double x[10] = {10}; /* mean 1, var 9: x_hat = 3, -1/3, ... */
    const double gamma[] = {1, 3, 3, -3, 3, 6, 3, 3, 3, 0.75};
    const double beta[] = {-3, 1, 1, -1, 1, 2, 1, 1, 1, 0.25};
    for (int d = 0; d < 4; d++)
        for (int k = 1; k <= 1000; k += k < 300 ? 3 : 50)
            trial_row("layer_norm", trial_dtypes[d], ldexp(1, -k), 10, x, gamma,
                      beta);
    trial_report();
}

/* Zero variance, one value per set, eps = 0. */
static void degenerate(void **state)
{
    (void)state;
    const double x[] = {5, 5, 5}, zero[] = {0, 0, -0.0}, beta[] = {1, -2, 0};
    for (int d = 0; d < 4; d++) {
        trial_row("layer_norm", trial_dtypes[d], 0, 3, x, NULL, beta);
        trial_row("layer_norm", trial_dtypes[d], 0, 1, x, beta, beta);
        trial_row("rms_norm", trial_dtypes[d], 0, 3, zero, NULL, NULL);
        assert_int_equal(trial_total.undefined, (size_t)(d + 1) * 7);
        trial_row("layer_norm", trial_dtypes[d], 1e-5, 3, x, NULL, beta);
        trial_row("layer_norm", trial_dtypes[d], 1e-5, 1, x, beta, beta);
        trial_row("layer_norm", trial_dtypes[d], 0x1p-1074, 1, x, beta, beta);
        trial_row("rms_norm", trial_dtypes[d], 1e-5, 3, zero, beta, NULL);
        trial_row("rms_norm", trial_dtypes[d], 0, 1, x, beta, NULL);
        trial_row("rms_norm", trial_dtypes[d], 0, 3, x, beta, NULL);
    }
    trial_report();
}
/* What the reference does not define is refused in words that name the field,
 * never answered with something else. */
static void undefined_contracts(void **state)
{
    (void)state;
    static const struct {
        const char *field, *value;
        bool refused; /* the problem has no input for it */
    } fields[] = {
        {"round_xhat", "yes", false},     {"round_rstd", "yes", false},
        {"round_residual", "yes", false}, {"residual", "sum", true},
        {"eps_place", "max_norm", false},
    };
    const double values[] = {1, 2, 4, 8};
    for (size_t k = 0; k < sizeof fields / sizeof fields[0]; k++) {
        ng_arena arena = {0};
        ng_contract contract;
        ng_error error = {""};
        trial_contract(&contract, "layer_norm", "f64");
        trial_set(&contract, fields[k].field, fields[k].value);
        ng_problem problem = {.contract = &contract,
                              .view = ng_view_rows(1, 4),
                              .eps = 1e-5,
                              .x = values,
                              .gamma = values};
        bool refused = ng_exact_compute(&arena, &problem, &error) == NULL;
        if (refused && strstr(error.text, fields[k].field) == NULL)
            fail_msg("%s=%s refused as '%s'", fields[k].field, fields[k].value,
                     error.text);
        assert_true(refused || !fields[k].refused);
        ng_arena_release(&arena);
    }
}

/* n - 1 without a mean: refused, or taken as it reads; never ignored. */
static void uncentred_divisor(void **state)
{
    (void)state;
    const double values[] = {3, 0, 0}; /* 9/2, 9/3: 3/sqrt(9/2) = sqrt(2) */
    ng_arena arena = {0};
    ng_contract contract;
    ng_error error = {""};
    trial_contract(&contract, "rms_norm", "f64");
    trial_set(&contract, "divisor", "n_minus_1");
    ng_problem problem = {.contract = &contract,
                          .view = ng_view_rows(1, 3),
                          .eps = 0,
                          .x = values};
    ng_exact *exact = ng_exact_compute(&arena, &problem, &error);
    if (exact != NULL) {
        ng_point point;
        ng_exact_at(exact, ng_tensor_y, 0, 0, &point);
        assert_true(point.rounded == 0x1.6a09e667f3bcdp+0);
    } else
        assert_non_null(strstr(error.text, "divisor"));
    ng_arena_release(&arena);
}

/* A set without elements has no mean: 0/0. No set: nothing at all. */
static void empty_sets(void **state)
{
    (void)state;
    const double none[1] = {0};
    static const char *const ops[] = {"layer_norm", "rms_norm"};
    for (int k = 0; k < 2; k++) {
        ng_arena arena = {0};
        ng_contract contract;
        trial_contract(&contract, ops[k], "f32");
        ng_problem problem = {.contract = &contract,
                              .view = ng_view_rows(2, 0),
                              .eps = 1e-5,
                              .x = none};
        ng_exact *exact = ng_exact_compute(&arena, &problem, NULL);
        assert_non_null(exact);
        for (size_t set = 0; set < 2; set++) {
            ng_point mean, rstd;
            ng_exact_at(exact, ng_tensor_mean, set, 0, &mean);
            ng_exact_at(exact, ng_tensor_rstd, set, 0, &rstd);
            /* 0/0, or the 0 that the sums began with (Welford) */
            assert_int_equal(mean.kind, ng_kind_undefined);
            assert_int_equal(rstd.kind, ng_kind_undefined);
            assert_true(ng_exact_conditions(exact, set)->n == 0);
        }
        problem.view = ng_view_rows(0, 4);
        exact = ng_exact_compute(&arena, &problem, NULL);
        assert_non_null(exact);
        for (unsigned level = 0; level < NG_LEVEL_COUNT; level++)
            assert_int_equal(ng_exact_levels(exact)[level], 0);
        ng_arena_release(&arena);
    }
}

/* An eps that is no finite number: as it comes, or past the end of eps_dtype.
 * Refused, or taken as a limit (rstd = 0, y = beta); never a crash. */
static void eps_not_finite(void **state)
{
    (void)state;
    static const struct {
        const char *eps_dtype;
        double eps;
    } rows[] = {{"f64", INFINITY}, {"f64", NAN}, {"f16", 1e6}, {"f32", 1e39}};
    const double values[] = {1, 2, 4, 8};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        ng_arena arena = {0};
        ng_contract contract;
        ng_error error = {""};
        trial_contract(&contract, "layer_norm", "f64");
        trial_set(&contract, "eps_dtype", rows[k].eps_dtype);
        ng_problem problem = {.contract = &contract,
                              .view = ng_view_rows(1, 4),
                              .eps = rows[k].eps,
                              .x = values,
                              .beta = values};
        ng_exact *exact = ng_exact_compute(&arena, &problem, &error);
        ng_point point;
        if (exact == NULL)
            assert_non_null(strstr(error.text, "eps"));
        else {
            ng_exact_at(exact, ng_tensor_y, 0, 3, &point);
            assert_true(isnan(rows[k].eps) ? point.kind == ng_kind_nan
                                           : point.rounded == 8);
        }
        ng_arena_release(&arena);
    }
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_ends),
        cmocka_unit_test(signed_zero),
        cmocka_unit_test(cancelled_outputs),
        cmocka_unit_test(degenerate),
        cmocka_unit_test(undefined_contracts),
        cmocka_unit_test(uncentred_divisor),
        cmocka_unit_test(empty_sets),
        cmocka_unit_test(eps_not_finite),
    };
    cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
