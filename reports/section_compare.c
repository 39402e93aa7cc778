/* Side by side, the accuracy atlas: for every op, pass and dtype what each
 * subject makes of it. All numbers are of the exact value, so they compare. */
#include "page.h"

#include <normgate/histogram.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SUBJECTS_MAX = 16, CASES_SHOWN_MAX = 6, LACKS_SHOWN = 24 };

/* What a subject makes of one op, pass and dtype. */
typedef struct cell {
    size_t checks, judged, findings;
    double ulp, ratio; /* largest judged; NAN without any */
    double p99;        /* NAN without a histogram */
    const ng_record *worst;
    ng_histogram histogram;
} cell;

typedef struct lack {
    const ng_record *row; /* names the op, pass and dtype */
    uint32_t subjects;    /* a bit for each that has no kernel */
} lack;

typedef struct atlas {
    ng_page *page;
    const char *subject[SUBJECTS_MAX], *name[SUBJECTS_MAX];
    size_t subject_count, subjects_left_out;
    const ng_record **sorted;
    size_t count;
    lack *lacks;
    size_t lack_count, row_count;
} atlas;

static int by_row(const ng_record *a, const ng_record *b)
{
    int order = strcmp(a->op, b->op);
    order = order != 0 ? order : strcmp(a->pass, b->pass);
    return order != 0 ? order : strcmp(a->dtype, b->dtype);
}

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
    int order = by_row(a, b);
    order = order != 0 ? order : by_finding(a, b);
    return order != 0 ? order : a < b ? -1 : a > b;
}

/* What follows the last slash, without a quote: of a library its file, of a
 * worker most often its script. */
static const char *short_name(const atlas *a, const char *subject)
{
    const char *slash = strrchr(subject, '/');
    if (slash == NULL || strchr(subject, '(') != NULL)
        return subject;
    return ng_arena_text(a->page->arena, "%.*s", (int)strcspn(slash + 1, "'\""),
                         slash + 1);
}

/* Short, where that tells the columns apart. */
static void name_columns(atlas *a)
{
    for (size_t s = 0; s < a->subject_count; s++)
        a->name[s] = short_name(a, a->subject[s]);
    for (size_t s = 0; s < a->subject_count; s++)
        for (size_t t = 0; t < a->subject_count; t++)
            if (a->name[s] == NULL || a->name[s][0] == '\0' ||
                (s != t && a->name[t] && strcmp(a->name[s], a->name[t]) == 0))
                a->name[s] = a->subject[s];
}

/* As they first occur; kernels that are wrong on purpose compare nothing. */
static void find_subjects(atlas *a)
{
    const ng_grid *grid = a->page->properties;
    const char *last = NULL;
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        if (row->seeded_bug[0] != '\0' ||
            (last != NULL && strcmp(last, row->subject) == 0))
            continue;
        last = row->subject;
        if (a->subject_count < SUBJECTS_MAX)
            a->subject[a->subject_count++] = last;
        else
            a->subjects_left_out++;
    }
}

static size_t column_of(const atlas *a, const char *subject)
{
    size_t i = 0;
    while (i < a->subject_count && strcmp(a->subject[i], subject) != 0)
        i++;
    return i;
}

static void sort_checks(atlas *a)
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
        a->row_count += i == 0 || by_row(a->sorted[i - 1], a->sorted[i]) != 0;
    a->lacks = ng_arena_alloc(page->arena, a->row_count, sizeof *a->lacks);
    if (a->sorted == NULL || a->lacks == NULL)
        a->page->out->failed = true;
}

static void add_check(cell *c, const ng_record *record, bool *found)
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
    if (!isnan(record->error_ulp) && !(record->error_ulp <= c->ulp)) {
        c->ulp = record->error_ulp;
        c->worst = record;
    }
    if (!isnan(record->ratio) && !(record->ratio <= c->ratio))
        c->ratio = record->ratio;
    if (record->histogram[0] != '\0' &&
        ng_histogram_parse(&histogram, record->histogram, NULL) == ng_status_ok)
        ng_histogram_merge(&c->histogram, &histogram);
}

