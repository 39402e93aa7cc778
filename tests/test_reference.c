/* Proves that the exact reference is exact: every y, mean, rstd and var of random
 * problems equals, bit for bit, the correct rounding found by the slow
 * reference (literal loops in MPFR at 2000 bits and more), over all dtypes,
 * input families, contracts and layouts; its value is good to 2^-100, its
 * conditions to 2^-50. */
#include "reference_trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static size_t random_n(slow_random *random)
{
    switch (slow_below(random, 4)) {
    case 0: return 1 + slow_below(random, 8);
    case 1: return 1 + slow_below(random, 300);
    default: return 1 + slow_below(random, 60);
    }
}

static void random_rows(void **state)
{
    (void)state;
    static const char *const ops[] = {"layer_norm", "rms_norm"};
    slow_random random = {20240601};
    size_t effort = slow_effort();
    for (int op = 0; op < 2; op++)
        for (int d = 0; d < 4; d++)
            for (int family = 0; family < FAMILIES; family++) {
                /* f64 of full range needs 27000 bits: few of those. */
                bool heavy = d == 3 && (family == WIDE || family == SUBNORMAL ||
                                        family == NEAR_OVERFLOW);
                size_t trials = (heavy ? 2 : 10) * effort;
                for (size_t k = 0; k < trials; k++) {
                    ng_contract contract;
                    trial_contract(&contract, ops[op], trial_dtypes[d]);
                    if (op == 1 && slow_below(&random, 2))
                        trial_set(&contract, "affine", "gamma_beta");
                    trial_rows(&random, &contract, family,
                               1 + slow_below(&random, 3),
                               heavy ? 1 + slow_below(&random, 20)
                                     : random_n(&random));
                }
            }
    trial_report();
}

/* Long sets: sums that leave 64 bits, more elements than 2^16. */
static void long_sets(void **state)
{
    (void)state;
    static const int families[] = {OFFSET, NEAR_CONSTANT, NEAR_OVERFLOW};
    slow_random random = {9};
    for (int d = 0; d < 3; d++)
        for (size_t k = 0; k < 3 * slow_effort(); k++) {
            ng_contract contract;
            trial_contract(&contract, k % 2 ? "rms_norm" : "layer_norm",
                           trial_dtypes[d]);
            trial_rows(&random, &contract, families[k % 3], 1,
                       k == 0 ? 70001 : 4099 + slow_below(&random, 5000));
        }
    trial_report();
}

static void contract_variants(void **state)
{
    (void)state;
    static const char *const divisors[] = {"n", "n_minus_1"};
    static const char *const places[] = {"inside", "outside", "max_var",
                                         "none"};
    static const char *const affines[] = {"gamma_beta", "gamma", "none",
                                          "one_plus_gamma"};
    static const char *const centred[] = {"yes", "no"};
    static const char *const formats[] = {"same", "f32", "f64", "bf16", "f16"};
    static const char *const eps_formats[] = {"f64", "f32", "bf16", "f16"};
    slow_random random = {7};
    size_t effort = slow_effort();
    for (int place = 0; place < 4; place++)
        for (int affine = 0; affine < 4; affine++)
            for (int c = 0; c < 2; c++)
                for (size_t k = 0; k < 20 * effort; k++) {
                    ng_contract contract;
                    const char *dtype = trial_dtypes[slow_below(&random, 4)];
                    trial_contract(&contract, "layer_norm", dtype);
                    trial_set(&contract, "eps_place", places[place]);
                    trial_set(&contract, "affine", affines[affine]);
                    trial_set(&contract, "centred", centred[c]);
                    trial_set(&contract, "divisor",
                              divisors[slow_below(&random, 2)]);
                    trial_set(&contract, "eps_dtype",
                              eps_formats[slow_below(&random, 4)]);
                    trial_set(&contract, "param",
                              formats[slow_below(&random, 5)]);
                    trial_set(&contract, "stats",
                              formats[slow_below(&random, 5)]);
                    int family = slow_int(&random, 0, FAMILIES - 1);
                    if (family == WIDE && strcmp(dtype, "f64") == 0)
                        family = NORMAL;
                    /* n = 1 has no n - 1 to divide by. */
                    trial_rows(&random, &contract, family, 2,
                               2 + slow_below(&random, 12));
                }
    trial_report();
}

