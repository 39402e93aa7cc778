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

void sum_add_square(exact_sum *sum, double value)
{
    int exponent;
    uint64_t significand = decompose(value, &exponent);
    if (significand == 0)
        return;
    unsigned __int128 square = (unsigned __int128)significand * significand;
    add_scaled(sum, (uint64_t)square, 2 * exponent, false);
    if (square >> 64 != 0)
        add_scaled(sum, (uint64_t)(square >> 64), 2 * exponent + 64, false);
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
