/* Conditions from exact sums, in MPFR at 64 bits, and sums over x_hat. */
#include "conditions.h"

#include <math.h>

static double quotient(const dyadic *num, unsigned long den)
{
    mpfr_t value;
    mpfr_init2(value, 64);
    dyadic_get(value, num, MPFR_RNDN);
    mpfr_div_ui(value, value, den, MPFR_RNDN);
    double result = mpfr_get_d(value, MPFR_RNDN);
    mpfr_clear(value);
    return result;
}

/* sqrt(num/den) */
static double root_of(const dyadic *num, mpz_t den)
{
    mpfr_t value;
    mpfr_init2(value, 64);
    dyadic_get(value, num, MPFR_RNDN);
    mpfr_div_z(value, value, den, MPFR_RNDN);
    mpfr_sqrt(value, value, MPFR_RNDN);
    double result = mpfr_get_d(value, MPFR_RNDN);
    mpfr_clear(value);
    return result;
}

/* rho/nn */
static double scale_of(const set_state *s)
{
    mpfr_t value, b;
    if (s->zero || s->negative)
        return 0;
    mpfr_inits2(64, value, b, (mpfr_ptr)0);
    root_value(value, &s->r);
    dyadic_get(b, &s->b, MPFR_RNDN);
    mpfr_add(value, value, b, MPFR_RNDN);
    mpfr_div_ui(value, value, s->nn, MPFR_RNDN);
    double result = mpfr_get_d(value, MPFR_RNDN);
    mpfr_clears(value, b, (mpfr_ptr)0);
    return result;
}

/* In long double, 64 bits or more: the mean of up to 2^24 magnitudes errs by
 * 2^-40, and the rounding of the mean to 64 bits moves x_hat by 2^-11 of what
 * the bound allows for that of f64. */
static void gradients(const set_state *s, ng_conditions *to)
{
    typedef long double wide;
    wide g_abs = 0, gx_abs = 0, g_sum = 0, gx_sum = 0, n = to->n;
    bool one_plus = s->problem->contract->affine == ng_affine_one_plus_gamma;
    wide mean = s->saved || !s->centred
                    ? (wide)to->mean
                    : (wide)(s->quads.sum_high / (quad)s->m.n);
    for (size_t i = 0; i < s->m.n; i++) {
        element e = element_at(s->problem, s->set, i);
        wide g = (one_plus + (wide)e.gamma) * (wide)e.dy;
        wide x_hat = ((wide)e.x - mean) / (wide)to->scale;
        wide size = (one_plus + fabsl((wide)e.gamma)) * fabsl((wide)e.dy);
        g_abs += size;
        gx_abs += size * fabsl(x_hat);
        g_sum += g;
        gx_sum += g * x_hat;
    }
    to->g_abs = (double)(g_abs / n);
    to->gx_abs = (double)(gx_abs / (wide)s->k);
    to->g_mean = fabs((double)(g_sum / n));
    to->gx_mean = fabs((double)(gx_sum / (wide)s->k));
}

void conditions_of(const set_state *s, ng_conditions *to)
{
    const moments *m = &s->m;
    *to = (ng_conditions){
        .n = (double)m->n, .first = m->first, .divisor = (double)s->k};
    to->flat = s->flat;
    const ng_contract *contract = s->problem->contract;
    double eps = ng_contract_eps(contract, s->problem->eps);
    if (s->training && contract->eps_place == ng_eps_place_max_var)
        to->limit = eps;
    else if (s->training && contract->eps_place == ng_eps_place_max_norm)
        to->limit = eps * eps;
    to->gradient_finite = !m->g_nan && !m->g_inf;
    to->finite = m->n > 0 && !m->nan && !m->inf && !s->negative &&
                 isfinite(s->mean) && isfinite(s->var) &&
                 isfinite(s->given_rstd);
    if (!to->finite)
        return;
    dyadic var;
    mpz_t den;
    dyadic_init(&var);
    mpz_init(den);
    to->mean_abs = quotient(&m->magnitudes, m->n);
    mpz_set_ui(den, m->n);
    to->root_mean_square = root_of(&m->squares, den);
    if (!s->training || s->saved) {
        to->mean = s->mean;
        to->scale = s->saved ? 1 / s->rstd : scale_of(s);
        to->deviation = s->saved ? to->scale : sqrt(s->var);
    } else {
        to->mean = s->centred ? quotient(&m->sum, m->n) : 0;
        set_variance(s, s->k, &var, den);
        to->deviation = root_of(&var, den);
        to->scale = scale_of(s);
    }
    if (s->gradient && s->training && to->gradient_finite && to->scale > 0)
        gradients(s, to);
    dyadic_clear(&var);
    mpz_clear(den);
}
