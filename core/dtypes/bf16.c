/* bf16: 8 significand bits, exponents -126 to 127. */
#include "small_float.h"

#include <normgate/dtype.h>

#include <string.h>

static double decode(const void *element)
{
    uint16_t bits;
    memcpy(&bits, element, sizeof bits);
    return ng_small_decode(bits, 7);
}

static void encode(void *element, double value)
{
    uint16_t bits = ng_small_encode(value, 7);
    memcpy(element, &bits, sizeof bits);
}

const ng_format ng_format_bf16 = {"bf16", 2, 8, -126, 127, decode, encode};
