/* The page: a head with the style sheet, the sections that have something to
 * say in their order, and the script, without which nothing is missing. */
#include "document.h"
#include "page.h"
#include "tally.h"

static const struct {
    const char *name, *title;
    size_t kib;
    void (*write)(ng_page *page);
} sections[] = {
#define NG_SECTION(name, title, kib) {#name, title, kib, ng_section_##name},
#include "sections.def"
#undef NG_SECTION
};
enum { SECTION_COUNT = sizeof sections / sizeof sections[0] };

/* Bytes of all sections but the last, from which on none adds more. A section
 * may end with an item beyond its own budget, and hostile records make many do
 * so: the page stays below 2 MB all the same. */
enum { PAGE_FULL = 1750 * 1024 };

/* The policy lets nothing in but this style sheet and this one script, so that
 * markup which escaped escaping could not run, and nothing is fetched. */
static void write_head(ng_page *page, ng_buffer *out)
{
    ng_buffer_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                       "<meta charset=\"utf-8\">\n");
    ng_buffer_format(out,
                     "<meta http-equiv=\"Content-Security-Policy\" content=\""
                     "default-src 'none'; style-src 'unsafe-inline'; "
                     "img-src data:; script-src '%s'; base-uri 'none'; "
                     "form-action 'none'\">\n",
                     ng_report_js_hash);
    ng_buffer_add(out, "<meta name=\"viewport\" content=\"width=device-width, "
                       "initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n"
                       "<link rel=\"icon\" href=\"data:,\">\n");
    ng_buffer_format(
        out, "<title>%s – normgate report</title>\n<style>\n",
        ng_outcome_word(ng_tally_outcome(page->tally, page->complete)));
    ng_buffer_add(out, ng_report_css);
    ng_buffer_add(out, "</style>\n</head>\n");
}

static void write_nav(ng_buffer *out, const bool *written)
{
    ng_buffer_add(out, "<a class=\"skip\" href=\"#content\">Skip to content"
                       "</a>\n<header class=\"top\"><span class=\"brand\">"
                       "normgate</span><nav aria-label=\"Sections\">");
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (written[i])
            ng_buffer_format(out, "<a href=\"#%s\">%s</a> ", sections[i].name,
                             sections[i].title);
    ng_buffer_add(out, "</nav></header>\n");
}

/* False when the section wrote nothing; then no heading stands either. */
static bool write_section(ng_page *page, size_t i)
{
    ng_buffer *out = page->out;
    size_t begin = out->size;
    ng_buffer_format(out, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n",
                     sections[i].name, sections[i].name);
    if (i > 0)
        ng_buffer_format(out, "<h2 id=\"%s-title\">%s</h2>\n", sections[i].name,
                         sections[i].title);
    size_t headed = out->size;
    page->full = headed + 1024 * sections[i].kib;
    if (page->full > PAGE_FULL && i + 1 < SECTION_COUNT)
        page->full = headed > PAGE_FULL ? headed : PAGE_FULL;
    sections[i].write(page);
    if (out->size == headed) {
        ng_buffer_cut(out, begin);
        return false;
    }
    ng_buffer_add(out, "</section>\n");
    return true;
}

/* The sections come first: the navigation names those that wrote something. */
static void write_page(ng_page *page, ng_buffer *out)
{
    bool written[SECTION_COUNT];
    ng_buffer body = {0};
    page->out = &body;
    for (size_t i = 0; i < SECTION_COUNT; i++)
        written[i] = write_section(page, i);
    write_head(page, out);
    ng_buffer_add(out, "<body>\n");
    write_nav(out, written);
    ng_buffer_add(out, "<main id=\"content\" tabindex=\"-1\">\n");
    if (body.failed)
        out->failed = true;
    else
        ng_buffer_add(out, body.data);
    ng_buffer_free(&body);
    ng_buffer_add(out, "</main>\n<script>");
    ng_buffer_add(out, ng_report_js);
    ng_buffer_add(out, "</script>\n</body>\n</html>\n");
}

static void write_document(const ng_document *document)
{
    ng_page page = {
        .arena = document->arena,
        .records = document->records,
        .count = document->count,
        .complete = document->complete,
        .ordinary = document->ordinary,
        .properties = document->grid,
        .tally = document->tally,
    };
    write_page(&page, document->out);
}

ng_status ng_report_html(const ng_record *records, size_t count, bool complete,
                         const char *path, ng_error *error)
{
    return ng_document_make(records, count, complete, path, write_document,
                            error);
}
