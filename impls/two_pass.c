/* Two passes with recursive sums: mean = (sum of x)/n, then var = (sum of
 * (x - mean)^2)/n. A recursive sum s_i = s_{i-1} + x_i errs by at most
 * (n-1)u sum|x| to first order (Higham 2002, 4.2); centring before squaring
 * keeps the variance's relative error near n*u whatever the mean is. */
#ifdef REAL

static TERM TYPED(sum)(const REAL *x, size_t n, REAL centre, int power)
{
    TERM total = 0;
    for (size_t i = 0; i < n; i++)
        total += TYPED(term)(x[i], centre, power);
    return total;
}

#else

#define STYLE two_pass
#define STYLE_FILE "two_pass.c"
#define CLAIM "two passes, recursive sums: the textbook definition"
#define CONTRACT "summation=recursive variance=two_pass"
#define FOLDED
#define FAMILY
#define LAYOUTS
#define VARIANTS
#define FAMILY_BF16
#define FAMILY_F64
#include "style.inc"

#endif
