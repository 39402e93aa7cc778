/* Changes: this run beside an earlier one of the same subject, check by check.
 * The verdict of the page is this run's alone. */
#include "diff.h"
#include "page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void write_part(ng_buffer *out, size_t count, const char *one,
                       const char *many)
{
    if (count == 0)
        return;
    ng_buffer_add(out, "<div><dt>");
    ng_buffer_add(out, count == 1 ? one : many);
    ng_buffer_add(out, "</dt><dd><b>");
    ng_buffer_count(out, count);
    ng_buffer_add(out, "</b></dd></div>\n");
}

static void write_totals(ng_buffer *out, const ng_diff *diff)
{
    ng_buffer_add(out, "<p>Of ");
    ng_buffer_count(out, diff->pairs);
    ng_buffer_add(out,
                  " checks that both runs made. A change of accuracy counts "
                  "beyond rounding noise: more than a quarter of an ulp and "
                  "more than a quarter of the error.</p>\n"
                  "<dl class=\"facts\">\n");
    write_part(out, diff->broken, "Newly fails", "Newly fail");
    write_part(out, diff->unjudged, "No longer judged", "No longer judged");
    write_part(out, diff->fixed, "Fixed", "Fixed");
    write_part(out, diff->worse, "Less accurate", "Less accurate");
    write_part(out, diff->better, "More accurate", "More accurate");
    write_part(out, diff->still_wrong, "Fails as before", "Fail as before");
    write_part(out, diff->added, "Only in this run", "Only in this run");
    write_part(out, diff->gone, "Only in the earlier", "Only in the earlier");
    ng_buffer_add(out, "</dl>\n");
}

static void write_warning(ng_buffer *out, const char *text)
{
    ng_buffer_format(out, "<p class=\"note warn\">%s</p>\n", text);
}

static void write_warnings(ng_buffer *out, const ng_diff *diff)
{
    const ng_record *before = diff->run[0], *now = diff->run[1];
    if (!diff->earlier_complete)
        write_warning(out, "The earlier run did not come to its end: checks "
                           "that it lacks count as new.");
    if (before == NULL || now == NULL)
        return;
    if (strcmp(before->profile, now->profile) != 0)
        write_warning(out, "The profiles differ: the runs made different "
                           "checks, and only those in both are compared.");
    if (before->seed != now->seed)
        write_warning(out, "The seeds differ: the runs drew different inputs, "
                           "and only checks without a seed are compared.");
}

static void write_step(ng_buffer *out, const double value[2])
{
    ng_buffer_add(out, "<td class=\"number\">");
    if (!isnan(value[0]) && !isnan(value[1])) {
        ng_buffer_short(out, value[0]);
        ng_buffer_add(out, " → ");
        ng_buffer_short(out, value[1]);
    }
    ng_buffer_add(out, "</td>");
}

static void write_change(ng_buffer *out, const ng_change *change)
{
    const ng_record *first = change->first, *shown = change->shown;
    ng_buffer_format(out, "<tr><td><span class=\"tag %s\">%s&nbsp;%s</span>",
                     ng_change_class(change->kind),
                     ng_change_symbol(change->kind), ng_change_word(change));
    ng_buffer_add(out, "</td><th scope=\"row\">");
    ng_buffer_name(out, first->kernel);
    ng_buffer_add(out, "<small>");
    ng_buffer_name(out, first->subject);
    ng_buffer_add(out, "</small></th><td>");
    ng_buffer_name(out, first->property);
    ng_buffer_add(out, "</td><td class=\"number\">");
    ng_buffer_of(out, ng_change_checks(change), change->pairs);
    ng_buffer_add(out, "</td>");
    write_step(out, change->ulp);
    write_step(out, change->ratio);
    ng_buffer_add(out, "<td class=\"cause\">");
    if (shown->cause[0] != '\0') {
        ng_buffer_excerpt(out, shown->cause, 300);
        ng_buffer_add(out, "<br>");
    }
    ng_buffer_add(out, "<code>");
    ng_buffer_excerpt(out, shown->test, 300);
    ng_buffer_add(out, "</code></td></tr>\n");
}

