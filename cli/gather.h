/* Gather: the records of one or many files as one list, in which subjects of
 * the same name that different runs checked are told apart. */
#ifndef NORMGATE_GATHER_H
#define NORMGATE_GATHER_H

#include <normgate/record.h>

typedef struct ng_gather_file {
    const char *path;
    const char *name;  /* without its folder and ending */
    const char *label; /* tells it from the others */
    size_t begin, end; /* its records */
    bool complete;
} ng_gather_file;

/* What of the records is wanted; NULL: all. */
typedef struct ng_gather_filter {
    const char *op, *pass, *dtype, *kernel, *property, *subject; /* globs */
} ng_gather_filter;

typedef struct ng_gather {
    ng_arena arena;
    ng_intern texts;
    ng_record_list list;
    ng_gather_file *files;
    size_t file_count;
    const char **twice; /* subjects that several runs checked */
    size_t twice_count;
} ng_gather;

ng_status ng_gather_load(ng_gather *gather, char *const *paths, size_t count,
                         const ng_gather_filter *filter, ng_error *error);

/* Whether two files are two runs of one and the same subject. */
bool ng_gather_is_diff(const ng_gather *gather);

/* Files of a subject are shards of one run as long as they share no check and
 * agree on profile, seed and version; else its name gets the file's. */
ng_status ng_gather_label(ng_gather *gather, ng_error *error);

void ng_gather_free(ng_gather *gather);

#endif
