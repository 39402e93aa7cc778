/* Outputs: the files that a run's records are made into: check, judge and
 * report share their options. */
#ifndef NORMGATE_OUTPUTS_H
#define NORMGATE_OUTPUTS_H

#include "command.h"

#include <normgate/report.h>

typedef enum ng_output_kind {
#define NG_OUTPUT(name) ng_output_##name,
#include "outputs.def"
#undef NG_OUTPUT
    NG_OUTPUT_COUNT
} ng_output_kind;

typedef struct ng_outputs {
    const char *path[NG_OUTPUT_COUNT]; /* NULL: not wanted */
} ng_outputs;

/* Adds `--html FILE` and the like to a table of options with room for
 * NG_OUTPUT_COUNT more; the new count. */
size_t ng_outputs_options(ng_outputs *outputs, ng_option *options,
                          size_t count);

/* The option's name of an output: "html". */
const char *ng_output_name(ng_output_kind output);

/* Files that cannot be written are found before the run, not after it. */
ng_status ng_output_probe(const char *path, ng_error *error);
ng_status ng_outputs_probe(const ng_outputs *outputs, ng_error *error);

/* A file that the command line names beside them; NULL: it does not. */
typedef struct ng_outputs_other {
    const char *option; /* "--json"; "RECORDS" */
    const char *path;
    bool written; /* else read */
} ng_outputs_other;

/* No output may be another one's file, or one that is read: the last to be
 * written would be all that is left. */
ng_status ng_outputs_apart(const ng_outputs *outputs,
                           const ng_outputs_other *others, size_t count,
                           ng_error *error);

/* Writes them, each whole or not at all; the first error when one could not be
 * written, and the others are there all the same. */
ng_status ng_outputs_write(const ng_outputs *outputs, const ng_record *records,
                           size_t count, bool complete, ng_error *error);

/* The exit code of what the records say; ng_exit_nothing where the run did not
 * come to its end and nothing is wrong so far. */
int ng_outputs_exit(const ng_record *records, size_t count, bool complete,
                    ng_error *error);

#endif