static void write_changes(ng_page *page, const ng_diff *diff)
{
    static const char head[] =
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
        "aria-label=\"Changes by kernel and property\">"
        "<table class=\"seeded changes\"><caption>By kernel and property; "
        "largest error of the checks judged in both runs, before → now"
        "</caption>\n<thead><tr><th scope=\"col\">Change</th>"
        "<th scope=\"col\">Kernel</th><th scope=\"col\">Property</th>"
        "<th scope=\"col\">Checks</th><th scope=\"col\">Error, ulp</th>"
        "<th scope=\"col\">Error / bound</th><th scope=\"col\">For example"
        "</th></tr></thead>\n<tbody>\n";
    size_t listed = diff->count - diff->kinds[ng_change_none], i = 0;
    if (listed == 0) {
        ng_buffer_add(page->out, "<p><b>No check changed</b>: verdicts and "
                                 "errors are as before.</p>\n");
        return;
    }
    ng_buffer_add(page->out, head);
    for (; i < listed && !ng_page_full(page); i++)
        write_change(page->out, &diff->changes[i]);
    ng_buffer_add(page->out, "</tbody></table></div>\n");
    ng_page_left_out(page, listed - i, "changes");
}

static bool write_fact(ng_buffer *out, bool open, const char *what,
                       const char *before, const char *now)
{
    if (strcmp(before, now) == 0)
        return open;
    if (!open)
        ng_buffer_add(out,
                      "<h3>What else differs</h3>\n<div class=\"scroll\" "
                      "tabindex=\"0\" role=\"group\" "
                      "aria-label=\"What else differs\"><table>\n<thead>"
                      "<tr><th scope=\"col\">Of</th><th scope=\"col\">"
                      "Earlier run</th><th scope=\"col\">This run</th></tr>"
                      "</thead>\n<tbody>\n");
    ng_buffer_add(out, "<tr><th scope=\"row\">");
    ng_buffer_name(out, what);
    ng_buffer_add(out, "</th><td>");
    ng_buffer_excerpt(out, before, 400);
    ng_buffer_add(out, "</td><td>");
    ng_buffer_excerpt(out, now, 400);
    ng_buffer_add(out, "</td></tr>\n");
    return true;
}

/* A contract that changed is another question, not another answer. */
static bool write_contracts(ng_page *page, const ng_diff *diff, bool open)
{
    for (size_t i = 0; i < diff->contract_count && !ng_page_full(page); i++) {
        const ng_record *const *pair = diff->contracts[i];
        open = write_fact(page->out, open, pair[1]->kernel, pair[0]->contract,
                          pair[1]->contract);
    }
    return open;
}

static void write_facts(ng_page *page, const ng_diff *diff)
{
    ng_record none;
    char seed[2][24];
    bool open = false;
    ng_record_init(&none, "run");
    const ng_record *run[2];
    for (int i = 0; i < 2; i++) {
        run[i] = diff->run[i] ? diff->run[i] : &none;
        snprintf(seed[i], sizeof seed[i], "%llu",
                 (unsigned long long)run[i]->seed);
    }
    const struct {
        const char *what, *text[2];
    } facts[] = {
        {"began", {run[0]->time, run[1]->time}},
        {"profile", {run[0]->profile, run[1]->profile}},
        {"seed", {seed[0], seed[1]}},
        {"normgate", {run[0]->version, run[1]->version}},
        {"build", {run[0]->build, run[1]->build}},
        {"machine", {run[0]->machine, run[1]->machine}},
        {"libraries", {run[0]->libraries, run[1]->libraries}},
        {"floating point", {run[0]->fpenv, run[1]->fpenv}},
        {"command", {run[0]->command, run[1]->command}},
    };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        open = write_fact(page->out, open, facts[i].what, facts[i].text[0],
                          facts[i].text[1]);
    if (write_contracts(page, diff, open))
        ng_buffer_add(page->out, "</tbody></table></div>\n");
}

void ng_section_diff(ng_page *page)
{
    ng_diff diff;
    if (!ng_diff_wanted(page->records, page->count))
        return;
    if (ng_diff_make(&diff, page->arena, page->records, page->count, NULL) !=
        ng_status_ok) {
        page->out->failed = true;
        return;
    }
    write_warnings(page->out, &diff);
    write_totals(page->out, &diff);
    write_changes(page, &diff);
    write_facts(page, &diff);
}
