/* Files of records: every line that ng_record_write ended with a newline. */
#include <normgate/record.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE_MAX_BYTES = 1 << 20 };

typedef struct reader {
    const char *name; /* of the file, in errors */
    FILE *file;
    char *line; /* LINE_MAX_BYTES and the NUL */
    size_t number;
    bool ended; /* the line was ended by a newline */
    bool open;  /* a run has begun and not come to its end */
    bool ends;  /* one has */
    bool cut;   /* one has not */
} reader;

static ng_status no_memory(ng_error *error)
{
    return ng_fail(error, ng_status_no_memory, "no memory for the records");
}

ng_status ng_record_keep(ng_record *record, ng_intern *texts, ng_error *error)
{
    bool good = true;
#define NG_TEXT(name, meaning)                                                 \
    record->name = ng_intern_text(texts, record->name);                        \
    good = good && record->name != NULL;
#define NG_REAL(name, meaning)
#define NG_COUNT(name, meaning)
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
    return good ? ng_status_ok : no_memory(error);
}

ng_status ng_record_list_add(ng_record_list *list, const ng_record *record,
                             ng_error *error)
{
    if (list->count == list->room) {
        size_t room = list->room + list->room / 2 + 256;
        ng_record *grown = realloc(list->records, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(error);
        list->records = grown;
        list->room = room;
    }
    list->records[list->count++] = *record;
    return ng_status_ok;
}

void ng_record_list_free(ng_record_list *list)
{
    free(list->records);
    *list = (ng_record_list){0};
}

/* The next line; *more is false at the end of the file. */
static ng_status next_line(reader *r, bool *more, ng_error *error)
{
    size_t size = 0;
    int c;
    r->number++;
    while ((c = getc_unlocked(r->file)) != EOF && c != '\n') {
        if (c == '\0' || size == LINE_MAX_BYTES)
            return ng_fail(error, ng_status_bad_input,
                           "%.400s:%zu: the line %s; give a file written by "
                           "normgate --json",
                           r->name, r->number,
                           c ? "is longer than 1 MiB" : "has a NUL byte");
        r->line[size++] = (char)c;
    }
    if (ferror(r->file))
        return ng_fail(error, ng_status_bad_input,
                       "%.400s: cannot be read: %s; give a file written by "
                       "normgate --json",
                       r->name, strerror(errno));
    r->line[size] = '\0';
    r->ended = c == '\n';
    *more = r->ended || size > 0;
    return ng_status_ok;
}

/* Runs may follow each other in one file; each has its own end. */
static void follow_run(reader *r, const char *kind)
{
    bool run = strcmp(kind, "run") == 0, end = strcmp(kind, "end") == 0;
    r->cut = r->cut || (run && r->open);
    r->open = !end && (run || r->open);
    r->ends = r->ends || end;
}

static ng_status read_lines(reader *r, ng_record_list *list, ng_intern *texts,
                            ng_error *error)
{
    bool more = true;
    for (;;) {
        ng_record record;
        ng_arena line = {0}; /* one line's texts, before they are shared */
        ng_error why = {{0}};
        ng_status status = next_line(r, &more, error);
        if (status != ng_status_ok || !more)
            return status;
        if (r->line[strspn(r->line, " \t\r")] == '\0')
            continue;
        status = ng_record_read(&record, &line, r->line, &why);
        if (status == ng_status_ok)
            status = ng_record_keep(&record, texts, &why);
        ng_arena_release(&line);
        if (status == ng_status_bad_input && !r->ended) {
            r->cut = true; /* in the middle of its last line */
            return ng_status_ok;
        }
        if (status == ng_status_ok)
            status = ng_record_list_add(list, &record, &why);
        if (status != ng_status_ok)
            return ng_fail(error, status, "%.400s:%zu: %.300s", r->name,
                           r->number, why.text);
        follow_run(r, record.kind);
    }
}

/* A run that was cut short leaves another name than the one it was given. */
static ng_status cannot_open(const char *path, ng_error *error)
{
    int reason = errno;
    char partial[4096];
    struct stat there;
    int size = snprintf(partial, sizeof partial, "%s.partial", path);
    if (reason == ENOENT && size > 0 && (size_t)size < sizeof partial &&
        stat(partial, &there) == 0)
        return ng_fail(error, ng_status_bad_input,
                       "%.300s: its run did not come to its end; what it found "
                       "is in %.300s.partial: give that file",
                       path, path);
    return ng_fail(error, ng_status_bad_input,
                   "%.400s: cannot be opened: %s; name a readable file", path,
                   strerror(reason));
}

ng_status ng_record_list_load(ng_record_list *list, ng_intern *texts,
                              const char *path, bool *complete, ng_error *error)
{
    struct stat there;
    bool standard = strcmp(path, "-") == 0;
    reader r = {.name = standard ? "standard input" : path};
    *complete = false;
    if (!standard && stat(path, &there) == 0 && S_ISDIR(there.st_mode))
        return ng_fail(error, ng_status_bad_input,
                       "%.300s: is a folder; name the files in it, for example "
                       "%.300s/*.jsonl",
                       path, path);
    r.file = standard ? stdin : fopen(path, "rb");
    if (r.file == NULL)
        return cannot_open(path, error);
    r.line = malloc(LINE_MAX_BYTES + 1);
    ng_status status =
        r.line != NULL ? read_lines(&r, list, texts, error) : no_memory(error);
    *complete = status == ng_status_ok && r.ends && !r.open && !r.cut;
    free(r.line);
    if (!standard)
        fclose(r.file);
    return status;
}

ng_status ng_records_load(const char *path, ng_arena *arena,
                          ng_record **records, size_t *count, bool *complete,
                          ng_error *error)
{
    ng_record_list list = {0};
    ng_intern texts = {.arena = arena};
    *records = NULL;
    *count = 0;
    ng_status status =
        ng_record_list_load(&list, &texts, path, complete, error);
    if (status == ng_status_ok) {
        *records = ng_arena_alloc(arena, list.count, sizeof **records);
        if (*records == NULL)
            status = no_memory(error);
    }
    if (status == ng_status_ok && list.count > 0) {
        memcpy(*records, list.records, list.count * sizeof **records);
        *count = list.count;
    }
    ng_intern_free(&texts);
    ng_record_list_free(&list);
    return status;
}
