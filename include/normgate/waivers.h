/* Waivers: failures that the owners of a library know, each with a reason and,
 * it is hoped, a last day. docs/adoption.md has the format of the file. */
#ifndef NORMGATE_WAIVERS_H
#define NORMGATE_WAIVERS_H

#include <normgate/arena.h>
#include <normgate/record.h>
#include <normgate/status.h>

#include <stdbool.h>
#include <stddef.h>

enum {
    NG_WAIVERS_MAX = 10000,
    NG_WAIVERS_BYTES_MAX = 4 << 20,
    NG_WAIVER_GLOB_MAX = 256,
    NG_WAIVER_REASON_MAX = 2048,
    NG_DATE_SIZE = 11, /* "2026-11-30" */
};

typedef struct ng_waiver {
    const char *kernel, *property; /* globs */
    const char *op, *pass, *dtype; /* globs; "*" unless the file says more */
    const char *id;                /* of one check; "": all that are named */
    const char *verdict;           /* the one it waives; FAIL unless said */
    const char *reason;
    const char *expires; /* its last day, YYYY-MM-DD; "": never */
    double max_ratio;    /* what is worse is not waived; INFINITY: nothing is */
} ng_waiver;

typedef struct ng_waivers {
    const ng_waiver *waiver;
    size_t count;
} ng_waivers;

/* All of a file, or an error that names the entry (from 1) and its field. */
ng_status ng_waivers_read(ng_waivers *waivers, ng_arena *arena,
                          const char *path, ng_error *error);

/* Whether its globs name the check. Not asked: its id. */
bool ng_waiver_names(const ng_waiver *waiver, const ng_record *check);

/* Whether the check is the one of its id, where it has one. */
bool ng_waiver_picks(const ng_waiver *waiver, const ng_record *check);

/* Whether such an outcome is waived. A ratio that is not known is within no
 * max_ratio. */
bool ng_waiver_covers(const ng_waiver *waiver, const ng_record *check);

/* Days are compared as text; both are YYYY-MM-DD. */
bool ng_waiver_expired(const ng_waiver *waiver, const char *today);

/* Whether a day of the calendar, YYYY-MM-DD. */
bool ng_date_valid(const char *text);

#endif
