/* Case lines of the whole family: each op and pass has its own fields, in one
 * canonical order; sizes that no case may have, and fields that this op does
 * not have, are refused in words that say what would do. */
#include <normgate/case.h>
#include <normgate/op.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void parse_or_fail(ng_case *test, const char *text)
{
    ng_error error = {""};
    memset(test, 0xa5, sizeof *test);
    if (ng_case_parse(test, text, &error) != ng_status_ok)
        fail_msg("'%.200s': %s", text, error.text);
}

static void expect_refused(const char *line, const char *words)
{
    static ng_case test;
    ng_error error = {""};
    ng_status status = ng_case_parse(&test, line, &error);
    if (status != ng_status_bad_input || strstr(error.text, words) == NULL)
        fail_msg("'%s' gives status %d, '%s', not '%s'", line, (int)status,
                 error.text, words);
    assert_null(strchr(error.text, '\n'));
}

/* Every op and pass: what its shortest line stands for, in full. */
static const char *const canonical[][2] = {
    {"layer_norm/forward/f32", "rows=1 n=1 eps=1e-05 gen=normal affine=random "
                               "seed=0"},
    {"layer_norm/backward/f32",
     "rows=1 n=1 eps=1e-05 gen=normal affine=random dy=normal seed=0"},
    {"rms_norm/forward/bf16", "rows=1 n=1 eps=1e-05 gen=normal affine=random "
                              "seed=0"},
    {"rms_norm/backward/bf16",
     "rows=1 n=1 eps=1e-05 gen=normal affine=random dy=normal seed=0"},
    {"l2_norm/forward/f16", "rows=1 n=1 eps=1e-05 gen=normal affine=random "
                            "seed=0"},
    {"l2_norm/backward/f16",
     "rows=1 n=1 eps=1e-05 gen=normal affine=random dy=normal seed=0"},
    {"batch_norm/forward/f32",
     "N=1 C=1 spatial=1 eps=1e-05 momentum=0.1 batches=0 gen=normal "
     "affine=random seed=0"},
    {"batch_norm/inference/f32",
     "N=1 C=1 spatial=1 eps=1e-05 momentum=0.1 batches=0 gen=normal "
     "affine=random seed=0"},
    {"batch_norm/backward/f64",
     "N=1 C=1 spatial=1 eps=1e-05 momentum=0.1 batches=0 gen=normal "
     "affine=random dy=normal seed=0"},
    {"batch_norm/inference_backward/f64",
     "N=1 C=1 spatial=1 eps=1e-05 momentum=0.1 batches=0 gen=normal "
     "affine=random dy=normal seed=0"},
    {"group_norm/forward/f32",
     "N=1 C=1 spatial=1 num_groups=1 eps=1e-05 gen=normal affine=random "
     "seed=0"},
    {"group_norm/backward/f32",
     "N=1 C=1 spatial=1 num_groups=1 eps=1e-05 gen=normal affine=random "
     "dy=normal seed=0"},
    {"instance_norm/forward/f32",
     "N=1 C=1 spatial=1 eps=1e-05 momentum=0.1 batches=0 gen=normal "
     "affine=random seed=0"},
    {"instance_norm/inference/f32",
     "N=1 C=1 spatial=1 eps=1e-05 momentum=0.1 batches=0 gen=normal "
     "affine=random seed=0"},
    {"instance_norm/backward/f32",
     "N=1 C=1 spatial=1 eps=1e-05 momentum=0.1 batches=0 gen=normal "
     "affine=random dy=normal seed=0"},
    {"instance_norm/inference_backward/f32",
     "N=1 C=1 spatial=1 eps=1e-05 momentum=0.1 batches=0 gen=normal "
     "affine=random dy=normal seed=0"},
};

