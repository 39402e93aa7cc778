/* Npy: a header, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), },
 * and the elements behind it. Nothing in a file is trusted: every length is
 * compared with the bytes that are there before it is used. */
#include <normgate/case.h>
#include <normgate/npy.h>

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC = 6, DESCR_MAX = 16, HEADER_ALIGN = 64, TRIES = 100 };
static const char magic[MAGIC + 1] = "\x93NUMPY";

/* A file of the largest array with the longest header of version 1.0. */
#define FILE_MAX (NG_CASE_ELEMENTS_MAX * sizeof(double) + ((size_t)1 << 17))

typedef struct reader {
    const char *name;
    const char *at, *end; /* of the header, then of the elements */
    ng_error *error;
} reader;

typedef struct header {
    char descr[DESCR_MAX];
    bool fortran;
    bool has_descr, has_order, has_shape;
} header;

static bool little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

void ng_npy_shape_text(char *text, size_t size, size_t rank,
                       const size_t *shape)
{
    snprintf(text, size, "(");
    for (size_t axis = 0; axis < rank; axis++)
        ng_text_append(text, size, "%s%zu", axis > 0 ? ", " : "", shape[axis]);
    ng_text_append(text, size, rank == 1 ? ",)" : ")");
}

bool ng_npy_count(size_t rank, const size_t *shape, size_t *count)
{
    size_t product = 1;
    bool empty = false;
    if (rank > NG_NPY_RANK_MAX)
        return false;
    for (size_t axis = 0; axis < rank; axis++) {
        empty = empty || shape[axis] == 0;
        if (shape[axis] == 0)
            continue;
        if (shape[axis] > NG_CASE_ELEMENTS_MAX / product)
            return false;
        product *= shape[axis];
    }
    *count = empty ? 0 : product;
    return true;
}

static ng_status bad_header(reader *r, const char *what)
{
    return ng_fail(r->error, ng_status_bad_input,
                   "%.300s: its header is not that of a .npy file: %s; save "
                   "the array with numpy.save",
                   r->name, what);
}

