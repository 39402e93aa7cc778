/* One pass of sums of d and d^2, d = x - x_0, the shift being the first
 * sample: mean = x_0 + D/n and var = (S - D*(D/n))/n with D = sum of d, S =
 * sum of d^2. The variance does not depend on the shift, but its cancellation
 * does: relative error about n*u*(1 + (mean - x_0)^2/var) (Chan, Golub,
 * LeVeque 1983), which a sample as the shift keeps small for most sets. */
#ifdef REAL

static void TYPED(moments)(const REAL *x, size_t n, REAL *mean, REAL *var)
{
    REAL shift = x[0], sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        REAL deviation = x[i] - shift;
        sum += deviation;
        squares += deviation * deviation;
    }
    REAL offset = sum / (REAL)n;
    REAL scatter = (squares - sum * offset) / (REAL)n;
    *mean = shift + offset;
    /* Rounding may leave less than nothing; a NaN stays one. */
    *var = scatter < 0 ? 0 : scatter;
}

#else

#define STYLE shifted
#define STYLE_FILE "shifted.c"
#define CLAIM "one pass, sums shifted by the first sample"
#define CONTRACT "summation=recursive variance=shifted"
#define OWN_MOMENTS
#include "style.inc"

#endif
