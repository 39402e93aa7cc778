/* One reduction set: its moments, its root, and the surds of its outputs.
 *
 * Notation, for all sizes multiplied by n where the norm is centred (nn = n,
 * else nn = 1):
 *   c = nn x - S1            nn (x - mean); x itself when not centred (S1 = 0)
 *   r = sqrt(A)              nn sigma, or with eps inside the root nn s
 *   rho = r + B              nn s = nn/rstd
 *   k                        what the sum of squares is divided by
 *   G = sum g, K = sum g c   backward; g = gamma*dy
 * Then
 *   y    = beta + g c/rho                      (g: gamma or 1 + gamma)
 *   rstd = nn/rho
 *   dx   = (nn g - G)/rho - (nn/k) K c/(r rho^2) + dh
 * and the second term of dx is absent where rho does not depend on x: in
 * inference, and where max(var, eps) or max(norm, eps) is eps. In inference
 * S1 is the running mean, A the running variance, nn = 1, and G = 0. Given
 * statistics (backward_stats=saved), with d = x - mean:
 *   dx   = rstd (g - G/n) - rstd^3 d (sum g d)/k + dh. */
#ifndef NORMGATE_SET_H
#define NORMGATE_SET_H

#include "double_word.h"
#include "moments.h"
#include "quad.h"
#include "surd.h"

typedef struct set_state {
    const ng_problem *problem;
    size_t set;
    bool training, gradient, saved;
    bool centred;
    unsigned long nn, k;
    moments m;
    dyadic shift; /* S1, the running mean, or the saved mean */
    root r;
    dyadic b;                     /* B */
    dyadic weight;                /* K */
    double rstd;                  /* saved; NAN: not given */
    double mean, var, given_rstd; /* running or saved, as given; else 0 */
    bool zero;                    /* rho = 0 */
    bool negative;                /* A < 0: a negative running variance */
    bool flat;                    /* rho does not depend on x */
    bool kink;                    /* max(a, b) with a = b: no derivative */
    quad_set quads;
    word_set words;
} set_state;

void set_init(set_state *s);
void set_clear(set_state *s);

/* Everything about set `set`; eps as ng_contract_eps() gives it. */
void set_load(set_state *s, const ng_problem *problem, double eps, size_t set);

/* c of an element. */
void set_centre(const set_state *s, dyadic *c, const element *e);

/* The surds of outputs; *to is initialized by surd_init(to, &s->r). */
void set_surd_y(const set_state *s, surd *to, const element *e);
void set_surd_h(const set_state *s, surd *to, const element *e);
void set_surd_mean(const set_state *s, surd *to);
void set_surd_rstd(const set_state *s, surd *to);
void set_surd_var(const set_state *s, surd *to);
void set_surd_dx(const set_state *s, surd *to, const element *e);

/* dy x_hat with dy c summed by the caller: terms/rho. */
void set_surd_scaled(const set_state *s, surd *to, const dyadic *terms);

/* In double words, with the error that word_round() asks for; false: not so. */
bool set_word_y(const set_state *s, word *y, double *size, const element *e);
bool set_word_dx(const set_state *s, word *y, double *size, const element *e);

/* In binary128, with the error that quad_round() asks for; false: not so. */
bool set_quad_y(const set_state *s, quad *y, quad *size, const element *e);
bool set_quad_dx(const set_state *s, quad *y, quad *size, const element *e);
/* dy x_hat */
bool set_quad_dgamma(const set_state *s, quad *term, const element *e);

/* The sum of squares round the mean (of squares, when not centred) over the
 * divisor, as num/den. */
void set_variance(const set_state *s, unsigned long divisor, dyadic *num,
                  mpz_t den);

#endif
