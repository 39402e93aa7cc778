/* Writer of a folder of calls. A call's inputs are written when it is met
 * first; the manifest grows with them under another name and gets its own when
 * the folder is complete. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <normgate/npy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, FOLDER_MAX = 3000 };

static ng_status cannot_write(const ng_subject *subject, const char *name,
                              int reason, ng_error *error)
{
    return ng_fail(error, ng_status_bad_input, "cannot write %.300s%s%.60s: %s",
                   subject->target, name[0] != '\0' ? "/" : "", name,
                   strerror(reason));
}

/* False: something is in the folder, or it cannot be listed. */
static bool is_empty(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    bool empty = list != NULL;
    if (list == NULL && fd >= 0)
        close(fd);
    for (const struct dirent *e; empty && (e = readdir(list)) != NULL;)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (list != NULL)
        closedir(list);
    return empty;
}

static ng_status make_folder(ng_subject *subject, ng_error *error)
{
    files *f = subject->files;
    if (strlen(subject->target) > FOLDER_MAX)
        return cannot_write(subject, "", ENAMETOOLONG, error);
    if (mkdir(subject->target, 0777) != 0 && errno != EEXIST)
        return cannot_write(subject, "", errno, error);
    f->folder = open(subject->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->folder < 0)
        return cannot_write(subject, "", errno, error);
    if (!is_empty(f->folder))
        return ng_fail(error, ng_status_bad_input,
                       "%.300s is not empty; name a folder that does not "
                       "exist yet",
                       subject->target);
    int fd = openat(f->folder, FILES_PARTIAL,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    f->manifest = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (f->manifest == NULL) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        return cannot_write(subject, FILES_MANIFEST, reason, error);
    }
    if (mkdirat(f->folder, FILES_CALLS, 0777) != 0)
        return cannot_write(subject, FILES_CALLS, errno, error);
    f->calls =
        openat(f->folder, FILES_CALLS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return f->calls >= 0 ? ng_status_ok
                         : cannot_write(subject, FILES_CALLS, errno, error);
}

/* All but the calls, which follow one a line. */
static ng_status begin_manifest(ng_subject *subject, ng_error *error)
{
    char seed[24];
    files *f = subject->files;
    snprintf(seed, sizeof seed, "%" PRIu64, f->about.seed);
    json_t *head = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "schema", FILES_SCHEMA,
        "normgate", f->about.version, "kernel", f->kernel, "contract",
        subject->kernels[0].contract_text, "profile", f->about.profile,
        "property", f->about.property, "seed", seed);
    char *text =
        head != NULL ? json_dumps(head, JSON_EMBED | JSON_INDENT(1)) : NULL;
    json_decref(head);
    if (text == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    fprintf(f->manifest, "{%s,\n \"calls\": [", text);
    free(text);
    return ng_status_ok;
}

static ng_status start(ng_subject *subject, ng_error *error)
{
    files *f = subject->files;
    ng_status status =
        subject_add_kernel(subject, f->kernel, f->contract, "", 0, error);
    if (status == ng_status_ok)
        status = make_folder(subject, error);
    if (status == ng_status_ok)
        status = begin_manifest(subject, error);
    return status;
}

static ng_status write_array(ng_subject *subject, const ng_request *request,
                             const char *id, ng_role role, ng_error *error)
{
    size_t shape[3];
    char name[FILES_NAME_MAX], path[PATH_SIZE];
    files *f = subject->files;
    const ng_tensor *tensor = &request->tensor[role];
    size_t axes = files_shape(subject, request, role, shape);
    files_name(name, role, false);
    snprintf(path, sizeof path, "%s/" FILES_CALLS "/%s/%s", subject->target, id,
             name);
    ng_status status =
        ng_npy_write(path, tensor->dtype, axes, shape, tensor->data, error);
    f->about.files++;
    f->about.bytes += tensor->count * ng_format_of(tensor->dtype)->size;
    return status;
}

/* {"file": "x.npy", "shape": [3, 16], "dtype": "f32"} */
static json_t *array_message(const ng_subject *subject,
                             const ng_request *request, ng_role role,
                             bool output)
{
    size_t shape[3];
    char name[FILES_NAME_MAX];
    json_t *sizes = json_array();
    size_t axes = files_shape(subject, request, role, shape);
    for (size_t i = 0; i < axes; i++)
        json_array_append_new(sizes, json_integer((json_int_t)shape[i]));
    files_name(name, role, output);
    return json_pack("{s:s, s:o, s:s}", "file", name, "shape", sizes, "dtype",
                     ng_format_of(request->tensor[role].dtype)->name);
}

/* The arrays that the call has, as inputs or as outputs. */
static json_t *arrays_message(const ng_subject *subject,
                              const ng_request *request, bool output)
{
    json_t *arrays = json_object();
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &request->tensor[role];
        bool has = output ? files_is_written(tensor) : tensor->use != ng_output;
        if (tensor->data != NULL && has)
            json_object_set_new(arrays, ng_role_name(role),
                                array_message(subject, request, role, output));
    }
    return arrays;
}

