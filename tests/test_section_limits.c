/* Section limits: sections of the page without anything to say, with too much,
 * and of hostile columns and contracts. */
#include "report_records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_text.h"

enum { MANY = 3000, LONG = 1000000 };

static const char *const names[] = {"gradients", "running", "distribution",
                                    "determinism", "contract"};
static const char *const properties[] = {
    "gradient", "adjoint", "jacobian",    "running", "accuracy",
    "repeat",   "threads", "permutation", "growth",  "rounding"};
enum {
    NAMES = sizeof names / sizeof names[0],
    PROPERTIES = sizeof properties / sizeof properties[0]
};

static void nothing_to_say_is_not_said(void **unused)
{
    ng_record record = check("plain", "sizes", "PASS", 0.5);
    (void)unused;
    for (size_t i = 0; i < NAMES; i++) {
        char *text = section(&record, 1, names[i]);
        lacks(text, "<p");
        lacks(text, "<table");
        lacks(text, "plain");
        free(text);
    }
}

static void bugs_on_purpose_stand_aside(void **unused)
{
    ng_record records[] = {
        measured("wrong", "adjoint", "FAIL", "residual=9; bound=1"),
        measured("right", "adjoint", "PASS", "residual=0.5; bound=1"),
    };
    (void)unused;
    records[0].seeded_bug = "adjoint";
    char *text = section(records, 2, "gradients");
    lacks(text, "wrong");
    has(text, "<b>right</b>");
    free(text);
    text = section(records, 1, "gradients");
    has(text, "<b>wrong</b>");
    free(text);
}

static void hostile_columns_do_no_harm(void **unused)
{
    static const char *const hostile[] = {
        "<script>alert(1)</script>",
        "singular=; least=; most=; step=; mean=; residual=; calls=",
        "singular=nan inf -inf 0 -1; least=1; most=nan nan nan nan nan nan",
        "singular=1e308 -1e308; least=0; residual=inf; bound=0; cosine=nan",
        "step=nan inf -5; mean=1 2 3 4 5 6; closed_mean=1; error_mean=nan; "
        "bound_mean=0; var=inf; closed_var=nan nan; error_var=1; bound_var=",
        "step=1 2 3; mean=1e300 -1e300 nan; closed_mean=0 0 0; bound_mean=0 0 "
        "0; error_mean=inf nan -inf",
        "before=1 2 3 4 5; before_bins=1 -1; after=1 2 3 4 5; after_bins=1 1",
        "before=nan inf -inf 1e308 0; before_bins=1 0; after=1 2 3 4 5; "
        "after_bins=9e15 nan",
        "before=nan inf -inf 1e308 0; before_bins=1 0; after=1 2 3 4 5; "
        "after_bins=9e15 0 1",
        "calls=1e300; differing=1e300; compared=1e300",
        "calls=nan; differing=-1; compared=inf",
        "calls=1; differing=5; compared=2",
        "n=1; error_exponent=inf; bound_exponent=nan; share=-1e300",
        "step=1; step=2; step=3; residual=1; residual=2",
    };
    static const char *const contracts[] = {
        "<script>alert('1')</script> \"& = == deterministic= a=\x01\x1b[31m",
        "deterministic=<b> batch_invariant=yes=yes summation \xff=\xc0\xaf",
        "====   =yes\tx=1\nvariance=two_pass",
    };
    enum { COUNT = sizeof hostile / sizeof hostile[0] };
    ng_record records[COUNT * PROPERTIES];
    char *name = malloc(LONG + 1), *contract = malloc(2 * LONG + 1);
    (void)unused;
    assert_non_null(name);
    assert_non_null(contract);
    memset(name, '&', LONG);
    name[LONG] = '\0';
    for (size_t i = 0; i < 2 * LONG; i += 2)
        memcpy(contract + i, "a ", 2);
    contract[2 * LONG] = '\0';
    for (size_t i = 0; i < COUNT * PROPERTIES; i++) {
        size_t k = i / PROPERTIES;
        records[i] = measured(k % 3 == 0   ? name
                              : k % 3 == 1 ? "b"
                                           : "<i>",
                              properties[i % PROPERTIES],
                              i % 4 == 0 ? "FAIL" : "PASS", hostile[k]);
        records[i].contract = k == 3 ? contract : contracts[k % 3];
        records[i].note = records[i].cause = k == 0 ? name : contracts[0];
        records[i].pass = k % 2 == 0 ? "backward" : name;
    }
    for (size_t i = 0; i < COUNT; i++)
        free(render(records + i * PROPERTIES, PROPERTIES));
    char *page = render(records, COUNT * PROPERTIES);
    lacks(page, "<script>alert");
    assert_true(strlen(page) < 2000000);
    free(page);
    free(contract);
    free(name);
}

