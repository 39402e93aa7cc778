/* Ties of dgamma and dbeta over rows. */
#include "ties.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A row, or a set of instance norm: x_hat = c/sqrt(q). */
typedef struct line {
    pattern p;
    enum { LINE_RATIONAL, LINE_PARTNER, LINE_PAIR, LINE_TINY } kind;
    int64_t num, den; /* sqrt(q) = sqrt(q of the partner) num/den */
    size_t order[N_MOST];
} line;

enum { LINES = 10 };

/* A row whose root is that of `first` times a rational number. */
static void draw_partner(slow_random *random, shape kind, const line *first,
                         line *second)
{
    int64_t root;
    *second = *first;
    second->num = second->den = 1;
    for (int tries = 0; tries < 200; tries++) {
        pattern p = {.n = first->p.n, .eps = first->p.eps};
        for (size_t i = 0; i < p.n; i++)
            p.x[i] = slow_int(random, -4, 4);
        tie_finish(kind, &p);
        if (p.q == 0 || !tie_square_root(p.q * first->p.q, &root))
            continue;
        second->p = p; /* sqrt(q2/q1) = sqrt(q1 q2)/q1 */
        second->num = root;
        second->den = first->p.q;
        for (int64_t f = 2; f <= second->num; f++) {
            while (second->num % f == 0 && second->den % f == 0) {
                second->num /= f;
                second->den /= f;
            }
        }
        return;
    }
}

static size_t draw_lines(slow_random *random, shape kind, size_t n, int64_t eps,
                         line *lines)
{
    size_t count = 0, pairs = slow_below(random, 4);
    for (size_t k = 0; k < pairs; k++) {
        line *first = &lines[count], *second = &lines[count + 1];
        do {
            first->p = (pattern){.n = n, .eps = eps};
            for (size_t i = 0; i < n; i++)
                first->p.x[i] = slow_int(random, -4, 4);
            tie_finish(kind, &first->p);
        } while (first->p.q == 0);
        first->kind = second->kind = LINE_PARTNER;
        draw_partner(random, kind, first, second);
        second->kind = LINE_PARTNER;
        first->num = first->den = 1;
        count += 2;
    }
    for (size_t k = slow_below(random, 2); eps == 0 && k > 0; k--) {
        lines[count].p = *tie_take(random, kind, false, n);
        lines[count++].kind = LINE_RATIONAL;
    }
    if (tie_chance(random, 2)) {
        lines[count] = (line){.kind = LINE_TINY};
        do {
            lines[count].p = (pattern){.n = n, .eps = eps};
            tie_draw_integers(random, kind, &lines[count].p);
            tie_finish(kind, &lines[count].p);
        } while (lines[count].p.q == 0);
        count++;
    }
    line *last = &lines[count++];
    *last = (line){.kind = LINE_PAIR, .p = {.n = n, .eps = eps}};
    do { /* x_hat = +-1/h: eps = 0, or 3 d^2 more than the variance d^2 */
        tie_draw_pair(random, kind, &last->p);
    } while (!tie_finish(kind, &last->p));
    for (size_t k = 0; k < count; k++)
        tie_shuffle(random, lines[k].order, n);
    return count;
}

/* dy of two lines whose terms cancel: a dy_a/sqrt(q_a) + b dy_b/sqrt(q_b) = 0,
 * so dy_a = b den d, dy_b = -a num d; a term without c needs no other. */
static void cancel(const line *second, int64_t a, int64_t b, int64_t d,
                   double *of_first, double *of_second)
{
    bool both = a != 0 && b != 0;
    *of_first = (double)(both ? b * second->den * d : a == 0 ? d : 0);
    *of_second = (double)(both ? -a * second->num * d : b == 0 ? d : 0);
}

/* One parameter: dy of every line at its element; *sum is dgamma, *plain dbeta,
 * both in units of 2^e. */
