/* Two passes with pairwise sums: a sum is the sum of the sums of its halves,
 * and recursive up to 32 terms, so that few terms pay for a call. Its error is
 * at most (31 + ceil(log2(n/32)))u sum|x| to first order (Higham 2002, 4.2). */
#ifdef REAL

static TERM TYPED(sum)(const REAL *x, size_t n, REAL centre, int power)
{
    if (n > BASE) {
        size_t half = n / 2;
        return TYPED(sum)(x, half, centre, power) +
               TYPED(sum)(x + half, n - half, centre, power);
    }
    TERM total = 0;
    for (size_t i = 0; i < n; i++)
        total += TYPED(term)(x[i], centre, power);
    return total;
}

#else

#define STYLE pairwise
#define STYLE_FILE "pairwise.c"
#define CLAIM "two passes, pairwise sums over a recursive base case of 32"
#define BASE 32
#define CONTRACT                                                               \
    "summation=pairwise block=" EXPAND_TEXT(BASE) " variance=two_pass"
#include "style.inc"

#endif
