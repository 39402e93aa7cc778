/* Error bounds of normalization kernels, from rounding-error analysis.
 *
 * Notation: u = 2^-p of the arithmetic; g(k) = k u / (1 - k u), Higham,
 * Accuracy and Stability of Numerical Algorithms, 2nd ed., lemma 3.1; s the
 * exact 1/rstd, d = x - mean, x_hat = d/s; a hat on a name is the computed
 * value. Derivations, step by step, are in BOUNDS.md. */
#include "bounds.h"

#include <math.h>

static double g(double k, double u)
{
    return k * u < 1 ? k * u / (1 - k * u) : INFINITY;
}

/* The error of one underflow: the least subnormal, or, where subnormals are
 * flushed to zero, all of the least normal number. */
double ng_underflow(const ng_contract *contract, ng_dtype dtype)
{
    return contract->subnormals == ng_subnormals_flushed
               ? ng_dtype_min(dtype)
               : ng_dtype_ulp(dtype, 0);
}

/* The error of reading one x: none, unless a subnormal is read as zero. */
double ng_reading(const ng_contract *contract)
{
    return contract->subnormals == ng_subnormals_flushed
               ? ng_dtype_min(ng_contract_storage(contract))
               : 0;
}

/* Additions that one term passes through (Higham, section 4.2), so that the
 * sum is within g(additions) of sum |terms|. */
static double additions(const ng_contract *contract, double n)
{
    double block = contract->block > 0 ? contract->block : 16;
    switch (contract->summation) {
    case ng_summation_lanes: /* n/L per lane, the lanes, and a tail below L */
        return fmin(n, ceil(n / block) + 2 * block);
    case ng_summation_blocked: /* inside a block, then over the blocks */
        return fmin(n, block + ceil(n / block));
    case ng_summation_pairwise: /* inside a base case, then the tree */
        return fmin(n, block + ceil(log2(fmax(n / block, 1))) + 1);
    default: return n;
    }
}

double ng_accumulation_bound(const ng_contract *contract, double n)
{
    double u = ng_dtype_u(ng_contract_compute(contract));
    if (contract->summation == ng_summation_compensated)
        /* Kahan: 2u + O(n u^2) (Higham, eq. 4.8; its constant, from Knuth,
         * TAOCP 2, 4.2.2, exercise 19, is below 8). Neumaier, whose correction
         * is summed plainly: u + g(n)^2 (Ogita, Rump, Oishi 2005, Sum2). */
        return 2 * u + 8 * n * u * u + g(n, u) * g(n, u);
    if (contract->summation == ng_summation_wide)
        /* in f64, then one rounding to the arithmetic */
        return g(n, ng_dtype_u(ng_f64)) + u;
    return g(additions(contract, n), u);
}

/* Whether x + residual is formed in the arithmetic and used unrounded: then
 * each element errs by u|x| before anything is summed. */
static bool sums_residual(const ng_contract *contract)
{
    return contract->residual == ng_residual_sum &&
           contract->round_residual == ng_round_residual_no &&
           !ng_pass_find(contract->pass)->gradient;
}

/* Statistics that are inputs: running ones, or those of the forward pass. */
static bool given(const ng_contract *contract)
{
    const ng_pass_info *pass = ng_pass_find(contract->pass);
    return !pass->training || (pass->gradient && contract->backward_stats ==
                                                     ng_backward_stats_saved);
}

