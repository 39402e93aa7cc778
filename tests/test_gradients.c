/* Proves the backward reference against the forward one, and against identities
 * that a gradient must have: none of them repeats a formula of the backward
 * pass.
 *
 * Differences. L = sum dy y (+ sum dh h) is formed in MPFR at 2400 bits. The
 * forward pass adds a residual to x without error, so a residual of +-2^-700 at
 * one element moves that x by exactly as much, and (L(x + h e) - L(x - h e))/2h
 * misses dx by about h^2 = 2^-1400 of it; 700 bits of L cancel, so 1400 remain:
 * 420 digits, of which 200 are asked for. L is linear in gamma and beta, whose
 * differences are exact but for the rounding of L. */
#include "../reference/set.h"
#include "../reference/value.h"
#include "slow_reference.h" /* random numbers and effort only */

#include <normgate/arena.h>
#include <normgate/op.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BITS = 2400, STEP = -700, MEMORY = 512, DIGITS = 200 };
static const double GAMMA_STEP = 0x1p-20;

/* One normalization, both ways, in f64. */
typedef struct model {
    ng_contract contract[2]; /* forward, backward */
    ng_problem problem[2];
    ng_case test;
    size_t sets, n, params;
    bool training, fused;
    double x[MEMORY], shift[MEMORY], dy[MEMORY], dh[MEMORY];
    double gamma[MEMORY], beta[MEMORY], mean[MEMORY], var[MEMORY];
} model;

enum { FORWARD, BACKWARD };

static void value_of(const model *m, int way, ng_role role, size_t set,
                     size_t i, mpfr_t value)
{
    if (!reference_value(&m->problem[way], role, set, i, value))
        fail_msg("%s %s: no %s[%zu][%zu]", m->contract[way].op,
                 m->contract[way].pass, ng_role_name(role), set, i);
}

/* `fields` without op, pass and dtype. False: no kernel may declare it. */
static bool model_contracts(model *m, const char *op, bool training,
                            const char *fields)
{
    static const char *const passes[2][2] = {
        {"inference", "inference_backward"}, {"forward", "backward"}};
    for (int way = FORWARD; way <= BACKWARD; way++) {
        char text[NG_CONTRACT_TEXT_MAX];
        snprintf(text, sizeof text, "op=%s pass=%s dtype=f64 %s", op,
                 passes[training][way], fields);
        if (ng_contract_parse(&m->contract[way], text, NULL) != ng_status_ok)
            return false;
    }
    m->training = training;
    m->fused = m->contract[FORWARD].residual == ng_residual_sum;
    return true;
}

/* The problems of the sizes in m->test, over the arrays of m. */
static void model_shape(model *m)
{
    bool gamma = m->contract[FORWARD].affine != ng_affine_none;
    for (int way = FORWARD; way <= BACKWARD; way++) {
        m->problem[way] = (ng_problem){
            .contract = &m->contract[way],
            .view = ng_case_view(&m->test, &m->contract[way]),
            .eps = m->test.eps,
            .x = m->x,
            .gamma = gamma ? m->gamma : NULL,
            .beta = gamma ? m->beta : NULL,
            .running_mean = m->training ? NULL : m->mean,
            .running_var = m->training ? NULL : m->var,
        };
    }
    m->problem[FORWARD].residual = m->shift;
    m->problem[BACKWARD].dy = m->dy;
    m->problem[BACKWARD].dh = m->fused ? m->dh : NULL;
    const ng_view *view = &m->problem[FORWARD].view;
    m->sets = ng_view_sets(view);
    m->n = ng_view_n(view);
    m->params = ng_view_params(view);
    assert_true(ng_view_extent(view) <= MEMORY);
}

static void model_fill(model *m, slow_random *random)
{
    double offset = 8 * slow_real(random);
    int scale = slow_int(random, -4, 4);
    for (size_t i = 0; i < MEMORY; i++) {
        m->x[i] = ldexp(offset + slow_real(random), scale);
        m->shift[i] = 0;
        m->dy[i] = slow_real(random);
        m->dh[i] = slow_real(random);
        m->gamma[i] = slow_int(random, -(1 << 24), 1 << 24) * 0x1p-23;
        m->beta[i] = slow_int(random, -(1 << 24), 1 << 24) * 0x1p-23;
        m->mean[i] = ldexp(slow_real(random), scale);
        m->var[i] = 0x1p-30 + fabs(ldexp(slow_real(random), 2 * scale));
    }
}

static void random_sizes(ng_case *test, slow_random *random, const char *op,
                         size_t least)
{
    ng_case_init(test, op, ng_f64);
    const ng_op *row = ng_op_find(op);
    test->rows = 1 + slow_below(random, 3);
    test->n = least + slow_below(random, 5);
    test->N = 1 + slow_below(random, 3);
    test->C = 1 + slow_below(random, 4);
    test->spatial = least + slow_below(random, 3);
    test->num_groups = 1;
    while (slow_below(random, 2) && test->num_groups < test->C)
        test->num_groups++;
    while (test->C % test->num_groups != 0)
        test->num_groups--;
    test->step = 2;
    test->gap = 3;
    test->start = 1;
    if (row->shape == ng_shape_channels)
        row->complete(test);
}

