/* Accuracy: per kernel and input family the largest error in ulp, over a bar
 * of the largest error / bound. Down a column kernels compare; along a row a
 * kernel shows where it is good and where it is poor. */
#include "page.h"

#include <math.h>

enum { COLUMNS_MAX = 40 };

/* Of the bar's length: some ink for the smallest error. */
static const double LEAST_BAR = 0.01;

static const char head[] =
    "<p>Each number is the largest error in ulp, the bar below it the largest "
    "error / bound: <span class=\"room\" style=\"--r:.5\"></span> is half of "
    "what the declared algorithm may do. Many ulp over a short bar is a hard "
    "input, not a poor kernel.</p>\n"
    "<div class=\"scroll tall filtered\" tabindex=\"0\" role=\"group\" "
    "aria-label=\"Accuracy by input family\"><table class=\"accuracy "
    "sortable\">\n"
    "<caption>Largest error in ulp, and error / bound as a bar</caption>\n"
    "<thead><tr><th scope=\"col\">Kernel</th>";

static bool measured(const ng_cell *cell)
{
    return cell->name[0] && cell->score.judged > 0 &&
           !(isnan(cell->score.error_ulp) && isnan(cell->score.ratio));
}

static void write_cell(ng_page *page, const ng_cell *cell)
{
    const ng_score *score = &cell->score;
    bool over = !isnan(score->ratio) && !(score->ratio <= 1);
    ng_buffer_add(page->out, over ? "<td class=\"over\"" : "<td");
    if (!isnan(score->ratio))
        ng_buffer_format(page->out, " style=\"--r:%.2g\"",
                         fmin(fmax(score->ratio, LEAST_BAR), 1));
    ng_buffer_add(page->out, ">");
    if (isnan(score->error_ulp))
        ng_buffer_add(page->out, "–");
    else
        ng_buffer_short(page->out, score->error_ulp);
    if (over) {
        ng_buffer_add(page->out, "<small>✗&nbsp;");
        ng_buffer_short(page->out, score->ratio);
        ng_buffer_add(page->out, "</small>");
    }
    ng_buffer_add(page->out, "</td>");
}

/* Which columns have a number of a kernel that is meant to be right. */
static size_t choose_columns(ng_page *page, const ng_grid *grid, bool *shown)
{
    size_t count = 0;
    for (size_t i = 0; i < grid->cell_count; i++) {
        const ng_cell *cell = &grid->cells[i];
        if (shown[cell->column] || count == COLUMNS_MAX ||
            grid->rows[cell->kernel].seeded_bug[0] || !measured(cell))
            continue;
        shown[cell->column] = true;
        count++;
    }
    if (count == 0)
        return 0;
    ng_buffer_add(page->out, head);
    for (size_t i = 0; i < grid->column_count; i++) {
        if (!shown[i])
            continue;
        ng_buffer_add(page->out, "<th scope=\"col\">");
        ng_buffer_name(page->out, grid->columns[i]);
        ng_buffer_add(page->out, "</th>");
    }
    ng_buffer_add(page->out, "</tr></thead>\n");
    return count;
}

static void write_row(ng_page *page, const ng_grid *grid, const ng_row *row,
                      const bool *shown)
{
    size_t next = 0;
    ng_buffer_add(page->out, "<tr>");
    ng_page_kernel(page, row);
    for (size_t i = 0; i < grid->column_count; i++) {
        const ng_cell *cell =
            next < row->cell_count && row->cells[next].column == i
                ? &row->cells[next++]
                : NULL;
        if (shown[i] && cell && measured(cell))
            write_cell(page, cell);
        else if (shown[i])
            ng_buffer_add(page->out, "<td></td>");
    }
    ng_buffer_add(page->out, "</tr>\n");
}

static void write_rows(ng_page *page, const ng_grid *grid, const bool *shown,
                       size_t columns)
{
    const char *subject = NULL;
    size_t left_out = 0;
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        if (row->seeded_bug[0] || row->score.judged == 0)
            continue;
        if (ng_page_full(page)) {
            left_out++;
            continue;
        }
        if (subject != row->subject_first->subject) {
            ng_buffer_add(page->out,
                          subject ? "</tbody><tbody>\n" : "<tbody>\n");
            ng_page_subject(page, row, columns + 1);
        }
        subject = row->subject_first->subject;
        write_row(page, grid, row, shown);
    }
    ng_buffer_add(page->out,
                  subject ? "</tbody></table></div>\n" : "</table></div>\n");
    ng_page_left_out(page, left_out, "kernels");
}

void ng_section_accuracy(ng_page *page)
{
    ng_grid grid;
    ng_status status = ng_grid_make(&grid, page->arena, page->records,
                                    page->count, ng_by_family, NULL);
    bool *shown = status == ng_status_ok
                      ? ng_arena_alloc(page->arena, grid.column_count, 1)
                      : NULL;
    if (!shown) {
        page->out->failed = true;
        return;
    }
    size_t columns = choose_columns(page, &grid, shown);
    if (columns > 0)
        write_rows(page, &grid, shown, columns);
}
