/* The decision table: what a correct kernel may return where NaN, Inf or a
 * division 0/0 reach an output. Everything else is a number.
 *
 * forward, training
 *   x (+ residual) of the set   op        y                    mean    rstd
 *   any NaN                     any       NaN                  NaN     NaN
 *   any Inf, no NaN             centred   NaN (Inf - Inf)      Inf|NaN 0|NaN
 *   any Inf, no NaN             others    NaN at the Inf, else beta|NaN, 0|NaN
 *   finite, gamma or beta NaN             NaN at that element
 *   finite, gamma Inf                     Inf of either sign or NaN there
 *           beta Inf                      the same Inf or NaN there
 *   0/0: eps = 0 and no spread            anything: the least rounding of the
 *                                         mean decides
 * inference: an element's NaN or Inf stays its own; a NaN among the channel's
 *   running statistics, or a negative variance + eps, gives NaN; an infinite
 *   running mean Inf or NaN; an infinite variance beta or NaN.
 * dx, training
 *   any NaN in x, dy, gamma of the set, or Inf in x     NaN (0 * Inf)
 *   any Inf in dy or gamma                              Inf or NaN
 *   given statistics: NaN gives NaN, Inf gives Inf or NaN
 *   no derivative: 0/0, sqrt at 0 (eps outside),
 *     max(a, b) at a = b                                anything
 * dx, inference: dy or gamma NaN (Inf) there gives NaN (Inf or NaN); statistics
 *   as in the forward pass, without the mean, on which dx does not depend.
 * dgamma: NaN in x of the set or in dy gives NaN; Inf in dy Inf or NaN; Inf in x
 *   NaN where centred or at the Inf, else anything. dbeta: as dy.
 * running statistics: NaN in x or in the old value gives NaN; Inf gives Inf or
 *   NaN; no batch, or one value where the variance is unbiased: anything. */
#include "exact.h"

#include <math.h>

static ng_point nan_point(ng_kind kind)
{
    return (ng_point){.kind = kind, .rounded = NAN};
}

static ng_point zero_nan(const set_state *s, double value)
{
    ng_dtype dtype = ng_contract_storage(s->problem->contract);
    return (ng_point){.kind = ng_kind_zero_nan,
                      .rounded = ng_dtype_round(dtype, value),
                      .high = value};
}

/* What the given statistics of inference make of an element of finite x;
 * false: they are numbers. */
static bool running_table(const set_state *s, ng_point *point, bool with_mean,
                          double offset)
{
    unsigned place = s->problem->contract->eps_place;
    if (place == ng_eps_place_max_norm && s->var < 0)
        *point = nan_point(ng_kind_nan); /* max(sqrt(var), eps) */
    else if (place == ng_eps_place_max_var && s->var == -INFINITY)
        *point = nan_point(ng_kind_undefined); /* max(-Inf, eps) */
    else if (isnan(s->var) || s->negative || s->var == -INFINITY ||
             (with_mean && isnan(s->mean)))
        *point = nan_point(ng_kind_nan);
    else if (with_mean && isinf(s->mean))
        *point = nan_point(ng_kind_nonfinite);
    else if (isinf(s->var))
        *point = zero_nan(s, offset);
    else if (s->zero)
        *point = nan_point(ng_kind_undefined);
    else
        return false;
    return true;
}

static bool table_inference(const set_state *s, ng_point *point,
                            const element *e)
{
    if (isnan(e->x) || isnan(e->gamma) || isnan(e->beta))
        *point = nan_point(ng_kind_nan);
    else if (running_table(s, point, true, e->beta)) {
        if (point->kind == ng_kind_zero_nan &&
            !(isfinite(e->x) && isfinite(e->gamma) && isfinite(e->beta)))
            *point = nan_point(ng_kind_undefined);
    } else if (!isfinite(e->x) || !isfinite(e->gamma)) {
        *point = nan_point(ng_kind_nonfinite);
    } else if (!isfinite(e->beta)) {
        *point = nan_point(ng_kind_infinite);
        point->rounded = e->beta;
    } else {
        return false;
    }
    return true;
}

