/* Proves the text form of a case: what is printed reads back equal, for random
 * cases; what is malformed is refused in one line that names the culprit; and
 * nothing that a line says can harm the reader. */
#include "slow_reference.h" /* random numbers and effort */

#include <normgate/case.h>
#include <normgate/op.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool same_double(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static void expect_equal(const ng_case *a, const ng_case *b)
{
    assert_string_equal(a->op, b->op);
    assert_string_equal(a->pass, b->pass);
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->N, b->N);
    assert_int_equal(a->C, b->C);
    assert_int_equal(a->spatial, b->spatial);
    assert_int_equal(a->num_groups, b->num_groups);
    assert_int_equal(a->gap, b->gap);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->start, b->start);
    assert_true(same_double(a->momentum, b->momentum));
    assert_true(a->batches == b->batches);
    assert_string_equal(a->dy, b->dy);
    assert_true(same_double(a->eps, b->eps));
    assert_string_equal(a->gen, b->gen);
    assert_true(same_double(a->gen_arg, b->gen_arg));
    assert_string_equal(a->affine, b->affine);
    assert_int_equal(a->byte_count, b->byte_count);
    if (a->byte_count == SIZE_MAX)
        assert_true(a->seed == b->seed);
    else
        assert_memory_equal(a->bytes, b->bytes, a->byte_count);
}

