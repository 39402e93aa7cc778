/* The radical form: set up from the moments, evaluated in MPFR at rising
 * precision (Ziv 1991), and compared exactly with a midpoint when an enclosure
 * still holds one. The exact comparison always decides, so the loop ends. */
#include "radical.h"
#include "round.h"

#include <limits.h>

/* Precision of the inverse; its error must stay below 2^-111. */
enum { SET_PRECISION = 192, FIRST_PRECISION = 256, LAST_PRECISION = 1 << 16 };

void radical_init(radical *r)
{
    dyadic_init(&r->num);
    dyadic_init(&r->b);
}

void radical_clear(radical *r)
{
    dyadic_clear(&r->num);
    dyadic_clear(&r->b);
}

/* sqrt(A) + B at the precision of `to`. Four roundings to nearest of positive
 * terms: relative error below 4 * 2^-precision. */
static void denominator(mpfr_t to, const radical *r)
{
    mpfr_t b;
    mpfr_init2(b, mpfr_get_prec(to));
    dyadic_get(to, &r->num, MPFR_RNDN);
    mpfr_div_ui(to, to, r->den, MPFR_RNDN);
    mpfr_sqrt(to, to, MPFR_RNDN);
    dyadic_get(b, &r->b, MPFR_RNDN);
    mpfr_add(to, to, b, MPFR_RNDN);
    mpfr_clear(b);
}

static void finish(radical *r)
{
    r->zero = dyadic_sign(&r->num) == 0 && dyadic_sign(&r->b) == 0;
    r->inverse = 0;
    if (r->zero)
        return;
    mpfr_t value;
    mpfr_init2(value, SET_PRECISION);
    denominator(value, r);
    mpfr_ui_div(value, 1, value, MPFR_RNDN);
    r->inverse = quad_from_mpfr(value);
    mpfr_clear(value);
}

/* eps in the units of num, which is the variance (or mean square) times
 * `factor`, and of b, which is its root times n or 1. */
static bool place_eps(radical *r, const ng_contract *contract, double eps,
                      const dyadic *factor, unsigned long unit)
{
    dyadic term;
    dyadic_init(&term);
    dyadic_set_double(&term, eps);
    bool known = true;
    switch (contract->eps_place) {
    case ng_eps_place_inside:
        dyadic_mul(&term, &term, factor);
        dyadic_add(&r->num, &r->num, &term);
        break;
    case ng_eps_place_max_var:
        dyadic_mul(&term, &term, factor);
        if (dyadic_cmp(&r->num, &term) < 0)
            dyadic_set(&r->num, &term);
        break;
    case ng_eps_place_outside: dyadic_mul_ui(&r->b, &term, unit); break;
    case ng_eps_place_none: break;
    default: /* max_norm belongs to Lp normalization */ known = false;
    }
    dyadic_clear(&term);
    return known;
}

bool radical_of(radical *r, const ng_contract *contract, double eps,
                const moments *set)
{
    unsigned long n = set->n;
    /* What the squares are divided by; n - 1 of one element is 0/0. */
    bool less = contract->divisor == ng_divisor_n_minus_1;
    unsigned long divisor = less ? (n > 1 ? n - 1 : 1) : n;
    bool centred = contract->centred == ng_centred_yes;
    dyadic square, factor;
    dyadic_init(&square);
    dyadic_init(&factor);
    dyadic_set_double(&r->b, 0);
    dyadic_set_double(&factor, (double)divisor);
    r->den = divisor;
    if (!centred) { /* x / sqrt(S2/k + eps): (S2 + k eps)/k */
        dyadic_set(&r->num, &set->squares);
    } else { /* c / sqrt(n^2 (D/(n k) + eps)), D = n S2 - S1^2 */
        dyadic_mul_ui(&r->num, &set->squares, n);
        dyadic_mul(&square, &set->sum, &set->sum);
        dyadic_sub(&r->num, &r->num, &square);
        dyadic_mul_ui(&factor, &factor, n);
        if (less) { /* (n D + k n^2 eps)/k */
            dyadic_mul_ui(&r->num, &r->num, n);
            dyadic_mul_ui(&factor, &factor, n);
        } else { /* k = n cancels: (D + n^2 eps)/1 */
            r->den = 1;
        }
    }
    bool known = place_eps(r, contract, eps, &factor, centred ? n : 1);
    finish(r);
    r->zero |= less && n == 1;
    dyadic_clear(&square);
    dyadic_clear(&factor);
    return known;
}

