/* Proves the reference against ball arithmetic (Arb, Johansson 2017): the
 * formulas in balls of 512 bits and, where those do not decide, of 8192. The
 * exact value lies in the ball as far as it is known, and the correct rounding
 * is that of both ends of the ball wherever they agree. Rounding is MPFR's own,
 * with its subnormal emulation: no code or method shared with reference/ or
 * with the slow reference. */
#include "slow_reference.h" /* random numbers and effort only */

#include <arb.h>
#include <mpfr.h>
#include <normgate/reference.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { N_MAX = 64 };

typedef struct row {
    ng_contract contract;
    ng_dtype dtype, stats;
    size_t n;
    double eps, x[N_MAX], gamma[N_MAX], beta[N_MAX]; /* as stored */
    unsigned char raw_x[8 * N_MAX], raw_gamma[8 * N_MAX], raw_beta[8 * N_MAX];
    bool with_gamma, with_beta;
} row;

typedef struct tally {
    size_t outputs, decided, wide, failures;
} tally;

/* A dyadic number to nearest even in the format, by MPFR. */
static double round_arf(ng_dtype dtype, const arf_t value)
{
    const ng_format *f = ng_format_of(dtype);
    mpfr_exp_t emin = mpfr_get_emin(), emax = mpfr_get_emax();
    mpfr_t v;
    mpfr_init2(v, f->p);
    int ternary = arf_get_mpfr(v, value, MPFR_RNDN);
    mpfr_set_emin(f->emin - f->p + 2);
    mpfr_set_emax(f->emax + 1);
    ternary = mpfr_check_range(v, ternary, MPFR_RNDN);
    mpfr_subnormalize(v, ternary, MPFR_RNDN);
    double rounded = mpfr_get_d(v, MPFR_RNDN);
    mpfr_set_emin(emin);
    mpfr_set_emax(emax);
    mpfr_clear(v);
    return rounded;
}

static bool ball_decides(ng_dtype dtype, const arb_t ball, slong precision,
                         double *rounded)
{
    arf_t low, high;
    arf_init(low);
    arf_init(high);
    arb_get_interval_arf(low, high, ball, precision);
    double a = round_arf(dtype, low), b = round_arf(dtype, high);
    arf_clear(low);
    arf_clear(high);
    *rounded = a;
    return a == b;
}

/* The ball widened by 2^-100 of itself contains the point's value. */
static bool point_in_ball(const ng_point *point, const arb_t ball)
{
    arb_t sum, error;
    arb_init(sum);
    arb_init(error);
    arb_set_d(sum, point->low);
    arb_set_d(error, point->high);
    arb_add(sum, sum, error, 300);
    arb_mul_2exp_si(sum, sum, point->exponent);
    arb_mul_2exp_si(error, sum, -100);
    arb_add_error(sum, error);
    bool in = arb_overlaps(sum, ball);
    arb_clear(sum);
    arb_clear(error);
    return in;
}

static void judge(const row *r, const ng_exact *exact, ng_role role, size_t i,
                  const arb_t ball, slong precision, bool last, tally *total)
{
    ng_point point;
    double rounded = 0;
    ng_dtype dtype = role == ng_tensor_y ? r->dtype : r->stats;
    ng_exact_at(exact, role, 0, i, &point);
    bool decides = ball_decides(dtype, ball, precision, &rounded);
    total->decided += decides;
    total->wide += last && !decides;
    bool wrong = point.kind != ng_kind_value || !point_in_ball(&point, ball) ||
                 (decides && point.rounded != rounded);
    if (wrong && total->failures++ < 5) {
        char text[NG_CONTRACT_TEXT_MAX];
        ng_contract_print(&r->contract, text, sizeof text);
        printf("FAILURE '%s' %s n=%zu i=%zu: %a, Arb says %a (kind %d)\n", text,
               ng_role_name(role), r->n, i, point.rounded, rounded, point.kind);
        for (size_t k = 0; k < r->n; k++)
            printf("  x=%a gamma=%a beta=%a eps=%a\n", r->x[k], r->gamma[k],
                   r->beta[k], r->eps);
    }
}

