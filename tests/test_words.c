/* Words: the double-word level claims |error| <= 2^-102 size of y and dx, and
 * that its difference errs by 2^-105 of the result and 2^-156 of the terms. As
 * for binary128 (test_enclosure.c) the error itself is measured, against the
 * surd at 2000 bits and against MPFR, on data that cancel and reach far. */
#include <normgate/source.h>

#include "../reference/set.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N = 5, PRECISION = 2000, TRIALS = 3000 };

/* One set of N elements; gamma and dy have 24 bits, as in the formats whose dx
 * this level serves. */
typedef struct data {
    double x[N], gamma[N], beta[N], dy[N], dh[N], mean[N], var[N];
} data;

static double distance(word fast, const mpfr_t value)
{
    mpfr_t error;
    mpfr_init2(error, PRECISION);
    mpfr_set_d(error, fast.high, MPFR_RNDN);
    mpfr_add_d(error, error, fast.low, MPFR_RNDN);
    mpfr_sub(error, error, value, MPFR_RNDN);
    double result = fabs(mpfr_get_d(error, MPFR_RNDA));
    mpfr_clear(error);
    return result;
}

typedef struct worst {
    double quotient;
    size_t claimed, all;
} worst;

static void measure(worst *to, const set_state *s, const element *e,
                    bool gradient)
{
    word fast;
    double size;
    to->all++;
    if (!(gradient ? set_word_dx(s, &fast, &size, e)
                   : set_word_y(s, &fast, &size, e)))
        return;
    surd exact;
    mpfr_t value;
    mpfr_init2(value, PRECISION);
    surd_init(&exact, &s->r);
    if (gradient)
        set_surd_dx(s, &exact, e);
    else
        set_surd_y(s, &exact, e);
    surd_value(value, &exact);
    surd_clear(&exact);
    to->claimed++;
    assert_true(size >= fabs(fast.high) * (1 - 0x1p-50));
    assert_true(fast.high + fast.low == fast.high);
    to->quotient =
        fmax(to->quotient, distance(fast, value) / (0x1p-102 * size));
    mpfr_clear(value);
}

static void measure_set(worst *to, const ng_contract *contract, const data *d,
                        double eps)
{
    bool gradient = ng_pass_find(contract->pass)->gradient;
    ng_problem problem = {.contract = contract,
                          .view = ng_view_rows(1, N),
                          .eps = eps,
                          .x = d->x,
                          .gamma = d->gamma,
                          .beta = d->beta,
                          .dy = gradient ? d->dy : NULL,
                          .dh = gradient ? d->dh : NULL,
                          .running_mean = d->mean,
                          .running_var = d->var};
    set_state s;
    set_init(&s);
    set_load(&s, &problem, eps, 0);
    for (size_t i = 0; i < N && !s.zero && !s.kink; i++) {
        element e = element_at(&problem, 0, i);
        measure(to, &s, &e, gradient);
    }
    set_clear(&s);
}

static void draw(data *d, ng_source *source, size_t k)
{
    static const double offsets[] = {0, 1, 1e8, 1e15};
    static const double betas[] = {0, 1e-3, 1, 1e6};
    double offset = offsets[k % 4];
    for (size_t i = 0; i < N; i++) {
        d->x[i] = offset + ng_source_normal(source);
        if (k % 7 == 1) /* the mean nearly is an element */
            d->x[i] =
                i == 0 ? 0x1p-70 * ng_source_normal(source) : (double)(i % 3);
        if (k % 7 == 2)
            d->x[i] = ldexp(ng_source_normal(source),
                            (int)ng_source_below(source, 200) - 100);
        d->gamma[i] = (float)ng_source_normal(source);
        d->beta[i] = betas[k / 2 % 4] * ng_source_normal(source);
        d->dy[i] = (float)(offsets[k / 4 % 3] + ng_source_normal(source));
        d->dh[i] = betas[k / 3 % 4] * ng_source_normal(source);
        d->mean[i] = offset + ng_source_normal(source);
        d->var[i] = ng_source_unit(source);
    }
}

/* The floors lie just below what the data reach. */
static const struct {
    const char *contract;
    double floor;
} rows[] = {
    {"op=layer_norm", 0.15},
    {"op=layer_norm affine=one_plus_gamma", 0.05},
    {"op=layer_norm divisor=n_minus_1 eps_place=outside", 0.05},
    {"op=rms_norm affine=gamma", 0.05},
    {"op=l2_norm affine=gamma_beta", 0.05},
    {"op=batch_norm pass=inference", 0.05},
    {"op=layer_norm pass=backward", 0.05},
    {"op=layer_norm pass=backward eps_place=outside divisor=n_minus_1", 0.05},
    {"op=layer_norm pass=backward eps_place=max_var", 0.05},
    {"op=rms_norm pass=backward", 0.05},
    {"op=l2_norm pass=backward affine=gamma", 0.05},
    {"op=batch_norm pass=inference_backward", 0.05},
};