/* sum dy y + sum dh h over one set, or over every element of one parameter. */
static void add_terms(const model *m, mpfr_t loss, size_t set, size_t param)
{
    const ng_view *view = &m->problem[FORWARD].view;
    mpfr_t term;
    mpfr_init2(term, BITS);
    for (size_t i = 0; i < m->n; i++) {
        size_t at = ng_view_index(view, set, i);
        if (param != SIZE_MAX && ng_view_param(view, set, i) != param)
            continue;
        value_of(m, FORWARD, ng_tensor_y, set, i, term);
        mpfr_mul_d(term, term, m->dy[at], MPFR_RNDN);
        mpfr_add(loss, loss, term, MPFR_RNDN);
        if (!m->fused)
            continue;
        value_of(m, FORWARD, ng_tensor_h, set, i, term);
        mpfr_mul_d(term, term, m->dh[at], MPFR_RNDN);
        mpfr_add(loss, loss, term, MPFR_RNDN);
    }
    mpfr_clear(term);
}

static void loss_of(const model *m, mpfr_t loss, size_t set, size_t param)
{
    mpfr_set_zero(loss, 1);
    for (size_t s = 0; s < m->sets; s++) {
        if (set == SIZE_MAX || s == set)
            add_terms(m, loss, s, param);
    }
}

/* (L(at + step) - L(at - step)) / 2 step; the losses are those of the set or
 * parameter that the place reaches. */
static void difference(const model *m, double *place, double step, size_t set,
                       size_t param, mpfr_t slope)
{
    mpfr_t below;
    double old = *place;
    mpfr_init2(below, BITS);
    *place = old + step;
    assert_true(*place - old == step);
    loss_of(m, slope, set, param);
    *place = old - step;
    loss_of(m, below, set, param);
    *place = old;
    mpfr_sub(slope, slope, below, MPFR_RNDN);
    mpfr_div_d(slope, slope, 2 * step, MPFR_RNDN);
    mpfr_clear(below);
}

/* Decimal digits in which a and b agree, relative to b, or to `size` where b is
 * 0 but for roundings. */
static double agreeing(const mpfr_t a, const mpfr_t b, double size)
{
    mpfr_t error, scale;
    mpfr_inits2(BITS, error, scale, (mpfr_ptr)NULL);
    mpfr_sub(error, a, b, MPFR_RNDN);
    mpfr_abs(error, error, MPFR_RNDN);
    mpfr_abs(scale, b, MPFR_RNDN);
    if (mpfr_cmp_d(scale, size * 0x1p-1000) < 0)
        mpfr_set_d(scale, size, MPFR_RNDN);
    double digits = 1000;
    if (!mpfr_zero_p(error)) {
        mpfr_div(error, error, scale, MPFR_RNDN);
        mpfr_log10(error, error, MPFR_RNDN);
        digits = -mpfr_get_d(error, MPFR_RNDN);
    }
    mpfr_clears(error, scale, (mpfr_ptr)NULL);
    return digits;
}

/* The point's own claim: 2^-100 of the value, and zero only for zero. */
static void check_point(const ng_exact *exact, ng_role role, size_t set,
                        size_t i, const mpfr_t value, double size)
{
    ng_point point;
    mpfr_t got;
    ng_exact_at(exact, role, set, i, &point);
    assert_int_equal(point.kind, ng_kind_value);
    assert_int_not_equal(point.level, ng_level_undecided);
    mpfr_init2(got, BITS);
    mpfr_set_d(got, point.high, MPFR_RNDN);
    mpfr_add_d(got, got, point.low, MPFR_RNDN);
    mpfr_mul_2si(got, got, point.exponent, MPFR_RNDN);
    double digits = agreeing(got, value, size);
    if (!(digits > 100 * log10(2)))
        fail_msg("%s[%zu][%zu] has %.1f digits", ng_role_name(role), set, i,
                 digits);
    mpfr_clear(got);
}

typedef struct tally {
    size_t contracts, values;
    double least;
} tally;

static void compare(tally *total, const model *m, const ng_exact *exact,
                    ng_role role, size_t set, size_t i, const mpfr_t slope,
                    double size)
{
    mpfr_t value;
    mpfr_init2(value, BITS);
    value_of(m, BACKWARD, role, set, i, value);
    double digits = agreeing(slope, value, size);
    if (!(digits >= DIGITS)) {
        char text[NG_CONTRACT_TEXT_MAX];
        ng_contract_print(&m->contract[BACKWARD], text, sizeof text);
        fail_msg("'%s' eps=%a sets=%zu n=%zu %s[%zu][%zu]: %.17g, difference "
                 "%.17g: %.1f digits",
                 text, m->test.eps, m->sets, m->n, ng_role_name(role), set, i,
                 mpfr_get_d(value, MPFR_RNDN), mpfr_get_d(slope, MPFR_RNDN),
                 digits);
    }
    check_point(exact, role, set, i, slope, size);
    total->values++;
    total->least = fmin(total->least, digits);
    mpfr_clear(value);
}