/* The sum of numbers before `words`, without their commas. */
static size_t sum_before(const char *text, const char *words)
{
    size_t sum = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL;
         at += strlen(words)) {
        size_t number = 0;
        const char *from = at;
        while (from > text && strchr("0123456789,", from[-1]))
            from--;
        for (; from < at; from++)
            if (*from != ',')
                number = 10 * number + (size_t)(*from - '0');
        sum += number;
    }
    return sum;
}

/* Every kernel is shown, or counted as left out. */
static void many_kernels_are_counted(void **unused)
{
    static char kernel[MANY][32], contract[MANY][80], columns[MANY][160];
    static char cause[MANY][80];
    ng_record *records = calloc(4 * MANY, sizeof *records);
    (void)unused;
    assert_non_null(records);
    for (size_t i = 0; i < MANY; i++) {
        ng_record *r = &records[4 * i];
        snprintf(kernel[i], sizeof kernel[i], "kernel%zu", i);
        snprintf(contract[i], sizeof contract[i],
                 "deterministic=yes summation=lanes block=%zu", i / 2 + 1);
        /* no more than two are equal */
        snprintf(cause[i], sizeof cause[i],
                 "bits %zu, though the contract promises deterministic=yes",
                 i / 2);
        snprintf(columns[i], sizeof columns[i],
                 "before=0 1 -%zu 0 2; before_bins=1 2; after=0 1 2 3 4; "
                 "after_bins=1 1",
                 i / 2 + 2);
        r[0] = measured(kernel[i], "adjoint", "PASS", "residual=1; bound=2");
        r[1] = measured(kernel[i], "running", "PASS",
                        "step=1 2; mean=1 2; closed_mean=1 2; bound_mean=1 1; "
                        "error_mean=0 0");
        r[2] = measured(kernel[i], "accuracy", "PASS", columns[i]);
        r[3] = measured(kernel[i], "repeat", "FAIL",
                        "calls=1; differing=1; compared=2");
        for (size_t k = 0; k < 4; k++)
            r[k].contract = contract[i];
        r[3].cause = cause[i];
    }
    for (size_t i = 0; i < NAMES; i++) {
        char *text = section(records, (size_t)4 * MANY, names[i]);
        size_t left_out = sum_before(text, " more kernels would");
        const char *row =
            strcmp(names[i], "contract") == 0 ? "<caption><b>" : "><b>kernel";
        size_t shown =
            occurrences(text, row) + sum_before(text, " more</summary>");
        assert_true(shown > 10);
        assert_true(left_out > 0);
        assert_int_equal(shown + left_out, MANY);
        assert_true(strlen(text) < 110 * 1024);
        free(text);
    }
    free(records);
}

