/* The file of waivers: what it may say, and what each waiver is about. */
#include <normgate/record.h>
#include <normgate/waivers.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

/* One waiver with all that is needed, and more. */
#define WITH(more)                                                             \
    "{\"waivers\": [{\"kernel\": \"k\", \"property\": \"accuracy\", "          \
    "\"reason\": \"why\"" more "}]}"

static void days_of_the_calendar(void **state)
{
    static const char *const good[] = {"2026-01-31", "2026-02-28", "2024-02-29",
                                       "2000-02-29", "9999-12-31"};
    static const char *const bad[] = {
        "",           "2026",       "2026-1-01",   "2026-02-29", "1900-02-29",
        "2026-04-31", "2026-00-01", "2026-13-01",  "2026-01-00", "0000-01-01",
        "2026/01/01", "26-01-01",   "2026-01-01 ", "2026-01-0x", "-026-01-01"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(ng_date_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (ng_date_valid(bad[i]))
            fail_msg("'%s' is no day", bad[i]);
    const ng_waiver dated = {.expires = "2026-11-21"};
    const ng_waiver lasting = {.expires = ""};
    assert_false(ng_waiver_expired(&dated, "2026-11-20"));
    assert_false(ng_waiver_expired(&dated, "2026-11-21"));
    assert_true(ng_waiver_expired(&dated, "2026-11-22"));
    assert_true(ng_waiver_expired(&dated, "2027-01-01"));
    assert_false(ng_waiver_expired(&lasting, "9999-12-31"));
}

static void assert_refused(const char *what, const char *reason)
{
    ng_arena arena = {0};
    ng_waivers waivers;
    ng_error error = {{0}};
    ng_status status = ng_waivers_read(&waivers, &arena, "w.json", &error);
    assert_refusal(status, &error, "w.json", what, reason);
    assert_int_equal(waivers.count, 0);
    ng_arena_release(&arena);
}

static void hostile_files_are_refused(void **state)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"", "no JSON"},
        {"{", "no JSON"},
        {"{\"waivers\": []} {}", "no JSON"},
        {"[]", "no JSON object"},
        {"{}", "no list \"waivers\""},
        {"{\"waivers\": {}}", "no list \"waivers\""},
        {"{\"waivers\": [], \"x\": 1}", "field \"x\" is not known"},
        {"{\"waivers\": [], \"schema\": \"normgate-waivers/2\"}", "\"schema\""},
        {"{\"waivers\": [1]}", "waiver 1 is no JSON object"},
        {"{\"waivers\": [], \"waivers\": []}", "duplicate"},
        {"{\"waivers\": [{}]}", "waiver 1, field \"kernel\": missing"},
        {"{\"waivers\": [{\"kernel\": \"k\", \"property\": \"p\"}]}",
         "waiver 1, field \"reason\": missing"},
        {"{\"waivers\": [{\"kernel\": \"k\", \"reason\": \"p\"}]}",
         "waiver 1, field \"property\": missing"},
        {WITH(", \"reason\": \"again\""), "duplicate"},
        {WITH(", \"kernels\": \"k\""), "field \"kernels\": not known"},
        {WITH(", \"\\u001b[31m\": 1"), "field \"?[31m\": not known"},
        {WITH(", \"op\": 1"), "field \"op\": no text"},
        {WITH(", \"op\": null"), "field \"op\": no text"},
        {WITH(", \"op\": \"\""), "field \"op\": \"\"; expected a glob"},
        {WITH(", \"op\": \"[\""), "every [ has its ]"},
        {WITH(", \"op\": \"a[b\""), "every [ has its ]"},
        {WITH(", \"op\": \"[]\""), "every [ has its ]"},
        {WITH(", \"op\": \"[!]\""), "every [ has its ]"},
        {WITH(", \"op\": \"a\\\\\""), "expected a glob"},
        {WITH(", \"op\": \"\\u001b[2J]\""), "expected a glob"},
        {WITH(", \"op\": \"a\\u0000b\""), "no JSON"},
        {WITH(", \"op\": \"\xff\""), "no JSON"},
        {WITH(", \"op\": \"\xc0\xaf\""), "no JSON"},
        {WITH(", \"id\": \"12\""), "16 hex digits"},
        {WITH(", \"id\": \"0123456789ABCDEF\""), "16 hex digits"},
        {WITH(", \"verdict\": \"PASS\""), "expected FAIL, CRASH"},
        {WITH(", \"verdict\": \"SKIP\""), "expected FAIL, CRASH"},
        {WITH(", \"verdict\": \"*\""), "expected FAIL, CRASH"},
        {WITH(", \"expires\": \"soon\""), "expected a day, YYYY-MM-DD"},
        {WITH(", \"expires\": \"2026-02-30\""), "\"2026-02-30\"; expected"},
        {WITH(", \"expires\": 20260101"), "field \"expires\": no text"},
        {WITH(", \"max_ratio\": \"5\""), "expected a number, 1 or more"},
        {WITH(", \"max_ratio\": 0.5"), "expected a number, 1 or more"},
        {WITH(", \"max_ratio\": -1"), "expected a number, 1 or more"},
        {WITH(", \"max_ratio\": 1e999"), "no JSON"},
        {WITH(", \"max_ratio\": NaN"), "no JSON"},
        {"{\"waivers\": [{\"kernel\": \"k\", \"property\": \"p\", "
         "\"reason\": \" \\n\"}]}",
         "why it may fail"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put("w.json", rows[i].text);
        assert_refused(rows[i].text, rows[i].reason);
    }
    assert_int_equal(shell("rm w.json"), 0);
    assert_refused("missing", "cannot be opened");
    assert_int_equal(shell("mkdir w.json"), 0);
    assert_refused("a folder", "cannot be read");
    assert_int_equal(shell("rmdir w.json"), 0);
}