/* The cells of the row that begins at sorted[i]; where the next one begins. */
static size_t read_row(const atlas *a, size_t i, cell *cells)
{
    const ng_record *first = a->sorted[i];
    bool found = false;
    for (size_t s = 0; s < a->subject_count; s++)
        cells[s] = (cell){.ulp = NAN, .ratio = NAN, .p99 = NAN};
    for (size_t begin = i; i < a->count && by_row(first, a->sorted[i]) == 0;
         i++) {
        if (i == begin || by_finding(a->sorted[i - 1], a->sorted[i]) != 0)
            found = false;
        add_check(&cells[column_of(a, a->sorted[i]->subject)], a->sorted[i],
                  &found);
    }
    /* A bin's edge may lie above the largest error of all. */
    for (size_t s = 0; s < a->subject_count; s++)
        if (ng_histogram_total(&cells[s].histogram) > 0)
            cells[s].p99 = fmin(
                ng_histogram_quantile(&cells[s].histogram, 0.99), cells[s].ulp);
    return i;
}

/* By p99 where every subject has one that tells them apart, else by the
 * largest error: `key` of each cell, NAN for none. */
static void choose_keys(const cell *cells, size_t count, double *key)
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
static void find_extremes(const cell *cells, const double *key, size_t count,
                          double *best, double *worst)
{
    *best = *worst = NAN;
    for (size_t s = 0; s < count; s++) {
        if (isnan(key[s]))
            continue;
        if (!(key[s] <= *worst))
            *worst = key[s];
        if (cells[s].findings == 0 && !(key[s] >= *best))
            *best = key[s];
    }
}

/* The case without its op, pass and dtype, which name the row. */
static const char *inputs_of(const ng_record *record)
{
    const char *blank = strchr(record->test, ' ');
    return blank != NULL ? blank + 1 : record->test;
}

static void write_numbers(ng_buffer *out, const cell *c)
{
    ng_buffer_add(out, "<b>");
    ng_buffer_short(out, c->ulp);
    ng_buffer_add(out, "</b>");
    if (!isnan(c->p99)) {
        ng_buffer_add(out, "<small>p99&nbsp;");
        ng_buffer_short(out, c->p99);
        ng_buffer_add(out, "</small>");
    }
    if (!isnan(c->ratio)) {
        ng_buffer_add(out, "<small>of&nbsp;bound&nbsp;");
        ng_buffer_short(out, c->ratio);
        ng_buffer_add(out, "</small>");
    }
}

static void write_cell(const atlas *a, const cell *c, bool best, bool worst)
{
    ng_buffer *out = a->page->out;
    if (c->checks == 0) {
        ng_buffer_add(out, "<td class=\"none\">no kernel</td>");
        return;
    }
    ng_buffer_format(out, "<td%s", c->findings > 0 ? " class=\"fail\"" : "");
    if (c->worst != NULL) {
        ng_buffer_add(out, " title=\"");
        ng_buffer_excerpt(out, c->worst->test, 300);
        ng_buffer_add(out, "\"");
    }
    ng_buffer_add(out, ">");
    if (c->judged == 0)
        ng_buffer_add(out, "not judged");
    else if (isnan(c->ulp))
        ng_buffer_add(out, "not measured");
    else
        write_numbers(out, c);
    if (c->findings > 0)
        ng_buffer_format(out, "<small>✗&nbsp;%zu&nbsp;finding%s</small>",
                         c->findings, c->findings == 1 ? "" : "s");
    if (best)
        ng_buffer_add(out, "<small class=\"pass\">▾&nbsp;best</small>");
    if (worst)
        ng_buffer_add(out, "<small class=\"warn\">▴&nbsp;worst</small>");
    if (c->worst != NULL && (a->subject_count <= CASES_SHOWN_MAX || worst)) {
        ng_buffer_add(out, "<small class=\"case\">");
        ng_buffer_excerpt(out, inputs_of(c->worst), 120);
        ng_buffer_add(out, "</small>");
    }
    ng_buffer_add(out, "</td>");
}

static void write_row(const atlas *a, const ng_record *first, const cell *cells)
{
    ng_buffer *out = a->page->out;
    double best, worst, key[SUBJECTS_MAX];
    choose_keys(cells, a->subject_count, key);
    find_extremes(cells, key, a->subject_count, &best, &worst);
    ng_buffer_add(out, "<tr><th scope=\"row\"><b>");
    ng_buffer_name(out, first->op);
    ng_buffer_add(out, "</b><small>");
    ng_buffer_name(out, first->pass);
    ng_buffer_add(out, " ");
    ng_buffer_name(out, first->dtype);
    ng_buffer_add(out, "</small></th>");
    for (size_t s = 0; s < a->subject_count; s++)
        write_cell(a, &cells[s],
                   key[s] == best && best < worst && cells[s].findings == 0,
                   key[s] == worst && (best < worst || isnan(best)));
    ng_buffer_add(out, "</tr>\n");
}

