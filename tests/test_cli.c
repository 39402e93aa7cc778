/* The program as a user meets it: exit codes, one line per error, reports that
 * are written whole or not at all, and a replay that repeats what failed. */
#include <normgate/property.h>
#include <normgate/record.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "markup.h"
#include "program.h"

#define RMS "check builtin:two_pass --profile smoke --kernel rms_norm_f32 "

static void test_passing_subject(void **state)
{
    (void)state;
    assert_run("check builtin:welford --profile smoke --json r.jsonl "
               "--junit j.xml --html h.html",
               0);
    assert_string_equal(err, "");
    assert_true(strncmp(out, "PASS\n", 5) == 0);
    assert_true(lines_of(out) <= 15);
    char *json = slurp("r.jsonl"), *junit = slurp("j.xml");
    char *html = slurp("h.html");
    assert_true(json != NULL && junit != NULL && html != NULL);
    assert_null(markup_fault(junit));
    assert_null(markup_fault(html));
    assert_false(exists("r.jsonl.partial"));
    /* the first line is the run, the last the end */
    assert_true(strncmp(json, "{\"kind\":\"run\"", 13) == 0);
    size_t length = strlen(json);
    assert_true(length > 0 && json[length - 1] == '\n');
    json[length - 1] = '\0';
    const char *last = strrchr(json, '\n');
    assert_non_null(last);
    assert_true(strncmp(last + 1, "{\"kind\":\"end\"", 13) == 0);
    free(json);
    free(junit);
    free(html);
}

static void test_failing_subject(void **state)
{
    (void)state;
    assert_run("check builtin:bug.one_pass --profile smoke --json r.jsonl "
               "--junit j.xml --html h.html",
               1);
    assert_true(strncmp(out, "FAIL\n", 5) == 0);
    assert_true(lines_of(out) <= 15);
    assert_non_null(strstr(out, "the variance cancels"));
    char *json = slurp("r.jsonl"), *junit = slurp("j.xml");
    assert_true(json != NULL && junit != NULL);
    assert_non_null(strstr(json, "\"exit_code\":1"));
    assert_non_null(strstr(json, "\"verdict\":\"FAIL\""));
    assert_non_null(strstr(junit, "<failure"));
    free(json);
    free(junit);
    /* by a glob it is a seeded bug: caught, all holds */
    assert_run("check 'builtin:bug.one_p[a]ss' --profile smoke", 0);
    /* a property that does not see it lets it survive */
    assert_run("check 'builtin:bug.one_pas?' --profile smoke --property sizes",
               1);
}

