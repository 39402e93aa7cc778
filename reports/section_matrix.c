/* Kernels by properties: what each kernel was held to, and how near it came. */
#include "page.h"

#include <math.h>

enum { COLUMNS_MAX = 40, COLUMNS_SEEN = 12, CELL_BYTES = 60, TIP_BYTES = 190 };

/* What stands behind the cell: its cases, and the one that came nearest. */
static void write_tip(ng_page *page, const ng_score *score)
{
    ng_buffer *out = page->out;
    const ng_record *shown =
        score->worst ? score->worst : score->smallest_wrong;
    ng_buffer_add(out, " title=\"");
    ng_buffer_count(out, score->judged);
    ng_buffer_format(out, " case%s", score->judged == 1 ? "" : "s");
    if (score->wrong > 0) {
        ng_buffer_add(out, ", ");
        ng_buffer_count(out, score->wrong);
        ng_buffer_add(out, " wrong");
    }
    if (!isnan(score->error_ulp)) {
        ng_buffer_add(out, ", largest error ");
        ng_buffer_short(out, score->error_ulp);
        ng_buffer_add(out, " ulp");
    }
    if (shown && shown->test[0]) {
        ng_buffer_format(
            out,
            ". %s: ", score->worst ? "Largest error / bound in" : "Smallest");
        ng_buffer_excerpt(out, shown->test, NG_NAME_SHOWN_MAX);
    }
    ng_buffer_add(out, "\"");
}

static void write_cell(ng_page *page, const ng_cell *cell, bool all_tips)
{
    const ng_score *score = &cell->score;
    ng_verdict verdict = ng_score_verdict(score);
    const char *anchor = score->wrong > 0 ? ng_page_anchor(page, cell) : NULL;
    ng_buffer_format(page->out, "<td class=\"%s\"", ng_verdict_class(verdict));
    if (score->judged > 0 && (all_tips || verdict != NG_PASS))
        write_tip(page, score);
    ng_buffer_add(page->out, ">");
    if (anchor)
        ng_buffer_format(page->out, "<a href=\"#%s\">", anchor);
    ng_buffer_format(page->out, "%s&nbsp;<i>%s</i>%s",
                     ng_verdict_symbol(verdict), ng_verdict_word(verdict),
                     anchor ? "</a>" : "");
    if (!isnan(score->ratio)) {
        ng_buffer_add(page->out, "<b>");
        ng_buffer_short(page->out, score->ratio);
        ng_buffer_add(page->out, "</b>");
    }
    ng_buffer_add(page->out, "</td>");
}

static void write_row(ng_page *page, const ng_row *row, size_t columns,
                      bool all_tips)
{
    ng_buffer_add(page->out, "<tr>");
    ng_page_kernel(page, row);
    size_t column = 0;
    for (size_t i = 0; i < row->cell_count && row->cells[i].column < columns;
         i++, column++) {
        for (; column < row->cells[i].column; column++)
            ng_buffer_add(page->out, "<td></td>");
        write_cell(page, &row->cells[i], all_tips);
    }
    for (; column < columns; column++)
        ng_buffer_add(page->out, "<td></td>");
    ng_buffer_add(page->out, "</tr>\n");
}

static void write_head(ng_page *page, size_t columns)
{
    ng_buffer_add(
        page->out,
        "<div class=\"scroll tall filtered\" tabindex=\"0\" role=\"group\" "
        "aria-label=\"Kernels by property\">"
        "<table class=\"matrix sortable\">\n"
        "<caption>Verdict and largest error / bound; above 1 "
        "fails. No number: a claim that holds or does not. Empty: "
        "it does not apply. ");
    if (columns > COLUMNS_SEEN)
        ng_buffer_format(page->out,
                         "<span class=\"screen\">Scroll sideways for all %zu "
                         "properties.</span>",
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

/* In a run of very many kernels only what did not pass explains itself. */
static bool has_room_for_tips(const ng_page *page)
{
    const ng_grid *grid = page->properties;
    size_t cells = 0;
    for (size_t i = 0; i < grid->row_count; i++)
        if (!grid->rows[i].seeded_bug[0])
            cells += grid->rows[i].cell_count;
    return cells < (page->full - page->out->size) / (CELL_BYTES + TIP_BYTES);
}

void ng_section_matrix(ng_page *page)
{
    const ng_grid *grid = page->properties;
    size_t columns =
        grid->column_count < COLUMNS_MAX ? grid->column_count : COLUMNS_MAX;
    const char *subject = NULL;
    size_t left_out = 0;
    if (page->tally->kernels == 0)
        return;
    bool all_tips = has_room_for_tips(page);
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
        write_row(page, row, columns, all_tips);
    }
    ng_buffer_add(page->out,
                  subject ? "</tbody></table></div>\n" : "</table></div>\n");
    ng_page_left_out(page, left_out, "kernels");
    ng_page_left_out(page, grid->column_count - columns, "properties");
}