/* Every gradient against its difference. */
static void differentiate(tally *total, model *m)
{
    const ng_view *view = &m->problem[FORWARD].view;
    ng_arena arena = {0};
    ng_error error;
    mpfr_t slope;
    ng_exact *exact = ng_exact_compute(&arena, &m->problem[BACKWARD], &error);
    if (exact == NULL)
        fail_msg("%s", error.text);
    mpfr_init2(slope, BITS);
    for (size_t set = 0; set < m->sets; set++) {
        for (size_t i = 0; i < m->n; i++) {
            double *place = &m->shift[ng_view_index(view, set, i)];
            difference(m, place, ldexp(1, STEP), set, SIZE_MAX, slope);
            compare(total, m, exact, ng_tensor_dx, set, i, slope, 1);
            if (m->fused)
                compare(total, m, exact, ng_tensor_dresidual, set, i, slope, 1);
        }
    }
    for (size_t p = 0; p < m->params; p++) {
        if (ng_exact_has(exact, ng_tensor_dgamma)) {
            difference(m, &m->gamma[p], GAMMA_STEP, SIZE_MAX, p, slope);
            compare(total, m, exact, ng_tensor_dgamma, p, 0, slope, 1);
        }
        if (ng_exact_has(exact, ng_tensor_dbeta)) {
            difference(m, &m->beta[p], GAMMA_STEP, SIZE_MAX, p, slope);
            compare(total, m, exact, ng_tensor_dbeta, p, 0, slope, 1);
        }
    }
    mpfr_clear(slope);
    ng_arena_release(&arena);
}

static const char *const ops[] = {"layer_norm", "rms_norm",   "l2_norm",
                                  "batch_norm", "group_norm", "instance_norm"};
enum { OPS = sizeof ops / sizeof ops[0] };

/* What each contract is: of all that a kernel may declare. */
typedef struct choice {
    const char *op, *place, *divisor, *affine, *residual;
    bool training, centred;
} choice;

typedef void visitor(void *user, const choice *c, const char *fields);

static void each_affine(choice *c, visitor *visit, void *user)
{
    static const char *const affines[] = {"gamma_beta", "gamma", "none",
                                          "one_plus_gamma"};
    for (size_t k = 0; k < 4; k++) {
        for (int fused = 0; fused < 2; fused++) {
            char fields[256];
            ng_contract contract;
            c->affine = affines[k];
            c->residual = fused ? "sum" : "none";
            snprintf(fields, sizeof fields,
                     "centred=%s eps_place=%s divisor=%s affine=%s residual=%s",
                     c->centred ? "yes" : "no", c->place, c->divisor, c->affine,
                     c->residual);
            char text[2 * NG_CONTRACT_TEXT_MAX];
            snprintf(text, sizeof text, "op=%s pass=%s dtype=f64 %s", c->op,
                     c->training ? "forward" : "inference", fields);
            if (ng_contract_parse(&contract, text, NULL) == ng_status_ok)
                visit(user, c, fields);
        }
    }
}

static void each_contract(visitor *visit, void *user)
{
    static const char *const places[] = {"inside", "outside", "max_var",
                                         "max_norm", "none"};
    static const char *const divisors[] = {"n", "n_minus_1", "one"};
    for (size_t k = 0; k < OPS * 5 * 3 * 2 * 2; k++) {
        choice c = {.op = ops[k % OPS],
                    .place = places[k / OPS % 5],
                    .divisor = divisors[k / (OPS * 5) % 3],
                    .training = k / (OPS * 15) % 2,
                    .centred = k / (OPS * 30) % 2};
        each_affine(&c, visit, user);
    }
}

/* eps below and above what max(., eps) compares it with. */
static const double eps_values[] = {0x1.4f8b588e368f1p-17, 4096};

typedef struct sweep {
    slow_random random;
    tally total;
    model *model;
} sweep;

static void visit_differences(void *user, const choice *c, const char *fields)
{
    static const char *const layouts[] = {"contiguous", "strided",
                                          "channels_last"};
    sweep *s = user;
    model *m = s->model;
    bool rows = ng_op_find(c->op)->shape == ng_shape_rows;
    bool both = strncmp(c->place, "max", 3) == 0;
    for (size_t k = both ? 0 : slow_below(&s->random, 2); k < 2;
         k += 2 - both) {
        char text[NG_CONTRACT_TEXT_MAX];
        snprintf(text, sizeof text, "%s layout=%s", fields,
                 layouts[slow_below(&s->random, rows ? 2 : 3)]);
        assert_true(model_contracts(m, c->op, c->training, text));
        random_sizes(&m->test, &s->random, c->op, 2);
        m->test.eps = eps_values[k] * (1 + fabs(slow_real(&s->random)));
        model_fill(m, &s->random);
        model_shape(m);
        differentiate(&s->total, m);
        s->total.contracts++;
    }
}

static void sums_of_differences(void **state)
{
    static model m;
    (void)state;
    sweep s = {.random = {71}, .total = {.least = 1e9}, .model = &m};
    for (size_t k = 0; k < slow_effort(); k++)
        each_contract(visit_differences, &s);
    printf("  %zu contracts, %zu gradients, least agreement %.1f digits\n",
           s.total.contracts, s.total.values, s.total.least);
    assert_true(s.total.least >= DIGITS);
    assert_true(s.total.contracts >= 600);
}

/* No contract declares a fused residual for a channel op, but the reference
 * defines it: the fields are set by hand. */
