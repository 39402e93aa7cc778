/* Findings: what is wrong, one for each failing (kernel, property), the worst
 * first: for readers who see only the first few. */
#ifndef NORMGATE_REPORTS_FINDINGS_H
#define NORMGATE_REPORTS_FINDINGS_H

#include "grid.h"

typedef struct ng_found {
    const ng_row *row;
    const ng_cell *cell; /* NULL: a seeded bug that its property let through */
} ng_found;

typedef struct ng_findings {
    ng_found *found;
    size_t count;
} ng_findings;

/* Crashes, hangs and errors, then failures by falling error / bound, then
 * seeded bugs that survived; those only of a run that came to its end. */
ng_status ng_findings_make(ng_findings *findings, ng_arena *arena,
                           const ng_grid *properties, bool complete,
                           ng_error *error);

#endif
