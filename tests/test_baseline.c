/* The baseline: what is worse fails, what is better is told, and the file says
 * nothing that was not measured. */
#include <normgate/baseline.h>
#include <normgate/histogram.h>
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
    if (ng_baseline_read(&baseline, &arena, "b.json", &error) !=
            ng_status_bad_input ||
        strstr(error.text, "b.json") == NULL ||
        strstr(error.text, reason) == NULL)
        fail_msg("%.100s: no '%s' in '%s'", what, reason, error.text);
    for (const char *c = error.text; *c != '\0'; c++)
        assert_in_range(*c, ' ', '~');
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

#define PLUGINS NORMGATE_BINARY_DIR "/tests/plugins/"
#define ON(plugin, kernels)                                                    \
    "check " PLUGINS plugin ".so --profile smoke --property epsilon "          \
    "--json r.jsonl --baseline b.json --kernel '" kernels "' "
#define GOOD "adoption"
#define WORSE "adoption_worse"

static ng_arena texts;
static ng_record *records;
static size_t record_count;

static void load(void)
{
    bool complete;
    assert_int_equal(ng_records_load("r.jsonl", &texts, &records, &record_count,
                                     &complete, NULL),
                     ng_status_ok);
    assert_true(complete);
}

/* The one baseline record of that state. */
static const ng_record *find(const char *moved)
{
    const ng_record *found = NULL;
    load();
    for (size_t i = 0; i < record_count; i++) {
        if (strcmp(records[i].kind, "baseline") != 0 ||
            strcmp(records[i].state, moved) != 0)
            continue;
        assert_null(found);
        found = &records[i];
    }
    assert_non_null(found);
    return found;
}

static bool none(const char *moved)
{
    load();
    for (size_t i = 0; i < record_count; i++)
        if (strcmp(records[i].kind, "baseline") == 0 &&
            strcmp(records[i].state, moved) == 0)
            return false;
    return true;
}

/* From the check records, by another way: the file has these. */
static void the_file_has_what_was_measured(void **state)
{
    ng_arena arena = {0};
    ng_baseline made;
    (void)state;
    assert_int_equal(shell("rm -f b.json"), 0);
    assert_error(ON(GOOD, "[mse]*"), 2, "--update-baseline to make it");
    assert_run(ON(GOOD, "[mse]*") "--update-baseline", 0);
    assert_non_null(strstr(out, "baseline: 3 new\n"));
    load();
    assert_int_equal(ng_baseline_read(&made, &arena, "b.json", NULL),
                     ng_status_ok);
    assert_string_equal(made.profile, "smoke");
    assert_true(made.seed == 1 && made.factor == 2);
    assert_int_equal(made.count, 3);
    for (size_t k = 0; k < 3; k++) {
        const ng_baseline_entry *e = &made.entry[k];
        double error = 0, ratio = 0, total = 0, seen = 0, p99 = NAN;
        double bins[NG_HISTOGRAM_BINS] = {0};
        size_t cases = 0;
        for (size_t i = 0; i < record_count; i++) {
            const ng_record *r = &records[i];
            if (strcmp(r->kind, "check") != 0 || r->elements == 0 ||
                strcmp(r->kernel, e->kernel) != 0)
                continue;
            error = fmax(error, r->error_ulp);
            ratio = fmax(ratio, r->ratio);
            cases++;
            int used = 0;
            unsigned bin;
            double outputs;
            for (const char *at = r->histogram;
                 sscanf(at, "%u:%lf%n", &bin, &outputs, &used) == 2; at += used)
                bins[bin] += outputs, total += outputs;
        }
        for (size_t b = 0; b < NG_HISTOGRAM_BINS && isnan(p99); b++)
            if ((seen += bins[b]) >= ceil(.99 * total))
                p99 = ng_histogram_edge(b);
        assert_true(cases > 3 && error > 0 && total > 100);
        assert_int_equal(e->measured.cases, cases);
        assert_true(fabs(e->measured.error_ulp - error) <= 1e-5 * error);
        assert_true(fabs(e->measured.ratio - ratio) <= 1e-5 * ratio);
        assert_true(fabs(e->measured.p99_ulp - p99) <= 1e-5 * p99);
    }
    ng_arena_release(&arena);
}

