/* Reports: pages and files are well formed, bounded and harmless, whatever a
 * record says. */
#include "markup.h"
#include "report_records.h"

#include <normgate/report.h>

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "page_text.h"
#include "program.h"

enum { MANY = 20000, PAGE_BYTES_MAX = 2 * 1000 * 1000 };

static char *make_path(char *folder)
{
    static char path[256];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out", folder);
    return path;
}

static void empty_reports_are_well_formed(void **unused)
{
    (void)unused;
    free(written_markup(ng_report_html, NULL, 0, true));
    char *xml = written_markup(ng_report_junit, NULL, 0, false);
    assert_non_null(strstr(xml, "errors=\"2\""));
    free(xml);
    char *text = summary(NULL, 0, true, "out/report.html", false);
    assert_non_null(strstr(text, "NOT CHECKED"));
    free(text);
}

static void hostile_text_does_no_harm(void **unused)
{
    static const char hostile[] =
        "<script>alert('1')</script>\"&amp;]]>-->\x01\x1b[31m\x7f\r\n"
        "\xff\xc0\xaf\xed\xa0\x80\xef\xbf\xbf\xc2\x9b\xe2\x80\xae</code>%s%n";
    ng_record records[4];
    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        ng_record_init(&records[i], i == 0 ? "run" : "check");
#define NG_TEXT(name, meaning) records[i].name = hostile;
#define NG_REAL(name, meaning) records[i].name = INFINITY;
#define NG_COUNT(name, meaning) records[i].name = UINT64_MAX;
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
        records[i].kind = i == 0 ? "run" : "check";
        records[i].verdict = i == 1 ? "FAIL" : hostile;
        records[i].seeded_bug = i == 3 ? hostile : "";
    }
    records[3].kernel = "wrong on purpose";
    char *html = written_markup(ng_report_html, records, 4, true);
    const char *script = strstr(html, "<script>"); /* the page's own */
    assert_non_null(script);
    assert_ptr_equal(strstr(html, "<script"), script);
    assert_null(strstr(script + 1, "<script"));
    free(html);
    free(written_markup(ng_report_junit, records, 4, true));
    char *text = summary(records, 4, true, "out/report.html", false);
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\r'));
    assert_null(strstr(text, "\xc2\x9b"));
    assert_null(strstr(text, "\xe2\x80\xae"));
    free(text);
}

static void the_page_shows_a_finding(void **unused)
{
    ng_record records[] = {
        check("good", "shift", "PASS", 0.5),
        check("bad", "shift", "FAIL", 41.5),
        check("bad", "shift", "FAIL", 12.5),
    };
    (void)unused;
    records[1].test = "layer_norm/forward/f32 rows=4 n=9000 seed=1";
    records[2].cause = "eps stands outside the root";
    records[2].worst_tensor = "y";
    records[2].exact = 0.1;
    records[2].wrong = 3;
    records[2].note = "measured in passing";
    records[2].id = "0123456789abcdef";
    char *html = written_markup(ng_report_html, records, 3, true);
    assert_non_null(strstr(html, "<b>2</b> of 2 cases"));
    assert_non_null(strstr(html, "eps stands outside the root"));
    assert_non_null(strstr(html, "0x1.999999999999ap-4"));
    assert_non_null(strstr(html, "<td>nan</td>"));
    assert_non_null(strstr(html, "First failing case"));
    assert_non_null(strstr(html, "3 of 4 outputs"));
    assert_non_null(strstr(html, "measured in passing"));
    assert_non_null(strstr(html, "0123456789abcdef"));
    free(html);
    html = written_markup(ng_report_html, records, 1, false);
    assert_non_null(strstr(html, "INCOMPLETE"));
    free(html);
}

/* The first finding's id, between `<div ... id="` and `"`. */
static const char *next_id(const char **at, char id[32])
{
    static const char before[] = "<div class=\"case\" id=\"";
    const char *begin = strstr(*at, before);
    assert_non_null(begin);
    begin += sizeof before - 1;
    size_t size = strcspn(begin, "\"");
    assert_in_range(size, 1, 31);
    memcpy(id, begin, size);
    id[size] = '\0';
    *at = begin;
    return id;
}

