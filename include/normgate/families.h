/* Families: the values of gamma, beta, dy and running statistics by name. */
#ifndef NORMGATE_FAMILIES_H
#define NORMGATE_FAMILIES_H

#include <normgate/generator.h>

typedef struct ng_affine_family {
    const char *name;
    const char *claim; /* what its members have in common */
    /* gamma and beta of parameter k. */
    void (*draw)(ng_source *source, size_t k, double *gamma, double *beta);
} ng_affine_family;

extern const ng_affine_family ng_affine_families[]; /* a NULL name at the end */

/* What an element of dy may hang on. */
typedef struct ng_dy_place {
    size_t sets, n;  /* of the view */
    size_t set, i;   /* of this element */
    double x, x_hat; /* of this element; x_hat without eps, 0: no spread */
    double gamma;    /* 1: there is none */
} ng_dy_place;

typedef struct ng_dy_family {
    const char *name;
    const char *claim;
    double (*draw)(ng_source *source, const ng_dy_place *place);
} ng_dy_family;

extern const ng_dy_family ng_dy_families[]; /* a NULL name at the end */

/* NULL: unknown. */
const ng_affine_family *ng_affine_family_find(const char *name);
const ng_dy_family *ng_dy_family_find(const char *name);

/* Their names, as "a, b or c". */
void ng_affine_family_names(char *text, size_t size);
void ng_dy_family_names(char *text, size_t size);

/* Running statistics of a channel in which `x` is a value. */
void ng_draw_running(ng_source *source, double eps, double x, double *mean,
                     double *var);

#endif
