/* Markdown: nothing in a record's text works as Markdown, HTML or a link, and
 * the document stays within what CI servers take. How a parser renders it is
 * for markdown_render.py. */
#include "report_records.h"

#include "../reports/buffer.h"

#include <normgate/report.h>

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_text.h"

/* GitHub takes 1 MiB for the summary of a step; what is written is to stay
 * well below. */
enum { MANY = 10000, BYTES_MAX = 900 * 1024, HUGE = 1 << 20 };

/* Not empty, and below the limit. The caller frees it. */
static char *document(const ng_record *records, size_t count, bool complete)
{
    char *text = written(ng_report_markdown, records, count, complete);
    assert_in_range(strlen(text), 1, BYTES_MAX);
    return text;
}

static void check_inline(const char *text, const char *want)
{
    ng_buffer out = {0};
    ng_buffer_markdown(&out, text, 1000);
    assert_string_equal(out.data, want);
    ng_buffer_free(&out);
}

/* By CommonMark 6.2 a numeric reference never has the meaning that the
 * character would have; U+200B after a sign that sites look for parts it from
 * its word. */
static void characters_lose_their_meaning(void **unused)
{
    (void)unused;
    check_inline("a|b", "a&#124;b");
    check_inline("`a*_b", "&#96;a&#42;&#8203;&#95;b");
    check_inline("<b>&", "&#60;b&#62;&#38;");
    check_inline("[x](y)", "&#91;x&#93;&#40;y&#41;");
    check_inline("me@x.y", "me&#64;&#8203;x.y");
    check_inline("# 1", "&#35; 1");
    check_inline("#1", "&#35;&#8203;1");
    check_inline("http://a", "http&#58;&#8203;//a");
    check_inline("www.a", "www&#8203;.a");
    check_inline("1. a", "1&#46; a");
    check_inline("- a - b", "&#45; a - b");
    check_inline("a\r\n\tb  ", "a b ");
    check_inline("a\\\x1b", "a&#92;\xe2\x90\x9b");
}

/* Of ASCII all that could be part of a construct, in every position. */
static void no_construct_is_left(void **unused)
{
    char text[4];
    (void)unused;
    for (int a = 1; a < 128; a++) {
        for (int b = 1; b < 128; b++) {
            ng_buffer out = {0};
            snprintf(text, sizeof text, "%c%cx", a, b);
            ng_buffer_markdown(&out, text, 10);
            assert_null(strpbrk(out.data, "<>|*_[]`\\@!~$^\"\n\r\t\x1b"));
            for (const char *at = out.data; (at = strpbrk(at, "&#")); at++) {
                if (*at == '#')
                    fail_msg("bare # of %d, %d", a, b);
                assert_int_equal(at[1], '#');
                for (at += 2; isdigit((unsigned char)*at);)
                    at++;
                assert_int_equal(*at, ';');
            }
            ng_buffer_free(&out);
        }
    }
}

static void a_fence_is_longer_than_what_it_holds(void **unused)
{
    ng_buffer out = {0};
    (void)unused;
    ng_buffer_fenced(&out, "sh", "a ```` b");
    assert_string_equal(out.data, "`````sh\na ```` b\n`````\n");
    ng_buffer_free(&out);
    ng_buffer_fenced(&out, "", "a\nb");
    assert_string_equal(out.data, "```\na b\n```\n");
    ng_buffer_free(&out);
}

static void a_failure_is_told_in_full(void **unused)
{
    ng_record records[] = {
        check("good", "shift", "PASS", 0.5),
        check("bad", "shift", "FAIL", 41.5),
        check("worse", "scale", "CRASH", NAN),
    };
    (void)unused;
    records[1].cause = "eps stands outside the root";
    records[1].file = "src/norm.c";
    records[1].line = 12;
    /* 75 of 100 outputs are exact, all others at most 1/64 off: the median is
     * 0, 99% reach bin 1, whose edge is 2^-6. */
    records[0].histogram = "0:75 1:25";
    char *text = document(records, 3, true);
    assert_memory_equal(text, "## normgate: ❌ FAIL\n", 20);
    assert_non_null(strstr(text, "1 of 3 kernels pass"));
    assert_non_null(strstr(text, "eps stands outside the root"));
    assert_non_null(strstr(text, "\nlayer_norm/forward/f32 rows=1 n=4 "));
    assert_non_null(strstr(text, "\nnormgate replay 'layer_norm/"));
    assert_non_null(strstr(text, "src/norm.c</code> line 12."));
    assert_non_null(strstr(text, "Kernels that pass (1)"));
    assert_non_null(strstr(text, "| 0 | ≤ 0.016 | 0.5 |"));
    const char *crash = strstr(text, "#### CRASH <code>worse"),
               *fail = strstr(text, "#### FAIL <code>bad");
    assert_true(crash && fail && crash < fail);
    free(text);
    text = document(records, 1, false);
    assert_non_null(strstr(text, "did not come to its end"));
    free(text);
}