static void findings_keep_their_id(void **unused)
{
    ng_record records[] = {
        check("k", "shift", "FAIL", 3),
        check("good", "scale", "PASS", 0.5),
        check("k", "scale", "FAIL", 3),
        check("k", "shift", "FAIL", 4),
    };
    char shift[32], scale[32], other[32], id[32], link[48];
    (void)unused;
    records[3].subject = "another"; /* its kernel has the same name */
    char *html = written_markup(ng_report_html, records, 4, true);
    const char *at = html;
    next_id(&at, shift);
    next_id(&at, scale);
    next_id(&at, other);
    assert_string_not_equal(shift, scale);
    assert_string_not_equal(shift, other);
    assert_string_not_equal(scale, other);
    snprintf(link, sizeof link, "<a href=\"#%s\">", scale);
    assert_non_null(strstr(html, link));
    free(html);
    /* Another run, other findings before it, another path of the subject. */
    records[0].property = "range";
    records[2].subject = "elsewhere";
    records[2].ratio = 77;
    html = written_markup(ng_report_html, records, 3, true);
    at = html;
    assert_string_not_equal(next_id(&at, id), scale);
    assert_string_equal(next_id(&at, id), scale);
    free(html);
}

static void a_section_without_words_is_left_out(void **unused)
{
    ng_record records[] = {check("k", "shift", "PASS", 0.5),
                           seeded("bug", "shift", "FAIL")};
    (void)unused;
    char *html = written_markup(ng_report_html, records, 2, true);
    assert_non_null(strstr(html, "<section id=\"seeded\""));
    assert_non_null(strstr(html, "<a href=\"#seeded\">"));
    assert_non_null(strstr(html, "<section id=\"matrix\""));
    assert_null(strstr(html, "kill_score"));
    free(html);
    html = written_markup(ng_report_html, records, 1, true);
    assert_null(strstr(html, "id=\"seeded"));
    assert_null(strstr(html, "href=\"#seeded\""));
    free(html);
    html = written_markup(ng_report_html, records + 1, 1, true);
    assert_null(strstr(html, "id=\"matrix"));
    assert_null(strstr(html, "href=\"#matrix\""));
    free(html);
}

static void junit_counts_by_kind(void **unused)
{
    const ng_record records[] = {
        check("k", "shift", "PASS", 0.5),  check("k", "scale", "FAIL", 3),
        check("k", "range", "HANG", NAN),  check("k", "affine", "SKIP", NAN),
        check("k", "eps", "WAIVED", 2),    seeded("caught", "shift", "FAIL"),
        seeded("caught", "scale", "FAIL"), seeded("missed", "shift", "PASS"),
        seeded("missed", "scale", "FAIL"),
    };
    (void)unused;
    char *xml = written_markup(ng_report_junit, records, 9, true);
    assert_non_null(strstr(xml, "<testsuites name=\"normgate\" tests=\"7\" "
                                "failures=\"2\" errors=\"1\""));
    assert_non_null(strstr(xml, "skipped=\"2\""));
    assert_non_null(strstr(xml, "seeded bug survived"));
    assert_non_null(strstr(xml, "normgate replay"));
    free(xml);
}

static void python_reads_the_junit(void **unused)
{
    const ng_record records[] = {check("<&\">]]>\x01", "shift", "FAIL", 3)};
    char folder[] = "/tmp/normgate-reports-XXXXXX";
    char *path = make_path(folder), command[600];
    (void)unused;
    assert_int_equal(ng_report_junit(records, 1, true, path, NULL),
                     ng_status_ok);
    snprintf(command, sizeof command,
             "command -v python3 >/dev/null || exit 0; "
             "test \"$(python3 -c 'import sys, xml.etree.ElementTree as e; "
             "print(len(e.parse(sys.argv[1]).findall(\".//failure\")))' %s)\" "
             "= 1",
             path);
    assert_int_equal(system(command), 0);
    unlink(path);
    rmdir(folder);
}

