/* JUnit XML for CI systems: a suite per kernel. Only what the schema of the
 * Jenkins xUnit plug-in (junit-10.xsd) allows, since the strictest reader
 * decides: no file and line of a test case, they stand in the suite and in the
 * text of a failure. */
#include "document.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct totals {
    size_t tests, failures, errors, skipped;
    double seconds;
} totals;

static void add_totals(totals *sum, const totals *part)
{
    sum->tests += part->tests;
    sum->failures += part->failures;
    sum->errors += part->errors;
    sum->skipped += part->skipped;
    sum->seconds += part->seconds;
}

/* The schema knows no negative times, and a reader no infinite ones. */
static double seconds_of(const ng_record *record)
{
    const double century = 3.2e9;
    return record->seconds > 0 ? fmin(record->seconds, century) : 0;
}

static void write_totals(ng_buffer *out, const totals *t)
{
    ng_buffer_format(out,
                     " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
                     "time=\"%.3f\"",
                     t->tests, t->failures, t->errors, t->seconds);
}

static void write_attribute(ng_buffer *out, const char *name, const char *text)
{
    ng_buffer_format(out, " %s=\"", name);
    ng_buffer_markup(out, text);
    ng_buffer_add(out, "\"");
}

static bool is_word(const char *text)
{
    return strlen(text) <= NG_NAME_SHOWN_MAX &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-")] ==
               '\0';
}

/* "shift layer_norm/forward/f32". Texts that are no such words could look alike
 * when they have been made printable: a hash of them keeps names apart, and the
 * same in every run. */
static void write_test_name(ng_buffer *out, const ng_record *shape)
{
    ng_buffer_markup(out, shape->property);
    ng_buffer_add(out, " ");
    ng_buffer_markup(out, shape->op);
    ng_buffer_add(out, "/");
    ng_buffer_markup(out, shape->pass);
    ng_buffer_add(out, "/");
    ng_buffer_markup(out, shape->dtype);
    if (is_word(shape->property) && is_word(shape->op) &&
        is_word(shape->pass) && is_word(shape->dtype))
        return;
    ng_record named = *shape;
    char id[NG_RECORD_ID_SIZE];
    named.test = "";
    ng_record_id(&named, id);
    ng_buffer_format(out, " %s", id);
}

/* Leaves the attribute `name` open. */
static void open_test(ng_buffer *out, const ng_row *row)
{
    ng_buffer_add(out, "    <testcase classname=\"");
    ng_buffer_markup(out, row->subject);
    ng_buffer_add(out, ".");
    ng_buffer_markup(out, row->kernel);
    ng_buffer_add(out, "\" name=\"");
}

static void close_name(ng_buffer *out, double seconds)
{
    ng_buffer_format(out, "\" time=\"%.3f\">", seconds);
}

static void write_line(ng_buffer *out, const char *term, const char *text)
{
    if (!text[0])
        return;
    ng_buffer_format(out, "\n%s: ", term);
    ng_buffer_markup(out, text);
}

static void write_wrong(ng_buffer *out, const ng_score *score,
                        const char *element)
{
    const ng_record *record = score->smallest_wrong;
    ng_buffer_format(out, "\n      <%s", element);
    write_attribute(out, "type", record->verdict);
    write_attribute(out, "message", ng_record_cause(record));
    ng_buffer_format(out, ">%zu of %zu cases are wrong.", score->wrong,
                     score->judged);
    write_line(out, "cause", record->cause);
    write_line(out, "smallest", record->test);
    if (!isnan(record->ratio)) {
        ng_buffer_add(out, "\nerror / bound: ");
        ng_buffer_short(out, record->ratio);
    }
    if (record->worst_tensor[0]) {
        write_line(out, "worst output", record->worst_tensor);
        ng_buffer_format(out, "[%llu][%llu], got %.17g, exact %.17g",
                         (unsigned long long)record->worst_set,
                         (unsigned long long)record->worst_element, record->got,
                         record->exact);
    }
    write_line(out, "source", record->file);
    if (record->file[0] && record->line > 0)
        ng_buffer_format(out, ":%llu", (unsigned long long)record->line);
    write_line(out, "replay", record->replay);
    ng_buffer_format(out, "\n      </%s>\n    ", element);
}