static void hostile_sweeps_and_maps_do_no_harm(void **unused)
{
    static const char *const columns[] = {
        "n=1 2 3; error=nan inf -inf; bound=0 -1 1e308; error_exponent=1e300",
        "n=; error=; bound=",
        "offset=5 4; error=1e-320",
        "n=1 1 1 1; error=1 1 1 1; bound=1; bound_exponent=nan",
        "scale=1e308; offset=0; eps=1; outside=0; infinite=0; zero=0",
        "scale=-20000; offset=20000; eps=-1e308; outside=1; infinite=0",
        "scale=nan; offset=inf; eps=nan",
        "scale=0.5; offset=-3; eps=0; outside=nan; infinite=nan; zero=nan",
        "<script>=1; n=1",
    };
    enum { COUNT = sizeof columns / sizeof columns[0] };
    ng_record *records = calloc(MANY, sizeof *records);
    char(*texts)[100] = calloc(MANY, sizeof *texts);
    (void)unused;
    assert_true(records && texts);
    for (size_t i = 0; i < 2 * COUNT; i++) {
        records[i] = check("k", i % 2 ? "growth" : "range", "PASS", 0.5);
        records[i].columns = columns[i / 2];
    }
    char *html = render(records, 2 * COUNT);
    assert_null(strstr(html, "<script>="));
    free(html);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof texts[i],
                 "scale=%zu; offset=%zu; eps=%zu; outside=0; infinite=0", i % 7,
                 i % 90, i);
        records[i] = check("k", "range", "PASS", 0.5);
        records[i].columns = texts[i];
    }
    char *range = section(records, MANY, "range");
    assert_in_range(strlen(range), 1000, 16 * 1024);
    has(range, "more places are in the records");
    free(range);
    free(texts);
    free(records);
}

static const struct {
    const char *name;
    size_t kib;
} sections[] = {
#define NG_SECTION(name, title, kib) {#name, kib},
#include "../reports/sections.def"
#undef NG_SECTION
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

static size_t kib_of(const char *name)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        if (strcmp(sections[i].name, name) == 0)
            return sections[i].kib;
    }
    fail_msg("no section %s", name);
    return 0;
}

/* With the head, the style sheet and the script a page stays below 2 MB. */
static void shares_fit_into_the_page(void **unused)
{
    size_t sum = 0;
    (void)unused;
    for (size_t i = 0; i < SECTIONS; i++)
        sum += sections[i].kib;
    assert_in_range(sum, SECTIONS, 1900);
}

/* What is left out is counted, and a section ends within a picture of its
 * share. */
static void sections_keep_to_their_share(void **unused)
{
    enum { KERNELS = 2000 };
    static char kernels[KERNELS][16], columns[KERNELS][200];
    ng_record *records = calloc(3 * KERNELS, sizeof *records);
    (void)unused;
    assert_non_null(records);
    for (size_t i = 0; i < KERNELS; i++) {
        snprintf(kernels[i], sizeof kernels[i], "kernel_%zu", i);
        snprintf(columns[i], sizeof columns[i],
                 "scale=%zu; offset=0; eps=0; outside=0; infinite=0", i);
        ng_record *r = &records[3 * i];
        r[0] = check(kernels[i], "growth", "PASS", 0.5);
        r[0].columns = "n=1 2 4 8; error=1 2 3 4; bound=2 4 8 16";
        r[1] = check(kernels[i], "range", "PASS", 0.5);
        r[1].columns = columns[i];
        r[2] = check(kernels[i], "shift", "PASS", 0.5);
        r[2].histogram = "0:1 7:2 20:5";
        r[0].dtype = kernels[i]; /* a group of its own */
    }
    const struct {
        const char *name, *rest;
        size_t kib;
    } shares[] = {{"errors", "more rows", kib_of("errors")},
                  {"growth", "more sweeps", kib_of("growth")},
                  {"range", "more maps", kib_of("range")}};
    for (size_t i = 0; i < 3; i++) {
        char *part = section(records, 3 * KERNELS, shares[i].name);
        assert_in_range(strlen(part), 1024 * (shares[i].kib - 6),
                        1024 * (shares[i].kib + 6));
        assert_non_null(strstr(part, shares[i].rest));
        free(part);
    }
    free(records);
}

/* A quote is six bytes on the page. */
static char *quotes(size_t count, size_t number)
{
    char *text = calloc(count + 8, 1);
    assert_non_null(text);
    memset(text, '"', count);
    snprintf(text + count, 8, "%zu", number % 100000);
    return text;
}

