/* Proves that the exact reference is exact: every y, mean and rstd of random
 * problems equals, bit for bit, the correct rounding found by the slow
 * reference (literal loops in MPFR at 2000 bits and more), over all dtypes,
 * input families, contracts and layouts; its value is good to 2^-100, its
 * conditions to 2^-50, and non-finite inputs follow the decision table. */
#include "slow_reference.h"

#include <normgate/reference.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct trial {
    slow_input in;
    ng_contract contract;
    ng_view view;
    double *x, *gamma, *beta;           /* decoded from the raw arrays */
    void *raw_x, *raw_gamma, *raw_beta; /* NULL: absent */
    const bool *skip;                   /* sets that are judged elsewhere */
} trial;

typedef struct tally {
    size_t elements, ties, undefined, infinite, subnormal, failures;
    size_t level[NG_LEVEL_COUNT];
} tally;

static tally total;

static const slow_format *format_of(ng_dtype dtype)
{
    switch (dtype) {
    case ng_f16:
        return &slow_f16;
    case ng_bf16:
        return &slow_bf16;
    case ng_f32:
        return &slow_f32;
    default:
        return &slow_f64;
    }
}

static void contract_set(ng_contract *contract, const char *field,
                         const char *value)
{
    if (!ng_contract_set(contract, field, value))
        fail_msg("contract has no %s=%s", field, value);
}

