/* Proves the index arithmetic of the view: every layout of (n, c, h, w) against
 * direct loops, strides of any sign, starts. */
#include "slow_reference.h"

#include <normgate/view.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct shape {
    size_t N, G, D, H, W; /* channels C = G * D */
    bool last;
} shape;

static size_t offset_of(const shape *s, size_t n, size_t c, size_t h, size_t w)
{
    size_t C = s->G * s->D;
    return s->last ? ((n * s->H + h) * s->W + w) * C + c
                   : ((n * C + c) * s->H + h) * s->W + w;
}

static ng_axis axis(size_t count, size_t stride, size_t param)
{
    return (ng_axis){count, (ptrdiff_t)stride, (ptrdiff_t)param};
}

static const ng_axis unused = {1, 0, 0};

static void expect_at(const ng_view *view, size_t set, size_t i, size_t index,
                      size_t param)
{
    assert_int_equal(ng_view_index(view, set, i), index);
    assert_int_equal(ng_view_param(view, set, i), param);
}

static void batch_layout(const shape *s)
{
    size_t C = s->G * s->D, S = s->H * s->W;
    ng_view view = {{unused, axis(C, s->last ? 1 : S, 1)},
                    {axis(s->N, C * S, 0), axis(S, s->last ? C : 1, 0)},
                    0};
    assert_int_equal(ng_view_sets(&view), C);
    assert_int_equal(ng_view_n(&view), s->N * S);
    for (size_t c = 0; c < C; c++) {
        size_t i = 0;
        for (size_t n = 0; n < s->N; n++)
            for (size_t h = 0; h < s->H; h++)
                for (size_t w = 0; w < s->W; w++)
                    expect_at(&view, c, i++, offset_of(s, n, c, h, w), c);
    }
}

static void group_layout(const shape *s)
{
    size_t C = s->G * s->D, S = s->H * s->W;
    size_t channel = s->last ? 1 : S;
    ng_view view = {{axis(s->N, C * S, 0), axis(s->G, s->D * channel, s->D)},
                    {axis(s->D, channel, 1), axis(S, s->last ? C : 1, 0)},
                    0};
    assert_int_equal(ng_view_sets(&view), s->N * s->G);
    assert_int_equal(ng_view_n(&view), s->D * S);
    for (size_t n = 0; n < s->N; n++)
        for (size_t g = 0; g < s->G; g++) {
            size_t i = 0;
            for (size_t d = 0; d < s->D; d++)
                for (size_t h = 0; h < s->H; h++)
                    for (size_t w = 0; w < s->W; w++, i++) {
                        size_t c = g * s->D + d;
                        expect_at(&view, n * s->G + g, i,
                                  offset_of(s, n, c, h, w), c);
                    }
        }
}

static void instance_layout(const shape *s)
{
    size_t C = s->G * s->D, S = s->H * s->W;
    ng_view view = {{axis(s->N, C * S, 0), axis(C, s->last ? 1 : S, 1)},
                    {unused, axis(S, s->last ? C : 1, 0)},
                    0};
    assert_int_equal(ng_view_sets(&view), s->N * C);
    assert_int_equal(ng_view_n(&view), S);
    for (size_t n = 0; n < s->N; n++)
        for (size_t c = 0; c < C; c++) {
            size_t i = 0;
            for (size_t h = 0; h < s->H; h++)
                for (size_t w = 0; w < s->W; w++)
                    expect_at(&view, n * C + c, i++, offset_of(s, n, c, h, w),
                              c);
        }
}

/* Over c, h, w of each n; gamma lies as c, h, w whatever the layout of x. */
static void image_layout(const shape *s)
{
    size_t C = s->G * s->D, S = s->H * s->W;
    ng_view view = {{unused, axis(s->N, C * S, 0)},
                    {axis(C, s->last ? 1 : S, S), axis(S, s->last ? C : 1, 1)},
                    0};
    assert_int_equal(ng_view_sets(&view), s->N);
    assert_int_equal(ng_view_n(&view), C * S);
    for (size_t n = 0; n < s->N; n++) {
        size_t i = 0;
        for (size_t c = 0; c < C; c++)
            for (size_t h = 0; h < s->H; h++)
                for (size_t w = 0; w < s->W; w++, i++)
                    expect_at(&view, n, i, offset_of(s, n, c, h, w), i);
    }
}

