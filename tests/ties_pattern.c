/* Sets of integers with a rational rstd. */
#include "ties.h"

#include <math.h>

bool tie_square_root(int64_t q, int64_t *root)
{
    int64_t r = (int64_t)sqrt((double)q);
    while (r * r > q)
        r--;
    while ((r + 1) * (r + 1) <= q)
        r++;
    *root = r;
    return r > 0 && r * r == q;
}

/* c and q; k only if it is an integer: returns whether. */
bool tie_finish(shape kind, pattern *p)
{
    int64_t n = (int64_t)p->n, sum = 0, squares = 0;
    for (size_t i = 0; i < p->n; i++) {
        sum += p->x[i];
        squares += p->x[i] * p->x[i];
    }
    p->w = kind == SHAPE_L2 ? 1 : n;
    p->q = p->w * squares + p->w * p->w * p->eps;
    if (kind == SHAPE_CENTRED)
        p->q -= sum * sum;
    for (size_t i = 0; i < p->n; i++)
        p->c[i] = p->w * p->x[i] - (kind == SHAPE_CENTRED ? sum : 0);
    return tie_square_root(p->q, &p->k);
}

void tie_draw_integers(slow_random *random, shape kind, pattern *p)
{
    int spread = slow_int(random, 1, 12);
    int offset = kind == SHAPE_CENTRED && tie_chance(random, 3)
                     ? slow_int(random, -3000, 3000)
                     : 0;
    for (size_t i = 0; i < p->n; i++)
        p->x[i] = offset + slow_int(random, -spread, spread);
}

/* Two values in equal numbers: x_hat = +-1 where eps is 0. */
void tie_draw_pair(slow_random *random, shape kind, pattern *p)
{
    int a = slow_int(random, -40, 40), b = a + slow_int(random, 1, 9);
    for (size_t i = 0; i < p->n; i++)
        p->x[i] = kind != SHAPE_CENTRED ? (i % 2 ? -b : b) : i % 2 ? a : b;
}

static void draw_rational(slow_random *random, shape kind, bool eps, size_t n,
                          pattern *p)
{
    do {
        p->n = n;
        p->eps = eps ? slow_int(random, 1, 40) : 0;
        if (n % 2 == 0 && tie_chance(random, 16))
            tie_draw_pair(random, kind, p);
        else
            tie_draw_integers(random, kind, p);
    } while (!tie_finish(kind, p) || p->k >= 1 << 14);
}

/* From a pool that renews itself: most of the time goes into finding them. */
const pattern *tie_take(slow_random *random, shape kind, bool eps, size_t n)
{
    static pattern pool[SHAPES][2][N_MOST + 1][SLOTS];
    pattern *p = &pool[kind][eps][n][slow_below(random, SLOTS)];
    if (p->n == 0 || tie_chance(random, 12))
        draw_rational(random, kind, eps, n, p);
    return p;
}

/* Any but 3, of which no centred set has a rational deviation: its Q is 2 (a^2
 * + a b + b^2), and 2 divides a square an even number of times. */
size_t tie_draw_n(slow_random *random)
{
    size_t n = N_LEAST + slow_below(random, N_MOST - N_LEAST + 1);
    return n == 3 ? 4 : n;
}

void tie_shuffle(slow_random *random, size_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t k = slow_below(random, i), t = order[k];
        order[k] = order[i - 1];
        order[i - 1] = t;
    }
}