/* mean, v, rstd in balls; false: the ball of the denominator holds zero. */
static bool statistics(const row *r, slong precision, arb_t mean, arb_t rstd)
{
    const ng_contract *c = &r->contract;
    bool centred = c->centred == ng_centred_yes;
    arb_t v, t;
    arb_init(v);
    arb_init(t);
    arb_zero(mean);
    for (size_t i = 0; i < r->n; i++) {
        arb_set_d(t, r->x[i]);
        arb_add(mean, mean, t, precision);
    }
    arb_div_ui(mean, mean, r->n, precision);
    for (size_t i = 0; i < r->n; i++) {
        arb_set_d(t, r->x[i]);
        if (centred)
            arb_sub(t, t, mean, precision);
        arb_addmul(v, t, t, precision);
    }
    arb_div_ui(v, v, c->divisor == ng_divisor_n ? r->n : r->n - 1, precision);
    arb_set_d(t, r->eps);
    if (c->eps_place == ng_eps_place_inside) {
        arb_add(v, v, t, precision);
        arb_sqrt(v, v, precision);
    } else if (c->eps_place == ng_eps_place_outside) {
        arb_sqrt(v, v, precision);
        arb_add(v, v, t, precision);
    } else if (c->eps_place == ng_eps_place_max_var) {
        arb_max(v, v, t, precision);
        arb_sqrt(v, v, precision);
    } else
        arb_sqrt(v, v, precision);
    bool positive = arb_is_positive(v);
    if (positive)
        arb_inv(rstd, v, precision);
    arb_clear(v);
    arb_clear(t);
    return positive;
}

static void affine(const row *r, size_t i, slong precision, const arb_t mean,
                   const arb_t rstd, arb_t y)
{
    arb_t t;
    arb_init(t);
    arb_set_d(y, r->x[i]);
    if (r->contract.centred == ng_centred_yes)
        arb_sub(y, y, mean, precision);
    arb_mul(y, y, rstd, precision);
    if (r->with_gamma && r->contract.affine != ng_affine_none) {
        arb_set_d(t, r->gamma[i]);
        if (r->contract.affine == ng_affine_one_plus_gamma)
            arb_add_ui(t, t, 1, precision);
        arb_mul(y, y, t, precision);
    }
    if (r->with_beta && r->contract.affine == ng_affine_gamma_beta) {
        arb_set_d(t, r->beta[i]);
        arb_add(y, y, t, precision);
    }
    arb_clear(t);
}

static void compare(const row *r, const ng_exact *exact, tally *total)
{
    static const slong precisions[] = {512, 8192};
    arb_t mean, rstd, y;
    arb_init(mean);
    arb_init(rstd);
    arb_init(y);
    total->outputs += r->n + 2;
    for (int k = 0; k < 2; k++) {
        slong precision = precisions[k];
        size_t decided = total->decided;
        if (!statistics(r, precision, mean, rstd)) {
            total->wide += k == 1 ? r->n + 2 : 0;
            continue;
        }
        judge(r, exact, ng_tensor_mean, 0, mean, precision, k == 1, total);
        judge(r, exact, ng_tensor_rstd, 0, rstd, precision, k == 1, total);
        for (size_t i = 0; i < r->n; i++) {
            affine(r, i, precision, mean, rstd, y);
            judge(r, exact, ng_tensor_y, i, y, precision, k == 1, total);
        }
        if (total->decided == decided + r->n + 2)
            break;
        if (k == 0)
            total->decided = decided;
    }
    arb_clear(mean);
    arb_clear(rstd);
    arb_clear(y);
}

static void choose(ng_contract *contract, slow_random *random,
                   const char *field, const char *const *values, size_t count)
{
    const char *value = values[slow_below(random, count)];
    if (!ng_contract_set(contract, field, value))
        fail_msg("no %s=%s", field, value);
}

