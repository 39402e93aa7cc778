/* Store: the records of a run, kept for its reports and streamed to a file as
 * they come, so that a run that is cut short leaves what it found. */
#ifndef NORMGATE_STORE_H
#define NORMGATE_STORE_H

#include "gate.h"

#include <stdio.h>

typedef struct ng_store {
    ng_sink sink; /* keeps a copy of every record, and writes it */
    ng_arena arena;
    ng_intern texts;
    ng_record *records;
    size_t count, room;
    FILE *stream; /* NULL: to no file */
    char *path;
    char *partial; /* being written, renamed to path by ng_store_close(); NULL:
                      path is a pipe or a device, written as it is */
} ng_store;

void ng_store_init(ng_store *store);

/* Streams to the file, `-` for stdout, from now on. An earlier file of that name stays as it is
 * until the run has come to its end; a link leads to its target. */
ng_status ng_store_open(ng_store *store, const char *path, ng_error *error);

/* The run came to its end: the file takes its name. */
ng_status ng_store_close(ng_store *store, ng_error *error);

/* Releases all. A file that was not closed stays as path.partial, and stderr
 * says so. */
void ng_store_free(ng_store *store);

#endif
