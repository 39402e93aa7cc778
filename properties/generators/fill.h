/* The loop that all families share: one value per element, set by set. */
#ifndef NORMGATE_FILL_H
#define NORMGATE_FILL_H

#include <normgate/generator.h>

typedef struct ng_place {
    const ng_case *test;
    const ng_contract *contract;
    size_t sets, n; /* of the view */
    size_t set, i;  /* of this element */
    double arg;     /* of the family: the case's, or its default */
} ng_place;

/* Calls `value` for each element in order and stores the result, rounded to
 * the storage dtype. */
void ng_fill(const ng_case *test, const ng_contract *contract,
             const ng_view *view, ng_source *source, void *x,
             double arg_default,
             double (*value)(const ng_place *place, ng_source *source));

#endif
