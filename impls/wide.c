/* Two passes with sums in double for storage and arithmetic of fewer bits. A
 * square of a float is exact in double, and n*2^-53 is below 2^-24 up to n =
 * 2^29, so mean and var carry one rounding to float each, whatever n is. */
#ifdef REAL

static TERM TYPED(sum)(const REAL *x, size_t n, REAL centre, int power)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += TYPED(term)(x[i], centre, power);
    return total;
}

#else

#define STYLE wide
#define STYLE_FILE "wide.c"
#define CLAIM "two passes, float arithmetic with sums in double"
#define CONTRACT "summation=wide variance=two_pass"
#define WIDE
#define FAMILY
#define FAMILY_F16
#include "style.inc"

#endif