static void fused_channels(void **state)
{
    static model m;
    slow_random random = {72};
    tally total = {.least = 1e9};
    (void)state;
    for (size_t k = 0; k < 12; k++) {
        assert_true(model_contracts(&m, ops[3 + k % 3], true,
                                    k % 2 ? "affine=one_plus_gamma" : ""));
        m.fused = true;
        for (int way = FORWARD; way <= BACKWARD; way++)
            m.contract[way].residual = ng_residual_sum;
        random_sizes(&m.test, &random, ops[3 + k % 3], 2);
        model_fill(&m, &random);
        model_shape(&m);
        differentiate(&total, &m);
    }
    printf("  %zu gradients, least agreement %.1f digits\n", total.values,
           total.least);
    assert_true(total.values > 100);
}

/* Sets of one and of two elements, and eps = 0. dx of one centred element is
 * 0; so is that of two without eps, whose x_hat is +-1 or constant. */
static void small_sets(void **state)
{
    static model m;
    slow_random random = {73};
    tally total = {.least = 1e9};
    (void)state;
    for (size_t k = 0; k < 48; k++) {
        const char *op = ops[k % OPS];
        bool l2 = k % OPS == 2;
        assert_true(model_contracts(&m, op, true, ""));
        random_sizes(&m.test, &random, op, 2);
        m.test.n = m.test.spatial = 1 + k / OPS % 2;
        m.test.N = m.test.C = 1;
        m.test.num_groups = 1;
        if (ng_op_find(op)->shape == ng_shape_channels)
            ng_op_find(op)->complete(&m.test);
        m.test.eps = k / (2 * OPS) % 2 && (m.test.n == 2 || l2) ? 0 : 0.375;
        model_fill(&m, &random);
        model_shape(&m);
        differentiate(&total, &m);
    }
    printf("  %zu gradients, least agreement %.1f digits\n", total.values,
           total.least);
}

/* <dy, J v> = <dx, v>, with J v from one difference along v in all sets. */
static void adjoint_in(model *m, slow_random *random, tally *total)
{
    const ng_view *view = &m->problem[FORWARD].view;
    static double v[MEMORY];
    mpfr_t jv, below, inner, term;
    mpfr_inits2(BITS, jv, below, inner, term, (mpfr_ptr)NULL);
    for (size_t i = 0; i < MEMORY; i++)
        v[i] = slow_real(random);
    for (size_t i = 0; i < MEMORY; i++)
        m->shift[i] = ldexp(v[i], STEP);
    loss_of(m, jv, SIZE_MAX, SIZE_MAX);
    for (size_t i = 0; i < MEMORY; i++)
        m->shift[i] = -m->shift[i];
    loss_of(m, below, SIZE_MAX, SIZE_MAX);
    memset(m->shift, 0, sizeof m->shift);
    mpfr_sub(jv, jv, below, MPFR_RNDN);
    mpfr_div_d(jv, jv, ldexp(2, STEP), MPFR_RNDN);
    mpfr_set_zero(inner, 1);
    for (size_t set = 0; set < m->sets; set++) {
        for (size_t i = 0; i < m->n; i++) {
            value_of(m, BACKWARD, ng_tensor_dx, set, i, term);
            mpfr_mul_d(term, term, v[ng_view_index(view, set, i)], MPFR_RNDN);
            mpfr_add(inner, inner, term, MPFR_RNDN);
        }
    }
    double digits = agreeing(jv, inner, 1);
    if (!(digits >= DIGITS))
        fail_msg("%s: <dy, J v> and <dx, v> agree in %.1f digits",
                 m->contract[BACKWARD].op, digits);
    total->least = fmin(total->least, digits);
    total->values++;
    mpfr_clears(jv, below, inner, term, (mpfr_ptr)NULL);
}

static void exact_sum_of_dx(const model *m, size_t set)
{
    set_state s;
    surd dx;
    dyadic p, q, u, v;
    set_init(&s);
    set_load(&s, &m->problem[BACKWARD], m->test.eps, set);
    surd_init(&dx, &s.r);
    dyadic_init(&p);
    dyadic_init(&q);
    dyadic_init(&u);
    dyadic_init(&v);
    for (size_t i = 0; i < m->n; i++) {
        element e = element_at(&m->problem[BACKWARD], set, i);
        e.dh = 0; /* the gradient through the norm alone */
        set_surd_dx(&s, &dx, &e);
        if (i == 0) {
            dyadic_set(&u, &dx.u);
            dyadic_set(&v, &dx.v);
        }
        assert_int_equal(dyadic_cmp(&u, &dx.u), 0);
        assert_int_equal(dyadic_cmp(&v, &dx.v), 0);
        dyadic_add(&p, &p, &dx.p);
        dyadic_add(&q, &q, &dx.q);
    }
    assert_int_equal(dyadic_sign(&p), 0);
    assert_int_equal(dyadic_sign(&q), 0);
    dyadic_clear(&p);
    dyadic_clear(&q);
    dyadic_clear(&u);
    dyadic_clear(&v);
    surd_clear(&dx);
    set_clear(&s);
}