static double random_real(slow_random *random)
{
    for (;;) {
        uint64_t bits = slow_u64(random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (slow_below(random, 2))
            value =
                slow_int(random, -20, 20) * pow(10, slow_int(random, -9, 9));
        if (isfinite(value))
            return value;
    }
}

static void random_name(slow_random *random, char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t length = 1 + slow_below(random, NG_NAME_MAX - 1);
    for (size_t i = 0; i < length; i++)
        name[i] = letters[slow_below(random, sizeof letters - 1)];
    name[length] = '\0';
}

static void random_pass(slow_random *random, const ng_op *op, ng_case *test)
{
    bool inference = op->running && slow_below(random, 2);
    bool backward = slow_below(random, 2);
    strcpy(test->pass, inference ? backward ? "inference_backward" : "inference"
                       : backward ? "backward"
                                  : "forward");
    if (backward)
        random_name(random, test->dy);
}

/* Up to 2^24 elements; where they are few, with strides. */
static void random_sizes(slow_random *random, const ng_op *op, ng_case *test)
{
    uint64_t most = slow_below(random, 2) ? 100 : 1 << 20;
    if (op->shape == ng_shape_rows) {
        test->n = 1 + slow_below(random, most);
        test->rows = slow_below(random, NG_CASE_ELEMENTS_MAX / test->n + 1);
    } else {
        test->num_groups = op->groups ? 1 + slow_below(random, 9) : 1;
        test->C = test->num_groups * slow_below(random, 30);
        test->spatial = slow_below(random, most) / (test->C + 1);
        test->N = slow_below(random, 16);
        op->complete(test);
    }
    if (test->rows < 100 && test->n < 100) {
        test->gap = slow_below(random, 40);
        test->step = 1 + slow_below(random, 10);
        test->start = slow_below(random, 1000);
    }
}

static void random_case(slow_random *random, ng_case *test)
{
    const ng_op *op = ng_ops[slow_below(random, 6)];
    ng_case_init(test, op->name, (ng_dtype)slow_below(random, NG_DTYPE_COUNT));
    random_pass(random, op, test);
    random_sizes(random, op, test);
    if (op->running) {
        test->momentum = random_real(random);
        test->batches = slow_u64(random) >> slow_below(random, 64);
    }
    test->eps = fabs(random_real(random));
    random_name(random, test->gen);
    random_name(random, test->affine);
    if (slow_below(random, 2))
        test->gen_arg = random_real(random);
    if (slow_below(random, 2)) {
        test->seed = slow_u64(random) >> slow_below(random, 64);
        return;
    }
    test->byte_count =
        slow_below(random, slow_below(random, 4) ? 20 : NG_CASE_BYTES_MAX + 1);
    for (size_t i = 0; i < test->byte_count; i++)
        test->bytes[i] = (uint8_t)slow_u64(random);
}

static void parse_or_fail(ng_case *test, const char *text)
{
    ng_error error = {""};
    memset(test, 0xa5, sizeof *test); /* nothing may be left as it was */
    if (ng_case_parse(test, text, &error) != ng_status_ok)
        fail_msg("'%.200s': %s", text, error.text);
}

static void round_trip(void **state)
{
    (void)state;
    static ng_case test, back;
    static char text[NG_CASE_TEXT_MAX], again[NG_CASE_TEXT_MAX];
    slow_random random = {17};
    for (size_t k = 0; k < 3000 * slow_effort(); k++) {
        random_case(&random, &test);
        ng_case_print(&test, text, sizeof text);
        assert_null(strchr(text, '\n'));
        parse_or_fail(&back, text);
        expect_equal(&test, &back);
        ng_case_print(&back, again, sizeof again);
        assert_string_equal(text, again);
    }
}

/* The longest line there is still fits, and reads back. */
static void longest_line(void **state)
{
    (void)state;
    static ng_case test, back;
    static char text[NG_CASE_TEXT_MAX];
    ng_case_init(&test, "instance_norm", ng_bf16);
    strcpy(test.pass, "inference_backward");
    test.N = 1000;
    test.C = 1000;
    test.spatial = 10;
    test.gap = test.start = 5;
    ng_op_find(test.op)->complete(&test);
    memset(test.gen, 'g', NG_NAME_MAX - 1);
    memset(test.affine, 'a', NG_NAME_MAX - 1);
    memset(test.dy, 'd', NG_NAME_MAX - 1);
    test.momentum = -0x1.23456789abcdep-1000;
    test.batches = UINT64_MAX;
    test.eps = 0x1.23456789abcdep-1000;
    test.gen_arg = -0x1.23456789abcdep-1000;
    test.byte_count = NG_CASE_BYTES_MAX;
    memset(test.bytes, 0xff, sizeof test.bytes);
    ng_case_print(&test, text, sizeof text);
    parse_or_fail(&back, text);
    expect_equal(&test, &back);
}

static void defaults(void **state)
{
    (void)state;
    static ng_case test, back;
    ng_case_init(&test, "rms_norm", ng_bf16);
    assert_string_equal(test.op, "rms_norm");
    assert_string_equal(test.pass, "forward");
    assert_int_equal(test.dtype, ng_bf16);
    assert_int_equal(test.rows, 1);
    assert_int_equal(test.n, 1);
    assert_true(test.N == 0 && test.C == 0 && test.spatial == 0);
    assert_true(test.gap == 0 && test.step == 1 && test.start == 0);
    assert_true(test.eps >= 0);
    assert_true(isnan(test.gen_arg));
    assert_int_equal(test.byte_count, SIZE_MAX);
    parse_or_fail(&back, "rms_norm/forward/bf16");
    expect_equal(&test, &back);
}

/* The example of case.h, in any order, with any blanks. */
static void readable_lines(void **state)
{
    (void)state;
    static ng_case a, b;
    static const char *const lines[] = {
        "layer_norm/forward/f32 rows=3 n=1021 eps=0x1.4f8b58p-17 "
        "gen=offset:10000 affine=random seed=42",
        "  layer_norm/forward/f32\tseed=42   affine=random gen=offset:1e4 "
        "eps=0x1.4f8b58p-17 n=1021 rows=3\n",
        "layer_norm/forward/f32 gen=offset:0x1.388p+13 rows=3 n=1021 "
        "affine=random eps=0x14f8b58p-41 seed=42\r\n",
    };
    parse_or_fail(&a, lines[0]);
    assert_string_equal(a.op, "layer_norm");
    assert_int_equal(a.dtype, ng_f32);
    assert_int_equal(a.rows, 3);
    assert_int_equal(a.n, 1021);
    assert_true(a.eps == 0x1.4f8b58p-17);
    assert_string_equal(a.gen, "offset");
    assert_true(a.gen_arg == 10000);
    assert_string_equal(a.affine, "random");
    assert_true(a.seed == 42 && a.byte_count == SIZE_MAX);
    for (int k = 1; k < 3; k++) {
        parse_or_fail(&b, lines[k]);
        expect_equal(&a, &b);
    }
    parse_or_fail(&a, "layer_norm/forward/f16 bytes=00ff10");
    assert_int_equal(a.byte_count, 3);
    assert_int_equal(a.bytes[1], 0xff);
    parse_or_fail(&a, "layer_norm/forward/f16 bytes=-");
    assert_int_equal(a.byte_count, 0);
    parse_or_fail(&a, "layer_norm/forward/f16 rows=0 n=5"); /* no rows */
    assert_int_equal(a.rows, 0);
    parse_or_fail(&a, "layer_norm/forward/f16 seed=18446744073709551615");
    assert_true(a.seed == UINT64_MAX);
    parse_or_fail(&a, "layer_norm/forward/f64 eps=0");
    assert_true(a.eps == 0);
    parse_or_fail(&a, "layer_norm/forward/f64 eps=0x1p-1074");
    assert_true(a.eps == 0x1p-1074);
    parse_or_fail(&a, "layer_norm/forward/f64 rows=4096 n=4096");
    assert_int_equal(a.rows * a.n, NG_CASE_ELEMENTS_MAX);
}

static void expect_refused(const char *line, const char *culprit)
{
    static ng_case test;
    ng_error error = {""};
    ng_status status = ng_case_parse(&test, line, &error);
    if (status != ng_status_bad_input)
        fail_msg("'%.100s' gives status %d", line, status);
    if (strstr(error.text, culprit) == NULL)
        fail_msg("'%.100s': '%s' does not name '%s'", line, error.text,
                 culprit);
    assert_null(strchr(error.text, '\n'));
    assert_true(strlen(error.text) < sizeof error.text);
    assert_int_equal(ng_case_parse(&test, line, NULL), ng_status_bad_input);
}

static void malformed(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "op/pass/dtype"},
        {"   ", "op/pass/dtype"},
        {"layer_norm", "op/pass/dtype"},
        {"layer_norm/forward", "op/pass/dtype"},
        {"rows=3 n=4", "op/pass/dtype"},
        {"layernorm/forward/f32", "layernorm"},
        {"/forward/f32", "op"},
        {"layer_norm/backwards/f32", "backwards"},
        {"layer_norm//f32", "pass"},
        {"layer_norm/forward/fp32", "fp32"},
        {"layer_norm/forward/", "dtype"},
        {"layer_norm/forward/f32/more", "f32/more"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
        expect_refused(rows[k][0], rows[k][1]);

    static const char *const fields[][2] = {
        {"width=3", "width"},
        {"Rows=3", "Rows"},
        {"rows", "rows"},
        {"rows=", "rows"},
        {"=3", "=3"},
        {"rows=3 rows=3", "rows"},
        {"eps=1 n=2 eps=1", "eps"},
        {"rows=-1", "rows"},
        {"rows=1.5", "rows"},
        {"rows=3x", "rows"},
        {"rows=+-3", "rows"},
        {"rows=99999999999999999999999", "rows"},
        {"n=18446744073709551616", "n="},
        {"n=16777217", "n="},
        {"rows=16777217 n=0", "rows"},
        {"rows=4097 n=4096", "rows=4097"},
        {"rows=16777216 n=16777216", "n=16777216"},
        {"eps=-1e-5", "eps"},
        {"eps=nan", "eps"},
        {"eps=inf", "eps"},
        {"eps=1e999", "eps"},
        {"eps=1e-5f", "eps"},
        {"eps=one", "eps"},
        {"gen=", "gen"},
        {"gen=:3", "gen"},
        {"gen=offset:", "gen"},
        {"gen=offset:nan", "gen"},
        {"gen=offset:inf", "gen"},
        {"gen=offset:1:2", "gen"},
        {"gen=Off", "gen"},
        {"gen=a_name_that_is_longer_than_any_name_may_be", "gen"},
        {"affine=", "affine"},
        {"affine=x/y", "affine"},
        {"seed=-1", "seed"},
        {"seed=18446744073709551616", "seed"},
        {"seed=abc", "seed"},
        {"bytes=0", "bytes"},
        {"bytes=0g", "bytes"},
        {"bytes=zz", "bytes"},
        {"bytes=", "bytes"},
        {"seed=1 bytes=00", "bytes"},
        {"rows=3 garbage", "garbage"},
        {"rows=3 ;", ";"},
        {"rows = 3", "rows"},
    };
    for (size_t k = 0; k < sizeof fields / sizeof fields[0]; k++) {
        char line[300];
        snprintf(line, sizeof line, "layer_norm/forward/f32 %s", fields[k][0]);
        expect_refused(line, fields[k][1]);
    }
}

static void overlong(void **state)
{
    (void)state;
    enum { SIZE = 4 * NG_CASE_TEXT_MAX };
    static char line[SIZE];
    static const char head[] = "layer_norm/forward/f32 ";
    memset(line, 'a', sizeof line - 1);
    expect_refused(line, "long");
    memcpy(line, head, sizeof head - 1); /* one endless field */
    expect_refused(line, "long");
    memset(line, ' ', sizeof line - 1); /* blanks only */
    expect_refused(line, "");
    /* One byte more than a case can carry. */
    size_t at = (size_t)snprintf(line, sizeof line, "%sbytes=", head);
    memset(line + at, '0', 2 * NG_CASE_BYTES_MAX + 2);
    line[at + 2 * NG_CASE_BYTES_MAX + 2] = '\0';
    expect_refused(line, "bytes");
    line[at + 2 * NG_CASE_BYTES_MAX] = '\0';
    static ng_case test;
    parse_or_fail(&test, line);
    assert_int_equal(test.byte_count, NG_CASE_BYTES_MAX);
    /* A long name, key, value. */
    char wide[300];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    static const char *const forms[] = {
        "%s/forward/f32",
        "layer_norm/%s/f32",
        "layer_norm/forward/%s",
        "layer_norm/forward/f32 %s=1",
        "layer_norm/forward/f32 gen=%s",
        "layer_norm/forward/f32 affine=%s",
        "layer_norm/forward/f32 %s",
        "layer_norm/forward/f32 rows=%s",
    };
    for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++) {
        snprintf(line, sizeof line, forms[k], wide);
        expect_refused(line, k < 3 ? "" : k == 3 || k == 6 ? "www" : "=www");
    }
}

