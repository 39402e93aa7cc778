/* f32: IEEE 754 binary32, the machine's float. */
#include <normgate/dtype.h>

#include <string.h>

static double decode(const void *element)
{
    float value;
    memcpy(&value, element, sizeof value);
    return value;
}

static void encode(void *element, double value)
{
    float rounded = (float)value;
    memcpy(element, &rounded, sizeof rounded);
}

const ng_format ng_format_f32 = {"f32", 4, 24, -126, 127, decode, encode};
