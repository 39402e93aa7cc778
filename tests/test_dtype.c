/* Proves the formats: their numbers, every 16-bit pattern, rounding against MPFR
 * at random and where it may go wrong, arrays. */
#include "slow_reference.h"

#include <normgate/dtype.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_numbers),
        cmocka_unit_test(all_patterns),
        cmocka_unit_test(roundings),
        cmocka_unit_test(arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