static void contract_start(ng_contract *contract, const char *op,
                           const char *dtype)
{
    ng_error error;
    if (ng_contract_init(contract, op, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    contract_set(contract, "dtype", dtype);
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

static void trial_alloc(trial *t, bool gamma, bool beta)
{
    t->x = calloc(slow_count(&t->in) + 1, sizeof *t->x);
    t->gamma = gamma ? calloc(slow_params(&t->in) + 1, sizeof *t->x) : NULL;
    t->beta = beta ? calloc(slow_params(&t->in) + 1, sizeof *t->x) : NULL;
    assert_non_null(t->x);
}

/* After x, gamma, beta are filled: rounds them to their formats. */
static void trial_encode(trial *t)
{
    ng_dtype param = ng_contract_param(&t->contract);
    size_t params = slow_params(&t->in);
    t->raw_x =
        encode(ng_contract_storage(&t->contract), t->x, slow_count(&t->in));
    t->raw_gamma = t->gamma ? encode(param, t->gamma, params) : NULL;
    t->raw_beta = t->beta ? encode(param, t->beta, params) : NULL;
}

static void trial_free(trial *t)
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

static void complain(const trial *t, double eps, const char *what, size_t set,
                     size_t i, double exact, double got)
{
    static struct { /* at most three of a kind, ten kinds */
        const char *what;
        size_t count;
    } shown[10];
    size_t k = 0;
    total.failures++;
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
    double rounded = slow_round(format_of(dtype), v, size, tie_bits, &how);
    bool is_zero = how == SLOW_EXACT && rounded == 0;
    total.elements++;
    total.ties += how == SLOW_TIE;
    total.infinite += isinf(rounded) != 0;
    total.subnormal += !is_zero && fabs(rounded) < ng_dtype_min(dtype);
    if ((unsigned)point.level < NG_LEVEL_COUNT)
        total.level[point.level]++;
    if (point.kind != ng_kind_value)
        complain(t, eps, "kind is not value:", set, i, rounded, point.kind);
    /* An exact 0 has no sign to defend; a rounded one has. */
    else if (is_zero ? point.rounded != 0 : !same(point.rounded, rounded))
        complain(t, eps, name, set, i, rounded, point.rounded);
    else if (!value_agrees(&point, v, is_zero))
        complain(t, eps, "value of", set, i, point.high, point.low);
    if (point.level == ng_level_table || point.level >= ng_level_undecided)
        complain(t, eps, "level of a finite value", set, i, ng_level_exact,
                 point.level);
    if (isfinite(rounded)) {
        double off = rounded + ng_dtype_ulp(dtype, rounded);
        if (!error_agrees(&point, rounded, v, is_zero))
            complain(t, eps, "ng_point_error of", set, i, rounded,
                     ng_point_error(&point, rounded));
        if (isfinite(off) && !error_agrees(&point, off, v, is_zero))
            complain(t, eps, "ng_point_error of", set, i, off,
                     ng_point_error(&point, off));
    }
    if (!isnan(ng_point_error(&point, NAN)) ||
        !isnan(ng_point_error(&point, INFINITY)))
        complain(t, eps, "ng_point_error of a non-finite", set, i, NAN, 0);
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
        complain(t, eps, "conditions n", set, 0, (double)slow->n, c->n);
    if (!c->finite)
        complain(t, eps, "conditions finite", set, 0, 1, 0);
    if (c->first != t->x[ng_view_index(&t->view, set, 0)])
        complain(t, eps, "conditions first", set, 0, 0, c->first);
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
            complain(t, eps, row[k].name, set, 0,
                     mpfr_get_d(row[k].slow, MPFR_RNDN), row[k].got);
    }
}

static void expect_kind(const trial *t, double eps, const ng_exact *exact,
                        ng_role role, size_t set, size_t i, ng_kind kind,
                        double rounded)
{
    ng_point point;
    memset(&point, 0xa5, sizeof point);
    ng_exact_at(exact, role, set, i, &point);
    if (point.kind != kind)
        complain(t, eps, "kind of", set, i, kind, point.kind);
    if (!isnan(rounded) && point.rounded != rounded)
        complain(t, eps, "rounded of a decided outcome", set, i, rounded,
                 point.rounded);
    if ((unsigned)point.level < NG_LEVEL_COUNT)
        total.level[point.level]++;
}

/* Infinite parameters: the signed infinity, or wider: any non-finite value. */
static void expect_infinite(const trial *t, double eps, const ng_exact *exact,
                            size_t set, size_t i, double rounded)
{
    ng_point point;
    ng_exact_at(exact, ng_tensor_y, set, i, &point);
    bool wide = point.kind == ng_kind_nonfinite;
    expect_kind(t, eps, exact, ng_tensor_y, set, i,
                wide ? ng_kind_nonfinite : ng_kind_infinite,
                wide ? NAN : rounded);
}

/* The whole comparison of one problem. */
static void check(trial *t, double eps)
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
    ng_exact *exact = ng_exact_forward(&arena, &problem, &error);
    if (exact == NULL)
        fail_msg("ng_exact_forward: %s", error.text);
    ng_dtype storage = ng_contract_storage(&t->contract);
    ng_dtype stats = ng_contract_stats(&t->contract);
    size_t before[NG_LEVEL_COUNT], sum = 0;
    memcpy(before, total.level, sizeof before);
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
                expect_kind(t, eps, exact, ng_tensor_y, s, i, ng_kind_undefined,
                            NAN);
                total.undefined++;
            } else
                check_point(t, eps, exact, ng_tensor_y, s, i, storage,
                            slow.y[at], slow.y_size[at], slow.tie_bits);
        }
        check_point(t, eps, exact, ng_tensor_mean, s, 0, stats, set->mean_x,
                    set->mean_abs, slow.tie_bits);
        if (!set->zero)
            check_point(t, eps, exact, ng_tensor_rstd, s, 0, stats, set->rstd,
                        set->rstd, slow.tie_bits);
        else {
            ng_point point;
            ng_exact_at(exact, ng_tensor_rstd, s, 0, &point);
            total.level[point.level]++;
            if (point.rounded != INFINITY)
                complain(t, eps, "rstd = 1/0", s, 0, INFINITY, point.rounded);
        }
        check_conditions(t, eps, exact, s, set);
    }
    const size_t *levels = ng_exact_levels(exact);
    for (unsigned k = 0; k < NG_LEVEL_COUNT; k++) {
        sum += levels[k];
        if (all && levels[k] != total.level[k] - before[k])
            complain(t, eps, "count of level", k, 0,
                     (double)(total.level[k] - before[k]), (double)levels[k]);
    }
    if (sum == 0)
        complain(t, eps, "sum of levels", 0, 0, 1, 0);
    slow_clear(&slow);
    ng_arena_release(&arena);
}

static void report(void)
{
    printf("  %zu outputs, %zu ties, %zu overflow, %zu subnormal, %zu 0/0; "
           "levels: table %zu, binary128 %zu, mpfr %zu, exact %zu, "
           "undecided %zu\n",
           total.elements, total.ties, total.infinite, total.subnormal,
           total.undefined, total.level[ng_level_table],
           total.level[ng_level_binary128], total.level[ng_level_mpfr],
           total.level[ng_level_exact], total.level[ng_level_undecided]);
    size_t failures = total.failures;
    size_t undecided = total.level[ng_level_undecided];
    size_t elements = total.elements;
    memset(&total, 0, sizeof total);
    assert_int_equal(failures, 0);
    assert_int_equal(undecided, 0);
    assert_true(elements > 0);
}

