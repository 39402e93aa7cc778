/* Proves the vocabulary that every folder shares: memory of the arena, words of
 * status and verdict, index arithmetic of the view (every layout against direct
 * loops), formats (every 16-bit pattern; rounding against MPFR), and the source
 * of choices (the known answers of Random123, ranges, moments). */
#include "slow_reference.h"

#include <normgate/arena.h>
#include <normgate/dtype.h>
#include <normgate/op.h>
#include <normgate/source.h>
#include <normgate/status.h>
#include <normgate/tensor.h>
#include <normgate/verdict.h>
#include <normgate/view.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Arena. */

static void arena_memory(void **state)
{
    (void)state;
    enum { PIECES = 200 };
    ng_arena arena = {0};
    slow_random random = {1};
    for (int round = 0; round < 3; round++) {
        unsigned char *piece[PIECES];
        size_t size[PIECES];
        for (int k = 0; k < PIECES; k++) {
            size[k] = slow_below(&random, k % 20 == 0 ? 300000 : 300);
            piece[k] = ng_arena_alloc(&arena, size[k], 1);
            assert_non_null(piece[k]);
            assert_int_equal((uintptr_t)piece[k] % 64, 0);
            for (size_t i = 0; i < size[k]; i++)
                assert_int_equal(piece[k][i], 0);
            memset(piece[k], k, size[k]); /* shows if pieces overlap */
        }
        for (int k = 0; k < PIECES; k++)
            for (size_t i = 0; i < size[k]; i++)
                assert_int_equal(piece[k][i], k);
        ng_arena_release(&arena);
    }
    ng_arena_release(&arena); /* of nothing */
}

static void arena_limits(void **state)
{
    (void)state;
    ng_arena arena = {0};
    assert_non_null(ng_arena_alloc(&arena, 0, 8));
    assert_non_null(ng_arena_alloc(&arena, 8, 0));
    assert_null(ng_arena_alloc(&arena, SIZE_MAX, 2));
    assert_null(ng_arena_alloc(&arena, 2, SIZE_MAX));
    assert_null(ng_arena_alloc(&arena, SIZE_MAX / 8 + 2, 8));
    assert_null(ng_arena_alloc(&arena, SIZE_MAX, 1));
    assert_null(ng_arena_alloc(&arena, SIZE_MAX - 63, 1));
    double *doubles = ng_arena_alloc(&arena, 1000, sizeof *doubles);
    for (int i = 0; i < 1000; i++)
        assert_true(doubles[i] == 0);
    ng_arena_release(&arena);
}

static void arena_text(void **state)
{
    (void)state;
    ng_arena arena = {0};
    char wide[5000];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    char *empty = ng_arena_text(&arena, "%s", "");
    char *text = ng_arena_text(&arena, "%d of %s", 42, "x");
    char *longer = ng_arena_text(&arena, "<%s>", wide);
    assert_string_equal(empty, "");
    assert_string_equal(text, "42 of x");
    assert_int_equal(strlen(longer), sizeof wide + 1);
    assert_true(longer[0] == '<' && longer[sizeof wide] == '>');
    ng_arena_release(&arena);
}

/* Status and verdict. */

static void status_words(void **state)
{
    (void)state;
    static const ng_status all[] = {
#define NG_STATUS(name, message) ng_status_##name,
#include <normgate/status.def>
#undef NG_STATUS
    };
    assert_int_equal(ng_status_ok, 0);
    assert_string_equal(ng_status_text(ng_status_ok), "ok");
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        assert_non_null(ng_status_text(all[k]));
        assert_true(strlen(ng_status_text(all[k])) > 0);
        for (size_t j = 0; j < k; j++)
            assert_string_not_equal(ng_status_text(all[j]),
                                    ng_status_text(all[k]));
    }
    assert_non_null(ng_status_text((ng_status)999));
    assert_non_null(ng_status_text((ng_status)-1));

    ng_error error;
    assert_int_equal(ng_fail(&error, ng_status_bad_input, "%s=%d", "n", 3),
                     ng_status_bad_input);
    assert_string_equal(error.text, "n=3");
    assert_int_equal(ng_fail(NULL, ng_status_fault, "%d", 3), ng_status_fault);
    char wide[2000];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    ng_fail(&error, ng_status_bad_input, "%s", wide);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