/* sum dx (without dh) and sum dx d, with d = x - mean (x where not centred). */
static void sums_of_dx(const model *m, size_t set, mpfr_t plain, mpfr_t along,
                       double *size)
{
    const ng_view *view = &m->problem[BACKWARD].view;
    mpfr_t mean, dx, d;
    mpfr_inits2(BITS, mean, dx, d, (mpfr_ptr)NULL);
    mpfr_set_zero(mean, 1);
    mpfr_set_zero(plain, 1);
    mpfr_set_zero(along, 1);
    *size = 1;
    if (!m->training)
        mpfr_set_d(mean, m->mean[ng_view_param(view, set, 0)], MPFR_RNDN);
    else if (m->contract[BACKWARD].centred == ng_centred_yes)
        value_of(m, FORWARD, ng_tensor_mean, set, 0, mean);
    for (size_t i = 0; i < m->n; i++) {
        size_t at = ng_view_index(view, set, i);
        value_of(m, BACKWARD, ng_tensor_dx, set, i, dx);
        if (m->fused)
            mpfr_sub_d(dx, dx, m->dh[at], MPFR_RNDN);
        mpfr_d_sub(d, m->x[at], mean, MPFR_RNDN);
        mpfr_add(plain, plain, dx, MPFR_RNDN);
        mpfr_mul(d, d, dx, MPFR_RNDN);
        mpfr_add(along, along, d, MPFR_RNDN);
        *size +=
            fabs(mpfr_get_d(dx, MPFR_RNDN)) + fabs(mpfr_get_d(d, MPFR_RNDN));
    }
    mpfr_clears(mean, dx, d, (mpfr_ptr)NULL);
}

/* w = 1 if eps v is 1, else 0. */
static void one_or_none(mpfr_t w, const mpfr_t v, double eps)
{
    mpfr_mul_d(w, v, eps, MPFR_RNDN);
    mpfr_sub_ui(w, w, 1, MPFR_RNDN);
    mpfr_set_ui(w, mpfr_zero_p(w) || mpfr_get_exp(w) < -1000, MPFR_RNDN);
}

/* What sum dx d must be, from the forward pass alone. Scaling d by t, and eps
 * by t^2 where it is in units of x^2 (inside, max_var) or by t in units of x
 * (outside, max_norm), leaves x_hat and so L as they are. By Euler's theorem
 *
 *     sum d dL/dd + 2 eps dL/deps = 0,  or  sum d dL/dd + eps dL/deps = 0;
 *
 * d moves with x, but for the mean, and sum dx = 0 absorbs that: the first sum
 * is sum dx d. L depends on eps through s alone, dL/deps = -(sum g d)/s^2
 * ds/deps, and with sum g d = s sum g x_hat
 *
 *     sum dx d = w sum g x_hat,  w = eps/s^2  inside (ds/deps = 1/(2s)),
 *                                    eps/s    outside (ds/deps = 1),
 *                                    1 or 0   max, as eps is the larger or not,
 *                                    0        without eps,
 *                                    1        where s is given: inference.
 *
 * sum g x_hat = sum dy (y - beta), and s = 1/rstd, are taken from the forward
 * pass. */
static void euler_side(const model *m, size_t set, mpfr_t side)
{
    const ng_view *view = &m->problem[FORWARD].view;
    const ng_contract *contract = &m->contract[FORWARD];
    bool beta = contract->affine == ng_affine_gamma_beta;
    mpfr_t y, w;
    mpfr_inits2(BITS, y, w, (mpfr_ptr)NULL);
    mpfr_set_zero(side, 1);
    for (size_t i = 0; i < m->n; i++) {
        value_of(m, FORWARD, ng_tensor_y, set, i, y);
        if (beta)
            mpfr_sub_d(y, y, m->beta[ng_view_param(view, set, i)], MPFR_RNDN);
        mpfr_mul_d(y, y, m->dy[ng_view_index(view, set, i)], MPFR_RNDN);
        mpfr_add(side, side, y, MPFR_RNDN);
    }
    mpfr_set_ui(w, 1, MPFR_RNDN);
    if (m->training) {
        double eps = m->test.eps;
        value_of(m, FORWARD, ng_tensor_rstd, set, 0, y);
        mpfr_mul(w, y, y, MPFR_RNDN);
        mpfr_mul_d(w, w, eps, MPFR_RNDN); /* eps/s^2: 1 if s^2 is eps */
        switch (contract->eps_place) {
        case ng_eps_place_outside: mpfr_mul_d(w, y, eps, MPFR_RNDN); break;
        case ng_eps_place_max_norm: one_or_none(w, y, eps); break;
        case ng_eps_place_max_var:
            mpfr_mul(y, y, y, MPFR_RNDN);
            one_or_none(w, y, eps);
            break;
        case ng_eps_place_none: mpfr_set_zero(w, 1); break;
        default: break;
        }
    }
    mpfr_mul(side, side, w, MPFR_RNDN);
    mpfr_clears(y, w, (mpfr_ptr)NULL);
}

static void visit_identities(void *user, const choice *c, const char *fields)
{
    sweep *s = user;
    model *m = s->model;
    mpfr_t plain, along, side;
    mpfr_inits2(BITS, plain, along, side, (mpfr_ptr)NULL);
    for (size_t k = 0; k < 2; k++) {
        assert_true(model_contracts(m, c->op, c->training, fields));
        random_sizes(&m->test, &s->random, c->op, 2);
        m->test.eps = eps_values[k];
        model_fill(m, &s->random);
        model_shape(m);
        adjoint_in(m, &s->random, &s->total);
        for (size_t set = 0; set < m->sets; set++) {
            double size;
            sums_of_dx(m, set, plain, along, &size);
            if (c->centred && c->training) {
                exact_sum_of_dx(m, set);
                mpfr_div_d(plain, plain, size, MPFR_RNDN);
                assert_true(mpfr_zero_p(plain) || mpfr_get_exp(plain) < -2000);
            }
            euler_side(m, set, side);
            double digits = agreeing(along, side, size);
            if (!(digits > 2000 * log10(2) - 20))
                fail_msg("op=%s %s eps=%g: sum dx d has %.1f digits", c->op,
                         fields, m->test.eps, digits);
            s->total.contracts++;
        }
    }
    mpfr_clears(plain, along, side, (mpfr_ptr)NULL);
}

