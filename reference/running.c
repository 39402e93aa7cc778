/* Running statistics: one step of the moving average, in rationals, and their
 * values after a training call. */
#include "running.h"
#include "exact.h"

#include <math.h>

void rational_init(rational *r)
{
    dyadic_init(&r->num);
    mpz_init_set_ui(r->den, 1);
}

void rational_clear(rational *r)
{
    dyadic_clear(&r->num);
    mpz_clear(r->den);
}

void rational_set_double(rational *r, double value)
{
    dyadic_set_double(&r->num, value);
    mpz_set_ui(r->den, 1);
}

static void scale(dyadic *d, const mpz_t factor)
{
    mpz_mul(d->m, d->m, factor);
}

void rational_add(rational *to, const rational *a, const rational *b)
{
    dyadic left, right;
    dyadic_init(&left);
    dyadic_init(&right);
    dyadic_set(&left, &a->num);
    dyadic_set(&right, &b->num);
    if (mpz_cmp(a->den, b->den) == 0) { /* the usual case: it stays short */
        mpz_set(to->den, a->den);
    } else {
        scale(&left, b->den);
        scale(&right, a->den);
        mpz_mul(to->den, a->den, b->den);
    }
    dyadic_add(&to->num, &left, &right);
    dyadic_clear(&left);
    dyadic_clear(&right);
}

void rational_mul(rational *to, const rational *a, const rational *b)
{
    dyadic_mul(&to->num, &a->num, &b->num);
    mpz_mul(to->den, a->den, b->den);
}

void rational_reduce(rational *r)
{
    mpz_t common;
    if (mpz_cmp_ui(r->den, 1) == 0)
        return;
    mpz_init(common);
    mpz_gcd(common, r->num.m, r->den);
    mpz_divexact(r->num.m, r->num.m, common);
    mpz_divexact(r->den, r->den, common);
    mpz_clear(common);
}

void running_step(rational *state, const rational *value,
                  const ng_contract *contract, double momentum,
                  uint64_t batches)
{
    rational old, new, part;
    rational_init(&old);
    rational_init(&new);
    rational_init(&part);
    if (contract->momentum == ng_momentum_cumulative) {
        mpz_set_ui(old.num.m, batches);
        mpz_set_ui(new.num.m, 1);
        mpz_set_ui(old.den, batches);
        mpz_add_ui(old.den, old.den, 1);
        mpz_set(new.den, old.den);
    } else {
        dyadic one, other;
        dyadic_init(&one);
        dyadic_init(&other);
        bool weight_of_old = contract->momentum == ng_momentum_old;
        dyadic_set_double(&one, 1);
        dyadic_set_double(&other, momentum);
        dyadic_sub(weight_of_old ? &new.num : &old.num, &one, &other);
        dyadic_set(weight_of_old ? &old.num : &new.num, &other);
        dyadic_clear(&one);
        dyadic_clear(&other);
    }
    rational_mul(&part, value, &new);
    rational_mul(state, state, &old);
    rational_reduce(&part);
    rational_reduce(state);
    rational_add(state, state, &part);
    rational_clear(&old);
    rational_clear(&new);
    rational_clear(&part);
}

/* A channel's statistic of the batch: the average over its sets (instance norm;
 * batch norm has one). False: 0/0. */
static bool statistic_of(const ng_exact *exact, const set_state *states,
                         size_t channel, bool var, rational *value)
{
    const ng_contract *contract = exact->problem.contract;
    unsigned long divisor = exact->n;
    if (contract->running_var == ng_running_var_unbiased &&
        !(contract->one_value == ng_one_value_biased && divisor == 1))
        divisor--;
    rational part;
    size_t count = 0, first, step;
    bool known = exact->n > 0 && (!var || divisor > 0);
    rational_init(&part);
    rational_set_double(value, 0);
    ng_view_sets_of(&exact->problem.view, channel, &first, &step);
    for (size_t set = first; set < exact->sets && known; set += step) {
        const set_state *s = &states[set];
        if (ng_view_param(&exact->problem.view, set, 0) != channel)
            continue;
        count++;
        if (var) {
            set_variance(s, divisor, &part.num, part.den);
        } else {
            dyadic_set(&part.num, &s->m.sum);
            mpz_set_ui(part.den, s->m.n);
        }
        rational_add(value, value, &part);
    }
    if (count > 1)
        mpz_mul_ui(value->den, value->den, count);
    rational_reduce(value);
    rational_clear(&part);
    return known && count > 0;
}

