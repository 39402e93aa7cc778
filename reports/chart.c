/* Charts, drawn at the width of a narrow screen so that small print stays
 * legible there, and set side by side on a wide one. Series differ by dashes
 * and marks as well as by colour. */
#include "chart.h"

#include "axis.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 360, HEIGHT = 216 };
enum { LEFT = 50, RIGHT = 14, TOP = 24, BOTTOM = 40 };
enum { PLOT_WIDTH = WIDTH - LEFT - RIGHT, PLOT_HEIGHT = HEIGHT - TOP - BOTTOM };
enum { INSET = 6 }; /* from the axes to the marks nearest to them */

/* A hostile record cannot fill the page. */
enum { SERIES_MAX = 8, POINTS_MAX = 240, MARKS_MAX = 40, ROWS_MAX = 64 };
enum { CAPTION_MAX = 400, NAME_MAX_SHOWN = 60, COLOURS = 6 };

/* Subpaths from where the pen is; the style sheet gives the first two, which
 * are points, round and square ends. */
static const char *const marks[COLOURS] = {
    "h0",                                /* disc */
    "h0",                                /* square */
    "m0-3.4l3.4 3.4l-3.4 3.4l-3.4-3.4z", /* diamond */
    "m0-3.2l3 5.4h-6z",                  /* triangle */
    "m0 3.2l3-5.4h-6z",                  /* on its head */
    "m-3-1h2v-2h2v2h2v2h-2v2h-2v-2h-2z", /* plus */
};

typedef struct plot {
    ng_page *page;
    const ng_chart *chart;
    ng_axis x, y;
    bool off; /* something lies beyond the axes */
} plot;

static size_t shown_series(const ng_chart *chart)
{
    return chart->series_count < SERIES_MAX ? chart->series_count : SERIES_MAX;
}

static const char *mark_of(const ng_series *series)
{
    return marks[series->colour % COLOURS];
}

/* Up to `limit` characters, fit for an attribute too. */
static void add_cut(ng_buffer *out, const char *text, size_t limit)
{
    ng_buffer plain = {0};
    ng_buffer_plain(&plain, text, limit);
    if (plain.size > 0)
        ng_buffer_markup(out, plain.data);
    out->failed = out->failed || plain.failed;
    ng_buffer_free(&plain);
}

/* Point i of those drawn: all, or as many as POINTS_MAX, ends included. */
static size_t drawn(const ng_series *series)
{
    return series->count < POINTS_MAX ? series->count : POINTS_MAX;
}

static size_t point_at(const ng_series *series, size_t i)
{
    size_t count = drawn(series);
    return count == series->count || count < 2
               ? i
               : (size_t)((double)i * (double)(series->count - 1) /
                          (double)(count - 1));
}

static void make_axes(plot *p)
{
    const ng_chart *chart = p->chart;
    ng_axis_init(&p->x, chart->x_log);
    ng_axis_init(&p->y, chart->y_log);
    for (size_t s = 0; s < shown_series(chart); s++) {
        const ng_series *series = &chart->series[s];
        for (size_t i = 0; i < series->count; i++) {
            ng_axis_include(&p->x, series->x[i]);
            ng_axis_include(&p->y, series->y[i]);
        }
    }
    ng_axis_include(&p->y, chart->guide);
    ng_axis_close(&p->x);
    ng_axis_close(&p->y);
}

static double across(double part)
{
    return LEFT + INSET + part * (PLOT_WIDTH - 2 * INSET);
}

static double down(double part)
{
    return TOP + INSET + (1 - part) * (PLOT_HEIGHT - 2 * INSET);
}

static void write_axes(plot *p)
{
    ng_buffer *out = p->page->out;
    char label[NG_AXIS_LABEL_MAX];
    ng_buffer_add(out, "<path class=\"grid\" d=\"");
    for (size_t i = 0; i < p->y.ticks; i++)
        ng_buffer_format(out, "M%d %.4gh%d", LEFT, down(ng_axis_tick(&p->y, i)),
                         PLOT_WIDTH);
    ng_buffer_format(out, "\"/><path class=\"axis\" d=\"M%d %dv%dh%d", LEFT,
                     TOP, PLOT_HEIGHT, PLOT_WIDTH);
    for (size_t i = 0; i < p->x.ticks; i++)
        ng_buffer_format(out, "M%.4g %dv4", across(ng_axis_tick(&p->x, i)),
                         TOP + PLOT_HEIGHT);
    for (size_t i = 0; i < p->y.ticks; i++)
        ng_buffer_format(out, "M%d %.4gh-4", LEFT,
                         down(ng_axis_tick(&p->y, i)));
    ng_buffer_add(out, "\"/>\n<g class=\"mid\">");
    for (size_t i = 0; i < p->x.ticks; i++) {
        ng_axis_label(&p->x, i, label);
        ng_buffer_format(out, "<text x=\"%.4g\" y=\"%d\">%s</text>",
                         across(ng_axis_tick(&p->x, i)), TOP + PLOT_HEIGHT + 16,
                         label);
    }
    ng_buffer_add(out, "</g><g class=\"end\">");
    for (size_t i = 0; i < p->y.ticks; i++) {
        ng_axis_label(&p->y, i, label);
        ng_buffer_format(out, "<text x=\"%d\" y=\"%.4g\">%s</text>", LEFT - 7,
                         down(ng_axis_tick(&p->y, i)) + 3.5, label);
    }
    ng_buffer_format(out, "<text x=\"%d\" y=\"%d\">", WIDTH - RIGHT,
                     HEIGHT - 7);
    add_cut(out, p->chart->x_title, NAME_MAX_SHOWN);
    ng_buffer_add(out, "</text></g><text x=\"2\" y=\"12\">");
    add_cut(out, p->chart->y_title, NAME_MAX_SHOWN);
    ng_buffer_add(out, "</text>\n");
}

