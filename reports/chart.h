/* Chart: a figure of lines or points over two axes, linear or logarithmic, as
 * inline SVG; its numbers stand below it as a table. */
#ifndef NORMGATE_REPORTS_CHART_H
#define NORMGATE_REPORTS_CHART_H

#include "page.h"

typedef struct ng_series {
    const char *name;
    const double *x, *y; /* in the order in which a line joins them */
    size_t count;
    bool line;       /* else points alone */
    unsigned colour; /* CSS class c0..c5: colour, dashes and shape of marks */
} ng_series;

typedef struct ng_chart {
    const char *title; /* the caption; "": none */
    const char *x_title, *y_title;
    bool x_log, y_log;
    const ng_series *series;
    size_t series_count;
    double guide; /* a horizontal line; NAN: none */
} ng_chart;

/* <figure class="chart">. What has no place on an axis (infinities, and zero
 * or less where it is logarithmic) is marked at the edge where it lies, NaN
 * at the foot; of long series the points drawn are evenly spread. */
void ng_page_chart(ng_page *page, const ng_chart *chart);

#endif