/* Over the channels at each place. */
static void channel_layout(const shape *s)
{
    size_t C = s->G * s->D, S = s->H * s->W;
    ng_view view = {{axis(s->N, C * S, 0), axis(S, s->last ? C : 1, 0)},
                    {unused, axis(C, s->last ? 1 : S, 1)},
                    0};
    assert_int_equal(ng_view_sets(&view), s->N * S);
    assert_int_equal(ng_view_n(&view), C);
    size_t set = 0;
    for (size_t n = 0; n < s->N; n++)
        for (size_t h = 0; h < s->H; h++)
            for (size_t w = 0; w < s->W; w++, set++)
                for (size_t c = 0; c < C; c++)
                    expect_at(&view, set, c, offset_of(s, n, c, h, w), c);
}

static void view_layouts(void **state)
{
    (void)state;
    slow_random random = {3};
    for (size_t k = 0; k < 60 * slow_effort(); k++) {
        shape s = {1 + slow_below(&random, 4), 1 + slow_below(&random, 4),
                   1 + slow_below(&random, 4), 1 + slow_below(&random, 4),
                   1 + slow_below(&random, 4), k % 2 != 0};
        batch_layout(&s);
        group_layout(&s);
        instance_layout(&s);
        image_layout(&s);
        channel_layout(&s);
    }
}

/* Strides may be negative or zero: reversed and broadcast axes. */
static void view_strides(void **state)
{
    (void)state;
    ng_view view = {{unused, {3, -4, 0}}, {{2, 20, 5}, {2, -1, -2}}, 0};
    for (size_t s = 0; s < 3; s++)
        for (size_t a = 0; a < 2; a++)
            for (size_t b = 0; b < 2; b++) {
                ptrdiff_t index =
                    -4 * (ptrdiff_t)s + 20 * (ptrdiff_t)a - (ptrdiff_t)b;
                ptrdiff_t param = 5 * (ptrdiff_t)a - 2 * (ptrdiff_t)b;
                expect_at(&view, s, 2 * a + b, (size_t)index, (size_t)param);
            }
}
/* What the memory of x must hold, from all of its indices. */
static void view_extents(void **state)
{
    (void)state;
    slow_random random = {4};
    for (size_t k = 0; k < 500 * slow_effort(); k++) {
        size_t count[4], stride[4], extent = 0, index[4];
        for (int a = 0; a < 4; a++) {
            count[a] = slow_below(&random, 5);
            stride[a] = slow_below(&random, 30);
        }
        size_t start = slow_below(&random, 9);
        ng_view view = {
            {axis(count[0], stride[0], 0), axis(count[1], stride[1], 0)},
            {axis(count[2], stride[2], 0), axis(count[3], stride[3], 0)},
            start};
        for (index[0] = 0; index[0] < count[0]; index[0]++)
            for (index[1] = 0; index[1] < count[1]; index[1]++)
                for (index[2] = 0; index[2] < count[2]; index[2]++)
                    for (index[3] = 0; index[3] < count[3]; index[3]++) {
                        size_t at = start, set, i;
                        for (int a = 0; a < 4; a++)
                            at += index[a] * stride[a];
                        set = index[0] * count[1] + index[1];
                        i = index[2] * count[3] + index[3];
                        assert_int_equal(ng_view_index(&view, set, i), at);
                        extent = at + 1 > extent ? at + 1 : extent;
                    }
        bool empty = extent == 0;
        assert_int_equal(ng_view_extent(&view), empty ? start : extent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_layouts),
        cmocka_unit_test(view_strides),
        cmocka_unit_test(view_extents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
