/* Two passes with sums in 8 independent lanes, as vector units form them: lane
 * j sums the elements i = j modulo 8, and a tree of depth 3 adds the lanes, so
 * that a term takes part in at most ceil(n/8) + 2 rounded additions (Higham
 * 2002, 4.2). The lanes have no order among them: plain C that a compiler may
 * turn into vector code without changing a bit. */
#ifdef REAL

static TERM TYPED(sum)(const REAL *x, size_t n, REAL centre, int power)
{
    TERM lane[LANES] = {0};
    size_t whole = n - n % LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lane[j] += TYPED(term)(x[i + j], centre, power);
    /* The tail goes to the first lanes. A padded load would count zeros as
     * elements and add mean^2 for each to the variance. */
    for (size_t j = 0; j < n - whole; j++)
        lane[j] += TYPED(term)(x[whole + j], centre, power);
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t j = 0; j < width; j++)
            lane[j] += lane[j + width];
    return lane[0];
}

#else

#define STYLE blocked
#define STYLE_FILE "blocked.c"
#define CLAIM "two passes, sums in 8 lanes as vector units form them"
#define LANES 8
#define CONTRACT                                                               \
    "summation=lanes block=" EXPAND_TEXT(LANES) " variance=two_pass"           \
                                                " param_summation=recursive"
#define FAMILY
#define VARIANTS
#include "style.inc"

#endif
