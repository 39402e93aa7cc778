/* Subjects side by side and two runs of one: numbers that were worked out here,
 * by hand or by a count of its own. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

static void test_atlas_of_forged_records(void **state)
{
    /* 98 outputs without error, one of 12 sorts up to 2^-1 = 0.5 (bin 11 ends
     * at 2^-6 * 2^5), one up to 2^4 (bin 21): 99 of 100 are within 0.5. */
    static const forged rows[] = {
        {"s", "k_f32", "accuracy", "l/f/f32 n=1", "PASS", 0.4, "0:50 11:1"},
        {"s", "k_f32", "shift", "l/f/f32 n=2", "PASS", 13.25, "0:48 21:1"},
        {"t", "k_f32", "accuracy", "l/f/f32 n=3", "PASS", 3.125, "0:50 17:50"},
        {"t", "k_f32", "shift", "l/f/f32 n=4", "FAIL", NAN, NULL},
        {"t", "k_f32", "shift", "l/f/f32 n=5", "CRASH", NAN, NULL},
        {"t", "j_f32", "shift", "l/f/f32 n=6", "FAIL", 2.5, NULL},
        {"t", "k_f64", "shift", "l/f/f64 n=7", "PASS", 0.75, NULL},
    };
    (void)state;
    forge_file("r.jsonl", rows, sizeof rows / sizeof rows[0]);
    assert_run("report r.jsonl --html r.html", 1);
    char *html = page("r.html");
    char *f32 = part(html, "forward f32</small></th>", "</tr>");
    char *second = strstr(f32, "</td><td");
    assert_non_null(second);
    *second = '\0';
    assert_has(f32, "<b>13.2</b><small>p99&nbsp;0.5</small>");
    assert_has(f32, "best");
    assert_has(f32, "title=\"l/f/f32 n=2\"");
    assert_lacks(f32, "finding");
    second++;
    /* bin 17 ends at 2^-6 * 2^8 = 4, above the largest error of all */
    assert_has(second, "<b>3.12</b><small>p99&nbsp;3.12</small>");
    assert_has(second, "2&nbsp;findings"); /* kernels times properties */
    assert_has(second, "worst");
    free(f32);
    char *f64 = part(html, "forward f64</small></th>", "</tr>");
    assert_has(f64, "no kernel</td><td");
    assert_has(f64, "<b>0.75</b>");
    assert_lacks(f64, "p99");
    free(f64);
    assert_has(html,
               "<b>s</b> has no kernel for 1 of 2: layer_norm forward f64");
    free(html);
}

/* By a count of its own: edges by repeated doubling, quantile by walking. */
typedef struct own {
    double ulp, p99;
} own;

static own recompute(const ng_record *records, size_t count, const char *dtype)
{
    uint64_t bins[63] = {0}, total = 0, seen = 0;
    own result = {NAN, NAN};
    for (size_t i = 0; i < count; i++) {
        const ng_record *r = &records[i];
        if (strcmp(r->kind, "check") != 0 || strcmp(r->dtype, dtype) != 0 ||
            strcmp(r->pass, "forward") != 0 ||
            strcmp(r->property, "accuracy") != 0 ||
            strcmp(r->family, "normal") != 0) /* as such records are there */
            continue;
        if (strcmp(r->verdict, "SKIP") == 0 ||
            strcmp(r->verdict, "UNSUPPORTED") == 0)
            continue;
        if (r->error_ulp > result.ulp || isnan(result.ulp))
            result.ulp = isnan(r->error_ulp) ? result.ulp : r->error_ulp;
        for (const char *at = r->histogram; *at != '\0';) {
            char *end;
            unsigned long bin = strtoul(at, &end, 10);
            unsigned long long n = strtoull(end + 1, &end, 10);
            assert_true(bin < 63);
            bins[bin] += n;
            total += n;
            at = *end == ' ' ? end + 1 : end;
        }
    }
    double edge = 0;
    for (int b = 0; b < 62; b++) {
        seen += bins[b];
        if (b == 1)
            edge = 1.0 / 64;
        else if (b > 1)
            edge = b % 2 == 0 ? edge * 1.5 : edge / 1.5 * 2;
        if ((double)seen >= 0.99 * (double)total) {
            result.p99 = edge < result.ulp ? edge : result.ulp;
            return result;
        }
    }
    result.p99 = INFINITY;
    return result;
}