static void verdict_words(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ng_verdict verdict;
        bool wrong;
    } rows[] = {
        {"PASS", NG_PASS, false},      {"FAIL", NG_FAIL, true},
        {"CRASH", NG_CRASH, true},     {"HANG", NG_HANG, true},
        {"REFUSED", NG_REFUSED, true}, {"UNSUPPORTED", NG_UNSUPPORTED, false},
        {"SKIP", NG_SKIP, false},      {"WAIVED", NG_WAIVED, false},
        {"ERROR", NG_ERROR, true},
    };
    assert_int_equal(sizeof rows / sizeof rows[0], NG_VERDICT_COUNT);
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        ng_verdict parsed = NG_VERDICT_COUNT;
        assert_string_equal(ng_verdict_name(rows[k].verdict), rows[k].name);
        assert_true(strlen(ng_verdict_text(rows[k].verdict)) > 0);
        assert_int_equal(ng_verdict_wrong(rows[k].verdict), rows[k].wrong);
        assert_true(ng_verdict_parse(rows[k].name, &parsed));
        assert_int_equal(parsed, rows[k].verdict);
    }
    ng_verdict parsed = NG_PASS;
    assert_false(ng_verdict_parse("pass", &parsed));
    assert_false(ng_verdict_parse("", &parsed));
    assert_false(ng_verdict_parse("PASSED", &parsed));
    assert_true(ng_verdict_wrong(NG_VERDICT_COUNT)); /* no verdict: no pass */
}

static void tensor_roles(void **state)
{
    (void)state;
    assert_string_equal(ng_role_name(ng_tensor_x), "x");
    assert_string_equal(ng_role_name(ng_tensor_gamma), "gamma");
    assert_string_equal(ng_role_name(ng_tensor_rstd), "rstd");
    assert_false(ng_role_is_output(ng_tensor_x));
    assert_false(ng_role_is_output(ng_tensor_gamma));
    assert_false(ng_role_is_output(ng_tensor_beta));
    assert_true(ng_role_is_output(ng_tensor_y));
    assert_true(ng_role_is_output(ng_tensor_mean));
    assert_true(ng_role_is_output(ng_tensor_rstd));
}

/* View: every layout against direct loops over n, g, c in g, h, w. */

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
                    {axis(s->N, C * S, 0), axis(S, s->last ? C : 1, 0)}};
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
                    {axis(s->D, channel, 1), axis(S, s->last ? C : 1, 0)}};
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
                    {unused, axis(S, s->last ? C : 1, 0)}};
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
                    {axis(C, s->last ? 1 : S, S), axis(S, s->last ? C : 1, 1)}};
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
                    {unused, axis(C, s->last ? 1 : S, 1)}};
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
    ng_view view = {{unused, {3, -4, 0}}, {{2, 20, 5}, {2, -1, -2}}};
    for (size_t s = 0; s < 3; s++)
        for (size_t a = 0; a < 2; a++)
            for (size_t b = 0; b < 2; b++) {
                ptrdiff_t index =
                    -4 * (ptrdiff_t)s + 20 * (ptrdiff_t)a - (ptrdiff_t)b;
                ptrdiff_t param = 5 * (ptrdiff_t)a - 2 * (ptrdiff_t)b;
                expect_at(&view, s, 2 * a + b, (size_t)index, (size_t)param);
            }
}

static void view_of_ops(void **state)
{
    (void)state;
    static const char *const names[] = {"layer_norm", "rms_norm"};
    for (int k = 0; k < 2; k++) {
        const ng_op *op = ng_op_find(names[k]);
        assert_non_null(op);
        assert_string_equal(op->name, names[k]);
        assert_true(strlen(op->formula) > 0);
        ng_case test;
        ng_case_init(&test, names[k], ng_f32);
        test.rows = 3;
        test.n = 7;
        ng_view view = op->plan(&test);
        assert_int_equal(ng_view_sets(&view), 3);
        assert_int_equal(ng_view_n(&view), 7);
        assert_int_equal(op->params(&test), 7);
        for (size_t r = 0; r < 3; r++)
            for (size_t i = 0; i < 7; i++)
                expect_at(&view, r, i, r * 7 + i, i);
    }
    assert_null(ng_op_find("layer"));
    assert_null(ng_op_find(""));
}

