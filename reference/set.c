/* One reduction set: loading it, and its outputs as surds. */
#include "set.h"

#include <math.h>

void set_init(set_state *s)
{
    moments_init(&s->m);
    dyadic_init(&s->shift);
    dyadic_init(&s->r.num);
    dyadic_init(&s->b);
    dyadic_init(&s->weight);
}

void set_clear(set_state *s)
{
    moments_clear(&s->m);
    dyadic_clear(&s->shift);
    dyadic_clear(&s->r.num);
    dyadic_clear(&s->b);
    dyadic_clear(&s->weight);
}

/* Adds eps to A or B. `factor` is A's unit: A = factor * var before the
 * division by den; `unit` is that of B = unit * sigma. */
static void place_eps(set_state *s, double eps, const dyadic *factor,
                      unsigned long unit)
{
    dyadic term;
    dyadic_init(&term);
    dyadic_set_double(&term, eps);
    switch (s->problem->contract->eps_place) {
    case ng_eps_place_inside:
        dyadic_mul(&term, &term, factor);
        dyadic_add(&s->r.num, &s->r.num, &term);
        break;
    case ng_eps_place_max_norm: /* max(sigma, eps) = sqrt(max(var, eps^2)) */
    case ng_eps_place_max_var: {
        if (s->problem->contract->eps_place == ng_eps_place_max_norm)
            dyadic_mul(&term, &term, &term);
        dyadic_mul(&term, &term, factor);
        int order = dyadic_cmp(&s->r.num, &term);
        s->kink = order == 0;
        if (order < 0) {
            dyadic_set(&s->r.num, &term);
            s->flat = true;
        }
        break;
    }
    case ng_eps_place_outside:
        dyadic_mul_ui(&term, &term, unit);
        dyadic_set(&s->b, &term);
        break;
    default: break;
    }
    dyadic_clear(&term);
}

/* A and B from the moments. Centred: c/sqrt(n^2 (D/(n k) + eps)) with
 * D = n S2 - S1^2; k = n cancels. Else x/sqrt(S2/k + eps). */
static void load_root(set_state *s, double eps)
{
    unsigned long n = s->m.n;
    dyadic square, factor;
    dyadic_init(&square);
    dyadic_init(&factor);
    dyadic_set_double(&factor, (double)s->k);
    s->r.den = s->k;
    if (!s->centred) {
        dyadic_set(&s->r.num, &s->m.squares);
    } else {
        dyadic_mul_ui(&s->r.num, &s->m.squares, n);
        dyadic_mul(&square, &s->m.sum, &s->m.sum);
        dyadic_sub(&s->r.num, &s->r.num, &square);
        dyadic_mul_ui(&factor, &factor, n);
        if (s->k != n) { /* (n D + k n^2 eps)/k */
            dyadic_mul_ui(&s->r.num, &s->r.num, n);
            dyadic_mul_ui(&factor, &factor, n);
        } else { /* (D + n^2 eps)/1 */
            s->r.den = 1;
        }
    }
    place_eps(s, eps, &factor, s->nn);
    dyadic_clear(&square);
    dyadic_clear(&factor);
}

static void load_running(set_state *s, double eps)
{
    const ng_problem *p = s->problem;
    ng_dtype dtype = ng_contract_stats(p->contract);
    size_t channel = ng_view_param(&p->view, s->set, 0);
    double mean = ng_dtype_get(dtype, p->running_mean, channel);
    double var = ng_dtype_get(dtype, p->running_var, channel);
    dyadic one;
    s->m.nan = s->m.inf = false; /* x does not reach the other elements */
    s->mean = mean;
    s->var = var;
    dyadic_set_double(&s->shift, isfinite(mean) ? mean : 0);
    dyadic_set_double(&s->r.num, isfinite(var) ? var : 0);
    s->r.den = 1;
    dyadic_init(&one);
    dyadic_set_double(&one, 1);
    place_eps(s, eps, &one, 1);
    dyadic_clear(&one);
    s->flat = true;
    s->kink = false;
    s->negative = dyadic_sign(&s->r.num) < 0;
}

