/* The summary: what a person reads in five seconds at a terminal. */
#include "adoption.h"
#include "buffer.h"
#include "tally.h"

#include <math.h>
#include <string.h>

/* The lines, at most: the verdict, SUBJECTS_MAX subjects, seeded bugs, outputs
 * judged, kill score, waivers, baseline; of the first finding five; the report.
 * A blank one between is the first to go. */
enum { LINES_MAX = 15, SUBJECTS_MAX = 3, WIDTH = 400, NAME = 60 };

typedef struct summary {
    ng_buffer *out;
    const ng_grid *grid;
    const ng_tally *tally;
    bool colour;
    double seconds; /* that the runs took, added up; 0: not known */
} summary;

static const char *const green = "\033[1;32m", *const red = "\033[1;31m",
                         *const yellow = "\033[1;33m";

static void write_word(const summary *s, const char *colour, const char *word)
{
    ng_buffer_format(s->out, "%s%s%s", s->colour ? colour : "", word,
                     s->colour ? "\033[0m" : "");
}

static void write_ratio(ng_buffer *out, double ratio)
{
    if (isnan(ratio))
        return;
    ng_buffer_add(out, "   largest error/bound ");
    ng_buffer_short(out, ratio);
}

static void write_verdict(const summary *s, bool complete)
{
    const ng_tally *t = s->tally;
    switch (ng_tally_outcome(t, complete)) {
    case ng_outcome_pass:
        write_word(s, t->cases_waived > 0 ? yellow : green, "PASS");
        ng_buffer_add(s->out, t->cases_waived > 0 ? "  " : "");
        ng_adoption_waived(s->out, t);
        break;
    case ng_outcome_fail: write_word(s, red, "FAIL"); break;
    case ng_outcome_nothing:
        write_word(s, yellow, "NOT CHECKED");
        ng_buffer_format(s->out, "  %s had no case judged; widen the filters",
                         t->cases == 0 ? "the run" : "a kernel");
        break;
    case ng_outcome_incomplete:
        write_word(s, yellow, "INCOMPLETE");
        ng_buffer_add(s->out, "  nothing wrong so far, but the run did not "
                              "come to its end; run it again");
    }
    if (!complete && ng_tally_outcome(t, complete) == ng_outcome_fail)
        ng_buffer_add(s->out, "  INCOMPLETE: the run did not come to its end");
    ng_buffer_add(s->out, "\n");
}

/* A line for each subject: its kernels that are meant to be right. */
static void write_subject(const summary *s, size_t begin, size_t end)
{
    uint64_t kernels = 0, passing = 0, wrong = 0, waived = 0, cases = 0;
    double ratio = NAN;
    for (size_t i = begin; i < end; i++) {
        const ng_row *row = &s->grid->rows[i];
        if (row->seeded_bug[0])
            continue;
        kernels++;
        passing += row->score.wrong == 0 && row->score.judged > 0;
        wrong += row->score.wrong > 0;
        waived += row->score.judged == 0 && row->score.waived > 0;
        cases += row->score.judged;
        ratio = fmax(ratio, row->score.ratio);
    }
    if (kernels == 0)
        return;
    ng_buffer_add(s->out, "  ");
    if (wrong > 0)
        write_word(s, red, "FAIL");
    else if (passing < kernels)
        write_word(s, yellow, passing + waived < kernels ? "none" : "waived");
    else
        write_word(s, green, "pass");
    ng_buffer_add(s->out, "  ");
    ng_buffer_plain(s->out, s->grid->rows[begin].subject, NAME);
    ng_buffer_add(s->out, "   ");
    ng_buffer_of(s->out, passing, kernels);
    ng_buffer_add(s->out, kernels == 1 ? " kernel" : " kernels");
    ng_buffer_add(s->out, "   ");
    ng_buffer_count(s->out, cases);
    ng_buffer_add(s->out, cases == 1 ? " case" : " cases");
    write_ratio(s->out, ratio);
    ng_buffer_add(s->out, "\n");
}

static void write_kernels(const summary *s)
{
    const ng_tally *t = s->tally;
    const ng_grid *grid = s->grid;
    if (t->subjects <= SUBJECTS_MAX) {
        for (size_t i = 0, end; i < grid->row_count; i = end) {
            for (end = i + 1;
                 end < grid->row_count &&
                 grid->rows[end].subject_first == grid->rows[i].subject_first;)
                end++;
            write_subject(s, i, end);
        }
    } else if (t->kernels > 0) {
        ng_buffer_add(s->out, "  ");
        ng_buffer_of(s->out, t->kernels_passing, t->kernels);
        ng_buffer_add(s->out, " correct kernels pass   ");
        ng_buffer_count(s->out, t->cases - t->cases_seeded);
        ng_buffer_add(s->out, " cases");
        write_ratio(s->out, t->worst_ratio);
        ng_buffer_add(s->out, "\n");
    }
}

