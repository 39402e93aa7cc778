/* View: which elements are reduced together, and which parameter goes with
 * each. One description serves batch, layer, RMS, group and instance norm in
 * any layout: at most two axes number the sets, at most two the elements of a
 * set; each axis says how far one step moves in x and in gamma. */
#ifndef NORMGATE_VIEW_H
#define NORMGATE_VIEW_H

#include <stddef.h>

typedef struct ng_axis {
    size_t count;     /* steps along the axis; an unused axis has 1 */
    ptrdiff_t stride; /* elements of x and y per step */
    ptrdiff_t param;  /* elements of gamma and beta per step */
} ng_axis;

typedef struct ng_view {
    ng_axis set[2];     /* outer, inner axis over the reduction sets */
    ng_axis element[2]; /* outer, inner axis inside one set */
    size_t start;       /* index of the first element in its memory */
} ng_view;

size_t ng_view_sets(const ng_view *view); /* number of reduction sets */
size_t ng_view_n(const ng_view *view);    /* elements of one set */

/* Index into x and y, and into gamma and beta, of element `i` of `set`. */
size_t ng_view_index(const ng_view *view, size_t set, size_t i);
size_t ng_view_param(const ng_view *view, size_t set, size_t i);

/* Of the sets, only first, first + step, ... can have the parameter at their
 * element 0: those of a channel, found without a walk through all sets. */
void ng_view_sets_of(const ng_view *view, size_t param, size_t *first,
                     size_t *step);

/* Gammas in all; as many betas. */
size_t ng_view_params(const ng_view *view);

/* One more than the largest index into x. */
size_t ng_view_extent(const ng_view *view);

/* Rows of n elements, gamma per element: layer and RMS norm. */
ng_view ng_view_rows(size_t rows, size_t n);

#endif