/* Formats. */

static const slow_format *slow_format_of(ng_dtype dtype)
{
    switch (dtype) {
    case ng_f16:
        return &slow_f16;
    case ng_bf16:
        return &slow_bf16;
    case ng_f32:
        return &slow_f32;
    default:
        return &slow_f64;
    }
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t to_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void format_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ng_dtype dtype;
        size_t size;
        double max, min, u, least;
    } rows[] = {
        {"f16", ng_f16, 2, 65504, 0x1p-14, 0x1p-11, 0x1p-24},
        {"bf16", ng_bf16, 2, 0x1.fep127, 0x1p-126, 0x1p-8, 0x1p-133},
        {"f32", ng_f32, 4, 0x1.fffffep127, 0x1p-126, 0x1p-24, 0x1p-149},
        {"f64", ng_f64, 8, 0x1.fffffffffffffp1023, 0x1p-1022, 0x1p-53,
         0x1p-1074},
    };
    assert_int_equal(NG_DTYPE_COUNT, 4);
    for (int k = 0; k < 4; k++) {
        ng_dtype dtype = rows[k].dtype, parsed = NG_DTYPE_COUNT;
        const ng_format *f = ng_format_of(dtype);
        const slow_format *slow = slow_format_of(dtype);
        assert_string_equal(f->name, rows[k].name);
        assert_int_equal(f->size, rows[k].size);
        assert_int_equal(f->p, slow->p);
        assert_int_equal(f->emin, slow->emin);
        assert_int_equal(f->emax, slow->emax);
        assert_true(ng_dtype_parse(rows[k].name, &parsed));
        assert_int_equal(parsed, dtype);
        assert_true(ng_dtype_max(dtype) == rows[k].max);
        assert_true(ng_dtype_min(dtype) == rows[k].min);
        assert_true(ng_dtype_u(dtype) == rows[k].u);
        assert_true(ng_dtype_ulp(dtype, 0) == rows[k].least);
        assert_true(ng_dtype_ulp(dtype, rows[k].least) == rows[k].least);
        assert_true(ng_dtype_ulp(dtype, rows[k].min) == rows[k].least);
        assert_true(ng_dtype_ulp(dtype, 1) == 2 * rows[k].u);
        assert_true(ng_dtype_ulp(dtype, -1.999) == 2 * rows[k].u);
        assert_true(ng_dtype_ulp(dtype, nextafter(1, 0)) == rows[k].u);
        double last = ldexp(1, slow->emax - slow->p + 1);
        assert_true(ng_dtype_ulp(dtype, rows[k].max) == last);
        assert_true(ng_dtype_ulp(dtype, 0x1.fffffffffffffp1023) == last);
        assert_true(ng_dtype_ulp(dtype, -INFINITY) == last);
        assert_true(ng_dtype_round(dtype, rows[k].max) == rows[k].max);
        assert_true(ng_dtype_round(dtype, INFINITY) == INFINITY);
        assert_true(ng_dtype_round(dtype, -INFINITY) == -INFINITY);
        assert_true(isnan(ng_dtype_round(dtype, NAN)));
        assert_true(signbit(ng_dtype_round(dtype, -0.0)));
        assert_false(signbit(ng_dtype_round(dtype, 0.0)));
    }
    ng_dtype parsed;
    assert_false(ng_dtype_parse("F32", &parsed));
    assert_false(ng_dtype_parse("float", &parsed));
    assert_false(ng_dtype_parse("", &parsed));
}

/* The value of a 16-bit pattern from its definition (IEEE 754, 3.4). */
static double pattern_value(uint16_t bits, int fraction, int bias)
{
    int exponent = (bits & 0x7fff) >> fraction;
    double significand = bits & ((1 << fraction) - 1);
    double magnitude;
    if (exponent == 2 * bias + 1)
        magnitude = significand == 0 ? INFINITY : NAN;
    else if (exponent == 0)
        magnitude = significand * pow(2, 1 - bias - fraction);
    else
        magnitude =
            (1 + significand * pow(2, -fraction)) * pow(2, exponent - bias);
    return bits & 0x8000 ? -magnitude : magnitude;
}

