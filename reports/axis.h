/* Axis: from numbers to places on a chart, and the numbers written beside it. */
#ifndef NORMGATE_REPORTS_AXIS_H
#define NORMGATE_REPORTS_AXIS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ng_axis {
    bool log;
    bool binary; /* log: every number is a power of two, and so are the ticks */
    bool some;   /* a number was included */
    double low, high;   /* of the numbers; once closed, where the axis ends */
    double first, step; /* of the ticks, in the unit of the places */
    size_t ticks;
} ng_axis;

enum { NG_AXIS_LABEL_MAX = 32 };

void ng_axis_init(ng_axis *axis, bool log);

/* Infinities and NaN are left out, and what a logarithm is not defined of. */
void ng_axis_include(ng_axis *axis, double value);

/* Chooses the ends and the ticks: between 0 and 1 without any number. */
void ng_axis_close(ng_axis *axis);

/* 0 at the low end, 1 at the high end, never outside; *off: there is no such
 * place, and the edge in its direction is given. NaN is off, at 0. */
double ng_axis_place(const ng_axis *axis, double value, bool *off);

/* Tick i: its number, of a log axis the exponent; its place, 0 to 1; its
 * label. */
double ng_axis_at(const ng_axis *axis, size_t i);
double ng_axis_tick(const ng_axis *axis, size_t i);
void ng_axis_label(const ng_axis *axis, size_t i,
                   char label[NG_AXIS_LABEL_MAX]);

/* 2⁻¹², in superior figures. */
void ng_axis_power(int base, int power, char label[NG_AXIS_LABEL_MAX]);

#endif
