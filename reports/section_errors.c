/* Error in ulp: how many outputs erred by how much. Histograms of records add
 * up, since all have the same bins; a quantile is known to its bin, and the
 * share of correct roundings exactly, since a bin ends at half an ulp. */
#include "page.h"

#include <normgate/histogram.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More kernels than these are shown by op, pass and dtype. */
enum { KERNELS_MAX = 200, WORST_SHOWN = 8 };
enum { BAR = 3, HEIGHT = 24, AXIS = 12 };

typedef struct line {
    const ng_row *row; /* the first of its kernels */
    size_t kernels;
    ng_histogram histogram;
    const ng_record *worst; /* the largest error; NULL: none is written */
} line;

typedef struct errors {
    ng_page *page;
    line *lines;
    size_t count;
    size_t unread; /* records whose histogram is none */
    bool grouped;
} errors;

static void add_record(errors *e, line *l, const ng_record *record)
{
    ng_histogram histogram;
    if (record->histogram[0] == '\0' ||
        !ng_record_tells_ulp(record, e->page->ordinary))
        return;
    if (ng_histogram_parse(&histogram, record->histogram, NULL) !=
        ng_status_ok) {
        e->unread++;
        return;
    }
    ng_histogram_merge(&l->histogram, &histogram);
    if (!isnan(record->error_ulp) &&
        (!l->worst || record->error_ulp > l->worst->error_ulp))
        l->worst = record;
}

static int by_group(const line *a, const line *b)
{
    return ng_record_shape_order(a->row->score.first, b->row->score.first);
}

static int compare_rows(const void *left, const void *right)
{
    const line *a = left, *b = right;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int compare_groups(const void *left, const void *right)
{
    int order = by_group(left, right);
    return order != 0 ? order : compare_rows(left, right);
}

static void merge(line *to, const line *from)
{
    ng_histogram_merge(&to->histogram, &from->histogram);
    to->kernels++;
    if (from->worst &&
        (!to->worst || from->worst->error_ulp > to->worst->error_ulp))
        to->worst = from->worst;
}

static void group(errors *e)
{
    size_t groups = 0;
    qsort(e->lines, e->count, sizeof *e->lines, compare_groups);
    for (size_t i = 0; i < e->count; i++) {
        if (groups > 0 && by_group(&e->lines[groups - 1], &e->lines[i]) == 0)
            merge(&e->lines[groups - 1], &e->lines[i]);
        else
            e->lines[groups++] = e->lines[i];
    }
    e->count = groups;
    e->grouped = true;
    qsort(e->lines, e->count, sizeof *e->lines, compare_rows);
}

/* False: memory is out. */
static bool collect(errors *e)
{
    const ng_grid *grid = e->page->properties;
    e->lines = ng_arena_alloc(e->page->arena, grid->row_count, sizeof(line));
    if (!e->lines)
        return false;
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        line *l = &e->lines[e->count];
        *l = (line){.row = row, .kernels = 1};
        if (row->seeded_bug[0])
            continue;
        for (size_t c = 0; c < row->cell_count; c++)
            for (size_t k = 0; k < row->cells[c].record_count; k++)
                add_record(e, l, row->cells[c].records[k]);
        e->count += ng_histogram_total(&l->histogram) > 0;
    }
    if (e->count > KERNELS_MAX)
        group(e);
    return true;
}

/* A column for each bin, of its share of the fullest one: no taller than that
 * one, and none that is filled is without ink. */
static void write_strip(ng_buffer *out, const ng_histogram *histogram)
{
    uint64_t most = 1;
    int at = 0, pen = 0;
    for (size_t i = 0; i < NG_HISTOGRAM_BINS; i++)
        if (histogram->count[i] > most)
            most = histogram->count[i];
    ng_buffer_add(out, "<svg viewBox=\"0 0 189 24\" aria-hidden=\"true\">"
                       "<path d=\"M0 24");
    for (int i = 0; i < NG_HISTOGRAM_BINS; i++) {
        double share = (double)histogram->count[i] / (double)most;
        int up = (int)ceil(share * HEIGHT);
        if (up != at) {
            if (i > pen)
                ng_buffer_format(out, "H%d", BAR * i);
            ng_buffer_format(out, "V%d", HEIGHT - up);
            pen = i;
        }
        at = up;
    }
    ng_buffer_add(out, "H189V24z\"/><path class=\"half\" d=\"M36 0v24\"/>"
                       "</svg>");
}