static void shortest_lines(void **state)
{
    (void)state;
    static ng_case test;
    static char text[NG_CASE_TEXT_MAX], full[300];
    for (size_t k = 0; k < sizeof canonical / sizeof canonical[0]; k++) {
        snprintf(full, sizeof full, "%s %s", canonical[k][0], canonical[k][1]);
        parse_or_fail(&test, canonical[k][0]);
        ng_case_print(&test, text, sizeof text);
        assert_string_equal(text, full);
        parse_or_fail(&test, text);
        ng_case_print(&test, text, sizeof text);
        assert_string_equal(text, full);
    }
}

/* Full lines, as they are printed; rows and n follow from the sizes. */
static void full_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t rows, n;
    } rows[] = {
        {"batch_norm/forward/bf16 N=8 C=3 spatial=49 eps=0.001 momentum=0.9 "
         "batches=17 gen=offset:100 affine=unit seed=7",
         3, 392},
        {"batch_norm/inference_backward/f16 N=2 C=5 spatial=6 gap=3 step=2 "
         "start=9 eps=1 momentum=0.1 batches=0 gen=normal affine=random "
         "dy=ones bytes=00ff",
         5, 12},
        {"group_norm/backward/f32 N=2 C=12 spatial=10 num_groups=4 eps=0 "
         "gen=normal affine=random dy=ones seed=18446744073709551615",
         8, 30},
        {"group_norm/forward/f32 N=0 C=12 spatial=10 num_groups=4 eps=0 "
         "gen=normal affine=random seed=1",
         0, 30},
        {"instance_norm/forward/f64 N=4 C=6 spatial=9 start=1 eps=1 "
         "momentum=-2 batches=18446744073709551615 gen=normal affine=random "
         "seed=0",
         24, 9},
        {"layer_norm/backward/f32 rows=4 n=6 gap=5 step=16777 start=8 eps=1 "
         "gen=normal affine=random dy=wide seed=0",
         4, 6},
    };
    static ng_case test;
    static char text[NG_CASE_TEXT_MAX];
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        parse_or_fail(&test, rows[k].line);
        assert_int_equal(test.rows, rows[k].rows);
        assert_int_equal(test.n, rows[k].n);
        ng_case_print(&test, text, sizeof text);
        assert_string_equal(text, rows[k].line);
    }
    parse_or_fail(&test, rows[0].line);
    assert_true(test.N == 8 && test.C == 3 && test.spatial == 49);
    assert_true(test.momentum == 0.9 && test.batches == 17);
    parse_or_fail(&test, rows[1].line);
    assert_true(test.gap == 3 && test.step == 2 && test.start == 9);
    assert_string_equal(test.dy, "ones");
    parse_or_fail(&test, rows[2].line);
    assert_int_equal(test.num_groups, 4);
}

/* A field of another op or pass is unknown here, and the list says what is
 * known. */
static void unknown_fields(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"layer_norm/forward/f32 C=3", "a case of layer_norm/forward has no "
                                       "field 'C'; it has rows n gap step "
                                       "start eps gen affine seed bytes"},
        {"rms_norm/backward/f32 momentum=0.1",
         "a case of rms_norm/backward has no field 'momentum'; it has rows n "
         "gap step start eps gen affine dy seed bytes"},
        {"batch_norm/forward/f32 rows=3",
         "a case of batch_norm/forward has no field 'rows'; it has N C spatial "
         "gap step start eps momentum batches gen affine seed bytes"},
        {"instance_norm/inference_backward/f32 num_groups=2",
         "no field 'num_groups'; it has N C spatial gap step start eps "
         "momentum "
         "batches gen affine dy seed bytes"},
        {"group_norm/backward/f32 batches=2",
         "no field 'batches'; it has N C spatial num_groups gap step start eps "
         "gen affine dy seed bytes"},
        {"batch_norm/forward/f32 dy=ones", "no field 'dy'"},
        {"batch_norm/forward/f32 num_groups=1", "no field 'num_groups'"},
        {"group_norm/forward/f32 n=3", "no field 'n'"},
        {"l2_norm/forward/f32 spatial=3", "no field 'spatial'"},
        {"batch_norm/forward/f32 H=3", "no field 'H'"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
        expect_refused(rows[k][0], rows[k][1]);
}

