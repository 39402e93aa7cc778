/* Moments of one reduction set, exact: n, sum of x, of x^2 and of |x|. */
#ifndef NORMGATE_MOMENTS_H
#define NORMGATE_MOMENTS_H

#include "dyadic.h"

#include <normgate/dtype.h>
#include <normgate/view.h>

typedef struct moments {
    unsigned long n;
    dyadic sum, squares, magnitudes;
    double first;  /* x of element 0 */
    bool nan, inf; /* met in the set; the sums then leave them out */
} moments;

void moments_init(moments *set);
void moments_clear(moments *set);
void moments_of(moments *to, const ng_view *view, size_t set, ng_dtype dtype,
                const void *x);

#endif