static void the_summary_is_short(void **unused)
{
    static const char *const subjects[] = {"a", "b", "c", "d",
                                           "e", "f", "g", "h"};
    ng_record records[16];
    (void)unused;
    for (size_t i = 0; i < 16; i++) {
        records[i] = i % 2 ? check("k", "shift", "PASS", 0.61)
                           : seeded("bug", "shift", "FAIL");
        records[i].subject = subjects[i / 2];
    }
    char *text = summary(records, 16, true, "out/report.html", false);
    assert_non_null(strstr(text, "8 of 8 correct kernels pass"));
    assert_non_null(strstr(text, "8 of 8 seeded bugs caught"));
    assert_non_null(strstr(text, "0.61"));
    assert_null(strchr(text, '\x1b'));
    free(text);
    records[1].verdict = "FAIL";
    records[1].cause = "two\nlines";
    text = summary(records, 10, true, "out/report.html", true);
    assert_in_range(lines_of(text), 5, 15);
    assert_non_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "replay  normgate replay"));
    assert_non_null(strstr(text, "report  out/report.html"));
    free(text);
}

/* Every kernel and property fails, which is the largest page. */
static void many_records_make_a_page_of_bounded_size(void **unused)
{
    ng_record *records = calloc(MANY, sizeof *records);
    char(*names)[32] = calloc(MANY, sizeof *names);
    (void)unused;
    assert_non_null(records);
    assert_non_null(names);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "name_%zu", i);
        records[i] = check(names[i / 20], names[i % 20 + 40], "FAIL", 3);
        records[i].family = names[i % 17];
        records[i].seeded_bug = i / 20 % 3 == 0 ? "other" : "";
        records[i].worst_tensor = "y";
    }
    char *html = written_markup(ng_report_html, records, MANY, true);
    assert_in_range(strlen(html), 1000, PAGE_BYTES_MAX);
    assert_non_null(strstr(html, "too large to read"));
    free(html);
    free(written_markup(ng_report_junit, records, MANY, true));
    free(names);
    free(records);
}

static void an_unwritable_path_is_named(void **unused)
{
    const ng_record record = check("k", "shift", "PASS", 0.5);
    char folder[] = "/tmp/normgate-reports-XXXXXX";
    char *path = make_path(folder);
    ng_error error = {{0}};
    (void)unused;
    assert_int_equal(ng_report_html(&record, 1, true, folder, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, "directory"));
    strcat(path, "/r.html");
    assert_int_equal(ng_report_html(&record, 1, true, path, &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "No such file"));
    assert_null(strchr(error.text, '\n'));
    assert_int_equal(rmdir(folder), 0);
}

/* The limit on a file's size stands for a full disc. */
static void a_file_is_replaced_whole_or_not_at_all(void **unused)
{
    char folder[] = "/tmp/normgate-reports-XXXXXX";
    char *path = make_path(folder);
    struct rlimit old, small;
    (void)unused;
    assert_int_equal(ng_report_write_file(path, "second", 6, NULL),
                     ng_status_ok);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){3, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ng_status status = ng_report_write_file(path, "third", 5, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, ng_status_bad_input);
    char *text = slurp(path);
    assert_string_equal(text, "second");
    free(text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void a_pipe_is_written_to(void **unused)
{
    char folder[] = "/tmp/normgate-reports-XXXXXX";
    char *path = make_path(folder), text[8] = "";
    (void)unused;
    assert_int_equal(mkfifo(path, 0600), 0);
    int file = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(file >= 0);
    assert_int_equal(ng_report_write_file(path, "page", 4, NULL), ng_status_ok);
    assert_int_equal(read(file, text, sizeof text - 1), 4);
    assert_string_equal(text, "page");
    close(file);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_reports_are_well_formed),
        cmocka_unit_test(hostile_text_does_no_harm),
        cmocka_unit_test(the_page_shows_a_finding),
        cmocka_unit_test(findings_keep_their_id),
        cmocka_unit_test(a_section_without_words_is_left_out),
        cmocka_unit_test(junit_counts_by_kind),
        cmocka_unit_test(python_reads_the_junit),
        cmocka_unit_test(the_summary_is_short),
        cmocka_unit_test(many_records_make_a_page_of_bounded_size),
        cmocka_unit_test(an_unwritable_path_is_named),
        cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
        cmocka_unit_test(a_pipe_is_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
