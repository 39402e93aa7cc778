/* dgamma and dbeta: sums over every set that shares the parameter.
 *
 *   dgamma = sum over sets of (sum dy c)/rho      dbeta = sum dy
 *
 * First in two words of binary128; where that cannot decide, each set's sum is
 * formed exactly and the sum of surds enclosed at rising precision. It is a tie
 * (or zero) only if its irrational parts cancel: square roots of rationals
 * whose quotients are not squares are linearly independent over the rationals
 * (Besicovitch 1940), so grouping the roots by class decides it exactly. */
#include "exact.h"
#include "round.h"
#include "sum.h"

#include <math.h>
#include <stdlib.h>

/* Terms of f64 reach from 2^-3171 to 2^1024; finding the class of a root is
 * quadratic in the classes. */
enum { SLOW_LAST_PRECISION = 8192, CLASSES_MAX = 4096 };

/* The part of each axis of the view that one parameter covers. */
typedef struct cell {
    size_t set_low[2], set_high[2], element_low[2], element_high[2];
} cell;

static void narrow(const ng_axis *axis, size_t param, size_t *low, size_t *high)
{
    *low = 0;
    *high = axis->count;
    if (axis->param != 0) {
        *low = param / (size_t)axis->param % axis->count;
        *high = *low + 1;
    }
}

static cell cell_of(const ng_view *view, size_t param)
{
    cell c;
    for (int a = 0; a < 2; a++) {
        narrow(&view->set[a], param, &c.set_low[a], &c.set_high[a]);
        narrow(&view->element[a], param, &c.element_low[a], &c.element_high[a]);
    }
    return c;
}

/* One set's share of a parameter: sum dy c and sum dy, exactly. */
static void share(const set_state *s, const cell *c, dyadic *scaled,
                  dyadic *plain)
{
    const ng_view *view = &s->problem->view;
    exact_sum dy, dyx;
    sum_init(&dy);
    sum_init(&dyx);
    for (size_t i = c->element_low[0]; i < c->element_high[0]; i++) {
        for (size_t j = c->element_low[1]; j < c->element_high[1]; j++) {
            element e =
                element_at(s->problem, s->set, i * view->element[1].count + j);
            if (!isfinite(e.dy))
                continue;
            sum_add(&dy, e.dy);
            if (isfinite(e.x)) /* else only dbeta is asked for */
                sum_add_product(&dyx, e.dy, e.x);
        }
    }
    sum_get(plain, &dy);
    sum_get(scaled, &dyx);
    dyadic_mul_ui(scaled, scaled, s->nn);
    dyadic shifted;
    dyadic_init(&shifted);
    dyadic_mul(&shifted, plain, &s->shift);
    dyadic_sub(scaled, scaled, &shifted);
    dyadic_clear(&shifted);
}

/* The surds of one parameter, to be added. */
typedef struct surd_sum {
    surd *term;
    size_t count;
} surd_sum;

static void sum_release(surd_sum *sum)
{
    for (size_t i = 0; i < sum->count; i++)
        surd_clear(&sum->term[i]);
    free(sum->term);
}

/* Terms of dbeta are rational, also beside a negative running variance. */
static const root no_root = {.den = 1};

static bool sum_collect(surd_sum *sum, const ng_exact *exact,
                        const set_state *states, size_t param, bool gamma)
{
    const ng_view *view = &exact->problem.view;
    cell c = cell_of(view, param);
    size_t room =
        (c.set_high[0] - c.set_low[0]) * (c.set_high[1] - c.set_low[1]);
    dyadic scaled, plain;
    sum->count = 0;
    sum->term = calloc(room + 1, sizeof *sum->term);
    if (sum->term == NULL)
        return false;
    dyadic_init(&scaled);
    dyadic_init(&plain);
    for (size_t i = c.set_low[0]; i < c.set_high[0]; i++) {
        for (size_t j = c.set_low[1]; j < c.set_high[1]; j++) {
            const set_state *s = &states[i * view->set[1].count + j];
            surd *term = &sum->term[sum->count++];
            share(s, &c, &scaled, &plain);
            surd_init(term, gamma ? &s->r : &no_root);
            if (gamma)
                set_surd_scaled(s, term, &scaled);
            else
                dyadic_set(&term->p, &plain);
        }
    }
    dyadic_clear(&scaled);
    dyadic_clear(&plain);
    return true;
}

