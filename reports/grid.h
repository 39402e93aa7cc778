/* Grid: the check records as a table, kernels by properties or by families. */
#ifndef NORMGATE_REPORTS_GRID_H
#define NORMGATE_REPORTS_GRID_H

#include <normgate/arena.h>
#include <normgate/record.h>
#include <normgate/verdict.h>

/* Some checks taken together. */
typedef struct ng_score {
    size_t judged, wrong; /* wrong ones are judged too */
    size_t waived, left_out;
    const ng_record *first; /* as stored */
    const ng_record *first_wrong;
    const ng_record *smallest_wrong; /* fewest elements of x */
    const ng_record *worst;          /* the largest ratio */
    double ratio, error_ulp;         /* largest judged; NAN without any */
} ng_score;

void ng_score_init(ng_score *score);
void ng_score_add(ng_score *score, const ng_record *record);

/* The first wrong verdict, else PASS, WAIVED, or why it was left out. */
ng_verdict ng_score_verdict(const ng_score *score);

/* An unknown verdict, of a newer normgate, is no pass: ERROR. */
ng_verdict ng_record_verdict(const ng_record *record);
bool ng_record_wrong(const ng_record *record); /* NULL is not */

/* Errors in ulp are told of ordinary inputs, normal ones under the property
 * accuracy, where the records have some: where an output nearly cancels, every
 * kernel errs by any number of ulp. Else they are told of all. */
bool ng_records_ordinary(const ng_record *records, size_t count);
bool ng_record_tells_ulp(const ng_record *record, bool ordinary);

/* Its cause, or what its verdict means where it names none. */
const char *ng_record_cause(const ng_record *record);

/* An order by op, pass and dtype, as of strcmp(). */
int ng_record_shape_order(const ng_record *a, const ng_record *b);

typedef struct ng_cell {
    ng_score score;
    const char *name; /* of the column */
    size_t kernel, column;
    const ng_record *const *records; /* sorted by op, pass, dtype */
    size_t record_count;
} ng_cell;

typedef struct ng_row {
    ng_score score; /* of the kernel */
    const char *subject, *kernel;
    const char *seeded_bug; /* "" for a kernel meant to be right */
    const ng_record *subject_first;
    const ng_cell *cells; /* the filled ones, by column */
    size_t cell_count;
} ng_row;

/* Kernels, subjects and columns stand as they first occur in the records. */
typedef struct ng_grid {
    ng_row *rows;
    size_t row_count;
    const char **columns;
    size_t column_count;
    ng_cell *cells;
    size_t cell_count;
} ng_grid;

typedef enum ng_grid_key { ng_by_property, ng_by_family } ng_grid_key;

ng_status ng_grid_make(ng_grid *grid, ng_arena *arena, const ng_record *records,
                       size_t count, ng_grid_key key, ng_error *error);

/* The row's cell of that name, or NULL. */
const ng_cell *ng_row_cell(const ng_row *row, const char *name);

/* Whether its named property caught the seeded bug. */
bool ng_row_caught(const ng_row *row);

#endif
