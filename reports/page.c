/* Pieces of the page that several sections share. */
#include "page.h"

#include <string.h>

bool ng_page_full(const ng_page *page)
{
    return page->out->size > page->full;
}

void ng_page_left_out(ng_page *page, size_t count, const char *what)
{
    if (count == 0)
        return;
    ng_buffer_add(page->out, "<p class=\"note\">");
    ng_buffer_count(page->out, count);
    ng_buffer_format(page->out,
                     " more %s would make this page too large to read; the "
                     "records have them.</p>\n",
                     what);
}

const char *ng_page_anchor(const ng_page *page, const ng_cell *cell)
{
    for (size_t i = 0; i < page->anchor_count; i++)
        if (page->anchors[i].cell == cell)
            return page->anchors[i].id;
    return NULL;
}

const char *ng_verdict_class(ng_verdict verdict)
{
    if (ng_verdict_wrong(verdict))
        return "fail";
    return verdict == NG_PASS ? "pass" : verdict == NG_WAIVED ? "warn" : "none";
}

const char *ng_verdict_symbol(ng_verdict verdict)
{
    if (ng_verdict_wrong(verdict))
        return "✗";
    return verdict == NG_PASS ? "✓" : verdict == NG_WAIVED ? "!" : "–";
}

const char *ng_verdict_word(ng_verdict verdict)
{
    switch (verdict) {
    case NG_PASS: return "pass";
    case NG_FAIL: return "fail";
    case NG_CRASH: return "crash";
    case NG_HANG: return "hang";
    case NG_REFUSED: return "refused";
    case NG_UNSUPPORTED: return "not claimed";
    case NG_SKIP: return "skipped";
    case NG_WAIVED: return "waived";
    default: return "error";
    }
}

void ng_page_tag(ng_page *page, ng_verdict verdict)
{
    ng_buffer_format(page->out, "<span class=\"tag %s\">%s&nbsp;%s</span>",
                     ng_verdict_class(verdict), ng_verdict_symbol(verdict),
                     ng_verdict_word(verdict));
}

void ng_page_subject(ng_page *page, const ng_row *row, size_t columns)
{
    ng_buffer_format(page->out,
                     "<tr class=\"subject\"><th scope=\"rowgroup\" "
                     "colspan=\"%zu\"><span>",
                     columns);
    ng_buffer_markup(page->out,
                     row->subject[0] ? row->subject : "(subject not named)");
    ng_buffer_add(page->out, "</span></th></tr>\n");
}

void ng_page_kernel(ng_page *page, const ng_row *row)
{
    const ng_record *first = row->score.first;
    ng_buffer_add(page->out, "<th scope=\"row\"><b>");
    ng_buffer_name(page->out, row->kernel[0] ? row->kernel : "(no name)");
    ng_buffer_add(page->out, "</b><small>");
    ng_buffer_markup(page->out, first->op);
    if (first->pass[0] && strcmp(first->pass, "forward") != 0) {
        ng_buffer_add(page->out, " ");
        ng_buffer_markup(page->out, first->pass);
    }
    ng_buffer_add(page->out, " ");
    ng_buffer_markup(page->out, first->dtype);
    ng_buffer_add(page->out, "</small></th>");
}