void radical_of_mean(radical *r, const moments *set)
{
    dyadic_set_double(&r->num, 0);
    r->den = 1;
    dyadic_set_double(&r->b, (double)set->n);
    finish(r);
}

/* Sign of beta + a/(sqrt(A) + B) - m, exactly: with k = m - beta it is that of
 * (a - k B) - k sqrt(A), and squares decide when both terms have one sign. */
static int compare(const radical *r, const dyadic *a, const dyadic *beta,
                   const dyadic *m)
{
    dyadic k, u, v;
    dyadic_init(&k);
    dyadic_init(&u);
    dyadic_init(&v);
    dyadic_sub(&k, m, beta);
    dyadic_mul(&u, &k, &r->b);
    dyadic_sub(&u, a, &u);
    int root = dyadic_sign(&r->num) == 0 ? 0 : dyadic_sign(&k);
    int sign = dyadic_sign(&u);
    if (root != 0 && sign == root) {
        dyadic_mul(&u, &u, &u);
        dyadic_mul_ui(&u, &u, r->den);
        dyadic_mul(&v, &k, &k);
        dyadic_mul(&v, &v, &r->num);
        sign *= dyadic_cmp(&u, &v);
    } else if (root != 0) {
        sign = sign != 0 ? sign : -root;
    }
    dyadic_clear(&k);
    dyadic_clear(&u);
    dyadic_clear(&v);
    return sign;
}

/* y = beta + a/(sqrt(A) + B) at the precision of y; returns the exponent E
 * such that |error| < 2^E. v has at most 6 relative roundings, the sum one. */
static long evaluate(mpfr_t y, const radical *r, const dyadic *a,
                     const dyadic *beta)
{
    mpfr_prec_t precision = mpfr_get_prec(y);
    mpfr_t term, v;
    mpfr_init2(term, precision);
    mpfr_init2(v, precision);
    denominator(term, r);
    dyadic_get(v, a, MPFR_RNDN);
    mpfr_div(v, v, term, MPFR_RNDN);
    dyadic_get(term, beta, MPFR_RNDN);
    mpfr_add(y, v, term, MPFR_RNDN);
    /* v: 6 u|v|; beta: u|beta| <= u(|y| + |v|); sum: u|y|. In all at most
     * 8u|v| + 2u|y|, u = 2^-precision, and |.| < 2^exponent: 2^(4+max). */
    long top = LONG_MIN / 2;
    if (!mpfr_zero_p(v))
        top = mpfr_get_exp(v);
    if (!mpfr_zero_p(y) && mpfr_get_exp(y) > top)
        top = mpfr_get_exp(y);
    mpfr_clear(term);
    mpfr_clear(v);
    return top + 4 - (long)precision;
}

static void set_value(ng_point *point, const mpfr_t y)
{
    quad value = quad_from_mpfr(y);
    point_set_quad(point, value);
}

static void decide(ng_point *point, const radical *r, const dyadic *a,
                   const dyadic *beta, const mpfr_t y, long error,
                   ng_dtype dtype)
{
    dyadic midpoint;
    dyadic_init(&midpoint);
    if (round_enclosed(&point->rounded, &midpoint, y, error, dtype)) {
        point->level = ng_level_mpfr;
    } else {
        int side = compare(r, a, beta, &midpoint);
        point->rounded = round_from_midpoint(&midpoint, side, dtype);
        point->level = ng_level_exact;
    }
    dyadic_clear(&midpoint);
}

void radical_round(ng_point *point, const radical *r, const dyadic *a,
                   const dyadic *beta, ng_dtype dtype)
{
    dyadic zero;
    dyadic_init(&zero);
    point->kind = ng_kind_value;
    point->level = ng_level_undecided;
    point->rounded = point->high = point->low = 0;
    point->exponent = 0;
    if (compare(r, a, beta, &zero) == 0) {
        point->level = ng_level_exact;
        dyadic_clear(&zero);
        return;
    }
    dyadic_clear(&zero);
    mpfr_t y;
    mpfr_init2(y, FIRST_PRECISION);
    for (mpfr_prec_t precision = FIRST_PRECISION; precision <= LAST_PRECISION;
         precision *= 2) {
        mpfr_set_prec(y, precision);
        long error = evaluate(y, r, a, beta);
        /* y is not zero: rising precision must reach 104 good bits. */
        if (mpfr_zero_p(y) || error > mpfr_get_exp(y) - 105)
            continue;
        set_value(point, y);
        decide(point, r, a, beta, y, error, dtype);
        break;
    }
    mpfr_clear(y);
}
