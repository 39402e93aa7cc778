/* Superaccumulator: an integer significand is cut into digits and added where
 * its exponent says. */
#include "sum.h"

#include <math.h>
#include <string.h>

void sum_init(exact_sum *sum)
{
    memset(sum, 0, sizeof *sum);
    sum->low = SUM_DIGITS;
    sum->high = -1;
}

/* Adds +-significand * 2^exponent. */
static void add_scaled(exact_sum *sum, uint64_t significand, int exponent,
                       bool negative)
{
    int position = exponent - SUM_LEAST_EXPONENT;
    int first = position / 32;
    unsigned __int128 shifted = (unsigned __int128)significand
                                << (position % 32);
    for (int k = 0; k < 3; k++) {
        int64_t part = (int64_t)(uint32_t)(shifted >> (32 * k));
        sum->digit[first + k] += negative ? -part : part;
    }
    if (first < sum->low)
        sum->low = first;
    if (first + 2 > sum->high)
        sum->high = first + 2;
}

/* |value| = significand * 2^exponent, without trailing zero bits, so that
 * squares of short numbers stay short. */
static uint64_t decompose(double value, int *exponent)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t significand = bits & 0xfffffffffffff;
    int biased = (int)(bits >> 52) & 0x7ff;
    *exponent = (biased != 0 ? biased : 1) - 1075;
    if (biased != 0)
        significand |= (uint64_t)1 << 52;
    if (significand == 0)
        return 0;
    int zeros = __builtin_ctzll(significand);
    *exponent += zeros;
    return significand >> zeros;
}

void sum_add(exact_sum *sum, double value)
{
    int exponent;
    uint64_t significand = decompose(value, &exponent);
    if (significand != 0)
        add_scaled(sum, significand, exponent, signbit(value) != 0);
}

void sum_add_product(exact_sum *sum, double a, double b)
{
    int first, second;
    uint64_t m = decompose(a, &first), k = decompose(b, &second);
    if (m == 0 || k == 0)
        return;
    bool negative = (signbit(a) != 0) != (signbit(b) != 0);
    unsigned __int128 product = (unsigned __int128)m * k;
    add_scaled(sum, (uint64_t)product, first + second, negative);
    if (product >> 64 != 0)
        add_scaled(sum, (uint64_t)(product >> 64), first + second + 64,
                   negative);
}

void sum_add_triple(exact_sum *sum, double a, double b, double c)
{
    int first, second, third;
    uint64_t m = decompose(a, &first), k = decompose(b, &second);
    uint64_t l = decompose(c, &third);
    if (m == 0 || k == 0 || l == 0)
        return;
    bool negative =
        ((signbit(a) != 0) != (signbit(b) != 0)) != (signbit(c) != 0);
    unsigned __int128 product = (unsigned __int128)m * k;
    for (int half = 0; half < 2; half++) {
        unsigned __int128 part =
            (unsigned __int128)(uint64_t)(product >> (64 * half)) * l;
        int exponent = first + second + third + 64 * half;
        if ((uint64_t)part != 0)
            add_scaled(sum, (uint64_t)part, exponent, negative);
        if (part >> 64 != 0)
            add_scaled(sum, (uint64_t)(part >> 64), exponent + 64, negative);
    }
}

void sum_get(dyadic *d, const exact_sum *sum)
{
    mpz_set_ui(d->m, 0);
    d->e = 0;
    if (sum->low > sum->high)
        return;
    d->e = SUM_LEAST_EXPONENT + 32L * sum->low;
    for (int k = sum->high; k >= sum->low; k--) {
        mpz_mul_2exp(d->m, d->m, 32);
        if (sum->digit[k] >= 0)
            mpz_add_ui(d->m, d->m, (unsigned long)sum->digit[k]);
        else
            mpz_sub_ui(d->m, d->m, (unsigned long)-sum->digit[k]);
    }
}
