/* Singular values by LAPACKE_dgesvd. What it returns is not believed but
 * checked: with R = A - U S V', |U'U - I| <= a < 1 and |V V' - I| <= b < 1 (all
 * norms Frobenius, formed in twice the precision),
 *   |sigma_k(A) - s_k| <= |R| + s_1 max(sqrt((1 + a)(1 + b)) - 1,
 *                                       1/sqrt((1 - a)(1 - b)) - 1),
 * the first term by Weyl, the second by Ostrowski: the singular values of U lie
 * between sqrt(1 - a) and sqrt(1 + a), and so for V (Horn, Johnson, Matrix
 * Analysis, 2nd ed., corollary 7.3.5 and theorem 4.5.9). */
#include "spectrum.h"
#include "inner.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

/* |X'X - I| for the columns of u, or |X X' - I| for the rows of v'. */
static double defect(const double *x, size_t n, bool columns)
{
    size_t across = columns ? 1 : n, along = columns ? n : 1;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            ng_inner dot = {0};
            for (size_t k = 0; k < n; k++)
                ng_inner_add(&dot, x[i * across + k * along],
                             x[j * across + k * along], 0);
            if (i == j)
                ng_inner_add(&dot, -1, 1, 0);
            double entry = fabs(ng_inner_value(&dot)) + ng_inner_bound(&dot);
            sum += (i == j ? 1 : 2) * entry * entry;
        }
    }
    return sqrt(sum);
}

static double residual(const double *a, const double *u, const double *s,
                       const double *vt, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            ng_inner dot = {0};
            ng_inner_add(&dot, 1, a[i * n + j], 0);
            for (size_t k = 0; k < n; k++) {
                double w = u[i * n + k] * s[k];
                ng_inner_add(&dot, -w, vt[k * n + j], 0);
                ng_inner_add(&dot, -fma(u[i * n + k], s[k], -w), vt[k * n + j],
                             0);
            }
            double entry = fabs(ng_inner_value(&dot)) + ng_inner_bound(&dot);
            sum += entry * entry;
        }
    }
    return sqrt(sum);
}

bool ng_singular_values(ng_arena *arena, const double *a, size_t n,
                        double *values, double *error)
{
    double *work = ng_arena_alloc(arena, 3 * n * n + n, sizeof *work);
    if (work == NULL)
        return false;
    double *copy = work, *u = work + n * n, *vt = work + 2 * n * n;
    memcpy(copy, a, n * n * sizeof *a);
    lapack_int size = (lapack_int)n;
    if (LAPACKE_dgesvd(LAPACK_ROW_MAJOR, 'A', 'A', size, size, copy, size,
                       values, u, size, vt, size, work + 3 * n * n) != 0)
        return false;
    double left = defect(u, n, true), right = defect(vt, n, false);
    double stretch = expm1((log1p(left) + log1p(right)) / 2);
    if (left < 1 && right < 1)
        stretch = fmax(stretch, expm1(-(log1p(-left) + log1p(-right)) / 2));
    *error = (residual(a, u, values, vt, n) + values[0] * stretch) *
             (1 + (double)(n * n) * 0x1p-52);
    return left < 1 && right < 1;
}

double ng_fitted_slope(const double *x, const double *y, size_t count)
{
    enum { MOST = 64 };
    double a[2 * MOST], b[MOST];
    if (count < 3 || count > MOST)
        return NAN;
    for (size_t i = 0; i < count; i++) {
        a[2 * i] = 1;
        a[2 * i + 1] = x[i];
        b[i] = y[i];
    }
    if (LAPACKE_dgels(LAPACK_ROW_MAJOR, 'N', (lapack_int)count, 2, 1, a, 2, b,
                      1) != 0)
        return NAN;
    return b[1];
}
