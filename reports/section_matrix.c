/* Kernels by properties: what each kernel was held to, and how near it came. */
#include "page.h"

#include <math.h>

enum { COLUMNS_MAX = 40, COLUMNS_SEEN = 12 };

static void write_cell(ng_page *page, const ng_cell *cell)
{
    ng_verdict verdict = ng_score_verdict(&cell->score);
    bool linked = cell->score.wrong > 0 && cell <= page->last_finding;
    ng_buffer_format(page->out, "<td class=\"%s\">", ng_verdict_class(verdict));
    if (linked)
        ng_buffer_format(page->out, "<a href=\"#f%zu\">",
                         (size_t)(cell - page->properties->cells));
    ng_buffer_format(page->out, "%s&nbsp;%s%s", ng_verdict_symbol(verdict),
                     ng_verdict_word(verdict), linked ? "</a>" : "");
    if (!isnan(cell->score.ratio)) {
        ng_buffer_add(page->out, "<b>");
        ng_buffer_short(page->out, cell->score.ratio);
        ng_buffer_add(page->out, "</b>");
    }
    ng_buffer_add(page->out, "</td>");
}

static void write_row(ng_page *page, const ng_row *row, size_t columns)
{
    ng_buffer_add(page->out, "<tr>");
    ng_page_kernel(page, row);
    size_t column = 0;
    for (size_t i = 0; i < row->cell_count && row->cells[i].column < columns;
         i++, column++) {
        for (; column < row->cells[i].column; column++)
            ng_buffer_add(page->out, "<td></td>");
        write_cell(page, &row->cells[i]);
    }
    for (; column < columns; column++)
        ng_buffer_add(page->out, "<td></td>");
    ng_buffer_add(page->out, "</tr>\n");
}

static void write_head(ng_page *page, size_t columns)
{
    ng_buffer_add(page->out,
                  "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" "
                  "aria-label=\"Kernels by property\">"
                  "<table class=\"matrix\">\n"
                  "<caption>Verdict and largest error / bound; above 1 "
                  "fails. No number: a claim that holds or does not. Empty: "
                  "it does not apply. ");
    if (columns > COLUMNS_SEEN)
        ng_buffer_format(page->out, "Scroll sideways for all %zu properties.",
                         columns);
    ng_buffer_add(page->out,
                  "</caption>\n<thead><tr><th scope=\"col\">Kernel</th>");
    for (size_t i = 0; i < columns; i++) {
        ng_buffer_add(page->out, "<th scope=\"col\">");
        ng_buffer_name(page->out, page->properties->columns[i]);
        ng_buffer_add(page->out, "</th>");
    }
    ng_buffer_add(page->out, "</tr></thead>\n");
}

void ng_section_matrix(ng_page *page)
{
    const ng_grid *grid = page->properties;
    size_t columns =
        grid->column_count < COLUMNS_MAX ? grid->column_count : COLUMNS_MAX;
    const char *subject = NULL;
    size_t left_out = 0;
    if (page->tally->kernels == 0) {
        ng_buffer_add(page->out,
                      "<p>No kernel that is meant to be right was checked."
                      "</p>\n");
        return;
    }
    write_head(page, columns);
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        if (row->seeded_bug[0])
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
        write_row(page, row, columns);
    }
    ng_buffer_add(page->out,
                  subject ? "</tbody></table></div>\n" : "</table></div>\n");
    ng_page_left_out(page, left_out, "kernels");
    ng_page_left_out(page, grid->column_count - columns, "properties");
}
