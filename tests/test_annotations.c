/* Annotations: one workflow command a finding, the worst first, in places that
 * kernels name; no text of a record forges a command or leaves its own. */
#include "report_records.h"

#include <normgate/report.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_text.h"

enum { MANY = 300 };

static char *annotate(const ng_record *records, size_t count, bool complete)
{
    return written(ng_report_annotations, records, count, complete);
}

static size_t lines_with(const char *text, const char *start)
{
    size_t count = 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        count += strncmp(line, start, strlen(start)) == 0;
    }
    return count;
}

static void a_finding_stands_at_its_source(void **unused)
{
    ng_record records[] = {check("k", "shift", "FAIL", 41.5),
                           check("good", "shift", "PASS", 0.5)};
    (void)unused;
    records[0].file = "a,b:c%.c";
    records[0].line = 12;
    records[0].cause = "50% wrong: eps, outside";
    char *text = annotate(records, 2, true);
    assert_string_equal(
        text, "::error file=a%2Cb%3Ac%25.c,line=12,title=k%3A FAIL%3A shift::"
              "50%25 wrong: eps, outside%0A1 of 1 cases are wrong, largest "
              "error/bound 41.5%0Acase: layer_norm/forward/f32 rows=1 n=4 "
              "seed=1%0Areplay: normgate replay 'layer_norm/forward/f32 "
              "rows=1 n=4 seed=1' builtin:s\n");
    free(text);
    records[0].file = "";
    text = annotate(records, 2, true);
    assert_int_equal(lines_with(text, "::error title=k%3A"), 1);
    free(text);
    text = annotate(records + 1, 1, true);
    assert_string_equal(text, "");
    free(text);
}

static void no_command_is_forged(void **unused)
{
    static const char hostile[] =
        "x\n::stop-commands::t\r::set-output name=a::b%0A::error::c\x1b"
        "\xe2\x80\xa8::add-mask::,line=1::y";
    ng_record records[2];
    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        ng_record_init(&records[i], "check");
#define NG_TEXT(name, meaning) records[i].name = hostile;
#define NG_REAL(name, meaning)
#define NG_COUNT(name, meaning)
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
        records[i].kind = "check";
        records[i].verdict = "FAIL";
        records[i].seeded_bug = i == 0 ? "" : hostile;
    }
    records[1].verdict = "PASS";
    records[1].kernel = "other";
    char *text = annotate(records, 2, true);
    assert_int_equal(lines_with(text, ""), 3); /* the last is empty */
    assert_int_equal(lines_with(text, "::error file="), 2);
    assert_null(strpbrk(text, "\r\x1b"));
    assert_null(strstr(text, "\xe2\x80\xa8"));
    assert_null(strstr(text, "%0A::"));
    for (char *at = text; (at = strstr(at, "::error file=")); at++) {
        char *end = strstr(at + 2, "::");
        size_t commas = 0;
        assert_non_null(end);
        for (char *c = at + 2; c < end; c++) {
            assert_int_not_equal(*c, ':');
            commas += *c == ',';
        }
        assert_int_equal(commas, 1); /* file, title */
    }
    free(text);
}

static void the_worst_come_first_and_the_rest_are_counted(void **unused)
{
    static ng_record records[MANY];
    static char names[MANY][16];
    (void)unused;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "k%zu", i);
        records[i] = check(names[i], "shift", "FAIL", 2 + (double)i);
    }
    records[7].verdict = "HANG";
    records[7].ratio = NAN;
    records[8].ratio = NAN;
    records[9].ratio = INFINITY;
    char *text = annotate(records, MANY, true);
    assert_int_equal(lines_with(text, "::error "), 10);
    assert_int_equal(
        lines_with(text, "::notice title=normgate::290 more findings"), 1);
    const char *order[] = {"title=k7%3A", "title=k8%3A", "title=k9%3A",
                           "title=k299%3A", "title=k298%3A"};
    const char *at = text;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        at = strstr(at, order[i]);
        if (!at)
            fail_msg("%s is not in its place", order[i]);
    }
    free(text);
    text = annotate(records, MANY, false);
    assert_int_equal(lines_with(text, "::error "), 10);
    assert_int_equal(lines_with(text, "::error title=normgate::the run did"),
                     1);
    assert_int_equal(
        lines_with(text, "::notice title=normgate::291 more findings"), 1);
    free(text);
}

static void worse_than_the_baseline_is_a_finding(void **unused)
{
    ng_record records[] = {check("k", "shift", "PASS", 0.5),
                           check("k", "shift", "FAIL", 0.5)};
    (void)unused;
    records[1].kind = "baseline";
    records[1].state = "worse";
    records[1].cause = "largest error 9 ulp, was 2 ulp";
    char *text = annotate(records, 2, true);
    assert_int_equal(
        lines_with(text, "::error title=k%3A WORSE%3A "
                         "shift::largest error 9 ulp, was 2 ulp%0Acase: "),
        1);
    free(text);
}

static void a_run_without_a_verdict_is_an_error(void **unused)
{
    const ng_record skipped = check("k", "shift", "SKIP", NAN);
    (void)unused;
    char *text = annotate(&skipped, 1, true);
    assert_string_equal(text, "::error title=normgate::the run had no case "
                              "judged; widen the filters\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_stands_at_its_source),
        cmocka_unit_test(no_command_is_forged),
        cmocka_unit_test(the_worst_come_first_and_the_rest_are_counted),
        cmocka_unit_test(worse_than_the_baseline_is_a_finding),
        cmocka_unit_test(a_run_without_a_verdict_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
