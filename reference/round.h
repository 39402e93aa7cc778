/* One correct rounding into a dtype, to nearest even, from an enclosure or
 * from the exact side of a midpoint. */
#ifndef NORMGATE_ROUND_H
#define NORMGATE_ROUND_H

#include "dyadic.h"

#include <normgate/dtype.h>

#include <stdbool.h>

/* The value lies within 2^error of y, error <= exponent(y) - 100. True: all of
 * it rounds to *rounded. False: *midpoint is the midpoint that it may hold. */
bool round_enclosed(double *rounded, dyadic *midpoint, const mpfr_t y,
                    long error, ng_dtype dtype);

/* The neighbour of a midpoint of two values of the dtype on the given side;
 * side 0 is the tie: the neighbour with the even significand. */
double round_from_midpoint(const dyadic *midpoint, int side, ng_dtype dtype);

#endif