static void identities(void **state)
{
    static model m;
    (void)state;
    sweep s = {.random = {74}, .total = {.least = 1e9}, .model = &m};
    each_contract(visit_identities, &s);
    printf("  %zu adjoints, least agreement %.1f digits; %zu sets\n",
           s.total.values, s.total.least, s.total.contracts);
    assert_true(s.total.values >= 600);
}

/* Both problems of a model, rounded. */
static ng_exact *exact_of(ng_arena *arena, const model *m, int way)
{
    ng_error error;
    ng_problem problem = m->problem[way];
    if (way == FORWARD && !m->fused)
        problem.residual = NULL;
    ng_exact *exact = ng_exact_compute(arena, &problem, &error);
    if (exact == NULL)
        fail_msg("%s", error.text);
    return exact;
}

/* The same number, times 2^k: the same point but for its exponent. */
static void same_point(const ng_point *a, const ng_point *b, int k,
                       const char *what)
{
    double scale = ldexp(1, b->exponent - a->exponent - k);
    if (a->kind != b->kind || a->rounded * ldexp(1, k) != b->rounded ||
        fabs(a->high - b->high * scale) > fabs(a->high) * 0x1p-50)
        fail_msg("%s: %a and %a", what, a->rounded, b->rounded);
}

static void same_value(const model *a, const model *b, int way, ng_role role,
                       const size_t at[4], int k, const char *what)
{
    mpfr_t left, right;
    mpfr_inits2(BITS, left, right, (mpfr_ptr)NULL);
    value_of(a, way, role, at[0], at[1], left);
    value_of(b, way, role, at[2], at[3], right);
    mpfr_mul_2si(left, left, k, MPFR_RNDN);
    if (!(agreeing(left, right, 1) > 2000 * log10(2)))
        fail_msg("%s: %s[%zu][%zu] differs: %.17g and %.17g", what,
                 ng_role_name(role), at[0], at[1], mpfr_get_d(left, MPFR_RNDN),
                 mpfr_get_d(right, MPFR_RNDN));
    mpfr_clears(left, right, (mpfr_ptr)NULL);
}

/* x 2^k and eps in its units: y as it was, dx 2^-k, dgamma and dbeta kept. */
static void visit_scaling(void *user, const choice *c, const char *fields)
{
    static model scaled;
    sweep *s = user;
    model *m = s->model;
    if (strcmp(c->residual, "sum") == 0 || !c->training)
        return;
    int k = slow_int(&s->random, -60, 60);
    bool square =
        strcmp(c->place, "inside") == 0 || strcmp(c->place, "max_var") == 0;
    assert_true(model_contracts(m, c->op, true, fields));
    random_sizes(&m->test, &s->random, c->op, 2);
    m->test.eps = eps_values[slow_below(&s->random, 2)];
    model_fill(m, &s->random);
    model_shape(m);
    scaled = *m;
    scaled.test.eps = ldexp(m->test.eps, square ? 2 * k : k);
    for (size_t i = 0; i < MEMORY; i++)
        scaled.x[i] = ldexp(m->x[i], k);
    model_shape(&scaled); /* over its own arrays */
    for (int way = FORWARD; way <= BACKWARD; way++)
        scaled.problem[way].contract = &scaled.contract[way];
    ng_arena arena = {0};
    ng_exact *a = exact_of(&arena, m, BACKWARD);
    ng_exact *b = exact_of(&arena, &scaled, BACKWARD);
    ng_point p, q;
    for (size_t set = 0; set < m->sets; set++) {
        for (size_t i = 0; i < m->n; i++) {
            ng_exact_at(a, ng_tensor_dx, set, i, &p);
            ng_exact_at(b, ng_tensor_dx, set, i, &q);
            same_point(&p, &q, -k, "dx of x 2^k");
            same_value(m, &scaled, BACKWARD, ng_tensor_dx,
                       (size_t[]){set, i, set, i}, -k, "dx of x 2^k");
        }
    }
    for (size_t i = 0; i < m->params && ng_exact_has(a, ng_tensor_dgamma);
         i++) {
        ng_exact_at(a, ng_tensor_dgamma, i, 0, &p);
        ng_exact_at(b, ng_tensor_dgamma, i, 0, &q);
        same_point(&p, &q, 0, "dgamma of x 2^k");
    }
    ng_arena_release(&arena);
    s->total.values++;
}

static void scaling(void **state)
{
    static model m;
    (void)state;
    sweep s = {.random = {75}, .model = &m};
    each_contract(visit_scaling, &s);
    assert_true(s.total.values >= 150);
}