static void write_guide(plot *p)
{
    bool off;
    double part = ng_axis_place(&p->y, p->chart->guide, &off);
    if (off)
        return;
    ng_buffer_format(p->page->out, "<path class=\"guide\" d=\"M%d %.4gh%d\"/>",
                     LEFT, down(part), PLOT_WIDTH);
}

/* The places of a series, in its order; false: off both axes or NaN in x. */
static bool place(plot *p, const ng_series *series, size_t i, double at[2],
                  bool *off)
{
    size_t k = point_at(series, i);
    bool off_x, off_y;
    if (isnan(series->x[k]))
        return false;
    at[0] = across(ng_axis_place(&p->x, series->x[k], &off_x));
    at[1] = down(ng_axis_place(&p->y, series->y[k], &off_y));
    *off = off_x || off_y;
    p->off = p->off || *off;
    return true;
}

static void write_line(plot *p, const ng_series *series)
{
    ng_buffer *out = p->page->out;
    bool pen_down = false, off;
    double at[2];
    ng_buffer_format(out, "<path class=\"line c%u\" d=\"",
                     series->colour % COLOURS);
    for (size_t i = 0; i < drawn(series); i++) {
        bool drawable = place(p, series, i, at, &off) && !off;
        if (drawable)
            ng_buffer_format(out, "%c%.4g %.4g", pen_down ? 'L' : 'M', at[0],
                             at[1]);
        pen_down = drawable;
    }
    ng_buffer_add(out, "\"/>");
}

/* What lies beyond an axis is an open ring at its edge. */
static void write_marks(plot *p, const ng_series *series, bool beyond)
{
    ng_buffer *out = p->page->out;
    size_t size = out->size;
    double at[2];
    bool off;
    ng_buffer_format(out, "<path class=\"%s c%u\" d=\"",
                     beyond ? "off" : "mark", series->colour % COLOURS);
    size_t empty = out->size;
    for (size_t i = 0; i < drawn(series); i++)
        if (place(p, series, i, at, &off) && off == beyond)
            ng_buffer_format(out, "M%.4g %.4g%s", at[0], at[1],
                             beyond ? "m-3.6 0a3.6 3.6 0 1 0 7.2 0"
                                      "a3.6 3.6 0 1 0-7.2 0z"
                                    : mark_of(series));
    if (out->failed || out->size == empty)
        out->size = size;
    else
        ng_buffer_add(out, "\"/>\n");
}

static void write_series(plot *p)
{
    for (size_t s = 0; s < shown_series(p->chart); s++) {
        const ng_series *series = &p->chart->series[s];
        if (series->line)
            write_line(p, series);
        if (!series->line || series->count <= MARKS_MAX)
            write_marks(p, series, false);
        write_marks(p, series, true);
    }
}

/* "error from 1e-7 to 4e-6, at last 4e-6": what a reader would see first. */
static void describe(ng_buffer *out, const ng_series *series)
{
    double low = NAN, high = NAN;
    size_t without = 0;
    for (size_t i = 0; i < series->count; i++) {
        without += !isfinite(series->y[i]);
        if (isfinite(series->y[i])) {
            low = fmin(low, series->y[i]);
            high = fmax(high, series->y[i]);
        }
    }
    add_cut(out, series->name, NAME_MAX_SHOWN);
    if (isnan(low)) {
        ng_buffer_add(out, series->count > 0 ? " nowhere finite" : " empty");
        return;
    }
    ng_buffer_add(out, " from ");
    ng_buffer_short(out, low);
    ng_buffer_add(out, " to ");
    ng_buffer_short(out, high);
    ng_buffer_add(out, ", at last ");
    ng_buffer_short(out, series->y[series->count - 1]);
    if (without > 0)
        ng_buffer_format(out, ", %zu not finite", without);
}

static void write_label(plot *p)
{
    ng_buffer *out = p->page->out;
    add_cut(out, p->chart->y_title, NAME_MAX_SHOWN);
    ng_buffer_add(out, " against ");
    add_cut(out, p->chart->x_title, NAME_MAX_SHOWN);
    for (size_t s = 0; s < shown_series(p->chart); s++) {
        ng_buffer_add(out, s > 0 ? "; " : ": ");
        describe(out, &p->chart->series[s]);
    }
    if (isfinite(p->chart->guide)) {
        ng_buffer_add(out, "; a line at ");
        ng_buffer_short(out, p->chart->guide);
    }
}

