/* The decision table of the forward pass: what NaN and Inf in x, gamma or beta
 * may give, where; and that they leave every other set alone. */
#include "reference_trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Infinite parameters: the signed infinity, or wider: any non-finite value. */
static void expect_infinite(const trial *t, double eps, const ng_exact *exact,
                            size_t set, size_t i, double rounded)
{
    ng_point point;
    ng_exact_at(exact, ng_tensor_y, set, i, &point);
    bool wide = point.kind == ng_kind_nonfinite;
    trial_expect_kind(t, eps, exact, ng_tensor_y, set, i,
                      wide ? ng_kind_nonfinite : ng_kind_infinite,
                      wide ? NAN : rounded);
}

/* The decision table. Row 1 of three is poisoned; rows 0 and 2 stay exact. */

typedef struct table_row {
    const char *op;
    double x[4], gamma[4], beta[4];
    ng_kind y[4], mean, rstd;
    double value[4]; /* of y, where decided; else NAN */
} table_row;

#define K_V ng_kind_value
#define K_Q ng_kind_nan
#define K_I ng_kind_infinite
#define K_N ng_kind_nonfinite
#define K_Z ng_kind_zero_nan

static const table_row table[] = {
    /* NaN in x reaches every y of the set. */
    {"layer_norm",
     {1, NAN, 3, 4},
     {1, 1, 0, 1},
     {0, 0, 0, 7},
     {K_Q, K_Q, K_Q, K_Q},
     K_Q,
     K_Q,
     {NAN, NAN, NAN, NAN}},
    {"layer_norm",
     {INFINITY, NAN, 3, 4},
     {1, 1, 1, 1},
     {0, 0, 0, 0},
     {K_Q, K_Q, K_Q, K_Q},
     K_Q,
     K_Q,
     {NAN, NAN, NAN, NAN}},
    {"rms_norm",
     {1, NAN, 3, INFINITY},
     {1, 1, 0, 1},
     {0, 0, 0, 7},
     {K_Q, K_Q, K_Q, K_Q},
     K_V,
     K_Q,
     {NAN, NAN, NAN, NAN}},
    /* Inf in a centred set: Inf - Inf somewhere, whatever the order. */
    {"layer_norm",
     {1, INFINITY, 3, 4},
     {1, 1, 1, 1},
     {0, 0, 0, 7},
     {K_Q, K_Q, K_Q, K_Q},
     K_N,
     K_Q,
     {NAN, NAN, NAN, NAN}},
    {"layer_norm",
     {-INFINITY, INFINITY, 3, 4},
     {1, 1, 1, 1},
     {0, 0, 0, 7},
     {K_Q, K_Q, K_Q, K_Q},
     K_N,
     K_Q,
     {NAN, NAN, NAN, NAN}},
    /* Inf in an RMS set: rstd = 0; finite x give 0 * gamma + beta. */
    {"rms_norm",
     {1, INFINITY, 3, -4},
     {1, 1, 2, 0},
     {0.5, 1, -7, 0},
     {K_Z, K_Q, K_Z, K_Z},
     K_V,
     K_Z,
     {0.5, NAN, -7, 0}},
    {"rms_norm",
     {1, -INFINITY, INFINITY, 0},
     {1, 1, 2, 0},
     {0.5, 1, -7, 3},
     {K_Z, K_Q, K_Q, K_Z},
     K_V,
     K_Z,
     {0.5, NAN, NAN, 3}},
    /* NaN parameters reach their own elements only. */
    {"layer_norm",
     {1, 2, 4, 4},
     {1, NAN, 2, 1},
     {0, 1, NAN, 7},
     {K_V, K_Q, K_Q, K_V},
     K_V,
     K_V,
     {NAN, NAN, NAN, NAN}},
    {"rms_norm",
     {1, 2, 0, 4},
     {1, 2, NAN, 1},
     {0, 1, NAN, 7},
     {K_V, K_V, K_Q, K_V},
     K_V,
     K_V,
     {NAN, NAN, NAN, NAN}},
    /* Infinite parameters: the signed infinity. */
    {"layer_norm",
     {-1, 1, -1, 1},
     {INFINITY, 1, 1, -INFINITY},
     {1, INFINITY, -INFINITY, 0},
     {K_I, K_I, K_I, K_I},
     K_V,
     K_V,
     {-INFINITY, INFINITY, -INFINITY, -INFINITY}},
    {"rms_norm",
     {-1, 1, -1, 1},
     {INFINITY, 1, 1, -INFINITY},
     {1, INFINITY, -INFINITY, 0},
     {K_I, K_I, K_I, K_I},
     K_V,
     K_V,
     {-INFINITY, INFINITY, -INFINITY, -INFINITY}},
    /* 0 * Inf and Inf - Inf. */
    {"layer_norm",
     {-1, 0, 1, 0},
     {1, INFINITY, INFINITY, 1},
     {1, 0, -INFINITY, 0},
     {K_V, K_N, K_N, K_V},
     K_V,
     K_V,
     {NAN, NAN, NAN, NAN}},
};

