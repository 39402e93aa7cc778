/* Histogram: every bin by edges written down another way, quantiles against a
 * sorted list, and texts: what is printed is read back, what is none is
 * refused. */
#include <normgate/histogram.h>

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In units of 2^-7, so that all edges are whole: 2^(k - 7) of 2, and 3 of 2^k
 * in turn, k from 1 on. */
static double edge_by_hand(size_t bin)
{
    uint64_t units = UINT64_C(2) << (bin - 1) / 2;
    if (bin % 2 == 0)
        units += units / 2;
    return (double)units / 128;
}

static void test_edges(void **state)
{
    (void)state;
    assert_int_equal(NG_HISTOGRAM_BINS, 63);
    assert_true(ng_histogram_edge(0) == 0);
    for (size_t bin = 1; bin <= 61; bin++) {
        double edge = edge_by_hand(bin);
        assert_true(ng_histogram_edge(bin) == edge);
        /* The edge is inside, the next double is not. */
        assert_int_equal(ng_histogram_bin(edge), bin);
        assert_int_equal(ng_histogram_bin(nextafter(edge, 0)), bin);
        assert_int_equal(ng_histogram_bin(nextafter(edge, INFINITY)), bin + 1);
        assert_int_equal(ng_histogram_bin(edge * 0.9), bin > 1 ? bin : 1);
    }
    /* Written out, should the rule above err as the code does. */
    assert_true(ng_histogram_edge(1) == 1 / 64.0);
    assert_true(ng_histogram_edge(2) == 3 / 128.0);
    assert_true(ng_histogram_edge(3) == 1 / 32.0);
    assert_true(ng_histogram_edge(11) == 0.5);
    assert_true(ng_histogram_edge(13) == 1);
    assert_true(ng_histogram_edge(14) == 1.5);
    assert_true(ng_histogram_edge(15) == 2);
    assert_true(ng_histogram_edge(61) == 16777216);
    assert_true(isinf(ng_histogram_edge(62)) && isinf(ng_histogram_edge(999)));
}