/* Input families. */

enum {
    NORMAL,
    OFFSET,
    WIDE,
    INTEGERS,
    CONSTANT,
    NEAR_CONSTANT,
    OUTLIER,
    SUBNORMAL,
    NEAR_OVERFLOW,
    MIXED,
    CANCELLED,
    FAMILIES
};

static double normal(slow_random *random)
{
    double sum = 0;
    for (int k = 0; k < 6; k++)
        sum += slow_real(random);
    return sum / 1.4142135623730951;
}

static void fill(slow_random *random, int family, ng_dtype dtype, double *x,
                 size_t count)
{
    const slow_format *f = format_of(dtype);
    double largest = ng_dtype_max(dtype);
    double smallest = ldexp(1, f->emin - f->p + 1);
    double base = 3 * slow_real(random) + 4;
    double offset = exp(log(10) * slow_int(random, 0, 8)) * slow_real(random);
    base = ng_dtype_round(dtype, base);
    for (size_t i = 0; i < count; i++) {
        double v = 0;
        switch (family) {
        case NORMAL:
            v = normal(random);
            break;
        case OFFSET:
            v = offset + normal(random);
            break;
        case WIDE:
            v = slow_real(random) *
                ldexp(1, slow_int(random, f->emin - f->p, f->emax));
            break;
        case INTEGERS:
            v = slow_int(random, -10, 10);
            break;
        case CONSTANT:
            v = base;
            break;
        case NEAR_CONSTANT:
            v = base + slow_int(random, -1, 1) * ng_dtype_ulp(dtype, base);
            break;
        case OUTLIER:
            v = normal(random) * (i == count / 2 ? 1e4 : 1);
            break;
        case SUBNORMAL:
            v = smallest * slow_int(random, -100, 100);
            break;
        case NEAR_OVERFLOW:
            v = largest * (1 - 0.7 * fabs(slow_real(random)));
            if (slow_below(random, 2))
                v = -v;
            break;
        case CANCELLED: /* 0, 1, 2, ...: the mean is 1, but for a whiff */
            v = i + i % 3 >= count ? 1 : (double)(i % 3);
            if (i == 0)
                v = ldexp(slow_real(random),
                          slow_int(random, (f->emin - f->p) / 4 * 3, -10));
            break;
        default:
            v = normal(random) * ldexp(1, slow_int(random, -20, 10));
            if (slow_below(random, 8) == 0)
                v = 0;
        }
        x[i] = fmax(-largest, fmin(largest, v));
    }
}

static void fill_params(slow_random *random, ng_dtype dtype, double *p,
                        size_t count)
{
    uint64_t style = slow_below(random, 8);
    if (p == NULL)
        return;
    for (size_t k = 0; k < count; k++) {
        double v = normal(random);
        switch (style) {
        case 0:
            v = 0;
            break;
        case 1:
            v = -fabs(v);
            break;
        case 2:
            v *= ng_dtype_max(dtype) / 8;
            break;
        case 3:
            v *= ng_dtype_min(dtype);
            break;
        case 4:
            v = slow_int(random, -4, 4);
            break;
        case 5:
            v *= 1000;
            break;
        default:
            break;
        }
        p[k] = fmax(-ng_dtype_max(dtype), fmin(ng_dtype_max(dtype), v));
    }
}

static double random_eps(slow_random *random, const ng_contract *contract)
{
    static const double eps[] = {0, 1e-12, 1e-5, 1e-3, 1};
    uint64_t pick = slow_below(random, 9);
    if (pick < 5)
        return eps[pick];
    if (pick < 8)
        return fabs(slow_real(random)) * ldexp(1, slow_int(random, -50, 15));
    if (contract->eps_dtype == ng_eps_dtype_f16) /* ends at 65504 */
        return ldexp(1, slow_int(random, -24, 15));
    return ldexp(1,
                 slow_int(random, -300,
                          contract->eps_dtype == ng_eps_dtype_f64 ? 200 : 120));
}

