/* Problems whose outputs are ties or nearly so, for every pass, known exactly
 * by construction; test_family_ties.c judges the reference by them.
 *
 * Construction. For integers x let x_hat = c/k with integer c and k^2 = Q:
 *   layer  c = n x - sum x, Q = n sum x^2 - (sum x)^2 + n^2 eps,  w = n
 *   rms    c = n x,         Q = n sum x^2 + n^2 eps,              w = n
 *   l2     c = x,           Q = sum x^2 + eps,                    w = 1
 *   given  c = x - mean,    Q = var + eps,                        w = 1
 * and where eps stands outside x_hat = c/k' with k' = k + w eps, where it wins
 * in max(var, eps) k' = w sqrt(eps). With gamma = k' m: y = m c + beta. With
 * gamma = k k'^2, g = gamma d, P = w d - D, D = sum d (centred; else 0), K =
 * sum d c: dx = P k k' - c K (+ dh); gamma = k' where the scale is constant:
 * dx = P. beta, dh, the last dy are chosen so that the integer is the odd
 * number of half ulps that is wanted. Near ties: eps 2^-j more moves Q, k' or
 * both, by the derivatives below; gamma one bit more multiplies; dy of 2^-j in
 * one more row adds. For dgamma, rows whose roots are irrational cancel: their
 * radicands are equal, or have rational quotients of roots, and dy is chosen
 * so. */
#ifndef NORMGATE_TESTS_TIES_H
#define NORMGATE_TESTS_TIES_H

#include "slow_family.h"

#include <normgate/op.h>
#include <normgate/reference.h>

enum { LIMIT = 192, N_LEAST = 2, N_MOST = 14, SLOTS = 24, SAMPLE = 400 };

__extension__ typedef __int128 wide;

/* What an output is: m 2^e + nudge, |nudge| far below half an ulp. */
typedef struct wanted {
    bool known;
    wide m;
    int e;
    long double nudge;
} wanted;

typedef enum shape { SHAPE_CENTRED, SHAPE_RMS, SHAPE_L2, SHAPES } shape;

/* Integers with a rational rstd: x_hat = c/k. */
typedef struct pattern {
    size_t n;
    int64_t x[N_MOST], c[N_MOST], q, k, eps, w;
} pattern;

typedef struct call {
    ng_contract contract;
    ng_case test;
    ng_view view;
    family_op op;
    ng_dtype storage, param, stats;
    double value[NG_TENSOR_COUNT][LIMIT];
    wanted want[NG_TENSOR_COUNT][LIMIT];
} call;

typedef struct tally {
    size_t calls, outputs, ties, near, exact, plain, zero, subnormal, infinite;
    size_t forward, sampled, failures;
    size_t of_role[NG_TENSOR_COUNT], level[NG_LEVEL_COUNT];
} tally;

typedef enum class { CLASS_PLAIN, CLASS_EXACT, CLASS_TIE, CLASS_NEAR } class;

/* Where eps stands, and what x_hat's denominator then is. */
typedef struct scale {
    const char *place;
    bool outside, flat, nudged; /* nudged: eps is 2^-j more than it says */
    int64_t k, k2;              /* k, k' */
    int j;
} scale;

/* Sets of a call: which pattern, in which order, and its sign. */
typedef struct placed {
    const pattern *p[LIMIT]; /* by group */
    scale s;
    int64_t c[LIMIT], x[LIMIT]; /* by place in memory */
} placed;

/* --- ties_value.c --- */

bool tie_chance(slow_random *random, uint64_t one_in);
int tie_bits(wide m);
/* To nearest even, in integers. */
double tie_round(const wanted *v, ng_dtype dtype, class *how);
/* Whether the nudge cannot move the value past anything but the midpoint that
 * it starts from. */
bool tie_settled(const wanted *v, ng_dtype dtype);
bool tie_fits(ng_dtype dtype, double value);
/* *to = i 2^e; false: the format does not hold it. */
bool tie_exactly(ng_dtype dtype, wide i, int e, double *to);

/* --- ties_pattern.c --- */

bool tie_square_root(int64_t q, int64_t *root);
/* c, q, w; k if it is an integer: returns whether. */
bool tie_finish(shape kind, pattern *p);
void tie_draw_integers(slow_random *random, shape kind, pattern *p);
/* Two values in equal numbers: x_hat = +-1 where eps is 0. */
void tie_draw_pair(slow_random *random, shape kind, pattern *p);
/* One with an integer k. */
const pattern *tie_take(slow_random *random, shape kind, bool eps, size_t n);
size_t tie_draw_n(slow_random *random);
void tie_shuffle(slow_random *random, size_t *order, size_t n);

/* --- ties_call.c --- */

shape tie_shape_of(family_op op);
void tie_contract(call *t, family_op op, const char *pass, const char *more);
/* Sets of n elements; rows, or N of a channel op. */
void tie_size_call(slow_random *random, call *t, size_t n, size_t rows);
/* Sets that share gammas have the same number, below tie_groups_of(). */
size_t tie_group_of(const call *t, size_t set);
size_t tie_groups_of(const call *t);
/* Computes the call, compares what is known of it. */
void tie_judge(call *t, tally *total);

/* --- ties_draw.c --- */

void tie_draw_formats(slow_random *random, char *text, size_t size);
/* An odd number of half ulps, and their unit 2^*e. */
int64_t tie_draw_midpoint(slow_random *random, ng_dtype dtype, int *e);
/* `eps` in units of x^2, or of x where it stands outside. */
void tie_draw_scale(slow_random *random, const pattern *p, family_op op,
                    scale *s, double *eps);
/* eps for x scaled by 2^by. */
double tie_scaled_eps(const scale *s, double eps, int by);
void tie_place_sets(slow_random *random, call *t, placed *a, int by);

/* --- the builders: each draws a call and judges it --- */

void tie_of_y(slow_random *random, call *t, tally *total);
void tie_of_inference(slow_random *random, call *t, tally *total);
void tie_of_dx(slow_random *random, call *t, tally *total);
void tie_of_parameters(slow_random *random, call *t, tally *total);
void tie_of_statistics(slow_random *random, call *t, tally *total);

#endif
