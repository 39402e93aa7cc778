/* What a person sees at a terminal: the time left by a clock of the test, the
 * live line in a pseudo-terminal, and a summary that stays short. */
#define _GNU_SOURCE /* forkpty */
#include <normgate/report.h>

#include <math.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../cli/estimate.h"
#include "page_text.h"
#include "program.h"
#include "report_records.h"

enum { SCREEN_MAX = 1 << 22, LINES_MAX = 15 };

static void the_time_left_follows_an_even_pace(void **unused)
{
    ng_estimate e;
    (void)unused;
    ng_estimate_init(&e, 1000);
    for (int i = 1; i <= 1000; i++) { /* 100 s in steps of 0.1 s */
        double t = 0.1 * i, left = ng_estimate_left(&e, 1000 + t, t / 100);
        if (t < 2.95)
            assert_true(isnan(left));
        else if (t > 3.05)
            assert_true(fabs(left - (100 - t)) < 0.5);
    }
    assert_true(ng_estimate_left(&e, 1105, 1) < 0.1);
    assert_true(ng_estimate_left(&e, 1106, 1.5) >= 0);
}

static void the_time_left_grows_while_nothing_moves(void **unused)
{
    ng_estimate e;
    double before = 0;
    (void)unused;
    ng_estimate_init(&e, 0);
    for (int i = 1; i <= 100; i++) /* half of the work in 10 s */
        before = ng_estimate_left(&e, 0.1 * i, 0.005 * i);
    assert_true(fabs(before - 10) < 0.5);
    for (int i = 1; i <= 600; i++) { /* then 60 s of one case */
        double left = ng_estimate_left(&e, 10 + 0.1 * i, 0.5);
        assert_true(left >= 0 && (i < 50 || left > before));
        before = left;
    }
    assert_true(before > 55 && before <= 70); /* 70 s for the first half */
}

static void a_jump_of_the_pace_is_smoothed(void **unused)
{
    ng_estimate e;
    double left = 0;
    (void)unused;
    ng_estimate_init(&e, 0);
    for (int i = 1; i <= 100; i++)
        left = ng_estimate_left(&e, 0.1 * i, 0.001 * i);
    /* A tenth in 10 s: 90 s left. A large kernel ends: by the pace 10 s. */
    double next = ng_estimate_left(&e, 10.1, 0.505);
    assert_true(fabs(left - 90) < 1 && next < left && next > 70);
    for (int i = 2; i <= 200; i++)
        next = ng_estimate_left(&e, 10 + 0.1 * i, 0.505 + 0.002 * i);
    assert_true(next < 10);
    ng_estimate_init(&e, 0);
    assert_true(isnan(ng_estimate_left(&e, 60, 0.001)));
    assert_true(isnan(ng_estimate_left(&e, 60, NAN)));
}

static void the_line_is_narrower_than_the_terminal(void **unused)
{
    static const char hostile[] = "\x1b[2J\r\n\a\xe6\xbc\xa2\xff\xe2\x80\xae";
    const ng_glance glances[] = {
        {"checks", 0.437, 12345, 2, 0.87, 65, 125, "layer_norm_f32", "shift",
         0},
        {"checks", 0.437, 12345, 2, 0.87, 65, 125, "k", "shift", 12},
        {hostile, NAN, SIZE_MAX, SIZE_MAX, INFINITY, 1e300, 1e300, hostile,
         hostile, 1e300},
        {"", -1, 0, 0, NAN, -5, NAN, "", "", -1},
        {"checks", 2, 1, 1, 1e-300, 0, INFINITY, hostile, "", 3},
    };
    char line[NG_LINE_MAX];
    (void)unused;
    for (size_t g = 0; g < sizeof glances / sizeof glances[0]; g++) {
        for (size_t width = 0; width < 400; width++) {
            size_t used = ng_estimate_line(line, width, &glances[g]);
            assert_int_equal(used, strlen(line));
            assert_true(used < width || used == 0);
            for (const char *c = line; *c != '\0'; c++)
                assert_true(*c >= ' ' && *c <= '~');
        }
    }
    ng_estimate_line(line, 80, &glances[0]);
    assert_string_equal(line, "checks: 43%  12345 cases  2 findings  worst 0.87"
                              "  1:05  2:05 left");
    ng_estimate_line(line, 60, &glances[1]); /* the case that takes long */
    assert_non_null(strstr(line, "12 s in k shift"));
    assert_non_null(strstr(line, "2:05 left"));
    ng_estimate_line(line, 200, &glances[0]);
    assert_memory_equal(line, "[#########-----------]  checks: 43%", 35);
    assert_non_null(strstr(line, "layer_norm_f32 shift"));
}

/* All that the program writes on a terminal of so many columns; `mode` is what
 * else its shell is told. */
