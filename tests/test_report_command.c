/* normgate report as a user meets it: files of any kind, which of their records
 * are wanted, and whose they are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "program.h"

static void test_partial_is_named(void **state)
{
    (void)state;
    put("g.jsonl.partial", "");
    unlink("g.jsonl");
    assert_run("report g.jsonl", 2);
    assert_has(err, "g.jsonl.partial: give that file");
    unlink("g.jsonl.partial");
    assert_run("report g.jsonl", 2);
    assert_has(err, "No such file");
}

static const forged one[] = {
    {"s", "k_f32", "accuracy", "c n=1", "PASS", 0.5, NULL}};

static void test_truncated_anywhere(void **state)
{
    (void)state;
    forge_file("whole.jsonl", one, 1);
    char *text = slurp("whole.jsonl");
    size_t size = strlen(text), complete = 0;
    for (size_t n = 0; n <= size; n++) {
        put_bytes("cut.jsonl", text, n);
        bool whole = n + 1 >= size; /* the newline adds nothing */
        assert_run("report cut.jsonl", whole ? 0 : 4);
        assert_has(out, whole ? "PASS\n" : "INCOMPLETE");
        complete += whole;
    }
    assert_int_equal(complete, 2);
    free(text);
}

#define SCHEMA "\"schema\":\"" NG_RECORD_SCHEMA "\""
#define RUN "{\"kind\":\"run\"," SCHEMA "}\n"
#define END "{\"kind\":\"end\"," SCHEMA "}\n"

static void test_hostile_files(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *reason;
    } rows[] = {
        {"", 4, "has no records"},
        {"\n\n", 4, "has no records"},
        {"\x7f"
         "ELF\x02\x01\n",
         2, "h.jsonl:1: not a JSON object"},
        {"\xff\xfe\n", 2, "h.jsonl:1: not a JSON object"},
        {"[1]\n", 2, "h.jsonl:1: not a normgate record"},
        {RUN "{\"kind\":\"check\",\"schema\":\"normgate-record/2\"}\n", 2,
         "h.jsonl:2: field \"schema\" is not"},
        {RUN "{\"kind\":\"check\"," SCHEMA ",\"ratio\":[]}\n", 2,
         "h.jsonl:2: field \"ratio\" is not a number"},
        {RUN END, 4, "nothing was checked"},
        {END RUN, 4, "did not come to its end"},
        {RUN RUN END END, 4, "did not come to its end"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put("h.jsonl", rows[i].text);
        assert_run("report h.jsonl --html h.html", rows[i].code);
        assert_has(err, rows[i].reason);
        assert_true(lines_of(err) == 1);
    }
    size_t size = (size_t)3 << 20;
    char *wide = malloc(size);
    assert_non_null(wide);
    memset(wide, 'x', size);
    put_bytes("h.jsonl", wide, size);
    assert_run("report h.jsonl", 2);
    assert_has(err, "longer than 1 MiB");
    memset(wide, '\0', size);
    put_bytes("h.jsonl", wide, size);
    assert_run("report h.jsonl", 2);
    assert_has(err, "NUL");
    free(wide);
    assert_run("report .", 2);
    assert_has(err, "is a folder");
    assert_run("report", 2);
    assert_has(err, "give files");
    assert_run("report whole.jsonl --diff", 2);
    assert_has(err, "--diff wants two files");
    assert_run("report whole.jsonl --html nowhere/h.html", 2);
    assert_has(err, "cannot write nowhere/h.html");
}

static void test_hostile_names(void **state)
{
    size_t size = 200000;
    char *huge = malloc(size + 1);
    assert_non_null(huge);
    memset(huge, 'A', size);
    huge[size] = '\0';
    const forged rows[] = {
        {"<script>alert(1)</script>\033[2J", "k<b>_f32", "accuracy", "c n=1",
         "PASS", INFINITY, "0:1 99:1"},
        {huge, huge, "\"'><i>", huge, "FAIL", NAN, "no histogram"},
        {"\xe2\x80\xae"
         "evil",
         "", "", "", "", 1e308, "62:18446744073709551615"},
    };
    (void)state;
    forge_file("n.jsonl", rows, 3);
    forge_file("m.jsonl", rows, 3);
    assert_run("report n.jsonl m.jsonl --html n.html", 1);
    assert_null(strchr(out, '\033'));
    char *html = page("n.html");
    assert_lacks(html, "<script>alert");
    assert_true(strlen(html) < 600000);
    free(html);
    assert_run("report n.jsonl m.jsonl --diff --html n.html", 1);
    assert_null(strchr(out, '\033'));
    free(page("n.html"));
    free(huge);
}

