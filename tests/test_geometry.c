/* Proves the ops' geometry: for every op, layout and stride, which elements are
 * reduced together, in which order and with which gamma, against literal nested
 * loops over (n, c, s) or (row, i); and that a case can be given any number of
 * sets and elements. */
#include "slow_reference.h"

#include <normgate/op.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* One element by its place in the loops: where it lies, who is reduced with
 * it, its number among them, its gamma. */
typedef struct place {
    size_t at, set, i, param;
} place;

static void expect_place(const ng_view *view, const place *p)
{
    size_t at = ng_view_index(view, p->set, p->i);
    size_t param = ng_view_param(view, p->set, p->i);
    if (at != p->at || param != p->param)
        fail_msg("element %zu of set %zu lies at %zu with gamma %zu, not at "
                 "%zu with %zu",
                 p->i, p->set, at, param, p->at, p->param);
}

/* Set, element and gamma of (n, c, s), by the definition of each op. */
static place channel_place(const ng_case *t, size_t n, size_t c, size_t s)
{
    place p = {.param = c};
    if (strcmp(t->op, "batch_norm") == 0) {
        p.set = c;
        p.i = n * t->spatial + s;
    } else if (strcmp(t->op, "instance_norm") == 0) {
        p.set = n * t->C + c;
        p.i = s;
    } else {
        size_t width = t->C / t->num_groups;
        p.set = n * t->num_groups + c / width;
        p.i = c % width * t->spatial + s;
    }
    return p;
}

/* Sets, elements and gammas that there must be. */
static void expect_counts(const ng_case *t, const ng_view *view)
{
    size_t sets = t->rows, n = t->n, params = t->n;
    if (ng_op_find(t->op)->shape == ng_shape_channels) {
        size_t groups = t->num_groups;
        params = t->C;
        sets = strcmp(t->op, "batch_norm") == 0   ? t->C
               : strcmp(t->op, "group_norm") == 0 ? t->N * groups
                                                  : t->N * t->C;
        n = strcmp(t->op, "batch_norm") == 0   ? t->N * t->spatial
            : strcmp(t->op, "group_norm") == 0 ? t->C / groups * t->spatial
                                               : t->spatial;
    }
    assert_int_equal(t->rows, sets);
    assert_int_equal(t->n, n);
    assert_int_equal(ng_view_sets(view), sets);
    assert_int_equal(ng_view_n(view), n);
    assert_int_equal(ng_view_params(view), params);
}

/* Memory walked in its order: `start` is skipped, then each element is followed
 * by step - 1 others, each row, channel and example by `gap`. */
static size_t walk_rows(const ng_case *t, const ng_view *view)
{
    size_t at = t->start, end = at;
    for (size_t row = 0; row < t->rows; row++, at += t->gap)
        for (size_t i = 0; i < t->n; i++, at += t->step) {
            expect_place(view, &(place){at, row, i, i});
            end = at + 1;
        }
    return end;
}

static size_t walk_channels(const ng_case *t, const ng_view *view)
{
    size_t at = t->start, end = at;
    for (size_t n = 0; n < t->N; n++, at += t->gap)
        for (size_t c = 0; c < t->C; c++, at += t->gap)
            for (size_t s = 0; s < t->spatial; s++, at += t->step) {
                place p = channel_place(t, n, c, s);
                p.at = at;
                expect_place(view, &p);
                end = at + 1;
            }
    return end;
}

static size_t walk_channels_last(const ng_case *t, const ng_view *view)
{
    size_t at = 0;
    for (size_t n = 0; n < t->N; n++)
        for (size_t s = 0; s < t->spatial; s++)
            for (size_t c = 0; c < t->C; c++, at++) {
                place p = channel_place(t, n, c, s);
                p.at = at;
                expect_place(view, &p);
            }
    return at;
}

static void random_shape(ng_case *t, const ng_op *op, slow_random *random)
{
    ng_case_init(t, op->name, ng_f32);
    t->gap = slow_below(random, 4);
    t->step = 1 + slow_below(random, 3);
    t->start = slow_below(random, 4);
    t->rows = slow_below(random, 7);
    t->n = slow_below(random, 9);
    if (op->shape == ng_shape_rows)
        return;
    t->num_groups = op->groups ? 1 + slow_below(random, 4) : 1;
    t->N = slow_below(random, 5);
    t->C = t->num_groups * slow_below(random, 4);
    t->spatial = slow_below(random, 6);
    op->complete(t);
}