/* The page shows two or three digits. */
static bool shows(double shown, double value)
{
    return shown == value || fabs(shown - value) <= 0.006 * value;
}

static void test_atlas_of_real_records(void **state)
{
    static const char *const files[] = {"two_pass.jsonl", "welford.jsonl"};
    static const char *const dtypes[] = {"f32", "f64"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char words[256];
        snprintf(words, sizeof words,
                 "check builtin:%.*s --profile smoke --op layer_norm --dtype "
                 "'f[36]*' --pass forward --json %s --quiet",
                 (int)strcspn(files[i], "."), files[i], files[i]);
        assert_run(words, 0);
    }
    assert_run("report two_pass.jsonl welford.jsonl --html r.html", 0);
    char *html = page("r.html");
    for (size_t d = 0; d < 2; d++) {
        char mark[64];
        snprintf(mark, sizeof mark, "forward %s</small></th><td title",
                 dtypes[d]);
        char *row = part(html, mark, "</tr>"), *at = row;
        for (size_t i = 0; i < 2; i++) {
            ng_arena arena = {0};
            ng_record *records;
            size_t count;
            bool complete;
            assert_int_equal(ng_records_load(files[i], &arena, &records, &count,
                                             &complete, NULL),
                             ng_status_ok);
            own want = recompute(records, count, dtypes[d]);
            ng_arena_release(&arena);
            at = strstr(at, "<b>");
            assert_non_null(at);
            double ulp = strtod(at + 3, &at);
            at = strstr(at, "p99&nbsp;");
            assert_non_null(at);
            at += 9; /* "over " 2^24 where it lies in the last bin */
            bool over = strncmp(at, "over&nbsp;", 10) == 0;
            double p99 = strtod(over ? at + 10 : at, &at);
            if (isinf(want.p99))
                want.p99 = over ? 0x1p24 : NAN;
            assert_true(want.ulp > 0 && want.p99 > 0);
            assert_true(shows(ulp, want.ulp));
            assert_true(shows(p99, want.p99));
        }
        free(row);
    }
    free(html);
}

static const forged one[] = {
    {"s", "k_f32", "accuracy", "c n=1", "PASS", 0.5, NULL}};