/* bug.eps_outside (layer_norm_f32): many bugs share a kernel's name. */
static void write_bug(ng_buffer *out, const ng_row *row)
{
    static const char builtin[] = "builtin:";
    size_t skip = sizeof builtin - 1;
    bool known = strncmp(row->subject, builtin, skip) == 0;
    ng_buffer_plain(out, row->subject + (known ? skip : 0), NAME);
    ng_buffer_add(out, " (");
    ng_buffer_plain(out, row->kernel, NAME);
    ng_buffer_add(out, ")");
}

static void write_seeded(const summary *s)
{
    const ng_tally *t = s->tally;
    if (t->seeded == 0)
        return;
    ng_buffer_add(s->out, "  ");
    write_word(s, t->caught == t->seeded ? green : red,
               t->caught == t->seeded ? "pass" : "FAIL");
    ng_buffer_add(s->out, "  ");
    ng_buffer_of(s->out, t->caught, t->seeded);
    ng_buffer_add(s->out, " seeded bugs caught");
    const char *open = ": ";
    for (size_t i = 0, left = 2; i < s->grid->row_count && left > 0; i++) {
        const ng_row *row = &s->grid->rows[i];
        if (!row->seeded_bug[0] || ng_row_caught(row))
            continue;
        ng_buffer_add(s->out, open);
        write_bug(s->out, row);
        ng_buffer_add(s->out, row->score.wrong > 0 ? " only by another than "
                                                   : " not by ");
        ng_buffer_plain(s->out, row->seeded_bug, NAME);
        open = "; ";
        left--;
    }
    ng_buffer_add(s->out, t->seeded > t->caught + 2 ? "; ...\n" : "\n");
}

/* What a pass of these properties is worth. */
static void write_score(const summary *s)
{
    const ng_tally *t = s->tally;
    if (t->scored == 0)
        return;
    ng_buffer_add(s->out, "  kill score ");
    ng_buffer_of(s->out, t->scored_caught, t->scored);
    ng_buffer_add(s->out,
                  ": seeded bugs of the same op, pass and dtype that this run "
                  "would have caught\n");
}

static void write_judged(const summary *s)
{
    const ng_tally *t = s->tally;
    ng_buffer_add(s->out, "  ");
    ng_buffer_count(s->out, t->elements);
    ng_buffer_add(s->out,
                  " outputs judged against the exact value; undecided ");
    ng_buffer_count(s->out, t->undecided);
    ng_buffer_add(s->out, "; cases waived ");
    ng_buffer_count(s->out, t->cases_waived);
    ng_buffer_add(s->out, ", left out ");
    ng_buffer_count(s->out, t->cases_left_out);
    if (s->seconds > 0)
        ng_buffer_format(s->out, s->seconds < 10 ? "; %.1f s" : "; %.0f s",
                         s->seconds);
    ng_buffer_add(s->out, "\n");
}

/* The first waiver that is good for nothing, and what is to be done with it:
 * often its globs are misspelt. */
static void write_unused(const summary *s)
{
    const ng_record *record = s->tally->first_unused;
    if (record == NULL)
        return;
    ng_buffer_add(s->out, "; first unused: ");
    ng_buffer_plain(s->out, record->kernel, 80);
    ng_buffer_add(s->out, ", ");
    ng_buffer_plain(s->out, record->property, 80);
    ng_buffer_add(s->out, ": ");
    ng_buffer_plain(s->out, record->cause, 160);
}

/* What waivers and a baseline did, a line each. */
static void write_adoption(const summary *s)
{
    if (s->tally->waivers > 0) {
        ng_buffer_add(s->out, "  waivers: ");
        ng_adoption_waivers(s->out, s->tally);
        write_unused(s);
        ng_buffer_add(s->out, "\n");
    }
    if (ng_adoption_compared(s->tally)) {
        ng_buffer_add(s->out, "  baseline: ");
        ng_adoption_baseline(s->out, s->tally);
        ng_buffer_add(s->out, "\n");
    }
}

static void write_line(const summary *s, const char *name, const char *text,
                       size_t limit)
{
    if (!text[0])
        return;
    ng_buffer_format(s->out, "  %-7s ", name);
    ng_buffer_plain(s->out, text, limit);
    ng_buffer_add(s->out, "\n");
}

