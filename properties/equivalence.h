/* Equivalence: which norms are another norm on the same numbers, and where an
 * element of the one stands in the other. Index arithmetic of its own, from the
 * text of impl.h: what the ops and views say is checked by it. */
#ifndef NORMGATE_EQUIVALENCE_H
#define NORMGATE_EQUIVALENCE_H

#include <normgate/case.h>
#include <normgate/contract.h>

/* N, C, spatial, or rows, n, 1; a position counts along the same axes. */
typedef struct ng_shape {
    const char *op;
    size_t size[3], groups;
} ng_shape;

/* Where an element stands. */
typedef struct ng_spot {
    size_t set, i, param, dense;
} ng_spot;

bool ng_shape_is_rows(const char *op);
size_t ng_shape_sets(const ng_shape *shape);
ng_shape ng_shape_of(const ng_case *test);

/* Where the element at a position is, dense in memory. */
ng_spot ng_spot_find(const ng_shape *shape, const size_t at[3]);

/* Where the case's tensors have it: impl.h, and the case's gap, step, start. */
size_t ng_spot_memory(const ng_case *test, const ng_contract *contract,
                      const ng_shape *own, const size_t at[3]);

/* `move` takes a position of the one norm to that of the other. `unit`: holds
 * where all gammas and betas are alike. */
typedef struct ng_equivalence {
    const char *words;
    const char *own; /* an op, or "rows": layer, RMS, L2 norm */
    bool unit;
    bool (*applies)(const ng_shape *own); /* NULL: always */
    ng_shape (*other)(const ng_shape *own);
    void (*move)(const ng_shape *own, const size_t at[3], size_t to[3]);
} ng_equivalence;

extern const ng_equivalence ng_equivalences[]; /* NULL words at the end */

bool ng_equivalence_holds(const ng_equivalence *identity, const ng_shape *own,
                          const ng_case *test);

#endif