/* beta = -gamma * x_hat as well as a plain loop has it: little is left of y. */
static void cancel(trial *t, double eps)
{
    double mean = 0, var = 0;
    for (size_t i = 0; i < t->in.C; i++)
        mean += t->x[i] / (double)t->in.C;
    if (t->contract.centred == ng_centred_no)
        mean = 0;
    for (size_t i = 0; i < t->in.C; i++)
        var += (t->x[i] - mean) * (t->x[i] - mean) / (double)t->in.C;
    for (size_t i = 0; i < t->in.C; i++) {
        double v = (mean - t->x[i]) / sqrt(var + eps) *
                   (t->gamma != NULL ? t->gamma[i] : 1);
        if (fabs(v) <= ng_dtype_max(ng_contract_param(&t->contract)))
            t->beta[i] = v; /* not so if NaN */
    }
}

static void one_trial(slow_random *random, const ng_contract *contract,
                      int family, size_t rows, size_t n)
{
    trial t = {.in = {.norm = SLOW_LAYER, .N = rows, .C = n, .H = 1, .W = 1},
               .contract = *contract,
               .view = ng_view_rows(rows, n)};
    trial_alloc(&t, slow_below(random, 6) != 0, slow_below(random, 6) != 0);
    fill(random, family, ng_contract_storage(contract), t.x, rows * n);
    fill_params(random, ng_contract_param(contract), t.gamma, n);
    fill_params(random, ng_contract_param(contract), t.beta, n);
    double eps = random_eps(random, contract);
    if (t.beta != NULL && rows == 1 && slow_below(random, 4) == 0)
        cancel(&t, eps);
    trial_encode(&t);
    check(&t, eps);
    trial_free(&t);
}

static size_t random_n(slow_random *random)
{
    switch (slow_below(random, 4)) {
    case 0:
        return 1 + slow_below(random, 8);
    case 1:
        return 1 + slow_below(random, 300);
    default:
        return 1 + slow_below(random, 60);
    }
}

static const char *const dtypes[] = {"f16", "bf16", "f32", "f64"};

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
                    contract_start(&contract, ops[op], dtypes[d]);
                    if (op == 1 && slow_below(&random, 2))
                        contract_set(&contract, "affine", "gamma_beta");
                    one_trial(&random, &contract, family,
                              1 + slow_below(&random, 3),
                              heavy ? 1 + slow_below(&random, 20)
                                    : random_n(&random));
                }
            }
    report();
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
            contract_start(&contract, k % 2 ? "rms_norm" : "layer_norm",
                           dtypes[d]);
            one_trial(&random, &contract, families[k % 3], 1,
                      k == 0 ? 70001 : 4099 + slow_below(&random, 5000));
        }
    report();
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
                    const char *dtype = dtypes[slow_below(&random, 4)];
                    contract_start(&contract, "layer_norm", dtype);
                    contract_set(&contract, "eps_place", places[place]);
                    contract_set(&contract, "affine", affines[affine]);
                    contract_set(&contract, "centred", centred[c]);
                    contract_set(&contract, "divisor",
                                 divisors[slow_below(&random, 2)]);
                    contract_set(&contract, "eps_dtype",
                                 eps_formats[slow_below(&random, 4)]);
                    contract_set(&contract, "param",
                                 formats[slow_below(&random, 5)]);
                    contract_set(&contract, "stats",
                                 formats[slow_below(&random, 5)]);
                    int family = slow_int(&random, 0, FAMILIES - 1);
                    if (family == WIDE && strcmp(dtype, "f64") == 0)
                        family = NORMAL;
                    /* n = 1 has no n - 1 to divide by. */
                    one_trial(&random, &contract, family, 2,
                              2 + slow_below(&random, 12));
                }
    report();
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
    ng_view view;
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
    case SLOW_LAYER:
        view = ng_view_rows(N, C);
        break;
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
                contract_start(&t.contract, "layer_norm", dtypes[d]);
                if (slow_below(&random, 3) == 0)
                    contract_set(&t.contract, "centred", "no");
                ng_dtype dtype = ng_contract_storage(&t.contract);
                trial_alloc(&t, true, true);
                fill(&random, slow_below(&random, 2) ? OFFSET : INTEGERS, dtype,
                     t.x, slow_count(&t.in));
                fill_params(&random, dtype, t.gamma, slow_params(&t.in));
                fill_params(&random, dtype, t.beta, slow_params(&t.in));
                trial_encode(&t);
                check(&t, random_eps(&random, &t.contract));
                trial_free(&t);
            }
    report();
}