static const forged older[] = {
    {"s", "fixed_f32", "accuracy", "c n=1", "FAIL", 90, NULL},
    {"s", "fixed_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
    {"s", "breaks_f32", "shift", "c n=1", "PASS", 0.5, NULL},
    {"s", "worse_f32", "accuracy", "c n=1", "PASS", 1, NULL},
    {"s", "worse_f32", "accuracy", "c n=2", "PASS", 2, NULL},
    {"s", "better_f32", "accuracy", "c n=1", "PASS", 8, NULL},
    {"s", "noise_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
    {"s", "noise_f32", "accuracy", "c n=2", "PASS", 100, NULL},
    {"s", "still_f32", "accuracy", "c n=1", "FAIL", 70, NULL},
    {"s", "skips_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
    {"s", "gone_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
};
static const forged newer[] = {
    {"s", "fixed_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
    {"s", "fixed_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
    {"s", "breaks_f32", "shift", "c n=1", "CRASH", NAN, NULL},
    {"s", "worse_f32", "accuracy", "c n=1", "PASS", 3, NULL},
    {"s", "worse_f32", "accuracy", "c n=2", "PASS", 2, NULL},
    {"s", "better_f32", "accuracy", "c n=1", "PASS", 2, NULL},
    {"s", "noise_f32", "accuracy", "c n=1", "PASS", 0.7, NULL},
    {"s", "noise_f32", "accuracy", "c n=2", "PASS", 110, NULL},
    {"s", "still_f32", "accuracy", "c n=1", "FAIL", 70, NULL},
    {"s", "skips_f32", "accuracy", "c n=1", "SKIP", NAN, NULL},
    {"s", "new_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
    {"s", "new_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
};
enum {
    OLDER = sizeof older / sizeof older[0],
    NEWER = sizeof newer / sizeof newer[0]
};

static void test_diff_of_forged_runs(void **state)
{
    (void)state;
    forge_file("old.jsonl", older, OLDER);
    forge_file("new.jsonl", newer, NEWER);
    /* one subject in exactly two files: a diff without being asked */
    assert_run("report old.jsonl new.jsonl --html d.html", 1);
    assert_has(out, "changes  of 10 checks in both runs: 1 newly fail, 1 no "
                    "longer judged, 1 fixed, 1 less accurate, 1 more accurate, "
                    "1 fail as before, 2 new, 1 gone\n");
    assert_has(out, "newly fails  breaks_f32, shift\n");
    assert_has(out, "less accurate  worse_f32, accuracy: largest error 2 ulp, "
                    "now 3\n");
    assert_lacks(out, "noise_f32");
    assert_lacks(out, "gone_f32");
    char *html = page("d.html");
    char *changes = part(html, "<section id=\"diff\"", "</section>");
    char *row = part(changes, "better_<wbr>f32", "</tr>");
    assert_has(row, "1 of 1</td>");
    assert_has(row, "8 → 2");
    free(row);
    row = part(changes, "fixed_<wbr>f32", "</tr>");
    assert_has(row, "1 of 2</td>");
    assert_has(row, "90 → 0.5");
    free(row);
    assert_has(changes, "newly fails</span>");
    assert_lacks(changes, "noise_");
    free(changes);
    /* the verdict is the later run's: its kernels alone */
    assert_has(html, "<title>FAIL");
    char *verdict = part(html, "Kernels that hold", "</div>");
    assert_has(verdict, "<b>5</b> of 8");
    free(verdict);
    free(html);
    /* the other way round */
    assert_run("report new.jsonl old.jsonl --diff", 1);
    assert_has(out,
               "1 newly fail, 1 fixed, 1 less accurate, 1 more accurate, ");
}

static void test_diff_warns(void **state)
{
    (void)state;
    forge_file("old.jsonl", older, OLDER);
    assert_run("report old.jsonl old.jsonl --html d.html", 1);
    assert_has(out, "changes  of 11 checks in both runs: 2 fail as before\n");
    char *html = page("d.html");
    assert_has(html, "No check changed");
    free(html);
    FILE *file = forge_run("new.jsonl", "gate", 7);
    for (size_t i = 0; i < OLDER; i++)
        forge(file, &older[i]);
    forge_end(file);
    assert_run("report old.jsonl new.jsonl --html d.html", 1);
    assert_has(out, "warning: the runs differ in profile or seed");
    html = page("d.html");
    assert_has(html, "The profiles differ");
    assert_has(html, "The seeds differ");
    char *facts = part(html, "What else differs", "</section>");
    assert_has(facts, "<td>smoke</td><td>gate</td>");
    assert_has(facts, "<td>1</td><td>7</td>");
    free(facts);
    free(html);
    /* an earlier run that was cut short is no verdict on this one */
    file = forge_run("cut.jsonl", "smoke", 1);
    forge(file, &one[0]);
    fclose(file);
    forge_file("new.jsonl", one, 1);
    assert_run("report cut.jsonl new.jsonl --diff", 0);
    assert_has(out, "the earlier run did not come to its end");
    assert_run("report new.jsonl cut.jsonl --diff", 4);
    assert_has(out, "INCOMPLETE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_atlas_of_forged_records),
        cmocka_unit_test(test_atlas_of_real_records),
        cmocka_unit_test(test_diff_of_forged_runs),
        cmocka_unit_test(test_diff_warns),
    };
    return cmocka_run_group_tests(tests, program_enter, program_leave);
}
