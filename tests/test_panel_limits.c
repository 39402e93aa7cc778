/* Panel limits: sections per kernel without anything to say, with too much, and
 * of hostile columns and contracts. */
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
    ng_record *records = calloc(4 * MANY, sizeof *records);
    (void)unused;
    assert_non_null(records);
    for (size_t i = 0; i < MANY; i++) {
        ng_record *r = &records[4 * i];
        snprintf(kernel[i], sizeof kernel[i], "kernel%zu", i);
        snprintf(contract[i], sizeof contract[i], "summation=lanes block=%zu",
                 i / 2 + 1);
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
        r[3].cause = kernel[i - i % 2]; /* no more than two are equal */
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
        cmocka_unit_test(no_text_fills_the_page),
        cmocka_unit_test(classes_of_scores_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