static bool choose_column(slow_random *random, const call *t, const line *lines,
                          size_t count, const int64_t *c, double *dy, int e,
                          wanted *gamma, wanted *beta)
{
    wide sum = 0, plain = 0;
    int tiny = -slow_int(random, 60, 110);
    long double of_sum = 0, of_plain = 0;
    int p = slow_format_of(t->param)->p;
    int spread = 1 << slow_int(random, 0, 5);
    for (size_t k = 0; k + 1 < count; k++) {
        int64_t d = slow_int(random, -spread, spread);
        wide whole = 0;
        dy[k] = 0;
        switch (lines[k].kind) {
        case LINE_PARTNER:
            cancel(&lines[k + 1], c[k], c[k + 1], d, &dy[k], &dy[k + 1]);
            plain += (wide)dy[k] + (wide)dy[k + 1];
            break;
        case LINE_RATIONAL:
            whole = (wide)d * lines[k].p.k;
            sum += (wide)d * c[k];
            dy[k] = (double)whole;
            plain += whole;
            break;
        default: /* LINE_TINY */
            dy[k] = ldexp(d, tiny);
            of_sum = (long double)dy[k] * (long double)c[k] /
                     sqrtl((long double)lines[k].p.q);
            of_plain = dy[k];
        }
        if (lines[k].kind == LINE_PARTNER)
            k++; /* it has its dy */
    }
    /* The last line: x_hat = c/k = +-1/h. */
    size_t last = count - 1;
    const pattern *pair = &lines[last].p;
    if (c[last] == 0 || pair->k % c[last] != 0)
        return false;
    int64_t h = pair->k / c[last]; /* dy = h (M - sum) */
    int64_t top = (int64_t)1 << p;
    for (int tries = 0; tries < 8; tries++) {
        int64_t m = (top + (int64_t)slow_below(random, (uint64_t)top)) | 1;
        if (slow_below(random, 2))
            m = -m;
        if (tie_chance(random, 8))
            m = 0;
        wide need = (m - sum) * h;
        if (tie_bits(need) > 53 || !tie_fits(t->storage, (double)need))
            continue;
        dy[last] = (double)need;
        plain += need;
        *gamma = (wanted){true, m, e, ldexpl(of_sum, e)};
        *beta = (wanted){true, plain, e, ldexpl(of_plain, e)};
        for (size_t k = 0; k < count; k++) {
            if (!tie_fits(t->storage, dy[k]) ||
                (fabs(dy[k]) >= 0x1p53 && dy[k] != 0))
                return false;
            dy[k] = ldexp(dy[k], e);
        }
        return true;
    }
    return false;
}

void tie_of_parameters(slow_random *random, call *t, tally *total)
{
    static const char *const formats[] = {"dtype=f32",
                                          "dtype=f32",
                                          "dtype=f64",
                                          "dtype=f64 param=f32",
                                          "dtype=f32 param=bf16",
                                          "dtype=f32 param=f16",
                                          "dtype=f64 param=bf16"};
    static line lines[LINES];
    char text[200];
    bool instance = tie_chance(random, 4);
    family_op op = instance                ? FAMILY_INSTANCE
                   : slow_below(random, 2) ? FAMILY_LAYER
                                           : FAMILY_RMS;
    shape kind = tie_shape_of(op);
    size_t n = 2 * (1 + slow_below(random, 5));
    bool eps = kind == SHAPE_CENTRED && tie_chance(random, 3);
    size_t count = draw_lines(random, kind, n,
                              eps ? slow_int(random, 1, 3) * 3 : 0, lines);
    snprintf(text, sizeof text, "%s affine=gamma_beta eps_place=%s",
             formats[slow_below(random, 7)], eps ? "inside" : "none");
    tie_contract(t, op, "backward", text);
    tie_size_call(random, t, n, count);
    int by = slow_int(random, -20, 20), e = slow_int(random, -30, 10);
    size_t params = ng_view_params(&t->view);
    t->test.eps = eps ? ldexp((double)lines[0].p.eps, 2 * by) : 0;
    for (size_t k = 0; k < params; k++)
        t->value[ng_tensor_gamma][k] = t->value[ng_tensor_beta][k] =
            slow_int(random, -3, 3);
    for (size_t set = 0; set < ng_view_sets(&t->view); set++) {
        const line *l = &lines[instance ? set / t->test.C : set];
        /* without eps each row may have a scale of its own */
        int own = by + (eps ? 0 : slow_int(random, -5, 5));
        for (size_t i = 0; i < n; i++) {
            size_t at = ng_view_index(&t->view, set, i);
            t->value[ng_tensor_x][at] = ldexp((double)l->p.x[l->order[i]], own);
            t->value[ng_tensor_dy][at] = 0;
        }
    }
    for (size_t k = 0; k < params; k++) {
        int64_t c[LINES];
        double dy[LINES];
        size_t place[LINES];
        for (size_t r = 0; r < count; r++) {
            size_t i = instance ? slow_below(random, n) : k;
            size_t set = instance ? r * t->test.C + k : r;
            place[r] = ng_view_index(&t->view, set, i);
            c[r] = lines[r].p.c[lines[r].order[i]];
        }
        if (!choose_column(random, t, lines, count, c, dy, e,
                           &t->want[ng_tensor_dgamma][k],
                           &t->want[ng_tensor_dbeta][k]))
            continue;
        for (size_t r = 0; r < count; r++)
            t->value[ng_tensor_dy][place[r]] = dy[r];
    }
    tie_judge(t, total);
}
