/* Inner products by Dot2 of Ogita, Rump and Oishi (Accurate sum and dot
 * product, SIAM J. Sci. Comput. 26, 2005): as if in twice the precision and
 * then rounded,
 *   |computed - exact| <= u |exact| + g(n)^2 sum |a_i b_i|,  g(n) = n u/(1 - n u)
 * with u = 2^-53, and 5 n eta more where products are subnormal. */
#include "inner.h"

#include <math.h>

void ng_inner_add(ng_inner *inner, double weight, double value, double error)
{
    double product = weight * value;
    double left = fma(weight, value, -product);
    double sum = inner->high + product, other = sum - inner->high;
    double lost = (inner->high - (sum - other)) + (product - other);
    inner->high = sum;
    inner->low += lost + left;
    inner->size += fabs(product);
    inner->bound += fabs(weight) * error;
    inner->terms++;
}

double ng_inner_value(const ng_inner *inner)
{
    return inner->high + inner->low;
}

double ng_inner_bound(const ng_inner *inner)
{
    double n = (double)inner->terms, gamma = n * 0x1p-53 / (1 - n * 0x1p-53);
    double own = 0x1p-53 * fabs(ng_inner_value(inner)) +
                 gamma * gamma * inner->size + 5 * n * 0x1p-1074;
    /* the sums of bounds and sizes are rounded themselves */
    return (inner->bound + own) * (1 + 2 * gamma);
}
