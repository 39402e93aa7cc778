/* Proves the source of choices: the known answers of Random123, bytes then
 * zeros, ranges, moments. */
#include <normgate/source.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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
        cmocka_unit_test(known_answers),
        cmocka_unit_test(bytes_then_zeros),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
