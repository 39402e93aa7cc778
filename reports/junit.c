/* JUnit XML for CI systems: a suite per kernel. */
#include "buffer.h"
#include "tally.h"

#include <math.h>
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

static void write_totals(ng_buffer *out, const totals *t)
{
    ng_buffer_format(out,
                     " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
                     "skipped=\"%zu\" time=\"%.3f\"",
                     t->tests, t->failures, t->errors, t->skipped, t->seconds);
}

static void write_attribute(ng_buffer *out, const char *name, const char *text)
{
    ng_buffer_format(out, " %s=\"", name);
    ng_buffer_markup(out, text);
    ng_buffer_add(out, "\"");
}

static void open_test(ng_buffer *out, const ng_row *row, const char *name,
                      const ng_record *shape, double seconds)
{
    ng_buffer_add(out, "    <testcase classname=\"");
    ng_buffer_markup(out, row->subject);
    ng_buffer_add(out, ".");
    ng_buffer_markup(out, row->kernel);
    ng_buffer_add(out, "\" name=\"");
    ng_buffer_markup(out, name);
    if (shape) {
        ng_buffer_add(out, " ");
        ng_buffer_markup(out, shape->op);
        ng_buffer_add(out, "/");
        ng_buffer_markup(out, shape->pass);
        ng_buffer_add(out, "/");
        ng_buffer_markup(out, shape->dtype);
    }
    ng_buffer_format(out, "\" time=\"%.3f\">", seconds);
}

static void write_wrong(ng_buffer *out, const ng_score *score,
                        const char *element)
{
    const ng_record *record = score->smallest_wrong;
    ng_buffer_format(out, "\n      <%s", element);
    write_attribute(out, "type", record->verdict);
    write_attribute(out, "message",
                    record->cause[0]
                        ? record->cause
                        : ng_verdict_text(ng_record_verdict(record)));
    ng_buffer_format(out,
                     ">%zu of %zu cases are wrong.\nsmallest: ", score->wrong,
                     score->judged);
    ng_buffer_markup(out, record->test);
    if (!isnan(record->ratio)) {
        ng_buffer_add(out, "\nerror / bound: ");
        ng_buffer_short(out, record->ratio);
    }
    ng_buffer_add(out, "\nreplay: ");
    ng_buffer_markup(out, record->replay);
    ng_buffer_format(out, "\n      </%s>\n    ", element);
}

/* Checks of one property, op, pass and dtype. */
static void write_test(ng_buffer *out, const ng_row *row, const ng_score *score,
                       double seconds, totals *sum)
{
    ng_verdict verdict = score->wrong > 0
                             ? ng_record_verdict(score->smallest_wrong)
                             : ng_score_verdict(score);
    bool failure = verdict == NG_FAIL || verdict == NG_REFUSED;
    open_test(out, row, score->first->property, score->first, seconds);
    sum->tests++;
    sum->seconds += seconds;
    if (ng_verdict_wrong(verdict)) {
        write_wrong(out, score, failure ? "failure" : "error");
        sum->failures += failure;
        sum->errors += !failure;
    } else if (verdict != NG_PASS) {
        ng_buffer_add(out, "<skipped");
        write_attribute(out, "message", ng_verdict_text(verdict));
        ng_buffer_add(out, "/>");
        sum->skipped++;
    }
    ng_buffer_add(out, "</testcase>\n");
}

static bool same_shape(const ng_record *a, const ng_record *b)
{
    return strcmp(a->op, b->op) == 0 && strcmp(a->pass, b->pass) == 0 &&
           strcmp(a->dtype, b->dtype) == 0;
}

static void write_cell(ng_buffer *out, const ng_row *row, const ng_cell *cell,
                       totals *sum)
{
    for (size_t i = 0; i < cell->record_count;) {
        const ng_record *shape = cell->records[i];
        ng_score score;
        double seconds = 0;
        ng_score_init(&score);
        for (; i < cell->record_count && same_shape(shape, cell->records[i]);
             i++) {
            ng_score_add(&score, cell->records[i]);
            if (isfinite(cell->records[i]->seconds))
                seconds += cell->records[i]->seconds;
        }
        write_test(out, row, &score, seconds, sum);
    }
}

/* Wrong on purpose: one test, passed when the named property failed. */
static void write_seeded(ng_buffer *out, const ng_row *row, totals *sum)
{
    ng_buffer name = {0};
    ng_buffer_format(&name, "seeded bug caught by ");
    ng_buffer_add(&name, row->seeded_bug);
    out->failed |= name.failed;
    if (!name.failed)
        open_test(out, row, name.data, NULL, 0);
    ng_buffer_free(&name);
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

static void write_suite(ng_buffer *out, const ng_row *row, totals *sum)
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
    ng_buffer_add(out, ">\n");
    if (tests.data)
        ng_buffer_add(out, tests.data);
    ng_buffer_add(out, "  </testsuite>\n");
    out->failed |= tests.failed;
    ng_buffer_free(&tests);
    add_totals(sum, &t);
}

/* What is wrong with the run, not with a kernel. */
static void write_run(ng_buffer *out, const char *name, const char *message,
                      totals *sum)
{
    const totals t = {.tests = 1, .errors = 1};
    ng_buffer_add(out, "  <testsuite name=\"normgate\"");
    write_totals(out, &t);
    ng_buffer_format(out,
                     ">\n    <testcase classname=\"normgate\" name=\"%s\">"
                     "<error type=\"RUN\" message=\"%s\"/></testcase>\n"
                     "  </testsuite>\n",
                     name, message);
    add_totals(sum, &t);
}

static void write_document(ng_buffer *out, const ng_grid *grid,
                           const ng_tally *tally, bool complete)
{
    ng_buffer suites = {0};
    totals sum = {0};
    for (size_t i = 0; i < grid->row_count; i++)
        write_suite(&suites, &grid->rows[i], &sum);
    if (!complete)
        write_run(&suites, "the run comes to its end",
                  "the records have no closing line; run it again", &sum);
    if (tally->cases == 0)
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
    ng_arena arena = {0};
    ng_buffer out = {0};
    ng_grid grid;
    ng_tally tally;
    ng_status status =
        ng_grid_make(&grid, &arena, records, count, ng_by_property, error);
    if (status == ng_status_ok) {
        ng_tally_grid(&tally, &grid, records, count);
        write_document(&out, &grid, &tally, complete);
        status = ng_buffer_status(&out, error);
    }
    if (status == ng_status_ok)
        status = ng_report_write_file(path, out.data, out.size, error);
    ng_buffer_free(&out);
    ng_arena_release(&arena);
    return status;
}
