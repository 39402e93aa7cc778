/* Markdown: the run for the summary of a CI job or a note on a merge request.
 * What is wrong comes first and in full, what holds is folded away, and the
 * whole stays below what such places take (GitHub: 1 MiB, GitLab: 10^6
 * characters) whatever the records say. */
#include "markdown.h"
#include "adoption.h"
#include "tally.h"

#include <math.h>
#include <string.h>

/* Bytes of the document from which a part adds no more. A row is at most one
 * name, 15 KiB, and a finding at most five texts of NG_TEXT_MAX. */
enum {
    CHANGES_FULL = 60 * 1024,
    COMPARE_FULL = 160 * 1024,
    FINDINGS_FULL = 400 * 1024,
    LIST_FULL = 480 * 1024,
    TABLE_FULL = 640 * 1024,
    WAIVERS_FULL = 680 * 1024,
    BASELINE_FULL = 720 * 1024,
    RUNS_FULL = 740 * 1024,
    FINDINGS_MAX = 25,
};

void ng_markdown_name(ng_buffer *out, const char *text)
{
    ng_buffer_add(out, "<code>");
    ng_buffer_markdown(out, text, NG_NAME_SHOWN_MAX);
    ng_buffer_add(out, "</code>");
}

void ng_markdown_number(ng_buffer *out, double value)
{
    if (!isnan(value))
        ng_buffer_short(out, value);
}

void ng_markdown_more(ng_buffer *out, size_t count, const char *what)
{
    if (count == 0)
        return;
    ng_buffer_add(out, "\n");
    ng_buffer_count(out, count);
    ng_buffer_format(out, " more %s: the report and the records have them.\n",
                     what);
}

/* A paragraph of a sentence that may have nothing to say. */
static void write_sentence(ng_buffer *out, const ng_tally *tally,
                           const char *begin,
                           void (*write)(ng_buffer *, const ng_tally *))
{
    ng_buffer sentence = {0};
    write(&sentence, tally);
    if (sentence.size > 0)
        ng_buffer_format(out, "\n%s%s.\n", begin, sentence.data);
    out->failed |= sentence.failed;
    ng_buffer_free(&sentence);
}

static void write_verdict(const ng_document *m)
{
    const ng_tally *t = m->tally;
    ng_buffer *out = m->out;
    ng_outcome outcome = ng_tally_outcome(t, m->complete);
    ng_buffer_format(out, "## normgate: %s %s\n\n",
                     outcome == ng_outcome_pass   ? "✅"
                     : outcome == ng_outcome_fail ? "❌"
                                                  : "⚠️",
                     ng_outcome_word(outcome));
    if (t->kernels > 0) {
        ng_buffer_of(out, t->kernels_passing, t->kernels);
        ng_buffer_add(out,
                      t->kernels == 1 ? " kernel passes" : " kernels pass");
        ng_buffer_add(out, ", ");
    }
    ng_buffer_count(out, t->cases);
    ng_buffer_add(out, " cases, ");
    ng_buffer_count(out, t->elements);
    ng_buffer_add(out, " outputs judged against the exact value");
    if (!isnan(t->worst_ratio)) {
        ng_buffer_add(out, ", largest error/bound **");
        ng_buffer_short(out, t->worst_ratio);
        ng_buffer_add(out, "**");
    }
    ng_buffer_add(out, ".\n");
    if (t->seeded > 0) {
        ng_buffer_add(out, "\n");
        ng_buffer_of(out, t->caught, t->seeded);
        ng_buffer_add(out,
                      " seeded bugs caught by the property named for them.\n");
    }
    if (t->scored > 0) {
        ng_buffer_add(out, "\nKill score ");
        ng_buffer_of(out, t->scored_caught, t->scored);
        ng_buffer_add(
            out, ": seeded bugs of the same op, pass and dtype that this run "
                 "would have caught.\n");
    }
    write_sentence(out, t, "", ng_adoption_waived);
    write_sentence(out, t, "Waivers: ", ng_adoption_waivers);
    write_sentence(out, t, "Baseline: ", ng_adoption_baseline);
    if (!m->complete)
        ng_buffer_add(out, "\n**The run did not come to its end**: the "
                           "records have no closing line, and what follows is "
                           "of its beginning. Run it again.\n");
    if (t->cases + t->cases_waived == 0)
        ng_buffer_add(out, "\nNo case was judged: widen the filters.\n");
}

static void write_cases(ng_buffer *out, const ng_found *found)
{
    const ng_score *score = found->score;
    const ng_record *record = found->record;
    ng_buffer_of(out, score->wrong, score->judged);
    ng_buffer_add(out, " cases");
    if (!isnan(score->ratio)) {
        ng_buffer_add(out, ", largest error/bound **");
        ng_buffer_short(out, score->ratio);
        ng_buffer_add(out, "**");
    }
    ng_buffer_add(out, ".");
    if (record->worst_tensor[0]) {
        ng_buffer_add(out, " In the smallest case ");
        ng_markdown_name(out, record->worst_tensor);
        ng_buffer_format(out, " is %.9g, exact %.17g.", record->got,
                         record->exact);
    }
    if (record->file[0]) {
        ng_buffer_add(out, " Source: ");
        ng_markdown_name(out, record->file);
        if (record->line > 0)
            ng_buffer_format(out, " line %llu.",
                             (unsigned long long)record->line);
    }
    ng_buffer_add(out, "\n");
}

