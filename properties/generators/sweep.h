/* Sweep: how many bit patterns a sweep of a dtype has. */
#ifndef NORMGATE_SWEEP_H
#define NORMGATE_SWEEP_H

#include <normgate/dtype.h>

/* What the elements after the first of a set are: the argument. */
enum {
    SWEEP_SEEDED,    /* a pattern that the seed pairs with the first */
    SWEEP_NEIGHBOUR, /* the next pattern: one ulp, or the turn to Inf and NaN */
    SWEEP_OPPOSITE,  /* the first with the other sign */
    SWEEP_ONE,
    SWEEP_ZERO,
    SWEEP_LEAST,   /* the least subnormal */
    SWEEP_LARGEST, /* the largest finite value */
    SWEEP_INFINITE,
    SWEEP_NAN,
    SWEEP_LAST = SWEEP_NAN
};

/* All patterns of 16 bits; else each sign and exponent with few mantissas. */
size_t sweep_patterns(ng_dtype dtype);

#endif
