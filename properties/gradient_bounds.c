/* Error bounds of the backward passes; notation as in bounds.c, and
 *
 *   g = gamma dy, A = mean |g|, Q = mean |g x_hat|, A1 = mean g, A2 = mean g x_hat
 *   (Q and A2 divided by k instead of n, where the contract's divisor is k)
 *   dx = (g - A1 - x_hat A2)/s      (A1 = 0 when not centred)
 *
 * X is the error of the computed x_hat. Step by step in BOUNDS.md. */
#include "bounds.h"

#include <math.h>

static bool folded(const ng_contract *contract)
{
    return contract->affine_eval == ng_affine_eval_folded;
}

static double unit(const ng_contract *contract)
{
    return ng_dtype_u(ng_contract_compute(contract));
}

/* e/s: error of the computed x - mean, over s. */
static double centre_error(const ng_set_bound *bound,
                           const ng_contract *contract,
                           const ng_conditions *set)
{
    return (bound->mean + ng_reading(contract)) / set->scale;
}

/* Relative error of the rstd that x_hat is made of, with the two roundings of
 * x_hat and those to storage that the contract declares. */
static double factor_error(const ng_set_bound *bound,
                           const ng_contract *contract)
{
    double storage = ng_dtype_u(ng_contract_storage(contract));
    double r = bound->scale + 2.01 * unit(contract) * (1 + bound->scale);
    if (contract->round_rstd == ng_round_rstd_yes)
        r += storage * (1 + r);
    if (contract->round_xhat == ng_round_xhat_yes)
        r += storage * (1 + r);
    return r;
}

/* X: two roundings beside those of mean and rstd; x*rstd - mean*rstd rounds
 * what cancels. */
static double x_hat_error(const ng_set_bound *bound,
                          const ng_contract *contract, const ng_conditions *set,
                          double x)
{
    double u = unit(contract), e = centre_error(bound, contract, set);
    double x_hat = fabs(x - set->mean) / set->scale;
    double error = (x_hat + e) * factor_error(bound, contract) + e;
    if (contract->round_xhat == ng_round_xhat_yes)
        error += ng_dtype_ulp(ng_contract_storage(contract), 0);
    if (folded(contract))
        error += 3.01 * u * (fabs(x) + fabs(set->mean)) / set->scale *
                 (1 + bound->scale);
    return error;
}

/* sum |g| X over the divisor of that sum, from that of |g x_hat| and, folded, |x| <= |mean| + s|x_hat|. */
static double mean_x_hat_error(const ng_set_bound *bound,
                               const ng_contract *contract,
                               const ng_conditions *set)
{
    double u = unit(contract), e = centre_error(bound, contract, set);
    double r = factor_error(bound, contract);
    double g_abs = set->g_abs * set->n / set->divisor;
    double error = (set->gx_abs + e * g_abs) * r + e * g_abs;
    if (contract->round_xhat == ng_round_xhat_yes)
        error += g_abs * ng_dtype_ulp(ng_contract_storage(contract), 0);
    if (folded(contract))
        error += 3.01 * u * (1 + bound->scale) *
                 (set->gx_abs + 2 * fabs(set->mean) / set->scale * g_abs);
    return error;
}

/* The products and powers that kernels form on the way stay in range: 1/s^3,
 * as in d(loss)/d(var), and sums of g, g*x over the set. */
static bool dx_in_domain(const ng_contract *contract, const ng_conditions *set)
{
    double largest = ng_dtype_max(ng_contract_compute(contract));
    double least = ng_dtype_min(ng_contract_compute(contract));
    double reach = fmax(fmax(set->root_mean_square, fabs(set->mean)), 1);
    double sums = set->n * fmax(set->g_abs, set->gx_abs);
    if (set->flat)
        return true;
    return 3 * log2(set->scale) > 2 - log2(largest) &&
           3 * log2(set->scale) < -2 - log2(least) &&
           sums < largest / 4 / reach / fmax(1, 1 / set->scale);
}

/* So near to max(a, b) with a = b that the rounding of a decides which branch
 * is taken. */
static bool near_kink(const ng_set_bound *bound, const ng_contract *contract,
                      const ng_conditions *set)
{
    double var = set->deviation * set->deviation;
    return set->limit > 0 && fabs(var - set->limit) <=
                                 bound->var + 4 * unit(contract) * set->limit;
}

