/* Seeded bugs test the gate: a kernel that is wrong on purpose must fail
 * the property that its author named. Another one failing does not count. */
#include "page.h"

#include <math.h>

static const char head[] =
    "<p>These kernels are wrong on purpose. Each must fail the property that "
    "is named for its bug; a gate that lets one through would let through the "
    "real bug too.</p>\n"
    "<div class=\"scroll filtered\" tabindex=\"0\" role=\"group\" "
    "aria-label=\"Seeded bugs\"><table class=\"seeded sortable\">\n"
    "<caption>Seeded bugs, which test the gate</caption>\n"
    "<thead><tr><th scope=\"col\">Kernel</th><th scope=\"col\">Result</th>"
    "<th scope=\"col\">Named property</th><th scope=\"col\" "
    "class=\"number\">Failing cases</th>"
    "<th scope=\"col\" class=\"number\">Error / bound</th>"
    "<th scope=\"col\">What the gate said</th>"
    "<th scope=\"col\">Also failed</th></tr></thead>\n";

static void write_also(ng_page *page, const ng_row *row, const ng_cell *named)
{
    size_t others = 0;
    for (size_t i = 0; i < row->cell_count; i++) {
        if (&row->cells[i] == named || row->cells[i].score.wrong == 0)
            continue;
        ng_buffer_add(page->out, others++ > 0 ? ", " : "");
        ng_buffer_name(page->out, row->cells[i].name);
    }
    ng_buffer_add(page->out, others > 0 ? "" : "nothing else");
}

static void write_result(ng_page *page, const ng_row *row)
{
    ng_buffer_add(page->out, "<td>");
    if (ng_row_caught(row))
        ng_buffer_add(page->out,
                      "<span class=\"tag pass\">✓&nbsp;caught</span>");
    else
        ng_buffer_format(page->out, "<span class=\"tag fail\">✗&nbsp;%s</span>",
                         row->score.wrong > 0 ? "only by others" : "survived");
    ng_buffer_add(page->out, "</td><td>");
    ng_buffer_name(page->out, row->seeded_bug);
    ng_buffer_add(page->out, "</td>");
}

static void write_row(ng_page *page, const ng_row *row)
{
    const ng_cell *named = ng_row_cell(row, row->seeded_bug);
    ng_buffer_add(page->out, "<tr>");
    ng_page_kernel(page, row);
    write_result(page, row);
    ng_buffer_add(page->out, "<td class=\"number\">");
    if (named)
        ng_buffer_format(page->out, "%zu of %zu", named->score.wrong,
                         named->score.judged);
    else
        ng_buffer_add(page->out, "not run");
    ng_buffer_add(page->out, "</td><td class=\"number\">");
    if (named && !isnan(named->score.ratio))
        ng_buffer_short(page->out, named->score.ratio);
    ng_buffer_add(page->out, "</td><td class=\"cause\">");
    if (named && named->score.first_wrong)
        ng_buffer_markup(page->out, named->score.first_wrong->cause);
    ng_buffer_add(page->out, "</td><td>");
    write_also(page, row, named);
    ng_buffer_add(page->out, "</td></tr>\n");
}

void ng_section_seeded(ng_page *page)
{
    const ng_grid *grid = page->properties;
    const char *subject = NULL;
    size_t left_out = 0;
    if (page->tally->seeded == 0)
        return;
    ng_buffer_add(page->out, head);
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        if (!row->seeded_bug[0])
            continue;
        if (ng_page_full(page)) {
            left_out++;
            continue;
        }
        if (subject != row->subject_first->subject) {
            ng_buffer_add(page->out,
                          subject ? "</tbody><tbody>\n" : "<tbody>\n");
            ng_page_subject(page, row, 7);
        }
        subject = row->subject_first->subject;
        write_row(page, row);
    }
    ng_buffer_add(page->out,
                  subject ? "</tbody></table></div>\n" : "</table></div>\n");
    ng_page_left_out(page, left_out, "seeded bugs");
}
