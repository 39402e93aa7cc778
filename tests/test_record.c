/* Records: what is written is read back equal, bit for bit, and hostile lines
 * are refused in words that name the field. */
#include <normgate/record.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef NORMGATE_SOURCE_DIR
#define NORMGATE_SOURCE_DIR "."
#endif

enum { ROUNDS = 300 };

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    uint64_t mixed = *state ^ *state >> 29;
    return mixed * 0x9E3779B97F4A7C15u;
}

static double random_real(uint64_t *state)
{
    uint64_t bits = next(state);
    double value;
    memcpy(&value, &bits, sizeof value);
    switch (next(state) >> 61) {
    case 0: return INFINITY;
    case 1: return -INFINITY;
    case 2: return -0.0;
    case 3: return NAN;
    default: return isnan(value) ? 5e-324 : value;
    }
}

static uint64_t random_count(uint64_t *state)
{
    return next(state) >> (next(state) >> 58);
}

static const char *random_text(uint64_t *state)
{
    static const char *const texts[] = {
        "",
        "plain",
        "<script>alert(1)</script>",
        "\"'\\/\b\f\n\r\t",
        "\x01\x1b[31m\x7f",
        "]]>",
        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82",
        "gen=offset:1e4",
    };
    return texts[next(state) >> 61];
}

static void read_line(ng_record *record, ng_arena *arena, const char *line)
{
    ng_error error = {{0}};
    if (ng_record_read(record, arena, line, &error) != ng_status_ok)
        fail_msg("%s: %s", line, error.text);
}