/* A text of `count` times `unit` between two others. */
static void put_many(const char *before, const char *unit, size_t count,
                     const char *after)
{
    FILE *file = fopen("w.json", "wb");
    assert_non_null(file);
    fputs(before, file);
    for (size_t i = 0; i < count; i++)
        fputs(unit, file);
    fputs(after, file);
    assert_int_equal(fclose(file), 0);
}

static void large_files_are_refused(void **state)
{
    static const char one[] =
        "{\"kernel\":\"k\",\"property\":\"p\",\"reason\":\"r\"},";
    static const char last[] =
        "{\"kernel\":\"k\",\"property\":\"p\",\"reason\":\"r\"}]}";
    ng_arena arena = {0};
    ng_waivers waivers;
    (void)state;
    put_many("{\"waivers\":[", one, 9999, last);
    assert_int_equal(ng_waivers_read(&waivers, &arena, "w.json", NULL),
                     ng_status_ok);
    assert_int_equal(waivers.count, 10000);
    put_many("{\"waivers\":[", one, 10000, last);
    assert_refused("10,001", "10001 waivers, more than 10000");
    put_many("{\"waivers\":", "[", 100000, "");
    assert_refused("deep", "no JSON");
    put_many("{\"waivers\":[]}", " ", 4 << 20, "");
    assert_refused("4 MiB", "longer than 4194304 bytes");
    put_many("{\"waivers\": [{\"reason\": \"", "x", 2049, "\"}]}");
    assert_refused("long", "longer than 2048 bytes");
    put_many("{\"waivers\": [{\"kernel\": \"", "*", 257, "\"}]}");
    assert_refused("long", "longer than 256 bytes");
    FILE *file = fopen("w.json", "wb");
    assert_non_null(file);
    fwrite("{\"waivers\": []}\0", 1, 16, file);
    fclose(file);
    assert_refused("NUL", "no JSON");
    ng_arena_release(&arena);
}

static void what_a_waiver_covers(void **state)
{
    ng_arena arena = {0};
    ng_waivers waivers;
    ng_record check;
    (void)state;
    put("w.json", "{\"schema\": \"normgate-waivers/1\", \"waivers\": ["
                  "{\"kernel\": \"rms_[a-f]*\", \"property\": \"*\", "
                  "\"dtype\": \"f?2\", \"reason\": \"r\"},"
                  "{\"kernel\": \"*\", \"property\": \"accuracy\", "
                  "\"reason\": \"r\", \"max_ratio\": 3, \"verdict\": \"CRASH\","
                  "\"id\": \"0123456789abcdef\", \"pass\": \"back*\"}]}");
    assert_int_equal(ng_waivers_read(&waivers, &arena, "w.json", NULL),
                     ng_status_ok);
    const ng_waiver *first = &waivers.waiver[0], *second = &waivers.waiver[1];
    ng_record_init(&check, "check");
    check.kernel = "rms_fast";
    check.property = "accuracy";
    check.pass = "forward";
    check.dtype = "f32";
    check.verdict = "FAIL";
    assert_true(ng_waiver_names(first, &check));
    assert_false(ng_waiver_names(second, &check)); /* another pass */
    check.kernel = "rms_slow";
    assert_false(ng_waiver_names(first, &check));
    check.pass = "backward";
    assert_true(ng_waiver_names(second, &check));
    assert_true(ng_waiver_picks(first, &check));
    assert_false(ng_waiver_picks(second, &check));
    check.id = "0123456789abcdef";
    assert_true(ng_waiver_picks(second, &check));
    assert_true(ng_waiver_covers(first, &check)); /* any ratio, known or not */
    assert_false(ng_waiver_covers(second, &check));
    check.verdict = "CRASH";
    assert_false(ng_waiver_covers(first, &check));
    assert_false(ng_waiver_covers(second, &check)); /* NaN is not below 3 */
    check.ratio = 3;
    assert_true(ng_waiver_covers(second, &check));
    check.ratio = nextafter(3, 4);
    assert_false(ng_waiver_covers(second, &check));
    check.ratio = INFINITY;
    assert_false(ng_waiver_covers(second, &check));
    ng_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_of_the_calendar),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(large_files_are_refused),
        cmocka_unit_test(what_a_waiver_covers),
    };
    return cmocka_run_group_tests(tests, program_enter, program_leave);
}
