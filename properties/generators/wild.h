/* Wild: inputs on which kernels in the field have failed, by number. */
#ifndef NORMGATE_WILD_H
#define NORMGATE_WILD_H

#include "plan.h"

enum { WILD_VALUES = 8 };

typedef enum ng_wild_kind {
    ng_wild_list,    /* value[i mod count] */
    ng_wild_normal,  /* a + b times a normal value */
    ng_wild_uniform, /* from a to b */
    ng_wild_ramp,    /* a + b i */
    ng_wild_equal,   /* a + b times a normal value, one for the whole set */
    ng_wild_signed,  /* normal of deviation b; mean a in even sets, else -a */
    ng_wild_steps,   /* normal, the mean rising by b every a elements */
    ng_wild_last,    /* a, the last element b */
} ng_wild_kind;

typedef struct ng_wild_values {
    ng_wild_kind kind;
    double a, b;
    size_t count;
    double value[WILD_VALUES];
} ng_wild_values;

typedef struct ng_wild_shape {
    size_t rows, n; /* 0: as N, C, spatial, num_groups say */
    size_t N, C, spatial, num_groups;
} ng_wild_shape;

typedef struct ng_wild_row {
    unsigned number;    /* what gen=wild:number means, for ever */
    const char *thread; /* where it was reported */
    const char *where;  /* passes that it is tried on: any, gradient,
                              inference (both passes), update (of running
                              statistics) */
    unsigned dtypes;    /* set of 1 << ng_dtype */
    ng_profile from;    /* the least profile that tries it; ng_gate also
                              means smoke for a few short rows */
    ng_wild_shape shape;
    double eps;
    const char *affine, *dy;
    double mean, var; /* running statistics; NAN: drawn */
    ng_wild_values values;
} ng_wild_row;

extern const ng_wild_row ng_wild_rows[]; /* number 0 at the end */

/* The row of that number (in range: 1 to the last), or the nearest. */
const ng_wild_row *ng_wild_find(double number);

#endif
