/* Crew: several processes share a list of independent units of work; their
 * records reach the sink in the order of the list, as if one had done it, each
 * as soon as those before it are there. A run that is killed loses what its
 * members have found of later units; one that is told to end loses nothing. */
#ifndef NORMGATE_CREW_H
#define NORMGATE_CREW_H

#include "gate.h"

enum { NG_CREW_MAX = 64 };

typedef struct ng_crew_work {
    size_t count; /* units */
    /* Does one unit; its records go to `sink`. */
    ng_status (*unit)(void *user, size_t i, ng_sink *sink, ng_error *error);
    void *user;
    struct ng_progress *progress; /* told of every unit; or NULL */
    const char *phase;            /* what it calls them */
} ng_crew_work;

/* jobs = 1: in this process. The first unit that fails ends the run. */
ng_status ng_crew_run(const ng_crew_work *work, unsigned jobs, ng_sink *sink,
                      ng_error *error);

#endif
