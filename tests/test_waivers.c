/* Waivers at work: when one holds, and that nobody can overlook what it
 * hides. */
#include <normgate/record.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "markup.h"
#include "program.h"

#define PLUGIN NORMGATE_BINARY_DIR "/tests/plugins/adoption.so"
#define CHECK                                                                  \
    "check " PLUGIN " --profile smoke --property epsilon --json r.jsonl "
#define WAIVER(more)                                                           \
    "{\"kernel\": \"wrong\", \"property\": \"eps*\", \"reason\": \"bug "       \
    "7\"" more "}"
#define WAIVERS(list) "{\"waivers\": [" list "]}"

/* Records of a kind with the verdict or state, and how many cases they say. */
typedef struct found {
    size_t count;
    uint64_t cases;
    ng_record first;
} found;

static ng_arena texts;

static found find(const char *kind, const char *word)
{
    found all = {0};
    ng_record *records;
    size_t count;
    bool complete;
    assert_int_equal(
        ng_records_load("r.jsonl", &texts, &records, &count, &complete, NULL),
        ng_status_ok);
    assert_true(complete);
    for (size_t i = 0; i < count; i++) {
        const char *has =
            strcmp(kind, "check") == 0 ? records[i].verdict : records[i].state;
        if (strcmp(records[i].kind, kind) != 0 || strcmp(has, word) != 0)
            continue;
        all.first = all.count++ == 0 ? records[i] : all.first;
        all.cases += records[i].cases;
    }
    return all;
}

static void known_failures_are_waived_and_told(void **state)
{
    (void)state;
    assert_run(CHECK "--kernel '[sw]*'", 1);
    size_t failing = find("check", "FAIL").count;
    assert_true(failing > 10);
    put("w.json",
        WAIVERS(WAIVER("") "," WAIVER(", \"op\": \"l2_norm\"") "," WAIVER(
            ", \"expires\": \"1999-12-31\"")));
    assert_run(CHECK "--kernel '[sw]*' --waivers w.json --html h.html "
                     "--markdown m.md",
               0);
    const found waived = find("check", "WAIVED");
    assert_int_equal(waived.count, failing);
    assert_string_equal(waived.first.waived, "FAIL");
    assert_string_equal(waived.first.waiver, "bug 7");
    assert_true(waived.first.ratio > 1 && waived.first.replay[0] != '\0');
    assert_int_equal(find("check", "FAIL").count, 0);
    assert_int_equal(find("waiver", "used").count, 1);
    assert_int_equal(find("waiver", "used").cases, failing);
    const found unused = find("waiver", "unused");
    assert_int_equal(unused.count, 1);
    assert_string_equal(unused.first.op, "l2_norm");
    assert_non_null(strstr(unused.first.cause, "names no check"));
    assert_int_equal(find("waiver", "expired").count, 1);
    /* it is said where the verdict is said */
    char line[96];
    snprintf(line, sizeof line,
             "PASS  %zu failing cases of 1 kernel are waived\n", failing);
    assert_true(strncmp(out, line, strlen(line)) == 0);
    assert_non_null(
        strstr(out, "waivers: 1 used, 1 unused, 1 expired; first unused: "));
    assert_non_null(strstr(out, ": it names no check of this run; "));
    char *brief = slurp("m.md");
    assert_non_null(strstr(brief, "\nWaivers: 1 used, 1 unused, 1 expired.\n"));
    snprintf(line, sizeof line, " (%zu waived) |", failing);
    assert_non_null(strstr(brief, line));
    free(brief);
    char *page = slurp("h.html");
    assert_null(markup_fault(page));
    assert_non_null(strstr(page, "<section id=\"waivers\""));
    assert_non_null(strstr(page, "1999-12-31"));
    assert_non_null(strstr(page, "failing cases of 1 kernel are waived"));
    free(page);
}

static void a_run_of_waived_failures_alone(void **state)
{
    (void)state;
    put("w.json", WAIVERS(WAIVER("")));
    assert_run(CHECK "--kernel wrong --waivers w.json", 0);
    assert_non_null(strstr(out, "failing cases of 1 kernel are waived\n"));
    assert_non_null(strstr(out, "  waived  " PLUGIN "   0 of 1 kernel"));
}