static void skip_blanks(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' ||
                              *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

/* Takes `c`, past blanks. */
static bool take(reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* A string in single or double quotes, without escapes. */
static bool take_string(reader *r, char *text, size_t size)
{
    skip_blanks(r);
    if (r->at == r->end || (*r->at != '\'' && *r->at != '"'))
        return false;
    char quote = *r->at++;
    size_t used = 0;
    while (r->at < r->end && *r->at != quote) {
        if (used + 1 >= size || *r->at == '\\' || *r->at < ' ')
            return false;
        text[used++] = *r->at++;
    }
    text[used] = '\0';
    return take(r, quote);
}

static bool take_word(reader *r, const char *word)
{
    size_t length = strlen(word);
    skip_blanks(r);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

/* A count in digits; more than any array may have saturates. */
static bool take_count(reader *r, size_t *count)
{
    skip_blanks(r);
    const char *start = r->at;
    *count = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        if (*count <= NG_CASE_ELEMENTS_MAX)
            *count = 10 * *count + (size_t)(*r->at - '0');
    }
    return r->at > start;
}

static ng_status take_shape(reader *r, ng_npy *array)
{
    bool comma = true; /* before the next number */
    array->rank = 0;
    if (!take(r, '('))
        return bad_header(r, "'shape' is no tuple");
    while (!take(r, ')')) {
        size_t count;
        if (!comma || !take_count(r, &count))
            return bad_header(r, "'shape' is no tuple of counts");
        if (array->rank == NG_NPY_RANK_MAX)
            return ng_fail(r->error, ng_status_bad_input,
                           "%.300s: its array has more than %d axes; reshape "
                           "it",
                           r->name, NG_NPY_RANK_MAX);
        array->shape[array->rank++] = count;
        comma = take(r, ',');
    }
    return ng_status_ok;
}

/* One `key: value` of the dictionary. */
static ng_status take_item(reader *r, header *h, ng_npy *array)
{
    char key[DESCR_MAX];
    if (!take_string(r, key, sizeof key) || !take(r, ':'))
        return bad_header(r, "it is no dictionary");
    if (strcmp(key, "descr") == 0 && !h->has_descr) {
        h->has_descr = true;
        return take_string(r, h->descr, sizeof h->descr)
                   ? ng_status_ok
                   : bad_header(r, "'descr' is no plain dtype such as '<f4'");
    }
    if (strcmp(key, "fortran_order") == 0 && !h->has_order) {
        h->has_order = true;
        h->fortran = take_word(r, "True");
        return h->fortran || take_word(r, "False")
                   ? ng_status_ok
                   : bad_header(r, "'fortran_order' is no bool");
    }
    if (strcmp(key, "shape") == 0 && !h->has_shape) {
        h->has_shape = true;
        return take_shape(r, array);
    }
    return bad_header(r, "a key is unknown or given twice");
}

static ng_status take_dictionary(reader *r, header *h, ng_npy *array)
{
    bool comma = true;
    if (!take(r, '{'))
        return bad_header(r, "it is no dictionary");
    while (!take(r, '}')) {
        if (!comma)
            return bad_header(r, "it is no dictionary");
        ng_status status = take_item(r, h, array);
        if (status != ng_status_ok)
            return status;
        comma = take(r, ',');
    }
    skip_blanks(r);
    if (r->at != r->end)
        return bad_header(r, "text follows the dictionary");
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return bad_header(r, "'descr', 'fortran_order' or 'shape' is missing");
    return ng_status_ok;
}

/* The header alone becomes the text of *r; `bytes` is what follows it. */
static ng_status find_header(reader *r, const unsigned char *bytes, size_t size,
                             size_t *start)
{
    if (size < MAGIC + 4 || memcmp(bytes, magic, MAGIC) != 0)
        return ng_fail(r->error, ng_status_bad_input,
                       "%.300s: is no .npy file; save the array with "
                       "numpy.save",
                       r->name);
    unsigned major = bytes[MAGIC], minor = bytes[MAGIC + 1];
    if (major < 1 || major > 3 || minor != 0)
        return ng_fail(r->error, ng_status_bad_input,
                       "%.300s: .npy version %u.%u is not known; save it with "
                       "version 1.0, 2.0 or 3.0",
                       r->name, major, minor);
    size_t width = major == 1 ? 2 : 4, length = 0;
    size_t before = MAGIC + 2 + width;
    for (size_t i = width; i-- > 0 && before <= size;)
        length = length << 8 | bytes[MAGIC + 2 + i];
    if (before > size || length > size - before)
        return bad_header(r, "the file ends within it");
    r->at = (const char *)bytes + before;
    r->end = r->at + length;
    *start = before + length;
    return ng_status_ok;
}

/* The dtype that `descr` names, and whether its bytes are to be swapped. */
static ng_status resolve_dtype(reader *r, const char *descr, ng_npy_bits bits,
                               ng_dtype *dtype, bool *swap)
{
    static const struct {
        const char *text;
        ng_dtype dtype;
        bool bits;
    } known[] = {{"f2", ng_f16, false},
                 {"f4", ng_f32, false},
                 {"f8", ng_f64, false},
                 {"u2", ng_bf16, true},
                 {"V2", ng_bf16, true}};
    bool opaque = strcmp(descr + (descr[0] != '\0'), "V2") == 0;
    bool ordered = descr[0] == '<' || descr[0] == '>';
    /* V2 has no byte order: it is what the machine that made it has. */
    if (opaque)
        ordered = descr[0] == '<' || descr[0] == '|';
    for (size_t i = 0; ordered && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(descr + 1, known[i].text) != 0 ||
            (known[i].bits && bits == ng_npy_bits_refused))
            continue;
        *dtype = known[i].dtype;
        *swap = !(descr[0] == '|') && (descr[0] == '<') != little_endian();
        return ng_status_ok;
    }
    return ng_fail(r->error, ng_status_bad_input,
                   "%.300s: its dtype is '%s'; expected '<f2', '<f4' or '<f8'"
                   "%s",
                   r->name, descr,
                   bits == ng_npy_bits_bf16 ? ", or bf16 as '<u2' or V2" : "");
}

static void copy_element(unsigned char *to, const unsigned char *from,
                         size_t size, bool swap)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[swap ? size - 1 - i : i];
}

/* Elements in C order: those of a Fortran array lie with the first axis
 * innermost, so `from` steps through them as an odometer. */
