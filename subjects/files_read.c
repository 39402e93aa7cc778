/* Reader of a folder of calls: a subject whose calls were made elsewhere. Each
 * call of the gate is looked up by what makes calls equal, and answered with
 * the outputs that lie in its folder; what is missing, surplus or misshapen
 * there is a finding. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <normgate/npy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANIFEST_MAX = 1 << 26, NOTE_MAX = 200 };
/* The largest array with its header. */
#define FILE_SIZE_MAX (NG_CASE_ELEMENTS_MAX * sizeof(double) + (1 << 17))

/* Opens without following links or waiting for a pipe's other end. */
static int open_file(int directory, const char *name, struct stat *about)
{
    int fd =
        openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, about) == 0 && S_ISREG(about->st_mode))
        return fd;
    close(fd);
    errno = ELOOP; /* as for a link */
    return -1;
}

/* ---- the manifest ---- */

static ng_status bad_manifest(const ng_subject *subject, const char *what,
                              ng_error *error)
{
    return ng_fail(error, ng_status_cannot_load,
                   "%.300s/" FILES_MANIFEST ": %s; make the folder again with "
                   "`normgate gen`",
                   subject->target, what);
}

/* Why there is no manifest to open. */
static ng_status no_manifest(const ng_subject *subject, ng_error *error)
{
    int reason = errno;
    struct stat about;
    if (fstatat(subject->files->folder, FILES_PARTIAL, &about,
                AT_SYMLINK_NOFOLLOW) == 0)
        return ng_fail(error, ng_status_cannot_load,
                       "%.300s is incomplete: gen did not reach its end; "
                       "delete the folder and make it again",
                       subject->target);
    return ng_fail(error, ng_status_cannot_load,
                   "%.300s has no usable " FILES_MANIFEST ": %s; give a folder "
                   "that `normgate gen` made",
                   subject->target,
                   reason == ELOOP ? "it is no regular file"
                                   : strerror(reason));
}

/* Text of the manifest: present, printable, short enough; NULL otherwise. */
static const char *text_of(const json_t *object, const char *key, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL || strlen(text) >= size)
        return NULL;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            return NULL;
    }
    return text;
}

static bool take_text(char *to, size_t size, const json_t *manifest,
                      const char *key)
{
    const char *text = text_of(manifest, key, size);
    if (text != NULL)
        snprintf(to, size, "%s", text);
    return text != NULL;
}