static void test_filters(void **state)
{
    static const forged rows[] = {
        {"s", "k_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
        {"s", "k_f64", "accuracy", "c n=1", "FAIL", 50, NULL},
        {"t", "k_f32", "shift", "c n=1", "PASS", 0.5, NULL},
    };
    (void)state;
    forge_file("r.jsonl", rows, 3);
    assert_run("report r.jsonl", 1);
    assert_run("report r.jsonl --dtype f32", 0);
    assert_lacks(out, "FAIL");
    assert_run("report r.jsonl --kernel '*f64'", 1);
    assert_run("report r.jsonl --subject t", 0);
    assert_lacks(out, "  s  ");
    assert_run("report r.jsonl --property shift", 0);
    assert_run("report r.jsonl --op batch_norm", 4);
    assert_has(err, "nothing was checked");
    assert_run("report r.jsonl --quiet --pass forward", 1);
    assert_string_equal(out, "");
    assert_int_equal(shell("cat r.jsonl | '%s' report -", NORMGATE_PROGRAM), 1);
    assert_has(out, "FAIL");
}

static void test_runs_told_apart(void **state)
{
    static const forged rows[] = {
        {"s", "k_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
        {"s", "k_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
        {"t", "k_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
    };
    (void)state;
    /* shards of one run: no check in both */
    forge_file("a.jsonl", rows, 1);
    forge_file("b.jsonl", rows + 1, 2);
    assert_run("report a.jsonl b.jsonl", 0);
    assert_has(out, "  2 cases");
    /* three runs of it */
    forge_file("c.jsonl", rows, 1);
    assert_int_equal(system("mkdir -p old && cp a.jsonl old/a.jsonl"), 0);
    assert_run("report a.jsonl b.jsonl c.jsonl --html t.html", 0);
    assert_has(out, "4 of 4");
    char *html = page("t.html");
    assert_has(html, "Side by side");
    assert_has(html, "title=\"s (a)\"");
    assert_has(html, "title=\"s (b)\"");
    assert_has(html, "title=\"s (c)\"");
    assert_has(html, "title=\"t\"");
    free(html);
    assert_run("report a.jsonl c.jsonl old/a.jsonl", 0);
    assert_has(out, "s (old/a.jsonl, file 3)");
    /* another seed is another run, also without a common check */
    FILE *file = forge_run("d.jsonl", "smoke", 2);
    forge(file, &rows[1]);
    forge_end(file);
    assert_run("report b.jsonl d.jsonl", 0);
    assert_has(out, "s (d)");
    assert_lacks(out, "changes");
}

static void assert_same_file(const char *words)
{
    put("kept.json", "{}\n");
    assert_error(words, 2, "is given twice");
    char *kept = slurp("kept.json");
    assert_string_equal(kept, "{}\n");
    free(kept);
}

#define QUICK                                                                  \
    "check builtin:two_pass --profile smoke --op rms_norm --dtype f32 "        \
    "--pass forward --property epsilon --no-score --quiet "

static void test_outputs_are_kept_apart(void **state)
{
    static const forged row = {"s",    "k_f32", "accuracy", "c n=1",
                               "PASS", 0.5,     NULL};
    (void)state;
    forge_file("a.jsonl", &row, 1);
    unlink("l.jsonl");
    assert_int_equal(symlink("a.jsonl", "l.jsonl"), 0);
    assert_same_file("report a.jsonl --html a.jsonl");
    assert_same_file("report l.jsonl --html a.jsonl");
    assert_same_file("report a.jsonl --html ./new.txt --junit new.txt");
    assert_same_file("report a.jsonl --html - --markdown -");
    assert_same_file("report kept.json a.jsonl --annotations ./kept.json");
    assert_same_file(QUICK "--json kept.json --baseline kept.json");
    assert_same_file(QUICK "--json new.json --html new.json");
    assert_same_file(QUICK "--markdown kept.json --waivers kept.json");
    assert_same_file(QUICK "--waivers kept.json --baseline kept.json "
                           "--update-baseline");
    assert_run("report a.jsonl a.jsonl --html h --junit j", 0);
    assert_run("report a.jsonl --html /dev/null --junit /dev/null", 0);
}

/* Whole or not at all, by whichever name. */
static void test_links_lead_to_their_target(void **state)
{
    static const forged row = {"s",    "k_f32", "accuracy", "c n=1",
                               "PASS", 0.5,     NULL};
    char target[16];
    (void)state;
    forge_file("a.jsonl", &row, 1);
    put("target", "earlier\n");
    unlink("witness");
    unlink("name");
    assert_int_equal(link("target", "witness"), 0);
    assert_int_equal(symlink("target", "name"), 0);
    assert_run("report a.jsonl --quiet --html name", 0);
    assert_int_equal(readlink("name", target, sizeof target), 6);
    free(page("target"));
    char *witness = slurp("witness"); /* the earlier file was not written to */
    assert_string_equal(witness, "earlier\n");
    free(witness);
    put("target", "earlier\n");
    assert_run("report a.jsonl --quiet --html /dev/stdout", 0);
    assert_has(out, "</html>");
}

static void test_records_to_stdout(void **state)
{
    (void)state;
    unlink("-");
    assert_run(QUICK "--json -", 0);
    assert_true(access("-", F_OK) != 0);
    put("piped.jsonl", out);
    assert_has(out, "{\"kind\":\"end\"");
    assert_run("report piped.jsonl", 0);
    assert_has(out, "PASS");
    assert_run(QUICK "--json - --jobs 2", 0);
    assert_true(strncmp(out, "{\"kind\":\"run\"", 13) == 0);
    put("piped.jsonl", out);
    assert_run("report piped.jsonl", 0);
}

/* A page that finds no space is an error, and takes nothing else with it. */
static void test_one_full_disk_is_not_all(void **state)
{
    (void)state;
    unlink("m.md");
    assert_run(QUICK "--html /dev/full --markdown m.md --json j.jsonl", 2);
    assert_has(err, "/dev/full: cannot be written");
    char *text = slurp("m.md");
    assert_has(text, "PASS");
    free(text);
    assert_run("report j.jsonl --junit /dev/full --markdown m.md", 2);
    assert_has(out, "PASS");
    assert_has(err, "/dev/full: cannot be written");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partial_is_named),
        cmocka_unit_test(test_truncated_anywhere),
        cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_runs_told_apart),
        cmocka_unit_test(test_outputs_are_kept_apart),
        cmocka_unit_test(test_links_lead_to_their_target),
        cmocka_unit_test(test_records_to_stdout),
        cmocka_unit_test(test_one_full_disk_is_not_all),
    };
    return cmocka_run_group_tests(tests, program_enter, program_leave);
}