static void check_pattern(ng_dtype dtype, uint16_t bits, double value)
{
    uint16_t back = (uint16_t)~bits;
    double decoded = ng_format_of(dtype)->decode(&bits);
    assert_int_equal(ng_dtype_bits(dtype, &bits, 0), bits);
    ng_format_of(dtype)->encode(&back, decoded);
    if (isnan(value)) {
        assert_true(isnan(decoded));
        assert_true(isnan(ng_format_of(dtype)->decode(&back)));
        return;
    }
    assert_true(to_bits(decoded) == to_bits(value));
    assert_int_equal(back, bits);
}

static void all_patterns(void **state)
{
    (void)state;
    for (uint32_t k = 0; k <= 0xffff; k++) {
        uint16_t bits = (uint16_t)k;
        check_pattern(ng_f16, bits, pattern_value(bits, 10, 15));
        check_pattern(ng_bf16, bits, pattern_value(bits, 7, 127));
#ifdef __FLT16_MAX__
        _Float16 half;
        memcpy(&half, &bits, sizeof half);
        check_pattern(ng_f16, bits, (double)half);
#endif
        uint32_t upper = k << 16; /* bf16 is the upper half of an f32 */
        float single;
        memcpy(&single, &upper, sizeof single);
        check_pattern(ng_bf16, bits, single);
    }
}

static void check_rounding(ng_dtype dtype, double value)
{
    unsigned char raw[8];
    slow_rounding how;
    mpfr_t v;
    mpfr_init2(v, 53);
    mpfr_set_d(v, value, MPFR_RNDN);
    double exact = slow_round(slow_format_of(dtype), v, v, 2000, &how);
    mpfr_clear(v);
    ng_dtype_set(dtype, raw, 0, value);
    double got = ng_dtype_get(dtype, raw, 0);
    if (got != exact || signbit(got) != signbit(value))
        fail_msg("%s of %a is %a, not %a", ng_format_of(dtype)->name, value,
                 got, exact);
    assert_true(ng_dtype_round(dtype, value) == exact);
    if (dtype == ng_f32)
        assert_true((float)value == exact);
#ifdef __FLT16_MAX__
    if (dtype == ng_f16)
        assert_true((double)(_Float16)value == exact);
#endif
}

/* Random doubles, and all places where a rounding may go wrong. */
static void roundings(void **state)
{
    (void)state;
    slow_random random = {5};
    for (int dtype = 0; dtype < NG_DTYPE_COUNT; dtype++) {
        const slow_format *f = slow_format_of((ng_dtype)dtype);
        for (size_t k = 0; k < 20000 * slow_effort(); k++) {
            double any = from_bits(slow_u64(&random));
            if (isfinite(any))
                check_rounding((ng_dtype)dtype, any);
            double scaled =
                slow_real(&random) *
                ldexp(1, slow_int(&random, f->emin - f->p - 2, f->emax));
            check_rounding((ng_dtype)dtype, scaled);
            /* A neighbour pair's midpoint, and the doubles beside it. */
            double low = ng_dtype_round((ng_dtype)dtype, scaled);
            if (!isfinite(low))
                continue;
            double middle = low + ng_dtype_ulp((ng_dtype)dtype, low) / 2;
            if (isfinite(middle)) {
                check_rounding((ng_dtype)dtype, middle);
                check_rounding((ng_dtype)dtype, -middle);
                check_rounding((ng_dtype)dtype, nextafter(middle, INFINITY));
                check_rounding((ng_dtype)dtype, nextafter(middle, 0));
            }
        }
        double max = ng_dtype_max((ng_dtype)dtype);
        double least = ldexp(1, f->emin - f->p + 1);
        double half = ldexp(1, f->emax - f->p);
        const double edges[] = {
            max,
            max + half,
            nextafter(max + half, 0),
            max + half / 2,
            nextafter(max + half, INFINITY),
            2 * max,
            least,
            least / 2,
            nextafter(least / 2, 1),
            nextafter(least / 2, 0),
            1.5 * least,
            2.5 * least,
            ng_dtype_min((ng_dtype)dtype),
            nextafter(ng_dtype_min((ng_dtype)dtype), 0),
            0x1p-1074,
            0x1.fffffffffffffp1023,
        };
        for (size_t k = 0; k < sizeof edges / sizeof edges[0]; k++) {
            if (isfinite(edges[k]) && edges[k] != 0) {
                check_rounding((ng_dtype)dtype, edges[k]);
                check_rounding((ng_dtype)dtype, -edges[k]);
            }
        }
    }
}