static bool take_seed(uint64_t *seed, const json_t *manifest)
{
    char *end;
    const char *text = text_of(manifest, "seed", 24);
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool hex_word(uint64_t *word, const char *digits)
{
    *word = 0;
    for (size_t i = 0; i < 16; i++) {
        const char *all = "0123456789abcdef";
        const char *at = digits[i] != '\0' ? strchr(all, digits[i]) : NULL;
        if (at == NULL)
            return false;
        *word = *word << 4 | (uint64_t)(at - all);
    }
    return true;
}

/* The calls in their order: 000001, 000002, ... */
static bool take_call(files *f, const json_t *call)
{
    char id[FILES_ID_MAX];
    files_entry *entry = &f->entries[f->count];
    const char *given = text_of(call, "id", sizeof id);
    const char *key = text_of(call, "key", 33);
    entry->id = (unsigned)++f->count;
    files_id(id, entry->id);
    return given != NULL && strcmp(given, id) == 0 && key != NULL &&
           strlen(key) == 32 && hex_word(&entry->key.high, key) &&
           hex_word(&entry->key.low, key + 16);
}

static ng_status take_calls(ng_subject *subject, const json_t *calls,
                            ng_error *error)
{
    size_t i;
    const json_t *call;
    files *f = subject->files;
    if (!json_is_array(calls) || json_array_size(calls) > FILES_CALLS_MAX)
        return bad_manifest(subject, "no list of calls", error);
    f->entries = calloc(json_array_size(calls) + 1, sizeof *f->entries);
    if (f->entries == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    json_array_foreach(calls, i, call)
    {
        if (!take_call(f, call))
            return bad_manifest(subject, "a call without its id and key",
                                error);
    }
    qsort(f->entries, f->count, sizeof *f->entries, files_key_order);
    for (i = 1; i < f->count; i++) {
        if (files_key_order(&f->entries[i - 1], &f->entries[i]) == 0)
            return bad_manifest(subject, "two calls have one key", error);
    }
    f->about.calls = f->count;
    return ng_status_ok;
}

static ng_status take_manifest(ng_subject *subject, const json_t *manifest,
                               ng_error *error)
{
    ng_offline *about = &subject->files->about;
    const char *schema = text_of(manifest, "schema", 64);
    if (schema == NULL)
        return bad_manifest(subject, "it is no manifest of calls", error);
    if (strcmp(schema, FILES_SCHEMA) != 0) {
        char words[160];
        snprintf(words, sizeof words,
                 "its schema is %s, this normgate reads " FILES_SCHEMA, schema);
        return bad_manifest(subject, words, error);
    }
    const char *kernel = text_of(manifest, "kernel", 64);
    const char *contract = text_of(manifest, "contract", 4096);
    if (kernel == NULL || contract == NULL ||
        !take_text(about->version, sizeof about->version, manifest,
                   "normgate") ||
        !take_text(about->profile, sizeof about->profile, manifest,
                   "profile") ||
        !take_text(about->property, sizeof about->property, manifest,
                   "property") ||
        !take_seed(&about->seed, manifest))
        return bad_manifest(subject,
                            "normgate, kernel, contract, profile, property or "
                            "seed is missing or no plain text",
                            error);
    if (!json_is_true(json_object_get(manifest, "complete")))
        return bad_manifest(subject, "it is incomplete", error);
    snprintf(subject->name, sizeof subject->name, "%s", kernel);
    ng_status status =
        take_calls(subject, json_object_get(manifest, "calls"), error);
    return status != ng_status_ok
               ? status
               : subject_add_kernel(subject, kernel, contract, "", 0, error);
}

static ng_status read_manifest(ng_subject *subject, ng_error *error)
{
    struct stat about;
    json_error_t reason;
    int fd = open_file(subject->files->folder, FILES_MANIFEST, &about);
    if (fd < 0)
        return no_manifest(subject, error);
    FILE *file = about.st_size <= MANIFEST_MAX ? fdopen(fd, "r") : NULL;
    if (file == NULL) {
        close(fd);
        return bad_manifest(subject, "it is too large", error);
    }
    json_t *manifest = json_loadf(file, JSON_REJECT_DUPLICATES, &reason);
    fclose(file);
    if (manifest == NULL) {
        char words[200], clean[160];
        subject_clean_text(clean, sizeof clean, reason.text,
                           strlen(reason.text));
        snprintf(words, sizeof words, "line %d: %s", reason.line, clean);
        return bad_manifest(subject, words, error);
    }
    ng_status status = take_manifest(subject, manifest, error);
    json_decref(manifest);
    return status;
}

static ng_status start(ng_subject *subject, ng_error *error)
{
    files *f = subject->files = files_new();
    if (f == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    f->folder = open(subject->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->folder < 0)
        return ng_fail(error, ng_status_cannot_load,
                       "cannot open the folder %.300s: %s; give one that "
                       "`normgate gen` made",
                       subject->target, strerror(errno));
    ng_status status = read_manifest(subject, error);
    if (status != ng_status_ok)
        return status;
    f->calls = openat(f->folder, FILES_CALLS,
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (f->calls < 0)
        return ng_fail(error, ng_status_cannot_load,
                       "cannot open %.300s/" FILES_CALLS
                       ": %s; bring back the whole folder",
                       subject->target, strerror(errno));
    return ng_status_ok;
}

/* ---- one call ---- */

typedef struct answer {
    int directory;
    char id[FILES_ID_MAX];
    const ng_subject *subject;
    const ng_request *request;
    ng_reply *reply;
} answer;

/* "calls/000012/y.npy is missing: expected f32 [3, 16]" */
static bool fail(const answer *a, const char *name, const char *what,
                 const char *expected)
{
    char clean[80];
    subject_clean_text(clean, sizeof clean, name, strlen(name));
    a->reply->verdict = NG_ERROR;
    snprintf(a->reply->message, sizeof a->reply->message,
             FILES_CALLS "/%s%s%s %s: expected %s", a->id,
             clean[0] != '\0' ? "/" : "", clean, what, expected);
    return false;
}

/* All of an open file, which is closed; NULL: it cannot be read, or is longer
 * than any array is. */
static unsigned char *slurp(int fd, size_t size)
{
    size_t used = 0;
    unsigned char *bytes = size <= FILE_SIZE_MAX ? malloc(size + 1) : NULL;
    while (bytes != NULL && used < size) {
        ssize_t got = read(fd, bytes + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    close(fd);
    if (bytes == NULL || used == size)
        return bytes;
    free(bytes);
    return NULL;
}

/* What the file holds must be what was expected; then it is the output. */
static bool take_output(const answer *a, const char *name, ng_tensor *tensor,
                        const size_t *shape, size_t axes,
                        const unsigned char *bytes, size_t size)
{
    ng_npy array;
    ng_error error;
    ng_arena arena = {0};
    char expected[FILES_SHAPE_MAX], found[FILES_SHAPE_MAX], what[300];
    files_shape_text(expected, tensor->dtype, shape, axes);
    ng_status status = ng_npy_parse(
        &array, &arena, "", bytes, size,
        tensor->dtype == ng_bf16 ? ng_npy_bits_bf16 : ng_npy_bits_refused,
        &error);
    bool good = status == ng_status_ok;
    if (!good) /* "NAME: is no .npy file", of a NAME that fail() puts there */
        snprintf(what, sizeof what, "is unreadable%.280s", error.text);
    else if (array.dtype != tensor->dtype || array.rank != axes ||
             memcmp(array.shape, shape, axes * sizeof *shape) != 0) {
        good = false;
        files_shape_text(found, array.dtype, array.shape, array.rank);
        snprintf(what, sizeof what, "is %s", found);
    }
    if (good)
        memcpy(tensor->data, array.data,
               tensor->count * ng_format_of(tensor->dtype)->size);
    else
        fail(a, name, what, expected);
    ng_arena_release(&arena);
    return good;
}

static bool read_output(const answer *a, ng_role role)
{
    struct stat about;
    size_t shape[3];
    char name[FILES_NAME_MAX], expected[FILES_SHAPE_MAX];
    ng_tensor tensor = a->request->tensor[role];
    size_t axes = files_shape(a->subject, a->request, role, shape);
    files_name(name, role, true);
    files_shape_text(expected, tensor.dtype, shape, axes);
    int fd = open_file(a->directory, name, &about);
    if (fd < 0)
        return fail(a, name,
                    errno == ENOENT  ? "is missing"
                    : errno == ELOOP ? "is no regular file"
                                     : strerror(errno),
                    expected);
    unsigned char *bytes = slurp(fd, (size_t)about.st_size);
    if (bytes == NULL)
        return fail(a, name, "is too long or cannot be read", expected);
    bool good = take_output(a, name, &tensor, shape, axes, bytes,
                            (size_t)about.st_size);
    free(bytes);
    return good;
}

static bool is_expected(const ng_request *request, const char *name)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &request->tensor[role];
        char known[FILES_NAME_MAX];
        for (int output = 0; output < 2; output++) {
            bool has =
                output ? files_is_written(tensor) : tensor->use != ng_output;
            files_name(known, role, output);
            if (tensor->data != NULL && has && strcmp(name, known) == 0)
                return true;
        }
    }
    return false;
}

/* The outputs of the call by name, for people. */
static void list_outputs(const ng_request *request, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (ng_role role = 0; role < NG_TENSOR_COUNT && used < size; role++) {
        char name[FILES_NAME_MAX];
        if (request->tensor[role].data == NULL ||
            !files_is_written(&request->tensor[role]))
            continue;
        files_name(name, role, true);
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 used > 0 ? ", " : "", name);
    }
}

/* An array that the call does not have: the kernel has another contract, or
 * its author another name for an output. */
static bool has_surplus(const answer *a)
{
    char outputs[160], surplus[80] = "";
    int fd = openat(a->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (list == NULL) {
        if (fd >= 0)
            close(fd);
        return !fail(a, "", "cannot be listed", "a folder that may be read");
    }
    for (const struct dirent *e; (e = readdir(list)) != NULL;) {
        size_t length = strlen(e->d_name);
        if (length > 4 && strcmp(e->d_name + length - 4, ".npy") == 0 &&
            e->d_name[0] != '.' && !is_expected(a->request, e->d_name) &&
            (surplus[0] == '\0' || strcmp(e->d_name, surplus) < 0))
            snprintf(surplus, sizeof surplus, "%s", e->d_name);
    }
    closedir(list);
    if (surplus[0] == '\0')
        return false;
    list_outputs(a->request, outputs, sizeof outputs);
    return !fail(a, surplus, "is surplus", outputs);
}

/* The file `word`, empty or with one line of reason, instead of outputs. */
static bool says(const answer *a, const char *word, int result)
{
    struct stat about;
    char note[NOTE_MAX];
    int fd = open_file(a->directory, word, &about);
    if (fd < 0 && errno == ENOENT)
        return false;
    ssize_t length = fd >= 0 ? read(fd, note, sizeof note - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (length < 0) {
        fail(a, word, "cannot be read", "an empty file or a line of reason");
        return true;
    }
    subject_read_result(result, a->reply);
    note[length] = '\0';
    length = (ssize_t)strcspn(note, "\r\n");
    if (length > 0)
        subject_clean_text(a->reply->message, sizeof a->reply->message, note,
                           (size_t)length);
    return true;
}

/* Answers without outputs; one that has outputs too says two things. */
static bool declined(const answer *a)
{
    static const struct {
        const char *word;
        int result;
    } words[] = {{"unsupported", NG_NOT_SUPPORTED},
                 {"refused", NG_NOT_ACCEPTED}};
    for (size_t i = 0; i < 2; i++) {
        if (!says(a, words[i].word, words[i].result))
            continue;
        for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
            struct stat about;
            char name[FILES_NAME_MAX];
            files_name(name, role, true);
            if (files_is_written(&a->request->tensor[role]) &&
                fstatat(a->directory, name, &about, AT_SYMLINK_NOFOLLOW) == 0)
                fail(a, words[i].word, "stands beside outputs",
                     "one or the other");
        }
        return true;
    }
    return false;
}

static void call(ng_subject *subject, const ng_request *request,
                 ng_reply *reply)
{
    files *f = subject->files;
    files_key key = files_key_of(request);
    const files_entry *entry = bsearch(&key, f->entries, f->count,
                                       sizeof *f->entries, files_key_order);
    if (entry == NULL) {
        reply->verdict = NG_UNSUPPORTED;
        snprintf(reply->message, sizeof reply->message,
                 "the folder does not have this call: no right kernel gets "
                 "there, or it was made for other cases");
        return;
    }
    answer a = {.subject = subject, .request = request, .reply = reply};
    files_id(a.id, entry->id);
    a.directory =
        openat(f->calls, a.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (a.directory < 0) {
        char outputs[160];
        list_outputs(request, outputs, sizeof outputs);
        fail(&a, "", "is missing", outputs);
        return;
    }
    bool good = !declined(&a) && !has_surplus(&a);
    for (ng_role role = 0; good && role < NG_TENSOR_COUNT; role++)
        good = request->tensor[role].data == NULL ||
               !files_is_written(&request->tensor[role]) ||
               read_output(&a, role);
    close(a.directory);
    if (good)
        reply->verdict = NG_PASS;
}

static void stop(ng_subject *subject)
{
    files_free(subject->files);
}

const transport files_transport = {start, call, stop, NULL, false};
