/* Ties of dx in training. */
#include "ties.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What moves U = P k k' - c K when eps grows by 2^-j, gamma = k k'^2 staying:
 * inside (3 c K - P Q) w^2 2^-j/(2 Q), outside (2 c K - P Q) w 2^-j/k. False:
 * nothing to first order, or not surely smaller terms beyond. */
static bool dx_shift(const scale *s, int64_t w, wide p, wide ck,
                     long double *to)
{
    wide q = (wide)s->k * s->k;
    wide first = s->outside ? 2 * ck - p * q : 3 * ck - p * q;
    long double k = (long double)s->k, r = (long double)w / k;
    *to = 0;
    if (!s->nudged || (p == 0 && ck == 0))
        return true;
    long double all = fabsl((long double)(p * q)) + 3 * fabsl((long double)ck);
    long double step = ldexpl(s->outside ? r : r * r / 2, -s->j);
    *to = (long double)first * step;
    return first != 0 && all * step * 64 < fabsl((long double)first);
}

/* U of every element, from integers d. */
static bool want_dx(call *t, const placed *a, const int64_t *d, int64_t scale_d,
                    int e)
{
    size_t n = ng_view_n(&t->view);
    for (size_t set = 0; set < ng_view_sets(&t->view); set++) {
        const pattern *p = a->p[tie_group_of(t, set)];
        int64_t sum = 0, weight = 0;
        for (size_t i = 0; i < n; i++) {
            size_t at = ng_view_index(&t->view, set, i);
            sum += d[at];
            weight += d[at] * a->c[at];
        }
        if (tie_shape_of(t->op) != SHAPE_CENTRED)
            sum = 0;
        for (size_t i = 0; i < n; i++) {
            size_t at = ng_view_index(&t->view, set, i);
            wanted *want = &t->want[ng_tensor_dx][at];
            wide rest = (wide)p->w * d[at] - sum;
            wide ck = (wide)a->c[at] * weight;
            long double shift = 0;
            want->e = e;
            want->known = a->s.flat || dx_shift(&a->s, p->w, rest, ck, &shift);
            want->m = a->s.flat ? rest : rest * a->s.k * a->s.k2 - ck;
            want->m *= scale_d;
            want->nudge = ldexpl(shift * (long double)scale_d, e);
            if (tie_bits(want->m) > 100)
                return false;
        }
    }
    return true;
}

/* dh so that the sum is a midpoint. */
static void choose_dh(slow_random *random, call *t)
{
    size_t n = ng_view_n(&t->view);
    int p = slow_format_of(t->storage)->p;
    for (size_t k = 0; k < n * ng_view_sets(&t->view); k++) {
        size_t at = ng_view_index(&t->view, k / n, k % n);
        wanted *want = &t->want[ng_tensor_dx][at];
        double *dh = &t->value[ng_tensor_dh][at];
        wide u = want->m;
        int two = 0;
        *dh = 0;
        if (want->known && u != 0 && !tie_chance(random, 10)) {
            while (u % 2 == 0) {
                u /= 2;
                two++;
            }
            for (int tries = 0; tries < 4 && *dh == 0; tries++) {
                int64_t top = (int64_t)1 << p;
                int64_t m =
                    (top + (int64_t)slow_below(random, (uint64_t)top)) | 1;
                wide rest = (slow_below(random, 2) ? m : -m) - u;
                double v;
                if (tie_exactly(t->storage, rest, want->e + two, &v)) {
                    *dh = v;
                    want->m += rest * ((wide)1 << two);
                }
            }
        }
    }
}

/* An odd factor that makes the odd part of some |U| a midpoint, for calls
 * without dh. */