static void draw(slow_random *random, row *r)
{
    static const char *const dtypes[] = {"f16", "bf16", "f32", "f64"};
    static const char *const places[] = {"inside", "inside", "outside",
                                         "max_var", "none"};
    static const char *const affines[] = {"gamma_beta", "gamma_beta", "gamma",
                                          "none", "one_plus_gamma"};
    static const char *const divisors[] = {"n", "n_minus_1"};
    static const char *const formats[] = {"same", "f32", "f64", "bf16", "f16"};
    bool rms = slow_below(random, 3) == 0;
    ng_error error;
    if (ng_contract_init(&r->contract, rms ? "rms_norm" : "layer_norm",
                         &error) != ng_status_ok)
        fail_msg("%s", error.text);
    choose(&r->contract, random, "dtype", dtypes, 4);
    choose(&r->contract, random, "eps_place", places, 5);
    choose(&r->contract, random, "affine", affines, 5);
    choose(&r->contract, random, "divisor", divisors, rms ? 1 : 2);
    choose(&r->contract, random, "param", formats, 5);
    choose(&r->contract, random, "stats", formats, 5);
    r->dtype = ng_contract_storage(&r->contract);
    r->stats = ng_contract_stats(&r->contract);
    ng_dtype param = ng_contract_param(&r->contract);
    r->n = 2 + slow_below(random, slow_below(random, 4) ? 8 : N_MAX - 2);
    r->eps = fabs(slow_real(random)) * ldexp(1, slow_int(random, -40, 4));
    r->with_gamma = slow_below(random, 5) != 0;
    r->with_beta = slow_below(random, 5) != 0;
    int style = slow_int(random, 0, 4);
    double offset = ldexp(slow_real(random), slow_int(random, 0, 14));
    int spread = slow_int(random, 0, r->dtype == ng_f16 ? 8 : 60);
    for (size_t i = 0; i < r->n; i++) {
        double v = slow_real(random);
        switch (style) {
        case 0: break;
        case 1: v += offset; break;
        case 2: v = slow_int(random, -8, 8); break;
        case 3: v *= ldexp(1, slow_int(random, -spread, spread)); break;
        default: v = offset + (i == 0 ? ng_dtype_ulp(r->dtype, offset) : 0);
        }
        ng_dtype_set(r->dtype, r->raw_x, i, v);
        ng_dtype_set(param, r->raw_gamma, i, 2 * slow_real(random));
        ng_dtype_set(param, r->raw_beta, i,
                     style == 2 ? slow_int(random, -2, 2) : slow_real(random));
        r->x[i] = ng_dtype_get(r->dtype, r->raw_x, i);
        r->gamma[i] = ng_dtype_get(param, r->raw_gamma, i);
        r->beta[i] = ng_dtype_get(param, r->raw_beta, i);
    }
}

/* 0/0: not a number to compare. */
static bool degenerate(const row *r)
{
    const ng_contract *c = &r->contract;
    if (c->eps_place != ng_eps_place_none && r->eps > 0)
        return false;
    for (size_t i = 0; i < r->n; i++) {
        if (r->x[i] != (c->centred == ng_centred_yes ? r->x[0] : 0))
            return false;
    }
    return true;
}

static void balls(void **state)
{
    (void)state;
    static row r;
    slow_random random = {1313};
    tally total = {0};
    for (size_t k = 0; k < 1500 * slow_effort(); k++) {
        ng_arena arena = {0};
        ng_error error;
        draw(&random, &r);
        if (degenerate(&r))
            continue;
        ng_problem problem = {.contract = &r.contract,
                              .view = ng_view_rows(1, r.n),
                              .eps = r.eps,
                              .x = r.raw_x,
                              .gamma = r.with_gamma ? r.raw_gamma : NULL,
                              .beta = r.with_beta ? r.raw_beta : NULL};
        if (!r.with_gamma && r.contract.affine == ng_affine_one_plus_gamma)
            continue; /* 1 + an absent gamma has no meaning to compare */
        ng_exact *exact = ng_exact_compute(&arena, &problem, &error);
        if (exact == NULL)
            fail_msg("%s", error.text);
        compare(&r, exact, &total);
        ng_arena_release(&arena);
    }
    printf("  %zu outputs, decided by a ball %zu, ball never small enough "
           "%zu\n",
           total.outputs, total.decided, total.wide);
    assert_int_equal(total.failures, 0);
    assert_true(total.decided > total.outputs * 9 / 10);
    flint_cleanup();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(balls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
