/* Geometry: which elements of x are reduced together, where they lie, and
 * which gamma goes with each. Every norm of the family is one of these
 * partitions; the arithmetic that follows is the same. */
#ifndef NORMGATE_GEOMETRY_H
#define NORMGATE_GEOMETRY_H

#include <normgate/impl.h>

enum op {
    layer_norm,
    rms_norm,
    l2_norm,
    batch_norm,
    group_norm,
    instance_norm
};

/* A loop over memory: its steps, and how far each goes in x and in gamma. */
struct loop {
    size_t count;
    ptrdiff_t x;
    size_t gamma;
};

struct geometry {
    struct loop set[2], element[2]; /* outer and inner */
    size_t sets, n;                 /* as the loops multiply */
    size_t params;                  /* gammas in all */
    size_t cell; /* elements of a set, one after the other, that share one */
};

struct geometry geometry_of(enum op op, const ng_call *call);

/* Index into x and all of its shape. */
size_t geometry_index(const struct geometry *shape, size_t set, size_t i);

/* Index into gamma of element 0 of the set; that of element i is i/cell on. */
size_t geometry_param(const struct geometry *shape, size_t set);

#endif