static void write_block(ng_buffer *out, const char *term, const char *language,
                        const char *text)
{
    if (!text[0])
        return;
    ng_buffer_format(out, "\n%s:\n\n", term);
    ng_buffer_fenced(out, language, text);
}

static void write_finding(const ng_document *m, const ng_found *found)
{
    const ng_record *record = found->record;
    ng_buffer *out = m->out;
    ng_buffer_format(out, "\n#### %s ", ng_found_word(found));
    ng_markdown_name(out, found->kernel);
    ng_buffer_add(out, ", property ");
    ng_markdown_name(out, found->property);
    ng_buffer_add(out, "\n\n");
    if (found->kind == ng_found_survivor) {
        ng_buffer_add(out, "This kernel is wrong on purpose, and the property "
                           "that must fail held.\n");
        return;
    }
    if (found->kind == ng_found_worse)
        ng_buffer_add(out, "Worse than its baseline: ");
    ng_buffer_markdown(out, ng_record_cause(record), 1000);
    ng_buffer_add(out, ".\n");
    if (found->score) {
        ng_buffer_add(out, "\n");
        write_cases(out, found);
    }
    write_block(out, found->score ? "Smallest case" : "Worst case", "text",
                record->test);
    write_block(out, "Repeat it", "sh", record->replay);
}

/* The worst in full, the next by name, the rest as a number. */
static void write_findings(const ng_document *m)
{
    const ng_findings *all = m->findings;
    size_t i = 0;
    if (all->count == 0)
        return;
    ng_buffer_add(m->out, "\n### Findings (");
    ng_buffer_count(m->out, all->count);
    ng_buffer_add(m->out, ")\n");
    for (; i < all->count && i < FINDINGS_MAX && m->out->size < FINDINGS_FULL;
         i++)
        write_finding(m, &all->found[i]);
    if (i < all->count) {
        ng_buffer_add(m->out, "\n<details>\n<summary>Further findings"
                              "</summary>\n\n");
        for (; i < all->count && m->out->size < LIST_FULL; i++) {
            const ng_found *found = &all->found[i];
            ng_buffer_add(m->out, "- ");
            ng_markdown_name(m->out, found->kernel);
            ng_buffer_add(m->out, ", property ");
            ng_markdown_name(m->out, found->property);
            ng_buffer_add(m->out, "\n");
        }
        ng_markdown_more(m->out, all->count - i, "findings");
        ng_buffer_add(m->out, "\n</details>\n");
    }
}

static void write_fact(ng_buffer *out, const char *term, const char *text)
{
    if (!text[0])
        return;
    ng_buffer_format(out, "- %s: ", term);
    ng_buffer_markdown(out, text, 1000);
    ng_buffer_add(out, "\n");
}

/* Each run: what ran, and where. */
static void write_provenance(const ng_document *m)
{
    ng_buffer *out = m->out;
    size_t runs = 0, left_out = 0;
    for (size_t i = 0; i < m->count; i++) {
        const ng_record *run = &m->records[i];
        if (strcmp(run->kind, "run") != 0)
            continue;
        if (runs++ == 0)
            ng_buffer_add(out, "\n<details>\n<summary>Provenance</summary>\n");
        if (out->size > RUNS_FULL) {
            left_out++;
            continue;
        }
        ng_buffer_add(out, "\n");
        if (run->command[0]) {
            ng_buffer_fenced(out, "sh", run->command);
            ng_buffer_add(out, "\n");
        }
        write_fact(out, "began", run->time);
        write_fact(out, "profile", run->profile);
        ng_buffer_format(out, "- seed: %llu\n", (unsigned long long)run->seed);
        write_fact(out, "normgate", run->version);
        write_fact(out, "build", run->build);
        write_fact(out, "machine", run->machine);
        write_fact(out, "libraries", run->libraries);
        write_fact(out, "floating point", run->fpenv);
    }
    ng_markdown_more(out, left_out, "runs");
    if (runs > 0)
        ng_buffer_add(out, "\n</details>\n");
}

static void write_all(const ng_document *m)
{
    write_verdict(m);
    ng_markdown_changes(m, CHANGES_FULL);
    ng_markdown_compare(m, COMPARE_FULL);
    write_findings(m);
    ng_markdown_kernels(m, TABLE_FULL);
    ng_markdown_waivers(m, WAIVERS_FULL);
    ng_markdown_baseline(m, BASELINE_FULL);
    write_provenance(m);
}

ng_status ng_report_markdown(const ng_record *records, size_t count,
                             bool complete, const char *path, ng_error *error)
{
    return ng_document_make(records, count, complete, path, write_all, error);
}
