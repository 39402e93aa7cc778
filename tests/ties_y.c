/* Ties of y, and of the inference passes. */
#include "ties.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Chooses gamma and beta of one parameter for its first element's c; *m and
 * *b are their integers in units of 2^e. */
static void choose_affine(slow_random *random, call *t, size_t param,
                          int64_t k2, int64_t c, int e, int64_t midpoint,
                          int64_t *m, int64_t *b)
{
    int p = slow_format_of(t->param)->p;
    for (int tries = 0;; tries++) {
        int room = p - tie_bits(k2);
        room = room > 20 ? 20 : room;
        *m = room > 0 ? (int64_t)slow_below(
                            random, (uint64_t)1 << slow_int(random, 0, room))
                      : 0;
        if (slow_below(random, 2))
            *m = -*m;
        *b = midpoint - *m * c;
        if (tries > 20) {
            *m = *b = 0;
        }
        if (tie_exactly(t->param, (wide)*m * k2, e,
                        &t->value[ng_tensor_gamma][param]) &&
            tie_exactly(t->param, *b, e, &t->value[ng_tensor_beta][param]))
            return;
    }
}

/* The shift of m c/k' by eps + 2^-j: -m c w^2 2^-j/(2 Q), -m c w 2^-j/k. */
static long double y_shift(const scale *s, int64_t w, int64_t mc)
{
    if (!s->nudged)
        return 0;
    long double k = (long double)s->k, r = (long double)w / k;
    return -(long double)mc * ldexpl(s->outside ? r : r * r / 2, -s->j);
}

static void want_y(slow_random *random, call *t, const placed *a, int64_t w)
{
    bool chosen[LIMIT] = {false};
    int e[LIMIT];
    int64_t m[LIMIT], b[LIMIT];
    long double more[LIMIT]; /* that gamma is larger by */
    size_t n = ng_view_n(&t->view);
    for (size_t k = 0; k < n * ng_view_sets(&t->view); k++) {
        size_t set = k / n, i = k % n;
        size_t at = ng_view_index(&t->view, set, i);
        size_t param = ng_view_param(&t->view, set, i);
        wanted *want = &t->want[ng_tensor_y][at];
        if (!chosen[param]) {
            chosen[param] = true;
            int64_t midpoint = tie_draw_midpoint(random, t->storage, &e[param]);
            choose_affine(random, t, param, a->s.k2, a->c[at], e[param],
                          midpoint, &m[param], &b[param]);
            more[param] = 0;
            double *gamma = &t->value[ng_tensor_gamma][param];
            if (!a->s.nudged && t->param == ng_f64 && *gamma != 0 &&
                tie_chance(random, 3)) {
                double old = *gamma;
                *gamma = nextafter(old, INFINITY);
                more[param] = (long double)*gamma - old;
            }
        }
        int64_t mc = m[param] * a->c[at];
        want->known = true;
        want->e = e[param];
        want->m = (wide)mc + b[param];
        want->nudge =
            ldexpl(y_shift(&a->s, w, mc), e[param]) +
            more[param] * (long double)a->c[at] / (long double)a->s.k2;
    }
}

void tie_of_y(slow_random *random, call *t, tally *total)
{
    char text[200], formats[60];
    placed a;
    double eps;
    family_op op = slow_below(random, FAMILY_OPS);
    bool with_eps = tie_chance(random, 3);
    size_t n = tie_draw_n(random);
    const pattern *p = tie_take(random, tie_shape_of(op), with_eps, n);
    tie_draw_scale(random, p, op, &a.s, &eps);
    tie_draw_formats(random, formats, sizeof formats);
    snprintf(text, sizeof text, "%s affine=gamma_beta eps_place=%s%s", formats,
             a.s.place, op == FAMILY_BATCH ? " running=none" : "");
    tie_contract(t, op, "forward", text);
    tie_size_call(random, t, n, 1 + slow_below(random, 3));
    for (size_t g = 0; g < tie_groups_of(t); g++)
        a.p[g] = p;
    int by = t->storage == ng_f16 || t->storage == ng_bf16
                 ? 0
                 : slow_int(random, -30, 30);
    t->test.eps = tie_scaled_eps(&a.s, eps, by);
    tie_place_sets(random, t, &a, by);
    for (size_t i = 0; i < n * ng_view_sets(&t->view); i++) {
        if (!tie_fits(t->storage, t->value[ng_tensor_x][i]))
            return; /* an offset too long for 16 bits */
    }
    want_y(random, t, &a, p->w);
    tie_judge(t, total);
}