static void load_saved(set_state *s)
{
    const ng_problem *p = s->problem;
    ng_dtype dtype = ng_contract_stats(p->contract);
    double mean = p->mean != NULL ? ng_dtype_get(dtype, p->mean, s->set) : 0;
    s->rstd = ng_dtype_get(dtype, p->rstd, s->set);
    s->mean = mean;
    s->m.nan |= isnan(mean) || isnan(s->rstd);
    s->m.inf |= isinf(mean) || isinf(s->rstd);
    dyadic_set_double(&s->shift, isfinite(mean) ? mean : 0);
    s->given_rstd = s->rstd;
    if (!isfinite(s->rstd))
        s->rstd = 0;
    dyadic_set_double(&s->r.num, 0); /* all outputs are rational */
    s->r.den = 1;
}

/* K = sum g c = nn sum g x - S1 sum g, and what dx needs in binary128. */
static void load_gradient(set_state *s)
{
    dyadic shifted;
    dyadic_init(&shifted);
    if (!s->training) { /* neither mean nor scale depends on x */
        dyadic_set_double(&s->m.g, 0);
        dyadic_set_double(&s->weight, 0);
    } else {
        dyadic_mul_ui(&s->weight, &s->m.gx, s->nn);
        if (s->centred) {
            dyadic_mul(&shifted, &s->m.g, &s->shift);
            dyadic_sub(&s->weight, &s->weight, &shifted);
        } else {
            dyadic_set_double(&s->m.g, 0);
        }
    }
    dyadic_clear(&shifted);
    quad_split(&s->m.g, &s->quads.g_high, &s->quads.g_low);
}

/* 1/rho and the weight (nn/k) K/(r rho^2) of c in dx, as binary128 numbers and
 * as double words. */
static void load_fast(set_state *s)
{
    enum { PRECISION = 192 };
    quad_split(&s->shift, &s->quads.sum_high, &s->quads.sum_low);
    s->quads.n = s->centred || !s->training ? (quad)s->nn : 0;
    s->quads.inverse = s->quads.weight = 0;
    s->words = (word_set){.n = (double)s->quads.n};
    if (s->zero || s->negative || s->saved)
        return;
    mpfr_t r, rho, value;
    mpfr_inits2(PRECISION, r, rho, value, (mpfr_ptr)0);
    root_value(r, &s->r);
    dyadic_get(value, &s->b, MPFR_RNDN);
    mpfr_add(rho, r, value, MPFR_RNDN);
    mpfr_ui_div(value, 1, rho, MPFR_RNDN);
    s->quads.inverse = quad_from_mpfr(value);
    s->words.usable = word_from_mpfr(&s->words.inverse, value) &&
                      words_from_dyadic(s->words.sum, &s->shift) &&
                      words_from_dyadic(s->words.g, &s->m.g);
    if (s->gradient && !s->flat && dyadic_sign(&s->r.num) > 0) {
        mpfr_mul(rho, rho, rho, MPFR_RNDN);
        mpfr_mul(rho, rho, r, MPFR_RNDN);
        mpfr_mul_ui(rho, rho, s->k, MPFR_RNDN);
        dyadic_get(value, &s->weight, MPFR_RNDN);
        mpfr_mul_ui(value, value, s->nn, MPFR_RNDN);
        mpfr_div(value, value, rho, MPFR_RNDN);
        s->quads.weight = quad_from_mpfr(value);
        s->words.usable &= word_from_mpfr(&s->words.weight, value);
    }
    mpfr_clears(r, rho, value, (mpfr_ptr)0);
}

void set_load(set_state *s, const ng_problem *problem, double eps, size_t set)
{
    const ng_contract *contract = problem->contract;
    const ng_pass_info *pass = ng_pass_find(contract->pass);
    s->problem = problem;
    s->set = set;
    s->training = pass->training;
    s->gradient = pass->gradient;
    s->saved = s->training && s->gradient &&
               contract->backward_stats == ng_backward_stats_saved;
    s->centred = contract->centred == ng_centred_yes;
    s->flat = s->kink = s->negative = false;
    s->rstd = NAN;
    s->mean = s->var = s->given_rstd = 0;
    dyadic_set_double(&s->b, 0);
    moments_of(&s->m, problem, set);
    unsigned long n = s->m.n;
    bool less = contract->divisor == ng_divisor_n_minus_1;
    s->nn = s->centred && s->training && !s->saved ? n : 1;
    s->k = contract->divisor == ng_divisor_one ? 1
           : less                              ? (n > 1 ? n - 1 : 1)
                                               : n;
    if (s->gradient)
        moments_add_gradient(&s->m, problem, set);
    if (n == 0)
        return;
    if (!s->training) {
        s->m.g_nan = s->m.g_inf = false; /* no sums of g either */
        load_running(s, eps);
    } else if (s->saved) {
        load_saved(s);
    } else {
        dyadic_set_double(&s->shift, 0);
        if (s->centred)
            dyadic_set(&s->shift, &s->m.sum);
        load_root(s, eps);
    }
    s->zero =
        !s->saved && dyadic_sign(&s->r.num) == 0 && dyadic_sign(&s->b) == 0;
    if (s->training && less && n == 1)
        s->zero = true; /* the variance is 0/0 */
    if (s->gradient)
        load_gradient(s);
    load_fast(s);
}

