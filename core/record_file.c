/* A file of records: every line that ng_record_write ended with a newline. */
#include <normgate/record.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 20 };

typedef struct reader {
    const char *path;
    FILE *file;
    char *line; /* LINE_MAX_BYTES and the NUL */
    size_t number;
    bool ended; /* the line was ended by a newline */
    ng_record *records;
    size_t count, capacity;
    size_t runs, ends; /* of these kinds; shards make several */
} reader;

static ng_status no_memory(ng_error *error, const char *path)
{
    return ng_fail(error, ng_status_no_memory, "%s: out of memory", path);
}

/* The next line; *more is false at the end of the file. */
static ng_status next_line(reader *r, bool *more, ng_error *error)
{
    size_t size = 0;
    int c;
    r->number++;
    while ((c = getc(r->file)) != EOF && c != '\n') {
        if (c == '\0' || size == LINE_MAX_BYTES)
            return ng_fail(error, ng_status_bad_input,
                           "%s:%zu: the line %s; give a file written by "
                           "normgate --json",
                           r->path, r->number,
                           c ? "is longer than 1 MiB" : "has a NUL byte");
        r->line[size++] = (char)c;
    }
    if (ferror(r->file))
        return ng_fail(error, ng_status_bad_input,
                       "%s: cannot be read: %s; give a file written by "
                       "normgate --json",
                       r->path, strerror(errno));
    r->line[size] = '\0';
    r->ended = c == '\n';
    *more = r->ended || size > 0;
    return ng_status_ok;
}

static bool grow(reader *r)
{
    if (r->count < r->capacity)
        return true;
    size_t capacity = r->capacity ? 2 * r->capacity : 256;
    ng_record *records = realloc(r->records, capacity * sizeof *records);
    if (!records)
        return false;
    r->records = records;
    r->capacity = capacity;
    return true;
}

static ng_status read_lines(reader *r, ng_arena *arena, ng_error *error)
{
    bool more = true;
    for (;;) {
        ng_status status = next_line(r, &more, error);
        if (status != ng_status_ok || !more)
            return status;
        if (r->line[strspn(r->line, " \t\r")] == '\0')
            continue;
        if (!grow(r))
            return no_memory(error, r->path);
        ng_record *record = &r->records[r->count];
        ng_error why = {{0}};
        status = ng_record_read(record, arena, r->line, &why);
        if (status == ng_status_bad_input && !r->ended) {
            r->runs++; /* cut short: a run that has no end */
            return ng_status_ok;
        }
        if (status != ng_status_ok)
            return ng_fail(error, status, "%s:%zu: %.600s", r->path, r->number,
                           why.text);
        r->runs += strcmp(record->kind, "run") == 0;
        r->ends += strcmp(record->kind, "end") == 0;
        r->count++;
    }
}

ng_status ng_records_load(const char *path, ng_arena *arena,
                          ng_record **records, size_t *count, bool *complete,
                          ng_error *error)
{
    reader r = {.path = path, .file = fopen(path, "rb")};
    *records = NULL;
    *count = 0;
    *complete = false;
    if (!r.file)
        return ng_fail(error, ng_status_bad_input,
                       "%s: cannot be opened: %s; name a readable file", path,
                       strerror(errno));
    r.line = malloc(LINE_MAX_BYTES + 1);
    ng_status status =
        r.line ? read_lines(&r, arena, error) : no_memory(error, path);
    if (status == ng_status_ok) {
        *records = ng_arena_alloc(arena, r.count, sizeof **records);
        if (!*records)
            status = no_memory(error, path);
    }
    if (status == ng_status_ok) {
        if (r.count > 0)
            memcpy(*records, r.records, r.count * sizeof **records);
        *count = r.count;
        *complete = r.ends > 0 && r.ends >= r.runs;
    }
    free(r.records);
    free(r.line);
    fclose(r.file);
    return status;
}
