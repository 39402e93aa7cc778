/* What an output is, and its rounding, in integers. */
#include "ties.h"

#include <math.h>

bool tie_chance(slow_random *random, uint64_t one_in)
{
    return slow_below(random, one_in) == 0;
}

int tie_bits(wide m)
{
    int bits = 0;
    for (m = m < 0 ? -m : m; m > 0; m /= 2)
        bits++;
    return bits;
}

/* To nearest even, in integers. */
double tie_round(const wanted *v, ng_dtype dtype, class *how)
{
    const slow_format *f = slow_format_of(dtype);
    wide a = v->m < 0 ? -v->m : v->m;
    double sign = v->m < 0 ? -1 : 1;
    int top = v->e + tie_bits(a) - 1;
    int place = (top > f->emin ? top : f->emin) - f->p + 1;
    int shift = place - v->e;
    *how = v->nudge == 0 ? CLASS_EXACT : CLASS_PLAIN;
    if (a == 0)
        return 0;
    if (shift <= 0)
        return top > f->emax ? sign * INFINITY : sign * ldexp((double)a, v->e);
    *how = CLASS_PLAIN;
    if (shift > 120)
        return sign * 0.0;
    wide half = (wide)1 << (shift - 1), units = a >> shift;
    wide rest = a - (units << shift);
    bool up = rest > half;
    if (rest == half && v->nudge == 0) {
        *how = CLASS_TIE;
        up = units % 2 == 1;
    } else if (rest == half) {
        long double size = fabsl(v->nudge);
        *how = size <= ldexpl(1, place - 40) ? CLASS_NEAR : CLASS_PLAIN;
        up = (v->nudge < 0) == (v->m < 0);
    } else if (rest == 0 && v->nudge == 0) {
        *how = CLASS_EXACT;
    }
    double rounded = ldexp((double)(units + up), place);
    return sign * (rounded >= ldexp(2, f->emax) ? INFINITY : rounded);
}

/* Whether the nudge cannot move the value past anything but the midpoint that
 * it starts from: below 2^-10 of half an ulp and of the unit of m. */
bool tie_settled(const wanted *v, ng_dtype dtype)
{
    const slow_format *f = slow_format_of(dtype);
    int top = v->e + tie_bits(v->m) - 1;
    int half = (top > f->emin ? top : f->emin) - f->p;
    if (v->nudge == 0)
        return true;
    return v->m != 0 &&
           fabsl(v->nudge) <= ldexpl(1, (half < v->e ? half : v->e) - 10);
}

bool tie_fits(ng_dtype dtype, double value)
{
    return ng_dtype_round(dtype, value) == value;
}

/* *to = i 2^e; false: the format does not hold it. */
bool tie_exactly(ng_dtype dtype, wide i, int e, double *to)
{
    double whole = (double)i;
    *to = ldexp(whole, e);
    return (wide)whole == i && isfinite(*to) && ldexp(*to, -e) == whole &&
           tie_fits(dtype, *to);
}