static void exact_x(dyadic *x, const element *e)
{
    dyadic_set_double(x, e->x);
    if (e->residual != 0) {
        dyadic residual;
        dyadic_init(&residual);
        dyadic_set_double(&residual, e->residual);
        dyadic_add(x, x, &residual);
        dyadic_clear(&residual);
    }
}

void set_centre(const set_state *s, dyadic *c, const element *e)
{
    exact_x(c, e);
    dyadic_mul_ui(c, c, s->nn);
    dyadic_sub(c, c, &s->shift);
}

static void exact_factor(const set_state *s, dyadic *g, const element *e)
{
    dyadic_set_double(g, e->gamma);
    if (s->problem->contract->affine == ng_affine_one_plus_gamma) {
        dyadic one;
        dyadic_init(&one);
        dyadic_set_double(&one, 1);
        dyadic_add(g, g, &one);
        dyadic_clear(&one);
    }
}

/* Adds a dyadic number to a surd: p += d u, q += d v. */
static void add_offset(surd *to, double offset)
{
    dyadic d, term;
    if (offset == 0)
        return;
    dyadic_init(&d);
    dyadic_init(&term);
    dyadic_set_double(&d, offset);
    dyadic_mul(&term, &d, &to->u);
    dyadic_add(&to->p, &to->p, &term);
    dyadic_mul(&term, &d, &to->v);
    dyadic_add(&to->q, &to->q, &term);
    dyadic_clear(&d);
    dyadic_clear(&term);
}

void set_surd_scaled(const set_state *s, surd *to, const dyadic *terms)
{
    dyadic_set(&to->p, terms);
    dyadic_set_double(&to->q, 0);
    if (s->saved) {
        dyadic rstd;
        dyadic_init(&rstd);
        dyadic_set_double(&rstd, s->rstd);
        dyadic_mul(&to->p, &to->p, &rstd);
        dyadic_clear(&rstd);
        dyadic_set_double(&to->u, 1);
        dyadic_set_double(&to->v, 0);
        return;
    }
    dyadic_set(&to->u, &s->b);
    dyadic_set_double(&to->v, 1);
}

void set_surd_y(const set_state *s, surd *to, const element *e)
{
    dyadic c, g;
    dyadic_init(&c);
    dyadic_init(&g);
    set_centre(s, &c, e);
    exact_factor(s, &g, e);
    dyadic_mul(&c, &c, &g);
    set_surd_scaled(s, to, &c);
    add_offset(to, e->beta);
    dyadic_clear(&c);
    dyadic_clear(&g);
}

void set_surd_h(const set_state *s, surd *to, const element *e)
{
    (void)s;
    exact_x(&to->p, e);
    dyadic_set_double(&to->q, 0);
    dyadic_set_double(&to->u, 1);
    dyadic_set_double(&to->v, 0);
}

void set_surd_mean(const set_state *s, surd *to)
{
    dyadic_set(&to->p, &s->m.sum);
    dyadic_set_double(&to->q, 0);
    dyadic_set_double(&to->u, (double)s->m.n);
    dyadic_set_double(&to->v, 0);
}

void set_surd_rstd(const set_state *s, surd *to)
{
    dyadic_set_double(&to->p, (double)s->nn);
    dyadic_set_double(&to->q, 0);
    dyadic_set(&to->u, &s->b);
    dyadic_set_double(&to->v, 1);
}

void set_variance(const set_state *s, unsigned long divisor, dyadic *num,
                  mpz_t den)
{
    unsigned long n = s->m.n;
    dyadic square;
    dyadic_init(&square);
    mpz_set_ui(den, divisor);
    if (!s->centred) {
        dyadic_set(num, &s->m.squares);
    } else { /* (n S2 - S1^2)/(n divisor) */
        dyadic_mul_ui(num, &s->m.squares, n);
        dyadic_mul(&square, &s->m.sum, &s->m.sum);
        dyadic_sub(num, num, &square);
        mpz_mul_ui(den, den, n);
    }
    dyadic_clear(&square);
}

