/* Gradients: what the two sides of each claim about dx, dgamma and dbeta differ
 * by, and the singular values of the Jacobian. */
#include "chart.h"
#include "panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *property, *title;
} claims[] = {
    {"gradient", "Sums and orthogonality"},
    {"finite_difference", "Central differences"},
    {"adjoint", "Symmetry"},
};
enum { CLAIMS = sizeof claims / sizeof claims[0], CHARTS_MAX = 6 };

/* A kernel's check that comes nearest to its bound, or is furthest past it. */
typedef struct worst {
    const ng_record *record;
    double residual, bound, cosine, step;
    size_t count; /* with a residual */
} worst;

typedef struct kernel {
    const ng_row *row;
    worst claim[CLAIMS];
    const ng_record *jacobian;
    bool failing;
} kernel;

/* NaN loses. */
static double quotient(const worst *w)
{
    double q = w->residual / w->bound;
    return isnan(q) ? INFINITY : q;
}

static bool is_worse(const worst *a, const worst *b)
{
    if (b->record == NULL)
        return true;
    bool wrong_a = ng_record_wrong(a->record);
    bool wrong_b = ng_record_wrong(b->record);
    if (wrong_a != wrong_b)
        return wrong_a;
    return quotient(a) > quotient(b);
}

static worst worst_of(const ng_cell *cell)
{
    worst most = {.record = NULL};
    for (size_t i = 0; cell && i < cell->record_count; i++) {
        ng_arena arena = {0};
        ng_columns columns = ng_panel_columns(&arena, cell->records[i]);
        worst one = {
            .record = cell->records[i],
            .residual = ng_columns_first(&columns, "residual"),
            .bound = ng_columns_first(&columns, "bound"),
            .cosine = ng_columns_first(&columns, "cosine"),
            .step = ng_columns_first(&columns, "step"),
            .count = most.count + 1,
        };
        bool drawn = ng_columns_find(&columns, "residual").count > 0;
        ng_arena_release(&arena);
        if (drawn && is_worse(&one, &most))
            most = one;
        else
            most.count += drawn;
    }
    return most;
}

static const ng_record *worst_jacobian(const ng_cell *cell)
{
    const ng_record *most = NULL;
    for (size_t i = 0; cell && i < cell->record_count; i++) {
        ng_arena arena = {0};
        ng_columns columns = ng_panel_columns(&arena, cell->records[i]);
        if (ng_columns_find(&columns, "singular").count > 0 &&
            ng_panel_worse(cell->records[i], most))
            most = cell->records[i];
        ng_arena_release(&arena);
    }
    return most;
}

static bool read_kernel(kernel *k, const ng_row *row)
{
    bool any = false;
    *k = (kernel){.row = row};
    for (size_t i = 0; i < CLAIMS; i++) {
        const ng_cell *cell = ng_row_cell(row, claims[i].property);
        k->claim[i] = worst_of(cell);
        any = any || k->claim[i].record != NULL;
        k->failing = k->failing || (cell && cell->score.wrong > 0);
    }
    const ng_cell *cell = ng_row_cell(row, "jacobian");
    k->jacobian = worst_jacobian(cell);
    k->failing = k->failing || (cell && cell->score.wrong > 0);
    return any || k->jacobian != NULL;
}

