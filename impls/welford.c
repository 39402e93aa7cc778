/* One pass by Welford's updates (1962): with the mean m of the first k - 1
 * values, d = x - m, m' = m + d/k, and the sum of squared deviations grows by
 * d*(x - m'). No cancellation: both factors have one sign, so that var >= 0,
 * and a constant set gives m = x and var = 0 exactly. Its relative error is
 * about n*u*kappa, kappa^2 = 1 + mean^2/var (Chan, Golub, LeVeque 1983). */
#ifdef REAL

static void TYPED(moments)(const REAL *x, size_t n, REAL *mean, REAL *var)
{
    REAL centre = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        REAL deviation = x[i] - centre;
        centre += deviation / (REAL)(i + 1);
        squares += deviation * (x[i] - centre);
    }
    *mean = centre;
    *var = squares / (REAL)n;
}

#else

#define STYLE welford
#define STYLE_FILE "welford.c"
#define CLAIM "one pass, Welford's updates"
#define CONTRACT "summation=recursive variance=welford"
#define OWN_MOMENTS
#include "style.inc"

#endif
