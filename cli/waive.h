/* Waive: failures that a file of waivers names become WAIVED on their way to
 * the store, and afterwards each waiver tells what it was good for. */
#ifndef NORMGATE_WAIVE_H
#define NORMGATE_WAIVE_H

#include "gate.h"

#include <normgate/waivers.h>

/* What a waiver met in the run. */
typedef struct ng_waive_use {
    bool named;      /* its globs name the checks of the present group */
    bool seeded;     /* they name a seeded bug, which nothing waives */
    uint64_t met;    /* checks that it names */
    uint64_t cases;  /* of those, failures that it waives or once waived */
    uint64_t denied; /* and failures that it does not cover */
} ng_waive_use;

typedef struct ng_waive {
    ng_sink sink;
    ng_sink *next;
    ng_arena arena;
    const char *subject; /* of the run */
    ng_waivers waivers;
    ng_waive_use *use;             /* of each */
    char today[NG_DATE_SIZE];      /* UTC */
    char group[NG_RECORD_ID_SIZE]; /* of checks that differ in the case alone */
} ng_waive;

/* Reads the file; records go through `waive->sink` to `next`. */
ng_status ng_waive_open(ng_waive *waive, const char *path, ng_sink *next,
                        ng_error *error);

/* After the checks: a record of kind "waiver" for each. */
ng_status ng_waive_end(ng_waive *waive, ng_error *error);

void ng_waive_free(ng_waive *waive);

#endif
