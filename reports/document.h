/* Document: the frame of every report that is a file: what it is made from,
 * and that it is written whole or not at all. */
#ifndef NORMGATE_REPORTS_DOCUMENT_H
#define NORMGATE_REPORTS_DOCUMENT_H

#include "buffer.h"
#include "findings.h"

#include <normgate/report.h>

typedef struct ng_document {
    ng_buffer *out; /* where it is written; `failed` when memory is out */
    ng_arena *arena;
    const ng_record *records;
    size_t count;
    bool complete;
    const ng_grid *grid; /* kernels by properties */
    const ng_tally *tally;
    const ng_findings *findings; /* the worst first */
    bool ordinary; /* errors in ulp are of normal inputs (grid.h) */
} ng_document;

/* Makes it of the records by `write`, and the file of it. */
ng_status ng_document_make(const ng_record *records, size_t count,
                           bool complete, const char *path,
                           void (*write)(const ng_document *document),
                           ng_error *error);

#endif