bool table_y(const set_state *s, ng_point *point, const element *e)
{
    if (!s->training)
        return table_inference(s, point, e);
    bool hit = s->m.nan || s->m.inf || s->zero || !isfinite(e->gamma) ||
               !isfinite(e->beta);
    if (!hit)
        return false;
    *point = nan_point(ng_kind_nan);
    if (s->m.nan || isnan(e->gamma) || isnan(e->beta))
        return true;
    if (s->m.inf) {
        if (!s->centred && isfinite(e->x + e->residual) && isfinite(e->gamma) &&
            isfinite(e->beta))
            *point = zero_nan(s, e->beta);
        return true;
    }
    point->kind = s->zero ? ng_kind_undefined : ng_kind_nonfinite;
    if (!s->zero && isfinite(e->gamma)) { /* beta is infinite */
        point->kind = ng_kind_infinite;
        point->rounded = e->beta;
    }
    return true;
}

bool table_h(const set_state *s, ng_point *point, const element *e)
{
    (void)s;
    double sum = e->x + e->residual;
    if (isfinite(e->x) && isfinite(e->residual))
        return false;
    *point = nan_point(isnan(sum) ? ng_kind_nan : ng_kind_infinite);
    point->rounded = sum;
    return true;
}

static bool table_dx_inference(const set_state *s, ng_point *point,
                               const element *e)
{
    if (isnan(e->gamma) || isnan(e->dy) || isnan(e->dh))
        *point = nan_point(ng_kind_nan);
    else if (!isfinite(e->gamma) || !isfinite(e->dy))
        *point = nan_point(isnan(s->var) || s->negative ? ng_kind_nan
                                                        : ng_kind_nonfinite);
    else if (!running_table(s, point, false, e->dh))
        return false;
    return true;
}

bool table_dx(const set_state *s, ng_point *point, const element *e)
{
    if (!s->training)
        return table_dx_inference(s, point, e);
    bool curved = !s->flat && !s->saved;
    bool plus = s->problem->contract->affine == ng_affine_one_plus_gamma;
    double g = (plus ? 1 + e->gamma : e->gamma) * e->dy;
    if (s->flat && !s->centred && !s->zero && !s->m.nan && !s->m.inf) {
        if (isfinite(e->gamma) && isfinite(e->dy) && isfinite(e->dh))
            return false;
        if (isfinite(e->gamma) && isfinite(e->dy))
            g = e->dh; /* which stands alone */
        *point = nan_point(isnan(g) ? ng_kind_nan
                           : g == e->dh && !s->m.g_nan && !s->m.g_inf
                               ? ng_kind_infinite
                               : ng_kind_nonfinite);
        if (isnan(e->dh))
            point->kind = ng_kind_nan;
        point->rounded = g;
        return true;
    }
    if (s->m.nan || s->m.g_nan || isnan(e->dh))
        *point = nan_point(ng_kind_nan);
    else if (s->m.inf)
        *point = nan_point(s->saved ? ng_kind_nonfinite : ng_kind_nan);
    else if (s->m.g_inf)
        *point = nan_point(ng_kind_nonfinite);
    else if (s->zero || (curved && (s->kink || dyadic_sign(&s->r.num) == 0)))
        *point = nan_point(ng_kind_undefined);
    else if (isinf(e->dh)) {
        *point = nan_point(ng_kind_infinite);
        point->rounded = e->dh;
    } else {
        return false;
    }
    return true;
}

term_kind table_dbeta(const element *e)
{
    return isnan(e->dy) ? term_nan : isinf(e->dy) ? term_nonfinite : term_value;
}

term_kind table_dgamma(const set_state *s, const element *e)
{
    term_kind of_dy = table_dbeta(e);
    if (of_dy == term_nan || isnan(e->x))
        return term_nan;
    if (!s->training) {
        unsigned place = s->problem->contract->eps_place;
        if (place == ng_eps_place_max_norm && s->var < 0)
            return term_nan;
        if (place == ng_eps_place_max_var && s->var == -INFINITY)
            return term_undefined;
        if (isnan(s->mean) || isnan(s->var) || s->negative ||
            s->var == -INFINITY)
            return term_nan;
        if (isinf(s->var) || s->zero)
            return term_undefined;
        return isinf(s->mean) || isinf(e->x) ? term_nonfinite : of_dy;
    }
    if (s->saved) {
        if (isnan(s->mean) || isnan(s->given_rstd))
            return term_nan;
        return isinf(s->mean) || isinf(s->given_rstd) || isinf(e->x)
                   ? term_nonfinite
                   : of_dy;
    }
    if (s->m.nan)
        return term_nan;
    if (s->m.inf)
        return s->centred || isinf(e->x) ? term_nan : term_undefined;
    return s->zero ? term_undefined : of_dy;
}

ng_point table_point(term_kind kind)
{
    return nan_point(kind == term_nan         ? ng_kind_nan
                     : kind == term_undefined ? ng_kind_undefined
                                              : ng_kind_nonfinite);
}