static void the_same_kernel_is_unchanged(void **state)
{
    (void)state;
    char *first = slurp("b.json");
    assert_run(ON(GOOD, "[mse]*"), 0);
    assert_int_equal(find("unchanged")->entries, 3);
    assert_non_null(strstr(out, "baseline: 3 as before\n"));
    assert_run(ON(GOOD, "[mse]*") "--baseline-factor 1", 0); /* to the digit */
    assert_int_equal(find("unchanged")->entries, 3);
    assert_run(ON(GOOD, "[mse]*") "--update-baseline --jobs 2", 0);
    char *second = slurp("b.json");
    assert_string_equal(first, second);
    assert_int_equal(shell("rm b.json"), 0); /* made by a crew */
    assert_run(ON(GOOD, "[mse]*") "--update-baseline --jobs 2", 0);
    char *third = slurp("b.json");
    assert_string_equal(first, third);
    free(first);
    free(second);
    free(third);
}

static void a_worse_kernel_fails(void **state)
{
    (void)state;
    char *before = slurp("b.json");
    assert_run(ON(WORSE, "[mse]*") "--html h.html --junit j.xml", 1);
    const ng_record worse = *find("worse");
    assert_string_equal(worse.kernel, "moved");
    assert_string_equal(worse.verdict, "FAIL");
    assert_true(worse.baseline_error_ulp <= 0.5 && worse.error_ulp > 1);
    assert_true(worse.factor == 2 && worse.cases == worse.baseline_cases);
    assert_non_null(strstr(worse.cause, "where 2 times is allowed"));
    assert_string_equal(find("gone")->kernel, "extra");
    assert_int_equal(find("unchanged")->entries, 1);
    assert_true(strncmp(out, "FAIL\n", 5) == 0);
    assert_non_null(strstr(out, "baseline: 1 worse, 1 gone, 1 as before\n"));
    assert_non_null(strstr(out, "WORSE moved, property epsilon"));
    assert_non_null(strstr(out, worse.replay));
    char *page = slurp("h.html");
    assert_null(markup_fault(page));
    assert_non_null(strstr(page, "<section id=\"baseline\""));
    assert_non_null(strstr(page, "worse than the baseline"));
    free(page);
    /* its case, replayed, is right and has the worst error */
    char replay[2048];
    snprintf(replay, sizeof replay, "%s", worse.replay);
    assert_int_equal(shell(replay), 0);
    assert_non_null(strstr(out, "epsilon: PASS"));
    char *after = slurp("b.json");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void what_filters_leave_out_is_not_gone(void **state)
{
    (void)state;
    char *before = slurp("b.json");
    assert_run(ON(GOOD, "same") "--update-baseline", 0);
    assert_true(none("gone"));
    assert_int_equal(find("unchanged")->entries, 1);
    char *after = slurp("b.json");
    assert_string_equal(before, after);
    assert_run("check " PLUGINS "adoption.so --profile smoke --property scale "
               "--json r.jsonl --baseline b.json --kernel same",
               0);
    assert_true(none("gone"));
    assert_string_equal(find("new")->property, "scale");
    free(before);
    free(after);
}

static void a_factor_decides(void **state)
{
    (void)state;
    assert_run(ON(WORSE, "moved") "--baseline-factor 1000", 0);
    assert_int_equal(find("unchanged")->entries, 1);
    assert_error(ON(WORSE, "moved") "--baseline-factor 0.9", 2,
                 "expected a number from 1 to 1000");
    assert_error(ON(WORSE, "moved") "--baseline-factor nan", 2,
                 "expected a number from 1 to 1000");
    assert_error("check " PLUGINS "adoption.so --update-baseline", 2,
                 "--update-baseline needs --baseline FILE");
    assert_error("check " PLUGINS "adoption.so --baseline-factor 2", 2,
                 "--baseline-factor needs --baseline FILE");
    assert_error("check 'builtin:*' --baseline b.json", 2, "of one subject");
}

static void other_cases_are_not_compared(void **state)
{
    (void)state;
    assert_error(ON(GOOD, "same") "--seed 2", 2,
                 "made with --profile smoke --seed 1");
    assert_error(ON(GOOD, "same") "--seed 2 --update-baseline", 2,
                 "made with --profile smoke --seed 1");
    assert_error(ON(GOOD, "same") "--profile gate", 2,
                 "this run has --profile gate --seed 1");
}

/* Worse knowingly, and back again. */
static void an_update_follows(void **state)
{
    (void)state;
    char *before = slurp("b.json");
    assert_run(ON(WORSE, "[mse]*") "--update-baseline", 0);
    assert_string_equal(find("accepted")->kernel, "moved");
    assert_string_equal(find("accepted")->verdict, "WAIVED");
    assert_non_null(strstr(out, "baseline: 1 worse and accepted, 1 gone, "));
    char *after = slurp("b.json");
    assert_null(strstr(after, "\"extra\""));
    assert_run(ON(WORSE, "[mse]*"), 0);
    assert_int_equal(find("unchanged")->entries, 2);
    assert_run(ON(GOOD, "[mse]*"), 0);
    assert_string_equal(find("better")->kernel, "moved");
    assert_non_null(strstr(find("better")->cause, "--update-baseline keeps"));
    assert_string_equal(find("new")->kernel, "extra");
    char *untouched = slurp("b.json");
    assert_string_equal(after, untouched);
    assert_run(ON(GOOD, "[mse]*") "--update-baseline", 0);
    char *back = slurp("b.json");
    assert_string_equal(back, before);
    free(before);
    free(after);
    free(untouched);
    free(back);
}

/* Within the factor the file keeps what it had: nothing creeps. */
static void an_update_keeps_what_did_not_move(void **state)
{
    ng_arena arena = {0};
    ng_baseline kept;
    (void)state;
    assert_int_equal(shell("rm b.json"), 0);
    assert_run(ON(GOOD, "same") "--update-baseline", 0);
    assert_int_equal(ng_baseline_read(&kept, &arena, "b.json", NULL),
                     ng_status_ok);
    ng_baseline_entry entry = kept.entry[0];
    entry.measured.error_ulp /= 1.5;
    kept.entry = &entry;
    FILE *file = fopen("b.json", "w");
    assert_non_null(file);
    assert_int_equal(ng_baseline_write(&kept, file, NULL), ng_status_ok);
    fclose(file);
    char *before = slurp("b.json");
    assert_run(ON(GOOD, "same") "--update-baseline", 0);
    assert_int_equal(find("unchanged")->entries, 1);
    char *after = slurp("b.json");
    assert_string_equal(before, after);
    free(before);
    free(after);
    ng_arena_release(&arena);
}

/* The file says 1 and the kernel has more than twice that in one number. */
static void each_number_can_fail(void **state)
{
    static const struct {
        const char *numbers, *what;
    } rows[] = {
        {"\"error_ulp\": 1, \"p99_ulp\": \"inf\", \"ratio\": 1000",
         "largest error "},
        {"\"error_ulp\": \"inf\", \"p99_ulp\": 0.75, \"ratio\": 1000",
         "99 % stay below"},
        {"\"error_ulp\": 1e9, \"ratio\": 1e-3", "largest error/bound"},
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 HEAD "{\"kernel\": \"same\", \"op\": \"rms_norm\", \"pass\": "
                      "\"forward\", \"dtype\": \"f32\", \"property\": "
                      "\"epsilon\", \"cases\": 1, %s}]}",
                 rows[i].numbers);
        put("b.json", text);
        assert_run(ON(GOOD, "same"), 1);
        if (strstr(find("worse")->cause, rows[i].what) == NULL)
            fail_msg("'%s' does not say '%s'", find("worse")->cause,
                     rows[i].what);
    }
}