static void copy_elements(ng_npy *array, const unsigned char *from,
                          bool fortran, bool swap)
{
    size_t size = ng_format_of(array->dtype)->size;
    size_t index[NG_NPY_RANK_MAX] = {0}, stride[NG_NPY_RANK_MAX], at = 0;
    unsigned char *to = array->data;
    if (!fortran && !swap) {
        memcpy(to, from, array->count * size);
        return;
    }
    size_t step = 1;
    for (size_t k = 0; k < array->rank; k++) {
        size_t axis = fortran ? k : array->rank - 1 - k;
        stride[axis] = step;
        step *= array->shape[axis];
    }
    for (size_t i = 0; i < array->count; i++) {
        copy_element(to + i * size, from + at * size, size, swap);
        for (size_t axis = array->rank; axis-- > 0;) {
            at += stride[axis];
            if (++index[axis] < array->shape[axis])
                break;
            at -= stride[axis] * array->shape[axis];
            index[axis] = 0;
        }
    }
}

static ng_status take_elements(reader *r, ng_npy *array, ng_arena *arena,
                               const unsigned char *bytes, size_t size,
                               const header *h, bool swap)
{
    size_t width = ng_format_of(array->dtype)->size;
    if (!ng_npy_count(array->rank, array->shape, &array->count))
        return ng_fail(r->error, ng_status_bad_input,
                       "%.300s: its array has more than 2^24 elements; give "
                       "a part of it",
                       r->name);
    size_t due = array->count * width;
    if (size != due) {
        char shape[128];
        ng_npy_shape_text(shape, sizeof shape, array->rank, array->shape);
        return ng_fail(r->error, ng_status_bad_input,
                       "%.300s: %zu bytes follow its header, an array %s of "
                       "%s has %zu; save one array a file, with numpy.save",
                       r->name, size, shape, h->descr, due);
    }
    array->data = ng_arena_alloc(arena, array->count, width);
    if (array->data == NULL)
        return ng_fail(r->error, ng_status_no_memory,
                       "%.300s: no memory for %zu elements", r->name,
                       array->count);
    copy_elements(array, bytes, h->fortran, swap);
    return ng_status_ok;
}

ng_status ng_npy_parse(ng_npy *array, ng_arena *arena, const char *name,
                       const void *bytes, size_t size, ng_npy_bits bits,
                       ng_error *error)
{
    reader r = {.name = name, .error = error};
    header h = {0};
    size_t start = 0;
    bool swap = false;
    memset(array, 0, sizeof *array);
    ng_status status = find_header(&r, bytes, size, &start);
    if (status == ng_status_ok)
        status = take_dictionary(&r, &h, array);
    if (status == ng_status_ok)
        status = resolve_dtype(&r, h.descr, bits, &array->dtype, &swap);
    if (status != ng_status_ok)
        return status;
    return take_elements(&r, array, arena, (const unsigned char *)bytes + start,
                         size - start, &h, swap);
}

static ng_status unreadable(ng_error *error, const char *path, int reason)
{
    return ng_fail(error, ng_status_bad_input,
                   "%.300s: cannot be read: %s; name a .npy file", path,
                   strerror(reason));
}

/* All of an open file, of which no more is read than an array may have; the
 * size on disk is a first guess only, for a pipe has none. */
static ng_status slurp(FILE *file, const char *path, unsigned char **bytes,
                       size_t *size, ng_error *error)
{
    struct stat there;
    size_t room = 1 << 16;
    *bytes = NULL;
    *size = 0;
    if (fstat(fileno(file), &there) == 0 && there.st_size > 0 &&
        (uintmax_t)there.st_size <= FILE_MAX)
        room = (size_t)there.st_size + 1;
    for (;;) {
        unsigned char *more = realloc(*bytes, room);
        if (more == NULL)
            return ng_fail(error, ng_status_no_memory, "%.300s: no memory",
                           path);
        *bytes = more;
        *size += fread(*bytes + *size, 1, room - *size, file);
        if (ferror(file))
            return unreadable(error, path, errno);
        if (*size < room)
            return ng_status_ok;
        if (*size > FILE_MAX)
            return ng_fail(error, ng_status_bad_input,
                           "%.300s: is longer than an array of 2^24 elements; "
                           "give a part of it",
                           path);
        room = room < FILE_MAX / 2 ? 2 * room : FILE_MAX + 1;
    }
}