/* Today is 2026-11-21: 86,400 s a day, 20,778 days after 1970-01-01. */
static void a_waiver_holds_through_its_last_day(void **state)
{
    static const struct {
        const char *expires;
        int code;
    } rows[] = {{"2026-11-20", 1}, {"2026-11-21", 0}, {"2026-11-22", 0}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char text[256];
        snprintf(text, sizeof text, WAIVERS(WAIVER(", \"expires\": \"%s\"")),
                 rows[i].expires);
        put("w.json", text);
        for (int end = 0; end < 2; end++) { /* its first and last second */
            int code = shell("SOURCE_DATE_EPOCH=%d '%s' " CHECK
                             "--kernel wrong --waivers w.json",
                             20778 * 86400 + end * 86399, NORMGATE_PROGRAM);
            assert_int_equal(code, rows[i].code);
        }
        if (rows[i].code == 0)
            continue;
        const found failing = find("check", "FAIL"),
                    expired = find("waiver", "expired");
        assert_non_null(strstr(failing.first.cause,
                               "its waiver expired on 2026-11-20: bug 7"));
        assert_int_equal(expired.cases, failing.count);
        assert_non_null(strstr(out, "waivers: 1 expired\n"));
    }
    assert_int_equal(shell("SOURCE_DATE_EPOCH=now '" NORMGATE_PROGRAM "' " CHECK
                           "--waivers w.json"),
                     2);
    assert_non_null(strstr(err, "SOURCE_DATE_EPOCH=now: expected seconds"));
}

static void crashes_are_waived_by_name_alone(void **state)
{
    (void)state;
    put("w.json", WAIVERS("{\"kernel\": \"*\", \"property\": \"*\", "
                          "\"reason\": \"all of it\"}"));
    assert_run(CHECK "--kernel crash --waivers w.json", 1);
    assert_non_null(strstr(find("check", "CRASH").first.cause,
                           "its waiver is for FAIL, not for CRASH"));
    assert_non_null(
        strstr(find("waiver", "unused").first.cause, "of another verdict"));
    put("w.json", WAIVERS("{\"kernel\": \"crash\", \"property\": \"*\", "
                          "\"reason\": \"n = 0\", \"verdict\": \"CRASH\"}"));
    assert_run(CHECK "--kernel crash --waivers w.json", 0);
    assert_string_equal(find("check", "WAIVED").first.waived, "CRASH");
}

static void one_case_and_a_limit(void **state)
{
    char text[256];
    (void)state;
    assert_run(CHECK "--kernel wrong", 1);
    const found all = find("check", "FAIL");
    snprintf(text, sizeof text, WAIVERS(WAIVER(", \"id\": \"%s\"")),
             all.first.id);
    put("w.json", text);
    assert_run(CHECK "--kernel wrong --waivers w.json", 1);
    assert_int_equal(find("check", "WAIVED").count, 1);
    assert_string_equal(find("check", "WAIVED").first.test, all.first.test);
    assert_int_equal(find("check", "FAIL").count, all.count - 1);
    put("w.json", WAIVERS(WAIVER(", \"max_ratio\": 1.5")));
    assert_run(CHECK "--kernel wrong --waivers w.json", 1);
    assert_int_equal(find("check", "WAIVED").count, 0);
    assert_non_null(strstr(find("check", "FAIL").first.cause,
                           "its waiver ends at an error/bound of 1.5"));
}

/* A seeded bug that could be waived would be a gate that can be switched off. */
static void seeded_bugs_are_never_waived(void **state)
{
    (void)state;
    put("w.json", WAIVERS("{\"kernel\": \"*\", \"property\": \"*\", "
                          "\"reason\": \"all of it\"}"));
    assert_run("check 'builtin:bug.eps_outsid[e]' --profile smoke "
               "--property epsilon --json r.jsonl --waivers w.json",
               0);
    assert_int_equal(find("check", "WAIVED").count, 0);
    assert_true(find("check", "FAIL").count > 0);
    assert_non_null(
        strstr(find("waiver", "unused").first.cause, "never waived"));
}

