/* Findings: what is wrong, one for each failing (kernel, property), the worst
 * first: for readers who see only the first few. */
#ifndef NORMGATE_REPORTS_FINDINGS_H
#define NORMGATE_REPORTS_FINDINGS_H

#include "grid.h"

typedef enum ng_found_kind {
    ng_found_survivor, /* a seeded bug that its property let through */
    ng_found_worse,    /* less accurate than the baseline */
    ng_found_failure,  /* a wrong result, or one refused */
    ng_found_death,    /* no result: a crash, a hang, an error */
} ng_found_kind;

typedef struct ng_found {
    ng_found_kind kind;
    const char *kernel, *property;
    const ng_record *record; /* its smallest failing case; of the baseline; of a
                                survivor any */
    const ng_score *score;   /* of a failure or a death, else NULL */
    double weight;
} ng_found;

typedef struct ng_findings {
    ng_found *found;
    size_t count;
} ng_findings;

/* By falling kind, then by falling error / bound; seeded bugs that survived
 * only of a run that came to its end. */
ng_status ng_findings_make(ng_findings *findings, ng_arena *arena,
                           const ng_grid *properties, const ng_record *records,
                           size_t count, bool complete, ng_error *error);

/* "SURVIVED", "WORSE" than the baseline, or its verdict */
const char *ng_found_word(const ng_found *found);

#endif