/* Failing kernels first, else as on the page: rows are one array. */
static int compare(const void *left, const void *right)
{
    const kernel *a = left, *b = right;
    if (a->failing != b->failing)
        return a->failing ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

/* The symbol and verdict of a claim that failed, or was not judged. */
static void open_cell(ng_page *page, const ng_cell *cell)
{
    ng_verdict verdict = ng_score_verdict(&cell->score);
    ng_buffer_format(page->out, "<td class=\"%s\">%s&nbsp;%s<div>",
                     ng_verdict_class(verdict), ng_verdict_symbol(verdict),
                     ng_verdict_word(verdict));
}

static void write_claim(ng_page *page, const ng_cell *cell, const worst *w)
{
    if (cell == NULL) {
        ng_buffer_add(page->out, "<td></td>");
        return;
    }
    open_cell(page, cell);
    if (w->record != NULL) {
        ng_buffer_add(page->out, "<b>");
        ng_buffer_short(page->out, w->residual);
        ng_buffer_add(page->out, "</b> of ");
        ng_panel_number(page, w->bound);
        ng_buffer_add(page->out, "<small>");
        if (!isnan(w->cosine))
            ng_buffer_format(page->out, "cosine %.6g, ", w->cosine);
        if (!isnan(w->step))
            ng_buffer_format(page->out, "step %.3g, ", w->step);
        ng_buffer_format(page->out, w->count > 1 ? "worst of %zu" : "%zu check",
                         w->count);
        ng_buffer_add(page->out, "</small>");
    }
    /* the claim holds, and something beside it does not */
    if (cell->score.wrong > 0 && (w->record == NULL || quotient(w) <= 1)) {
        ng_buffer_add(page->out, "<small>");
        ng_panel_words(page, cell->score.first_wrong->cause);
        ng_buffer_add(page->out, "</small>");
    }
    ng_buffer_add(page->out, "</div></td>");
}

/* Singular values within what the norm allows them. */
static size_t allowed_count(const ng_columns *columns)
{
    ng_column got = ng_columns_find(columns, "singular");
    ng_column least = ng_columns_find(columns, "least");
    ng_column most = ng_columns_find(columns, "most");
    size_t count = 0;
    for (size_t i = 0; i < got.count && i < least.count && i < most.count; i++)
        count +=
            got.values[i] >= least.values[i] && got.values[i] <= most.values[i];
    return count;
}

static void write_jacobian(ng_page *page, const kernel *k)
{
    const ng_cell *cell = ng_row_cell(k->row, "jacobian");
    if (cell == NULL) {
        ng_buffer_add(page->out, "<td></td>");
        return;
    }
    open_cell(page, cell);
    if (k->jacobian != NULL) {
        ng_arena arena = {0};
        ng_columns columns = ng_panel_columns(&arena, k->jacobian);
        ng_column singular = ng_columns_find(&columns, "singular");
        ng_buffer_format(page->out, "%zu values from <b>", singular.count);
        ng_buffer_short(page->out, singular.values[0]);
        ng_buffer_add(page->out, "</b> to <b>");
        ng_buffer_short(page->out, singular.values[singular.count - 1]);
        ng_buffer_add(page->out, "</b>");
        ng_buffer_format(page->out, "<small>%zu of %zu where allowed</small>",
                         allowed_count(&columns), singular.count);
        ng_arena_release(&arena);
    }
    ng_buffer_add(page->out, "</div></td>");
}

static void write_row(ng_page *page, const kernel *k)
{
    ng_buffer_add(page->out, "<tr>");
    ng_page_kernel(page, k->row);
    for (size_t i = 0; i < CLAIMS; i++)
        write_claim(page, ng_row_cell(k->row, claims[i].property),
                    &k->claim[i]);
    write_jacobian(page, k);
    ng_buffer_add(page->out, "</tr>\n");
}

static void write_table(ng_page *page, const kernel *kernels, size_t count)
{
    const ng_record *subject = NULL;
    size_t left_out = 0;
    ng_buffer_add(
        page->out,
        "<p>The relative difference of the two sides of each claim, of the "
        "difference that rounding may make: <b>residual</b> of bound. A cosine "
        "of 1 is the right direction.</p>\n"
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"group\" "
        "aria-label=\"Gradients\"><table class=\"panel\">\n"
        "<caption>The worst check of each claim</caption>\n"
        "<thead><tr><th scope=\"col\">Kernel</th>");
    for (size_t i = 0; i < CLAIMS; i++)
        ng_buffer_format(page->out,
                         "<th scope=\"col\">%s<small>%s</small></th>",
                         claims[i].title, claims[i].property);
    ng_buffer_add(page->out, "<th scope=\"col\">Singular values of the Jacobian"
                             "<small>jacobian</small></th></tr></thead>\n"
                             "<tbody>\n");
    for (size_t i = 0; i < count; i++) {
        if (ng_page_full(page)) {
            left_out++;
            continue;
        }
        if (subject != kernels[i].row->subject_first)
            ng_page_subject(page, kernels[i].row, CLAIMS + 2);
        subject = kernels[i].row->subject_first;
        write_row(page, &kernels[i]);
    }
    ng_buffer_add(page->out, "</tbody></table></div>\n");
    ng_page_left_out(page, left_out, "kernels");
}

/* --- the spectrum ------------------------------------------------------------- */

static void write_spectrum(ng_page *page, const kernel *k)
{
    ng_arena arena = {0};
    ng_columns columns = ng_panel_columns(&arena, k->jacobian);
    ng_column got = ng_columns_find(&columns, "singular");
    ng_column least = ng_columns_find(&columns, "least");
    ng_column most = ng_columns_find(&columns, "most");
    double *number = ng_arena_alloc(&arena, got.count, sizeof *number);
    const char *title =
        ng_arena_text(&arena, "%.60s, %.120s", k->row->kernel, k->row->subject);
    for (size_t i = 0; number && i < got.count; i++)
        number[i] = (double)(i + 1);
    if (number && title) {
        const size_t n = got.count;
        const ng_series series[] = {
            {"allowed at most", number, most.values,
             most.count < n ? most.count : n, true, 1},
            {"allowed at least", number, least.values,
             least.count < n ? least.count : n, true, 2},
            {"measured", number, got.values, n, false, 0},
        };
        ng_page_chart(page, &(ng_chart){
                                .title = title,
                                .x_title = "singular value, the largest first",
                                .y_title = "size",
                                .y_log = true,
                                .series = series,
                                .series_count = 3,
                                .guide = NAN,
                            });
        ng_buffer_add(page->out, "<p class=\"note\">");
        ng_panel_words(page, k->jacobian->note);
        ng_buffer_add(page->out, "</p>\n");
    }
    ng_arena_release(&arena);
}

/* Whether a kernel before it has shown the spectrum of this op and pass. */
static bool is_shown(const kernel *kernels, size_t i)
{
    const ng_record *a = kernels[i].jacobian;
    for (size_t j = 0; j < i; j++) {
        const ng_record *b = kernels[j].jacobian;
        if (b != NULL && strcmp(a->op, b->op) == 0 &&
            strcmp(a->pass, b->pass) == 0)
            return true;
    }
    return false;
}

/* What fails, then one of each op and pass. */
static void write_spectra(ng_page *page, const kernel *kernels, size_t count)
{
    size_t shown = 0, failing_left = 0;
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = any || kernels[i].jacobian != NULL;
    if (!any)
        return;
    ng_buffer_add(page->out,
                  "<h3>Singular values of the Jacobian dx / dy</h3>\n<p>A norm "
                  "is flat along 1 where it subtracts the mean and nearly flat "
                  "along x_hat; in all other directions it passes rstd, times "
                  "gamma. Kernels that fail, then one of each op and pass.</p>"
                  "\n<div class=\"charts\">\n");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < count; i++) {
            const ng_record *record = kernels[i].jacobian;
            if (record == NULL || ng_record_wrong(record) != (round == 0) ||
                (round == 1 && is_shown(kernels, i)))
                continue;
            if (shown == CHARTS_MAX || ng_page_full(page)) {
                failing_left += round == 0;
                continue;
            }
            ng_buffer_add(page->out, "<div>");
            write_spectrum(page, &kernels[i]);
            ng_buffer_add(page->out, "</div>\n");
            shown++;
        }
    }
    ng_buffer_add(page->out, "</div>\n");
    ng_page_left_out(page, failing_left, "failing spectra");
}

void ng_section_gradients(ng_page *page)
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
    /* A long table leaves room for the spectra. */
    page->full = page->out->size + (full - page->out->size) / 3 * 2;
    write_table(page, kernels, count);
    page->full = full;
    write_spectra(page, kernels, count);
}
