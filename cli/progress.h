/* Progress: what a person at a terminal sees while a run goes on: a line on
 * stderr that is written over. It is drawn by a process of its own, from memory
 * shared with all processes of the run, so that it moves on while a kernel
 * keeps the run waiting. */
#ifndef NORMGATE_PROGRESS_H
#define NORMGATE_PROGRESS_H

#include "gate.h"

#include <sys/types.h>

typedef struct ng_progress {
    bool live; /* else all of this does nothing */
    double begin;
    struct ng_board *board; /* shared; NULL: no phase is under way */
    size_t size;            /* bytes of it */
    pid_t painter;
    /* Of this process alone: where the unit that it works on stands. */
    ng_sink tap;
    ng_sink *next;
    size_t unit, properties, property, cases, done;
} ng_progress;

void ng_progress_init(ng_progress *progress, bool live);

/* A phase of so many units of work begins; it is named on the line. Before the
 * processes that share it are forked. */
void ng_progress_begin(ng_progress *progress, const char *phase, size_t units);

/* Clears the line: at the end of a phase, and before anything else is printed.
 * Findings and cases so far are kept for the next. All of these take NULL. */
void ng_progress_end(ng_progress *progress);

/* This process begins a unit. Returns where to put its records: into `sink` by
 * way of a count of them. */
ng_sink *ng_progress_unit(ng_progress *progress, size_t unit, ng_sink *sink);
void ng_progress_unit_end(ng_progress *progress);

/* What is to come of the unit: so many properties on the kernel, the next of
 * them with so many cases, one record each. */
void ng_progress_kernel(ng_progress *progress, const char *kernel,
                        size_t properties);
void ng_progress_property(ng_progress *progress, const char *property,
                          size_t cases);

#endif
