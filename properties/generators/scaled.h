/* Scaled families: 2^k times normal values about an offset, k the argument,
 * cut at the largest finite value of the storage. */
#ifndef NORMGATE_SCALED_H
#define NORMGATE_SCALED_H

#include "fill.h"

#include <math.h>

/* 2^k, k from below every subnormal to the top of f64. */
#define SCALED_LOW (-1080)
#define SCALED_HIGH 1023

static inline double scaled_value(const ng_place *place, ng_source *source,
                                  double offset)
{
    double limit = ng_dtype_max(ng_contract_storage(place->contract));
    double value = ldexp(offset + ng_source_normal(source), (int)place->arg);
    return fmin(fmax(value, -limit), limit);
}

#endif