/* dgamma and dbeta of several rows are the sums of those of each alone. */
static void additive(void **state)
{
    static model m, alone;
    slow_random random = {76};
    mpfr_t sum, term, all;
    (void)state;
    mpfr_inits2(BITS, sum, term, all, (mpfr_ptr)NULL);
    for (size_t k = 0; k < 30; k++) {
        assert_true(model_contracts(&m, ops[k % 2], true, "affine=gamma_beta"));
        random_sizes(&m.test, &random, ops[k % 2], 2);
        m.test.rows = 1 + k % 7;
        model_fill(&m, &random);
        model_shape(&m);
        alone = m;
        alone.test.rows = 1;
        model_shape(&alone);
        for (int way = FORWARD; way <= BACKWARD; way++)
            alone.problem[way].contract = &alone.contract[way];
        for (size_t p = 0; p < 2 * m.n; p++) {
            ng_role role = p < m.n ? ng_tensor_dgamma : ng_tensor_dbeta;
            mpfr_set_zero(sum, 1);
            for (size_t row = 0; row < m.test.rows; row++) {
                alone.problem[BACKWARD].x = &m.x[row * m.n];
                alone.problem[BACKWARD].dy = &m.dy[row * m.n];
                value_of(&alone, BACKWARD, role, p % m.n, 0, term);
                mpfr_add(sum, sum, term, MPFR_RNDN);
            }
            value_of(&m, BACKWARD, role, p % m.n, 0, all);
            assert_true(agreeing(sum, all, 1) > 2000 * log10(2));
        }
    }
    mpfr_clears(sum, term, all, (mpfr_ptr)NULL);
}

/* A channel model of given sizes, contiguous. */
static void channels(model *m, const char *op, size_t N, size_t C,
                     size_t spatial, size_t groups, const model *data)
{
    *m = *data;
    assert_true(model_contracts(m, op, true, ""));
    ng_case_init(&m->test, op, ng_f64);
    m->test.N = N;
    m->test.C = C;
    m->test.spatial = spatial;
    m->test.num_groups = groups;
    ng_op_find(op)->complete(&m->test);
    model_shape(m);
}

static void rows_of(model *m, size_t rows, size_t n, const model *data)
{
    *m = *data;
    assert_true(model_contracts(m, "layer_norm", true, ""));
    ng_case_init(&m->test, "layer_norm", ng_f64);
    m->test.rows = rows;
    m->test.n = n;
    model_shape(m);
}

/* Every per-element output and statistic of a equals that of b, set by set and
 * element by element; dgamma and dbeta too, where they number alike. */
static void same_norm(const model *a, const model *b, bool params,
                      const char *what)
{
    ng_arena arena = {0};
    ng_point p, q;
    assert_int_equal(a->sets, b->sets);
    assert_int_equal(a->n, b->n);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        for (int way = FORWARD; way <= BACKWARD; way++) {
            ng_extent extent = ng_role_extent(role);
            ng_exact *left = exact_of(&arena, a, way);
            ng_exact *right = exact_of(&arena, b, way);
            if (!ng_exact_has(left, role) ||
                (extent == ng_per_param && !params))
                continue;
            size_t outer = extent == ng_per_param ? a->params : a->sets;
            size_t inner = extent == ng_per_element ? a->n : 1;
            for (size_t k = 0; k < outer * inner; k++) {
                size_t at[4] = {k / inner, k % inner, k / inner, k % inner};
                ng_exact_at(left, role, at[0], at[1], &p);
                ng_exact_at(right, role, at[2], at[3], &q);
                same_point(&p, &q, 0, what);
                same_value(a, b, way, role, at, 0, what);
            }
        }
    }
    ng_arena_release(&arena);
}

/* Group norm of one group is layer norm over C*spatial, gamma repeated; dgamma
 * of a channel is the sum of the rows' over its positions. */
static void one_group(const model *data, size_t N, size_t C, size_t S)
{
    static model group, layer;
    mpfr_t sum, term;
    channels(&group, "group_norm", N, C, S, 1, data);
    rows_of(&layer, N, C * S, data);
    for (size_t i = 0; i < C * S; i++) {
        layer.gamma[i] = data->gamma[i / S];
        layer.beta[i] = data->beta[i / S];
    }
    same_norm(&group, &layer, false, "one group is layer norm");
    mpfr_inits2(BITS, sum, term, (mpfr_ptr)NULL);
    for (size_t c = 0; c < 2 * C; c++) {
        ng_role role = c < C ? ng_tensor_dgamma : ng_tensor_dbeta;
        mpfr_set_zero(sum, 1);
        for (size_t i = c % C * S; i < (c % C + 1) * S; i++) {
            value_of(&layer, BACKWARD, role, i, 0, term);
            mpfr_add(sum, sum, term, MPFR_RNDN);
        }
        value_of(&group, BACKWARD, role, c % C, 0, term);
        assert_true(agreeing(sum, term, 1) > 2000 * log10(2));
    }
    mpfr_clears(sum, term, (mpfr_ptr)NULL);
}

/* Batch norm of [N][C] is layer norm of each row of the transpose, with all its
 * gammas gamma[c]. */