static char *screen_with(const char *environment, unsigned short columns,
                         const char *words, const char *mode)
{
    struct winsize size = {24, columns, 0, 0};
    char *text = malloc(SCREEN_MAX), command[1024];
    size_t used = 0;
    int terminal, status;
    assert_non_null(text);
    snprintf(command, sizeof command, "env %s '%s' %s %s", environment,
             NORMGATE_PROGRAM, words, mode);
    pid_t process = forkpty(&terminal, NULL, NULL, &size);
    assert_true(process >= 0);
    if (process == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    for (ssize_t got; used < SCREEN_MAX - 1; used += (size_t)got) {
        got = read(terminal, text + used, SCREEN_MAX - 1 - used);
        if (got <= 0)
            break;
    }
    text[used] = '\0';
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    close(terminal);
    return text;
}

static char *screen(unsigned short columns, const char *words, const char *mode)
{
    return screen_with("-u NO_COLOR TERM=xterm", columns, words, mode);
}

/* Only `\r LINE erase`, again and again; how often. */
static size_t assert_live(const char *text, size_t columns)
{
    size_t count = 0;
    for (; *text != '\0'; count++) {
        assert_true(*text == '\r');
        size_t length = strcspn(++text, "\r\n\033");
        assert_true(length < columns);
        text += length;
        assert_memory_equal(text, "\033[K", 3);
        text += 3;
    }
    return count;
}

#define LONG "check builtin:two_pass --profile smoke --op rms_norm --dtype f32 "
#define SHORT LONG "--kernel rms_norm_f32 "

static void a_run_shows_how_far_it_is(void **unused)
{
    static const unsigned short widths[] = {100, 40, 12};
    (void)unused;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        char *text =
            screen(widths[i], i == 1 ? LONG "--jobs 2" : LONG, ">/dev/null");
        assert_true(assert_live(text, widths[i]) > 3);
        assert_non_null(strstr(text, "checks: "));
        assert_true(widths[i] < 40 || strstr(text, "0 findings") != NULL);
        /* nothing of the line is left */
        assert_string_equal(text + strlen(text) - 4, "\r\033[K");
        free(text);
    }
}

/* The only process of the run waits for the kernel; the line moves on. */
static void a_case_that_hangs_is_named(void **unused)
{
    (void)unused;
    char *text = screen(100,
                        "check " NORMGATE_BINARY_DIR
                        "/tests/plugins/hostile.so --kernel loops --profile "
                        "smoke --property growth --timeout 3.3",
                        ">/dev/null");
    assert_true(assert_live(text, 100) > 8);
    assert_non_null(strstr(text, "2 s in loops growth"));
    assert_non_null(strstr(text, "3 s in loops growth"));
    free(text);
}

static void plain_where_no_terminal_is(void **unused)
{
    (void)unused;
    char *text = screen(80, SHORT, "");
    assert_non_null(strstr(text, "\033[1;32mPASS\033[0m"));
    free(text);
    text = screen(80, SHORT "2>&1", "| cat");
    assert_null(strchr(text, '\033'));
    assert_memory_equal(text, "PASS\r\n", 6);
    free(text);
    text = screen(80, SHORT, "2>/dev/null | cat");
    assert_null(strchr(text, '\033'));
    free(text);
    text = screen(80, SHORT "--quiet", "");
    assert_string_equal(text, "");
    free(text);
    text = screen(80, SHORT "--verbose", ">/dev/null");
    assert_string_equal(text, "");
    free(text);
}

static void the_environment_is_obeyed(void **unused)
{
    static const struct {
        const char *environment;
        bool colours, line;
    } rows[] = {
        {"-u NO_COLOR TERM=xterm", true, true},
        {"NO_COLOR= TERM=xterm", true, true}, /* empty is as if not set */
        {"NO_COLOR=1 TERM=xterm", false, true},
        {"-u NO_COLOR TERM=dumb", false, false},
        {"-u NO_COLOR -u TERM", false, false},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = screen_with(rows[i].environment, 80, SHORT, "");
        assert_int_equal(strstr(text, "\033[1;") != NULL, rows[i].colours);
        assert_int_equal(strstr(text, "\033[K") != NULL, rows[i].line);
        assert_non_null(strstr(text, "PASS"));
        free(text);
    }
}

static char *summarise(const ng_record *records, size_t count, bool complete,
                       bool colour)
{
    char *text = summary(records, count, complete, "a\nb/report.html", colour);
    assert_true(lines_of(text) <= LINES_MAX);
    assert_int_equal(text[strlen(text) - 1], '\n');
    return text;
}

/* Everything that has a line of its own, of so many subjects; every text is
 * hostile. The caller frees records and names. */
