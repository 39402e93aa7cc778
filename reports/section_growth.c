/* Growth: the error and its bound over the length of the set and over
 * |mean|/sigma, as the sweeps of the property growth measured them. Kernels
 * that fail come first: by that property, then by any. */
#include "chart.h"

#include <normgate/columns.h>

#include <math.h>
#include <string.h>

typedef enum rank { rank_growth, rank_other, rank_none, RANKS } rank;

typedef struct sweep {
    const ng_row *row;
    const ng_record *record;
    ng_column at, error, bound;
    const char *of; /* what varies */
    double error_exponent, bound_exponent;
    rank rank;
} sweep;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* False: the record has no sweep, or none that can be drawn. */
static bool read_sweep(ng_page *page, const ng_row *row,
                       const ng_record *record, sweep *s)
{
    ng_columns columns;
    if (record->columns[0] == '\0' ||
        ng_columns_read(&columns, page->arena, record->columns, NULL) !=
            ng_status_ok)
        return false;
    bool length = ng_columns_find(&columns, "n").count > 0;
    *s = (sweep){
        .row = row,
        .record = record,
        .at = ng_columns_find(&columns, length ? "n" : "offset"),
        .error = ng_columns_find(&columns, "error"),
        .bound = ng_columns_find(&columns, "bound"),
        .of = length ? "n" : "|mean|/sigma",
        .error_exponent = ng_columns_first(&columns, "error_exponent"),
        .bound_exponent = ng_columns_first(&columns, "bound_exponent"),
    };
    bool wrong = ng_record_wrong(record);
    s->rank = wrong                  ? rank_growth
              : row->score.wrong > 0 ? rank_other
                                     : rank_none;
    return least(s->at.count, s->error.count) > 0;
}

/* Every sweep of kernels that are meant to be right; NULL: memory is out. */
static sweep *collect(ng_page *page, size_t *count)
{
    const ng_grid *grid = page->properties;
    size_t most = 0;
    *count = 0;
    for (size_t i = 0; i < grid->cell_count; i++)
        if (strcmp(grid->cells[i].name, "growth") == 0)
            most += grid->cells[i].record_count;
    sweep *sweeps = ng_arena_alloc(page->arena, most, sizeof *sweeps);
    if (!sweeps)
        return NULL;
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        const ng_cell *cell = ng_row_cell(row, "growth");
        if (!cell || row->seeded_bug[0])
            continue;
        for (size_t k = 0; k < cell->record_count; k++)
            *count += read_sweep(page, row, cell->records[k], &sweeps[*count]);
    }
    return sweeps;
}

/* "error, as n^0.42": two decimals, and a record may hold any number. */
static const char *name(ng_page *page, const sweep *s, const char *what,
                        double exponent)
{
    const char *text = fabs(exponent) < 1000
                           ? ng_arena_text(page->arena, "%s, as %s^%.2f", what,
                                           s->of, exponent)
                           : what;
    page->out->failed = page->out->failed || !text;
    return text ? text : "";
}

static void write_sweep(ng_page *page, const sweep *s)
{
    const char *mark = s->rank == rank_growth ? "✗ " : "";
    const char *title = ng_arena_text(page->arena, "%s%.120s · %.120s", mark,
                                      s->record->kernel, s->record->subject);
    const ng_series series[] = {
        {name(page, s, "error", s->error_exponent), s->at.values,
         s->error.values, least(s->at.count, s->error.count), true, 0},
        {name(page, s, "bound", s->bound_exponent), s->at.values,
         s->bound.values, least(s->at.count, s->bound.count), true, 1},
    };
    const ng_chart chart = {
        .title = title,
        .x_title = s->of,
        .y_title = "error relative to the outputs",
        .x_log = true,
        .y_log = true,
        .series = series,
        .series_count = series[1].count > 0 ? 2 : 1,
        .guide = NAN,
    };
    page->out->failed = page->out->failed || !title;
    ng_page_chart(page, &chart);
}

static void write_intro(ng_page *page)
{
    ng_buffer_add(
        page->out,
        "<p>The error (root mean square) and what the declared algorithm "
        "allows, as sets grow longer (n) or lie further from zero "
        "(|mean|/sigma); exponents are fitted slopes, and a sweep ends where "
        "a check fails. An error that climbs towards its bound fails at some "
        "larger n; one that climbs faster is of another algorithm.</p>\n"
        "<div class=\"charts\">\n");
}

void ng_section_growth(ng_page *page)
{
    size_t count, left_out = 0;
    sweep *sweeps = collect(page, &count);
    if (!sweeps) {
        page->out->failed = true;
        return;
    }
    if (count == 0)
        return;
    write_intro(page);
    for (rank r = rank_growth; r < RANKS; r++) {
        for (size_t i = 0; i < count; i++) {
            if (sweeps[i].rank != r)
                continue;
            if (ng_page_full(page))
                left_out++;
            else
                write_sweep(page, &sweeps[i]);
        }
    }
    ng_buffer_add(page->out, "</div>\n");
    ng_page_left_out(page, left_out, "sweeps");
}
