/* The verdict, and what it is worth: how much was judged, and whether the gate
 * noticed the seeded bugs. */
#include "adoption.h"
#include "page.h"
#include "tally.h"

static const struct {
    const char *class, *symbol;
} outcomes[] = {
    [ng_outcome_pass] = {"pass", "✓"},
    [ng_outcome_fail] = {"fail", "✗"},
    [ng_outcome_nothing] = {"warn", "!"},
    [ng_outcome_incomplete] = {"warn", "…"},
};

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void write_adoption(ng_page *page)
{
    const ng_tally *t = page->tally;
    ng_adoption_waived(page->out, t);
    ng_buffer_add(page->out, t->cases_waived > 0 ? ". " : "");
    if (t->baseline_worse > 0) {
        ng_buffer_add(page->out, "Accuracy is worse than the baseline in ");
        ng_buffer_count(page->out, t->baseline_worse);
        ng_buffer_format(page->out, " entr%s. ",
                         t->baseline_worse == 1 ? "y" : "ies");
    }
}

static void write_sentence(ng_page *page)
{
    const ng_tally *t = page->tally;
    ng_buffer *out = page->out;
    ng_buffer_add(out, "<p class=\"lead\">");
    if (t->kernels > 0 && t->kernels_failing == 0) {
        ng_buffer_of(out, t->kernels_passing, t->kernels);
        ng_buffer_format(out,
                         " kernel%s stayed inside the bound of the declared "
                         "contract in every case%s. ",
                         plural(t->kernels),
                         t->cases_waived > 0 ? " that is not waived" : "");
    } else if (t->kernels > 0) {
        ng_buffer_of(out, t->kernels_failing, t->kernels);
        ng_buffer_format(out, " kernel%s broke the declared contract. ",
                         plural(t->kernels));
    }
    if (t->seeded > 0 && t->caught == t->seeded) {
        ng_buffer_format(out, "The gate caught %s ",
                         t->seeded == 1 ? "the" : "all");
        ng_buffer_count(out, t->seeded);
        ng_buffer_format(out, " seeded bug%s. ", plural(t->seeded));
    } else if (t->seeded > 0) {
        ng_buffer_add(out, "The gate missed ");
        ng_buffer_of(out, t->seeded - t->caught, t->seeded);
        ng_buffer_add(out, " seeded bugs, so a pass is worth less than it "
                           "should be. ");
    }
    if (t->kernels_idle > 0) {
        ng_buffer_of(out, t->kernels_idle, t->kernels);
        ng_buffer_format(out,
                         " kernel%s had no case judged, which is no pass: "
                         "widen the filters or the declared domain. ",
                         plural(t->kernels));
    }
    write_adoption(page);
    if (t->cases == 0)
        ng_buffer_add(out, "Nothing was judged. ");
    ng_buffer_add(out, "</p>\n");
    if (!page->complete)
        ng_buffer_add(out,
                      "<p class=\"note warn\"><b>The run did not come to its "
                      "end</b>: the records have no closing line. What "
                      "follows holds for the checks that were stored; run the "
                      "command again for a verdict.</p>\n");
}

static void open_fact(ng_buffer *out, const char *term)
{
    ng_buffer_format(out, "<div><dt>%s</dt><dd><b>", term);
}

static void write_kernels(ng_buffer *out, const ng_tally *t)
{
    open_fact(out, "Kernels that hold");
    ng_buffer_count(out, t->kernels_passing);
    ng_buffer_add(out, "</b> of ");
    ng_buffer_count(out, t->kernels);
    ng_buffer_add(out, "<small>");
    ng_buffer_count(out, t->subjects);
    ng_buffer_format(out, " subject%s</small></dd></div>\n",
                     plural(t->subjects));
}

static void write_cases(ng_buffer *out, const ng_tally *t)
{
    open_fact(out, "Cases judged");
    ng_buffer_count(out, t->cases);
    ng_buffer_add(out, "</b><small>");
    ng_buffer_count(out, t->cases_wrong);
    ng_buffer_add(out, " wrong");
    if (t->cases_waived > 0) {
        ng_buffer_add(out, ", ");
        ng_buffer_count(out, t->cases_waived);
        ng_buffer_add(out, " waived");
    }
    if (t->cases_left_out > 0) {
        ng_buffer_add(out, "; ");
        ng_buffer_count(out, t->cases_left_out);
        ng_buffer_add(out, " left out");
    }
    ng_buffer_add(out, "</small></dd></div>\n");
}

static void write_worst(ng_buffer *out, const ng_tally *t)
{
    if (!t->worst)
        return;
    open_fact(out, "Largest error / bound");
    ng_buffer_short(out, t->worst_ratio);
    ng_buffer_add(out, "</b><small>");
    ng_buffer_name(out, t->worst->kernel);
    ng_buffer_add(out, ", ");
    ng_buffer_name(out, t->worst->property);
    ng_buffer_add(out, "</small></dd></div>\n");
}

static void write_seeded(ng_buffer *out, const ng_tally *t)
{
    if (t->seeded == 0)
        return;
    open_fact(out, "Seeded bugs caught");
    ng_buffer_count(out, t->caught);
    ng_buffer_add(out, "</b> of ");
    ng_buffer_count(out, t->seeded);
    ng_buffer_add(out, "<small>each by the property named for it</small>"
                       "</dd></div>\n");
}

static void write_score(ng_buffer *out, const ng_tally *t)
{
    if (t->scored == 0)
        return;
    open_fact(out, "Kill score");
    ng_buffer_count(out, t->scored_caught);
    ng_buffer_add(out, "</b> of ");
    ng_buffer_count(out, t->scored);
    ng_buffer_add(out, "<small><a href=\"#kill_score\">seeded bugs</a> that "
                       "this run would have caught</small></dd></div>\n");
}

static void write_elements(ng_buffer *out, const ng_tally *t)
{
    if (t->elements == 0)
        return;
    open_fact(out, "Outputs judged");
    ng_buffer_count(out, t->elements);
    ng_buffer_add(out, "</b><small>against the exact value</small>"
                       "</dd></div>\n");
}

void ng_section_verdict(ng_page *page)
{
    ng_buffer *out = page->out;
    ng_outcome outcome = ng_tally_outcome(page->tally, page->complete);
    ng_buffer_format(out,
                     "<div class=\"hero %s\"><h1 id=\"verdict-title\">"
                     "<span aria-hidden=\"true\">%s</span> %s</h1>\n",
                     outcomes[outcome].class, outcomes[outcome].symbol,
                     ng_outcome_word(outcome));
    write_sentence(page);
    ng_buffer_add(out, "</div>\n<dl class=\"facts\">\n");
    write_kernels(out, page->tally);
    write_cases(out, page->tally);
    write_worst(out, page->tally);
    write_elements(out, page->tally);
    write_seeded(out, page->tally);
    write_score(out, page->tally);
    ng_buffer_add(out, "</dl>\n");
}