static void passes(void **state)
{
    (void)state;
    static const char *const without[] = {"layer_norm", "rms_norm", "l2_norm",
                                          "group_norm"};
    for (size_t k = 0; k < 4; k++) {
        char line[100], words[100];
        snprintf(line, sizeof line, "%s/inference/f32", without[k]);
        snprintf(words, sizeof words,
                 "%s has no running statistics, so no pass inference",
                 without[k]);
        expect_refused(line, words);
        snprintf(line, sizeof line, "%s/inference_backward/f32", without[k]);
        expect_refused(line, "so no pass inference_backward");
    }
    expect_refused("batch_norm/training/f32",
                   "unknown pass 'training'; expected forward, inference, "
                   "backward or inference_backward");
}

static void groups(void **state)
{
    (void)state;
    static ng_case test;
    expect_refused("group_norm/forward/f32 C=7 num_groups=2",
                   "C=7 does not fall into num_groups=2 groups of equal size");
    expect_refused("group_norm/forward/f32 C=2 num_groups=4",
                   "C=2 does not fall into num_groups=4 groups");
    expect_refused("group_norm/forward/f32 C=4 num_groups=0",
                   "C=4 does not fall into num_groups=0 groups");
    expect_refused("group_norm/forward/f32 num_groups=3 N=2",
                   "C=1 does not fall into num_groups=3 groups");
    parse_or_fail(&test, "group_norm/forward/f32 num_groups=3 C=9");
    assert_true(test.rows == 3 && test.n == 3);
    parse_or_fail(&test, "group_norm/forward/f32 num_groups=9 C=9 N=2");
    assert_true(test.rows == 18 && test.n == 1);
}

/* 2^24 elements are a case, one more is none; nor are strides, gaps, sets or
 * parameters beyond them, or sizes whose product leaves 64 bits. */
static void too_many(void **state)
{
    (void)state;
    static const char *const fitting[] = {
        "batch_norm/forward/f32 N=256 C=256 spatial=256",
        "batch_norm/forward/f32 N=16777216",
        "group_norm/forward/f32 C=16777216 num_groups=16777216",
        "instance_norm/forward/f32 spatial=16777216",
        "layer_norm/forward/f32 rows=2 n=4 gap=1048576 step=1048576",
        "layer_norm/forward/f32 rows=1 n=1 start=16777215",
        "batch_norm/forward/f32 N=0 C=16777216 spatial=16777216",
    };
    static const char *const beyond[][2] = {
        {"batch_norm/forward/f32 N=257 C=256 spatial=256",
         "N=257 C=256 spatial=256 are more than 2^24 elements"},
        {"batch_norm/forward/f32 N=16777216 C=16777216 spatial=16777216",
         "are more than 2^24 elements"},
        {"group_norm/forward/f32 N=2 C=16777216 num_groups=4",
         "N=2 C=16777216 spatial=1 num_groups=4 are more than 2^24 elements"},
        {"instance_norm/forward/f32 N=16777216 C=16777216 spatial=0",
         "are more than 2^24 elements"}, /* means */
        {"group_norm/forward/f32 N=16777216 C=0 num_groups=16777216",
         "are more than 2^24 elements"},
        {"batch_norm/forward/f32 N=16777216 C=0 spatial=16777216",
         "are more than 2^24 elements"}, /* n */
        {"batch_norm/forward/f32 N=16777217", "N=16777217 is not usable"},
        {"batch_norm/forward/f32 C=16777217", "C=16777217 is not usable"},
        {"batch_norm/forward/f32 spatial=16777217",
         "spatial=16777217 is not usable"},
        {"group_norm/forward/f32 num_groups=16777217",
         "num_groups=16777217 is not usable"},
        {"layer_norm/forward/f32 rows=2 n=4 step=4194304",
         "rows=2 n=4 step=4194304 are more than 2^24 elements"},
        {"layer_norm/forward/f32 rows=3 n=4 gap=16777216",
         "gap=16777216 are more than 2^24 elements"},
        {"layer_norm/forward/f32 rows=2 n=4 gap=16777216 step=16777216",
         "are more than 2^24 elements"},
        {"batch_norm/forward/f32 N=2 C=4 spatial=4 gap=3000000",
         "gap=3000000 are more than 2^24 elements"},
        {"layer_norm/forward/f32 start=16777216",
         "start=16777216 are more than 2^24 elements"},
        {"layer_norm/forward/f32 rows=0 n=16777217", "n=16777217"},
    };
    static ng_case test;
    for (size_t k = 0; k < sizeof fitting / sizeof fitting[0]; k++)
        parse_or_fail(&test, fitting[k]);
    for (size_t k = 0; k < sizeof beyond / sizeof beyond[0]; k++)
        expect_refused(beyond[k][0], beyond[k][1]);
}