static void errors_come_before_the_run(void **state)
{
    (void)state;
    put("w.json", WAIVERS("{\"kernel\": \"*\", \"property\": \"acuracy\", "
                          "\"reason\": \"r\"}"));
    assert_int_equal(shell("rm -f r.jsonl"), 0);
    assert_error(CHECK "--waivers w.json", 2, "acuracy matches none");
    assert_error(CHECK "--waivers missing.json", 2, "missing.json: cannot be");
    assert_int_equal(shell("ls r.jsonl*"), 2);
}

/* All but how long it took and what it was called with. */
static char *without_times(const char *name)
{
    int code = shell("sed -E 's/\"seconds\":[^,}]*//;"
                     "s/\"(command|time)\":\"[^\"]*\"//g' %s",
                     name);
    assert_int_equal(code, 0);
    char *text = out;
    out = NULL;
    return text;
}

static void jobs_change_nothing(void **state)
{
    (void)state;
    put("w.json", WAIVERS(WAIVER(", \"max_ratio\": 1e9") "," WAIVER(
                      ", \"verdict\": \"CRASH\"")));
    assert_run(CHECK "--waivers w.json", 1);
    char *alone = without_times("r.jsonl");
    assert_run(CHECK "--waivers w.json --jobs 2", 1);
    char *crew = without_times("r.jsonl");
    assert_non_null(strstr(alone, "\"kind\":\"waiver\""));
    assert_string_equal(alone, crew);
    free(alone);
    free(crew);
}

static void a_hostile_reason_stays_text(void **state)
{
    (void)state;
    put("w.json",
        WAIVERS("{\"kernel\": \"<script>alert(1)</script>*\", \"property\": "
                "\"epsilon\", \"reason\": \"<script>alert(2)</script>"
                "\\u001b]0;x\\u0007\\u202e\"},"
                "{\"kernel\": \"wrong\", \"property\": \"epsilon\", "
                "\"reason\": \"<script>alert(3)</script>\"}"));
    assert_run(CHECK "--kernel wrong --waivers w.json --html h.html "
                     "--junit j.xml",
               0);
    char *page = slurp("h.html"), *junit = slurp("j.xml");
    assert_null(markup_fault(page));
    assert_null(markup_fault(junit));
    assert_null(strstr(page, "<script>alert"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(2)"));
    assert_null(strchr(page, '\x1b'));
    assert_null(strstr(page, "\xe2\x80\xae"));
    free(page);
    free(junit);
}

/* judge has the same options: outputs that are not there yet are errors. */
static void judge_waives_too(void **state)
{
    (void)state;
    assert_run("gen op=rms_norm dtype=f32 --kernel wrong --profile smoke "
               "--property epsilon --out calls",
               0);
    assert_run("judge calls", 1);
    put("w.json", WAIVERS(WAIVER(", \"verdict\": \"ERROR\"")));
    assert_run("judge calls --waivers w.json --json r.jsonl", 0);
    assert_true(find("check", "WAIVED").count > 10);
    assert_int_equal(find("check", "ERROR").count, 0);
}

static int leave(void **state)
{
    ng_arena_release(&texts);
    return program_leave(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_failures_are_waived_and_told),
        cmocka_unit_test(a_run_of_waived_failures_alone),
        cmocka_unit_test(a_waiver_holds_through_its_last_day),
        cmocka_unit_test(crashes_are_waived_by_name_alone),
        cmocka_unit_test(one_case_and_a_limit),
        cmocka_unit_test(seeded_bugs_are_never_waived),
        cmocka_unit_test(errors_come_before_the_run),
        cmocka_unit_test(jobs_change_nothing),
        cmocka_unit_test(a_hostile_reason_stays_text),
        cmocka_unit_test(judge_waives_too),
    };
    return cmocka_run_group_tests(tests, program_enter, leave);
}