/* "≤ 0.5", "> 1.7e7", "0" */
static void write_quantile(ng_buffer *out, const ng_histogram *histogram,
                           double share)
{
    double edge = ng_histogram_quantile(histogram, share);
    if (isinf(edge)) {
        ng_buffer_add(out, "&gt;&nbsp;");
        edge = ng_histogram_edge(NG_HISTOGRAM_BINS - 2);
    } else if (edge > 0) {
        ng_buffer_add(out, "≤&nbsp;");
    }
    ng_buffer_add(out, "<b>"); /* the page sorts by it */
    ng_buffer_short(out, edge);
    ng_buffer_add(out, "</b>");
}

/* What the worst record says, or, where none does, the edge of the last bin
 * that is filled. */
static void write_largest(ng_buffer *out, const line *l)
{
    if (l->worst)
        ng_buffer_short(out, l->worst->error_ulp);
    else
        write_quantile(out, &l->histogram, 1);
}

/* Never 100 % but of all outputs. */
static void write_share(ng_buffer *out, const ng_histogram *histogram)
{
    ng_histogram right = *histogram;
    for (size_t i = ng_histogram_bin(0.5) + 1; i < NG_HISTOGRAM_BINS; i++)
        right.count[i] = 0;
    uint64_t some = ng_histogram_total(&right),
             all = ng_histogram_total(histogram);
    double percent = 100 * ((double)some / (double)all);
    if (some < all)
        percent = fmin(floor(10 * percent) / 10, 99.9);
    ng_buffer_format(out, some == all ? "%.0f&nbsp;%%" : "%.1f&nbsp;%%",
                     percent);
}

static void write_name(const errors *e, const line *l)
{
    ng_buffer *out = e->page->out;
    const ng_record *first = l->row->score.first;
    if (!e->grouped) {
        ng_page_kernel(e->page, l->row);
        return;
    }
    ng_buffer_add(out, "<th scope=\"row\"><b>");
    ng_buffer_name(out, first->op);
    ng_buffer_add(out, " ");
    ng_buffer_name(out, first->pass);
    ng_buffer_add(out, " ");
    ng_buffer_name(out, first->dtype);
    ng_buffer_format(out, "</b><small>%zu kernel%s</small></th>", l->kernels,
                     l->kernels == 1 ? "" : "s");
}

static void write_line(const errors *e, const line *l)
{
    ng_buffer *out = e->page->out;
    ng_buffer_add(out, "<tr>");
    write_name(e, l);
    ng_buffer_add(out, "<td>");
    write_strip(out, &l->histogram);
    ng_buffer_add(out, "</td><td>");
    write_quantile(out, &l->histogram, 0.5);
    ng_buffer_add(out, "</td><td>");
    write_quantile(out, &l->histogram, 0.99);
    ng_buffer_add(out, "</td><td>");
    write_largest(out, l);
    ng_buffer_add(out, "</td><td>");
    write_share(out, &l->histogram);
    ng_buffer_add(out, "</td><td>");
    ng_buffer_count(out, ng_histogram_total(&l->histogram));
    ng_buffer_add(out, "</td></tr>\n");
}

static void write_head(const errors *e)
{
    ng_buffer_format(
        e->page->out,
        "<p>How many outputs%s erred by how many units in the last place (ulp) "
        "of the exact value; up to the dashed line, at half an ulp, they are "
        "rounded correctly. Quantiles are upper ends of bins, two bins to a "
        "factor of two.</p>\n",
        e->page->ordinary ? " of normal inputs (property accuracy)" : "");
    ng_buffer_add(
        e->page->out,
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"group\" "
        "aria-label=\"Error in ulp\"><table class=\"errors sortable\">\n"
        "<caption>Errors of outputs in ulp</caption>\n<thead><tr>");
    ng_buffer_format(e->page->out, "<th scope=\"col\">%s</th>",
                     e->grouped ? "Op, pass, dtype" : "Kernel");
    ng_buffer_add(
        e->page->out,
        "<th scope=\"col\">Outputs by error"
        "<svg viewBox=\"0 0 189 14\" role=\"img\" aria-label=\"from 0 to more "
        "than 2^24 ulp\"><text x=\"0\" y=\"11\">0</text>"
        "<text x=\"36\" y=\"11\" class=\"mid\">½</text>"
        "<text x=\"84\" y=\"11\" class=\"mid\">2⁷</text>"
        "<text x=\"132\" y=\"11\" class=\"mid\">2¹⁵</text>"
        "<text x=\"189\" y=\"11\" class=\"end\">&gt;&nbsp;2²⁴</text></svg></th>"
        "<th scope=\"col\">Median</th><th scope=\"col\">p99</th>"
        "<th scope=\"col\">Largest</th>"
        "<th scope=\"col\">Correctly rounded</th>"
        "<th scope=\"col\">Outputs</th></tr></thead>\n");
}

