/* Outputs of one element and of one set: by the table, in double words or binary128,
 * else as a surd in MPFR and GMP. */
#include "exact.h"

#include <math.h>

ng_dtype exact_dtype(const set_state *s, ng_role role)
{
    return ng_contract_dtype(s->problem->contract, role);
}

typedef void surd_of(const set_state *s, surd *to, const element *e);

static void round_slowly(const set_state *s, ng_point *point, const element *e,
                         surd_of *of, ng_dtype dtype)
{
    surd value;
    surd_init(&value, &s->r);
    of(s, &value, e);
    surd_round(point, &value, dtype);
    surd_clear(&value);
}

void exact_y(const set_state *s, ng_point *point, const element *e)
{
    ng_dtype dtype = exact_dtype(s, ng_tensor_y);
    quad y, size;
    word fast;
    double fast_size;
    if (table_y(s, point, e))
        return;
    if (set_word_y(s, &fast, &fast_size, e) &&
        word_round(point, fast, fast_size, dtype))
        return;
    if (!set_quad_y(s, &y, &size, e) || !quad_round(point, y, size, dtype))
        round_slowly(s, point, e, set_surd_y, dtype);
}

void exact_h(const set_state *s, ng_point *point, const element *e)
{
    ng_dtype dtype = exact_dtype(s, ng_tensor_h);
    quad sum = (quad)e->x + (quad)e->residual; /* within 2^-113 of itself */
    if (table_h(s, point, e))
        return;
    if (!quad_round(point, sum, quad_abs(sum), dtype))
        round_slowly(s, point, e, set_surd_h, dtype);
}

void exact_dx(const set_state *s, ng_point *point, const element *e)
{
    ng_dtype dtype = exact_dtype(s, ng_tensor_dx);
    quad dx, size;
    word fast;
    double fast_size;
    if (table_dx(s, point, e))
        return;
    bool proved = set_word_dx(s, &fast, &fast_size, e) &&
                  word_round(point, fast, fast_size, dtype);
    if (!proved &&
        (!set_quad_dx(s, &dx, &size, e) || !quad_round(point, dx, size, dtype)))
        round_slowly(s, point, e, set_surd_dx, dtype);
    /* Without centring, eps alone scales, and no sum reaches the element but
     * by a product with 0. */
    if (s->training && (s->m.g_nan || s->m.g_inf))
        point->kind = ng_kind_undefined;
}

static void round_statistic(const set_state *s, ng_point *point,
                            void (*of)(const set_state *, surd *), ng_role role)
{
    surd value;
    if (point == NULL)
        return;
    surd_init(&value, &s->r);
    of(s, &value);
    surd_round(point, &value, exact_dtype(s, role));
    surd_clear(&value);
}

static void set_kind(ng_point *point, ng_kind kind, double rounded)
{
    if (point != NULL)
        *point = (ng_point){.kind = kind, .rounded = rounded};
}

void exact_statistics(const set_state *s, ng_point *mean, ng_point *rstd,
                      ng_point *var)
{
    bool nan = s->m.nan;
    if (s->m.n == 0) { /* 0/0, or what the sums began with */
        set_kind(mean, ng_kind_undefined, NAN);
        set_kind(rstd, ng_kind_undefined, NAN);
        set_kind(var, ng_kind_undefined, NAN);
        return;
    }
    if (nan || s->m.inf) {
        set_kind(mean, nan ? ng_kind_nan : ng_kind_nonfinite, NAN);
        bool lost = nan || s->centred; /* Inf - Inf */
        set_kind(rstd, lost ? ng_kind_nan : ng_kind_zero_nan, lost ? NAN : 0);
        set_kind(var, nan || s->centred ? ng_kind_nan : ng_kind_nonfinite, NAN);
        return;
    }
    round_statistic(s, mean, set_surd_mean, ng_tensor_mean);
    if (s->zero)
        set_kind(rstd, ng_kind_undefined, INFINITY);
    else
        round_statistic(s, rstd, set_surd_rstd, ng_tensor_rstd);
    if (s->k == 1 && s->m.n == 1 &&
        s->problem->contract->divisor == ng_divisor_n_minus_1)
        set_kind(var, ng_kind_undefined, NAN);
    else
        round_statistic(s, var, set_surd_var, ng_tensor_var);
}
