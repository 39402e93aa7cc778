/* Charts: well-formed pictures with every coordinate on the canvas, whatever
 * numbers they are given; equal ratios are equal distances on a log axis. */
#include "markup.h"

#include "../reports/axis.h"
#include "../reports/chart.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_text.h"

enum { WIDTH = 360, HEIGHT = 216 };

/* The caller frees it. */
static char *draw(const ng_chart *chart)
{
    ng_buffer out = {0};
    ng_page page = {.out = &out};
    ng_page_chart(&page, chart);
    assert_false(out.failed);
    const char *fault = markup_fault(out.data);
    if (fault)
        fail_msg("not well formed: %.200s", fault);
    return out.data;
}

static ng_chart chart_of(const ng_series *series, size_t count, bool log)
{
    return (ng_chart){
        .title = "t",
        .x_title = "n",
        .y_title = "e",
        .x_log = log,
        .y_log = log,
        .series = series,
        .series_count = count,
        .guide = NAN,
    };
}

/* Absolute coordinates of each path and text of the picture lie on it. */
static void assert_on_canvas(const char *html)
{
    const char *end = strstr(html, "</svg>");
    static const char *const attributes[] = {" x=\"", " y=\"", " d=\""};
    for (size_t a = 0; a < 3; a++) {
        const char *at = html;
        while ((at = strstr(at, attributes[a])) != NULL && at < end) {
            at += 4;
            size_t length = strcspn(at, "\"");
            assert_int_equal(strspn(at, "MLHVhvlmaz0123456789.- "), length);
            for (size_t i = 0; i < length; i++) {
                char *next;
                if (a < 2 && i > 0)
                    break;
                if (a == 2 && at[i] != 'M' && at[i] != 'L')
                    continue;
                double x = strtod(at + i + (a == 2), &next);
                double y = a == 2 ? strtod(next, NULL) : 0;
                assert_true(x >= 0 && x <= (a == 1 ? HEIGHT : WIDTH));
                assert_true(y >= 0 && y <= HEIGHT);
            }
        }
    }
}

static void hostile_numbers_stay_on_the_canvas(void **unused)
{
    static const double hostile[] = {
        0,        -1,        NAN,         INFINITY, -INFINITY,
        1e308,    -1e308,    DBL_MAX,     -DBL_MAX, DBL_MIN,
        -DBL_MIN, 0x1p-1074, -0x1p-1074,  1,        1 + 1e-15,
        3.5e-324, 1e-300,    0x1.8p-1022, 16,       1e17,
    };
    enum { COUNT = sizeof hostile / sizeof hostile[0] };
    (void)unused;
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++) {
            const double x[] = {hostile[i], hostile[j], 2};
            const double y[] = {hostile[j], hostile[i],
                                hostile[(i + j) % COUNT]};
            const ng_series series[] = {{"a", x, y, 3, true, 0},
                                        {"b", y, x, i % 4, false, 7}};
            for (int log = 0; log < 2; log++) {
                ng_chart chart = chart_of(series, 1 + j % 2, log);
                chart.guide = hostile[j];
                char *html = draw(&chart);
                assert_on_canvas(html);
                free(html);
            }
        }
    }
}

static void nothing_is_a_picture_too(void **unused)
{
    const ng_series empty = {"a", NULL, NULL, 0, true, 0};
    (void)unused;
    for (size_t count = 0; count < 2; count++) {
        for (int log = 0; log < 2; log++) {
            ng_chart chart = chart_of(&empty, count, log);
            char *html = draw(&chart);
            assert_on_canvas(html);
            assert_null(strstr(html, "<details>"));
            free(html);
        }
    }
}

/* The coordinates of the first line. */
static size_t line_of(const char *html, double at[][2], size_t most)
{
    const char *text = strstr(html, "<path class=\"line c0\" d=\"M");
    size_t count = 0;
    assert_non_null(text);
    text = strstr(text, "d=\"") + 3;
    while (*text != '"' && count < most) {
        char *next;
        at[count][0] = strtod(text + 1, &next);
        at[count++][1] = strtod(next, &next);
        text = next;
    }
    return count;
}

