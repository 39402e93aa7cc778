/* Outputs: the files that a run's records are made into: check, judge and
 * report share their options. */
#ifndef NORMGATE_OUTPUTS_H
#define NORMGATE_OUTPUTS_H

#include "command.h"

#include <normgate/report.h>

typedef enum ng_output {
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

/* A file that a run reads or writes beside its pages. */
typedef struct ng_named_file {
    const char *name; /* "--waivers" */
    const char *path; /* NULL: none */
} ng_named_file;

/* Fails where `path`, of the option `name`, is one of the others: it would
 * be overwritten. Standard output is not a file here. */
ng_status ng_output_apart(const char *name, const char *path,
                          const ng_named_file *others, size_t count,
                          ng_error *error);

/* The same for each output, and among them. */
ng_status ng_outputs_apart(const ng_outputs *outputs,
                           const ng_named_file *others, size_t count,
                           ng_error *error);

/* Writes them, each whole or not at all. */
ng_status ng_outputs_write(const ng_outputs *outputs, const ng_record *records,
                           size_t count, bool complete, ng_error *error);

/* The exit code of what the records say; ng_exit_nothing where the run did not
 * come to its end and nothing is wrong so far. */
int ng_outputs_exit(const ng_record *records, size_t count, bool complete,
                    ng_error *error);

#endif
