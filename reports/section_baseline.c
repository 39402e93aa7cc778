/* Accuracy against the baseline: what is worse, what is better, what is new. */
#include "adoption.h"
#include "page.h"

#include <math.h>
#include <string.h>

static const char table[] =
    "<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
    "aria-label=\"Baseline\"><table class=\"seeded sortable\">\n"
    "<caption>Entries that moved</caption>\n"
    "<thead><tr><th scope=\"col\">Kernel</th><th scope=\"col\">State</th>"
    "<th scope=\"col\">Property</th>"
    "<th scope=\"col\">Largest error, ulp</th>"
    "<th scope=\"col\">p99, ulp</th>"
    "<th scope=\"col\">Error / bound</th>"
    "<th scope=\"col\">What moved</th></tr></thead><tbody>\n";

static const struct {
    const char *name, *class, *symbol;
} states[] = {
    {"worse", "fail", "✗"}, {"accepted", "warn", "!"}, {"better", "pass", "✓"},
    {"gone", "warn", "–"},  {"new", "none", "+"},
};
enum { STATES = sizeof states / sizeof states[0], UNKNOWN = STATES };

/* A state that this version does not know is shown when it is wrong. */
static size_t state_of(const ng_record *record)
{
    size_t i = 0;
    while (i < STATES && strcmp(states[i].name, record->state) != 0)
        i++;
    return i;
}

static bool is_shown(const ng_record *record)
{
    return strcmp(record->kind, "baseline") == 0 &&
           (state_of(record) < STATES || ng_record_wrong(record));
}

static void write_pair(ng_buffer *out, double now, double before)
{
    ng_buffer_add(out, "</td><td class=\"number\">");
    if (isnan(now))
        ng_buffer_add(out, "–");
    else
        ng_buffer_short(out, now);
    if (isnan(before))
        return;
    ng_buffer_add(out, " <small>was ");
    ng_buffer_short(out, before);
    ng_buffer_add(out, "</small>");
}

static void write_replay(ng_buffer *out, const ng_record *record)
{
    if (record->replay[0] == '\0')
        return;
    ng_buffer_add(out, "<details><summary>Replay the worst case</summary>"
                       "<pre>");
    ng_buffer_markup(out, record->replay);
    ng_buffer_add(out, "</pre></details>");
}

/* Entries of one kernel that have nothing to compare, as one row. */
static void write_properties(ng_buffer *out, const ng_record *const *records,
                             size_t count)
{
    ng_buffer_format(out,
                     "%zu properties</td><td></td><td></td><td></td>"
                     "<td class=\"cause\">",
                     count);
    ng_buffer_markup(out, records[0]->cause);
    ng_buffer_add(out, "<details><summary>Which</summary>");
    for (size_t i = 0; i < count; i++) {
        ng_buffer_add(out, i > 0 ? ", " : "");
        ng_buffer_name(out, records[i]->property);
    }
    ng_buffer_add(out, "</details></td></tr>\n");
}

static void write_rows_of(ng_page *page, const ng_record *const *records,
                          size_t count)
{
    ng_buffer *out = page->out;
    const ng_record *record = records[0];
    size_t state = state_of(record);
    ng_buffer_add(out, "<tr><th scope=\"row\"><b>");
    ng_buffer_name(out, record->kernel);
    ng_buffer_add(out, "</b>");
    ng_adoption_subject(out, page->tally, record);
    ng_buffer_add(out, "<small>");
    ng_buffer_markup(out, record->op);
    ng_buffer_add(out, " ");
    ng_buffer_markup(out, record->pass);
    ng_buffer_add(out, " ");
    ng_buffer_markup(out, record->dtype);
    ng_buffer_add(out, "</small></th><td>");
    if (state < STATES)
        ng_buffer_format(out, "<span class=\"tag %s\">%s&nbsp;%s</span>",
                         states[state].class, states[state].symbol,
                         states[state].name);
    else
        ng_page_tag(page, ng_record_verdict(record));
    ng_buffer_add(out, "</td><td>");
    if (count > 1) {
        write_properties(out, records, count);
        return;
    }
    ng_buffer_name(out, record->property);
    write_pair(out, record->error_ulp, record->baseline_error_ulp);
    write_pair(out, record->p99_ulp, record->baseline_p99_ulp);
    write_pair(out, record->ratio, record->baseline_ratio);
    ng_buffer_add(out, "</td><td class=\"cause\">");
    ng_buffer_markup(out, record->cause);
    write_replay(out, record);
    ng_buffer_add(out, "</td></tr>\n");
}

/* Of one kernel, and of a state that every property of it may share. */
static bool belong(const ng_record *a, const ng_record *b)
{
    return (strcmp(a->state, "gone") == 0 || strcmp(a->state, "new") == 0) &&
           strcmp(a->state, b->state) == 0 &&
           strcmp(a->subject, b->subject) == 0 &&
           strcmp(a->kernel, b->kernel) == 0 && strcmp(a->op, b->op) == 0 &&
           strcmp(a->pass, b->pass) == 0 && strcmp(a->dtype, b->dtype) == 0 &&
           strcmp(a->cause, b->cause) == 0;
}

static size_t write_rows(ng_page *page, size_t state)
{
    enum { TOGETHER = 64 };
    const ng_record *together[TOGETHER];
    size_t left_out = 0, count = 0;
    for (size_t i = 0; i <= page->count; i++) {
        const ng_record *record = i < page->count ? &page->records[i] : NULL;
        if (record && (!is_shown(record) || state_of(record) != state))
            continue;
        bool joins = record && count > 0 && count < TOGETHER &&
                     belong(together[0], record);
        if (!joins && count > 0) {
            if (ng_page_full(page))
                left_out += count;
            else
                write_rows_of(page, together, count);
            count = 0;
        }
        if (record)
            together[count++] = record;
    }
    return left_out;
}

void ng_section_baseline(ng_page *page)
{
    const ng_tally *t = page->tally;
    ng_buffer *out = page->out;
    size_t left_out = 0;
    if (!ng_adoption_compared(t))
        return;
    ng_buffer_add(out, "<p>Of the entries compared: ");
    ng_adoption_baseline(out, t);
    ng_buffer_add(out, ". Unlike a bound, a baseline proves nothing: it says "
                       "whether a kernel is as accurate as it was.");
    if (t->baseline_better > 0)
        ng_buffer_add(out, " <code>--update-baseline</code> keeps what was "
                           "gained.");
    ng_buffer_add(out, "</p>\n");
    if (t->baseline_worse + t->baseline_accepted + t->baseline_better +
            t->baseline_new + t->baseline_gone ==
        0)
        return;
    ng_buffer_add(out, table);
    left_out = write_rows(page, UNKNOWN);
    for (size_t state = 0; state < STATES; state++)
        left_out += write_rows(page, state);
    ng_buffer_add(out, "</tbody></table></div>\n");
    ng_page_left_out(page, left_out, "entries of the baseline");
}
