/* The file of a baseline, what counts as worse, and what reports make of
 * hostile records of it. */
#include <normgate/baseline.h>
#include <normgate/record.h>
#include <normgate/report.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "markup.h"
#include "program.h"

/* By hand: what is below half an ulp counts as half an ulp. */
static void growth_of_errors(void **state)
{
    static const struct {
        ng_measured before, now;
        double most, least;
    } rows[] = {
        {{2, 1, .1, 9}, {2, 1, .1, 9}, 1, 1},
        {{2, 1, .1, 9}, {3, 1, .1, 9}, 1.5, 1},
        {{2, 1, .1, 9}, {2, 4, .1, 9}, 4, 1},
        {{2, 1, .1, 9}, {2, 1, .7, 9}, 7, 1},
        {{4, 2, .5, 9}, {1, 4, .5, 9}, 2, .25},
        {{4, 2, .5, 9}, {4, 2, .125, 9}, 1, .25},
        /* correctly rounded before and after */
        {{0, 0, 0, 9}, {.5, .5, .9, 9}, 1, 1},
        {{.25, .25, .01, 9}, {.5, .5, .9, 9}, 1, 1},
        {{0, 0, 0, 9}, {2, .5, .9, 9}, 4, 1},
        /* the ratio of half an ulp is .2 there, and .3 is 1.5 times that */
        {{.25, .25, .1, 9}, {.75, .5, .3, 9}, 1.5, 1},
        {{8, .25, .1, 9}, {.5, .25, 1e-9, 9}, 1, .0625},
        {{INFINITY, 1, INFINITY, 9}, {INFINITY, 1, INFINITY, 9}, 1, 1},
        {{INFINITY, 1, 1, 9}, {4, 1, 1, 9}, 1, 0},
        {{4, 1, 1, 9}, {INFINITY, 1, 1, 9}, INFINITY, 1},
        {{4, INFINITY, 1, 9}, {4, 8, 1, 9}, 1, 0},
        {{4, NAN, 1, 9}, {4, 8, 1, 9}, 1, 1}, /* no histogram before */
        {{4, 8, 1, 9}, {4, NAN, 1, 9}, 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const ng_growths g = ng_baseline_growth(&rows[i].before, &rows[i].now);
        if (!(fabs(g.most.times - rows[i].most) < 1e-12 ||
              g.most.times == rows[i].most) ||
            !(fabs(g.least.times - rows[i].least) < 1e-12))
            fail_msg("row %zu: %g and %g, not %g and %g", i, g.most.times,
                     g.least.times, rows[i].most, rows[i].least);
    }
}

#define HEAD                                                                   \
    "{\"schema\": \"normgate-baseline/1\", \"version\": \"0.1.0\", "           \
    "\"profile\": \"smoke\", \"seed\": 1, \"factor\": 2, \"entries\": ["
#define ENTRY(numbers)                                                         \
    "{\"kernel\": \"k\", \"op\": \"o\", \"pass\": \"p\", \"dtype\": \"d\", "   \
    "\"property\": \"q\", " numbers "}"
#define NUMBERS "\"error_ulp\": 1, \"p99_ulp\": 1, \"ratio\": 1, \"cases\": 1"

static void assert_refused(const char *what, const char *reason)
{
    ng_arena arena = {0};
    ng_baseline baseline;
    ng_error error = {{0}};
    ng_status status = ng_baseline_read(&baseline, &arena, "b.json", &error);
    assert_refusal(status, &error, "b.json", what, reason);
    ng_arena_release(&arena);
}

static void hostile_files_are_refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"", "no JSON"},
        {"[]", "no JSON object"},
        {"{}", "field \"schema\""},
        {"{\"schema\": \"normgate-baseline/2\"}", "field \"schema\""},
        {HEAD "], \"x\": 1}", "field \"x\": expected no such field"},
        {HEAD "], \"seed\": 2}", "duplicate"},
        {HEAD "]} {}", "no JSON"},
        {HEAD "1]}", "entry 1, field \"entries\""},
        {HEAD "{}]}", "entry 1, field \"kernel\""},
        {HEAD ENTRY(NUMBERS) ", " ENTRY(NUMBERS) "]}", "two entries"},
        {HEAD ENTRY(NUMBERS ", \"\\u0007\": 1") "]}", "field \"?\""},
        {HEAD ENTRY("\"error_ulp\": -1, \"ratio\": 1, \"cases\": 1") "]}",
         "field \"error_ulp\": expected a number"},
        {HEAD ENTRY("\"error_ulp\": \"nan\", \"ratio\": 1, \"cases\": 1") "]}",
         "field \"error_ulp\": expected a number"},
        {HEAD ENTRY("\"error_ulp\": 1, \"cases\": 1") "]}", "field \"ratio\""},
        {HEAD ENTRY("\"error_ulp\": 1, \"ratio\": 1, \"p99_ulp\": null, "
                    "\"cases\": 1") "]}",
         "field \"p99_ulp\""},
        {HEAD ENTRY("\"error_ulp\": 1, \"ratio\": 1") "]}", "field \"cases\""},
        {HEAD ENTRY("\"error_ulp\": 1, \"ratio\": 1, \"cases\": 1.5") "]}",
         "field \"cases\""},
        {HEAD ENTRY("\"error_ulp\": 1, \"ratio\": 1, \"cases\": -1") "]}",
         "field \"cases\""},
        {HEAD "\"\xff\"]}", "no JSON"},
        {"{\"schema\": \"normgate-baseline/1\", \"version\": \"\", "
         "\"profile\": \"\\u001b[2J\", \"seed\": 1}",
         "field \"profile\""},
        {"{\"schema\": \"normgate-baseline/1\", \"version\": \"\", "
         "\"profile\": \"smoke\", \"seed\": \"18446744073709551616\"}",
         "field \"seed\""},
        {"{\"schema\": \"normgate-baseline/1\", \"version\": \"\", "
         "\"profile\": \"smoke\", \"seed\": 1, \"factor\": 0.5}",
         "field \"factor\""},
        {"{\"schema\": \"normgate-baseline/1\", \"version\": \"\", "
         "\"profile\": \"smoke\", \"seed\": 1, \"factor\": 2}",
         "field \"entries\""},
    };
    ng_arena arena = {0};
    ng_baseline baseline;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put("b.json", rows[i].text);
        assert_refused(rows[i].text, rows[i].reason);
    }
    FILE *file = fopen("b.json", "wb");
    assert_non_null(file);
    for (size_t i = 0; i < 100000; i++)
        fputs("{\"a\":", file);
    fclose(file);
    assert_refused("deep", "no JSON");
    assert_int_equal(shell("rm b.json"), 0);
    assert_int_equal(ng_baseline_read(&baseline, &arena, "b.json", NULL),
                     ng_status_nothing_checked);
    ng_arena_release(&arena);
}