/* Random damage: accepted lines round-trip, the others say why. */
static void damaged_lines(void **state)
{
    (void)state;
    static ng_case test, back;
    static char text[NG_CASE_TEXT_MAX + 8], again[NG_CASE_TEXT_MAX];
    static const char alphabet[] = "=:/ -+.0123456789abcdefnrowsgx"
                                   "\t\"%\x80\xff";
    slow_random random = {19};
    size_t accepted = 0, refused = 0;
    for (size_t k = 0; k < 20000 * slow_effort(); k++) {
        random_case(&random, &test);
        if (test.byte_count != SIZE_MAX && test.byte_count > 20)
            test.byte_count = 20;
        ng_case_print(&test, text, NG_CASE_TEXT_MAX);
        size_t hits = 1 + slow_below(&random, 3);
        for (size_t h = 0; h < hits; h++) {
            size_t length = strlen(text), at = slow_below(&random, length);
            char c = alphabet[slow_below(&random, sizeof alphabet - 1)];
            switch (slow_below(&random, 4)) {
            case 0: text[at] = c; break;
            case 1: text[at] = '\0'; break;
            case 2: memmove(text + at, text + at + 1, length - at); break;
            default:
                memmove(text + at + 1, text + at, length - at + 1);
                text[at] = c;
            }
            if (text[0] == '\0')
                break;
        }
        ng_error error = {""};
        ng_status status = ng_case_parse(&test, text, &error);
        if (status != ng_status_ok) {
            refused++;
            assert_int_equal(status, ng_status_bad_input);
            assert_true(error.text[0] != '\0');
            continue;
        }
        accepted++;
        assert_true(test.eps >= 0 && isfinite(test.eps));
        assert_true(test.n == 0 || test.rows <= NG_CASE_ELEMENTS_MAX / test.n);
        ng_case_print(&test, again, sizeof again);
        parse_or_fail(&back, again);
        expect_equal(&test, &back);
    }
    assert_true(accepted > 1000 && refused > 1000);
}

/* The source of a case is its seed's or its bytes'. */
static void source_of_case(void **state)
{
    (void)state;
    static ng_case test;
    ng_source a, b;
    parse_or_fail(&test, "rms_norm/forward/f32 seed=77");
    ng_case_source(&test, &a);
    ng_source_from_seed(&b, 77);
    for (int k = 0; k < 20; k++)
        assert_int_equal(ng_source_u32(&a), ng_source_u32(&b));
    parse_or_fail(&test, "rms_norm/forward/f32 bytes=0102030405");
    ng_case_source(&test, &a);
    assert_int_equal(ng_source_u32(&a), 0x04030201);
    assert_int_equal(ng_source_u32(&a), 5);
    assert_int_equal(ng_source_u32(&a), 0);
    parse_or_fail(&test, "rms_norm/forward/f32 bytes=-");
    ng_case_source(&test, &a);
    assert_int_equal(ng_source_u32(&a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),    cmocka_unit_test(longest_line),
        cmocka_unit_test(defaults),      cmocka_unit_test(readable_lines),
        cmocka_unit_test(malformed),     cmocka_unit_test(overlong),
        cmocka_unit_test(damaged_lines), cmocka_unit_test(source_of_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