/* `get` and `set` step by the size of the format, and touch nothing else. */
static void arrays(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < NG_DTYPE_COUNT; dtype++) {
        size_t size = ng_format_of((ng_dtype)dtype)->size;
        unsigned char raw[8 * 8];
        memset(raw, 0xee, sizeof raw);
        ng_dtype_set((ng_dtype)dtype, raw, 3, -1.5);
        assert_true(ng_dtype_get((ng_dtype)dtype, raw, 3) == -1.5);
        for (size_t i = 0; i < sizeof raw; i++) {
            if (i < 3 * size || i >= 4 * size)
                assert_int_equal(raw[i], 0xee);
        }
        ng_dtype_set((ng_dtype)dtype, raw, 3, 0.0);
        assert_int_equal(ng_dtype_bits((ng_dtype)dtype, raw, 3), 0);
        ng_dtype_set((ng_dtype)dtype, raw, 3, -0.0);
        assert_true(ng_dtype_bits((ng_dtype)dtype, raw, 3) ==
                    (uint64_t)1 << (8 * size - 1));
    }
}

/* Source. */

/* Philox 4x32-10 as the paper writes it. */
static void philox(const uint32_t counter[4], const uint32_t key[2],
                   uint32_t out[4])
{
    uint32_t c[4], k0 = key[0], k1 = key[1];
    memcpy(c, counter, sizeof c);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c[0];
        uint64_t b = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b,
                            (uint32_t)(a >> 32) ^ c[3] ^ k1, (uint32_t)a};
        memcpy(c, next, sizeof c);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

static void known_answers(void **state)
{
    (void)state;
    /* Random123, tests/kat_vectors, philox4x32 10 */
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } kat[] = {
        {{0, 0, 0, 0},
         {0, 0},
         {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int k = 0; k < 3; k++) {
        uint32_t out[4];
        philox(kat[k].counter, kat[k].key, out);
        assert_memory_equal(out, kat[k].out, sizeof out);
    }
    ng_source source;
    ng_source_from_seed(&source, 0);
    for (int k = 0; k < 4; k++)
        assert_int_equal(ng_source_u32(&source), kat[0].out[k]);
    const uint64_t seeds[] = {1, 42, 0xffffffffffffffff, 0x299f31d0a4093822};
    for (int s = 0; s < 4; s++) {
        ng_source_from_seed(&source, seeds[s]);
        for (uint32_t block = 0; block < 100; block++) {
            const uint32_t counter[4] = {block, 0, 0, 0};
            const uint32_t key[2] = {(uint32_t)seeds[s],
                                     (uint32_t)(seeds[s] >> 32)};
            uint32_t out[4];
            philox(counter, key, out);
            for (int k = 0; k < 4; k++)
                assert_int_equal(ng_source_u32(&source), out[k]);
        }
    }
}

static void bytes_then_zeros(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0xfe};
    ng_source source;
    ng_source_from_bytes(&source, bytes, sizeof bytes);
    assert_int_equal(ng_source_u32(&source), 0x04030201);
    assert_true(ng_source_u64(&source) == 0x0c0b0a0908070605);
    assert_int_equal(ng_source_u32(&source), 0xfe);
    for (int k = 0; k < 10; k++) {
        assert_int_equal(ng_source_u32(&source), 0);
        assert_true(ng_source_u64(&source) == 0);
        assert_true(ng_source_below(&source, 1000) == 0);
        assert_true(ng_source_unit(&source) == 0);
        assert_true(ng_source_normal(&source) == 0);
    }
    ng_source_from_bytes(&source, NULL, 0);
    assert_int_equal(ng_source_u32(&source), 0);
    ng_source_from_bytes(&source, bytes, 0);
    assert_int_equal(ng_source_u32(&source), 0);

    uint8_t ones[64];
    memset(ones, 0xff, sizeof ones);
    ng_source_from_bytes(&source, ones, sizeof ones);
    assert_true(ng_source_below(&source, 1000) == 999);
    assert_true(ng_source_unit(&source) == 1 - 0x1p-53);
    assert_true(isfinite(ng_source_normal(&source)));
}