static void set_axis(ng_axis *axis, size_t count, size_t stride, size_t param)
{
    *axis = (ng_axis){count, (ptrdiff_t)stride, (ptrdiff_t)param};
}

/* The strided description of each layout, written down by hand. */
static ng_view hand_view(const slow_input *in)
{
    size_t N = in->N, C = in->C, S = in->H * in->W, G = in->groups;
    bool last = in->channels_last;
    size_t channel = last ? 1 : S, place = last ? C : 1, image = C * S;
    ng_view view = {.start = 0};
    set_axis(&view.set[0], 1, 0, 0);
    set_axis(&view.set[1], 1, 0, 0);
    set_axis(&view.element[0], 1, 0, 0);
    set_axis(&view.element[1], 1, 0, 0);
    switch (in->norm) {
    case SLOW_BATCH:
        set_axis(&view.set[1], C, channel, 1);
        set_axis(&view.element[0], N, image, 0);
        set_axis(&view.element[1], S, place, 0);
        break;
    case SLOW_GROUP:
        set_axis(&view.set[0], N, image, 0);
        set_axis(&view.set[1], G, C / G * channel, C / G);
        set_axis(&view.element[0], last ? S : C / G, last ? place : channel,
                 last ? 0 : 1);
        set_axis(&view.element[1], last ? C / G : S, last ? channel : place,
                 last ? 1 : 0);
        break;
    case SLOW_INSTANCE:
        set_axis(&view.set[0], N, image, 0);
        set_axis(&view.set[1], C, channel, 1);
        set_axis(&view.element[1], S, place, 0);
        break;
    case SLOW_IMAGE_LAYER:
        set_axis(&view.set[1], N, image, 0);
        set_axis(&view.element[1], image, 1, 1);
        break;
    case SLOW_CHANNEL_LAYER:
        set_axis(&view.set[0], N, image, 0);
        set_axis(&view.set[1], S, place, 0);
        set_axis(&view.element[1], C, channel, 1);
        break;
    case SLOW_LAYER: view = ng_view_rows(N, C); break;
    }
    return view;
}

static void layouts(void **state)
{
    (void)state;
    static const slow_norm norms[] = {SLOW_BATCH, SLOW_GROUP, SLOW_INSTANCE,
                                      SLOW_IMAGE_LAYER, SLOW_CHANNEL_LAYER};
    slow_random random = {11};
    for (size_t k = 0; k < 8 * slow_effort(); k++)
        for (int d = 0; d < 4; d++)
            for (int which = 0; which < 10; which++) {
                size_t groups = 1 + slow_below(&random, 4);
                trial t = {.in = {.norm = norms[which / 2],
                                  .N = 1 + slow_below(&random, 3),
                                  .C = groups * (1 + slow_below(&random, 3)),
                                  .H = 1 + slow_below(&random, 4),
                                  .W = 1 + slow_below(&random, 3),
                                  .groups = groups,
                                  .channels_last = which % 2 != 0}};
                t.view = hand_view(&t.in);
                trial_contract(&t.contract, "layer_norm", trial_dtypes[d]);
                if (slow_below(&random, 3) == 0)
                    trial_set(&t.contract, "centred", "no");
                ng_dtype dtype = ng_contract_storage(&t.contract);
                trial_alloc(&t, true, true);
                trial_fill(&random, slow_below(&random, 2) ? OFFSET : INTEGERS,
                           dtype, t.x, slow_count(&t.in));
                trial_fill_params(&random, dtype, t.gamma, slow_params(&t.in));
                trial_fill_params(&random, dtype, t.beta, slow_params(&t.in));
                trial_encode(&t);
                trial_check(&t, trial_random_eps(&random, &t.contract));
                trial_free(&t);
            }
    trial_report();
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_rows),
        cmocka_unit_test(long_sets),
        cmocka_unit_test(contract_variants),
        cmocka_unit_test(layouts),
    };
    cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
