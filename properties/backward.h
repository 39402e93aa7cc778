/* Backward: what the properties of the gradient passes share: a call with its
 * outputs as numbers beside their bounds, the exact x_hat behind them, and the
 * judgement of an identity that holds for exact gradients. */
#ifndef NORMGATE_BACKWARD_H
#define NORMGATE_BACKWARD_H

#include "inner.h"
#include "judge.h"

/* One tensor, [sets][n] in the view's order ([params][1] for parameters).
 * bound is NAN where the contract promises nothing. */
typedef struct ng_values {
    size_t sets, n;                    /* 0: the call has no such output */
    double *got, *exact, *low, *bound; /* exact + low is exact to 2^-100 */
} ng_values;

/* A call and what came of it. */
typedef struct ng_outcome {
    ng_call_state call;
    ng_standard standard;
    ng_values value[NG_TENSOR_COUNT];
} ng_outcome;

/* Calls the kernel with outcome->call's inputs and measures what came back.
 * False: no answer, or a fault of the harness; the finding says which. */
bool ng_outcome_call(ng_trial *trial, const ng_case *test, ng_outcome *outcome,
                     ng_finding *finding);

/* A copy of another outcome's inputs, to be changed and called. */
bool ng_outcome_copy(ng_trial *trial, const ng_outcome *from, ng_outcome *to,
                     ng_finding *finding);

/* Element (set, i) of an input; `absent` where the call has no such tensor. */
double ng_input_at(const ng_call_state *call, ng_role role, size_t set,
                   size_t i, double absent);
void ng_input_set(ng_call_state *call, ng_role role, size_t set, size_t i,
                  double value);

/* All of an input at once: times a power of two, or all equal; nothing without
 * the tensor. False: the products are not all exact in its dtype. */
bool ng_input_scale(ng_call_state *call, ng_role role, double factor);
void ng_input_fill(ng_call_state *call, ng_role role, double value);

/* The factor of x_hat in y as two terms, f + one: 1 + gamma need not be a
 * double. */
typedef struct ng_factor {
    double gamma, one;
} ng_factor;
ng_factor ng_factor_at(const ng_call_state *call, size_t set, size_t i);

/* x_hat of every element, exact + low, and each set's rstd. */
typedef struct ng_x_hat {
    size_t sets, n;
    double *high, *low; /* [sets][n] */
    double *rstd;       /* [sets], to nearest */
} ng_x_hat;

/* As the gradients see it: saved statistics where those are given. */
bool ng_x_hat_make(ng_trial *trial, const ng_call_state *call, ng_x_hat *x_hat,
                   ng_finding *finding);

/* 1 - var/(s t), t the root of which s is made: what is left of g in the
 * direction of x_hat. 0 without eps; 1 where s does not depend on x. */
double ng_eps_share(const ng_standard *standard, size_t set);

/* got is within bound of due. False, and the cause in words made from
 * `format`, when it is not; a bound that is no number promises nothing. */
bool ng_judge_identity(ng_finding *finding, ng_role role, size_t set, size_t i,
                       double got, double due, double bound, const char *format,
                       ...) __attribute__((format(printf, 8, 9)));

/* The identity that came nearest to its bound, relative to the sum of the
 * magnitudes of its terms. All zero: none was judged. */
typedef struct ng_sides {
    bool any;
    double ratio, residual, bound;
} ng_sides;

void ng_sides_add(ng_sides *sides, double got, double due, double bound,
                  double size);

/* As the columns `residual` and `bound`; with them `cosine`, of the angle
 * between the gradient that came and the exact one. */
void ng_sides_columns(const ng_sides *sides, const ng_values *gradient,
                      ng_finding *finding);

/* Makes every set as the first, its dy 1 at the element that has the set's
 * number mod n, else 0; dh 0. */
void ng_unit_gradients(ng_call_state *call);

/* The exact singular values of dy/dx of the bare norm in set 0, largest first:
 * n of them. */
void ng_norm_spectrum(const ng_outcome *base, const ng_x_hat *x_hat,
                      double *values);

/* In training, statistics of x. */
bool ng_is_training(const ng_contract *contract);
bool ng_applies_gradient(const ng_contract *contract);
bool ng_uses_saved(const ng_contract *contract);

#endif
