/* Spectrum: singular values by LAPACK with a proved error, straight lines by
 * least squares. */
#ifndef NORMGATE_SPECTRUM_H
#define NORMGATE_SPECTRUM_H

#include <normgate/arena.h>

#include <stdbool.h>
#include <stddef.h>

/* The singular values of the n x n matrix `a` (row by row), largest first; each
 * is within *error of an exact one of the same rank. False: no memory, or
 * LAPACK did not converge. */
bool ng_singular_values(ng_arena *arena, const double *a, size_t n,
                        double *values, double *error);

/* The slope of the line that fits y(x) best; NAN below three points. */
double ng_fitted_slope(const double *x, const double *y, size_t count);

#endif
