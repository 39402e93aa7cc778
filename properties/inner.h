/* Inner: inner products of outputs with weights, in twice the precision of
 * double, and how far the product of a right kernel's outputs may be off. */
#ifndef NORMGATE_INNER_H
#define NORMGATE_INNER_H

#include <stddef.h>

/* sum a_i b_i, where the b_i may err by what was said of each. */
typedef struct ng_inner {
    double high, low;
    double size;  /* sum |a_i b_i| */
    double bound; /* sum |a_i| error_i */
    size_t terms;
} ng_inner;

/* Adds weight*value, the value within `error` of the exact one. */
void ng_inner_add(ng_inner *inner, double weight, double value, double error);

double ng_inner_value(const ng_inner *inner);

/* |value - exact| at most: the outputs' errors and the rounding of the sum
 * itself. */
double ng_inner_bound(const ng_inner *inner);

#endif
