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
    bool wrong = ng_verdict_wrong(ng_record_verdict(record));
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

/* Two decimals of an exponent; a record may hold any number. */
static const char *exponent(ng_arena *arena, const char *of, double value)
{
    if (!(fabs(value) < 1000))
        return "not fitted";
    return ng_arena_text(arena, "%s^%.2f", of, value);
}

static void write_sweep(ng_page *page, const sweep *s)
{
    const ng_record *record = s->record;
    const char *error = exponent(page->arena, s->of, s->error_exponent);
    const char *bound = exponent(page->arena, s->of, s->bound_exponent);
    const char *title = ng_arena_text(
        page->arena, "%s%.80s %.80s, %.20s", s->rank == rank_growth ? "✗ " : "",
        record->subject, record->kernel, record->dtype);
    if (!error || !bound || !title) {
        page->out->failed = true;
        return;
    }
    const char *error_name = ng_arena_text(page->arena, "error: %s", error);
    const char *bound_name = ng_arena_text(page->arena, "bound: %s", bound);
    if (!error_name || !bound_name) {
        page->out->failed = true;
        return;
    }
    ng_series series[] = {
        {error_name, s->at.values, s->error.values,
         least(s->at.count, s->error.count), true, 0},
        {bound_name, s->at.values, s->bound.values,
         least(s->at.count, s->bound.count), true, 1},
    };
    ng_chart chart = {
        .title = title,
        .x_title = s->of,
        .y_title = "error relative to the outputs",
        .x_log = true,
        .y_log = true,
        .series = series,
        .series_count = series[1].count > 0 ? 2 : 1,
        .guide = NAN,
    };
    ng_page_chart(page, &chart);
}

static void write_intro(ng_page *page)
{
    ng_buffer_add(
        page->out,
        "<p>The error of the outputs and what the declared algorithm allows, "
        "both root mean squares relative to the outputs, as the set grows "
        "longer (n) or lies further from zero (|mean|/sigma). Exponents are "
        "slopes fitted by least squares. An error that climbs towards its "
        "bound fails next at some larger n; one that climbs faster than "
        "declared is of another algorithm. Kernels that fail stand "
        "first.</p>\n<div class=\"charts\">\n");
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