/* The sum, and the exponent of its error: each addition rounds by e times a
 * partial sum, at most the sum of magnitudes. */
static long sum_value(mpfr_t to, const surd_sum *sum)
{
    mpfr_prec_t precision = mpfr_get_prec(to);
    mpfr_t term, size;
    long error = mpfr_get_emin(), extra = 1;
    mpfr_inits2(precision, term, size, (mpfr_ptr)0);
    mpfr_set_zero(to, 1);
    mpfr_set_zero(size, 1);
    for (size_t i = 0; i < sum->count; i++) {
        long of_term = surd_value(term, &sum->term[i]);
        if (of_term > error)
            error = of_term;
        mpfr_add(to, to, term, MPFR_RNDN);
        mpfr_abs(term, term, MPFR_RNDN);
        mpfr_add(size, size, term, MPFR_RNDU);
    }
    while (((size_t)1 << extra) < sum->count)
        extra++;
    if (!mpfr_zero_p(size) && mpfr_get_exp(size) - (long)precision > error)
        error = mpfr_get_exp(size) - (long)precision;
    mpfr_clears(term, size, (mpfr_ptr)0);
    return error + extra + 1; /* count errors of each kind */
}

/* Terms as rational + coefficient * sqrt(A), grouped by the class of A. */
typedef struct classes {
    mpq_t rational;
    struct root_class {
        mpq_t radicand, coefficient;
    } * of; /* [room] */
    size_t count, room;
} classes;

static void to_rational(mpq_t q, const dyadic *d)
{
    mpq_set_z(q, d->m);
    if (d->e >= 0)
        mpq_mul_2exp(q, q, (mp_bitcnt_t)d->e);
    else
        mpq_div_2exp(q, q, (mp_bitcnt_t)-d->e);
}

/* sqrt(q) if it is rational. */
static bool rational_root(mpq_t to, const mpq_t q)
{
    if (!mpz_perfect_square_p(mpq_numref(q)) ||
        !mpz_perfect_square_p(mpq_denref(q)))
        return false;
    mpz_sqrt(mpq_numref(to), mpq_numref(q));
    mpz_sqrt(mpq_denref(to), mpq_denref(q));
    return true;
}

/* Adds coefficient * sqrt(radicand); false: too many classes. */
static bool add_root(classes *c, const mpq_t coefficient, const mpq_t radicand)
{
    mpq_t factor;
    bool placed = false;
    if (mpq_sgn(coefficient) == 0 || mpq_sgn(radicand) == 0)
        return true;
    mpq_init(factor);
    if (rational_root(factor, radicand)) {
        mpq_mul(factor, factor, coefficient);
        mpq_add(c->rational, c->rational, factor);
        placed = true;
    }
    for (size_t k = 0; k < c->count && !placed; k++) {
        mpq_div(factor, radicand, c->of[k].radicand);
        if (rational_root(factor, factor)) {
            mpq_mul(factor, factor, coefficient);
            mpq_add(c->of[k].coefficient, c->of[k].coefficient, factor);
            placed = true;
        }
    }
    if (!placed && c->count < c->room) {
        struct root_class *new = &c->of[c->count++];
        mpq_inits(new->radicand, new->coefficient, NULL);
        mpq_set(new->radicand, radicand);
        mpq_set(new->coefficient, coefficient);
        placed = true;
    }
    mpq_clear(factor);
    return placed;
}

/* (p + q r)/(u + v r) = (p + q r)(u - v r)/(u^2 - v^2 A); where u = v r, and
 * so A is a rational square, it is (p + q r)/(2u). */