static void containment(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        ng_contract contract;
        ng_source source;
        ng_error error;
        char text[160];
        snprintf(text, sizeof text, "%s dtype=f64", rows[r].contract);
        if (ng_contract_parse(&contract, text, &error) != ng_status_ok)
            fail_msg("%s: %s", text, error.text);
        worst to = {0};
        ng_source_from_seed(&source, 11);
        for (size_t k = 0; k < TRIALS; k++) {
            data d;
            draw(&d, &source, k);
            measure_set(&to, &contract, &d, ng_source_unit(&source));
        }
        print_message("%-64s %.3f; %zu of %zu claimed\n", rows[r].contract,
                      to.quotient, to.claimed, to.all);
        assert_true(to.quotient <= 1);
        assert_true(to.quotient >= rows[r].floor);
        assert_true(to.claimed * 2 > to.all);
    }
}

/* p - t with all degrees of cancellation, down to the last of t's words. */
static void differences(void **state)
{
    ng_source source;
    mpfr_t exact, part;
    double largest = 0;
    (void)state;
    mpfr_inits2(PRECISION, exact, part, (mpfr_ptr)NULL);
    ng_source_from_seed(&source, 5);
    for (size_t k = 0; k < 100000; k++) {
        word p = word_sum(ng_source_normal(&source),
                          ldexp(ng_source_normal(&source), -54));
        double t[3] = {p.high, p.low, 0};
        int drop = (int)ng_source_below(&source, 110);
        double change = ldexp(ng_source_normal(&source), -drop);
        if (drop < 53)
            t[0] += change;
        else
            t[1] += change;
        t[2] = ldexp(ng_source_normal(&source), -112);
        word got = word_difference(p, t);
        mpfr_set_d(exact, p.high, MPFR_RNDN);
        mpfr_add_d(exact, exact, p.low, MPFR_RNDN);
        for (int i = 0; i < 3; i++)
            mpfr_sub_d(exact, exact, t[i], MPFR_RNDN);
        double allowed = 0x1p-105 * fabs(mpfr_get_d(exact, MPFR_RNDA)) +
                         0x1p-156 * (fabs(p.high) + fabs(t[0]));
        largest = fmax(largest, distance(got, exact) / allowed);
    }
    mpfr_clears(exact, part, (mpfr_ptr)NULL);
    print_message("difference: at most %.3f of its bound\n", largest);
    assert_true(largest <= 1 && largest > 0.1);
}

/* word_round must give up whenever the claim leaves both roundings open, and
 * must not beyond twice that; at both ends of a binade, among subnormals, and
 * where the largest finite value ends. */
static void slack(void **state)
{
    (void)state;
    static const struct {
        ng_dtype dtype;
        double low, high;
    } pairs[] = {
        {ng_f32, 1, 1 + 0x1p-23},     {ng_f32, 2 - 0x1p-23, 2},
        {ng_f32, 0x1p-149, 0x1p-148}, {ng_f32, 0x1.fffffep127, INFINITY},
        {ng_bf16, 1, 1 + 0x1p-7},     {ng_f16, 0x1p-24, 0x1p-23},
        {ng_f64, 1, 1 + 0x1p-52},     {ng_f64, 2 - 0x1p-52, 2},
    };
    for (size_t p = 0; p < sizeof pairs / sizeof pairs[0]; p++)
        for (int sign = -1; sign <= 1; sign += 2)
            for (double ratio = 1; ratio < 4; ratio += 1.4) {
                ng_point point;
                double low = sign * pairs[p].low, high = sign * pairs[p].high;
                double half = ng_dtype_ulp(pairs[p].dtype, pairs[p].low) / 2;
                word middle = word_sum(low, sign * half);
                double size = fabs(middle.high) * ratio;
                double inside = sign * 0x1p-102 * size * 0.99;
                double outside = sign * 0x1p-101 * size * 1.1;
                word open[] = {middle, word_plus(middle, inside),
                               word_plus(middle, -inside)};
                word above = word_plus(middle, outside);
                word below = word_plus(middle, -outside);
                for (size_t k = 0; k < 3; k++)
                    assert_false(
                        word_round(&point, open[k], size, pairs[p].dtype));
                assert_true(word_round(&point, above, size, pairs[p].dtype));
                assert_true(point.rounded == high);
                assert_true(word_round(&point, below, size, pairs[p].dtype));
                assert_true(point.rounded == low);
            }
    ng_point point;
    const word y = {1.25, 0}, zero = {0, 0};
    assert_true(word_round(&point, y, 4.9, ng_f32));
    assert_false(word_round(&point, y, 5.1, ng_f32));
    assert_false(word_round(&point, y, NAN, ng_f32));
    assert_false(word_round(&point, zero, 0, ng_f32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containment),
        cmocka_unit_test(differences),
        cmocka_unit_test(slack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