/* The table's part: the worst that reaches the channel. */
static term_kind kind_of(const ng_exact *exact, const set_state *states,
                         size_t channel, double old, bool var)
{
    const ng_contract *contract = exact->problem.contract;
    bool nan = isnan(old), inf = isinf(old);
    size_t first, step;
    if (var && exact->n == 1 && contract->one_value == ng_one_value_skip)
        return nan ? term_nan : inf ? term_nonfinite : term_value;
    ng_view_sets_of(&exact->problem.view, channel, &first, &step);
    for (size_t set = first; exact->n > 0 && set < exact->sets; set += step) {
        if (ng_view_param(&exact->problem.view, set, 0) != channel)
            continue;
        nan |= states[set].m.nan ||
               (var && states[set].m.inf && states[set].centred);
        inf |= states[set].m.inf;
    }
    return nan ? term_nan : inf ? term_nonfinite : term_value;
}

/* The channel's running statistic after the call; false: 0/0. */
static bool step(const ng_exact *exact, const set_state *states, size_t channel,
                 double old, bool var, rational *state)
{
    const ng_problem *p = &exact->problem;
    rational value;
    rational_init(&value);
    rational_set_double(state, old);
    bool known = statistic_of(exact, states, channel, var, &value);
    bool skipped =
        exact->n == 1 && var && p->contract->one_value == ng_one_value_skip;
    if (known && !skipped)
        running_step(state, &value, p->contract, p->momentum, p->batches);
    rational_clear(&value);
    return known || skipped;
}

static double old_value(const ng_exact *exact, size_t channel, bool var)
{
    const ng_problem *p = &exact->problem;
    return ng_dtype_get(ng_contract_stats(p->contract),
                        var ? p->running_var : p->running_mean, channel);
}

static void round_running(const ng_exact *exact, const set_state *states,
                          ng_point *point, size_t channel, bool var)
{
    double old = old_value(exact, channel, var);
    term_kind kind = kind_of(exact, states, channel, old, var);
    rational state;
    if (kind != term_value) {
        *point = table_point(kind);
        return;
    }
    rational_init(&state);
    if (step(exact, states, channel, old, var, &state)) {
        root none = {.den = 1};
        surd exactly;
        dyadic_init(&none.num);
        surd_init(&exactly, &none);
        dyadic_set(&exactly.p, &state.num);
        mpz_set(exactly.u.m, state.den);
        exactly.u.e = 0;
        surd_round(point, &exactly, ng_contract_stats(exact->problem.contract));
        surd_clear(&exactly);
        dyadic_clear(&none.num);
    } else {
        *point = table_point(term_undefined);
    }
    rational_clear(&state);
}

bool running_value(const ng_exact *exact, const set_state *states,
                   size_t channel, bool var, mpfr_t value)
{
    double old = old_value(exact, channel, var);
    rational state;
    if (kind_of(exact, states, channel, old, var) != term_value)
        return false;
    rational_init(&state);
    bool known = step(exact, states, channel, old, var, &state);
    dyadic_get(value, &state.num, MPFR_RNDN);
    mpfr_div_z(value, value, state.den, MPFR_RNDN);
    rational_clear(&state);
    return known;
}

void exact_running(ng_exact *exact, const set_state *states)
{
    for (size_t c = 0; c < exact->channels; c++) {
        round_running(exact, states, &exact->point[ng_tensor_running_mean][c],
                      c, false);
        round_running(exact, states, &exact->point[ng_tensor_running_var][c], c,
                      true);
    }
}