static void every_layout(void **state)
{
    (void)state;
    static const char *const layouts[] = {"contiguous", "channels_last",
                                          "strided"};
    slow_random random = {41};
    for (size_t k = 0; k < 200 * slow_effort(); k++)
        for (size_t o = 0; ng_ops[o] != NULL; o++)
            for (int layout = 0; layout < 3; layout++) {
                const ng_op *op = ng_ops[o];
                bool rows = op->shape == ng_shape_rows;
                ng_contract contract;
                ng_case test;
                if (rows && layout == 1)
                    continue;
                ng_contract_init(&contract, op->name, NULL);
                ng_contract_set(&contract, "layout", layouts[layout]);
                random_shape(&test, op, &random);
                ng_view view = ng_case_view(&test, &contract);
                if (layout != 2) { /* these say nothing without strides */
                    test.gap = test.start = 0;
                    test.step = 1;
                }
                expect_counts(&test, &view);
                size_t end = rows          ? walk_rows(&test, &view)
                             : layout == 1 ? walk_channels_last(&test, &view)
                                           : walk_channels(&test, &view);
                assert_int_equal(ng_view_extent(&view), end);
            }
}

/* Any strides, of any sign, as long as they are followed. */
static void any_strides(void **state)
{
    (void)state;
    slow_random random = {42};
    for (size_t k = 0; k < 200 * slow_effort(); k++)
        for (size_t o = 0; ng_ops[o] != NULL; o++) {
            const ng_op *op = ng_ops[o];
            ng_case t;
            ptrdiff_t stride[3];
            random_shape(&t, op, &random);
            for (int a = 0; a < 3; a++)
                stride[a] = slow_int(&random, -50, 50);
            ng_view view = op->partition(&t, stride);
            assert_int_equal(view.start, 0);
            if (op->shape == ng_shape_rows) {
                for (size_t r = 0; r < t.rows; r++)
                    for (size_t i = 0; i < t.n; i++) {
                        ptrdiff_t at =
                            (ptrdiff_t)r * stride[0] + (ptrdiff_t)i * stride[1];
                        expect_place(&view, &(place){(size_t)at, r, i, i});
                    }
                continue;
            }
            for (size_t n = 0; n < t.N; n++)
                for (size_t c = 0; c < t.C; c++)
                    for (size_t s = 0; s < t.spatial; s++) {
                        ptrdiff_t at = (ptrdiff_t)n * stride[0] +
                                       (ptrdiff_t)c * stride[1] +
                                       (ptrdiff_t)s * stride[2];
                        place p = channel_place(&t, n, c, s);
                        p.at = (size_t)at;
                        expect_place(&view, &p);
                    }
        }
}

/* What ng_call.stride tells a kernel is what the view follows. */
static void strides_of_cases(void **state)
{
    (void)state;
    static const struct {
        const char *line, *layout;
        ptrdiff_t stride[3];
    } rows[] = {
        {"layer_norm/forward/f32 rows=3 n=7", "contiguous", {7, 1, 0}},
        {"l2_norm/forward/f32 rows=3 n=7 gap=2 step=3", "strided", {23, 3, 0}},
        {"rms_norm/forward/f32 rows=3 n=7 gap=2 step=3 start=5",
         "contiguous",
         {7, 1, 0}},
        {"batch_norm/forward/f32 N=2 C=3 spatial=5", "contiguous", {15, 5, 1}},
        {"batch_norm/forward/f32 N=2 C=3 spatial=5",
         "channels_last",
         {15, 1, 3}},
        {"group_norm/forward/f32 N=2 C=4 spatial=5 num_groups=2 gap=1 step=2",
         "strided",
         {45, 11, 2}},
        {"instance_norm/forward/f32 N=2 C=3 spatial=5 gap=4 start=9",
         "strided",
         {31, 9, 1}},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        static ng_case test;
        ng_contract contract;
        ptrdiff_t stride[3];
        assert_int_equal(ng_case_parse(&test, rows[k].line, NULL),
                         ng_status_ok);
        ng_contract_init(&contract, test.op, NULL);
        ng_contract_set(&contract, "layout", rows[k].layout);
        ng_case_strides(&test, &contract, stride);
        for (int a = 0; a < 3; a++)
            if (stride[a] != rows[k].stride[a])
                fail_msg("%s, %s: stride[%d] = %td, not %td", rows[k].line,
                         rows[k].layout, a, stride[a], rows[k].stride[a]);
    }
}