static bool add_term(classes *c, const surd *s)
{
    mpq_t p, q, u, v, a, norm, part, other;
    mpq_inits(p, q, u, v, a, norm, part, other, NULL);
    to_rational(p, &s->p);
    to_rational(q, &s->q);
    to_rational(u, &s->u);
    to_rational(v, &s->v);
    to_rational(a, &s->r->num);
    mpq_set_ui(part, s->r->den, 1);
    mpq_div(a, a, part);
    mpq_mul(norm, u, u);
    mpq_mul(part, v, v);
    mpq_mul(part, part, a);
    mpq_sub(norm, norm, part);
    if (mpq_sgn(norm) == 0) {
        mpq_add(norm, u, u);
        mpq_div(p, p, norm);
        mpq_div(q, q, norm);
    } else {
        mpq_mul(part, p, u); /* (p u - q v A) + (q u - p v) r */
        mpq_mul(other, q, v);
        mpq_mul(other, other, a);
        mpq_sub(part, part, other);
        mpq_mul(q, q, u);
        mpq_mul(other, p, v);
        mpq_sub(q, q, other);
        mpq_div(p, part, norm);
        mpq_div(q, q, norm);
    }
    mpq_add(c->rational, c->rational, p);
    bool placed = add_root(c, q, a);
    mpq_clears(p, q, u, v, a, norm, part, other, NULL);
    return placed;
}

/* Whether the sum is m: all irrational parts must cancel. False also where
 * that cannot be shown. */
static bool sum_is(const surd_sum *sum, const dyadic *m)
{
    classes c = {.room = sum->count < CLASSES_MAX ? sum->count : CLASSES_MAX};
    mpq_t value;
    c.of = calloc(c.room, sizeof *c.of);
    bool equal = c.of != NULL;
    mpq_inits(c.rational, value, NULL);
    for (size_t i = 0; i < sum->count && equal; i++)
        equal = add_term(&c, &sum->term[i]);
    for (size_t k = 0; k < c.count; k++) {
        equal = equal && mpq_sgn(c.of[k].coefficient) == 0;
        mpq_clears(c.of[k].radicand, c.of[k].coefficient, NULL);
    }
    to_rational(value, m);
    equal = equal && mpq_equal(value, c.rational) != 0;
    mpq_clears(c.rational, value, NULL);
    free(c.of);
    return equal;
}

/* Tries the midpoint once, at the first precision that still holds it; a sum
 * that is not on it is pulled off it by more precision. */
static void round_sum(ng_point *point, const surd_sum *sum, ng_dtype dtype)
{
    dyadic midpoint;
    mpfr_t value;
    bool tried = false;
    *point = (ng_point){.kind = ng_kind_value, .level = ng_level_undecided};
    dyadic_init(&midpoint);
    dyadic_set_double(&midpoint, 0);
    mpfr_init2(value, SURD_FIRST_PRECISION);
    for (mpfr_prec_t precision = SURD_FIRST_PRECISION;
         precision <= SLOW_LAST_PRECISION; precision *= 2) {
        mpfr_set_prec(value, precision);
        long error = sum_value(value, sum);
        bool good = !mpfr_zero_p(value) && error <= mpfr_get_exp(value) - 105;
        if (good) {
            point_set_mpfr(point, value);
            if (round_enclosed(&point->rounded, &midpoint, value, error,
                               dtype)) {
                point->level = ng_level_mpfr;
                break;
            }
        }
        if (!tried && sum_is(sum, &midpoint)) {
            point->rounded =
                good ? round_from_midpoint(&midpoint, 0, dtype) : 0;
            if (!good)
                point->high = point->low = 0;
            point->level = ng_level_exact;
            break;
        }
        tried = good; /* zero is not yet excluded, and the midpoint unknown */
    }
    mpfr_clear(value);
    dyadic_clear(&midpoint);
}

static void round_slowly(ng_exact *exact, const set_state *states,
                         ng_point *point, size_t param, bool gamma)
{
    surd_sum sum;
    *point = (ng_point){.kind = ng_kind_value, .level = ng_level_undecided};
    if (!sum_collect(&sum, exact, states, param, gamma))
        return;
    ng_dtype dtype = ng_contract_param(exact->problem.contract);
    if (sum.count == 1)
        surd_round(point, &sum.term[0], dtype);
    else
        round_sum(point, &sum, dtype);
    sum_release(&sum);
}