static void note_lacks(atlas *a, const ng_record *first, const cell *cells)
{
    uint32_t subjects = 0;
    for (size_t s = 0; s < a->subject_count; s++)
        subjects |= (uint32_t)(cells[s].checks == 0) << s;
    if (subjects != 0)
        a->lacks[a->lack_count++] = (lack){first, subjects};
}

static void write_head(const atlas *a)
{
    static const char head[] =
        "<p>Largest error and 99th percentile of all outputs, in ulp of the "
        "exact value; the largest error / bound; and the input that gave the "
        "largest error. Hard inputs make large errors in every kernel, so "
        "best and worst are by p99, and by the largest error where p99 does "
        "not tell. Each kernel met the cases of its own contract.</p>\n"
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Side by side\"><table class=\"matrix atlas\">"
        "<caption>Error in ulp by op, pass and dtype: largest, p99, findings, "
        "worst input</caption>\n<thead><tr><th scope=\"col\">Op</th>";
    ng_buffer_add(a->page->out, head);
    for (size_t s = 0; s < a->subject_count; s++) {
        ng_buffer_add(a->page->out, "<th scope=\"col\" title=\"");
        ng_buffer_excerpt(a->page->out, a->subject[s], 300);
        ng_buffer_add(a->page->out, "\">");
        ng_buffer_name(a->page->out, a->name[s]);
        ng_buffer_add(a->page->out, "</th>");
    }
    ng_buffer_add(a->page->out, "</tr></thead>\n<tbody>\n");
}

static void write_rows(atlas *a)
{
    cell cells[SUBJECTS_MAX];
    size_t left_out = 0;
    write_head(a);
    for (size_t i = 0; i < a->count;) {
        const ng_record *first = a->sorted[i];
        i = read_row(a, i, cells);
        note_lacks(a, first, cells);
        if (ng_page_full(a->page))
            left_out++;
        else
            write_row(a, first, cells);
    }
    ng_buffer_add(a->page->out, "</tbody></table></div>\n");
    ng_page_left_out(a->page, left_out, "rows");
    ng_page_left_out(a->page, a->subjects_left_out,
                     "subjects (choose with --subject)");
}

static void write_lack(const atlas *a, size_t subject)
{
    ng_buffer *out = a->page->out;
    size_t lacking = 0;
    for (size_t i = 0; i < a->lack_count; i++)
        lacking += a->lacks[i].subjects >> subject & 1;
    if (lacking == 0)
        return;
    ng_buffer_add(out, "<li><b>");
    ng_buffer_name(out, a->name[subject]);
    ng_buffer_format(out, "</b> has no kernel for %zu of %zu: ", lacking,
                     a->row_count);
    for (size_t i = 0, shown = 0; i < a->lack_count; i++) {
        const ng_record *row = a->lacks[i].row;
        if ((a->lacks[i].subjects >> subject & 1) == 0)
            continue;
        if (shown++ == LACKS_SHOWN) {
            ng_buffer_format(out, ", and %zu more", lacking - LACKS_SHOWN);
            break;
        }
        ng_buffer_add(out, shown > 1 ? ", " : "");
        ng_buffer_excerpt(out, row->op, 40);
        ng_buffer_add(out, " ");
        ng_buffer_excerpt(out, row->pass, 40);
        ng_buffer_add(out, " ");
        ng_buffer_excerpt(out, row->dtype, 40);
    }
    ng_buffer_add(out, "</li>\n");
}

/* Numbers of different inputs do not compare. */
static void write_warning(const atlas *a)
{
    const ng_record *first = NULL;
    bool differ = false;
    for (size_t i = 0; i < a->page->count; i++) {
        const ng_record *run = &a->page->records[i];
        if (strcmp(run->kind, "run") != 0)
            continue;
        if (first == NULL)
            first = run;
        differ = differ || strcmp(first->profile, run->profile) != 0 ||
                 first->seed != run->seed;
    }
    if (differ)
        ng_buffer_add(a->page->out,
                      "<p class=\"note warn\">The runs differ in profile or "
                      "seed, so the subjects met different inputs: compare "
                      "their largest errors with care.</p>\n");
}

void ng_section_compare(ng_page *page)
{
    atlas a = {.page = page};
    find_subjects(&a);
    if (a.subject_count < 2)
        return;
    name_columns(&a);
    sort_checks(&a);
    if (page->out->failed)
        return;
    write_warning(&a);
    write_rows(&a);
    if (a.lack_count == 0)
        return;
    ng_buffer_add(page->out,
                  "<h3>Kernels that are not everywhere</h3>\n<ul>\n");
    for (size_t s = 0; s < a.subject_count; s++)
        write_lack(&a, s);
    ng_buffer_add(page->out, "</ul>\n");
}
