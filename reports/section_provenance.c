/* Provenance: what ran, where and how, so that a result can be had again. */
#include "page.h"

#include <math.h>
#include <string.h>

enum { FACT_SHOWN = 1000 };

static void write_text(ng_buffer *out, const char *term, const char *text,
                       bool code)
{
    if (!text[0])
        return;
    ng_buffer_format(out, "<div><dt>%s</dt><dd>%s", term, code ? "<code>" : "");
    if (code)
        ng_buffer_markup(out, text);
    else
        ng_buffer_excerpt(out, text, FACT_SHOWN);
    ng_buffer_format(out, "%s</dd></div>\n", code ? "</code>" : "");
}

static void write_run(ng_page *page, const ng_record *run, const ng_record *end)
{
    ng_buffer *out = page->out;
    ng_buffer_add(out, "<dl class=\"run\">\n");
    write_text(out, "Command", run->command, true);
    write_text(out, "Began", run->time, false);
    if (end && !isnan(end->seconds))
        ng_buffer_format(out, "<div><dt>Took</dt><dd>%.1f s</dd></div>\n",
                         end->seconds);
    if (end)
        ng_buffer_format(out, "<div><dt>Exit code</dt><dd>%llu</dd></div>\n",
                         (unsigned long long)end->exit_code);
    write_text(out, "Profile", run->profile, false);
    ng_buffer_format(out, "<div><dt>Seed</dt><dd>%llu</dd></div>\n",
                     (unsigned long long)run->seed);
    write_text(out, "normgate", run->version, false);
    write_text(out, "Build", run->build, false);
    write_text(out, "Machine", run->machine, false);
    write_text(out, "Libraries", run->libraries, false);
    write_text(out, "Floating point", run->fpenv, false);
    ng_buffer_add(out, "</dl>\n");
}

/* The closing record before the next run begins, or NULL. */
static const ng_record *find_end(const ng_page *page, size_t run)
{
    for (size_t i = run + 1; i < page->count; i++) {
        if (strcmp(page->records[i].kind, "end") == 0)
            return &page->records[i];
        if (strcmp(page->records[i].kind, "run") == 0)
            return NULL;
    }
    return NULL;
}

void ng_section_provenance(ng_page *page)
{
    size_t runs = 0, left_out = 0;
    for (size_t i = 0; i < page->count; i++) {
        if (strcmp(page->records[i].kind, "run") != 0)
            continue;
        runs++;
        if (ng_page_full(page))
            left_out++;
        else
            write_run(page, &page->records[i], find_end(page, i));
    }
    if (runs == 0)
        ng_buffer_add(page->out, "<p>The records do not say which run made "
                                 "them.</p>\n");
    ng_page_left_out(page, left_out, "runs");
    ng_buffer_add(page->out,
                  "<p class=\"meta\">Made from records of schema "
                  "<code>" NG_RECORD_SCHEMA "</code> alone. A number is the "
                  "measured error divided by the bound that the declared "
                  "algorithm guarantees; inside it is at most 1.</p>\n");
}