/* One row given in full; returns through check(). */
static void check_row(const char *op, const char *dtype, double eps, size_t n,
                      const double *x, const double *gamma, const double *beta)
{
    trial t = {.in = {.norm = SLOW_LAYER, .N = 1, .C = n, .H = 1, .W = 1},
               .view = ng_view_rows(1, n)};
    contract_start(&t.contract, op, dtype);
    trial_alloc(&t, gamma != NULL, beta != NULL);
    memcpy(t.x, x, n * sizeof *x);
    if (gamma != NULL)
        memcpy(t.gamma, gamma, n * sizeof *x);
    if (beta != NULL)
        memcpy(t.beta, beta, n * sizeof *x);
    trial_encode(&t);
    check(&t, eps);
    trial_free(&t);
}

/* Past the largest finite number and below the smallest normal one. */
static void range_ends(void **state)
{
    (void)state;
    const double x[] = {-1, 1};
    for (int d = 0; d < 4; d++) {
        ng_dtype dtype = ng_f32;
        assert_true(ng_dtype_parse(dtypes[d], &dtype));
        const slow_format *f = format_of(dtype);
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
                    check_row("layer_norm", dtypes[d], eps[e], 2, x, gammas[g],
                              betas[b]);
    }
    assert_true(total.infinite > 50);
    assert_true(total.subnormal > 50);
    assert_true(total.ties > 50);
    report();
}

/* A result too small for the format keeps its sign as a zero. */
static void signed_zero(void **state)
{
    (void)state;
    for (int d = 0; d < 4; d++) {
        trial t = {.in = {.norm = SLOW_LAYER, .N = 1, .C = 2, .H = 1, .W = 1},
                   .view = ng_view_rows(1, 2)};
        contract_start(&t.contract, "layer_norm", dtypes[d]);
        ng_dtype dtype = ng_contract_storage(&t.contract);
        const slow_format *f = format_of(dtype);
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
        ng_exact *exact = ng_exact_forward(&arena, &problem, NULL);
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
            check_row("layer_norm", dtypes[d], ldexp(1, -k), 10, x, gamma,
                      beta);
    report();
}

/* Zero variance, one value per set, eps = 0. */
static void degenerate(void **state)
{
    (void)state;
    const double x[] = {5, 5, 5}, zero[] = {0, 0, -0.0}, beta[] = {1, -2, 0};
    for (int d = 0; d < 4; d++) {
        check_row("layer_norm", dtypes[d], 0, 3, x, NULL, beta);
        check_row("layer_norm", dtypes[d], 0, 1, x, beta, beta);
        check_row("rms_norm", dtypes[d], 0, 3, zero, NULL, NULL);
        assert_int_equal(total.undefined, (size_t)(d + 1) * 7);
        check_row("layer_norm", dtypes[d], 1e-5, 3, x, NULL, beta);
        check_row("layer_norm", dtypes[d], 1e-5, 1, x, beta, beta);
        check_row("layer_norm", dtypes[d], 0x1p-1074, 1, x, beta, beta);
        check_row("rms_norm", dtypes[d], 1e-5, 3, zero, beta, NULL);
        check_row("rms_norm", dtypes[d], 0, 1, x, beta, NULL);
        check_row("rms_norm", dtypes[d], 0, 3, x, beta, NULL);
    }
    report();
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
     K_Z,
     {NAN, NAN, NAN, NAN}},
    {"layer_norm",
     {-INFINITY, INFINITY, 3, 4},
     {1, 1, 1, 1},
     {0, 0, 0, 7},
     {K_Q, K_Q, K_Q, K_Q},
     K_N,
     K_Z,
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
            contract_start(&t.contract, row->op, dtypes[d]);
            contract_set(&t.contract, "affine", "gamma_beta");
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
            ng_exact *exact = ng_exact_forward(&arena, &problem, NULL);
            assert_non_null(exact);
            size_t before = total.failures;
            bool finite_x = true;
            for (size_t i = 0; i < 4; i++) {
                if (row->y[i] == K_I)
                    expect_infinite(&t, 1e-5, exact, 1, i, row->value[i]);
                else
                    expect_kind(&t, 1e-5, exact, ng_tensor_y, 1, i, row->y[i],
                                row->value[i]);
                finite_x &= isfinite(row->x[i]) != 0;
                ng_point point;
                ng_exact_at(exact, ng_tensor_y, 1, i, &point);
                if (row->y[i] == K_Z &&
                    (ng_point_error(&point, row->value[i]) != 0 ||
                     !(fabs(ng_point_error(&point, row->value[i] + 1) - 1) <
                       0x1p-40)))
                    complain(&t, 1e-5, "error at 0 * Inf", 1, i, 0,
                             ng_point_error(&point, row->value[i]));
                if (row->y[i] == K_Q && !isnan(point.rounded))
                    complain(&t, 1e-5, "rounded of kind nan", 1, i, NAN,
                             point.rounded);
                if (row->y[i] != K_V && row->y[i] != K_Z &&
                    !isnan(ng_point_error(&point, 1)))
                    complain(&t, 1e-5, "error at a non-finite", 1, i, NAN, 0);
                if (row->y[i] != K_V && point.level != ng_level_table &&
                    row->y[i] != K_Z)
                    complain(&t, 1e-5, "level of a decided outcome", 1, i,
                             ng_level_table, point.level);
            }
            if (strcmp(row->op, "layer_norm") == 0)
                expect_kind(&t, 1e-5, exact, ng_tensor_mean, 1, 0, row->mean,
                            NAN);
            expect_kind(&t, 1e-5, exact, ng_tensor_rstd, 1, 0, row->rstd,
                        row->rstd == K_Z ? 0 : NAN);
            assert_int_equal(ng_exact_conditions(exact, 1)->finite, finite_x);
            if (total.failures != before)
                printf("  (row %zu of the decision table, %s)\n", k, dtypes[d]);
            ng_arena_release(&arena);
            if (x_only) { /* the other rows are what they are without it */
                for (size_t i = 4; i < 8; i++)
                    t.x[i] = 0; /* for the slow reference, which skips it */
                check(&t, 1e-5);
            }
            trial_free(&t);
        }
    report();
}

