/* Exact sums of one reduction set: of x, x^2 and |x|, and, in the backward
 * pass, of g and g*x. An element is x, or x + residual without rounding. */
#ifndef NORMGATE_MOMENTS_H
#define NORMGATE_MOMENTS_H

#include "dyadic.h"

#include <normgate/reference.h>

typedef struct moments {
    unsigned long n;
    dyadic sum, squares, magnitudes;
    double first;  /* element 0, to nearest */
    bool nan, inf; /* met in the set; the sums then leave them out */
    dyadic g, gx;  /* of g = gamma*dy and of g*x */
    bool g_nan, g_inf;
} moments;

/* One element's inputs, as doubles. */
typedef struct element {
    double x, residual, gamma, beta, dy, dh;
} element;

void moments_init(moments *set);
void moments_clear(moments *set);
void moments_of(moments *to, const ng_problem *problem, size_t set);

/* Adds the sums of g and g*x. */
void moments_add_gradient(moments *to, const ng_problem *problem, size_t set);

element element_at(const ng_problem *problem, size_t set, size_t i);

#endif
