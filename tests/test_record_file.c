/* Files of records: a run cut short is seen, a broken line is named. */
#include <normgate/record.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SCHEMA "\"schema\":\"" NG_RECORD_SCHEMA "\""

/* Loads `text` as a file; the error is in *error. */
static ng_status load(const char *text, size_t size, size_t *count,
                      bool *complete, ng_error *error)
{
    char path[] = "/tmp/normgate-record-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, size), size);
    close(file);
    ng_arena arena = {0};
    ng_record *records;
    ng_status status =
        ng_records_load(path, &arena, &records, count, complete, error);
    for (size_t i = 0; i < *count; i++)
        assert_string_equal(records[i].schema, NG_RECORD_SCHEMA);
    ng_arena_release(&arena);
    unlink(path);
    return status;
}

#define RUN "{\"kind\":\"run\"," SCHEMA "}\n"
#define CHECK "{\"kind\":\"check\"," SCHEMA "}\n"
#define END "{\"kind\":\"end\"," SCHEMA "}\n"

static void files_are_whole_or_say_so(void **unused)
{
    static const struct {
        const char *text;
        size_t count;
        bool complete;
    } rows[] = {
        {"", 0, false},
        {RUN CHECK, 2, false},
        {RUN CHECK END, 3, true},
        {RUN CHECK "\r\n" END "\n", 3, true},
        {RUN CHECK END RUN CHECK, 5, false},
        {RUN CHECK END RUN END, 5, true},
        {RUN CHECK "{\"kind\":\"che", 2, false},
        {RUN CHECK END "{\"ki", 3, false},
        {CHECK "{\"kind\":\"end\"," SCHEMA "}", 2, true},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t count;
        bool complete;
        ng_error error = {{0}};
        if (load(rows[i].text, strlen(rows[i].text), &count, &complete,
                 &error) != ng_status_ok)
            fail_msg("%s: %s", rows[i].text, error.text);
        assert_int_equal(count, rows[i].count);
        assert_int_equal(complete, rows[i].complete);
    }
}

static void broken_files_name_the_line(void **unused)
{
    size_t count, size = (1 << 20) + 100;
    bool complete;
    ng_error error = {{0}};
    (void)unused;
    static const char bad[] = RUN "{\"kind\":\"che\n" CHECK;
    assert_int_equal(load(bad, strlen(bad), &count, &complete, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, ":2: "));
    assert_int_equal(count, 0);
    static const char nul[] = RUN "{\"kind\":\0\"run\"}\n";
    assert_int_equal(load(nul, sizeof nul - 1, &count, &complete, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, ":2: "));
    char *wide = malloc(size);
    assert_non_null(wide);
    memset(wide, ' ', size);
    assert_int_equal(load(wide, size, &count, &complete, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, "1 MiB"));
    free(wide);
}

static void unreadable_files_are_named(void **unused)
{
    static const char *const paths[] = {"/tmp/no/such/records", "/tmp"};
    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        ng_arena arena = {0};
        ng_record *records;
        size_t count;
        bool complete;
        ng_error error = {{0}};
        assert_int_equal(ng_records_load(paths[i], &arena, &records, &count,
                                         &complete, &error),
                         ng_status_bad_input);
        assert_non_null(strstr(error.text, paths[i]));
        ng_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_whole_or_say_so),
        cmocka_unit_test(broken_files_name_the_line),
        cmocka_unit_test(unreadable_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
