/* Running averages: mean and variance of batch after batch, beside their closed
 * form. */
#include "chart.h"
#include "panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHARTS_MAX = 3 };

typedef struct kernel {
    const ng_row *row;
    const ng_cell *cell;
    const ng_record *longest; /* trajectory, of a failing check if any */
    const ng_record *worst;
} kernel;

typedef struct statistic {
    const char *words, *got, *closed, *error, *bound;
} statistic;

static const statistic statistics[2] = {
    {"Running mean", "mean", "closed_mean", "error_mean", "bound_mean"},
    {"Running var", "var", "closed_var", "error_var", "bound_var"},
};

static size_t steps_of(const ng_record *record)
{
    ng_arena arena = {0};
    ng_columns columns = ng_panel_columns(&arena, record);
    size_t steps = ng_columns_find(&columns, "step").count;
    ng_arena_release(&arena);
    return steps;
}

static bool read_kernel(kernel *k, const ng_row *row)
{
    const ng_cell *cell = ng_row_cell(row, "running");
    size_t most = 0;
    *k = (kernel){.row = row, .cell = cell};
    for (size_t i = 0; cell && i < cell->record_count; i++) {
        const ng_record *record = cell->records[i];
        size_t steps = steps_of(record);
        if (ng_panel_worse(record, k->worst))
            k->worst = record;
        if (steps == 0 ||
            (ng_record_wrong(k->longest) && !ng_record_wrong(record)) ||
            (ng_record_wrong(record) == ng_record_wrong(k->longest) &&
             steps <= most))
            continue;
        k->longest = record;
        most = steps;
    }
    return most > 0;
}

/* Failing kernels first, the furthest from the closed form first among them;
 * the others as on the page: rows are one array. */
