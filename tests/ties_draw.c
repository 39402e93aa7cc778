/* What all builders draw: formats, midpoints, where eps stands, x. */
#include "ties.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Formats of storage and parameters. */
void tie_draw_formats(slow_random *random, char *text, size_t size)
{
    static const char *const pairs[] = {"dtype=f32",
                                        "dtype=f32 param=f64",
                                        "dtype=f32 param=f64",
                                        "dtype=f64",
                                        "dtype=bf16 param=f32",
                                        "dtype=f16 param=f32",
                                        "dtype=bf16 param=f64",
                                        "dtype=f16 param=f64"};
    snprintf(text, size, "%s", pairs[slow_below(random, 8)]);
}

/* An odd number of half units of the dtype, and the unit 2^*e: of full length,
 * or among subnormals, or at the overflow threshold. */
int64_t tie_draw_midpoint(slow_random *random, ng_dtype dtype, int *e)
{
    const slow_format *f = slow_format_of(dtype);
    int64_t top = (int64_t)1 << f->p;
    int64_t m = (top + (int64_t)slow_below(random, (uint64_t)top)) | 1;
    uint64_t pick = slow_below(random, 24);
    int most = dtype == ng_f16 ? 3 : 40;
    *e = slow_int(random, -f->p - most, most - f->p);
    if (pick == 0) {
        *e = f->emax - f->p;
        m = 2 * top - 1;
    } else if (pick <= 2) {
        *e = f->emin - f->p;
        m = m >> slow_int(random, 1, f->p - 1) | 1;
    }
    return slow_below(random, 2) ? m : -m;
}

/* For patterns without eps of their own. `eps` in units of x^2, or of x where
 * it stands outside. */
void tie_draw_scale(slow_random *random, const pattern *p, family_op op,
                    scale *s, double *eps)
{
    static const int depths[] = {50, 60, 70, 80, 100, 110, 120, 200, 400, 800};
    *s = (scale){.place = "inside", .k = p->k, .k2 = p->k};
    *eps = (double)p->eps;
    s->nudged = p->eps == 0 && tie_chance(random, 3);
    s->j = depths[slow_below(random, 10)];
    if (p->eps == 0 && tie_chance(random, 4)) {
        s->place = "outside";
        s->outside = true;
        if (!s->nudged)
            *eps = slow_int(random, 0, 5);
        s->k2 = p->k + p->w * (int64_t)*eps;
    } else if (p->eps == 0 && !s->nudged && tie_chance(random, 4)) {
        int64_t root = p->k / p->w + slow_int(random, 1, 5);
        s->flat = true;
        s->place = op == FAMILY_L2 ? "max_norm" : "max_var";
        *eps = op == FAMILY_L2 ? (double)root : (double)(root * root);
        s->k2 = p->w * root;
    } else if (p->eps == 0 && !s->nudged && tie_chance(random, 4)) {
        s->place = op == FAMILY_L2 ? "max_norm" : "none";
    }
    if (s->nudged)
        *eps = ldexp(1, -s->j);
}

/* eps for x scaled by 2^by. */
double tie_scaled_eps(const scale *s, double eps, int by)
{
    bool once = s->outside || strcmp(s->place, "max_norm") == 0;
    return ldexp(eps, once ? by : 2 * by);
}

/* Fills x. All groups must have one k where the scale was drawn for one: then
 * they share the pattern. */
void tie_place_sets(slow_random *random, call *t, placed *a, int by)
{
    size_t order[N_MOST];
    for (size_t set = 0; set < ng_view_sets(&t->view); set++) {
        const pattern *p = a->p[tie_group_of(t, set)];
        int sign = slow_below(random, 2) ? 1 : -1;
        tie_shuffle(random, order, p->n);
        for (size_t i = 0; i < p->n; i++) {
            size_t at = ng_view_index(&t->view, set, i);
            a->c[at] = sign * p->c[order[i]];
            a->x[at] = sign * p->x[order[i]];
            t->value[ng_tensor_x][at] = ldexp((double)a->x[at], by);
        }
    }
}
