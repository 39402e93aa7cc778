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

/* The same text for the same file, whichever way leads to it. NULL: a device or
 * a pipe, or a folder that is not there; to be freed. */
static char *place_of(const char *path)
{
    struct stat file;
    bool exists = stat(path, &file) == 0;
    if (strcmp(path, "-") == 0)
        return strdup(path);
    if (exists)
        return S_ISREG(file.st_mode) ? realpath(path, NULL) : NULL;
    const char *slash = strrchr(path, '/');
    char *folder =
        slash != NULL ? strndup(path, (size_t)(slash + 1 - path)) : strdup(".");
    char *real = folder != NULL ? realpath(folder, NULL) : NULL;
    const char *name = slash != NULL ? slash + 1 : path;
    size_t size = real != NULL ? strlen(real) + strlen(name) + 2 : 0;
    char *place = real != NULL ? malloc(size) : NULL;
    if (place != NULL)
        snprintf(place, size, "%s/%s", real, name);
    free(folder);
    free(real);
    return place;
}

static ng_status keep_apart(const ng_outputs_other *a,
                            const ng_outputs_other *b, ng_error *error)
{
    char *left = place_of(a->path), *right = place_of(b->path);
    bool same = left != NULL && right != NULL && strcmp(left, right) == 0;
    free(left);
    free(right);
    if (!same)
        return ng_status_ok;
    return ng_fail(
        error, ng_status_bad_input,
        "%.300s is given twice, for %s and for %s: one would replace "
        "the other; give each a file of its own",
        b->path, a->option, b->option);
}

ng_status ng_outputs_apart(const ng_outputs *outputs,
                           const ng_outputs_other *others, size_t count,
                           ng_error *error)
{
    char option[NG_OUTPUT_COUNT][24];
    ng_outputs_other own[NG_OUTPUT_COUNT];
    ng_status status = ng_status_ok;
    for (size_t i = 0; i < NG_OUTPUT_COUNT; i++) {
        snprintf(option[i], sizeof option[i], "--%s", outputs_known[i].name);
        own[i] = (ng_outputs_other){option[i], outputs->path[i], true};
    }
    for (size_t i = 0; i < count + NG_OUTPUT_COUNT; i++) {
        const ng_outputs_other *a = i < count ? &others[i] : &own[i - count];
        for (size_t k = i < count ? 0 : i - count + 1;
             k < NG_OUTPUT_COUNT && status == ng_status_ok; k++)
            if (a->path != NULL && own[k].path != NULL)
                status = keep_apart(a, &own[k], error);
        for (size_t k = i + 1; k < count && status == ng_status_ok; k++)
            if (a->path != NULL && others[k].path != NULL &&
                (a->written || others[k].written))
                status = keep_apart(a, &others[k], error);
    }
    return status;
}

ng_status ng_outputs_write(const ng_outputs *outputs, const ng_record *records,
                           size_t count, bool complete, ng_error *error)
{
    ng_status first = ng_status_ok;
    for (size_t i = 0; i < NG_OUTPUT_COUNT; i++) {
        ng_error why;
        if (outputs->path[i] == NULL)
            continue;
        ng_status status = outputs_known[i].write(records, count, complete,
                                                  outputs->path[i], &why);
        if (status != ng_status_ok && first == ng_status_ok) {
            first = status;
            *error = why;
        }
    }
    return first;
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
