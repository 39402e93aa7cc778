/* Rows are read one after the other from the sorted checks: hostile records can
 * have as many as there are checks. */
#include "atlas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_finding(const ng_record *a, const ng_record *b)
{
    int order = strcmp(a->subject, b->subject);
    order = order != 0 ? order : strcmp(a->kernel, b->kernel);
    return order != 0 ? order : strcmp(a->property, b->property);
}

static int compare(const void *left, const void *right)
{
    const ng_record *a = *(const ng_record *const *)left;
    const ng_record *b = *(const ng_record *const *)right;
    int order = ng_record_shape_order(a, b);
    order = order != 0 ? order : by_finding(a, b);
    return order != 0 ? order : a < b ? -1 : a > b;
}

/* What follows the last slash, without a quote: of a library its file, of a
 * worker most often its script. */
static const char *short_name(const ng_atlas *a, const char *subject)
{
    const char *slash = strrchr(subject, '/');
    if (slash == NULL || strchr(subject, '(') != NULL)
        return subject;
    return ng_arena_text(a->page->arena, "%.*s", (int)strcspn(slash + 1, "'\""),
                         slash + 1);
}

/* Short, where that tells the columns apart. */
static void name_columns(ng_atlas *a)
{
    for (size_t s = 0; s < a->subject_count; s++)
        a->name[s] = short_name(a, a->subject[s]);
    for (size_t s = 0; s < a->subject_count; s++)
        for (size_t t = 0; t < a->subject_count; t++)
            if (a->name[s] == NULL || a->name[s][0] == '\0' ||
                (s != t && a->name[t] && strcmp(a->name[s], a->name[t]) == 0))
                a->name[s] = a->subject[s];
}

static void find_subjects(ng_atlas *a)
{
    const ng_grid *grid = a->page->properties;
    const char *last = NULL;
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        if (row->seeded_bug[0] != '\0' ||
            (last != NULL && strcmp(last, row->subject) == 0))
            continue;
        last = row->subject;
        if (a->subject_count < NG_ATLAS_SUBJECTS_MAX)
            a->subject[a->subject_count++] = last;
        else
            a->subjects_left_out++;
    }
}

static size_t column_of(const ng_atlas *a, const char *subject)
{
    size_t i = 0;
    while (i < a->subject_count && strcmp(a->subject[i], subject) != 0)
        i++;
    return i;
}

static void sort_checks(ng_atlas *a)
{
    const ng_page *page = a->page;
    const char *subject = NULL;
    size_t column = 0;
    a->sorted = ng_arena_alloc(page->arena, page->count, sizeof *a->sorted);
    for (size_t i = 0; a->sorted != NULL && i < page->count; i++) {
        const ng_record *record = &page->records[i];
        if (strcmp(record->kind, "check") != 0 || record->seeded_bug[0] != '\0')
            continue;
        if (subject != record->subject)
            column = column_of(a, record->subject);
        subject = record->subject;
        if (column < a->subject_count)
            a->sorted[a->count++] = record;
    }
    if (a->sorted != NULL)
        qsort(a->sorted, a->count, sizeof *a->sorted, compare);
    for (size_t i = 0; i < a->count; i++)
        a->row_count += i == 0 || ng_record_shape_order(a->sorted[i - 1],
                                                        a->sorted[i]) != 0;
}

static void add_check(ng_atlas_cell *c, const ng_record *record, bool ordinary,
                      bool *found)
{
    ng_verdict verdict = ng_record_verdict(record);
    ng_histogram histogram;
    c->checks++;
    if (ng_verdict_wrong(verdict) && !*found) {
        c->findings++;
        *found = true;
    }
    if (verdict == NG_SKIP || verdict == NG_UNSUPPORTED || verdict == NG_WAIVED)
        return;
    c->judged++;
    if (!isnan(record->ratio) && !(record->ratio <= c->ratio))
        c->ratio = record->ratio;
    if (!ng_record_tells_ulp(record, ordinary))
        return;
    if (!isnan(record->error_ulp) && !(record->error_ulp <= c->ulp)) {
        c->ulp = record->error_ulp;
        c->worst = record;
    }
    if (record->histogram[0] != '\0' &&
        ng_histogram_parse(&histogram, record->histogram, NULL) == ng_status_ok)
        ng_histogram_merge(&c->histogram, &histogram);
}

/* By p99 where every subject has one that tells them apart, else by the
 * largest error: `key` of each cell, NAN for none. */
static void choose_keys(const ng_atlas_cell *cells, size_t count, double *key)
{
    double least = INFINITY, most = 0;
    bool all = true;
    for (size_t s = 0; s < count; s++) {
        if (isnan(cells[s].ulp))
            continue;
        all = all && !isnan(cells[s].p99);
        least = fmin(least, cells[s].p99);
        most = fmax(most, cells[s].p99);
    }
    for (size_t s = 0; s < count; s++)
        key[s] = all && least < most ? cells[s].p99 : cells[s].ulp;
}

/* The smallest without a finding, and the largest. */
static void rank(ng_atlas_cell *cells, size_t count)
{
    double best = NAN, last = NAN, key[NG_ATLAS_SUBJECTS_MAX];
    choose_keys(cells, count, key);
    for (size_t s = 0; s < count; s++) {
        if (isnan(key[s]))
            continue;
        if (!(key[s] <= last))
            last = key[s];
        if (cells[s].findings == 0 && !(key[s] >= best))
            best = key[s];
    }
    for (size_t s = 0; s < count; s++) {
        cells[s].best = key[s] == best && best < last && cells[s].findings == 0;
        cells[s].last = key[s] == last && (best < last || isnan(best));
    }
}

size_t ng_atlas_row(const ng_atlas *a, size_t i, ng_atlas_cell *cells)
{
    const ng_record *first = a->sorted[i];
    bool found = false;
    for (size_t s = 0; s < a->subject_count; s++)
        cells[s] = (ng_atlas_cell){.ulp = NAN, .ratio = NAN, .p99 = NAN};
    for (size_t begin = i;
         i < a->count && ng_record_shape_order(first, a->sorted[i]) == 0; i++) {
        if (i == begin || by_finding(a->sorted[i - 1], a->sorted[i]) != 0)
            found = false;
        add_check(&cells[column_of(a, a->sorted[i]->subject)], a->sorted[i],
                  a->ordinary, &found);
    }
    for (size_t s = 0; s < a->subject_count; s++) {
        ng_atlas_cell *c = &cells[s];
        c->p99 = ng_histogram_quantile(&c->histogram, 0.99);
        if (isfinite(c->p99)) /* a bin's edge may lie above the largest error */
            c->p99 = fmin(c->p99, c->ulp);
    }
    rank(cells, a->subject_count);
    return i;
}

ng_status ng_atlas_make(ng_atlas *atlas, const ng_page *page)
{
    *atlas =
        (ng_atlas){.page = page,
                   .ordinary = ng_records_ordinary(page->records, page->count)};
    find_subjects(atlas);
    if (atlas->subject_count < 2)
        return ng_status_ok; /* nothing to compare */
    name_columns(atlas);
    sort_checks(atlas);
    return atlas->sorted != NULL ? ng_status_ok : ng_status_no_memory;
}