/* Counts of k equal cells; chi^2 of k - 1 degrees below mean + 6 sigma. */
static void below_is_even(void **state)
{
    (void)state;
    const uint64_t limits[] = {1, 2, 3, 7, 10, 64, 100};
    ng_source source;
    ng_source_from_seed(&source, 99);
    for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
        size_t counts[100] = {0}, draws = 40000;
        for (size_t k = 0; k < draws; k++) {
            uint64_t v = ng_source_below(&source, limits[l]);
            assert_true(v < limits[l]);
            counts[v]++;
        }
        double expected = (double)draws / (double)limits[l], chi = 0;
        for (size_t v = 0; v < limits[l]; v++)
            chi += pow((double)counts[v] - expected, 2) / expected;
        double degrees = (double)(limits[l] - 1);
        assert_true(chi <= degrees + 6 * sqrt(2 * degrees));
    }
    /* Limits near 2^64: all three thirds are reached, none past the end. */
    uint64_t limit = 0xfffffffffffffff0;
    size_t thirds[3] = {0};
    for (int k = 0; k < 3000; k++) {
        uint64_t v = ng_source_below(&source, limit);
        assert_true(v < limit);
        thirds[v / (limit / 3 + 1)]++;
    }
    for (int k = 0; k < 3; k++)
        assert_true(thirds[k] > 800 && thirds[k] < 1200);
}

/* Moments of n draws, each within 6 standard errors of its value. */
static void moments(void **state)
{
    (void)state;
    ng_source source;
    ng_source_from_seed(&source, 2024);
    enum { DRAWS = 200000 };
    double unit = 0, m1 = 0, m2 = 0, m3 = 0, m4 = 0, inside = 0;
    for (int k = 0; k < DRAWS; k++) {
        double u = ng_source_unit(&source);
        assert_true(u >= 0 && u < 1);
        assert_true(u * 0x1p53 == floor(u * 0x1p53));
        unit += u;
        double z = ng_source_normal(&source);
        assert_true(isfinite(z));
        m1 += z;
        m2 += z * z;
        m3 += z * z * z;
        m4 += z * z * z * z;
        inside += fabs(z) < 1;
    }
    double root = sqrt(DRAWS);
    assert_true(fabs(unit / DRAWS - 0.5) < 6 * sqrt(1.0 / 12) / root);
    assert_true(fabs(m1 / DRAWS) < 6 / root);
    assert_true(fabs(m2 / DRAWS - 1) < 6 * sqrt(2) / root);
    assert_true(fabs(m3 / DRAWS) < 6 * sqrt(15) / root);
    assert_true(fabs(m4 / DRAWS - 3) < 6 * sqrt(96) / root);
    assert_true(fabs(inside / DRAWS - 0.6826894921370859) < 6 * 0.47 / root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_memory),     cmocka_unit_test(arena_limits),
        cmocka_unit_test(arena_text),       cmocka_unit_test(status_words),
        cmocka_unit_test(verdict_words),    cmocka_unit_test(tensor_roles),
        cmocka_unit_test(view_layouts),     cmocka_unit_test(view_strides),
        cmocka_unit_test(view_of_ops),      cmocka_unit_test(format_numbers),
        cmocka_unit_test(all_patterns),     cmocka_unit_test(roundings),
        cmocka_unit_test(arrays),           cmocka_unit_test(known_answers),
        cmocka_unit_test(bytes_then_zeros), cmocka_unit_test(below_is_even),
        cmocka_unit_test(moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