static void nonfinite_table(void **state)
{
    (void)state;
    const bool skip[] = {false, true, false};
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++)
        for (int d = 0; d < 4; d++) {
            const table_row *row = &table[k];
            bool x_only = true;
            trial t = {
                .in = {.norm = SLOW_LAYER, .N = 3, .C = 4, .H = 1, .W = 1},
                .view = ng_view_rows(3, 4),
                .skip = skip};
            trial_contract(&t.contract, row->op, trial_dtypes[d]);
            trial_set(&t.contract, "affine", "gamma_beta");
            trial_alloc(&t, true, true);
            for (size_t i = 0; i < 12; i++)
                t.x[i] = (double)(i * i % 7) - 1;
            memcpy(t.x + 4, row->x, sizeof row->x);
            memcpy(t.gamma, row->gamma, sizeof row->gamma);
            memcpy(t.beta, row->beta, sizeof row->beta);
            trial_encode(&t);
            for (size_t i = 0; i < 4; i++)
                x_only &= isfinite(row->gamma[i]) && isfinite(row->beta[i]);

            ng_arena arena = {0};
            ng_problem problem = {.contract = &t.contract,
                                  .view = t.view,
                                  .eps = 1e-5,
                                  .x = t.raw_x,
                                  .gamma = t.raw_gamma,
                                  .beta = t.raw_beta};
            ng_exact *exact = ng_exact_compute(&arena, &problem, NULL);
            assert_non_null(exact);
            size_t before = trial_total.failures;
            bool finite_x = true;
            for (size_t i = 0; i < 4; i++) {
                if (row->y[i] == K_I)
                    expect_infinite(&t, 1e-5, exact, 1, i, row->value[i]);
                else
                    trial_expect_kind(&t, 1e-5, exact, ng_tensor_y, 1, i,
                                      row->y[i], row->value[i]);
                finite_x &= isfinite(row->x[i]) != 0;
                ng_point point;
                ng_exact_at(exact, ng_tensor_y, 1, i, &point);
                if (row->y[i] == K_Z &&
                    (ng_point_error(&point, row->value[i]) != 0 ||
                     !(fabs(ng_point_error(&point, row->value[i] + 1) - 1) <
                       0x1p-40)))
                    trial_complain(&t, 1e-5, "error at 0 * Inf", 1, i, 0,
                                   ng_point_error(&point, row->value[i]));
                if (row->y[i] == K_Q && !isnan(point.rounded))
                    trial_complain(&t, 1e-5, "rounded of kind nan", 1, i, NAN,
                                   point.rounded);
                if (row->y[i] != K_V && row->y[i] != K_Z &&
                    !isnan(ng_point_error(&point, 1)))
                    trial_complain(&t, 1e-5, "error at a non-finite", 1, i, NAN,
                                   0);
                if (row->y[i] != K_V && point.level != ng_level_table &&
                    row->y[i] != K_Z)
                    trial_complain(&t, 1e-5, "level of a decided outcome", 1, i,
                                   ng_level_table, point.level);
            }
            if (strcmp(row->op, "layer_norm") == 0)
                trial_expect_kind(&t, 1e-5, exact, ng_tensor_mean, 1, 0,
                                  row->mean, NAN);
            trial_expect_kind(&t, 1e-5, exact, ng_tensor_rstd, 1, 0, row->rstd,
                              row->rstd == K_Z ? 0 : NAN);
            /* Squares of Inf are Inf; with the mean they are Inf - Inf. */
            bool centred = strcmp(row->op, "layer_norm") == 0;
            trial_expect_kind(&t, 1e-5, exact, ng_tensor_var, 1, 0,
                              finite_x                      ? K_V
                              : row->rstd == K_Q || centred ? K_Q
                                                            : K_N,
                              NAN);
            assert_int_equal(ng_exact_conditions(exact, 1)->finite, finite_x);
            if (trial_total.failures != before)
                printf("  (row %zu of the decision table, %s)\n", k,
                       trial_dtypes[d]);
            ng_arena_release(&arena);
            if (x_only) { /* the other rows are what they are without it */
                for (size_t i = 4; i < 8; i++)
                    t.x[i] = 0; /* for the slow reference, which skips it */
                trial_check(&t, 1e-5);
            }
            trial_free(&t);
        }
    trial_report();
}

#undef K_V
#undef K_Q
#undef K_I
#undef K_N
#undef K_Z
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonfinite_table),
    };
    cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