/* The fast level of every parameter at once. */
typedef struct tally {
    quad_sum scaled, plain;
    term_kind of_scaled, of_plain;
    bool slow; /* one of its terms is beyond binary128 */
} tally;

static void add_element(tally *t, const set_state *s, const element *e)
{
    term_kind plain = table_dbeta(e), scaled = table_dgamma(s, e);
    quad term;
    if (plain > t->of_plain)
        t->of_plain = plain;
    if (scaled > t->of_scaled)
        t->of_scaled = scaled;
    if (plain == term_value)
        quad_sum_add(&t->plain, (quad)e->dy);
    if (scaled != term_value || e->dy == 0)
        return;
    if (set_quad_dgamma(s, &term, e))
        quad_sum_add(&t->scaled, term);
    else
        t->slow = true;
}

/* Sets without elements have a 0/0 for their statistics: who multiplies the
 * empty sum with rstd gets NaN, who adds up nothing 0. */
static bool is_hollow(const ng_exact *exact)
{
    const ng_contract *contract = exact->problem.contract;
    return exact->sets > 0 && exact->n == 0 &&
           ng_pass_find(contract->pass)->training &&
           contract->backward_stats == ng_backward_stats_recomputed;
}

static void finish(ng_exact *exact, const set_state *states, ng_point *point,
                   size_t param, const tally *t, bool gamma)
{
    term_kind kind = gamma ? t->of_scaled : t->of_plain;
    if (gamma && is_hollow(exact)) {
        *point = (ng_point){.kind = ng_kind_zero_nan};
        return;
    }
    const quad_sum *sum = gamma ? &t->scaled : &t->plain;
    ng_dtype dtype = ng_contract_param(exact->problem.contract);
    if (kind != term_value) {
        *point = table_point(kind);
        return;
    }
    if (sum->magnitudes == 0 && !(gamma && t->slow)) {
        *point = (ng_point){.kind = ng_kind_value, .level = ng_level_exact};
        return;
    }
    quad value = sum->high + sum->low;
    if ((gamma && t->slow) || !quad_round(point, value, sum->magnitudes, dtype))
        round_slowly(exact, states, point, param, gamma);
}

void exact_parameters(ng_exact *exact, const set_state *states)
{
    const ng_view *view = &exact->problem.view;
    ng_point *dgamma = exact->point[ng_tensor_dgamma];
    ng_point *dbeta = exact->point[ng_tensor_dbeta];
    tally *tallies = calloc(exact->params + 1, sizeof *tallies);
    for (size_t set = 0; tallies != NULL && set < exact->sets; set++) {
        for (size_t i = 0; i < exact->n; i++) {
            element e = element_at(&exact->problem, set, i);
            add_element(&tallies[ng_view_param(view, set, i)], &states[set],
                        &e);
        }
    }
    for (size_t p = 0; p < exact->params; p++) {
        if (tallies == NULL) { /* no memory: nothing is proved */
            if (dgamma != NULL)
                dgamma[p].level = ng_level_undecided;
            continue;
        }
        if (dgamma != NULL)
            finish(exact, states, &dgamma[p], p, &tallies[p], true);
        if (dbeta != NULL)
            finish(exact, states, &dbeta[p], p, &tallies[p], false);
    }
    free(tallies);
}

static term_kind kind_of(const ng_exact *exact, const set_state *states,
                         size_t param, bool gamma)
{
    term_kind kind = term_value;
    for (size_t set = 0; set < exact->sets; set++) {
        for (size_t i = 0; i < exact->n; i++) {
            element e = element_at(&exact->problem, set, i);
            term_kind one =
                gamma ? table_dgamma(&states[set], &e) : table_dbeta(&e);
            if (ng_view_param(&exact->problem.view, set, i) == param &&
                one > kind)
                kind = one;
        }
    }
    return kind;
}

bool parameter_value(const ng_exact *exact, const set_state *states,
                     size_t param, bool gamma, mpfr_t value)
{
    surd_sum sum;
    if (kind_of(exact, states, param, gamma) != term_value ||
        !sum_collect(&sum, exact, states, param, gamma))
        return false;
    sum_value(value, &sum);
    sum_release(&sum);
    return true;
}
