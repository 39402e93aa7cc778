/* What the ops' geometries share. */
#ifndef NORMGATE_SHAPES_H
#define NORMGATE_SHAPES_H

#include <normgate/op.h>

/* Rows of n elements, gamma per element. */
ng_view shape_rows(const ng_case *test, const ptrdiff_t stride[3]);

/* The largest divisor of `number` up to `most`; 0 of 0. */
size_t shape_divisor(size_t number, size_t most);

#endif
