/* Baseline: what the checks measure is gathered on its way to the store, and
 * compared with a file when they have ended. */
#ifndef NORMGATE_CLI_BASELINE_H
#define NORMGATE_CLI_BASELINE_H

#include "gate.h"

#include <normgate/baseline.h>

typedef struct ng_watch {
    ng_sink sink;
    ng_sink *next;
    ng_arena arena;
    const char *path;
    bool update;
    const ng_gate_options *options; /* what the run leaves out is not gone */
    const char *version, *subject;  /* of this run */
    ng_baseline before;
    double factor;
    struct ng_watch_slot *slot;
    size_t count, room;
} ng_watch;

/* Reads the file; records go through `watch->sink` to `next`. `factor` 0: the
 * file's, or 2 for a new one. */
ng_status ng_watch_open(ng_watch *watch, const char *path, bool update,
                        double factor, const ng_gate_options *options,
                        ng_sink *next, ng_error *error);

/* After the checks: records of kind "baseline" of what moved, and the file
 * where it is to be updated. */
ng_status ng_watch_end(ng_watch *watch, ng_error *error);

void ng_watch_free(ng_watch *watch);

#endif