/* Given statistics: running_var is a square. */
static void inference_sets(slow_random *random, call *t, placed *a, double *eps)
{
    size_t count = ng_view_sets(&t->view), n = ng_view_n(&t->view);
    pattern p = {.w = 1, .k = slow_int(random, 1, 200)};
    tie_draw_scale(random, &p, t->op, &a->s, eps);
    if (a->s.flat) {
        a->s = (scale){.k = p.k, .k2 = p.k};
        *eps = 0;
    }
    a->s.place = a->s.outside ? "outside" : "inside";
    for (size_t set = 0; set < count; set++) {
        size_t channel = ng_view_param(&t->view, set, 0);
        int mean = set == channel
                       ? slow_int(random, -100, 100)
                       : (int)t->value[ng_tensor_running_mean][channel];
        t->value[ng_tensor_running_mean][channel] = mean;
        t->value[ng_tensor_running_var][channel] = (double)(p.k * p.k);
        for (size_t i = 0; i < n; i++) {
            size_t at = ng_view_index(&t->view, set, i);
            a->x[at] = slow_int(random, -100, 100);
            a->c[at] = a->x[at] - mean;
            t->value[ng_tensor_x][at] = (double)a->x[at];
        }
    }
}

/* dx = m d with gamma = k' m. */
static void want_inference_dx(slow_random *random, call *t, const placed *a)
{
    size_t n = ng_view_n(&t->view);
    int p = slow_format_of(t->storage)->p;
    int half = p / 2, unit = slow_int(random, -20, 0);
    int64_t m =
        ((int64_t)1 << half) + (int64_t)slow_below(random, (uint64_t)1 << half);
    m |= 1;
    while (!tie_fits(t->param, (double)(m * a->s.k2)))
        m = m / 2 | 1;
    for (size_t c = 0; c < t->test.C; c++)
        t->value[ng_tensor_gamma][c] = ldexp((double)(m * a->s.k2), unit);
    for (size_t k = 0; k < n * ng_view_sets(&t->view); k++) {
        size_t at = ng_view_index(&t->view, k / n, k % n);
        int64_t top = ((int64_t)1 << p) / m + 1;
        int64_t d = top + (int64_t)slow_below(random, (uint64_t)top);
        d |= 1;
        if (!tie_fits(t->storage, (double)d))
            d = 1;
        t->value[ng_tensor_dy][at] = (double)d;
        t->want[ng_tensor_dx][at] = (wanted){
            true, (wide)m * d, unit, ldexpl(y_shift(&a->s, 1, m * d), unit)};
    }
}

void tie_of_inference(slow_random *random, call *t, tally *total)
{
    char text[200], formats[60];
    placed a;
    double eps;
    bool back = slow_below(random, 2);
    family_op op = slow_below(random, 2) ? FAMILY_BATCH : FAMILY_INSTANCE;
    tie_draw_formats(random, formats, sizeof formats);
    size_t n = tie_draw_n(random);
    snprintf(text, sizeof text, "%s stats=f64 affine=gamma_beta", formats);
    tie_contract(t, op, back ? "inference_backward" : "inference", text);
    tie_size_call(random, t, n, 1 + slow_below(random, 3));
    inference_sets(random, t, &a, &eps);
    ng_contract_set(&t->contract, "eps_place", a.s.place);
    t->test.eps = eps;
    if (back)
        want_inference_dx(random, t, &a);
    else
        want_y(random, t, &a, 1);
    tie_judge(t, total);
}
