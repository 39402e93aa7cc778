/* Several runs in Markdown: what changed between two of them, and subjects side
 * by side. */
#include "atlas.h"
#include "diff.h"
#include "markdown.h"

#include <math.h>
#include <string.h>

static void write_pair(ng_buffer *out, const double value[2])
{
    if (!isnan(value[0]) && !isnan(value[1])) {
        ng_buffer_short(out, value[0]);
        ng_buffer_add(out, " → ");
        ng_buffer_short(out, value[1]);
    }
    ng_buffer_add(out, " | ");
}

static void write_change(ng_buffer *out, const ng_change *change, bool subjects)
{
    ng_buffer_format(out, "| %s %s | ", ng_change_symbol(change->kind),
                     ng_change_word(change));
    ng_markdown_name(out, change->first->kernel);
    if (subjects) {
        ng_buffer_add(out, " of ");
        ng_markdown_name(out, change->first->subject);
    }
    ng_buffer_add(out, " | ");
    ng_markdown_name(out, change->first->property);
    ng_buffer_add(out, " | ");
    ng_buffer_count(out, ng_change_checks(change));
    ng_buffer_add(out, " of ");
    ng_buffer_count(out, change->pairs);
    ng_buffer_add(out, " | ");
    write_pair(out, change->ulp);
    write_pair(out, change->ratio);
    ng_buffer_markdown(out,
                       change->shown->cause[0] ? change->shown->cause
                                               : change->shown->test,
                       200);
    ng_buffer_add(out, " |\n");
}

static void write_warnings(ng_buffer *out, const ng_diff *diff)
{
    const ng_record *before = diff->run[0], *now = diff->run[1];
    if (!diff->earlier_complete)
        ng_buffer_add(out, "\nThe earlier run did not come to its end: checks "
                           "that it lacks count as new.\n");
    if (before && now &&
        (strcmp(before->profile, now->profile) != 0 ||
         before->seed != now->seed))
        ng_buffer_add(out, "\nThe runs differ in profile or seed, so most "
                           "checks are in one of them only.\n");
}

void ng_markdown_changes(const ng_document *m, size_t full)
{
    ng_diff diff;
    if (!ng_diff_wanted(m->records, m->count))
        return;
    if (ng_diff_make(&diff, m->arena, m->records, m->count, NULL) !=
        ng_status_ok) {
        m->out->failed = true;
        return;
    }
    size_t listed = diff.count - diff.kinds[ng_change_none], i = 0;
    ng_buffer_add(m->out, "\n### Changes since the earlier run\n\n");
    ng_buffer_add(m->out, listed > 0 ? "Now, " : "No check changed: ");
    ng_diff_totals(m->out, &diff);
    ng_buffer_add(m->out, ".\n");
    write_warnings(m->out, &diff);
    if (listed == 0)
        return;
    ng_buffer_add(m->out,
                  "\n| Change | Kernel | Property | Checks | Error in ulp | "
                  "Error/bound | For example |\n"
                  "|---|---|---|--:|--:|--:|---|\n");
    for (; i < listed && m->out->size < full; i++)
        write_change(m->out, &diff.changes[i], m->tally->subjects > 1);
    ng_markdown_more(m->out, listed - i, "changes");
}

/* "**12** p99 8 ✗ 2 findings" */
static void write_cell(ng_buffer *out, const ng_atlas_cell *c)
{
    bool over = isinf(c->p99); /* in the last bin, which has no end */
    if (c->checks == 0)
        ng_buffer_add(out, "no kernel");
    else if (c->judged == 0)
        ng_buffer_add(out, "not judged");
    else if (isnan(c->ulp))
        ng_buffer_add(out, "not measured");
    else
        ng_buffer_short(out, c->ulp);
    if (!isnan(c->ulp) && !isnan(c->p99)) {
        ng_buffer_add(out, over ? ", p99 over " : ", p99 ");
        ng_buffer_short(out, over ? ng_histogram_edge(NG_HISTOGRAM_BINS - 2)
                                  : c->p99);
    }
    if (c->findings > 0)
        ng_buffer_format(out, ", ❌ %zu finding%s", c->findings,
                         c->findings == 1 ? "" : "s");
    ng_buffer_add(out, c->best ? ", best" : "");
    ng_buffer_add(out, c->last ? ", worst" : "");
    ng_buffer_add(out, " | ");
}

static void write_head(const ng_document *m, const ng_atlas *atlas)
{
    ng_buffer_format(
        m->out,
        "\n### Side by side\n\nLargest error and 99th percentile of the "
        "outputs%s, in ulp of the exact value.\n\n| Op, pass, dtype | ",
        atlas->ordinary ? " of normal inputs" : "");
    for (size_t s = 0; s < atlas->subject_count; s++) {
        ng_buffer_markdown(
            m->out, atlas->name[s][0] ? atlas->name[s] : "(not named)", 60);
        ng_buffer_add(m->out, " | ");
    }
    ng_buffer_add(m->out, "\n|---|");
    for (size_t s = 0; s < atlas->subject_count; s++)
        ng_buffer_add(m->out, "---|");
    ng_buffer_add(m->out, "\n");
}

static void write_row(const ng_document *m, const ng_atlas *atlas,
                      const ng_record *first, const ng_atlas_cell *cells)
{
    const char *const names[] = {first->op, first->pass, first->dtype};
    for (size_t i = 0; i < 3; i++) {
        ng_buffer_add(m->out, i == 0 ? "| " : " ");
        ng_buffer_markdown(m->out, names[i], 60);
    }
    ng_buffer_add(m->out, " | ");
    for (size_t s = 0; s < atlas->subject_count; s++)
        write_cell(m->out, &cells[s]);
    ng_buffer_add(m->out, "\n");
}

void ng_markdown_compare(const ng_document *m, size_t full)
{
    ng_atlas atlas;
    ng_atlas_cell cells[NG_ATLAS_SUBJECTS_MAX];
    size_t left_out = 0;
    const ng_page page = {.arena = m->arena,
                          .records = m->records,
                          .count = m->count,
                          .properties = m->grid};
    if (ng_atlas_make(&atlas, &page) != ng_status_ok) {
        m->out->failed = true;
        return;
    }
    if (atlas.subject_count < 2)
        return;
    write_head(m, &atlas);
    for (size_t i = 0; i < atlas.count;) {
        const ng_record *first = atlas.sorted[i];
        i = ng_atlas_row(&atlas, i, cells);
        if (m->out->size < full)
            write_row(m, &atlas, first, cells);
        else
            left_out++;
    }
    ng_markdown_more(m->out, left_out, "rows");
    ng_markdown_more(m->out, atlas.subjects_left_out,
                     "subjects (choose with --subject)");
}