/* Checks of one property, op, pass and dtype. */
static void write_test(ng_buffer *out, const ng_row *row, const ng_score *score,
                       const ng_record *waived, double seconds, totals *sum)
{
    ng_verdict verdict = score->wrong > 0
                             ? ng_record_verdict(score->smallest_wrong)
                             : ng_score_verdict(score);
    bool failure = verdict == NG_FAIL || verdict == NG_REFUSED;
    open_test(out, row);
    write_test_name(out, score->first);
    close_name(out, seconds);
    sum->tests++;
    sum->seconds += seconds;
    if (ng_verdict_wrong(verdict)) {
        write_wrong(out, score, failure ? "failure" : "error");
        sum->failures += failure;
        sum->errors += !failure;
    } else if (verdict != NG_PASS) {
        ng_buffer_add(out, "<skipped");
        const char *why =
            verdict == NG_WAIVED ? waived->waiver : score->first->cause;
        write_attribute(out, "message",
                        why[0] ? why : ng_verdict_text(verdict));
        ng_buffer_add(out, "/>");
        sum->skipped++;
    }
    ng_buffer_add(out, "</testcase>\n");
}

static void write_cell(ng_buffer *out, const ng_row *row, const ng_cell *cell,
                       totals *sum)
{
    for (size_t i = 0; i < cell->record_count;) {
        const ng_record *shape = cell->records[i];
        const ng_record *waived = NULL;
        ng_score score;
        double seconds = 0;
        ng_score_init(&score);
        for (; i < cell->record_count &&
               ng_record_shape_order(shape, cell->records[i]) == 0;
             i++) {
            ng_score_add(&score, cell->records[i]);
            seconds += seconds_of(cell->records[i]);
            if (ng_record_verdict(cell->records[i]) == NG_WAIVED)
                waived = cell->records[i];
        }
        write_test(out, row, &score, waived, seconds, sum);
    }
}

/* Wrong on purpose: one test, passed when the named property failed. */
static void write_seeded(ng_buffer *out, const ng_row *row, totals *sum)
{
    open_test(out, row);
    ng_buffer_add(out, "seeded bug caught by ");
    ng_buffer_markup(out, row->seeded_bug);
    close_name(out, 0);
    sum->tests++;
    if (!ng_row_caught(row)) {
        sum->failures++;
        ng_buffer_format(out,
                         "\n      <failure type=\"SURVIVED\" message=\"seeded "
                         "bug survived: %s\"/>\n    ",
                         row->score.wrong > 0 ? "only other properties failed"
                                              : "no property failed");
    }
    ng_buffer_add(out, "</testcase>\n");
}

/* "2026-01-31T12:00:00Z"; some readers give up on any other time. */
static bool is_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9'
                           : text[i] != form[i])
            return false;
    return true;
}

static void write_property(ng_buffer *out, const char *name, const char *value)
{
    if (!value[0])
        return;
    ng_buffer_format(out, "      <property name=\"%s\"", name);
    write_attribute(out, "value", value);
    ng_buffer_add(out, "/>\n");
}

/* What the suite's result can be had again from. */
static void write_properties(ng_buffer *out, const ng_row *row,
                             const ng_record *run)
{
    char number[24];
    ng_buffer_add(out, "    <properties>\n");
    write_property(out, "contract", row->score.first->contract);
    if (row->score.first->file[0] && row->score.first->line > 0) {
        snprintf(number, sizeof number, "%llu",
                 (unsigned long long)row->score.first->line);
        write_property(out, "line", number);
    }
    if (run) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)run->seed);
        write_property(out, "seed", number);
        write_property(out, "profile", run->profile);
        write_property(out, "version", run->version);
        write_property(out, "build", run->build);
        write_property(out, "machine", run->machine);
        write_property(out, "command", run->command);
    }
    ng_buffer_add(out, "    </properties>\n");
}

static void write_suite(ng_buffer *out, const ng_row *row, const ng_record *run,
                        totals *sum)
{
    ng_buffer tests = {0};
    totals t = {0};
    if (row->seeded_bug[0])
        write_seeded(&tests, row, &t);
    else
        for (size_t i = 0; i < row->cell_count; i++)
            write_cell(&tests, row, &row->cells[i], &t);
    ng_buffer_add(out, "  <testsuite name=\"");
    ng_buffer_markup(out, row->subject);
    ng_buffer_add(out, " ");
    ng_buffer_markup(out, row->kernel);
    ng_buffer_add(out, "\"");
    write_totals(out, &t);
    ng_buffer_format(out, " skipped=\"%zu\"", t.skipped);
    if (run && is_time(run->time))
        write_attribute(out, "timestamp", run->time);
    if (row->score.first->file[0])
        write_attribute(out, "file", row->score.first->file);
    ng_buffer_add(out, ">\n");
    write_properties(out, row, run);
    if (tests.data)
        ng_buffer_add(out, tests.data);
    ng_buffer_add(out, "  </testsuite>\n");
    out->failed |= tests.failed;
    ng_buffer_free(&tests);
    add_totals(sum, &t);
}

