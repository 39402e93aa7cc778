/* Bounds: how far a correct kernel of the declared class may be from the exact
 * value. Every constant is derived in bounds.c, gradient_bounds.c and
 * BOUNDS.md. */
#ifndef NORMGATE_BOUNDS_H
#define NORMGATE_BOUNDS_H

#include <normgate/contract.h>
#include <normgate/reference.h>

/* What the elements of one set share. All relative errors are in units of 1,
 * lengths in units of x. Infinite: the class promises nothing here. */
typedef struct ng_set_bound {
    double mean;    /* |computed mean - mean| */
    double var;     /* |computed variance - variance| */
    double scale;   /* relative error of the computed 1/rstd and rstd */
    double g, gx;   /* |computed - exact| mean of g, of g x_hat */
    bool judged;    /* false: outside the declared domain */
    bool dx_judged; /* likewise, for dx */
} ng_set_bound;

/* Error and magnitude of the terms of a sum over elements. */
typedef struct ng_sum_bound {
    double error, magnitude;
    double sets, cell; /* terms come from so many sets, so many of each */
    bool judged;
} ng_sum_bound;

void ng_bound_set(ng_set_bound *bound, const ng_contract *contract,
                  const ng_conditions *set, double largest_x);

/* Absolute error allowed for y at (x, gamma, beta). */
double ng_bound_y(const ng_set_bound *bound, const ng_contract *contract,
                  const ng_conditions *set, const ng_point *exact, double x,
                  double gamma, double beta);
double ng_bound_h(const ng_contract *contract, const ng_point *exact);
double ng_bound_mean(const ng_set_bound *bound, const ng_contract *contract,
                     const ng_conditions *set);
double ng_bound_var(const ng_set_bound *bound, const ng_contract *contract,
                    const ng_point *exact);
double ng_bound_rstd(const ng_set_bound *bound, const ng_contract *contract,
                     const ng_conditions *set);

/* Completes ng_bound_set() for the gradient passes. */
void ng_bound_gradients(ng_set_bound *bound, const ng_contract *contract,
                        const ng_conditions *set);

/* Absolute error allowed for dx at x, |gamma*dy| and dh; under 1 + gamma g is
 * (1 + |gamma|)|dy|. */
double ng_bound_dx(const ng_set_bound *bound, const ng_contract *contract,
                   const ng_conditions *set, const ng_point *exact, double x,
                   double g, double dh);

/* Adds the term dy*x_hat of dgamma, or dy of dbeta, to what bounds the sum. */
void ng_bound_add_dgamma(ng_sum_bound *sum, const ng_set_bound *bound,
                         const ng_contract *contract, const ng_conditions *set,
                         double x, double dy);
void ng_bound_add_dbeta(ng_sum_bound *sum, double dy);
double ng_bound_sum(const ng_sum_bound *sum, const ng_contract *contract,
                    const ng_point *exact);

/* Running statistic after one step: `old` before it, the batch's `value` with
 * the error given; h bounds the average over the channel's sets. */
double ng_bound_running(const ng_contract *contract, double momentum,
                        double old, double value, double error, double h,
                        const ng_point *exact);

/* |sum computed - sum| <= accumulation_bound * sum |terms|, for n terms in the
 * arithmetic and the order that the contract declares. */
double ng_accumulation_bound(const ng_contract *contract, double n);

/* Half a unit in the last place of the output at most `error` beyond exact. */
double ng_final_rounding(const ng_contract *contract, ng_dtype dtype,
                         double exact, double error);

/* The error of one underflow in the arithmetic. */
double ng_underflow(const ng_contract *contract, ng_dtype dtype);

/* The error of reading one x: none, unless a subnormal is read as zero. */
double ng_reading(const ng_contract *contract);

#endif