void set_surd_var(const set_state *s, surd *to)
{
    set_variance(s, s->k, &to->p, to->u.m);
    to->u.e = 0;
    dyadic_set_double(&to->q, 0);
    dyadic_set_double(&to->v, 0);
}

/* Given statistics: n k dx = k rstd (n g - G) - n rstd^3 d (sum g d), n being
 * 1 when not centred. */
static void saved_dx(const set_state *s, surd *to, const dyadic *g,
                     const dyadic *d)
{
    unsigned long n = s->centred ? s->m.n : 1;
    dyadic rstd, term;
    dyadic_init(&rstd);
    dyadic_init(&term);
    dyadic_set_double(&rstd, s->rstd);
    dyadic_mul(&term, d, &s->weight);
    dyadic_mul(&term, &term, &rstd);
    dyadic_mul(&term, &term, &rstd);
    dyadic_mul_ui(&term, &term, n);
    dyadic_mul_ui(&to->p, g, n);
    dyadic_sub(&to->p, &to->p, &s->m.g);
    dyadic_mul_ui(&to->p, &to->p, s->k);
    dyadic_sub(&to->p, &to->p, &term);
    dyadic_mul(&to->p, &to->p, &rstd);
    dyadic_set_double(&to->q, 0);
    dyadic_set_double(&to->u, (double)n * (double)s->k); /* below 2^48 */
    dyadic_set_double(&to->v, 0);
    dyadic_clear(&rstd);
    dyadic_clear(&term);
}

/* With P = k (nn g - G) and T = nn K c:
 *   dx = (P r rho - T)/(k r rho^2)
 *      = ((P A - T) + P B r)/(2 k A B + k (A + B^2) r),
 * all multiplied by den of A = num/den. */
static void curved_dx(const set_state *s, surd *to, const dyadic *g,
                      const dyadic *c)
{
    dyadic p, t, a;
    dyadic_init(&p);
    dyadic_init(&t);
    dyadic_init(&a);
    dyadic_mul_ui(&p, g, s->nn);
    dyadic_sub(&p, &p, &s->m.g);
    dyadic_mul_ui(&p, &p, s->k);
    dyadic_mul(&t, c, &s->weight);
    dyadic_mul_ui(&t, &t, s->nn);
    dyadic_mul_ui(&t, &t, s->r.den);
    dyadic_mul(&to->p, &p, &s->r.num);
    dyadic_sub(&to->p, &to->p, &t);
    dyadic_mul(&to->q, &p, &s->b);
    dyadic_mul_ui(&to->q, &to->q, s->r.den);
    dyadic_mul(&to->u, &s->r.num, &s->b);
    dyadic_mul_ui(&to->u, &to->u, 2 * s->k);
    dyadic_mul(&a, &s->b, &s->b);
    dyadic_mul_ui(&a, &a, s->r.den);
    dyadic_add(&a, &a, &s->r.num);
    dyadic_mul_ui(&to->v, &a, s->k);
    dyadic_clear(&p);
    dyadic_clear(&t);
    dyadic_clear(&a);
}

void set_surd_dx(const set_state *s, surd *to, const element *e)
{
    dyadic c, g, dy;
    dyadic_init(&c);
    dyadic_init(&g);
    dyadic_init(&dy);
    if (!s->flat) /* else x does not matter, and may be a NaN */
        set_centre(s, &c, e);
    exact_factor(s, &g, e);
    dyadic_set_double(&dy, e->dy);
    dyadic_mul(&g, &g, &dy);
    if (s->saved) {
        saved_dx(s, to, &g, &c);
    } else if (s->flat) { /* (nn g - G)/rho */
        dyadic_mul_ui(&g, &g, s->nn);
        dyadic_sub(&g, &g, &s->m.g);
        set_surd_scaled(s, to, &g);
    } else {
        curved_dx(s, to, &g, &c);
    }
    add_offset(to, e->dh);
    dyadic_clear(&c);
    dyadic_clear(&g);
    dyadic_clear(&dy);
}

/* c, with a relative error of 2^-104; false: x lies too close to the mean. */
static bool word_centre(const word_set *set, word *c, double x)
{
    word scaled = word_product(set->n, x);
    if (set->n == 0) {
        *c = (word){x, 0};
        return true;
    }
    *c = word_difference(scaled, set->sum);
    return fabs(c->high) >= 0x1p-50 * (fabs(scaled.high) + fabs(set->sum[0]));
}

