/* Atlas: what each subject makes of each op, pass and dtype. */
#ifndef NORMGATE_REPORTS_ATLAS_H
#define NORMGATE_REPORTS_ATLAS_H

#include "page.h"

#include <normgate/histogram.h>

enum { NG_ATLAS_SUBJECTS_MAX = 16 };

/* What a subject makes of one op, pass and dtype. */
typedef struct ng_atlas_cell {
    size_t checks, judged, findings;
    double ulp, ratio; /* largest judged; NAN without any */
    double p99;        /* NAN without a histogram, INFINITY in its last bin */
    const ng_record *worst;
    bool best, last; /* of its row; none where all are equal */
    ng_histogram histogram;
} ng_atlas_cell;

typedef struct ng_atlas {
    const ng_page *page;
    const char *subject[NG_ATLAS_SUBJECTS_MAX];
    const char *name[NG_ATLAS_SUBJECTS_MAX]; /* short, for a column's head */
    size_t subject_count, subjects_left_out;
    const ng_record **sorted; /* checks by op, pass, dtype */
    size_t count, row_count;
    bool ordinary; /* errors in ulp are of normal inputs (grid.h) */
} ng_atlas;

/* Subjects as they first occur; kernels that are wrong on purpose compare
 * nothing. */
ng_status ng_atlas_make(ng_atlas *atlas, const ng_page *page);

/* The cells of the row that begins at sorted[i]; where the next one begins. */
size_t ng_atlas_row(const ng_atlas *atlas, size_t i, ng_atlas_cell *cells);

#endif