static char *write_line(const ng_record *record)
{
    char *line = NULL;
    size_t size;
    FILE *file = open_memstream(&line, &size);
    assert_non_null(file);
    assert_int_equal(ng_record_write(record, file, NULL), ng_status_ok);
    fclose(file);
    assert_int_equal(line[size - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + size - 1);
    return line;
}

static bool same_real(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static void round_trip(void **unused)
{
    uint64_t state = 42;
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        ng_arena arena = {0};
        ng_record a, b;
        ng_record_init(&a, "check");
#define NG_TEXT(name, meaning) a.name = random_text(&state);
#define NG_REAL(name, meaning) a.name = random_real(&state);
#define NG_COUNT(name, meaning) a.name = random_count(&state);
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
        a.schema = NG_RECORD_SCHEMA;
        char *line = write_line(&a);
        read_line(&b, &arena, line);
#define NG_TEXT(name, meaning) assert_string_equal(a.name, b.name);
#define NG_REAL(name, meaning) assert_true(same_real(a.name, b.name));
#define NG_COUNT(name, meaning) assert_true(a.name == b.name);
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
        free(line);
        ng_arena_release(&arena);
    }
}

static void empty_fields_are_left_out(void **unused)
{
    (void)unused;
    ng_record record;
    ng_record_init(&record, "check");
    char *line = write_line(&record);
    assert_string_equal(
        line, "{\"kind\":\"check\",\"schema\":\"" NG_RECORD_SCHEMA "\"}\n");
    free(line);
}

static void a_nan_from_the_kernel_is_kept(void **unused)
{
    (void)unused;
    ng_record record;
    ng_record_init(&record, "check");
    record.worst_tensor = "y";
    char *line = write_line(&record);
    assert_non_null(strstr(line, "\"got\":\"nan\""));
    assert_null(strstr(line, "\"exact\""));
    free(line);
}

static void large_counts_are_text(void **unused)
{
    (void)unused;
    ng_record record;
    ng_record_init(&record, "run");
    record.seed = UINT64_MAX;
    record.line = INT64_MAX;
    char *line = write_line(&record);
    assert_non_null(strstr(line, "\"seed\":\"18446744073709551615\""));
    assert_non_null(strstr(line, "\"line\":9223372036854775807"));
    free(line);
}

static void invalid_utf8_is_replaced(void **unused)
{
    (void)unused;
    ng_arena arena = {0};
    ng_record a, b;
    ng_record_init(&a, "check");
    a.cause = "a\xff"
              "b\xc0\xaf"
              "c\xed\xa0\x80"
              "d\xe2\x82";
    char *line = write_line(&a);
    for (const char *c = line; *c; c++)
        assert_in_range(*c, '\n', '~');
    read_line(&b, &arena, line);
    assert_string_equal(b.cause, "a\xef\xbf\xbd"
                                 "b\xef\xbf\xbd\xef\xbf\xbd"
                                 "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                 "d\xef\xbf\xbd\xef\xbf\xbd");
    free(line);
    ng_arena_release(&arena);
}

#define SCHEMA "\"schema\":\"" NG_RECORD_SCHEMA "\""

static void hostile_lines_are_refused(void **unused)
{
    static const struct {
        const char *line, *names;
    } rows[] = {
        {"", "JSON"},
        {"{", "JSON"},
        {"[]", "schema"},
        {"null", "JSON"},
        {"{\"kind\":\"check\"}", "schema"},
        {"{\"schema\":1}", "schema"},
        {"{\"schema\":\"normgate-record/2\"}", "run it again"},
        {"{\"schema\":\"normgate-record/10\"}", "run it again"},
        {"{" SCHEMA ",\"ratio\":\"1\"}", "\"ratio\""},
        {"{" SCHEMA ",\"ratio\":true}", "\"ratio\""},
        {"{" SCHEMA ",\"ratio\":1e999}", "JSON"},
        {"{" SCHEMA ",\"kernel\":1}", "\"kernel\""},
        {"{" SCHEMA ",\"kernel\":\"a\\u0000b\"}", "JSON"},
        {"{" SCHEMA ",\"kernel\":\"\xff\"}", "JSON"},
        {"{" SCHEMA ",\"kernel\":\"a\",\"kernel\":\"b\"}", "JSON"},
        {"{" SCHEMA ",\"line\":-1}", "\"line\""},
        {"{" SCHEMA ",\"line\":1.5}", "\"line\""},
        {"{" SCHEMA ",\"line\":\"\"}", "\"line\""},
        {"{" SCHEMA ",\"line\":\"1 \"}", "\"line\""},
        {"{" SCHEMA ",\"line\":\"18446744073709551616\"}", "\"line\""},
        {"{" SCHEMA ",\"line\":\"99999999999999999999\"}", "\"line\""},
        {"{" SCHEMA "} {}", "JSON"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ng_arena arena = {0};
        ng_record record;
        ng_error error = {{0}};
        if (ng_record_read(&record, &arena, rows[i].line, &error) !=
                ng_status_bad_input ||
            !strstr(error.text, rows[i].names))
            fail_msg("%s: %s", rows[i].line, error.text);
        for (const char *c = error.text; *c; c++)
            assert_in_range(*c, ' ', '~');
        ng_arena_release(&arena);
    }
}

static void newer_records_are_read(void **unused)
{
    (void)unused;
    ng_arena arena = {0};
    ng_record record;
    read_line(&record, &arena,
              "{\"schema\":\"normgate-record/1.3\",\"kind\":\"check\","
              "\"new\":{\"a\":[1,2]},\"x\":null,\"ratio\":2,"
              "\"line\":\"18446744073709551615\",\"got\":\"nan\"}");
    assert_string_equal(record.kind, "check");
    assert_true(isnan(record.x) && isnan(record.got));
    assert_true(record.ratio == 2);
    assert_true(record.line == UINT64_MAX);
    ng_arena_release(&arena);
}

static void a_full_disc_is_reported(void **unused)
{
    (void)unused;
    FILE *file = fopen("/dev/full", "w");
    if (!file)
        skip();
    setvbuf(file, NULL, _IONBF, 0);
    ng_record record;
    ng_error error = {{0}};
    ng_record_init(&record, "check");
    assert_int_equal(ng_record_write(&record, file, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, "space"));
    fclose(file);
}

static void the_page_names_every_field(void **unused)
{
    static char page[1 << 16];
    (void)unused;
    FILE *file = fopen(NORMGATE_SOURCE_DIR "/docs/records.md", "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
#define NG_TEXT(name, meaning) assert_non_null(strstr(page, "`" #name "`"));
#define NG_REAL NG_TEXT
#define NG_COUNT NG_TEXT
#include <normgate/record.def>
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(empty_fields_are_left_out),
        cmocka_unit_test(a_nan_from_the_kernel_is_kept),
        cmocka_unit_test(large_counts_are_text),
        cmocka_unit_test(invalid_utf8_is_replaced),
        cmocka_unit_test(hostile_lines_are_refused),
        cmocka_unit_test(newer_records_are_read),
        cmocka_unit_test(a_full_disc_is_reported),
        cmocka_unit_test(the_page_names_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