#undef K_V
#undef K_Q
#undef K_I
#undef K_N
#undef K_Z

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
        contract_start(&contract, "layer_norm", "f64");
        contract_set(&contract, fields[k].field, fields[k].value);
        ng_problem problem = {.contract = &contract,
                              .view = ng_view_rows(1, 4),
                              .eps = 1e-5,
                              .x = values,
                              .gamma = values};
        bool refused = ng_exact_forward(&arena, &problem, &error) == NULL;
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
    contract_start(&contract, "rms_norm", "f64");
    contract_set(&contract, "divisor", "n_minus_1");
    ng_problem problem = {.contract = &contract,
                          .view = ng_view_rows(1, 3),
                          .eps = 0,
                          .x = values};
    ng_exact *exact = ng_exact_forward(&arena, &problem, &error);
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
        contract_start(&contract, ops[k], "f32");
        ng_problem problem = {.contract = &contract,
                              .view = ng_view_rows(2, 0),
                              .eps = 1e-5,
                              .x = none};
        ng_exact *exact = ng_exact_forward(&arena, &problem, NULL);
        assert_non_null(exact);
        for (size_t set = 0; set < 2; set++) {
            ng_point mean, rstd;
            ng_exact_at(exact, ng_tensor_mean, set, 0, &mean);
            ng_exact_at(exact, ng_tensor_rstd, set, 0, &rstd);
            assert_true(mean.kind == ng_kind_nan && isnan(mean.rounded));
            assert_true(rstd.kind == ng_kind_nan && isnan(rstd.rounded));
            assert_true(ng_exact_conditions(exact, set)->n == 0);
        }
        problem.view = ng_view_rows(0, 4);
        exact = ng_exact_forward(&arena, &problem, NULL);
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
        contract_start(&contract, "layer_norm", "f64");
        contract_set(&contract, "eps_dtype", rows[k].eps_dtype);
        ng_problem problem = {.contract = &contract,
                              .view = ng_view_rows(1, 4),
                              .eps = rows[k].eps,
                              .x = values,
                              .beta = values};
        ng_exact *exact = ng_exact_forward(&arena, &problem, &error);
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
        cmocka_unit_test(random_rows),
        cmocka_unit_test(long_sets),
        cmocka_unit_test(contract_variants),
        cmocka_unit_test(layouts),
        cmocka_unit_test(range_ends),
        cmocka_unit_test(signed_zero),
        cmocka_unit_test(cancelled_outputs),
        cmocka_unit_test(degenerate),
        cmocka_unit_test(nonfinite_table),
        cmocka_unit_test(undefined_contracts),
        cmocka_unit_test(uncentred_divisor),
        cmocka_unit_test(empty_sets),
        cmocka_unit_test(eps_not_finite),
    };
    cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