static void many_failures_stay_below_the_limit(void **unused)
{
    ng_record *records = calloc(MANY, sizeof *records);
    char(*names)[32] = calloc(MANY, sizeof *names);
    (void)unused;
    assert_non_null(records);
    assert_non_null(names);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "name%zu", i);
        records[i] = check(names[i], "shift", "FAIL", 2 + (double)i);
    }
    char *text = document(records, MANY, true);
    assert_non_null(strstr(text, "Findings (10,000)"));
    assert_non_null(strstr(text, "#### FAIL <code>name9999</code>"));
    assert_null(strstr(text, "<code>name0</code>, property"));
    assert_non_null(strstr(text, " more findings: "));
    assert_non_null(strstr(text, " more kernels: "));
    free(text);
    free(names);
    free(records);
}

/* Every text a mebibyte of what takes most room when it is made harmless. */
static void huge_texts_stay_below_the_limit(void **unused)
{
    static const char fillers[] = "`@\xff\x01";
    char *text = malloc(HUGE + 1);
    ng_record records[200];
    (void)unused;
    assert_non_null(text);
    for (size_t f = 0; f < sizeof fillers - 1; f++) {
        memset(text, fillers[f], HUGE);
        text[HUGE] = '\0';
        for (size_t i = 0; i < 200; i++) {
            ng_record *record = &records[i];
            ng_record_init(record, "check");
#define NG_TEXT(name, meaning) record->name = text + i * (size_t)(#name[0] % 9);
#define NG_REAL(name, meaning) record->name = -1.2345678901234567e-300;
#define NG_COUNT(name, meaning) record->name = UINT64_MAX;
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
            record->kind = i % 4 == 0 ? "run" : "check";
            record->verdict = i % 4 == 1 ? "WAIVED" : "FAIL";
            record->seeded_bug = i % 4 == 2 ? text : "";
        }
        free(document(records, 200, true));
    }
    free(text);
}

/* Two runs and sixteen subjects, whose names are huge and hostile: tables stay
 * tables, and say how much they leave out. */
static void several_runs_stay_below_the_limit(void **unused)
{
    (void)unused;
    ng_record *records = calloc(2 * MANY, sizeof *records);
    char *name = malloc(HUGE + 1), subject[16][64], kernel[MANY / 16][48];
    assert_non_null(records);
    assert_non_null(name);
    memset(name, '|', HUGE);
    memcpy(name, "\n| a |\n\n# ![x](y)<b>", 20);
    name[HUGE] = '\0';
    for (size_t i = 0; i < 16; i++)
        snprintf(subject[i], sizeof subject[i], "s%zu|<i>\n|", i);
    for (size_t i = 0; i < MANY / 16; i++)
        snprintf(kernel[i], sizeof kernel[i], "k%zu|<img>\n\n- a", i);
    for (size_t i = 0; i < 2 * MANY; i++) {
        size_t k = i % MANY;
        ng_record record = check(k % 100 == 0 ? name : kernel[k / 16],
                                 "accuracy", i < MANY ? "PASS" : "FAIL", 2);
        record.subject = subject[k % 16];
        record.op = kernel[k / 16]; /* a row of the comparison for each */
        record.cause = k % 50 == 0 ? name : "";
        records[i] = record;
    }
    ng_report_mark_before(records, MANY);
    char *text = written(ng_report_markdown, records, 2 * MANY, true);
    char *compare = strstr(text, "\n### Side by side");
    char *changes = strstr(text, "\n### Changes since");
    assert_non_null(changes);
    assert_non_null(compare);
    assert_non_null(strstr(changes, "10,000 newly fail"));
    assert_non_null(strstr(changes, " more changes"));
    assert_non_null(strstr(compare, " more rows"));
    *strstr(compare + 1, "\n### ") = '\0';
    for (char *line = strtok(changes, "\n"); line; line = strtok(NULL, "\n")) {
        size_t bars = 0;
        for (const char *c = line; *c; c++)
            bars += *c == '|';
        assert_true(line[0] != '|' || bars == 8 || bars == 18);
        assert_null(strchr(line, '['));
        assert_null(strstr(line, "<b"));
        assert_null(strstr(line, "<i"));
    }
    free(text);
    free(records);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_lose_their_meaning),
        cmocka_unit_test(no_construct_is_left),
        cmocka_unit_test(a_fence_is_longer_than_what_it_holds),
        cmocka_unit_test(a_failure_is_told_in_full),
        cmocka_unit_test(many_failures_stay_below_the_limit),
        cmocka_unit_test(huge_texts_stay_below_the_limit),
        cmocka_unit_test(several_runs_stay_below_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
