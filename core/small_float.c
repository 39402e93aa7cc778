/* 16-bit formats by integer arithmetic on the pattern of a double, so that no
 * rounding but the one that is wanted takes place. */
#include "small_float.h"

#include <math.h>
#include <string.h>

double ng_small_decode(uint16_t bits, int fraction)
{
    int width = 15 - fraction; /* of the exponent */
    int bias = (1 << (width - 1)) - 1;
    int exponent = (bits >> fraction) & ((1 << width) - 1);
    int significand = bits & ((1 << fraction) - 1);
    double sign = bits >> 15 ? -1.0 : 1.0;
    if (exponent == (1 << width) - 1)
        return significand != 0 ? copysign(NAN, sign) : sign * INFINITY;
    if (exponent == 0)
        return sign * ldexp(significand, 1 - bias - fraction);
    return sign *
           ldexp(significand | 1 << fraction, exponent - bias - fraction);
}

uint16_t ng_small_encode(double value, int fraction)
{
    int width = 15 - fraction;
    int bias = (1 << (width - 1)) - 1;
    uint16_t sign = (uint16_t)(signbit(value) ? 0x8000 : 0);
    uint16_t infinity = (uint16_t)(((1 << width) - 1) << fraction);
    if (isnan(value))
        return (uint16_t)(sign | infinity | 1 << (fraction - 1));
    if (isinf(value))
        return sign | infinity;
    if (value == 0)
        return sign;
    int exponent;
    frexp(value, &exponent);
    exponent--; /* 2^exponent <= |value| */
    if (exponent > bias)
        return sign | infinity;
    if (exponent < 1 - bias)
        exponent = 1 - bias; /* subnormal: a fixed unit */
    /* |value| in units of the last place is below 2^(fraction + 1), so the
     * scaling is exact and nearbyint, to nearest even in the default mode that
     * normgate runs in, is the one rounding. A carry into the next binade, or
     * from the largest finite to Inf, is right by the layout of the pattern. */
    double units = nearbyint(ldexp(fabs(value), fraction - exponent));
    uint32_t pattern = (uint32_t)units;
    if (pattern >> fraction != 0) /* normal: the hidden bit is the exponent's */
        pattern += (uint32_t)(exponent + bias - 1) << fraction;
    return (uint16_t)(sign | pattern);
}