/* Error of the computed mean, absolute. */
static double mean_error(const ng_contract *contract, const ng_conditions *set,
                         double u, double h, double tiny)
{
    if (contract->centred == ng_centred_no)
        return 0;
    double last = u * fabs(set->mean) * (1 + h);
    double rounding = last + tiny + ng_reading(contract);
    double n = set->n;
    switch (contract->variance) {
    case ng_variance_welford:
        /* mean_k = mean_(k-1) + d_k/k: the error of step k enters with weight
         * k/n, is at most u|mean_k| + 2u|d_k|/k, and k|mean_k| <= sum |x|. The
         * count is that of the whole set, however it is split in lanes. Each
         * division may underflow, by half the least subnormal. */
        return g(n + 2 * log(n) + 6, u) * set->mean_abs + rounding +
               (n + 1) / 4 * tiny;
    case ng_variance_shifted: {
        /* d_j = x_j - x_0, mean |d| <= their root mean square q */
        double q = hypot(set->deviation, set->mean - set->first);
        return (h + 3 * u) * q + rounding;
    }
    case ng_variance_one_pass_wide:
        return (g(n, ng_dtype_u(ng_f64)) + u) * set->mean_abs + rounding + last;
    default: /* `last` twice: a rounded 1/n as a factor, not a division */
        return h * set->mean_abs + rounding + last;
    }
}

/* Error of the computed variance, absolute: `either` of both signs, and
 * `upward`, which can only enlarge it. */
static void variance_error(const ng_contract *contract,
                           const ng_conditions *set, double u, double h,
                           double mean, double *either, double *upward)
{
    double var = set->deviation * set->deviation;
    double square = set->root_mean_square * set->root_mean_square;
    double shift = set->mean - set->first;
    double wide = g(set->n + 3, ng_dtype_u(ng_f64));
    *upward = 0;
    if (contract->centred == ng_centred_no) {
        *either = (h + 4 * u) * var;
        return;
    }
    switch (contract->variance) {
    case ng_variance_welford:
        /* increments (d_k - e_(k-1))(d_k' - e_k) with |e| <= mean and sum d_k^2
         * <= 2 n var: cross terms 2 sqrt(2) e sigma, squares 2 e^2 */
        *either = (h + 7 * u) * var + 2.83 * mean * set->deviation;
        *upward = 2 * mean * mean;
        break;
    case ng_variance_shifted:
        *either = 3 * (h + 5 * u) * (var + shift * shift) + 3 * u * var;
        break;
    case ng_variance_one_pass_wide:
        *either = 3 * wide * square + 4 * u * var;
        break;
    default:
        /* sum (d_j - e)^2 = n var + n e^2, since sum d_j = 0 */
        *either = (h + 5 * u) * (var + mean * mean);
        *upward = mean * mean;
    }
}

/* Relative error of the reciprocal of a value that may be `below` (relative)
 * smaller or `above` larger than it should be. */
static double reciprocal_error(double below, double above)
{
    return below < 1 ? fmax(below / (1 - below), above / (1 + above))
                     : INFINITY;
}

/* |sqrt(1 + x) - 1|, without the cancellation that would swamp f64 bounds. */
static double root_change(double x)
{
    return fabs(expm1(log1p(x) / 2));
}

/* Relative error of s = sqrt(var + eps) and of its reciprocal. */
static double scale_error(const ng_contract *contract, const ng_conditions *set,
                          double u, double tiny, double either, double upward)
{
    double s = set->scale, sigma = set->deviation, var = sigma * sigma;
    double below, above;
    if (contract->eps_place != ng_eps_place_outside) {
        below = root_change(-fmin(either / (s * s), 1));
        above = root_change((either + upward) / (s * s));
    } else { /* s = sigma + eps, and eps may be subnormal */
        below = either < var ? sigma * root_change(-either / var) : sigma;
        above = var > 0 ? sigma * root_change((either + upward) / var)
                        : sqrt(either + upward);
        below = (below + tiny) / s;
        above = (above + tiny) / s;
    }
    double error = reciprocal_error(below, above);
    /* eps, the sum with it, the root, the reciprocal: 3 roundings in all */
    return error + 3 * u * (1 + error);
}

/* The domain: 1/s is finite in the arithmetic, and, unless the contract says
 * how large x may be, so are the squares of a set and their sum. */
