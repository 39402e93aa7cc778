/* Rounding by integers: |y| = m units of the last place of its binade, the
 * fraction of a unit is compared with one half. */
#include "round.h"

#include <math.h>

/* Exponent of the last place at a value of exponent e: 2^e <= |v| < 2^(e+1). */
static long last_place(long e, const ng_format *format)
{
    long least = format->emin;
    return (e > least ? e : least) - format->p + 1;
}

/* units * 2^place with the sign, or Inf past the largest finite value. */
static double assemble(const mpz_t units, long place, int sign,
                       const ng_format *format)
{
    if (mpz_sgn(units) == 0)
        return sign < 0 ? -0.0 : 0.0;
    long top = (long)mpz_sizeinbase(units, 2) - 1 + place;
    if (top > format->emax)
        return sign < 0 ? -INFINITY : INFINITY;
    return (sign < 0 ? -1 : 1) * ldexp(mpz_get_d(units), (int)place);
}

bool round_enclosed(double *rounded, dyadic *midpoint, const mpfr_t y,
                    long error, ng_dtype dtype)
{
    const ng_format *format = ng_format_of(dtype);
    long place = last_place(mpfr_get_exp(y) - 1, format);
    int sign = mpfr_sgn(y);
    mpz_t integer, units, rest, half, slack;
    mpz_inits(integer, units, rest, half, slack, NULL);
    long scale = mpfr_get_z_2exp(integer, y);
    mpz_abs(integer, integer);
    /* All in steps of 2^fine, finer than y's digits, the half unit and the
     * error, so that every shift below is to the left. */
    long fine = scale < place - 1 ? scale : place - 1;
    if (error < fine)
        fine = error;
    mpz_mul_2exp(integer, integer, (mp_bitcnt_t)(scale - fine));
    mpz_fdiv_q_2exp(units, integer, (mp_bitcnt_t)(place - fine));
    mpz_fdiv_r_2exp(rest, integer, (mp_bitcnt_t)(place - fine));
    mpz_set_ui(half, 1);
    mpz_mul_2exp(half, half, (mp_bitcnt_t)(place - 1 - fine));
    mpz_set_ui(slack, 1);
    mpz_mul_2exp(slack, slack, (mp_bitcnt_t)(error - fine));
    mpz_sub(rest, rest, half);
    bool decided = mpz_cmpabs(rest, slack) > 0;
    if (decided) {
        if (mpz_sgn(rest) > 0)
            mpz_add_ui(units, units, 1);
        *rounded = assemble(units, place, sign, format);
    } else { /* (units + 1/2) * 2^place */
        mpz_mul_2exp(midpoint->m, units, 1);
        mpz_add_ui(midpoint->m, midpoint->m, 1);
        if (sign < 0)
            mpz_neg(midpoint->m, midpoint->m);
        midpoint->e = place - 1;
    }
    mpz_clears(integer, units, rest, half, slack, NULL);
    return decided;
}

double round_from_midpoint(const dyadic *midpoint, int side, ng_dtype dtype)
{
    const ng_format *format = ng_format_of(dtype);
    int sign = mpz_sgn(midpoint->m);
    mpz_t units;
    mpz_init(units);
    mpz_abs(units, midpoint->m);
    mpz_fdiv_q_2exp(units, units, 1); /* the neighbour nearer to zero */
    bool outward = side == 0 ? mpz_odd_p(units) : side == sign;
    if (outward)
        mpz_add_ui(units, units, 1);
    double rounded = assemble(units, midpoint->e + 1, sign, format);
    mpz_clear(units);
    return rounded;
}