static void what_is_written_is_read_back(void **state)
{
    const ng_baseline_entry entries[] = {
        {"a", "o", "p", "d", "q", {INFINITY, NAN, INFINITY, UINT64_MAX}},
        {"a", "o", "p", "d", "r", {1.25, .5, 1e-300, 0}},
        {"\"\\\xc3\xa9\n", "", "", "", "", {0, 0, 0, 7}},
    };
    const ng_baseline before = {.version = "9",
                                .profile = "deep",
                                .seed = UINT64_MAX,
                                .factor = 1.25,
                                .entry = entries,
                                .count = 3};
    ng_arena arena = {0};
    ng_baseline after;
    ng_error error = {{0}};
    (void)state;
    FILE *file = fopen("b.json", "wb");
    assert_non_null(file);
    assert_int_equal(ng_baseline_write(&before, file, NULL), ng_status_ok);
    fclose(file);
    if (ng_baseline_read(&after, &arena, "b.json", &error) != ng_status_ok)
        fail_msg("%s", error.text);
    assert_true(after.seed == UINT64_MAX && after.factor == 1.25);
    assert_string_equal(after.profile, "deep");
    assert_int_equal(after.count, 3);
    assert_string_equal(after.entry[0].kernel, "\"\\\xc3\xa9\n"); /* sorted */
    assert_true(after.entry[0].measured.error_ulp == 0);
    const ng_measured *first = &after.entry[1].measured,
                      *second = &after.entry[2].measured;
    assert_true(isinf(first->error_ulp) && isnan(first->p99_ulp) &&
                isinf(first->ratio) && first->cases == UINT64_MAX);
    assert_true(second->error_ulp == 1.25 && second->p99_ulp == .5 &&
                second->ratio == 1e-300 && second->cases == 0);
    ng_arena_release(&arena);
}

/* Records are another program's, perhaps: long, infinite, marked up. */
static void hostile_records_stay_text(void **state)
{
    enum { COUNT = 600, LONG = 1 << 20 };
    static const char *const states[] = {"worse", "better", "used", "expired",
                                         "<b>"};
    static const double reals[] = {INFINITY, -INFINITY, NAN, -0.0, 1e300};
    static const char bad[] = "<script>alert(1)</script>\x1b[2J\"'&\xff";
    static ng_record made[COUNT];
    char *huge = malloc(LONG + 1);
    ng_error error = {{0}};
    (void)state;
    assert_non_null(huge);
    memset(huge, 'x', LONG);
    huge[LONG] = '\0';
    for (size_t i = 0; i < COUNT; i++) {
        ng_record *r = &made[i];
        ng_record_init(r, i % 2 ? "waiver" : "baseline");
        r->state = states[i / 2 % 5];
        r->verdict = i % 3 ? bad : "FAIL";
        r->kernel = i % 7 ? bad : huge;
        r->op = r->dtype = r->property = r->id = r->expires = bad;
        r->waived = r->waiver = r->cause = r->replay = i % 11 ? bad : huge;
        r->error_ulp = r->baseline_p99_ulp = r->max_ratio = reals[i % 5];
        r->ratio = r->baseline_error_ulp = r->factor = reals[i / 5 % 5];
        r->cases = r->entries = UINT64_MAX;
    }
    if (ng_report_html(made, COUNT, true, "h.html", &error) != ng_status_ok)
        fail_msg("%s", error.text);
    char *page = slurp("h.html");
    assert_null(markup_fault(page));
    assert_null(strstr(page, "<script>alert"));
    assert_null(strchr(page, '\x1b'));
    assert_non_null(strstr(page, " more waivers would make"));
    assert_non_null(strstr(page, " more entries of the baseline would make"));
    assert_true(strlen(page) < (size_t)300 << 10);
    FILE *file = fopen("s.txt", "w");
    assert_non_null(file);
    assert_int_equal(
        ng_report_summary(made, COUNT, true, NULL, file, false, NULL),
        ng_status_ok);
    fclose(file);
    char *text = slurp("s.txt");
    assert_null(strchr(text, '\x1b'));
    size_t lines = 0;
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    assert_true(lines <= 15);
    free(text);
    free(page);
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_of_errors),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(hostile_records_stay_text),
    };
    return cmocka_run_group_tests(tests, program_enter, program_leave);
}