/* For each record the run that it belongs to, the last that began before it,
 * or NULL. */
static const ng_record **find_runs(const ng_record *records, size_t count,
                                   ng_arena *arena)
{
    const ng_record **runs = ng_arena_alloc(arena, count, sizeof *runs);
    const ng_record *run = NULL;
    for (size_t i = 0; runs && i < count; i++) {
        if (strcmp(records[i].kind, "run") == 0)
            run = &records[i];
        runs[i] = run;
    }
    return runs;
}

/* What is wrong with the run, not with a kernel. */
static void write_run(ng_buffer *out, const char *name, const char *message,
                      totals *sum)
{
    const totals t = {.tests = 1, .errors = 1};
    ng_buffer_add(out, "  <testsuite name=\"normgate\"");
    write_totals(out, &t);
    ng_buffer_format(
        out,
        " skipped=\"0\">\n    <testcase classname=\"normgate\" name=\"%s\">"
        "<error type=\"RUN\" message=\"%s\"/></testcase>\n"
        "  </testsuite>\n",
        name, message);
    add_totals(sum, &t);
}

/* One test for the whole baseline, there whenever it was asked. */
static void write_baseline(ng_buffer *out, const ng_record *records,
                           size_t count, const ng_tally *tally, totals *sum)
{
    enum { SHOWN_MAX = 50 };
    bool worse = tally->baseline_worse > 0;
    const totals t = {.tests = 1, .failures = worse};
    size_t shown = 0;
    if (tally->baselines == 0 && !worse)
        return;
    ng_buffer_add(out, "  <testsuite name=\"normgate\"");
    write_totals(out, &t);
    ng_buffer_add(out, " skipped=\"0\">\n    <testcase classname=\"normgate\" "
                       "name=\"accuracy against the baseline\">");
    if (worse)
        ng_buffer_add(out, "<failure type=\"WORSE\" message=\"less accurate "
                           "than in the baseline\">");
    for (size_t i = 0; i < count && worse && shown < SHOWN_MAX; i++) {
        const ng_record *record = &records[i];
        if (strcmp(record->kind, "baseline") != 0 || !ng_record_wrong(record))
            continue;
        shown++;
        write_line(out, "kernel", record->kernel);
        write_line(out, "property", record->property);
        write_line(out, "cause", record->cause);
        write_line(out, "replay", record->replay);
    }
    if (tally->baseline_worse > shown)
        ng_buffer_format(out, "\nand %zu more",
                         (size_t)tally->baseline_worse - shown);
    if (worse)
        ng_buffer_add(out, "\n</failure>");
    ng_buffer_add(out, "</testcase>\n  </testsuite>\n");
    add_totals(sum, &t);
}

static void write_document(const ng_document *document)
{
    ng_buffer *out = document->out;
    const ng_record *records = document->records;
    const ng_grid *grid = document->grid;
    const ng_tally *tally = document->tally;
    const ng_record **runs =
        find_runs(records, document->count, document->arena);
    ng_buffer suites = {0};
    totals sum = {0};
    if (runs == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < grid->row_count; i++)
        write_suite(&suites, &grid->rows[i],
                    runs[grid->rows[i].score.first - records], &sum);
    write_baseline(&suites, records, document->count, tally, &sum);
    if (!document->complete)
        write_run(&suites, "the run comes to its end",
                  "the records have no closing line; run it again", &sum);
    if (tally->cases + tally->cases_waived == 0)
        write_run(&suites, "something is judged",
                  "no case was judged; widen the filters", &sum);
    ng_buffer_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<testsuites name=\"normgate\"");
    write_totals(out, &sum);
    ng_buffer_add(out, ">\n");
    if (suites.data)
        ng_buffer_add(out, suites.data);
    ng_buffer_add(out, "</testsuites>\n");
    out->failed |= suites.failed;
    ng_buffer_free(&suites);
}

ng_status ng_report_junit(const ng_record *records, size_t count, bool complete,
                          const char *path, ng_error *error)
{
    return ng_document_make(records, count, complete, path, write_document,
                            error);
}