static void write_table(const errors *e)
{
    ng_page *page = e->page;
    const char *subject = NULL;
    size_t left_out = 0;
    write_head(e);
    for (size_t i = 0; i < e->count; i++) {
        const line *l = &e->lines[i];
        if (ng_page_full(page)) {
            left_out++;
            continue;
        }
        bool new_body =
            !e->grouped && subject != l->row->subject_first->subject;
        if (i == 0 || new_body)
            ng_buffer_add(page->out, i > 0 ? "</tbody><tbody>\n" : "<tbody>\n");
        if (new_body)
            ng_page_subject(page, l->row, 7);
        subject = l->row->subject_first->subject;
        write_line(e, l);
    }
    ng_buffer_add(page->out, left_out < e->count ? "</tbody></table></div>\n"
                                                 : "</table></div>\n");
    ng_page_left_out(page, left_out, "rows");
    if (e->unread > 0)
        ng_buffer_format(page->out,
                         "<p class=\"note\">%zu histograms could not be read "
                         "and are in no row.</p>\n",
                         e->unread);
}

static int by_error(const void *left, const void *right)
{
    const line *a = left, *b = right;
    double x = a->worst ? a->worst->error_ulp : -1;
    double y = b->worst ? b->worst->error_ulp : -1;
    if (x != y)
        return x > y ? -1 : 1;
    return compare_rows(left, right);
}

static void write_worst(const errors *e, const line *l)
{
    ng_buffer *out = e->page->out;
    const ng_record *record = l->worst;
    ng_buffer_add(out, "<li><b>");
    ng_buffer_short(out, record->error_ulp);
    ng_buffer_add(out, " ulp</b> ");
    ng_buffer_name(out, record->subject);
    ng_buffer_add(out, " <code>");
    ng_buffer_name(out, record->kernel);
    ng_buffer_add(out, "</code>, ");
    ng_buffer_name(out, record->property);
    if (!isnan(record->ratio)) {
        ng_buffer_add(out, "; error / bound ");
        ng_buffer_short(out, record->ratio);
    }
    ng_buffer_add(out, "<pre class=\"replay\"><code>");
    ng_buffer_markup(out, record->replay[0] ? record->replay : record->test);
    ng_buffer_add(out, "</code></pre></li>\n");
}

/* After the table, since it sorts the lines. */
static void write_inputs(errors *e)
{
    size_t count = 0;
    qsort(e->lines, e->count, sizeof *e->lines, by_error);
    while (count < e->count && count < WORST_SHOWN && e->lines[count].worst)
        count++;
    if (count == 0)
        return;
    ng_buffer_format(e->page->out,
                     "<details><summary>Inputs of the largest errors</summary>"
                     "\n<p class=\"note\">The worst of each %s; where the "
                     "error / bound is small, the exact value is near zero."
                     "</p>\n<ul class=\"inputs\">\n",
                     e->grouped ? "group" : "kernel");
    for (size_t i = 0; i < count && !ng_page_full(e->page); i++)
        write_worst(e, &e->lines[i]);
    ng_buffer_add(e->page->out, "</ul></details>\n");
}

void ng_section_errors(ng_page *page)
{
    errors e = {.page = page};
    if (!collect(&e)) {
        page->out->failed = true;
        return;
    }
    if (e.count == 0)
        return;
    write_table(&e);
    write_inputs(&e);
}