/* Infinite errors, of a kernel that is wrong, are kept and compared. */
static void a_wrong_kernel_has_a_baseline(void **state)
{
    (void)state;
    assert_int_equal(shell("rm b.json"), 0);
    assert_run(ON(GOOD, "wrong") "--update-baseline", 1);
    assert_run(ON(GOOD, "wrong"), 1);
    assert_int_equal(find("unchanged")->entries, 1);
    assert_int_equal(shell("sed -i 's/\"error_ulp\": [^,]*/\"error_ulp\": "
                           "\"inf\"/' b.json"),
                     0);
    assert_run(ON(GOOD, "wrong"), 1);
    assert_string_equal(find("better")->kernel, "wrong");
}

/* A run that cannot write it says so and leaves what was there. */
static void a_file_that_cannot_be_written(void **state)
{
    (void)state;
    assert_error("check " PLUGINS "adoption.so --profile smoke --kernel same "
                 "--property epsilon --update-baseline --baseline no/b.json",
                 2, "cannot write no/b.json");
    assert_error("check " PLUGINS "adoption.so --profile smoke --kernel same "
                 "--property epsilon --update-baseline --baseline .",
                 2, "it is a folder");
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

static int leave(void **state)
{
    ng_arena_release(&texts);
    return program_leave(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_of_errors),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_file_has_what_was_measured),
        cmocka_unit_test(the_same_kernel_is_unchanged),
        cmocka_unit_test(a_worse_kernel_fails),
        cmocka_unit_test(what_filters_leave_out_is_not_gone),
        cmocka_unit_test(a_factor_decides),
        cmocka_unit_test(other_cases_are_not_compared),
        cmocka_unit_test(an_update_follows),
        cmocka_unit_test(an_update_keeps_what_did_not_move),
        cmocka_unit_test(each_number_can_fail),
        cmocka_unit_test(a_wrong_kernel_has_a_baseline),
        cmocka_unit_test(a_file_that_cannot_be_written),
        cmocka_unit_test(hostile_records_stay_text),
    };
    return cmocka_run_group_tests(tests, program_enter, leave);
}