static int64_t choose_factor(slow_random *random, const call *t)
{
    size_t count = ng_view_n(&t->view) * ng_view_sets(&t->view);
    int p = slow_format_of(t->storage)->p;
    for (int tries = 0; tries < 8; tries++) {
        const wanted *want = &t->want[ng_tensor_dx][slow_below(random, count)];
        wide u = want->m < 0 ? -want->m : want->m;
        if (!want->known || u == 0)
            continue;
        while (u % 2 == 0)
            u /= 2;
        if (tie_bits(u) > p + 1)
            continue;
        int64_t m = (((int64_t)1 << p) / (int64_t)u + 1);
        m += (int64_t)slow_below(random, (uint64_t)m);
        m |= 1;
        if (tie_bits(u * m) == p + 1)
            return m;
    }
    return 1;
}

void tie_of_dx(slow_random *random, call *t, tally *total)
{
    char text[200], formats[60];
    static placed a;
    int64_t d[LIMIT];
    double eps;
    family_op op = slow_below(random, FAMILY_OPS);
    bool fused = op <= FAMILY_L2 && !tie_chance(random, 4);
    bool with_eps = tie_chance(random, 3);
    size_t n = tie_draw_n(random);
    const pattern *p = tie_take(random, tie_shape_of(op), with_eps, n);
    for (int tries = 0; tries < 2; tries++) { /* the shorter, the likelier */
        const pattern *other = tie_take(random, tie_shape_of(op), with_eps, n);
        p = other->k < p->k ? other : p;
    }
    tie_draw_scale(random, p, op, &a.s, &eps);
    do { /* dh holds what is left to a midpoint: not in 8 bits */
        tie_draw_formats(random, formats, sizeof formats);
    } while (fused != (strcmp(formats, "dtype=f64") == 0) &&
             !tie_chance(random, 3));
    snprintf(text, sizeof text, "%s affine=gamma eps_place=%s%s%s", formats,
             a.s.place, fused ? " residual=sum" : "",
             tie_chance(random, 2) ? " param=f64" : "");
    tie_contract(t, op, "backward", text);
    tie_size_call(random, t, n, 1 + slow_below(random, 3));
    for (size_t g = 0; g < tie_groups_of(t); g++)
        a.p[g] = p;
    int by = slow_format_of(t->storage)->p < 24 ? 0 : slow_int(random, -8, 8);
    int unit = slow_int(random, -20, 4);
    t->test.eps = tie_scaled_eps(&a.s, eps, by);
    tie_place_sets(random, t, &a, by);
    size_t count = n * ng_view_sets(&t->view);
    int spread = tie_chance(random, 2) ? 1 : slow_int(random, 1, 9);
    for (size_t i = 0; i < count; i++) {
        d[i] = slow_int(random, -spread, spread);
        if (!tie_fits(t->storage, t->value[ng_tensor_x][i]))
            return;
    }
    /* dx = 2^by-less: rstd of x 2^by is 2^-by times that of x */
    if (!want_dx(t, &a, d, 1, unit))
        return;
    int64_t factor = fused ? 1 : choose_factor(random, t);
    double base = a.s.flat ? (double)a.s.k2
                           : (double)a.s.k * (double)a.s.k2 * (double)a.s.k2;
    double gamma = ldexp(base * (double)factor, unit + by);
    if (base * (double)factor >= 0x1p53 || !tie_fits(t->param, gamma) ||
        !want_dx(t, &a, d, factor, unit))
        return;
    double old = gamma;
    if (!a.s.nudged && t->param == ng_f64 && tie_chance(random, 4))
        gamma = nextafter(gamma, slow_below(random, 2) ? INFINITY : 0);
    for (size_t i = 0; i < ng_view_params(&t->view); i++)
        t->value[ng_tensor_gamma][i] = gamma;
    for (size_t i = 0; i < count; i++) {
        wanted *want = &t->want[ng_tensor_dx][i];
        t->value[ng_tensor_dy][i] = (double)d[i];
        if (!a.s.nudged)
            want->nudge = ldexpl((long double)want->m, want->e) *
                          (((long double)gamma - old) / old);
    }
    if (fused)
        choose_dh(random, t);
    tie_judge(t, total);
}
