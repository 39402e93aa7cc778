/* Bounds: how far a correct kernel of the declared class may be from the exact
 * value. Every constant is derived in bounds.c and BOUNDS.md. */
#ifndef NORMGATE_BOUNDS_H
#define NORMGATE_BOUNDS_H

#include <normgate/contract.h>
#include <normgate/reference.h>

/* What the elements of one set share. All relative errors are in units of 1,
 * lengths in units of x. Infinite: the class promises nothing here. */
typedef struct ng_set_bound {
    double mean;  /* |computed mean - mean| */
    double scale; /* relative error of the computed 1/rstd and rstd */
    bool judged;  /* false: outside the declared domain */
} ng_set_bound;

void ng_bound_set(ng_set_bound *bound, const ng_contract *contract,
                  const ng_conditions *set, double largest_x);

/* Absolute error allowed for y at (x, gamma, beta). */
double ng_bound_y(const ng_set_bound *bound, const ng_contract *contract,
                  const ng_conditions *set, const ng_point *exact, double x,
                  double gamma, double beta);
double ng_bound_mean(const ng_set_bound *bound, const ng_contract *contract,
                     const ng_conditions *set);
double ng_bound_rstd(const ng_set_bound *bound, const ng_contract *contract,
                     const ng_conditions *set);

/* |sum computed - sum| <= accumulation_bound * sum |terms|, for n terms in the
 * arithmetic and the order that the contract declares. */
double ng_accumulation_bound(const ng_contract *contract, double n);

#endif
