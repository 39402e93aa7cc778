/* f64: IEEE 754 binary64, the machine's double. */
#include <normgate/dtype.h>

#include <string.h>

static double decode(const void *element)
{
    double value;
    memcpy(&value, element, sizeof value);
    return value;
}

static void encode(void *element, double value)
{
    memcpy(element, &value, sizeof value);
}

const ng_format ng_format_f64 = {"f64", 8, 53, -1022, 1023, decode, encode};