void ng_bound_gradients(ng_set_bound *bound, const ng_contract *contract,
                        const ng_conditions *set)
{
    double u = unit(contract), h = ng_accumulation_bound(contract, set->n);
    double tiny = ng_underflow(contract, ng_contract_compute(contract));
    bound->dx_judged = set->gradient_finite && dx_in_domain(contract, set) &&
                       !near_kink(bound, contract, set);
    if (!ng_pass_find(contract->pass)->training || !set->gradient_finite)
        return;
    /* gamma*dy (twice for 1 + gamma), the sum, the division by n */
    bound->g = (h + 4.02 * u) * set->g_abs + 4 * tiny;
    bound->dx_judged &= isfinite(bound->g);
    if (set->flat)
        return;
    /* each term also has X and one more product */
    double terms = mean_x_hat_error(bound, contract, set);
    bound->gx = terms + (h + 6.03 * u) * (set->gx_abs + terms) +
                4 * tiny * (1 + 1 / set->scale);
    /* folded: sum g x - mean sum g, in which both terms round */
    if (folded(contract))
        bound->gx +=
            (h + 6.03 * u) * (1 + bound->scale) *
            (set->gx_abs + 2 * fabs(set->mean) / set->scale * set->g_abs);
    bound->dx_judged &= isfinite(bound->gx);
    if (contract->eps_place == ng_eps_place_outside)
        bound->dx_judged &= bound->var < set->deviation * set->deviation;
}

/* s/sigma where eps stands outside the root, so that ds = s/sigma of what it is
 * with eps inside; else 1. *error is its relative error. */
static double slope(const ng_set_bound *bound, const ng_contract *contract,
                    const ng_conditions *set, double *error)
{
    double var = set->deviation * set->deviation;
    if (contract->eps_place != ng_eps_place_outside)
        return 1;
    double change = fmin(bound->var / var, 1);
    *error = 1 / sqrt(1 - change) - 1 + bound->scale + 4 * unit(contract);
    return set->scale / set->deviation;
}

double ng_bound_dx(const ng_set_bound *bound, const ng_contract *contract,
                   const ng_conditions *set, const ng_point *exact, double x,
                   double g, double dh)
{
    ng_dtype compute = ng_contract_compute(contract);
    ng_dtype storage = ng_contract_storage(contract);
    double u = ng_dtype_u(compute), tiny = ng_underflow(contract, compute);
    double dx = fabs(ldexp(exact->high, exact->exponent));
    double size = fabs(g), numerator = 2.01 * u * size, whole = size;
    double x_hat = 0;
    bool centred = contract->centred == ng_centred_yes &&
                   ng_pass_find(contract->pass)->training;
    if (set->flat && centred) { /* max(var, eps) = eps: (g - A1)/s */
        numerator += bound->g + 2.01 * u * (size + set->g_mean + bound->g);
        whole += set->g_mean;
    } else if (!set->flat) {
        double bend = 0, steep = slope(bound, contract, set, &bend);
        double a1 = centred ? set->g_mean : 0, a2 = steep * set->gx_mean;
        double a2_error = steep * (1 + bend) * bound->gx + bend * a2;
        double error = x_hat_error(bound, contract, set, x);
        x_hat = fabs(x - set->mean) / set->scale;
        numerator += (centred ? bound->g : 0) + x_hat * a2_error +
                     error * (a2 + a2_error);
        /* The formula of Ioffe and Szegedy adds d(loss)/d(var) times the mean of
         * x - mean, which is 0 but for the errors of the mean and of that sum. */
        if (centred)
            numerator += (a2 + a2_error) *
                         (centre_error(bound, contract, set) +
                          ng_accumulation_bound(contract, set->n) + 3 * u);
        whole = size + a1 + (x_hat + error) * (a2 + a2_error);
        /* the product, the two differences, one rounding to spare */
        numerator += 4.01 * u * (whole + numerator);
        if (folded(contract)) { /* b x + c, c = -b mean - A1 rstd */
            double reach =
                (a2 + a2_error) * (fabs(x) + fabs(set->mean)) / set->scale;
            numerator += 4.01 * u * reach;
            /* whose terms cancel and must not overflow before they do */
            if (!(reach / set->scale < ng_dtype_max(compute) / 4))
                return INFINITY;
        }
    }
    /* Times rstd, whose error is common to all terms and so meets their sum;
     * folded, each term has its own power of it, up to the third. */
    double signed_dx = ldexp(exact->high, exact->exponent);
    double sum = fabs(signed_dx - dh) + 0x1p-51 * (fabs(dx) + fabs(dh));
    sum = folded(contract) ? whole : fmin(whole, sum * set->scale);
    double r = (folded(contract) ? 3.03 : 1) * bound->scale;
    if (contract->round_rstd == ng_round_rstd_yes)
        r += (folded(contract) ? 3.03 : 1) * ng_dtype_u(storage) * (1 + r);
    double error = (numerator * (1 + r + 4.01 * u) + sum * r +
                    whole * 4.01 * u * (1 + r)) /
                   set->scale;
    double spread = 1 + 1 / set->scale;
    /* folded, b and c underflow by themselves, and b meets x */
    double reach =
        folded(contract) && !set->flat ? fabs(x) + fabs(set->mean) : 0;
    error += 8 * (1 + x_hat + reach) * spread * spread * tiny;
    if (dh != 0 || compute != storage)
        error += u * (dx + fabs(dh) + error);
    return error + ng_final_rounding(contract, storage, dx, error);
}