static void test_odd_errors(void **state)
{
    (void)state;
    assert_int_equal(ng_histogram_bin(0.0), 0);
    assert_int_equal(ng_histogram_bin(-0.0), 0);
    assert_int_equal(ng_histogram_bin(5e-324), 1);
    assert_int_equal(ng_histogram_bin(1e308), 62);
    assert_int_equal(ng_histogram_bin(INFINITY), 62);
    assert_int_equal(ng_histogram_bin(NAN), 62);
    assert_int_equal(ng_histogram_bin(-NAN), 62);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* The quantile of share percent/1000 is the edge of the bin of the value that
 * stands there in the sorted list. */
static void test_quantiles(void **state)
{
    enum { MOST = 1000 };
    static double errors[MOST];
    uint64_t seed = 1;
    (void)state;
    for (size_t round = 0; round < 60; round++) {
        ng_histogram histogram = {{0}};
        size_t count = 1 + (size_t)draw(&seed) % MOST;
        for (size_t i = 0; i < count; i++) {
            int exponent = (int)(draw(&seed) % 44) - 12;
            double value = ldexp((double)draw(&seed), exponent - 31);
            errors[i] = draw(&seed) % 9 == 0 ? 0 : value;
            ng_histogram_add(&histogram, errors[i]);
        }
        qsort(errors, count, sizeof *errors, ascending);
        assert_int_equal(ng_histogram_total(&histogram), count);
        for (size_t share = 0; share <= 1000; share++) {
            /* the least rank r with r/count >= share/1000, in whole numbers */
            size_t rank = (share * count + 999) / 1000;
            size_t bin = ng_histogram_bin(errors[rank > 0 ? rank - 1 : 0]);
            double edge = bin < 62 ? ng_histogram_edge(bin) : INFINITY;
            double got =
                ng_histogram_quantile(&histogram, (double)share / 1000);
            if (got != edge)
                fail_msg("share %zu of %zu: %g, not %g", share, count, got,
                         edge);
        }
    }
}

static void test_quantiles_of_little(void **state)
{
    ng_histogram empty = {{0}}, one = {{0}}, last = {{0}};
    (void)state;
    assert_true(isnan(ng_histogram_quantile(&empty, 0.5)));
    ng_histogram_add(&one, 0.3);
    assert_true(ng_histogram_quantile(&one, 0) == 0.375);
    assert_true(ng_histogram_quantile(&one, 1) == 0.375);
    ng_histogram_add(&last, NAN);
    assert_true(isinf(ng_histogram_quantile(&last, 0.5)));
    /* 2^64 - 1 of one value, where a double counts in thousands. */
    one.count[0] = UINT64_MAX - 1;
    assert_true(ng_histogram_quantile(&one, 0.99) == 0);
}

static void test_merge(void **state)
{
    ng_histogram a = {{0}}, b = {{0}};
    (void)state;
    for (size_t i = 0; i < NG_HISTOGRAM_BINS; i++) {
        a.count[i] = i;
        b.count[i] = 100 * i;
    }
    a.count[5] = UINT64_MAX - 3;
    ng_histogram_merge(&a, &b);
    for (size_t i = 0; i < NG_HISTOGRAM_BINS; i++)
        assert_true(a.count[i] == (i == 5 ? UINT64_MAX : 101 * i));
    assert_true(ng_histogram_total(&a) == UINT64_MAX); /* no less than a part */
}

static void assert_round_trip(const ng_histogram *histogram)
{
    char text[NG_HISTOGRAM_TEXT_MAX];
    ng_histogram back;
    ng_error error;
    ng_histogram_print(histogram, text, sizeof text);
    if (ng_histogram_parse(&back, text, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    assert_memory_equal(&back, histogram, sizeof back);
}

static void test_text(void **state)
{
    ng_histogram histogram = {{0}};
    char text[NG_HISTOGRAM_TEXT_MAX];
    uint64_t seed = 7;
    (void)state;
    ng_histogram_print(&histogram, text, sizeof text);
    assert_string_equal(text, "");
    assert_round_trip(&histogram);
    histogram.count[0] = 118;
    histogram.count[13] = 40;
    histogram.count[62] = 3;
    ng_histogram_print(&histogram, text, sizeof text);
    assert_string_equal(text, "0:118 13:40 62:3");
    for (size_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < NG_HISTOGRAM_BINS; i++)
            histogram.count[i] = draw(&seed) % 3 == 0 ? 0 : draw(&seed);
        assert_round_trip(&histogram);
    }
    /* The longest text there is. */
    for (size_t i = 0; i < NG_HISTOGRAM_BINS; i++)
        histogram.count[i] = UINT64_MAX;
    assert_round_trip(&histogram);
}

static void test_hostile_text(void **state)
{
    static const char *const texts[] = {
        " ",
        "0",
        "0:",
        ":1",
        "0:1 ",
        " 0:1",
        "0:1  1:1",
        "0:1,1:1",
        "0:1\n",
        "0:1\t1:1",
        "0: 1",
        "63:1",
        "-1:1",
        "1:-1",
        "+1:1",
        "1:+1",
        "0:0", /* an empty bin is not printed */
        "00:1",
        "01:1",
        "0:01",
        "5:1 5:1",
        "5:1 4:1",
        "0x1:1",
        "0:0x1",
        "0:1.5",
        "0:1e3",
        "0:nan",
        "0:inf",
        "0:18446744073709551616",
        "0:99999999999999999999999999999999",
        "18446744073709551616:1",
        "18446744073709551617:1", /* 1, had it wrapped */
        "0:1;1:1",
        "\xff:1",
        "0:1 62",
        "0:1 62:",
        "<script>alert(1)</script>",
    };
    ng_histogram histogram;
    ng_error error;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (ng_histogram_parse(&histogram, texts[i], &error) !=
            ng_status_bad_input)
            fail_msg("\"%s\" was read", texts[i]);
        assert_non_null(strstr(error.text, "is no histogram"));
    }
    /* Cut anywhere, a text is none, or one of fewer pairs. */
    const char *whole = "0:118 13:40 62:18446744073709551615";
    char cut[64];
    for (size_t length = 0; length <= strlen(whole); length++) {
        snprintf(cut, sizeof cut, "%.*s", (int)length, whole);
        if (ng_histogram_parse(&histogram, cut, &error) == ng_status_ok)
            assert_round_trip(&histogram);
    }
}

static void test_huge_text(void **state)
{
    enum { SIZE = 1 << 22 };
    char *text = malloc(SIZE);
    ng_histogram histogram;
    ng_error error;
    (void)state;
    assert_non_null(text);
    memset(text, '1', SIZE - 1);
    text[SIZE - 1] = '\0';
    assert_int_equal(ng_histogram_parse(&histogram, text, &error),
                     ng_status_bad_input);
    memcpy(text, "0:", 2);
    assert_int_equal(ng_histogram_parse(&histogram, text, &error),
                     ng_status_bad_input);
    for (size_t i = 0; i < SIZE - 4; i += 4)
        memcpy(text + i, "0:1 ", 4);
    assert_int_equal(ng_histogram_parse(&histogram, text, &error),
                     ng_status_bad_input);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_odd_errors),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_quantiles_of_little),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_huge_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
