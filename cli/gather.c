/* Which runs are the same is found by sorting all checks by subject and id. */
#include "gather.h"
#include "command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Texts of one pool are equal when their addresses are. */
typedef struct mark {
    const char *subject, *id, *run; /* run: its profile, seed and version */
    size_t file;
} mark;

static bool is_kind(const ng_record *record, const char *kind)
{
    return strcmp(record->kind, kind) == 0;
}

static bool filters(const ng_gather_filter *f)
{
    return f->op != NULL || f->pass != NULL || f->dtype != NULL ||
           f->kernel != NULL || f->property != NULL || f->subject != NULL;
}

/* A waiver has globs of its own, and what is unchanged in a baseline is of all
 * kernels: of these the subject alone is asked. */
static bool wants(const ng_gather_filter *f, const ng_record *record)
{
    bool all = is_kind(record, "waiver") ||
               (is_kind(record, "baseline") && record->kernel[0] == '\0');
    if (all)
        return ng_glob_match(f->subject, record->subject);
    if (!ng_glob_match(f->op, record->op) ||
        !ng_glob_match(f->pass, record->pass) ||
        !ng_glob_match(f->dtype, record->dtype))
        return false;
    if (is_kind(record, "score")) /* what a pass by all properties is worth */
        return f->property == NULL;
    return ng_glob_match(f->kernel, record->kernel) &&
           ng_glob_match(f->property, record->property) &&
           ng_glob_match(f->subject, record->subject);
}

/* A run that keeps no check goes with its score and end. */
static void filter_file(ng_gather *g, size_t begin, const ng_gather_filter *f)
{
    ng_record *records = g->list.records;
    size_t to = begin, run = begin;
    bool kept = false;
    for (size_t i = begin; i < g->list.count; i++) {
        if (is_kind(&records[i], "run")) {
            to = kept ? to : run;
            run = to;
            kept = false;
        }
        bool check = is_kind(&records[i], "check");
        bool asked = check || is_kind(&records[i], "score") ||
                     is_kind(&records[i], "waiver") ||
                     is_kind(&records[i], "baseline");
        if (asked && !wants(f, &records[i]))
            continue;
        kept = kept || check;
        records[to++] = records[i];
    }
    g->list.count = kept ? to : run;
}

static bool is_named_twice(const ng_gather *g, size_t file)
{
    for (size_t i = 0; i < g->file_count; i++)
        if (i != file && strcmp(g->files[i].name, g->files[file].name) == 0)
            return true;
    return false;
}

/* "onednn" of "out/onednn.jsonl"; the whole path where that names two. */
static ng_status name_files(ng_gather *g, ng_error *error)
{
    for (size_t i = 0; i < g->file_count; i++) {
        const char *slash = strrchr(g->files[i].path, '/');
        const char *name = slash != NULL ? slash + 1 : g->files[i].path;
        const char *dot = strrchr(name, '.');
        size_t length =
            dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name);
        g->files[i].name = ng_arena_text(&g->arena, "%.*s", (int)length, name);
        if (g->files[i].name == NULL)
            return ng_fail(error, ng_status_no_memory, "out of memory");
    }
    for (size_t i = 0; i < g->file_count; i++) {
        ng_gather_file *file = &g->files[i];
        file->label =
            is_named_twice(g, i)
                ? ng_arena_text(&g->arena, "%s, file %zu", file->path, i + 1)
                : file->name;
        if (file->label == NULL)
            return ng_fail(error, ng_status_no_memory, "out of memory");
    }
    return ng_status_ok;
}

static const char *settings_of(ng_gather *g, const ng_record *run)
{
    ng_arena scratch = {0};
    char *text = ng_arena_text(&scratch, "%s %" PRIu64 " %s", run->profile,
                               run->seed, run->version);
    const char *kept = text != NULL ? ng_intern_text(&g->texts, text) : NULL;
    ng_arena_release(&scratch);
    return kept;
}

static const char *id_of(ng_gather *g, const ng_record *record)
{
    char id[NG_RECORD_ID_SIZE];
    if (record->id[0] != '\0')
        return record->id;
    ng_record_id(record, id);
    return ng_intern_text(&g->texts, id);
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
    return x < y ? -1 : x > y;
}

static int compare_marks(const void *left, const void *right)
{
    const mark *a = left, *b = right;
    int order = by_address(a->subject, b->subject);
    order = order != 0 ? order : by_address(a->id, b->id);
    if (order != 0 || a->file == b->file)
        return order;
    return a->file < b->file ? -1 : 1;
}