/* All bounds hold, and a kernel is less accurate than it was. */
static void write_worse(const summary *s)
{
    const ng_record *worse = s->tally->first_worse;
    if (worse == NULL || s->tally->first_wrong != NULL)
        return;
    write_word(s, red, "WORSE");
    ng_buffer_add(s->out, " ");
    ng_buffer_plain(s->out, worse->kernel, NAME);
    ng_buffer_add(s->out, ", property ");
    ng_buffer_plain(s->out, worse->property, NAME);
    ng_buffer_add(s->out, ": less accurate than the baseline\n");
    write_line(s, "moved", worse->cause, WIDTH);
    write_line(s, "case", worse->test, WIDTH);
    write_line(s, "replay", worse->replay, NG_TEXT_MAX);
}

/* Properties that fail, kernel by kernel; the score of the first of them. */
static size_t count_findings(const summary *s, const ng_score **first)
{
    size_t count = 0;
    for (size_t i = 0; i < s->grid->row_count; i++) {
        const ng_row *row = &s->grid->rows[i];
        for (size_t k = 0; !row->seeded_bug[0] && k < row->cell_count; k++) {
            const ng_score *score = &row->cells[k].score;
            count += score->wrong > 0;
            if (score->first_wrong &&
                score->first_wrong == s->tally->first_wrong)
                *first = score;
        }
    }
    return count;
}

/* The smallest failing case of the property that failed first. */
static void write_finding(const summary *s)
{
    const ng_score *score = NULL;
    size_t count = count_findings(s, &score);
    if (!score)
        return;
    const ng_record *record = score->smallest_wrong;
    write_word(s, red,
               record->verdict[0] ? ng_verdict_name(ng_record_verdict(record))
                                  : "ERROR");
    ng_buffer_add(s->out, " ");
    ng_buffer_plain(s->out, record->kernel, NAME);
    ng_buffer_add(s->out, ", property ");
    ng_buffer_plain(s->out, record->property, NAME);
    ng_buffer_add(s->out, ": ");
    ng_buffer_of(s->out, score->wrong, score->judged);
    ng_buffer_add(s->out, " cases");
    write_ratio(s->out, score->ratio);
    if (count > 1) {
        ng_buffer_add(s->out, "   and ");
        ng_buffer_count(s->out, count - 1);
        ng_buffer_add(s->out, count > 2 ? " more findings" : " more finding");
    }
    ng_buffer_add(s->out, "\n");
    write_line(s, "cause", record->cause, WIDTH);
    write_line(s, "case", record->test, WIDTH);
    if (record->worst_tensor[0]) {
        ng_buffer_format(s->out, "  %-7s ", "got");
        ng_buffer_format(s->out, "%.9g (%a), exact %.17g\n", record->got,
                         record->got, record->exact);
    }
    write_line(s, "replay", record->replay, NG_TEXT_MAX);
}

static double seconds_of(const ng_record *records, size_t count)
{
    double seconds = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(records[i].kind, "end") == 0 && records[i].seconds > 0 &&
            records[i].seconds < 1e9)
            seconds += records[i].seconds;
    }
    return seconds;
}

static size_t lines_of(const ng_buffer *buffer)
{
    size_t lines = 0;
    for (size_t i = 0; i < buffer->size; i++)
        lines += buffer->data[i] == '\n';
    return lines;
}

/* What was found, and below it the first finding. */
static void write_all(summary *s, bool complete, const char *html)
{
    ng_buffer *out = s->out, finding = {0};
    s->out = &finding;
    write_finding(s);
    write_worse(s);
    write_line(s, "report", html ? html : "", NG_TEXT_MAX);
    s->out = out;
    write_verdict(s, complete);
    write_kernels(s);
    write_seeded(s);
    write_judged(s);
    write_score(s);
    write_adoption(s);
    if ((s->tally->first_wrong || s->tally->first_worse) &&
        lines_of(out) + lines_of(&finding) < LINES_MAX)
        ng_buffer_add(out, "\n");
    if (finding.size > 0)
        ng_buffer_add(out, finding.data);
    out->failed |= finding.failed;
    ng_buffer_free(&finding);
}

ng_status ng_report_summary(const ng_record *records, size_t count,
                            bool complete, const char *html, FILE *file,
                            bool colour, ng_error *error)
{
    ng_arena arena = {0};
    ng_buffer out = {0};
    ng_grid grid;
    ng_tally tally;
    ng_status status =
        ng_grid_make(&grid, &arena, records, count, ng_by_property, error);
    if (status == ng_status_ok) {
        summary s = {&out, &grid, &tally, colour, seconds_of(records, count)};
        ng_tally_grid(&tally, &grid, records, count);
        write_all(&s, complete, html);
        status = ng_buffer_print(&out, file, error);
    }
    ng_buffer_free(&out);
    ng_arena_release(&arena);
    return status;
}
