/* One problem against both references: see reference_trial.h. */
#include "reference_trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

tally trial_total;

void trial_set(ng_contract *contract, const char *field, const char *value)
{
    if (!ng_contract_set(contract, field, value))
        fail_msg("contract has no %s=%s", field, value);
}

void trial_contract(ng_contract *contract, const char *op, const char *dtype)
{
    ng_error error;
    if (ng_contract_init(contract, op, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    trial_set(contract, "dtype", dtype);
}

/* Rounds `values` to the dtype: *raw holds them so, `values` what they are. */
static void *encode(ng_dtype dtype, double *values, size_t count)
{
    void *raw = malloc(count * 8 + 8);
    assert_non_null(raw);
    for (size_t i = 0; i < count; i++) {
        ng_dtype_set(dtype, raw, i, values[i]);
        values[i] = ng_dtype_get(dtype, raw, i);
    }
    return raw;
}

void trial_alloc(trial *t, bool gamma, bool beta)
{
    t->x = calloc(slow_count(&t->in) + 1, sizeof *t->x);
    t->gamma = gamma ? calloc(slow_params(&t->in) + 1, sizeof *t->x) : NULL;
    t->beta = beta ? calloc(slow_params(&t->in) + 1, sizeof *t->x) : NULL;
    assert_non_null(t->x);
}

/* After x, gamma, beta are filled: rounds them to their formats. */
void trial_encode(trial *t)
{
    ng_dtype param = ng_contract_param(&t->contract);
    size_t params = slow_params(&t->in);
    t->raw_x =
        encode(ng_contract_storage(&t->contract), t->x, slow_count(&t->in));
    t->raw_gamma = t->gamma ? encode(param, t->gamma, params) : NULL;
    t->raw_beta = t->beta ? encode(param, t->beta, params) : NULL;
}

void trial_free(trial *t)
{
    free(t->x);
    free(t->gamma);
    free(t->beta);
    free(t->raw_x);
    free(t->raw_gamma);
    free(t->raw_beta);
}

/* What the contract says, in the terms of the slow reference. */
static void apply_contract(trial *t)
{
    const ng_contract *c = &t->contract;
    slow_input *in = &t->in;
    in->centred = c->centred == ng_centred_yes;
    in->ddof = c->divisor == ng_divisor_n_minus_1;
    in->place = c->eps_place == ng_eps_place_inside    ? SLOW_INSIDE
                : c->eps_place == ng_eps_place_outside ? SLOW_OUTSIDE
                : c->eps_place == ng_eps_place_max_var ? SLOW_MAX_VAR
                                                       : SLOW_NONE;
    in->one_plus = c->affine == ng_affine_one_plus_gamma;
    in->x = t->x;
    in->gamma = c->affine == ng_affine_none ? NULL : t->gamma;
    in->beta = c->affine == ng_affine_gamma_beta ? t->beta : NULL;
}

static void describe(const trial *t, double eps)
{
    char text[NG_CONTRACT_TEXT_MAX];
    ng_contract_print(&t->contract, text, sizeof text);
    printf("  contract '%s' eps=%a N=%zu C=%zu H=%zu W=%zu groups=%zu "
           "norm=%d last=%d\n",
           text, eps, t->in.N, t->in.C, t->in.H, t->in.W, t->in.groups,
           (int)t->in.norm, t->in.channels_last);
    if (slow_count(&t->in) > 24)
        return;
    for (size_t i = 0; i < slow_count(&t->in); i++)
        printf("  x[%zu]=%a\n", i, t->x[i]);
    for (size_t k = 0; k < slow_params(&t->in); k++)
        printf("  gamma[%zu]=%a beta=%a\n", k,
               t->in.gamma ? t->in.gamma[k] : NAN,
               t->in.beta ? t->in.beta[k] : NAN);
}

void trial_complain(const trial *t, double eps, const char *what, size_t set,
                    size_t i, double exact, double got)
{
    static struct { /* at most three of a kind, ten kinds */
        const char *what;
        size_t count;
    } shown[10];
    size_t k = 0;
    trial_total.failures++;
    while (k < 10 && shown[k].what != NULL && shown[k].what != what)
        k++;
    if (k == 10 || shown[k].count >= 3)
        return;
    shown[k].what = what;
    shown[k].count++;
    printf("FAILURE %s set=%zu i=%zu: expected %a, reference %a\n", what, set,
           i, exact, got);
    describe(t, eps);
}

static bool same(double a, double b)
{
    return a == b && (a == 0 || signbit(a) == signbit(b));
}

/* |(high + low) 2^exponent - v| <= 2^-100 |v|; high is 0 only if v is. */
static bool value_agrees(const ng_point *point, mpfr_srcptr v, bool is_zero)
{
    if (is_zero)
        return point->high == 0 && point->low == 0;
    if (point->high == 0 || !isfinite(point->high) || !isfinite(point->low))
        return false;
    mpfr_t sum, bound;
    mpfr_init2(sum, mpfr_get_prec(v));
    mpfr_init2(bound, 64);
    mpfr_set_d(sum, point->high, MPFR_RNDN);
    mpfr_add_d(sum, sum, point->low, MPFR_RNDN);
    mpfr_mul_2si(sum, sum, point->exponent, MPFR_RNDN);
    mpfr_sub(sum, sum, v, MPFR_RNDN);
    mpfr_mul_2si(bound, v, -100, MPFR_RNDN);
    bool agrees = mpfr_cmpabs(sum, bound) <= 0;
    mpfr_clears(sum, bound, (mpfr_ptr)0);
    return agrees;
}

/* ng_point_error at `got`: not below the true distance, and hardly above; but
 * 2^-100 of either is allowed, since its own start is good to that only. */
static bool error_agrees(const ng_point *point, double got, mpfr_srcptr v,
                         bool is_zero)
{
    double error = ng_point_error(point, got);
    if (is_zero) /* v may hold a rest of 2^-1000 and less */
        return error >= fabs(got) && error <= fabs(got) * (1 + 0x1p-40);
    mpfr_t distance, slack, bound;
    mpfr_init2(distance, mpfr_get_prec(v));
    mpfr_init2(slack, mpfr_get_prec(v));
    mpfr_init2(bound, mpfr_get_prec(v));
    mpfr_sub_d(distance, v, got, MPFR_RNDN);
    mpfr_abs(distance, distance, MPFR_RNDN);
    mpfr_mul_2si(slack, v, -100, MPFR_RNDN);
    mpfr_abs(slack, slack, MPFR_RNDN);
    mpfr_mul_2si(bound, distance, -100, MPFR_RNDU);
    mpfr_add(bound, bound, slack, MPFR_RNDU);
    mpfr_sub(bound, distance, bound, MPFR_RNDD);
    bool above = !isnan(error) && mpfr_cmp_d(bound, error) <= 0;
    mpfr_mul_d(bound, distance, 1 + 0x1p-40, MPFR_RNDU);
    mpfr_mul_2si(slack, slack, 1, MPFR_RNDN);
    mpfr_add(bound, bound, slack, MPFR_RNDU);
    mpfr_add_d(bound, bound, 0x1p-1070, MPFR_RNDU);
    bool close =
        mpfr_cmp_d(bound, error) >= 0 || mpfr_cmp_d(bound, 0x1.fffffp1023) > 0;
    mpfr_clears(distance, slack, bound, (mpfr_ptr)0);
    return above && close;
}

static void check_point(const trial *t, double eps, const ng_exact *exact,
                        ng_role role, size_t set, size_t i, ng_dtype dtype,
                        mpfr_srcptr v, mpfr_srcptr size, long tie_bits)
{
    ng_point point;
    slow_rounding how;
    const char *name = ng_role_name(role);
    memset(&point, 0xa5, sizeof point);
    ng_exact_at(exact, role, set, i, &point);
    double rounded = slow_round(slow_format_of(dtype), v, size, tie_bits, &how);
    bool is_zero = how == SLOW_EXACT && rounded == 0;
    trial_total.elements++;
    trial_total.ties += how == SLOW_TIE;
    trial_total.infinite += isinf(rounded) != 0;
    trial_total.subnormal += !is_zero && fabs(rounded) < ng_dtype_min(dtype);
    if ((unsigned)point.level < NG_LEVEL_COUNT)
        trial_total.level[point.level]++;
    if (point.kind != ng_kind_value)
        trial_complain(t, eps, "kind is not value:", set, i, rounded,
                       point.kind);
    /* An exact 0 has no sign to defend; a rounded one has. */
    else if (is_zero ? point.rounded != 0 : !same(point.rounded, rounded))
        trial_complain(t, eps, name, set, i, rounded, point.rounded);
    else if (!value_agrees(&point, v, is_zero))
        trial_complain(t, eps, "value of", set, i, point.high, point.low);
    if (point.level == ng_level_table || point.level >= ng_level_undecided)
        trial_complain(t, eps, "level of a finite value", set, i,
                       ng_level_exact, point.level);
    if (isfinite(rounded)) {
        double off = rounded + ng_dtype_ulp(dtype, rounded);
        if (!error_agrees(&point, rounded, v, is_zero))
            trial_complain(t, eps, "ng_point_error of", set, i, rounded,
                           ng_point_error(&point, rounded));
        if (isfinite(off) && !error_agrees(&point, off, v, is_zero))
            trial_complain(t, eps, "ng_point_error of", set, i, off,
                           ng_point_error(&point, off));
    }
    if (!isnan(ng_point_error(&point, NAN)) ||
        !isnan(ng_point_error(&point, INFINITY)))
        trial_complain(t, eps, "ng_point_error of a non-finite", set, i, NAN,
                       0);
}

static bool near(double got, mpfr_srcptr v)
{
    if (isnan(got)) /* which MPFR would compare as equal */
        return false;
    mpfr_t d, bound;
    mpfr_init2(d, mpfr_get_prec(v));
    mpfr_init2(bound, mpfr_get_prec(v));
    mpfr_sub_d(d, v, got, MPFR_RNDN);
    mpfr_mul_2si(bound, v, -50, MPFR_RNDN);
    mpfr_abs(bound, bound, MPFR_RNDN);
    /* Where double itself ends, its smallest step is all one can ask. */
    if (mpfr_cmp_d(bound, 0x1p-1074) < 0 && !mpfr_zero_p(v))
        mpfr_set_d(bound, 0x1p-1074, MPFR_RNDN);
    bool is = mpfr_cmpabs(d, bound) <= 0;
    if (isinf(got)) /* sqrt(2) times the largest number, by n - 1 */
        is = got > 0 && mpfr_cmp_d(v, 0x1.fffffffffffffp1023) > 0;
    mpfr_clears(d, bound, (mpfr_ptr)0);
    return is;
}

static void check_conditions(const trial *t, double eps, const ng_exact *exact,
                             size_t set, const slow_set *slow)
{
    const ng_conditions *c = ng_exact_conditions(exact, set);
    if (c->n != (double)slow->n)
        trial_complain(t, eps, "conditions n", set, 0, (double)slow->n, c->n);
    if (!c->finite)
        trial_complain(t, eps, "conditions finite", set, 0, 1, 0);
    if (c->first != t->x[ng_view_index(&t->view, set, 0)])
        trial_complain(t, eps, "conditions first", set, 0, 0, c->first);
    const struct {
        const char *name;
        double got;
        mpfr_srcptr slow;
    } row[] = {
        {"conditions mean", c->mean, slow->mean},
        {"conditions mean_abs", c->mean_abs, slow->mean_abs},
        {"conditions deviation", c->deviation, slow->deviation},
        {"conditions root_mean_square", c->root_mean_square,
         slow->root_mean_square},
        {"conditions scale", c->scale, slow->scale},
    };
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        if (!near(row[k].got, row[k].slow))
            trial_complain(t, eps, row[k].name, set, 0,
                           mpfr_get_d(row[k].slow, MPFR_RNDN), row[k].got);
    }
}

void trial_expect_kind(const trial *t, double eps, const ng_exact *exact,
                       ng_role role, size_t set, size_t i, ng_kind kind,
                       double rounded)
{
    ng_point point;
    memset(&point, 0xa5, sizeof point);
    ng_exact_at(exact, role, set, i, &point);
    if (point.kind != kind)
        trial_complain(t, eps, "kind of", set, i, kind, point.kind);
    if (!isnan(rounded) && point.rounded != rounded)
        trial_complain(t, eps, "rounded of a decided outcome", set, i, rounded,
                       point.rounded);
    if ((unsigned)point.level < NG_LEVEL_COUNT)
        trial_total.level[point.level]++;
}

/* The whole comparison of one problem. */
void trial_check(trial *t, double eps)
{
    ng_arena arena = {0};
    ng_error error = {""};
    slow_output slow;
    apply_contract(t);
    t->in.eps = eps;
    if (t->contract.eps_dtype != ng_eps_dtype_f64) {
        mpfr_t v;
        slow_rounding how;
        mpfr_init2(v, 64);
        mpfr_set_d(v, eps, MPFR_RNDN);
        t->in.eps =
            slow_round(t->contract.eps_dtype == ng_eps_dtype_f32    ? &slow_f32
                       : t->contract.eps_dtype == ng_eps_dtype_bf16 ? &slow_bf16
                                                                    : &slow_f16,
                       v, v, 1000, &how);
        mpfr_clear(v);
    }
    slow_forward(&slow, &t->in);
    ng_problem problem = {.contract = &t->contract,
                          .view = t->view,
                          .eps = eps,
                          .x = t->raw_x,
                          .gamma = t->raw_gamma,
                          .beta = t->raw_beta};
    ng_exact *exact = ng_exact_compute(&arena, &problem, &error);
    if (exact == NULL)
        fail_msg("ng_exact_compute: %s", error.text);
    ng_dtype storage = ng_contract_storage(&t->contract);
    ng_dtype stats = ng_contract_stats(&t->contract);
    size_t before[NG_LEVEL_COUNT], sum = 0;
    memcpy(before, trial_total.level, sizeof before);
    assert_int_equal(ng_view_sets(&t->view), slow.sets);
    bool all = true;

    for (size_t s = 0; s < slow.sets; s++) {
        size_t id = slow.set_of[ng_view_index(&t->view, s, 0)];
        const slow_set *set = &slow.set[id];
        assert_int_equal(ng_view_n(&t->view), set->n);
        if (t->skip != NULL && t->skip[id]) {
            all = false;
            continue;
        }
        for (size_t i = 0; i < set->n; i++) {
            size_t at = ng_view_index(&t->view, s, i);
            assert_int_equal(slow.set_of[at], id);
            if (set->zero) { /* 0/0 */
                trial_expect_kind(t, eps, exact, ng_tensor_y, s, i,
                                  ng_kind_undefined, NAN);
                trial_total.undefined++;
            } else
                check_point(t, eps, exact, ng_tensor_y, s, i, storage,
                            slow.y[at], slow.y_size[at], slow.tie_bits);
        }
        mpfr_t squares; /* of x: what the terms of the variance come from */
        mpfr_init2(squares, slow.precision);
        mpfr_sqr(squares, set->root_mean_square, MPFR_RNDN);
        check_point(t, eps, exact, ng_tensor_var, s, 0, stats, set->var,
                    squares, slow.tie_bits);
        mpfr_clear(squares);
        check_point(t, eps, exact, ng_tensor_mean, s, 0, stats, set->mean_x,
                    set->mean_abs, slow.tie_bits);
        if (!set->zero)
            check_point(t, eps, exact, ng_tensor_rstd, s, 0, stats, set->rstd,
                        set->rstd, slow.tie_bits);
        else {
            ng_point point;
            ng_exact_at(exact, ng_tensor_rstd, s, 0, &point);
            trial_total.level[point.level]++;
            if (point.rounded != INFINITY)
                trial_complain(t, eps, "rstd = 1/0", s, 0, INFINITY,
                               point.rounded);
        }
        check_conditions(t, eps, exact, s, set);
    }
    const size_t *levels = ng_exact_levels(exact);
    for (unsigned k = 0; k < NG_LEVEL_COUNT; k++) {
        sum += levels[k];
        if (all && levels[k] != trial_total.level[k] - before[k])
            trial_complain(t, eps, "count of level", k, 0,
                           (double)(trial_total.level[k] - before[k]),
                           (double)levels[k]);
    }
    if (sum == 0)
        trial_complain(t, eps, "sum of levels", 0, 0, 1, 0);
    slow_clear(&slow);
    ng_arena_release(&arena);
}

void trial_report(void)
{
    printf("  %zu outputs, %zu ties, %zu overflow, %zu subnormal, %zu 0/0; "
           "levels: table %zu, binary128 %zu, mpfr %zu, exact %zu, "
           "undecided %zu\n",
           trial_total.elements, trial_total.ties, trial_total.infinite,
           trial_total.subnormal, trial_total.undefined,
           trial_total.level[ng_level_table],
           trial_total.level[ng_level_binary128],
           trial_total.level[ng_level_mpfr], trial_total.level[ng_level_exact],
           trial_total.level[ng_level_undecided]);
    size_t failures = trial_total.failures;
    size_t undecided = trial_total.level[ng_level_undecided];
    size_t elements = trial_total.elements;
    memset(&trial_total, 0, sizeof trial_total);
    assert_int_equal(failures, 0);
    assert_int_equal(undecided, 0);
    assert_true(elements > 0);
}