static void a_log_axis_shows_equal_ratios_as_equal_distances(void **unused)
{
    const double x[] = {1, 10, 100, 1000}, y[] = {1e-9, 1e-6, 1e-3, 1};
    const ng_series series = {"a", x, y, 4, true, 0};
    double at[8][2];
    (void)unused;
    ng_chart chart = chart_of(&series, 1, true);
    char *html = draw(&chart);
    assert_int_equal(line_of(html, at, 8), 4);
    for (size_t i = 2; i < 4; i++) {
        assert_true(fabs((at[i][0] - at[i - 1][0]) - (at[1][0] - at[0][0])) <
                    0.3);
        assert_true(fabs((at[i][1] - at[i - 1][1]) - (at[1][1] - at[0][1])) <
                    0.3);
    }
    assert_true(at[1][0] > at[0][0] + 50);
    assert_true(at[1][1] < at[0][1] - 20); /* larger is higher */
    assert_non_null(strstr(html, ">10⁻⁹</text>"));
    assert_non_null(strstr(html, ">1000</text>"));
    free(html);
}

static void powers_of_two_are_labelled_as_such(void **unused)
{
    const double x[] = {16, 64, 4096}, y[] = {1, 2, 3};
    const ng_series series = {"a", x, y, 3, true, 0};
    (void)unused;
    ng_chart chart = chart_of(&series, 1, true);
    char *html = draw(&chart);
    assert_non_null(strstr(html, ">16</text>"));
    assert_non_null(strstr(html, ">4096</text>"));
    free(html);
}

static void what_has_no_place_is_marked_at_the_edge(void **unused)
{
    const double x[] = {1, 2, 3, 4, 5, 6};
    const double y[] = {1, 2, INFINITY, 3, 0, 4};
    const double finite[] = {1, 2, 3, 4, 5, 6};
    const ng_series broken = {"a", x, y, 6, true, 0};
    const ng_series whole = {"a", x, finite, 6, true, 0};
    double at[8][2];
    (void)unused;
    ng_chart chart = chart_of(&broken, 1, true);
    char *html = draw(&chart);
    assert_int_equal(line_of(html, at, 8), 4); /* the four that have a place */
    assert_true(at[1][1] < at[0][1] - 10 && at[3][1] < at[2][1] - 10);
    const char *line = strstr(html, "class=\"line");
    char path[400];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(line, ">"), line);
    assert_int_equal(occurrences(path, "M"), 3); /* broken twice */
    const char *off = strstr(html, "class=\"off c0\" d=\"");
    assert_non_null(off);
    snprintf(path, sizeof path, "%.*s", (int)strcspn(off, ">"), off);
    assert_int_equal(occurrences(path, "M"), 2);
    double infinite = strtod(strchr(strchr(path, 'M'), ' '), NULL);
    double zero = strtod(strchr(strrchr(path, 'M'), ' '), NULL);
    assert_true(infinite <= 30 && zero >= 170); /* top and foot */
    assert_non_null(strstr(html, "beyond the axis"));
    assert_non_null(strstr(html, "from 0 to 4, at last 4, 1 not finite"));
    free(html);
    chart = chart_of(&whole, 1, false);
    html = draw(&chart);
    assert_null(strstr(html, "class=\"off"));
    assert_null(strstr(html, "beyond the axis"));
    free(html);
}

static void the_table_has_the_numbers(void **unused)
{
    const double x[] = {16, 32}, y[] = {0.25, -1.5}, z[] = {7, INFINITY};
    const ng_series series[] = {{"one", x, y, 2, true, 0},
                                {"two", x, z, 2, false, 1}};
    (void)unused;
    ng_chart chart = chart_of(series, 2, false);
    char *html = draw(&chart);
    assert_non_null(strstr(html, "<tr><td>16</td><td>0.25</td><td>7</td></tr>\n"
                                 "<tr><td>32</td><td>-1.5</td><td>inf</td>"));
    assert_non_null(strstr(html, "role=\"img\" aria-label=\"e against n: one "
                                 "from -1.5 to 0.25, at last -1.5; two from 7 "
                                 "to 7, at last inf, 1 not finite\""));
    free(html);
}

