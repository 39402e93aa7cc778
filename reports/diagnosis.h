/* Diagnosis: the failing properties of one kernel that say the same is wrong,
 * as one. */
#ifndef NORMGATE_REPORTS_DIAGNOSIS_H
#define NORMGATE_REPORTS_DIAGNOSIS_H

#include "grid.h"

typedef struct ng_diagnosis {
    const char *text;            /* the cause, or what several have in common */
    const ng_cell *const *cells; /* as on the page; all of them fail */
    size_t count;
    double ratio; /* the largest; NAN without any */
} ng_diagnosis;

/* Of one kernel, those of most properties first. NULL: memory is out. */
ng_diagnosis *ng_diagnoses_make(size_t *count, ng_arena *arena,
                                const ng_row *row);

#endif
