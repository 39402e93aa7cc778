/* The files that records are made into. */
#include "outputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    ng_status (*write)(const ng_record *records, size_t count, bool complete,
                       const char *path, ng_error *error);
} outputs_known[] = {
#define NG_OUTPUT(name) {#name, ng_report_##name},
#include "outputs.def"
#undef NG_OUTPUT
};

size_t ng_outputs_options(ng_outputs *outputs, ng_option *options, size_t count)
{
    for (size_t i = 0; i < NG_OUTPUT_COUNT; i++)
        options[count++] =
            (ng_option){outputs_known[i].name, &outputs->path[i], NULL};
    return count;
}

const char *ng_output_name(ng_output_kind output)
{
    return outputs_known[output].name;
}

ng_status ng_output_probe(const char *path, ng_error *error)
{
    struct stat file;
    if (path == NULL || strcmp(path, "-") == 0)
        return ng_status_ok;
    if (stat(path, &file) == 0 && S_ISDIR(file.st_mode))
        return ng_fail(error, ng_status_bad_input,
                       "cannot write %.300s: it is a folder; name a file",
                       path);
    char *copy = strdup(path);
    if (copy == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    char *slash = strrchr(copy, '/');
    if (slash != NULL)
        *(slash == copy ? slash + 1 : slash) = '\0';
    const char *directory = slash != NULL ? copy : ".";
    ng_status status = ng_status_ok;
    if (access(directory, W_OK | X_OK) != 0)
        status = ng_fail(error, ng_status_bad_input,
                         "cannot write %.300s: %s; create %.200s or choose "
                         "another place",
                         path, strerror(errno), directory);
    free(copy);
    return status;
}

ng_status ng_outputs_probe(const ng_outputs *outputs, ng_error *error)
{
    ng_status status = ng_status_ok;
    for (size_t i = 0; i < NG_OUTPUT_COUNT && status == ng_status_ok; i++)
        status = ng_output_probe(outputs->path[i], error);
    return status;
}

ng_status ng_outputs_write(const ng_outputs *outputs, const ng_record *records,
                           size_t count, bool complete, ng_error *error)
{
    ng_status status = ng_status_ok;
    for (size_t i = 0; i < NG_OUTPUT_COUNT && status == ng_status_ok; i++) {
        if (outputs->path[i] != NULL)
            status = outputs_known[i].write(records, count, complete,
                                            outputs->path[i], error);
    }
    return status;
}

int ng_outputs_exit(const ng_record *records, size_t count, bool complete,
                    ng_error *error)
{
    ng_tally tally;
    if (ng_tally_records(&tally, records, count, error) != ng_status_ok)
        return ng_exit_fault;
    if (tally.undecided > 0)
        return ng_exit_fault;
    switch (ng_tally_outcome(&tally, complete)) {
    case ng_outcome_pass: return ng_exit_holds;
    case ng_outcome_fail: return ng_exit_wrong;
    default: return ng_exit_nothing;
    }
}
