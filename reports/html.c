/* The page: a head with the style sheet, then the sections in their order. */
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

static const char *outcome_word(const ng_page *page)
{
    switch (ng_tally_outcome(page->tally, page->complete)) {
    case ng_outcome_pass: return "PASS";
    case ng_outcome_fail: return "FAIL";
    case ng_outcome_nothing: return "NOT CHECKED";
    default: return "INCOMPLETE";
    }
}

static void write_head(ng_page *page)
{
    ng_buffer *out = page->out;
    ng_buffer_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                       "<meta charset=\"utf-8\">\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\""
                       "default-src 'none'; style-src 'unsafe-inline'\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, "
                       "initial-scale=1\">\n"
                       "<meta name=\"color-scheme\" content=\"light dark\">\n");
    ng_buffer_format(out, "<title>%s – normgate report</title>\n<style>\n",
                     outcome_word(page));
    ng_buffer_add(out, ng_report_css);
    ng_buffer_add(out, "</style>\n</head>\n");
}

static void write_nav(ng_page *page)
{
    ng_buffer_add(page->out, "<header class=\"top\"><span class=\"brand\">"
                             "normgate</span><nav aria-label=\"Sections\">");
    for (size_t i = 0; i < SECTION_COUNT; i++)
        ng_buffer_format(page->out, "<a href=\"#%s\">%s</a>", sections[i].name,
                         sections[i].title);
    ng_buffer_add(page->out, "</nav></header>\n");
}

static void write_page(ng_page *page)
{
    write_head(page);
    ng_buffer_add(page->out, "<body>\n");
    write_nav(page);
    ng_buffer_add(page->out, "<main>\n");
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        ng_buffer_format(page->out,
                         "<section id=\"%s\" aria-labelledby=\"%s-title\">\n",
                         sections[i].name, sections[i].name);
        if (i > 0)
            ng_buffer_format(page->out, "<h2 id=\"%s-title\">%s</h2>\n",
                             sections[i].name, sections[i].title);
        page->full = page->out->size + 1024 * sections[i].kib;
        sections[i].write(page);
        ng_buffer_add(page->out, "</section>\n");
    }
    ng_buffer_add(page->out, "</main>\n</body>\n</html>\n");
}

ng_status ng_report_html(const ng_record *records, size_t count, bool complete,
                         const char *path, ng_error *error)
{
    ng_arena arena = {0};
    ng_buffer out = {0};
    ng_grid grid;
    ng_tally tally;
    ng_status status =
        ng_grid_make(&grid, &arena, records, count, ng_by_property, error);
    if (status == ng_status_ok) {
        ng_tally_grid(&tally, &grid, records, count);
        ng_page page = {
            .out = &out,
            .arena = &arena,
            .records = records,
            .count = count,
            .complete = complete,
            .properties = &grid,
            .tally = &tally,
        };
        write_page(&page);
        status = ng_buffer_status(&out, error);
    }
    if (status == ng_status_ok)
        status = ng_report_write_file(path, out.data, out.size, error);
    ng_buffer_free(&out);
    ng_arena_release(&arena);
    return status;
}