void ng_bound_add_dgamma(ng_sum_bound *sum, const ng_set_bound *bound,
                         const ng_contract *contract, const ng_conditions *set,
                         double x, double dy)
{
    double size = fabs(dy);
    double error = x_hat_error(bound, contract, set, x);
    double x_hat = fabs(x - set->mean) / set->scale;
    double tiny = ng_underflow(contract, ng_contract_compute(contract));
    sum->error += size * error + 2 * tiny * (1 + 1 / set->scale + size);
    sum->magnitude += size * (x_hat + error);
    if (folded(contract)) /* rstd*(sum dy x - mean sum dy) */
        sum->magnitude += size * (fabs(x) + fabs(set->mean)) / set->scale;
    sum->judged &= bound->judged;
}

void ng_bound_add_dbeta(ng_sum_bound *sum, double dy)
{
    sum->magnitude += fabs(dy);
}

/* The order over the sets, where it is declared apart. */
static ng_contract over_sets(const ng_contract *contract)
{
    ng_contract other = *contract;
    switch (contract->param_summation) {
    case ng_param_summation_recursive:
        other.summation = ng_summation_recursive;
        break;
    case ng_param_summation_lanes: other.summation = ng_summation_lanes; break;
    case ng_param_summation_blocked:
        other.summation = ng_summation_blocked;
        break;
    case ng_param_summation_pairwise:
        other.summation = ng_summation_pairwise;
        break;
    case ng_param_summation_compensated:
        other.summation = ng_summation_compensated;
        break;
    case ng_param_summation_wide: other.summation = ng_summation_wide; break;
    default: break;
    }
    return other;
}

double ng_bound_sum(const ng_sum_bound *sum, const ng_contract *contract,
                    const ng_point *exact)
{
    ng_contract outer = over_sets(contract);
    ng_dtype dtype = ng_contract_param(contract);
    double u = unit(contract);
    double h = sum->cell > 1 ? ng_accumulation_bound(contract, sum->cell) : 0;
    double value = fabs(ldexp(exact->high, exact->exponent));
    if (sum->sets > 1)
        h += ng_accumulation_bound(&outer, sum->sets) * (1 + h);
    /* Unless the sums over sets have an order of their own, all terms may be
     * added in one. */
    if (contract->param_summation == ng_param_summation_same)
        h = fmax(h, ng_accumulation_bound(contract, sum->sets * sum->cell));
    if (sum->magnitude == 0 && sum->error == 0)
        h = 0; /* zeros add up to zero, in any number */
    /* the product of each term, and that of a cell's sum with rstd */
    double error =
        sum->error + (h + 2.01 * u * (1 + h)) * (sum->magnitude + sum->error);
    return error + ng_final_rounding(contract, dtype, value, error);
}
