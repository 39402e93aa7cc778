/* Axes. Differences are taken of halves: those of the largest doubles are
 * finite too. */
#include "axis.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICKS_WANTED = 5, TICKS_MAX = 12, PLAIN_BINARY = 17 };

/* Narrower linear axes would need labels of more digits than fit. */
static const double NARROWEST = 1e-5;

void ng_axis_init(ng_axis *axis, bool log)
{
    *axis = (ng_axis){.log = log, .binary = log};
}

void ng_axis_include(ng_axis *axis, double value)
{
    int exponent;
    if (!isfinite(value) || (axis->log && !(value > 0)))
        return;
    axis->low = axis->some ? fmin(axis->low, value) : value;
    axis->high = axis->some ? fmax(axis->high, value) : value;
    axis->some = true;
    axis->binary = axis->binary && frexp(value, &exponent) == 0.5;
}

static double to_log(const ng_axis *axis, double value)
{
    return axis->binary ? log2(value) : log10(value);
}

/* Whole powers, and at least one step between them. */
static void close_log(ng_axis *axis)
{
    axis->low = floor(to_log(axis, axis->low));
    axis->high = ceil(to_log(axis, axis->high));
    if (axis->low == axis->high) {
        axis->low--;
        axis->high++;
    }
    axis->step = ceil((axis->high - axis->low) / TICKS_WANTED);
    axis->first = axis->low;
    axis->ticks = (size_t)((axis->high - axis->low) / axis->step) + 1;
}

static double clamp(double value)
{
    return fmin(fmax(value, -DBL_MAX), DBL_MAX);
}

static void close_linear(ng_axis *axis)
{
    double size = fmax(fabs(axis->low), fabs(axis->high));
    double least = size >= DBL_MIN ? NARROWEST * size : 1;
    double half = axis->high / 2 - axis->low / 2;
    if (!(2 * half >= least)) {
        double middle = axis->low + half;
        axis->low = clamp(middle - least / 2);
        axis->high = clamp(middle + least / 2);
        half = axis->high / 2 - axis->low / 2;
    }
    double rough = half / TICKS_WANTED * 2;
    double power = pow(10, floor(log10(rough)));
    double lead = rough / power;
    axis->step = power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
    if (!(power > 0) || !isfinite(axis->step))
        axis->step = rough; /* among the subnormals, or past the largest */
    axis->first = ceil(axis->low / axis->step) * axis->step;
    axis->ticks =
        (size_t)((axis->high / 2 - axis->first / 2) / axis->step * 2 + 1e-9) +
        1;
    if (axis->ticks > TICKS_MAX)
        axis->ticks = TICKS_MAX;
}

void ng_axis_close(ng_axis *axis)
{
    if (!axis->some) {
        axis->low = axis->log ? 0.1 : 0;
        axis->high = 1;
        axis->binary = false;
    }
    if (axis->log)
        close_log(axis);
    else
        close_linear(axis);
}

static double place(const ng_axis *axis, double at)
{
    double part = (at / 2 - axis->low / 2) / (axis->high / 2 - axis->low / 2);
    return part > 0 ? fmin(part, 1) : 0;
}

double ng_axis_place(const ng_axis *axis, double value, bool *off)
{
    *off = !isfinite(value) || (axis->log && !(value > 0));
    if (*off)
        return value > 0 ? 1 : 0;
    return place(axis, axis->log ? to_log(axis, value) : value);
}

double ng_axis_at(const ng_axis *axis, size_t i)
{
    return 2 * (axis->first / 2 + (double)i * (axis->step / 2));
}

double ng_axis_tick(const ng_axis *axis, size_t i)
{
    return place(axis, ng_axis_at(axis, i));
}

void ng_axis_power(int base, int power, char label[NG_AXIS_LABEL_MAX])
{
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴",
                                         "⁵", "⁶", "⁷", "⁸", "⁹"};
    char plain[16];
    int used = snprintf(label, NG_AXIS_LABEL_MAX, "%d", base);
    snprintf(plain, sizeof plain, "%d", power);
    for (const char *c = plain; *c != '\0' && used < NG_AXIS_LABEL_MAX; c++)
        used += snprintf(label + used, NG_AXIS_LABEL_MAX - (size_t)used, "%s",
                         *c == '-' ? "⁻" : digits[*c - '0']);
}

static void label_linear(const ng_axis *axis, double value, char *label)
{
    double size = fmax(fabs(axis->low), fabs(axis->high));
    int digits = (int)(floor(log10(size)) - floor(log10(axis->step))) + 1;
    if (fabs(value) < axis->step / 2)
        value = 0;
    snprintf(label, NG_AXIS_LABEL_MAX, "%.*g",
             digits < 1   ? 1
             : digits > 9 ? 9
                          : digits,
             value);
    char *exponent = strchr(label, 'e');
    if (exponent) {
        int power = atoi(exponent + 1);
        snprintf(exponent, 8, "e%d", power);
    }
}

void ng_axis_label(const ng_axis *axis, size_t i, char label[NG_AXIS_LABEL_MAX])
{
    double at = ng_axis_at(axis, i);
    if (!axis->log)
        label_linear(axis, at, label);
    else if (axis->binary && axis->low >= 0 && axis->high < PLAIN_BINARY)
        snprintf(label, NG_AXIS_LABEL_MAX, "%.0f", exp2(at));
    else if (!axis->binary && axis->low >= -2 && axis->high <= 4)
        snprintf(label, NG_AXIS_LABEL_MAX, "%g", pow(10, at));
    else
        ng_axis_power(axis->binary ? 2 : 10, (int)at, label);
}
