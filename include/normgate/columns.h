/* Columns: short named lists of numbers, as one text of a record: what a
 * property measured, for the section of the report that draws it. */
#ifndef NORMGATE_COLUMNS_H
#define NORMGATE_COLUMNS_H

#include <normgate/arena.h>
#include <normgate/status.h>

#include <stdbool.h>
#include <stddef.h>

/* "n=16 64 256; error=1e-07 2.5e-07 inf; exponent=0.51": names of a-z, 0-9 and
 * _, values as decimal numbers, inf, -inf or nan. */
enum { NG_COLUMNS_TEXT_MAX = 8192, NG_COLUMN_NAME_MAX = 32 };

/* Appends a column. Values keep six digits, whole numbers up to 2^53 all. A
 * text that would grow past `size` stays as it is, and the answer is false; so
 * it is for a name that is none. */
bool ng_columns_add(char *text, size_t size, const char *name,
                    const double *values, size_t count);

typedef struct ng_column {
    const char *name;
    const double *values;
    size_t count;
} ng_column;

typedef struct ng_columns {
    const ng_column *column;
    size_t count;
} ng_columns;

/* Reads it back; the numbers live in the arena. */
ng_status ng_columns_read(ng_columns *columns, ng_arena *arena,
                          const char *text, ng_error *error);

/* The first column of that name, or one of no values. */
ng_column ng_columns_find(const ng_columns *columns, const char *name);

/* The first value of it, or NAN. */
double ng_columns_first(const ng_columns *columns, const char *name);

#endif