static void test_usage_errors(void **state)
{
    static const struct {
        const char *words, *reason;
    } rows[] = {
        {"bogus", "unknown command 'bogus'"},
        {"check", "give one subject"},
        {"check builtin:two_pass builtin:wide", "give one subject"},
        {RMS "--bogus", "--bogus: unknown option"},
        {RMS "--profile quick", "--profile quick: expected smoke, gate or"},
        {RMS "--property no_such", "--property no_such matches none"},
        {RMS "--seed", "--seed: this option needs a value"},
        {RMS "--seed x", "--seed x: expected a whole number"},
        {RMS "--seed -1", "--seed -1: expected a whole number"},
        {RMS "--seed=", "--seed=: its value is empty"},
        {RMS "--html ''", "--html: its value is empty"},
        {RMS "--waivers --quiet", "--waivers: this option needs a value"},
        {RMS "--annotation -", "unknown option; there is --annotations"},
        {RMS "--seed 18446744073709551616", "expected a whole number"},
        {RMS "--timeout 0", "expected seconds, 0.001 to 86400"},
        {RMS "--timeout nan", "expected seconds"},
        {RMS "--timeout 1s", "expected seconds"},
        {RMS "--memory 1", "expected MiB, 16 or more"},
        {RMS "--quiet=1", "this option takes no value"},
        {"list", "expected subjects, properties"},
        {"list no_such", "expected subjects, properties"},
        {"explain", "give one property"},
        {"explain no_such", "no property 'no_such'"},
        {"replay", "give a case line"},
        {"replay 'layer_norm/forward/f32 n=1' --property no_such",
         "no property 'no_such'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_error(rows[i].words, 2, rows[i].reason);
        assert_string_equal(out, "");
    }
    assert_run("", 2); /* help, on stderr */
    assert_string_equal(out, "");
    assert_non_null(strstr(err, "normgate check SUBJECT"));
}

static void test_subjects_that_cannot_load(void **state)
{
    (void)state;
    put("text.so", "no library\n");
    assert_error("check ./missing.so", 3, "No such file");
    assert_error("check ./text.so", 3, "no shared library");
    assert_error("check .", 3, "no regular file");
    assert_error("check builtin:no_such", 3, "no built-in is named 'no_such'");
    assert_error("check 'builtin:no_such*'", 3, "matches no built-in");
    assert_error("check worker:", 3, "names no command");
    assert_error("check worker:true --profile smoke", 3, "before it said");
    assert_error("replay 'layer_norm/forward/f32 n=4' ./missing.so", 3,
                 "No such file");
}

static void test_nothing_checked(void **state)
{
    (void)state;
    assert_error(RMS "--op layer_norm", 4, "nothing was checked");
    assert_error(RMS "--dtype f64", 4, "nothing was checked");
    assert_error("check builtin:two_pass --kernel no_such", 4,
                 "nothing was checked");
    assert_error("check 'builtin:w*' --pass sideways", 4,
                 "nothing was checked");
    assert_error("replay 'layer_norm/forward/f32 n=4' builtin:wide "
                 "--kernel no_such",
                 4, "has no kernel for this case");
}

/* A report is there whole or as it was before. */
static void test_reports_that_cannot_be_written(void **state)
{
    static const char *const options[] = {"--json", "--junit", "--html"};
    (void)state;
    assert_int_equal(mkdir("taken", 0777), 0);
    for (size_t i = 0; i < 3; i++) {
        char words[256];
        snprintf(words, sizeof words, RMS "%s nowhere/r", options[i]);
        assert_error(words, 2, "cannot write nowhere/r: No such file");
        assert_string_equal(out, ""); /* found before the run */
        assert_false(exists("nowhere"));
        snprintf(words, sizeof words, RMS "%s taken", options[i]);
        assert_error(words, 2, "taken");
        assert_false(exists("taken.partial"));
        assert_int_equal(rmdir("taken"), 0); /* nothing was left in it */
        assert_int_equal(mkdir("taken", 0777), 0);
        /* a run that fails leaves what stood there */
        put("old", "kept\n");
        snprintf(words, sizeof words, "check ./missing.so %s old", options[i]);
        assert_error(words, 3, "No such file");
        snprintf(words, sizeof words, RMS "--seed x %s old", options[i]);
        assert_error(words, 2, "--seed x");
        char *old = slurp("old");
        assert_string_equal(old, "kept\n");
        free(old);
        assert_false(exists("old.partial"));
        /* and one that ends replaces it */
        snprintf(words, sizeof words, RMS "--quiet %s old", options[i]);
        assert_run(words, 0);
        old = slurp("old");
        assert_string_not_equal(old, "kept\n");
        free(old);
        assert_false(exists("old.partial"));
    }
    assert_int_equal(rmdir("taken"), 0);
    assert_int_equal(
        shell("ls -A | grep -v -e '^old$' -e '^std' -e '^r.jsonl$' "
              "-e '^case.txt$' -e '^[hj].html$' -e '^j.xml$' -e '^text.so$'"),
        1);
    assert_string_equal(out, ""); /* no file is left that nobody named */
}

/* No file of a run takes the place of another. */
static void test_files_are_apart(void **state)
{
    static const struct {
        const char *words, *reason;
    } rows[] = {
        {RMS "--json same --html same",
         "is given twice, for --json and for --html"},
        {RMS "--html same --markdown ./same",
         "is given twice, for --html and for --markdown"},
        {RMS "--waivers same --annotations same",
         "is given twice, for --waivers and for"},
        {RMS "--baseline same --update-baseline --json same",
         "is given twice, for"},
        {"report same --html link",
         "is given twice, for the records and for --html"},
    };
    (void)state;
    assert_run(RMS "--quiet --json same", 0);
    assert_int_equal(symlink("same", "link"), 0);
    char *before = slurp("same");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (i == 2)
            put("same", "{\"waivers\": []}\n");
        if (i == 3)
            remove("same");
        if (i == 4)
            put("same", before);
        assert_error(rows[i].words, 2, rows[i].reason);
        assert_false(exists("same.partial"));
    }
    char *after = slurp("same");
    assert_string_equal(after, before);
    free(before);
    free(after);
    remove("link");
    remove("same");
    /* devices are for all */
    assert_run(RMS "--html /dev/null --junit /dev/null", 0);
}

/* A cause is told once, and no factor of outputs that are no numbers. */
static void test_causes_in_words(void **state)
{
    (void)state;
    assert_run("check builtin:bug.one_pass_unclamped --profile smoke "
               "--no-score --quiet --json c.jsonl",
               1);
    assert_int_equal(shell("grep -q 'rstd not finite at' c.jsonl"), 0);
    assert_int_equal(shell("grep -E -e 'inf to -inf' -e '-nan' "
                           "-e 'cancels[^\"]*cancels' c.jsonl"),
                     1);
    remove("c.jsonl");
}