static bool in_domain(const ng_contract *contract, const ng_conditions *set,
                      double largest_x)
{
    double largest = ng_dtype_max(ng_contract_compute(contract));
    double limit = sqrt(largest) / 2;
    if (set->scale < 2 / largest)
        return false;
    if (contract->round_rstd == ng_round_rstd_yes &&
        set->scale < 2 / ng_dtype_max(ng_contract_storage(contract)))
        return false;
    if (given(contract)) { /* no squares are formed */
        double reach = largest_x + fabs(set->mean);
        if (reach > largest / 4 || reach / set->scale > largest / 4)
            return false;
    } else if (contract->max_abs > 0) {
        if (largest_x > contract->max_abs)
            return false;
    } else if (set->root_mean_square * sqrt(set->n) > limit) {
        return false;
    }
    return contract->max_n == 0 || set->n <= contract->max_n;
}

void ng_bound_set(ng_set_bound *bound, const ng_contract *contract,
                  const ng_conditions *set, double largest_x)
{
    double u = ng_dtype_u(ng_contract_compute(contract));
    double tiny = ng_underflow(contract, ng_contract_compute(contract));
    double h = ng_accumulation_bound(contract, set->n);
    double either = 0, upward = 0;
    bound->g = bound->gx = bound->mean = 0;
    bound->dx_judged = false;
    if (given(contract)) {
        /* Read once, where stored wider than the arithmetic. */
        bool wider = ng_dtype_u(ng_contract_stats(contract)) < u;
        bound->mean = wider ? u * fabs(set->mean) + tiny : 0;
        either = wider ? u * set->deviation * set->deviation + tiny : 0;
    } else {
        double residual = sums_residual(contract) ? u : 0;
        bound->mean =
            mean_error(contract, set, u, h, tiny) + residual * set->mean_abs;
        variance_error(contract, set, u, h, bound->mean, &either, &upward);
        /* sum (d + r)^2 with |r| <= u|x|: 2 sigma u rms + u^2 rms^2 */
        either += residual * set->root_mean_square *
                  (2 * set->deviation + residual * set->root_mean_square);
        either += 4 * tiny; /* underflow of the squares and of the division */
    }
    bound->var = either + upward;
    bound->scale =
        contract->backward_stats == ng_backward_stats_saved && given(contract)
            ? (either > 0 ? u : 0)
            /* eps may be subnormal in the arithmetic */
            : scale_error(contract, set, u, tiny, either + tiny, upward);
    bound->judged = in_domain(contract, set, largest_x) &&
                    isfinite(bound->mean) && isfinite(bound->scale);
    if (bound->judged && ng_pass_find(contract->pass)->gradient)
        ng_bound_gradients(bound, contract, set);
}

/* Half a unit in the last place of the output at most `error` beyond exact:
 * rounding to nearest of the computed value, wherever it lies. At least the
 * least double, in which errors of subnormal f64 are counted themselves. */
double ng_final_rounding(const ng_contract *contract, ng_dtype dtype,
                         double exact, double error)
{
    if (fabs(exact) - error < ng_dtype_min(dtype) &&
        contract->subnormals == ng_subnormals_flushed)
        return ng_dtype_min(dtype);
    return fmax(ng_dtype_ulp(dtype, fabs(exact) + error) / 2, 0x1p-1074);
}

