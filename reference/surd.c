/* Surds, evaluated in MPFR at rising precision (Ziv 1991), and compared exactly
 * with a midpoint when an enclosure still holds one. The exact comparison
 * always decides, so the loop ends. */
#include "surd.h"
#include "quad.h"
#include "round.h"

void surd_init(surd *s, const root *r)
{
    s->r = r;
    dyadic_init(&s->p);
    dyadic_init(&s->q);
    dyadic_init(&s->u);
    dyadic_init(&s->v);
    dyadic_set_double(&s->u, 1);
}

void surd_clear(surd *s)
{
    dyadic_clear(&s->p);
    dyadic_clear(&s->q);
    dyadic_clear(&s->u);
    dyadic_clear(&s->v);
}

/* Three roundings to nearest: relative error below 2.6 * 2^-precision. */
void root_value(mpfr_t to, const root *r)
{
    dyadic_get(to, &r->num, MPFR_RNDN);
    mpfr_div_ui(to, to, r->den, MPFR_RNDN);
    mpfr_sqrt(to, to, MPFR_RNDN);
}

/* With e = 2^-precision: r, v r, q r err by 2.6e, 4.7e, 4.7e relative, p and u
 * by e. The denominator's terms are not negative: 5.8e. The numerator errs by
 * 4.7e(|p| + |q r|) + e|num|; so the quotient by 12.6e T to first order, with
 * T = (|p| + |q r|)/den >= |value|: below 2^4 e T. */
long surd_value(mpfr_t to, const surd *s)
{
    mpfr_prec_t precision = mpfr_get_prec(to);
    mpfr_t r, term, den, size;
    mpfr_inits2(precision, r, term, den, size, (mpfr_ptr)0);
    root_value(r, s->r);
    dyadic_get(den, &s->v, MPFR_RNDN);
    mpfr_mul(den, den, r, MPFR_RNDN);
    dyadic_get(term, &s->u, MPFR_RNDN);
    mpfr_add(den, den, term, MPFR_RNDN);
    dyadic_get(term, &s->q, MPFR_RNDN);
    mpfr_mul(term, term, r, MPFR_RNDN);
    dyadic_get(to, &s->p, MPFR_RNDN);
    mpfr_abs(size, to, MPFR_RNDN);
    mpfr_abs(r, term, MPFR_RNDN);
    mpfr_add(size, size, r, MPFR_RNDN);
    mpfr_add(to, to, term, MPFR_RNDN);
    mpfr_div(to, to, den, MPFR_RNDN);
    mpfr_div(size, size, den, MPFR_RNDN);
    /* 2^4 e T < 2^(4 + exponent(T) + 1 - precision), T rounded. */
    long error = mpfr_zero_p(size) ? mpfr_get_emin()
                                   : mpfr_get_exp(size) + 5 - (long)precision;
    mpfr_clears(r, term, den, size, (mpfr_ptr)0);
    return error;
}

/* (p - m u) + (q - m v) r: squares decide when the terms differ in sign. */
int surd_compare(const surd *s, const dyadic *m)
{
    dyadic a, b;
    dyadic_init(&a);
    dyadic_init(&b);
    dyadic_mul(&a, m, &s->u);
    dyadic_sub(&a, &s->p, &a);
    dyadic_mul(&b, m, &s->v);
    dyadic_sub(&b, &s->q, &b);
    int first = dyadic_sign(&a);
    int second = dyadic_sign(&s->r->num) == 0 ? 0 : dyadic_sign(&b);
    int sign = first != 0 ? first : second;
    if (first * second < 0) {
        dyadic_mul(&a, &a, &a);
        dyadic_mul_ui(&a, &a, s->r->den);
        dyadic_mul(&b, &b, &b);
        dyadic_mul(&b, &b, &s->r->num);
        sign = first * dyadic_cmp(&a, &b);
    }
    dyadic_clear(&a);
    dyadic_clear(&b);
    return sign;
}

void point_set_mpfr(ng_point *point, const mpfr_t value)
{
    point_set_quad(point, quad_from_mpfr(value));
}

static void decide(ng_point *point, const surd *s, const mpfr_t value,
                   long error, ng_dtype dtype)
{
    dyadic midpoint;
    dyadic_init(&midpoint);
    if (round_enclosed(&point->rounded, &midpoint, value, error, dtype)) {
        point->level = ng_level_mpfr;
    } else {
        point->rounded =
            round_from_midpoint(&midpoint, surd_compare(s, &midpoint), dtype);
        point->level = ng_level_exact;
    }
    dyadic_clear(&midpoint);
}

void surd_round(ng_point *point, const surd *s, ng_dtype dtype)
{
    dyadic zero;
    *point = (ng_point){.kind = ng_kind_value, .level = ng_level_undecided};
    dyadic_init(&zero);
    bool nothing = surd_compare(s, &zero) == 0;
    dyadic_clear(&zero);
    if (nothing) {
        point->level = ng_level_exact;
        return;
    }
    mpfr_t value;
    mpfr_init2(value, SURD_FIRST_PRECISION);
    for (mpfr_prec_t precision = SURD_FIRST_PRECISION;
         precision <= SURD_LAST_PRECISION; precision *= 2) {
        mpfr_set_prec(value, precision);
        long error = surd_value(value, s);
        /* Not zero: rising precision must reach 104 good bits. */
        if (mpfr_zero_p(value) || error > mpfr_get_exp(value) - 105)
            continue;
        point_set_mpfr(point, value);
        decide(point, s, value, error, dtype);
        break;
    }
    mpfr_clear(value);
}