static void write_key(plot *p)
{
    ng_buffer *out = p->page->out;
    const ng_chart *chart = p->chart;
    ng_buffer_add(out, "<p class=\"legend\">");
    for (size_t s = 0; s < shown_series(chart); s++) {
        const ng_series *series = &chart->series[s];
        unsigned colour = series->colour % COLOURS;
        ng_buffer_add(out, "<span><svg viewBox=\"0 0 30 10\" "
                           "aria-hidden=\"true\">");
        if (series->line)
            ng_buffer_format(out, "<path class=\"line c%u\" d=\"M1 5h28\"/>",
                             colour);
        if (!series->line || series->count <= MARKS_MAX)
            ng_buffer_format(out, "<path class=\"mark c%u\" d=\"M15 5%s\"/>",
                             colour, mark_of(series));
        ng_buffer_add(out, "</svg>");
        add_cut(out, series->name, NAME_MAX_SHOWN);
        ng_buffer_add(out, "</span> ");
    }
    if (p->off)
        ng_buffer_add(out, "<span><svg viewBox=\"0 0 30 10\" "
                           "aria-hidden=\"true\"><path class=\"off\" "
                           "d=\"M11.4 5a3.6 3.6 0 1 0 7.2 0"
                           "a3.6 3.6 0 1 0-7.2 0z\"/></svg>"
                           "beyond the axis</span>");
    ng_buffer_add(out, "</p>\n");
}

static bool own_x(const ng_chart *chart, size_t s)
{
    return s == 0 || chart->series[s].x != chart->series[0].x;
}

static void write_table_head(plot *p)
{
    ng_buffer *out = p->page->out;
    ng_buffer_add(out, "<thead><tr>");
    for (size_t s = 0; s < shown_series(p->chart); s++) {
        if (own_x(p->chart, s)) {
            ng_buffer_add(out, "<th scope=\"col\">");
            add_cut(out, p->chart->x_title, NAME_MAX_SHOWN);
            ng_buffer_add(out, "</th>");
        }
        ng_buffer_add(out, "<th scope=\"col\">");
        add_cut(out, p->chart->series[s].name, NAME_MAX_SHOWN);
        ng_buffer_add(out, "</th>");
    }
    ng_buffer_add(out, "</tr></thead>\n");
}

static void write_number(ng_buffer *out, const double *values, size_t i,
                         size_t count)
{
    ng_buffer_add(out, "<td>");
    if (i < count)
        ng_buffer_format(out, "%.6g", isnan(values[i]) ? NAN : values[i]);
    ng_buffer_add(out, "</td>");
}

static void write_table(plot *p)
{
    ng_buffer *out = p->page->out;
    const ng_chart *chart = p->chart;
    size_t most = 0;
    for (size_t s = 0; s < shown_series(chart); s++)
        if (chart->series[s].count > most)
            most = chart->series[s].count;
    size_t rows = most < ROWS_MAX ? most : ROWS_MAX;
    if (rows == 0)
        return;
    ng_buffer_add(out, "<details><summary>Numbers</summary>"
                       "<div class=\"scroll\"><table>");
    write_table_head(p);
    ng_buffer_add(out, "<tbody>\n");
    for (size_t i = 0; i < rows; i++) {
        ng_buffer_add(out, "<tr>");
        for (size_t s = 0; s < shown_series(chart); s++) {
            const ng_series *series = &chart->series[s];
            if (own_x(chart, s))
                write_number(out, series->x, i, series->count);
            write_number(out, series->y, i, series->count);
        }
        ng_buffer_add(out, "</tr>\n");
    }
    ng_buffer_add(out, "</tbody></table></div>");
    if (most > rows)
        ng_buffer_format(out, "<p class=\"note\">%zu more in the records.</p>",
                         most - rows);
    ng_buffer_add(out, "</details>");
}

void ng_page_chart(ng_page *page, const ng_chart *chart)
{
    plot p = {.page = page, .chart = chart};
    make_axes(&p);
    ng_buffer_add(page->out, "<figure class=\"chart\">");
    if (chart->title && chart->title[0]) {
        ng_buffer_add(page->out, "<figcaption>");
        add_cut(page->out, chart->title, CAPTION_MAX);
        ng_buffer_add(page->out, "</figcaption>\n");
    }
    ng_buffer_format(page->out,
                     "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
                     WIDTH, HEIGHT);
    write_label(&p);
    ng_buffer_add(page->out, "\">\n");
    write_axes(&p);
    write_guide(&p);
    write_series(&p);
    ng_buffer_add(page->out, "</svg>\n");
    write_key(&p);
    write_table(&p);
    ng_buffer_add(page->out, "</figure>\n");
}
