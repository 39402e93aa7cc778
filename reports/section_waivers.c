/* Known failures: what was waived, why, until when, and which waivers hold
 * nothing any more. Expired and unused ones come first: they ask for work. */
#include "adoption.h"
#include "page.h"

#include <math.h>
#include <string.h>

static const char head[] =
    "<p>The owners of these kernels know of failures and gave a reason for "
    "each. What is waived is no pass: it was measured, it is wrong, and it is "
    "not counted.</p>\n";

static const char table[] =
    "<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
    "aria-label=\"Waivers\"><table class=\"seeded sortable\">\n"
    "<caption>Waivers</caption>\n"
    "<thead><tr><th scope=\"col\">Kernel</th><th scope=\"col\">State</th>"
    "<th scope=\"col\">Property</th><th scope=\"col\">Waives</th>"
    "<th scope=\"col\">Cases</th><th scope=\"col\">Until</th>"
    "<th scope=\"col\">Reason</th><th scope=\"col\">To do</th></tr></thead>"
    "<tbody>\n";

static const struct {
    const char *name, *class, *symbol;
} states[] = {
    {"expired", "fail", "✗"},
    {"unused", "warn", "!"},
    {"used", "pass", "✓"},
};
enum { STATES = sizeof states / sizeof states[0] };

/* STATES: one that this version does not know, as another file may have. */
static size_t state_of(const ng_record *record)
{
    size_t i = 0;
    while (i < STATES && strcmp(states[i].name, record->state) != 0)
        i++;
    return i;
}

static bool says_more(const char *glob)
{
    return glob[0] != '\0' && strcmp(glob, "*") != 0;
}

static void write_kernel(ng_page *page, const ng_record *record)
{
    ng_buffer *out = page->out;
    const char *const more[] = {record->op, record->pass, record->dtype};
    const char *open = "<small>";
    ng_buffer_add(out, "<tr><th scope=\"row\"><b>");
    ng_buffer_name(out, record->kernel);
    ng_buffer_add(out, "</b>");
    ng_adoption_subject(out, page->tally, record);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (!says_more(more[i]))
            continue;
        ng_buffer_add(out, open);
        ng_buffer_markup(out, more[i]);
        open = " ";
    }
    ng_buffer_add(out, open[0] == ' ' ? "</small></th>" : "</th>");
}

static void write_row(ng_page *page, const ng_record *record)
{
    ng_buffer *out = page->out;
    size_t state = state_of(record);
    write_kernel(page, record);
    if (state < STATES)
        ng_buffer_format(
            out, "<td><span class=\"tag %s\">%s&nbsp;%s</span></td><td>",
            states[state].class, states[state].symbol, states[state].name);
    else
        ng_buffer_add(out, "<td><span class=\"tag none\">not known</span>"
                           "</td><td>");
    ng_buffer_name(out, record->property);
    ng_buffer_add(out, "</td><td>");
    ng_buffer_markup(out, record->waived);
    if (!isnan(record->max_ratio)) {
        ng_buffer_add(out, " up to error / bound ");
        ng_buffer_short(out, record->max_ratio);
    }
    if (record->id[0] != '\0') {
        ng_buffer_add(out, " of ");
        ng_buffer_name(out, record->id);
    }
    ng_buffer_add(out, "</td><td class=\"number\">");
    ng_buffer_count(out, record->cases);
    ng_buffer_add(out, "</td><td class=\"date\">");
    ng_buffer_markup(out, record->expires[0] ? record->expires : "no end");
    ng_buffer_add(out, "</td><td class=\"cause\">");
    ng_buffer_markup(out, record->waiver);
    ng_buffer_add(out, "</td><td class=\"cause\">");
    ng_buffer_markup(out, record->cause);
    ng_buffer_add(out, "</td></tr>\n");
}

void ng_section_waivers(ng_page *page)
{
    size_t left_out = 0;
    if (page->tally->waivers == 0)
        return;
    ng_buffer_add(page->out, head);
    ng_buffer_add(page->out, table);
    for (size_t state = 0; state <= STATES; state++) {
        for (size_t i = 0; i < page->count; i++) {
            const ng_record *record = &page->records[i];
            if (strcmp(record->kind, "waiver") != 0 ||
                state_of(record) != state)
                continue;
            if (ng_page_full(page))
                left_out++;
            else
                write_row(page, record);
        }
    }
    ng_buffer_add(page->out, "</tbody></table></div>\n");
    ng_page_left_out(page, left_out, "waivers");
}