double ng_bound_y(const ng_set_bound *bound, const ng_contract *contract,
                  const ng_conditions *set, const ng_point *exact, double x,
                  double gamma, double beta)
{
    ng_dtype compute = ng_contract_compute(contract);
    ng_dtype storage = ng_contract_storage(contract);
    double u = ng_dtype_u(compute), tiny = ng_underflow(contract, compute);
    double y = fabs(ldexp(exact->high, exact->exponent));
    double factor =
        contract->affine == ng_affine_one_plus_gamma ? 1 + gamma : gamma;
    double scale = fabs(factor);
    double x_hat = fabs(x - set->mean) / set->scale;
    double e = (bound->mean + ng_reading(contract)) / set->scale;
    if (sums_residual(contract))
        e += u * fabs(x) / set->scale;
    /* (x - mean), * rstd, * gamma, and gamma or 1 + gamma itself */
    double product = bound->scale + 4.01 * u * (1 + bound->scale);
    double error = scale * ((x_hat + e) * product + e);
    if (contract->affine == ng_affine_one_plus_gamma)
        /* x_hat + gamma*x_hat rounds both terms */
        error += 2.01 * u * (1 + fabs(gamma)) * (x_hat + e);
    if (contract->affine_eval == ng_affine_eval_folded)
        error +=
            4.01 * u *
            (scale * (fabs(x) + fabs(set->mean)) / set->scale * (1 + product) +
             fabs(beta));
    if (contract->round_xhat == ng_round_xhat_yes)
        error += scale * (ng_dtype_u(storage) * (x_hat + e) * (1 + product) +
                          ng_dtype_ulp(storage, 0));
    if (contract->round_rstd == ng_round_rstd_yes)
        error += scale * ng_dtype_u(storage) * (x_hat + e) * (1 + product);
    error += u * fabs(beta); /* beta, when wider than the arithmetic */
    /* Underflow of the products; x*gamma may be formed before rstd, and
     * gamma*rstd before x, or before x and the mean. */
    error +=
        3 * (scale + 1 + 1 / set->scale + fabs(x) + fabs(set->mean)) * tiny;
    if (compute != storage)
        error += u * (y + error); /* the sum with beta, before the storage */
    return error + ng_final_rounding(contract, storage, y, error);
}

double ng_bound_mean(const ng_set_bound *bound, const ng_contract *contract,
                     const ng_conditions *set)
{
    ng_dtype dtype = ng_contract_stats(contract);
    return bound->mean +
           ng_final_rounding(contract, dtype, set->mean, bound->mean);
}

double ng_bound_h(const ng_contract *contract, const ng_point *exact)
{
    ng_dtype compute = ng_contract_compute(contract);
    ng_dtype storage = ng_contract_storage(contract);
    double h = fabs(ldexp(exact->high, exact->exponent));
    double error = compute == storage ? 0 : ng_dtype_u(compute) * h;
    error += 2 * ng_reading(contract);
    return error + ng_final_rounding(contract, storage, h, error);
}

double ng_bound_var(const ng_set_bound *bound, const ng_contract *contract,
                    const ng_point *exact)
{
    double var = fabs(ldexp(exact->high, exact->exponent));
    return bound->var + ng_final_rounding(contract, ng_contract_stats(contract),
                                          var, bound->var);
}

/* (1 - m) old + m value, or old + m (value - old): with m rounded to the
 * arithmetic, each term errs by at most 4u of what it adds. Over several sets
 * the average may be taken before the step or after it: h of both terms. */
double ng_bound_running(const ng_contract *contract, double momentum,
                        double old, double value, double error, double h,
                        const ng_point *exact)
{
    double u = ng_dtype_u(ng_contract_compute(contract));
    double tiny = ng_underflow(contract, ng_contract_compute(contract));
    double now = fabs(ldexp(exact->high, exact->exponent));
    double m = fabs(momentum), kept = fabs(1 - momentum) * fabs(old);
    /* 1 - m of an m that was rounded: the new weight errs by u m, however
     * small it is itself. */
    double weight = contract->momentum == ng_momentum_old
                        ? 1.01 * u * fabs(1 - momentum)
                        : 0;
    double total = m * (error + (4.01 * u + h) * (fabs(value) + error)) +
                   weight * (1 + h) * (fabs(value) + error) +
                   4.01 * u * (1 + 2 * m) * fabs(old) +
                   h * (1 + 4.01 * u) * kept + 4 * tiny;
    return total +
           ng_final_rounding(contract, ng_contract_stats(contract), now, total);
}

double ng_bound_rstd(const ng_set_bound *bound, const ng_contract *contract,
                     const ng_conditions *set)
{
    ng_dtype dtype = ng_contract_stats(contract);
    double rstd = 1 / set->scale, error = rstd * bound->scale;
    return error + ng_final_rounding(contract, dtype, rstd, error);
}
