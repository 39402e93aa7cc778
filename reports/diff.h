/* Diff: two runs, check by check. A check is the same in both when its id is:
 * kernel, op, pass, dtype, property and case line. */
#ifndef NORMGATE_REPORTS_DIFF_H
#define NORMGATE_REPORTS_DIFF_H

#include "buffer.h"

#include <normgate/arena.h>
#include <normgate/record.h>

#include <stdbool.h>
#include <stddef.h>

/* What became of a kernel's property, the weightiest that holds. */
typedef enum ng_change_kind {
    ng_change_broken,   /* a check holds no more */
    ng_change_unjudged, /* one that was judged is no more, and none is broken */
    ng_change_fixed,
    ng_change_worse, /* errors grew beyond noise, with the same verdict */
    ng_change_better,
    ng_change_none,
    NG_CHANGE_KINDS
} ng_change_kind;

typedef struct ng_change {
    ng_change_kind kind;
    const ng_record *first; /* names the subject, kernel and property */
    const ng_record *shown; /* the check of the later run that shows it best */
    /* Checks; for a kernel that is wrong on purpose "broken" means that the
     * property named for the bug sees it no more. */
    size_t pairs, broken, unjudged, fixed, worse, better, still_wrong;
    size_t added, gone;      /* in one run only */
    double ulp[2], ratio[2]; /* largest of the pairs judged in both runs */
} ng_change;

typedef struct ng_diff {
    ng_change *changes; /* sorted: by kind, then the largest step first */
    size_t count;       /* those of kind none too, at the end */
    size_t kinds[NG_CHANGE_KINDS];
    size_t pairs, broken, unjudged, fixed, worse, better, still_wrong;
    size_t added, gone;
    const ng_record *run[2];          /* the first of each, or NULL */
    const ng_record *(*contracts)[2]; /* checks of kernels whose contract is
                                         not what it was */
    size_t contract_count;
    bool earlier_complete;
} ng_diff;

/* Whether the records hold an earlier run (ng_report_mark_before). */
bool ng_diff_wanted(const ng_record *records, size_t count);

ng_status ng_diff_make(ng_diff *diff, ng_arena *arena, const ng_record *records,
                       size_t count, ng_error *error);

/* An error grew or shrank beyond noise: by more than a quarter of an ulp and by
 * more than a quarter of itself. 1, -1, or 0. */
int ng_diff_step(double before, double now);

/* Of a kernel that is wrong on purpose: whether it is still caught. */
const char *ng_change_word(const ng_change *change);
/* How many checks took part in what the word says. */
size_t ng_change_checks(const ng_change *change);
/* "of 12 checks in both runs: 1 newly fails, ..." */
void ng_diff_totals(ng_buffer *out, const ng_diff *diff);
const char *ng_change_class(ng_change_kind kind); /* of CSS */
const char *ng_change_symbol(ng_change_kind kind);

#endif