/* The case with `rows` sets of `n` elements is one that its line gives back. */
static void expect_reshaped(const ng_op *op, size_t rows, size_t n)
{
    static ng_case test, back;
    static char line[NG_CASE_TEXT_MAX];
    ng_contract contract;
    ng_error error;
    ng_contract_init(&contract, op->name, NULL);
    ng_case_init(&test, op->name, ng_f32);
    ng_case_reshape(&test, rows, n);
    ng_case_print(&test, line, sizeof line);
    if (test.rows != rows || test.n != n)
        fail_msg("%zu sets of %zu asked, %zu of %zu in '%s'", rows, n,
                 test.rows, test.n, line);
    if (ng_case_parse(&back, line, &error) != ng_status_ok)
        fail_msg("'%s': %s", line, error.text);
    ng_view view = ng_case_view(&test, &contract);
    expect_counts(&test, &view);
    assert_int_equal(back.rows, rows);
    assert_int_equal(back.n, n);
}

static void reshape(void **state)
{
    (void)state;
    slow_random random = {43};
    for (size_t o = 0; ng_ops[o] != NULL; o++) {
        for (size_t rows = 0; rows <= 40; rows++)
            for (size_t n = 0; n <= 140; n++)
                expect_reshaped(ng_ops[o], rows, n);
        for (size_t k = 0; k < 500 * slow_effort(); k++) {
            size_t n =
                1 + slow_below(&random, (uint64_t)1 << slow_below(&random, 25));
            expect_reshaped(ng_ops[o],
                            slow_below(&random, NG_CASE_ELEMENTS_MAX / n + 1),
                            n);
        }
        expect_reshaped(ng_ops[o], 1, NG_CASE_ELEMENTS_MAX);
        expect_reshaped(ng_ops[o], NG_CASE_ELEMENTS_MAX, 1);
        expect_reshaped(ng_ops[o], 1, 65537);
    }
}

/* The channel ops take more than one example, channel and position wherever
 * the sizes allow it: else their partition would hardly be tried. */
static void reshape_spreads(void **state)
{
    (void)state;
    ng_case test;
    ng_case_init(&test, "batch_norm", ng_f32);
    ng_case_reshape(&test, 6, 64);
    assert_true(test.N > 1 && test.spatial > 1 && test.C == 6);
    ng_case_init(&test, "group_norm", ng_f32);
    ng_case_reshape(&test, 6, 64);
    assert_true(test.N > 1 && test.num_groups > 1 && test.spatial > 1);
    assert_true(test.C > test.num_groups);
    ng_case_init(&test, "instance_norm", ng_f32);
    ng_case_reshape(&test, 6, 64);
    assert_true(test.N > 1 && test.C > 1 && test.spatial == 64);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool channels, groups, running;
    } rows[] = {
        {"layer_norm", false, false, false},
        {"rms_norm", false, false, false},
        {"l2_norm", false, false, false},
        {"batch_norm", true, false, true},
        {"group_norm", true, true, false},
        {"instance_norm", true, false, true},
    };
    size_t count = 0;
    while (ng_ops[count] != NULL)
        count++;
    assert_int_equal(count, sizeof rows / sizeof rows[0]);
    for (size_t k = 0; k < count; k++) {
        const ng_op *op = ng_op_find(rows[k].name);
        assert_non_null(op);
        assert_string_equal(op->name, rows[k].name);
        assert_true(strlen(op->formula) > 0);
        assert_int_equal(op->shape == ng_shape_channels, rows[k].channels);
        assert_int_equal(op->groups, rows[k].groups);
        assert_int_equal(op->running, rows[k].running);
    }
    assert_null(ng_op_find("layer"));
    assert_null(ng_op_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout),     cmocka_unit_test(any_strides),
        cmocka_unit_test(strides_of_cases), cmocka_unit_test(reshape),
        cmocka_unit_test(reshape_spreads),  cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
