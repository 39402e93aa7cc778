/* Plan: which cases a property tries, as a table of rows crossed with sizes. */
#ifndef NORMGATE_PLAN_H
#define NORMGATE_PLAN_H

#include <normgate/property.h>

/* One input family of a plan. */
typedef struct ng_plan_row {
    const char *gen;
    double arg; /* NAN: none */
    double eps;
    const char *affine;
} ng_plan_row;

typedef struct ng_plan_size {
    size_t rows, n;
    ng_profile from; /* the least profile that tries it */
} ng_plan_size;

#define NG_EPS 0x1.4f8b588e368f1p-17 /* 1e-5, the usual default */

/* The i-th combination, sizes running fastest; false after the last. The seed
 * of the case mixes the trial's with i, so that each has its own data. */
bool ng_plan_cross(const ng_trial *trial, size_t i, const ng_plan_row *rows,
                   size_t row_count, const ng_plan_size *sizes,
                   size_t size_count, ng_case *test);

/* Gives the case the contract's pass, `rows` sets of n elements and, by i,
 * strides and momentum. */
void ng_plan_shape(const ng_trial *trial, size_t i, size_t rows, size_t n,
                   ng_case *test);

/* By i, strides for the sizes that the case has (layout=strided). */
void ng_plan_strides(const ng_trial *trial, size_t i, ng_case *test);

/* A family of dy for every other i. */
void ng_plan_gradient(size_t i, ng_case *test);

/* Forward in training, of x alone: where identities of the norm hold. */
bool ng_applies_forward(const ng_contract *contract);
bool ng_applies_always(const ng_contract *contract);

#endif