static void long_series_and_names_are_bounded(void **unused)
{
    enum { MANY = 200000 };
    double *x = calloc(MANY, sizeof *x);
    char *name = malloc(MANY + 1);
    ng_series series[40];
    (void)unused;
    assert_true(x && name);
    memset(name, '<', MANY);
    name[MANY] = '\0';
    for (size_t i = 0; i < MANY; i++)
        x[i] = (double)i;
    for (size_t i = 0; i < 40; i++)
        series[i] = (ng_series){name, x, x, MANY, i % 2, (unsigned)i};
    ng_chart chart = chart_of(series, 40, false);
    chart.title = chart.x_title = chart.y_title = name;
    char *html = draw(&chart);
    assert_in_range(strlen(html), 1000, 90000);
    assert_on_canvas(html);
    assert_non_null(strstr(html, "199936 more in the records"));
    free(html);
    free(name);
    free(x);
}

static void hostile_text_is_escaped(void **unused)
{
    static const char hostile[] = "<script>\"'&\x01\xff\xe2\x80\xae";
    const double x[] = {1, 2};
    const ng_series series = {hostile, x, x, 2, true, 0};
    (void)unused;
    ng_chart chart = chart_of(&series, 1, false);
    chart.title = chart.x_title = chart.y_title = hostile;
    char *html = draw(&chart);
    assert_null(strstr(html, "<script"));
    assert_null(strchr(html, '\x01'));
    free(html);
}

static void series_differ_without_colour(void **unused)
{
    (void)unused;
    for (int c = 1; c < 6; c++) {
        char rule[40];
        snprintf(rule, sizeof rule, ".line.c%d { stroke-dasharray", c);
        assert_non_null(strstr(ng_report_css, rule));
    }
    assert_non_null(strstr(ng_report_css, "stroke-linecap: round"));
    assert_non_null(strstr(ng_report_css, "stroke-linecap: square"));
}

/* Labels read back as the numbers of their ticks, in rising order. */
static void labels_tell_the_ticks_apart(void **unused)
{
    static const double ends[][2] = {
        {0, 1},          {0.3, 0.31},     {-5, 1e6},     {1e-20, 3e-20},
        {99.99, 100.01}, {1e300, 2e300},  {-7e-5, 2e-5}, {5, 5},
        {0, 0},          {-1e308, 1e308},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        ng_axis axis;
        char label[NG_AXIS_LABEL_MAX];
        double before = -INFINITY;
        bool off;
        ng_axis_init(&axis, false);
        ng_axis_include(&axis, ends[i][0]);
        ng_axis_include(&axis, ends[i][1]);
        ng_axis_close(&axis);
        assert_in_range(axis.ticks, 2, 12);
        for (size_t k = 0; k < axis.ticks; k++) {
            ng_axis_label(&axis, k, label);
            double value = strtod(label, NULL);
            assert_true(value > before);
            assert_true(fabs(ng_axis_place(&axis, value, &off) -
                             ng_axis_tick(&axis, k)) < 0.02);
            if (off)
                fail_msg("%s of [%g, %g]", label, ends[i][0], ends[i][1]);
            before = value;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_numbers_stay_on_the_canvas),
        cmocka_unit_test(nothing_is_a_picture_too),
        cmocka_unit_test(a_log_axis_shows_equal_ratios_as_equal_distances),
        cmocka_unit_test(powers_of_two_are_labelled_as_such),
        cmocka_unit_test(what_has_no_place_is_marked_at_the_edge),
        cmocka_unit_test(the_table_has_the_numbers),
        cmocka_unit_test(long_series_and_names_are_bounded),
        cmocka_unit_test(hostile_text_is_escaped),
        cmocka_unit_test(series_differ_without_colour),
        cmocka_unit_test(labels_tell_the_ticks_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