static ng_record *everything(size_t subjects, size_t *count, char (**names)[40])
{
    static const char hostile[] = "\n\n\x1b[2J\r\xff\xe2\x80\xa8\n%s%n";
    ng_record *records = calloc(4 * subjects + 16, sizeof *records);
    *names = calloc(subjects + 1, sizeof **names);
    assert_true(records != NULL && *names != NULL);
    *count = 0;
    for (size_t i = 0; i < subjects; i++) {
        snprintf((*names)[i], sizeof **names, "\n\nsubject %zu", i);
        for (size_t k = 0; k < 4; k++) {
            ng_record *r = &records[(*count)++];
            *r = k < 2
                     ? check(hostile, k ? hostile : "shift",
                             i % 2 ? "PASS" : "FAIL", 9)
                     : seeded(k == 2 ? "bug" : &hostile[1], "moments", "FAIL");
            r->subject = (*names)[i];
            r->cause = r->test = r->replay = r->note = hostile;
            r->worst_tensor = "y";
            r->got = NAN;
            r->exact = -INFINITY;
        }
    }
    for (size_t i = 0; i < 8; i++) {
        ng_record *r = &records[(*count)++];
        ng_record_init(r, i < 4 ? "score" : i < 6 ? "end" : hostile);
        r->verdict = i < 3 ? "FAIL" : "PASS";
        r->seconds = 1e300;
    }
    for (size_t i = 0; i < 8; i++) {
        static const char *const states[] = {"used",      "unused", "expired",
                                             "unchanged", "worse",  "better",
                                             "new",       hostile};
        ng_record *r = &records[(*count)++];
        ng_record_init(r, i < 3 ? "waiver" : "baseline");
        r->verdict = i == 4 ? "FAIL" : "PASS";
        r->state = states[i];
        r->kernel = r->property = r->cause = r->test = r->replay = hostile;
    }
    return records;
}

static void the_summary_is_short_whatever_happened(void **unused)
{
    static const size_t subjects[] = {0, 1, 2, 3, 4, 5, 6, 1000};
    (void)unused;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        char(*names)[40];
        size_t count;
        ng_record *records = everything(subjects[i], &count, &names);
        for (int k = 0; k < 4; k++) {
            char *text = summarise(records, count, k % 2, k / 2);
            assert_int_equal(strchr(text, '\033') != NULL, k / 2);
            assert_null(strchr(text, '\r'));
            assert_non_null(strstr(text, "report  a b/report.html\n"));
            assert_int_equal(strstr(text, "INCOMPLETE") != NULL, k % 2 == 0);
            assert_non_null(strstr(text, "kill score 3 of 4"));
            assert_non_null(strstr(text, "\n  waivers: 1 used, 1 unused"));
            assert_non_null(strstr(text, "\n  baseline: "));
            if (subjects[i] == 1000) { /* of each even subject two */
                assert_non_null(strstr(text, "and 999 more findings\n"));
                assert_non_null(strstr(text, "500 of 1,000 correct kernels"));
                assert_non_null(strstr(text, "0 of 2,000 seeded bugs"));
            }
            free(text);
        }
        free(records);
        free(names);
    }
}

static void the_summary_names_what_matters(void **unused)
{
    (void)unused;
    ng_record r[] = {
        check("k", "shift", "FAIL", 9), check("k", "scale", "FAIL", 7),
        seeded("layer_norm_f32", "moments", "FAIL"), check("", "", "", 0)};
    r[0].worst_tensor = "y";
    r[0].got = 0.5;
    r[0].exact = 0.75;
    r[0].cause = "the variance cancels";
    r[2].subject = "builtin:bug.eps_outside";
    r[2].seeded_bug = "moments";
    r[2].property = "accuracy";
    ng_record_init(&r[3], "end");
    r[3].seconds = 83.4;
    char *text = summarise(r, 4, true, false);
    assert_non_null(strstr(text, "FAIL\n"));
    assert_non_null(strstr(text, "0 of 1 seeded bugs caught: bug.eps_outside "
                                 "(layer_norm_f32) only by another than "
                                 "moments\n"));
    assert_non_null(strstr(text, "; 83 s\n"));
    assert_non_null(strstr(text, "and 1 more finding\n"));
    assert_non_null(strstr(text, "  cause   the variance cancels\n"));
    assert_non_null(strstr(text, "  got     0.5 (0x1p-1), exact 0.75\n"));
    assert_non_null(strstr(text, "  replay  normgate replay "));
    free(text);
    text = summarise(r, 3, false, false);
    assert_non_null(strstr(text, "FAIL  INCOMPLETE"));
    assert_null(strstr(text, " s\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_left_follows_an_even_pace),
        cmocka_unit_test(the_time_left_grows_while_nothing_moves),
        cmocka_unit_test(a_jump_of_the_pace_is_smoothed),
        cmocka_unit_test(the_line_is_narrower_than_the_terminal),
        cmocka_unit_test(a_run_shows_how_far_it_is),
        cmocka_unit_test(a_case_that_hangs_is_named),
        cmocka_unit_test(plain_where_no_terminal_is),
        cmocka_unit_test(the_environment_is_obeyed),
        cmocka_unit_test(the_summary_is_short_whatever_happened),
        cmocka_unit_test(the_summary_names_what_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
