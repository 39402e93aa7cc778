/* f16: 11 significand bits, exponents -14 to 15. */
#include "small_float.h"

#include <normgate/dtype.h>

#include <string.h>

static double decode(const void *element)
{
    uint16_t bits;
    memcpy(&bits, element, sizeof bits);
    return ng_small_decode(bits, 10);
}

static void encode(void *element, double value)
{
    uint16_t bits = ng_small_encode(value, 10);
    memcpy(element, &bits, sizeof bits);
}

const ng_format ng_format_f16 = {"f16", 2, 11, -14, 15, decode, encode};