static json_t *call_message(const ng_subject *subject,
                            const ng_request *request, const files_entry *entry)
{
    char id[FILES_ID_MAX], key[40];
    const ng_case *test = request->test;
    const ptrdiff_t *stride = request->stride;
    files_id(id, entry->id);
    snprintf(key, sizeof key, "%016" PRIx64 "%016" PRIx64, entry->key.high,
             entry->key.low);
    json_t *call = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:f, s:[I,I,I], s:I}", "id", id, "key",
        key, "op", test->op, "pass", test->pass, "rows", (json_int_t)test->rows,
        "n", (json_int_t)test->n, "eps", test->eps, "stride",
        (json_int_t)stride[0], (json_int_t)stride[1], (json_int_t)stride[2],
        "start", (json_int_t)request->start);
    if (test->C > 0) {
        json_t *sizes = json_pack(
            "{s:I, s:I, s:I, s:I, s:f, s:I}", "N", (json_int_t)test->N, "C",
            (json_int_t)test->C, "spatial", (json_int_t)test->spatial,
            "num_groups", (json_int_t)test->num_groups, "momentum",
            test->momentum, "batches", (json_int_t)test->batches);
        json_object_update_missing(call, sizes);
        json_decref(sizes);
    }
    json_object_set_new(call, "inputs",
                        arrays_message(subject, request, false));
    json_object_set_new(call, "outputs",
                        arrays_message(subject, request, true));
    return call;
}

static ng_status put_line(ng_subject *subject, const ng_request *request,
                          const files_entry *entry, ng_error *error)
{
    files *f = subject->files;
    json_t *call = call_message(subject, request, entry);
    char *text = call != NULL ? json_dumps(call, JSON_COMPACT) : NULL;
    json_decref(call);
    if (text == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    fprintf(f->manifest, "%s\n  %s", entry->id > 1 ? "," : "", text);
    free(text);
    return ferror(f->manifest)
               ? cannot_write(subject, FILES_MANIFEST, errno, error)
               : ng_status_ok;
}

/* The next id for the call; NULL: it has one, or the error says why not. */
static const files_entry *new_entry(files *f, const ng_request *request,
                                    ng_status *status, ng_error *error)
{
    files_key key = files_key_of(request);
    *status = ng_status_ok;
    for (size_t i = 0; i < f->count; i++) {
        if (files_key_order(&f->entries[i].key, &key) == 0)
            return NULL;
    }
    if (f->count == FILES_CALLS_MAX) {
        *status = ng_fail(error, ng_status_bad_input, "more than %d calls",
                          FILES_CALLS_MAX);
        return NULL;
    }
    if (f->count == f->room) {
        size_t room = 2 * f->room + 256;
        files_entry *grown = realloc(f->entries, room * sizeof *grown);
        if (grown == NULL) {
            *status = ng_fail(error, ng_status_no_memory, "out of memory");
            return NULL;
        }
        f->entries = grown;
        f->room = room;
    }
    files_entry *entry = &f->entries[f->count++];
    *entry = (files_entry){key, (unsigned)f->count};
    return entry;
}

static ng_status write_call(ng_subject *subject, const ng_request *request,
                            ng_error *error)
{
    char id[FILES_ID_MAX];
    ng_status status;
    files *f = subject->files;
    const files_entry *entry = new_entry(f, request, &status, error);
    if (entry == NULL)
        return status;
    files_id(id, entry->id);
    if (mkdirat(f->calls, id, 0777) != 0)
        return cannot_write(subject, FILES_CALLS, errno, error);
    for (ng_role role = 0; role < NG_TENSOR_COUNT && status == ng_status_ok;
         role++) {
        const ng_tensor *tensor = &request->tensor[role];
        if (tensor->data != NULL && tensor->use != ng_output)
            status = write_array(subject, request, id, role, error);
    }
    return status == ng_status_ok ? put_line(subject, request, entry, error)
                                  : status;
}

static void call(ng_subject *subject, const ng_request *request,
                 ng_reply *reply)
{
    files *f = subject->files;
    ng_error error;
    ng_status status = ng_status_ok;
    if (!f->failed && write_call(subject, request, &f->error) != ng_status_ok)
        f->failed = true;
    if (!f->failed)
        status = f->answer(request, &subject->kernels[0].contract, &error);
    reply->verdict = f->failed || status != ng_status_ok ? NG_ERROR : NG_PASS;
    if (reply->verdict == NG_ERROR)
        snprintf(reply->message, sizeof reply->message, "%.300s",
                 f->failed ? f->error.text : error.text);
}

static void stop(ng_subject *subject)
{
    files_free(subject->files);
}

static const transport writer = {start, call, stop, NULL, false};

ng_status ng_offline_create(ng_subject **opened, const char *folder,
                            const char *kernel, const char *contract,
                            const ng_offline *about, ng_offline_answer *answer,
                            ng_error *error)
{
    const ng_subject_options defaults = {0};
    ng_subject *subject = subject_new(folder, &defaults);
    *opened = NULL;
    if (subject != NULL)
        subject->files = files_new();
    if (subject == NULL || subject->files == NULL) {
        ng_subject_close(subject);
        return ng_fail(error, ng_status_no_memory, "out of memory");
    }
    subject->transport = &writer;
    subject->files->about = *about;
    subject->files->kernel = kernel;
    subject->files->contract = contract;
    subject->files->answer = answer;
    return subject_start(opened, subject, error);
}

ng_status ng_offline_finish(ng_subject *subject, ng_error *error)
{
    files *f = subject->files;
    if (f->failed)
        return ng_fail(error, ng_status_bad_input, "%s", f->error.text);
    f->about.calls = f->count;
    f->about.files++;
    fputs("\n ],\n \"complete\": true\n}\n", f->manifest);
    long size = ftell(f->manifest);
    f->about.bytes += size > 0 ? (uint64_t)size : 0;
    bool good = fflush(f->manifest) == 0 && fsync(fileno(f->manifest)) == 0;
    good &= fclose(f->manifest) == 0;
    f->manifest = NULL;
    if (!good ||
        renameat(f->folder, FILES_PARTIAL, f->folder, FILES_MANIFEST) != 0)
        return cannot_write(subject, FILES_MANIFEST, errno, error);
    return ng_status_ok;
}