static int compare(const void *left, const void *right)
{
    const kernel *a = left, *b = right;
    bool failing_a = a->cell->score.wrong > 0;
    bool failing_b = b->cell->score.wrong > 0;
    if (failing_a != failing_b)
        return failing_a ? -1 : 1;
    if (failing_a && ng_panel_worse(a->worst, b->worst))
        return -1;
    if (failing_a && ng_panel_worse(b->worst, a->worst))
        return 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* The step at which error / bound is largest, NaN before all; count: none. */
static size_t furthest(const ng_column *error, const ng_column *bound)
{
    size_t at = error->count;
    double most = -1;
    for (size_t i = 0; i < error->count && i < bound->count; i++) {
        double distance = fabs(error->values[i]) / bound->values[i];
        distance = isnan(distance) ? INFINITY : distance;
        if (distance > most) {
            most = distance;
            at = i;
        }
    }
    return at;
}

/* The last value and the largest distance of mean or var. */
static void write_statistic(ng_page *page, const ng_columns *columns,
                            const statistic *s)
{
    ng_column got = ng_columns_find(columns, s->got);
    ng_column closed = ng_columns_find(columns, s->closed);
    ng_column error = ng_columns_find(columns, s->error);
    ng_column bound = ng_columns_find(columns, s->bound);
    ng_column step = ng_columns_find(columns, "step");
    ng_buffer_add(page->out, "<td>");
    if (got.count > 0 && closed.count > 0)
        ng_buffer_format(page->out, "%.6g<small>closed form %.6g</small>",
                         got.values[got.count - 1],
                         closed.values[closed.count - 1]);
    size_t at = furthest(&error, &bound);
    if (at < error.count && at < step.count) {
        ng_buffer_add(page->out, "<small>off by ");
        ng_buffer_short(page->out, fabs(error.values[at]) / bound.values[at]);
        ng_buffer_format(page->out, " of the bound at step %.6g</small>",
                         step.values[at]);
    }
    ng_buffer_add(page->out, "</td>");
}

static void write_row(ng_page *page, const kernel *k)
{
    ng_verdict verdict = ng_score_verdict(&k->cell->score);
    ng_arena arena = {0};
    ng_columns columns = ng_panel_columns(&arena, k->longest);
    ng_buffer_add(page->out, "<tr>");
    ng_page_kernel(page, k->row);
    ng_buffer_format(page->out, "<td class=\"%s\">%s&nbsp;%s<div><b>",
                     ng_verdict_class(verdict), ng_verdict_symbol(verdict),
                     ng_verdict_word(verdict));
    ng_panel_number(page, k->cell->score.ratio);
    ng_buffer_add(page->out, "</b></div></td>");
    ng_column step = ng_columns_find(&columns, "step");
    ng_buffer_format(page->out, "<td>%.6g</td>", step.values[step.count - 1]);
    for (size_t i = 0; i < 2; i++)
        write_statistic(page, &columns, &statistics[i]);
    ng_buffer_add(page->out, "<td class=\"words\">");
    ng_panel_words(page, ng_record_wrong(k->longest) ? k->longest->cause
                                                     : k->longest->note);
    ng_buffer_add(page->out, "</td></tr>\n");
    ng_arena_release(&arena);
}

static void write_table(ng_page *page, const kernel *kernels, size_t count)
{
    const ng_record *subject = NULL;
    size_t left_out = 0;
    ng_buffer_add(
        page->out,
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"group\" "
        "aria-label=\"Running averages\"><table class=\"panel averages\">\n"
        "<caption>The distance is that of all channels and cases, in units of "
        "its bound; mean and var are those of the first channel after the last "
        "step of one case.</caption>\n"
        "<thead><tr><th scope=\"col\">Kernel</th><th scope=\"col\">Largest "
        "distance</th><th scope=\"col\">Steps</th><th scope=\"col\">Running "
        "mean</th><th scope=\"col\">Running var</th><th scope=\"col\">What was "
        "seen</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < count; i++) {
        if (ng_page_full(page)) {
            left_out++;
            continue;
        }
        if (subject != kernels[i].row->subject_first)
            ng_page_subject(page, kernels[i].row, 6);
        subject = kernels[i].row->subject_first;
        write_row(page, &kernels[i]);
    }
    ng_buffer_add(page->out, "</tbody></table></div>\n");
    ng_page_left_out(page, left_out, "kernels");
}

/* The kernel's values as marks, the closed form as a line. */
static void write_chart(ng_page *page, const kernel *k, const statistic *s)
{
    ng_arena arena = {0};
    ng_columns columns = ng_panel_columns(&arena, k->longest);
    ng_column step = ng_columns_find(&columns, "step");
    ng_column got = ng_columns_find(&columns, s->got);
    ng_column closed = ng_columns_find(&columns, s->closed);
    const char *title = ng_arena_text(&arena, "%s: %.60s, %.120s", s->words,
                                      k->row->kernel, k->row->subject);
    if (title != NULL && step.count > 1 && got.count > 0) {
        const ng_series series[] = {
            {"closed form", step.values, closed.values,
             closed.count < step.count ? closed.count : step.count, true, 1},
            {"kernel", step.values, got.values,
             got.count < step.count ? got.count : step.count, false, 0},
        };
        ng_page_chart(page, &(ng_chart){
                                .title = title,
                                .x_title = "training step",
                                .y_title = s->got,
                                .series = series,
                                .series_count = 2,
                                .guide = NAN,
                            });
    }
    ng_arena_release(&arena);
}

/* What fails; where nothing does, one kernel shows what it looks like. */
static void write_charts(ng_page *page, const kernel *kernels, size_t count)
{
    size_t shown = 0, left_out = 0;
    ng_buffer_add(page->out, "<div class=\"charts\">\n");
    for (size_t i = 0; i < count; i++) {
        if (kernels[i].cell->score.wrong == 0 && i > 0)
            break;
        if (shown == CHARTS_MAX || ng_page_full(page)) {
            left_out++;
            continue;
        }
        for (size_t k = 0; k < 2; k++)
            write_chart(page, &kernels[i], &statistics[k]);
        shown++;
    }
    ng_buffer_add(page->out, "</div>\n");
    ng_page_left_out(page, left_out, "failing kernels as charts");
}

void ng_section_running(ng_page *page)
{
    const ng_grid *grid = page->properties;
    kernel *kernels =
        ng_arena_alloc(page->arena, grid->row_count, sizeof *kernels);
    size_t count = 0, full = page->full;
    if (kernels == NULL) {
        page->out->failed = true;
        return;
    }
    for (size_t i = 0; i < grid->row_count; i++) {
        if (ng_panel_shows(page, &grid->rows[i]))
            count += read_kernel(&kernels[count], &grid->rows[i]);
    }
    if (count == 0)
        return;
    qsort(kernels, count, sizeof *kernels, compare);
    ng_buffer_add(page->out,
                  "<p>After each training step the running statistics have a "
                  "closed form in the batches so far: the marks should lie on "
                  "the line.</p>\n");
    write_charts(page, kernels, count);
    page->full = full;
    write_table(page, kernels, count);
}