static int compare_subjects(const void *left, const void *right)
{
    return by_address(*(const char *const *)left, *(const char *const *)right);
}

static mark *mark_checks(ng_gather *g, size_t *count)
{
    mark *marks = malloc((g->list.count + 1) * sizeof *marks);
    *count = 0;
    for (size_t f = 0; f < g->file_count && marks != NULL; f++) {
        const char *run = "";
        for (size_t i = g->files[f].begin; i < g->files[f].end; i++) {
            const ng_record *record = &g->list.records[i];
            if (is_kind(record, "run"))
                run = settings_of(g, record);
            if (is_kind(record, "check"))
                marks[(*count)++] =
                    (mark){record->subject, id_of(g, record), run, f};
        }
    }
    if (marks != NULL)
        qsort(marks, *count, sizeof *marks, compare_marks);
    return marks;
}

static ng_status find_twice(ng_gather *g, ng_error *error)
{
    size_t count, subjects = 0;
    if (g->file_count < 2)
        return ng_status_ok;
    mark *marks = mark_checks(g, &count);
    for (size_t i = 0; marks != NULL && i < count; i++)
        subjects += i == 0 || marks[i].subject != marks[i - 1].subject;
    g->twice = ng_arena_alloc(&g->arena, subjects, sizeof *g->twice);
    if (marks == NULL || g->twice == NULL) {
        free(marks);
        return ng_fail(error, ng_status_no_memory, "out of memory");
    }
    for (size_t i = 1, first = 0; i < count; i++) {
        const mark *m = &marks[i];
        if (m->subject != m[-1].subject)
            first = i;
        bool twice = m->file != marks[first].file && m->run != marks[first].run;
        if (m->subject == m[-1].subject && m->id == m[-1].id)
            twice = twice || m->file != m[-1].file;
        if (twice &&
            (g->twice_count == 0 || g->twice[g->twice_count - 1] != m->subject))
            g->twice[g->twice_count++] = m->subject;
    }
    free(marks);
    return ng_status_ok;
}

ng_status ng_gather_load(ng_gather *gather, char *const *paths, size_t count,
                         const ng_gather_filter *filter, ng_error *error)
{
    *gather = (ng_gather){.texts = {.arena = &gather->arena}};
    gather->files =
        ng_arena_alloc(&gather->arena, count, sizeof *gather->files);
    if (gather->files == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    for (size_t i = 0; i < count; i++) {
        ng_gather_file *file = &gather->files[gather->file_count++];
        *file = (ng_gather_file){.path = paths[i], .begin = gather->list.count};
        ng_status status = ng_record_list_load(
            &gather->list, &gather->texts, paths[i], &file->complete, error);
        if (status != ng_status_ok)
            return status;
        if (filters(filter))
            filter_file(gather, file->begin, filter);
        file->end = gather->list.count;
    }
    ng_status status = name_files(gather, error);
    return status == ng_status_ok ? find_twice(gather, error) : status;
}

/* Every check of the file is of that subject. */
static bool only_of(const ng_gather *g, const ng_gather_file *file,
                    const char *subject)
{
    for (size_t i = file->begin; i < file->end; i++)
        if (is_kind(&g->list.records[i], "check") &&
            g->list.records[i].subject != subject)
            return false;
    return true;
}

bool ng_gather_is_diff(const ng_gather *gather)
{
    return gather->file_count == 2 && gather->twice_count == 1 &&
           only_of(gather, &gather->files[0], gather->twice[0]) &&
           only_of(gather, &gather->files[1], gather->twice[0]);
}

ng_status ng_gather_label(ng_gather *gather, ng_error *error)
{
    for (size_t f = 0; f < gather->file_count; f++) {
        const char *from = NULL, *to = NULL;
        for (size_t i = gather->files[f].begin; i < gather->files[f].end; i++) {
            ng_record *record = &gather->list.records[i];
            bool named = !is_kind(record, "score") && !is_kind(record, "end");
            if (named && record->subject != from) {
                from = to = record->subject;
                if (gather->twice_count > 0 &&
                    bsearch(&from, gather->twice, gather->twice_count,
                            sizeof *gather->twice, compare_subjects) != NULL)
                    to = ng_arena_text(&gather->arena, "%s (%s)", from,
                                       gather->files[f].label);
                if (to == NULL)
                    return ng_fail(error, ng_status_no_memory, "out of memory");
            }
            if (named)
                record->subject = to;
        }
    }
    return ng_status_ok;
}

void ng_gather_free(ng_gather *gather)
{
    ng_intern_free(&gather->texts);
    ng_record_list_free(&gather->list);
    ng_arena_release(&gather->arena);
}
