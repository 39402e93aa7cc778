/* Markdown: the run for the summary of a CI job or a note on a merge request.
 * What is wrong comes first and in full, what holds is folded away, and the
 * whole stays below what such places take (GitHub: 1 MiB, GitLab: 10^6
 * characters) whatever the records say. */
#include "markdown.h"

#include <math.h>
#include <string.h>

/* Bytes of the document from which a part adds no more. A row is at most one
 * name, 15 KiB, and a finding at most five texts of NG_TEXT_MAX. */
enum {
    FINDINGS_FULL = 400 * 1024,
    LIST_FULL = 480 * 1024,
    TABLE_FULL = 700 * 1024,
    WAIVED_FULL = 740 * 1024,
    RUNS_FULL = 760 * 1024,
    FINDINGS_MAX = 25,
};

void ng_markdown_name(ng_buffer *out, const char *text)
{
    ng_buffer_add(out, "<code>");
    ng_buffer_markdown(out, text, NG_NAME_SHOWN_MAX);
    ng_buffer_add(out, "</code>");
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

static void write_of(ng_buffer *out, uint64_t part, uint64_t whole,
                     const char *what)
{
    ng_buffer_count(out, part);
    ng_buffer_add(out, " of ");
    ng_buffer_count(out, whole);
    ng_buffer_add(out, what);
}

static const char *title(const ng_markdown *m)
{
    switch (ng_tally_outcome(m->tally, m->complete)) {
    case ng_outcome_pass: return "✅ PASS";
    case ng_outcome_fail: return "❌ FAIL";
    case ng_outcome_nothing: return "⚠️ NOT CHECKED";
    default: return "⚠️ INCOMPLETE";
    }
}

static void write_verdict(const ng_markdown *m)
{
    const ng_tally *t = m->tally;
    ng_buffer *out = m->out;
    ng_buffer_format(out, "## normgate: %s\n\n", title(m));
    if (t->kernels > 0) {
        write_of(out, t->kernels_passing, t->kernels,
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
        write_of(out, t->caught, t->seeded,
                 " planted bugs caught by the property named for them.\n");
    }
    if (t->scored > 0) {
        ng_buffer_add(out, "\nKill score ");
        write_of(out, t->scored_caught, t->scored,
                 ": seeded bugs of the same op, pass and dtype that this run "
                 "would have caught.\n");
    }
    if (!m->complete)
        ng_buffer_add(out, "\n**The run did not come to its end**: the "
                           "records have no closing line, and what follows is "
                           "of its beginning. Run it again.\n");
    if (t->cases == 0)
        ng_buffer_add(out, "\nNo case was judged: widen the filters.\n");
}

static void write_finding(const ng_markdown *m, const ng_found *found)
{
    const ng_score *score = &found->cell->score;
    const ng_record *record = score->smallest_wrong;
    ng_verdict verdict = ng_record_verdict(record);
    ng_buffer *out = m->out;
    ng_buffer_format(out, "\n#### %s ", ng_verdict_name(verdict));
    ng_markdown_name(out, found->row->kernel);
    ng_buffer_add(out, ", property ");
    ng_markdown_name(out, found->cell->name);
    ng_buffer_add(out, "\n\n");
    ng_buffer_markdown(
        out, record->cause[0] ? record->cause : ng_verdict_text(verdict), 1000);
    ng_buffer_add(out, ".\n\n");
    write_of(out, score->wrong, score->judged, " cases");
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
    if (record->test[0]) {
        ng_buffer_add(out, "\nSmallest case:\n\n");
        ng_buffer_fenced(out, "text", record->test);
    }
    if (record->replay[0]) {
        ng_buffer_add(out, "\nRepeat it:\n\n");
        ng_buffer_fenced(out, "sh", record->replay);
    }
}

static void write_survivor(const ng_markdown *m, const ng_row *row)
{
    ng_buffer_add(m->out, "\n#### SURVIVED ");
    ng_markdown_name(m->out, row->kernel);
    ng_buffer_add(m->out, "\n\nThis kernel is wrong on purpose, and property ");
    ng_markdown_name(m->out, row->seeded_bug);
    ng_buffer_add(m->out, " let it through.\n");
}

/* The worst in full, the next by name, the rest as a number. */
static void write_findings(const ng_markdown *m)
{
    const ng_findings *all = m->findings;
    size_t i = 0;
    if (all->count == 0)
        return;
    ng_buffer_add(m->out, "\n### Findings (");
    ng_buffer_count(m->out, all->count);
    ng_buffer_add(m->out, ")\n");
    for (; i < all->count && i < FINDINGS_MAX && m->out->size < FINDINGS_FULL;
         i++) {
        if (all->found[i].cell)
            write_finding(m, &all->found[i]);
        else
            write_survivor(m, all->found[i].row);
    }
    if (i < all->count) {
        ng_buffer_add(m->out, "\n<details>\n<summary>Further findings"
                              "</summary>\n\n");
        for (; i < all->count && m->out->size < LIST_FULL; i++) {
            const ng_found *found = &all->found[i];
            ng_buffer_add(m->out, "- ");
            ng_markdown_name(m->out, found->row->kernel);
            ng_buffer_add(m->out, ", property ");
            ng_markdown_name(m->out, found->cell ? found->cell->name
                                                 : found->row->seeded_bug);
            ng_buffer_add(m->out, "\n");
        }
        ng_markdown_more(m->out, all->count - i, "findings");
        ng_buffer_add(m->out, "\n</details>\n");
    }
}

/* Checks that a waiver keeps from failing the run. */
static void write_waived(const ng_markdown *m)
{
    size_t rows = 0, left_out = 0;
    for (size_t i = 0; i < m->grid->cell_count; i++) {
        const ng_cell *cell = &m->grid->cells[i];
        if (cell->score.waived == 0)
            continue;
        if (rows++ == 0)
            ng_buffer_add(m->out, "\n### Waived\n\n"
                                  "| Kernel | Property | Cases |\n"
                                  "|---|---|---|\n");
        if (m->out->size > WAIVED_FULL) {
            left_out++;
            continue;
        }
        ng_buffer_add(m->out, "| ");
        ng_markdown_name(m->out, m->grid->rows[cell->kernel].kernel);
        ng_buffer_add(m->out, " | ");
        ng_markdown_name(m->out, cell->name);
        ng_buffer_add(m->out, " | ");
        ng_buffer_count(m->out, cell->score.waived);
        ng_buffer_add(m->out, " |\n");
    }
    ng_markdown_more(m->out, left_out, "waived properties");
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
static void write_provenance(const ng_markdown *m)
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

ng_status ng_report_markdown(const ng_record *records, size_t count,
                             bool complete, const char *path, ng_error *error)
{
    ng_arena arena = {0};
    ng_buffer out = {0};
    ng_grid grid;
    ng_tally tally;
    ng_findings findings;
    ng_status status =
        ng_grid_make(&grid, &arena, records, count, ng_by_property, error);
    if (status == ng_status_ok)
        status = ng_findings_make(&findings, &arena, &grid, complete, error);
    if (status == ng_status_ok) {
        const ng_markdown m = {&out,  records, count,    complete,
                               &grid, &tally,  &findings};
        ng_tally_grid(&tally, &grid, records, count);
        write_verdict(&m);
        write_findings(&m);
        ng_markdown_kernels(&m, TABLE_FULL);
        write_waived(&m);
        write_provenance(&m);
        status = ng_buffer_status(&out, error);
    }
    if (status == ng_status_ok)
        status = ng_report_write_file(path, out.data, out.size, error);
    ng_buffer_free(&out);
    ng_arena_release(&arena);
    return status;
}