static void transposed(const model *data, size_t N, size_t C)
{
    static model batch, layer;
    ng_arena arena = {0};
    ng_point p, q;
    channels(&batch, "batch_norm", N, C, 1, 1, data);
    ng_exact *whole = exact_of(&arena, &batch, BACKWARD);
    ng_exact *y = exact_of(&arena, &batch, FORWARD);
    for (size_t c = 0; c < C; c++) {
        rows_of(&layer, 1, N, data);
        for (size_t i = 0; i < N; i++) {
            layer.x[i] = data->x[i * C + c];
            layer.dy[i] = data->dy[i * C + c];
            layer.gamma[i] = data->gamma[c];
            layer.beta[i] = data->beta[c];
        }
        ng_exact *row = exact_of(&arena, &layer, BACKWARD);
        ng_exact *row_y = exact_of(&arena, &layer, FORWARD);
        for (size_t i = 0; i < N; i++) {
            size_t at[4] = {c, i, 0, i};
            ng_exact_at(whole, ng_tensor_dx, c, i, &p);
            ng_exact_at(row, ng_tensor_dx, 0, i, &q);
            same_point(&p, &q, 0, "batch norm is layer norm transposed");
            ng_exact_at(y, ng_tensor_y, c, i, &p);
            ng_exact_at(row_y, ng_tensor_y, 0, i, &q);
            same_point(&p, &q, 0, "batch norm is layer norm transposed");
            same_value(&batch, &layer, BACKWARD, ng_tensor_dx, at, 0,
                       "batch norm is layer norm transposed");
        }
    }
    ng_arena_release(&arena);
}

static void one_norm_as_another(void **state)
{
    static model data, a, b;
    slow_random random = {77};
    (void)state;
    for (size_t k = 0; k < 6; k++) {
        size_t N = 1 + slow_below(&random, 3), C = 1 + slow_below(&random, 4);
        size_t S = 2 + slow_below(&random, 3);
        memset(&data, 0, sizeof data);
        model_fill(&data, &random);
        one_group(&data, N, C, S);
        channels(&a, "group_norm", N, C, S, C, &data);
        channels(&b, "instance_norm", N, C, S, 1, &data);
        same_norm(&a, &b, true, "C groups are instance norm");
        channels(&a, "instance_norm", 1, C, S, 1, &data);
        channels(&b, "batch_norm", 1, C, S, 1, &data);
        same_norm(&a, &b, true, "instance norm of one is batch norm");
        transposed(&data, N + 1, C);
    }
}

/* Where the true statistics are dyadic, given ones are not rounded, and the
 * backward pass from them is the recomputed one. */
static void given_statistics(void **state)
{
    /* x - mean, and eps, so that var + eps = s^2 */
    static const struct {
        const char *fields;
        double d[4];
        size_t n;
        double eps, s;
    } sets[] = {
        {"", {1, 1, -1, -1}, 4, 3, 2},
        {"", {3, -1, -1, -1}, 4, 1, 2},
        {"divisor=n_minus_1", {3, -1, -1, -1}, 4, 12, 4},
        {"divisor=n_minus_1", {1, -1}, 2, 2, 2},
        {"eps_place=none", {1, -1}, 2, 9, 1},
        {"centred=no", {3, 1, 2, -1}, 4, 0.25, 2},
        {"centred=no divisor=one", {3, 1, 2, -1}, 4, 1, 4},
        {"affine=one_plus_gamma", {0, 0}, 2, 4, 2},
        {"residual=sum", {3, -1, -1, -1}, 4, 1, 2},
    };
    static model m, saved;
    static double mean, rstd;
    slow_random random = {78};
    (void)state;
    for (size_t k = 0; k < 3 * sizeof sets / sizeof sets[0]; k++) {
        size_t which = k / 3;
        double scale = ldexp(1, slow_int(&random, -20, 20));
        mean = slow_int(&random, -40, 40) * scale;
        if (strstr(sets[which].fields, "centred=no") != NULL)
            mean = 0;
        rstd = 1 / (sets[which].s * scale);
        assert_true(
            model_contracts(&m, "layer_norm", true, sets[which].fields));
        ng_case_init(&m.test, "layer_norm", ng_f64);
        model_fill(&m, &random);
        m.test.n = sets[which].n;
        m.test.eps = sets[which].eps * scale * scale;
        for (size_t i = 0; i < m.test.n; i++)
            m.x[i] = mean + sets[which].d[i] * scale;
        model_shape(&m);
        saved = m;
        model_shape(&saved);
        saved.contract[BACKWARD].backward_stats = ng_backward_stats_saved;
        for (int way = FORWARD; way <= BACKWARD; way++)
            saved.problem[way].contract = &saved.contract[way];
        saved.problem[BACKWARD].mean = &mean;
        saved.problem[BACKWARD].rstd = &rstd;
        ng_arena arena = {0};
        ng_exact *a = exact_of(&arena, &m, BACKWARD);
        ng_exact *b = exact_of(&arena, &saved, BACKWARD);
        ng_point p, q;
        for (size_t i = 0; i < m.n; i++) {
            ng_exact_at(a, ng_tensor_dx, 0, i, &p);
            ng_exact_at(b, ng_tensor_dx, 0, i, &q);
            same_point(&p, &q, 0, "dx of given statistics");
            same_value(&m, &saved, BACKWARD, ng_tensor_dx,
                       (size_t[]){0, i, 0, i}, 0, "dx of given statistics");
            ng_exact_at(a, ng_tensor_dgamma, i, 0, &p);
            ng_exact_at(b, ng_tensor_dgamma, i, 0, &q);
            same_point(&p, &q, 0, "dgamma of given statistics");
        }
        ng_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_differences),
        cmocka_unit_test(fused_channels),
        cmocka_unit_test(small_sets),
        cmocka_unit_test(identities),
        cmocka_unit_test(scaling),
        cmocka_unit_test(additive),
        cmocka_unit_test(one_norm_as_another),
        cmocka_unit_test(given_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
