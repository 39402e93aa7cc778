/* The baseline: what is worse fails, what is better is told, and the file says
 * nothing that was not measured. */
#include <normgate/baseline.h>
#include <normgate/histogram.h>
#include <normgate/record.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "markup.h"
#include "program.h"

#define HEAD                                                                   \
    "{\"schema\": \"normgate-baseline/1\", \"version\": \"0.1.0\", "           \
    "\"profile\": \"smoke\", \"seed\": 1, \"factor\": 2, \"entries\": ["
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
    /* as a report of the stored records says, unless it is of others */
    assert_run("report r.jsonl", 1);
    assert_non_null(strstr(out, "baseline: 1 worse, 1 gone, 1 as before\n"));
    assert_run("report r.jsonl --kernel same", 0);
    assert_non_null(strstr(out, "baseline: 1 as before\n"));
    assert_run("report r.jsonl --kernel moved", 1);
    /* its case, replayed, is right and has the worst error */
    char replay[2048];
    snprintf(replay, sizeof replay, "%s", worse.replay);
    assert_int_equal(shell("%s", replay), 0);
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

static int leave(void **state)
{
    ng_arena_release(&texts);
    return program_leave(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, program_enter, leave);
}