/* In units of 2^-104: c 1, 1/rho 1/2, their product 1, gamma (or 1 + gamma,
 * which two words hold exactly) 1: below 2^-102.1 |v|. The sum 2^-105 |y|. */
bool set_word_y(const set_state *s, word *y, double *size, const element *e)
{
    word c, v;
    if (!s->words.usable || e->residual != 0 || !word_holds(e->x) ||
        !word_holds(e->gamma) || !word_holds(e->beta) ||
        !word_centre(&s->words, &c, e->x))
        return false;
    v = word_multiply(c, s->words.inverse);
    v = s->problem->contract->affine == ng_affine_one_plus_gamma
            ? word_multiply(v, word_sum(1, e->gamma))
            : word_times(v, e->gamma);
    *y = word_plus(v, e->beta);
    *size = fmax(fabs(v.high), fabs(y->high));
    return true;
}

/* In units of 2^-104: t = nn g - G 1 (g = gamma*dy fits one double here), the
 * weight 1/2, c 1, each product 1: 2.5 for either term; the two sums 1.25 of
 * the result, which `size` bounds: below 2^-102 of it. */
bool set_word_dx(const set_state *s, word *y, double *size, const element *e)
{
    word c = {0, 0}, w = {0, 0};
    if (!s->words.usable || s->saved || !word_holds(e->gamma) ||
        !word_holds(e->dy) || !word_holds(e->dh) ||
        s->problem->contract->affine == ng_affine_one_plus_gamma)
        return false;
    if (!s->flat && (!word_holds(e->x) || !word_centre(&s->words, &c, e->x)))
        return false;
    word g = word_product(e->gamma, e->dy);
    if (g.low != 0)
        return false;
    word scaled = word_product((double)s->nn, g.high);
    word t = word_difference(scaled, s->words.g);
    if (!(fabs(t.high) >= 0x1p-50 * (fabs(scaled.high) + fabs(s->words.g[0]))))
        return false;
    t = word_multiply(t, s->words.inverse);
    if (!s->flat)
        w = word_multiply(s->words.weight, c);
    *y = word_plus(word_add(t, (word){-w.high, -w.low}), e->dh);
    *size = fabs(t.high) + fabs(w.high) + fabs(e->dh);
    return true;
}

/* Errors: c 2^-111, the factor 2^-113, their product and that with 1/rho, each
 * 2^-113, 1/rho itself 2^-111: below 2^-109 |v|; the sum 2^-113 |y|. */
bool set_quad_y(const set_state *s, quad *y, quad *size, const element *e)
{
    quad c, g = e->gamma;
    if (!quad_centre(&c, &s->quads, e->x, e->residual))
        return false;
    if (s->problem->contract->affine == ng_affine_one_plus_gamma)
        g += 1;
    quad v = g * c * s->quads.inverse;
    *y = v + (quad)e->beta;
    *size = quad_abs(v) > quad_abs(*y) ? quad_abs(v) : quad_abs(*y);
    return true;
}

/* t = nn g - G errs by 2^-111 (|nn g| + |G|), the weight and c by 2^-110 of
 * their product, the rest by 2^-113 each: below 2^-109 of what `size` sums. */
bool set_quad_dx(const set_state *s, quad *y, quad *size, const element *e)
{
    if (s->saved)
        return false;
    quad c = 0;
    bool one_plus = s->problem->contract->affine == ng_affine_one_plus_gamma;
    if (!s->flat && !quad_centre(&c, &s->quads, e->x, 0))
        return false;
    quad g = quad_gradient(e->gamma, e->dy, one_plus) * (quad)s->nn;
    quad t = ((g - s->quads.g_high) - s->quads.g_low) * s->quads.inverse;
    quad w = s->flat ? 0 : s->quads.weight * c;
    *y = t - w + (quad)e->dh;
    *size = (quad_abs(g) + quad_abs(s->quads.g_high)) * s->quads.inverse +
            quad_abs(w) + quad_abs(e->dh);
    return true;
}

bool set_quad_dgamma(const set_state *s, quad *term, const element *e)
{
    quad c;
    if (!quad_centre(&c, &s->quads, e->x, 0))
        return false;
    *term = (quad)e->dy * c * (s->saved ? (quad)s->rstd : s->quads.inverse);
    return true;
}