/* What a line may ask for must be countable: no view of an accepted case
 * leaves 64 bits, also where a size of 0 hides the others. */
static void views_stay_in_range(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "batch_norm/forward/f32 N=0 C=16777216 spatial=16777216 step=16777216",
        "instance_norm/forward/f32 N=0 C=16777216 spatial=16777216 "
        "step=16777216 gap=16777216",
        "layer_norm/forward/f32 rows=0 n=16777216 step=16777216 gap=16777216",
    };
    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        static ng_case test;
        ng_contract contract;
        if (ng_case_parse(&test, lines[k], NULL) != ng_status_ok)
            continue;
        ng_contract_init(&contract, test.op, NULL);
        ng_contract_set(&contract, "layout", "strided");
        ptrdiff_t stride[3];
        ng_case_strides(&test, &contract, stride);
        double unit = (double)test.step;
        double channel = (double)test.spatial * unit + (double)test.gap;
        bool rows = ng_op_find(test.op)->shape == ng_shape_rows;
        double outer = rows ? (double)test.n * unit + (double)test.gap
                            : (double)test.C * channel + (double)test.gap;
        if ((double)stride[0] != outer)
            fail_msg("'%s' has stride %td, not %g", lines[k], stride[0], outer);
    }
}

static void malformed(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"N=-1", "N=-1 is not usable; expected a count of examples"},
        {"C=x", "C=x is not usable; expected a count of channels"},
        {"spatial=7x7", "expected a count of positions"},
        {"momentum=nan",
         "momentum=nan is not usable; expected a finite number"},
        {"momentum=inf", "momentum=inf is not usable"},
        {"batches=-1", "batches=-1 is not usable; expected a count of batches"},
        {"batches=1.5", "batches=1.5 is not usable"},
        {"batches=18446744073709551616", "is not usable"},
        {"dy=", "dy="},
        {"dy=Ones", "dy=Ones is not usable; expected a family of gradients"},
        {"dy=ones:3", "dy=ones:3 is not usable"},
        {"dy=a_name_that_is_longer_than_any_name_may_be", "is not usable"},
        {"gap=-1", "gap=-1 is not usable; expected a count of elements"},
        {"step=0", "step=0 is not usable; expected a stride of 1 or more"},
        {"step=-1", "step=-1 is not usable"},
        {"start=1e3", "start=1e3 is not usable"},
        {"N=1 N=1", "the case gives N twice; keep one"},
        {"step=1 step=1", "the case gives step twice; keep one"},
        {"dy=ones dy=ones", "the case gives dy twice; keep one"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        char line[200];
        snprintf(line, sizeof line, "batch_norm/backward/f32 %s", rows[k][0]);
        expect_refused(line, rows[k][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shortest_lines),
        cmocka_unit_test(full_lines),
        cmocka_unit_test(unknown_fields),
        cmocka_unit_test(passes),
        cmocka_unit_test(groups),
        cmocka_unit_test(too_many),
        cmocka_unit_test(views_stay_in_range),
        cmocka_unit_test(malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
