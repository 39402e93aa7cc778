/* Two passes with compensated sums (Neumaier 1974): the rounding error of each
 * addition is itself a floating-point number, found from the larger operand,
 * and the errors are summed beside the total. The error of a sum is 2u|sum| +
 * O(n u^2) sum|x|: independent of n until n is about 1/u. Needs addition
 * as written: value-changing optimization would remove the error term. */
#ifdef REAL

static TERM TYPED(sum)(const REAL *x, size_t n, REAL centre, int power)
{
    TERM total = 0, lost = 0;
    for (size_t i = 0; i < n; i++) {
        TERM term = TYPED(term)(x[i], centre, power);
        TERM next = total + term;
        if (fabs(total) >= fabs(term))
            lost += (total - next) + term;
        else
            lost += (term - next) + total;
        total = next;
    }
    /* Inf - Inf made `lost` a NaN, but an infinite total has lost nothing. */
    return isfinite(total) ? total + lost : total;
}

#else

#define STYLE compensated
#define STYLE_FILE "compensated.c"
#define CLAIM "two passes, compensated sums (Neumaier)"
#define CONTRACT "summation=compensated variance=two_pass"
#include "style.inc"

#endif