static void no_text_fills_the_page(void **unused)
{
    static const char *const columns[] = {
        "residual=9; bound=1",
        "residual=9; bound=1",
        "singular=3 2; least=1 1; most=4 4",
        "step=1 2; mean=1 2; closed_mean=1 2; bound_mean=1 1; error_mean=0 0",
        "before=0 1 -2 0 2; before_bins=1 2; after=0 1 2 3 4; after_bins=1 1",
        "calls=1; differing=1; compared=2",
        "calls=1; differing=1; compared=2",
        "calls=1; differing=1; compared=2",
        "n=16 64 256; error=1 2 3; bound=2 3 4",
        "share=0.5; samples=10",
    };
    enum { CHECKS = 300, OTHERS = 40 };
    static const char *const kinds[] = {"waiver", "baseline", "score", "run"};
    char *text = quotes(20000, 0), *name[CHECKS];
    ng_record records[CHECKS + OTHERS];
    (void)unused;
    for (size_t i = 0; i < CHECKS; i++) {
        ng_record *r = &records[i];
        name[i] = quotes(300, i);
        *r = measured(name[i - i % PROPERTIES], properties[i % PROPERTIES],
                      i % 3 == 0 ? "FAIL" : "PASS", columns[i % PROPERTIES]);
        r->op = r->pass = r->dtype = name[i % 7];
        r->family = r->contract = r->cause = r->note = r->replay = r->test =
            r->file = r->worst_tensor = text;
        r->subject = name[i - i % 100];
        r->got = r->exact = r->x = r->rounded = r->bound = -1.23456789e-300;
    }
    for (size_t i = CHECKS; i < CHECKS + OTHERS; i++) {
        ng_record *r = &records[i];
        ng_record_init(r, kinds[i % 4]);
        r->subject = r->kernel = r->property = r->op = r->pass = r->dtype =
            text;
        r->waived = r->waiver = r->cause = r->replay = r->note = r->expires =
            text;
        r->command = r->build = r->machine = r->libraries = r->fpenv = text;
        r->verdict = "FAIL";
        r->state = "worse";
    }
    char *page = render(records, CHECKS + OTHERS);
    assert_true(strlen(page) < 2000000);
    has(page, "id=\"provenance\"");
    free(page);
    for (size_t i = 0; i < CHECKS; i++)
        free(name[i]);
    free(text);
}

static void classes_of_scores_are_counted(void **unused)
{
    ng_record *records = calloc(MANY, sizeof *records);
    char(*op)[16] = calloc(MANY, sizeof *op);
    (void)unused;
    assert_non_null(records);
    assert_non_null(op);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(op[i], sizeof op[i], "op%zu", i / 2);
        ng_record_init(&records[i], "score");
        records[i].op = op[i];
        records[i].kernel = "bug";
        records[i].verdict = i % 2 == 0 ? "FAIL" : "PASS";
    }
    char *text = section(records, MANY, "kill_score");
    size_t left_out = sum_before(text, " more classes would");
    has(text, "<tr><th scope=\"row\">op0</th><td></td><td></td>"
              "<td class=\"number\">1</td><td class=\"number\">2</td></tr>\n"
              "<tr><th scope=\"row\">op1</th>");
    assert_true(left_out > 0);
    assert_int_equal(occurrences(text, "<tr><th scope=\"row\">op") + left_out,
                     MANY / 2);
    assert_true(strlen(text) < 60 * 1024);
    free(text);
    free(op);
    free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_say_is_not_said),
        cmocka_unit_test(bugs_on_purpose_stand_aside),
        cmocka_unit_test(hostile_columns_do_no_harm),
        cmocka_unit_test(many_kernels_are_counted),
        cmocka_unit_test(hostile_sweeps_and_maps_do_no_harm),
        cmocka_unit_test(sections_keep_to_their_share),
        cmocka_unit_test(shares_fit_into_the_page),
        cmocka_unit_test(no_text_fills_the_page),
        cmocka_unit_test(classes_of_scores_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