ng_status ng_npy_read(ng_npy *array, ng_arena *arena, const char *path,
                      ng_npy_bits bits, ng_error *error)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return unreadable(error, path, errno);
    ng_status status = slurp(file, path, &bytes, &size, error);
    fclose(file);
    if (status == ng_status_ok)
        status = ng_npy_parse(array, arena, path, bytes, size, bits, error);
    free(bytes);
    return status;
}

/* The header of version 1.0, padded so that the elements are aligned. */
static size_t print_header(char *text, size_t size, ng_dtype dtype, size_t rank,
                           const size_t *shape)
{
    static const char *const kinds[] = {
        [ng_f16] = "f2", [ng_bf16] = "u2", [ng_f32] = "f4", [ng_f64] = "f8"};
    char tuple[256];
    ng_npy_shape_text(tuple, sizeof tuple, rank, shape);
    size_t before = MAGIC + 4;
    memcpy(text, magic, MAGIC);
    int length = snprintf(text + before, size - before,
                          "{'descr': '%c%s', 'fortran_order': False, "
                          "'shape': %s, }",
                          little_endian() ? '<' : '>', kinds[dtype], tuple);
    size_t used = before + (size_t)length;
    while ((used + 1) % HEADER_ALIGN != 0)
        text[used++] = ' ';
    text[used++] = '\n';
    text[MAGIC] = 1;
    text[MAGIC + 1] = 0;
    text[MAGIC + 2] = (char)((used - before) & 0xff);
    text[MAGIC + 3] = (char)((used - before) >> 8);
    return used;
}

/* 0 or errno. */
static int write_and_close(int descriptor, const char *text, size_t length,
                           const void *data, size_t size)
{
    int reason = 0;
    FILE *file = fdopen(descriptor, "wb");
    if (file == NULL) {
        reason = errno;
        close(descriptor);
        return reason;
    }
    if (fwrite(text, 1, length, file) != length ||
        fwrite(data, 1, size, file) != size || fflush(file) != 0)
        reason = errno;
    if (fclose(file) != 0 && reason == 0)
        reason = errno;
    return reason;
}

/* A new file beside `path`, made under the umask as `path` would be. */
static int open_beside(char *beside, size_t size, const char *path)
{
    int file = -1;
    for (int i = 0; i < TRIES && file < 0; i++) {
        snprintf(beside, size, "%s.%ld-%d.part", path, (long)getpid(), i);
        file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST)
            break;
    }
    return file;
}

/* What is no regular file, a device say, is written as it stands. */
static int write_whole(const char *path, const char *text, size_t length,
                       const void *data, size_t size)
{
    struct stat there;
    if (lstat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        return file < 0 ? errno
                        : write_and_close(file, text, length, data, size);
    }
    size_t room = strlen(path) + 64;
    char *beside = malloc(room);
    if (beside == NULL)
        return ENOMEM;
    int file = open_beside(beside, room, path), reason = errno;
    if (file >= 0) {
        reason = write_and_close(file, text, length, data, size);
        if (reason == 0 && rename(beside, path) != 0)
            reason = errno;
        if (reason != 0)
            unlink(beside);
    }
    free(beside);
    return reason;
}

ng_status ng_npy_write(const char *path, ng_dtype dtype, size_t rank,
                       const size_t *shape, const void *data, ng_error *error)
{
    char text[512];
    size_t count;
    if (!ng_npy_count(rank, shape, &count))
        return ng_fail(error, ng_status_bad_input,
                       "%.300s: an array of more than %d axes or 2^24 "
                       "elements is not written; give less",
                       path, NG_NPY_RANK_MAX);
    size_t length = print_header(text, sizeof text, dtype, rank, shape);
    int reason = write_whole(path, text, length, data,
                             count * ng_format_of(dtype)->size);
    if (reason == 0)
        return ng_status_ok;
    return ng_fail(error, ng_status_bad_input,
                   "%.300s: cannot be written: %s; name a file in a folder "
                   "that exists, is writable and has space",
                   path, strerror(reason));
}
