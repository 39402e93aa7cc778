/* Progress: what a person at a terminal sees while a run goes on. */
#ifndef NORMGATE_PROGRESS_H
#define NORMGATE_PROGRESS_H

#include "gate.h"

/* A sink that shows each record and hands it on. */
typedef struct ng_progress {
    ng_sink sink;
    ng_sink *next;
    bool live;    /* a line on stderr that is written over */
    bool verbose; /* one line on stdout per check */
    double begin, shown;
    size_t checks, findings;
} ng_progress;

void ng_progress_init(ng_progress *progress, ng_sink *next, bool live,
                      bool verbose);

/* Clears the live line. */
void ng_progress_end(ng_progress *progress);

#endif
