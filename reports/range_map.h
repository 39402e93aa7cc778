/* Range map: what one kernel returned at each scale 2^k of x and each ratio
 * |mean|/sigma, from the columns of its range records. */
#ifndef NORMGATE_REPORTS_RANGE_MAP_H
#define NORMGATE_REPORTS_RANGE_MAP_H

#include "page.h"

/* From good to bad; of two records at one place the worse counts. */
typedef enum ng_reach {
    ng_reach_accurate,   /* every output is promised, and within its bound */
    ng_reach_close,      /* outside the promise: finite, the error small */
    ng_reach_inaccurate, /* likewise, the error not small, or some are zero */
    ng_reach_zero,       /* likewise, every output zero that should not be */
    ng_reach_infinite,   /* likewise, some infinite or NaN */
    ng_reach_fail,       /* the check of the record is wrong */
    NG_REACHES,
} ng_reach;

/* The error is small up to 1/NG_CLOSE of the largest exact output. */
enum { NG_CLOSE = 64 };

typedef struct ng_place {
    double eps, offset, scale; /* log2 of the last two */
    ng_reach reach;
    bool infinite; /* some output is, whatever the verdict */
} ng_place;

typedef struct ng_range_map {
    const ng_row *row;
    ng_place *places; /* by falling eps, then rising offset and scale */
    size_t count;
    size_t unplaced; /* wrong checks that left no columns: a crash, say */
    size_t left_out; /* places of more strips than are shown */
} ng_range_map;

/* False: memory is out. Without a record that has the columns, count is 0. */
bool ng_range_map_make(ng_range_map *map, ng_arena *arena, const ng_row *row);

/* 0: the same places with the same outcomes. */
int ng_range_map_compare(const ng_range_map *a, const ng_range_map *b);

/* The end of the strip that begins at `begin`: one eps, one offset. */
size_t ng_range_strip_end(const ng_range_map *map, size_t begin);

/* "eps = 1e-05: accurate from 2⁻⁷⁴ to 2⁶⁰, finite to 2⁶³." at the smallest
 * offset, and at the largest where that differs; a line for each eps. NULL: no
 * memory. */
const char *ng_range_map_sentence(const ng_range_map *map, ng_arena *arena);

#endif