static void test_records_to_stdout(void **state)
{
    (void)state;
    assert_run(RMS "--quiet --json -", 0);
    assert_true(strncmp(out, "{\"kind\":\"run\"", 13) == 0);
    assert_non_null(strstr(out, "{\"kind\":\"end\""));
    assert_false(exists("-"));
    assert_false(exists("-.partial"));
}

/* What follows the first `key` of a text, up to the end of its line. */
static void take(char *to, size_t size, const char *text, const char *key)
{
    const char *at = strstr(text, key);
    assert_non_null(at);
    at += strlen(key);
    snprintf(to, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static void test_replay(void **state)
{
    char command[1024], line[512], key[560], ratio[64], want[96];
    (void)state;
    assert_run("check builtin:bug.divisor_n_minus_1 --profile smoke "
               "--property accuracy --json r.jsonl",
               1);
    take(command, sizeof command, out, "  replay  ");
    take(line, sizeof line, out, "  case    ");
    char *json = slurp("r.jsonl");
    assert_non_null(json);
    snprintf(key, sizeof key, "\"test\":\"%s\"", line);
    const char *record = strstr(json, key);
    assert_non_null(record);
    take(ratio, sizeof ratio, record, "\"ratio\":");
    free(json);
    assert_true(strtod(ratio, NULL) > 1);
    snprintf(want, sizeof want, "accuracy: FAIL, ratio %.4g, ",
             strtod(ratio, NULL));
    assert_int_equal(shell("%s", command), 1);
    assert_non_null(strstr(out, want));
    assert_non_null(strstr(out, "<-- wrong"));
    /* the same case from a file, and a kernel that is right */
    put("case.txt", "layer_norm/forward/f32 rows=2 n=3 gen=normal seed=5\n");
    assert_run("replay case.txt builtin:bug.divisor_n_minus_1", 1);
    assert_run("replay case.txt", 0);
    assert_non_null(strstr(out, "accuracy: PASS"));
    assert_non_null(strstr(out, "y[1,2]"));
}

static void test_malformed_cases(void **state)
{
    static const char *const rows[] = {
        "'layer_norm'",
        "'no_such/forward/f32 n=1'",
        "'layer_norm/sideways/f32 n=1'",
        "'layer_norm/forward/f8 n=1'",
        "'layer_norm/forward/f32 n=x'",
        "'layer_norm/forward/f32 n=1 n=2'",
        "'layer_norm/forward/f32 m=1'",
        "'layer_norm/forward/f32 n'",
        "'layer_norm/forward/f32 rows=16777216 n=2'",
        "'layer_norm/forward/f32 eps=-1'",
        "'layer_norm/forward/f32 eps=nan'",
        "'layer_norm/forward/f32 seed=1 bytes=00'",
        "'layer_norm/forward/f32 bytes=0'",
        "'layer_norm/forward/f32 gen=../x'",
        "''",
        "missing.case",
        "/",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char words[128];
        snprintf(words, sizeof words, "replay %s", rows[i]);
        assert_error(words, 2, "");
        assert_string_equal(out, "");
    }
}

static void test_list_and_explain(void **state)
{
    static const struct {
        const char *list, *holds;
    } rows[] = {
        {"subjects", "builtin:bug.one_pass"}, {"properties", "containment"},
        {"generators", "near_overflow"},      {"ops", "rms_norm"},
        {"contracts", "preset=llama"},
    };
    char words[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(words, sizeof words, "list %s", rows[i].list);
        assert_run(words, 0);
        assert_non_null(strstr(out, rows[i].holds));
        assert_string_equal(err, "");
    }
    for (size_t p = 0; ng_properties[p] != NULL; p++) {
        snprintf(words, sizeof words, "explain %s", ng_properties[p]->name);
        assert_run(words, 0);
        assert_non_null(strstr(out, ng_properties[p]->claim));
        assert_non_null(strstr(out, ng_properties[p]->wild));
        assert_string_equal(err, "");
    }
    assert_run("--help", 0);
    assert_non_null(strstr(out, "normgate replay CASE|FILE"));
    assert_run("--version", 0);
    assert_int_equal(lines_of(out), 1);
    assert_true(strncmp(out, "normgate ", 9) == 0);
    assert_string_equal(err, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passing_subject),
        cmocka_unit_test(test_failing_subject),
        cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_subjects_that_cannot_load),
        cmocka_unit_test(test_nothing_checked),
        cmocka_unit_test(test_reports_that_cannot_be_written),
        cmocka_unit_test(test_files_are_apart),
        cmocka_unit_test(test_records_to_stdout),
        cmocka_unit_test(test_causes_in_words),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_malformed_cases),
        cmocka_unit_test(test_list_and_explain),
    };
    return cmocka_run_group_tests(tests, program_enter, program_leave);
}
