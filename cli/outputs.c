/* The files that records are made into. */
#include "outputs.h"

#include <errno.h>
#include <stdio.h>
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

static bool is_same_file(const char *one, const char *other)
{
    struct stat a, b;
    if (strcmp(one, "-") == 0 || strcmp(other, "-") == 0)
        return false;
    if (stat(one, &a) == 0 && stat(other, &b) == 0)
        return S_ISREG(a.st_mode) && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
    return strcmp(one, other) == 0;
}

ng_status ng_output_apart(const char *name, const char *path,
                          const ng_named_file *others, size_t count,
                          ng_error *error)
{
    for (size_t i = 0; path != NULL && i < count; i++) {
        if (others[i].path != NULL && is_same_file(path, others[i].path))
            return ng_fail(error, ng_status_bad_input,
                           "--%.20s would overwrite %.300s, which %.20s "
                           "names, too; choose another file",
                           name, path, others[i].name);
    }
    return ng_status_ok;
}

ng_status ng_outputs_apart(const ng_outputs *outputs,
                           const ng_named_file *others, size_t count,
                           ng_error *error)
{
    ng_status status = ng_status_ok;
    for (size_t i = 0; i < NG_OUTPUT_COUNT && status == ng_status_ok; i++) {
        const char *path = outputs->path[i];
        for (size_t k = 0; k < i && status == ng_status_ok; k++) {
            char option[24];
            snprintf(option, sizeof option, "--%s", outputs_known[k].name);
            const ng_named_file earlier = {option, outputs->path[k]};
            status = ng_output_apart(outputs_known[i].name, path, &earlier, 1,
                                     error);
        }
        if (status == ng_status_ok)
            status = ng_output_apart(outputs_known[i].name, path, others, count,
                                     error);
    }
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
