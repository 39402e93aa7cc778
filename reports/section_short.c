/* In short: what is wrong, where it stops being right and how near it comes,
 * each in a sentence with a link to the section that has all of it. */
#include "diagnosis.h"
#include "panel.h"
#include "range_map.h"

#include <normgate/histogram.h>

#include <math.h>
#include <string.h>

/* Sentences of one kind, maps that are told apart, and bytes of one text. */
enum { SHOWN = 3, MAPS_APART = 16, TEXT_SHOWN = 300 };

typedef struct facts {
    ng_page *page;
    size_t written;
} facts;

static void open_fact(facts *f, const char *section, const char *term)
{
    if (f->written++ == 0)
        ng_buffer_add(f->page->out, "<dl class=\"short\">\n");
    ng_buffer_format(f->page->out, "<div><dt><a href=\"#%s\">%s</a></dt><dd>",
                     section, term);
}

static void close_fact(facts *f)
{
    ng_buffer_add(f->page->out, "</dd></div>\n");
}

static void write_kernel(ng_page *page, const char *kernel)
{
    ng_buffer_add(page->out, "<code>");
    ng_buffer_name(page->out, kernel[0] ? kernel : "(no name)");
    ng_buffer_add(page->out, "</code>");
}

/* --- what is wrong ----------------------------------------------------------- */

typedef struct found {
    const ng_row *row;
    ng_diagnosis diagnosis;
} found;

static void keep(found *best, size_t *count, found one)
{
    size_t at = *count;
    while (at > 0 && best[at - 1].diagnosis.count < one.diagnosis.count)
        at--;
    if (at >= SHOWN)
        return;
    *count += *count < SHOWN;
    for (size_t i = *count - 1; i > at; i--)
        best[i] = best[i - 1];
    best[at] = one;
}

/* Those that explain most. */
static void write_wrong(facts *f)
{
    ng_page *page = f->page;
    const ng_grid *grid = page->properties;
    found best[SHOWN];
    size_t kept = 0, all = 0;
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        size_t count;
        if (row->seeded_bug[0] || row->score.wrong == 0)
            continue;
        ng_diagnosis *d = ng_diagnoses_make(&count, page->arena, row);
        page->out->failed = page->out->failed || !d;
        for (size_t k = 0; d && k < count; k++)
            keep(best, &kept, (found){row, d[k]});
        all += count;
    }
    if (kept == 0)
        return;
    open_fact(f, "findings", "What is wrong");
    for (size_t i = 0; i < kept; i++) {
        const ng_diagnosis *d = &best[i].diagnosis;
        ng_buffer_add(page->out, "<p>");
        write_kernel(page, best[i].row->kernel);
        ng_buffer_add(page->out, " ");
        ng_buffer_excerpt(page->out, d->text, TEXT_SHOWN);
        ng_buffer_format(page->out, " <small>(%zu propert%s)</small></p>",
                         d->count, d->count == 1 ? "y" : "ies");
    }
    if (all > kept)
        ng_buffer_format(page->out, "<p>and %zu more</p>", all - kept);
    close_fact(f);
}

/* --- where it stops being right ---------------------------------------------- */

static bool fails(const ng_range_map *map)
{
    bool some = map->unplaced > 0;
    for (size_t i = 0; i < map->count; i++)
        some = some || map->places[i].reach == ng_reach_fail;
    return some;
}

typedef struct apart {
    ng_range_map map; /* of the first kernel */
    size_t kernels;
} apart;

/* False: it is like one that is kept, or there are too many. */
static bool add_map(apart *kept, size_t count, const ng_range_map *map)
{
    for (size_t i = 0; i < count; i++) {
        if (ng_range_map_compare(&kept[i].map, map) == 0) {
            kept[i].kernels++;
            return false;
        }
    }
    if (count == MAPS_APART)
        return false;
    kept[count] = (apart){*map, 1};
    return true;
}

/* Several kernels: of each the sentence of its largest eps alone. */
typedef struct said {
    const char *text;
    const ng_row *row;
    size_t kernels;
} said;

static size_t say(ng_page *page, said *lines, const apart *kept, size_t count)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *text = ng_range_map_sentence(&kept[i].map, page->arena);
        if (text && count > 1)
            text = ng_arena_text(page->arena, "%.*s", (int)strcspn(text, "\n"),
                                 text);
        page->out->failed = page->out->failed || !text;
        size_t k = 0;
        while (text && k < used && strcmp(lines[k].text, text) != 0)
            k++;
        if (text && k == used)
            lines[used++] = (said){text, kept[i].map.row, 0};
        if (text)
            lines[k].kernels += kept[i].kernels;
    }
    return used;
}

static void write_said(ng_page *page, const said *line, bool named)
{
    if (named) {
        ng_buffer_add(page->out, "<p>");
        write_kernel(page, line->row->kernel);
        if (line->kernels > 1)
            ng_buffer_format(page->out, " <small>and %zu more</small>",
                             line->kernels - 1);
        ng_buffer_add(page->out, "</p>");
    }
    const char *text = line->text;
    for (const char *end; *text; text = end + (*end == '\n')) {
        end = text + strcspn(text, "\n");
        ng_buffer_format(page->out, "<p>%.*s</p>", (int)(end - text), text);
    }
}

/* Of x: the maps of kernels that fail first. */
static void write_range(facts *f)
{
    ng_page *page = f->page;
    const ng_grid *grid = page->properties;
    apart kept[MAPS_APART];
    size_t count = 0, shown = 0;
    for (int failing = 1; failing >= 0; failing--) {
        for (size_t i = 0; i < grid->row_count; i++) {
            ng_range_map map;
            if (grid->rows[i].seeded_bug[0])
                continue;
            if (!ng_range_map_make(&map, page->arena, &grid->rows[i])) {
                page->out->failed = true;
                return;
            }
            if (map.count > 0 && fails(&map) == failing)
                count += add_map(kept, count, &map);
        }
    }
    if (count == 0)
        return;
    said lines[MAPS_APART];
    size_t used = say(page, lines, kept, count);
    open_fact(f, "range", "Range of x");
    for (; shown < used && shown < SHOWN; shown++)
        write_said(page, &lines[shown], used > 1);
    if (shown < used || count == MAPS_APART)
        ng_buffer_add(page->out, "<p>and others: see the map</p>");
    close_fact(f);
}

/* The point of all sweeps over `of` where the error comes nearest to its
 * bound, or passes it furthest. */
typedef struct nearest {
    const ng_record *record;
    double ratio, at;
} nearest;

static void look(nearest *best, const ng_record *record,
                 const ng_columns *columns, const char *of)
{
    ng_column at = ng_columns_find(columns, of);
    ng_column error = ng_columns_find(columns, "error");
    ng_column bound = ng_columns_find(columns, "bound");
    for (size_t i = 0; i < at.count && i < error.count && i < bound.count;
         i++) {
        double ratio = error.values[i] / bound.values[i];
        if (!(ratio <= best->ratio) && !isnan(ratio) && bound.values[i] > 0)
            *best = (nearest){record, ratio, at.values[i]};
    }
}

static void write_nearest(facts *f, const char *of, const char *name,
                          const char *term)
{
    ng_page *page = f->page;
    const ng_grid *grid = page->properties;
    nearest best = {NULL, NAN, NAN};
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_cell *cell = ng_row_cell(&grid->rows[i], "growth");
        for (size_t k = 0;
             cell && !grid->rows[i].seeded_bug[0] && k < cell->record_count;
             k++) {
            ng_arena arena = {0};
            ng_columns columns = ng_panel_columns(&arena, cell->records[k]);
            look(&best, cell->records[k], &columns, of);
            ng_arena_release(&arena);
        }
    }
    if (!best.record)
        return;
    open_fact(f, "growth", term);
    ng_buffer_add(page->out, best.ratio > 1 ? "up to " : "at most ");
    ng_buffer_short(page->out, best.ratio);
    ng_buffer_format(page->out, "%s the bound in root mean square, at %s = ",
                     best.ratio > 1 ? " times" : " of", name);
    ng_buffer_short(page->out, best.at);
    if (page->tally->kernels > 1) {
        ng_buffer_add(page->out, ", ");
        write_kernel(page, best.record->kernel);
    }
    close_fact(f);
}

/* --- how near, and how often the same ----------------------------------------- */

/* In percent; 100 only of all. */
static double share_to(const ng_histogram *all, double error_ulp)
{
    ng_histogram some = *all;
    for (size_t i = ng_histogram_bin(error_ulp) + 1; i < NG_HISTOGRAM_BINS; i++)
        some.count[i] = 0;
    double part =
        (double)ng_histogram_total(&some) / (double)ng_histogram_total(all);
    return part < 1 ? fmin(floor(1000 * part) / 10, 99.9) : 100;
}

static void write_errors(facts *f)
{
    ng_page *page = f->page;
    ng_histogram all = {{0}};
    for (size_t i = 0; i < page->properties->cell_count; i++) {
        const ng_cell *cell = &page->properties->cells[i];
        if (page->properties->rows[cell->kernel].seeded_bug[0])
            continue;
        for (size_t k = 0; k < cell->record_count; k++) {
            ng_histogram one;
            const char *text = cell->records[k]->histogram;
            if (text[0] &&
                ng_record_tells_ulp(cell->records[k], page->ordinary) &&
                ng_histogram_parse(&one, text, NULL) == ng_status_ok)
                ng_histogram_merge(&all, &one);
        }
    }
    if (ng_histogram_total(&all) == 0)
        return;
    open_fact(f, "errors", "Error in ulp");
    ng_buffer_format(page->out,
                     "%.4g&nbsp;%% of the outputs%s are correctly rounded, "
                     "%.4g&nbsp;%% within 4 units in the last place",
                     share_to(&all, 0.5),
                     page->ordinary ? " of normal inputs" : "",
                     share_to(&all, 4));
    close_fact(f);
}

static void write_bits(facts *f)
{
    static const char *const properties[] = {"repeat",      "threads",
                                             "permutation", "containment",
                                             "layouts",     "call_contract"};
    const ng_grid *grid = f->page->properties;
    double differing = 0, compared = 0;
    size_t kernels = 0;
    for (size_t i = 0; i < grid->row_count; i++) {
        double mine = 0;
        for (size_t p = 0; p < sizeof properties / sizeof *properties; p++) {
            const ng_cell *cell = ng_row_cell(&grid->rows[i], properties[p]);
            for (size_t k = 0;
                 cell && !grid->rows[i].seeded_bug[0] && k < cell->record_count;
                 k++) {
                ng_arena arena = {0};
                ng_columns columns = ng_panel_columns(&arena, cell->records[k]);
                double some = ng_columns_first(&columns, "differing");
                double of = ng_columns_first(&columns, "compared");
                if (some >= 0 && some <= of && of <= 0x1p53) {
                    mine += some;
                    compared += of;
                }
                ng_arena_release(&arena);
            }
        }
        kernels += mine > 0;
        differing += mine;
    }
    if (compared == 0)
        return;
    open_fact(f, "determinism", "Same bits again");
    ng_buffer_count(f->page->out, (uint64_t)fmin(differing, 0x1p63));
    ng_buffer_add(f->page->out, " of ");
    ng_buffer_count(f->page->out, (uint64_t)fmin(compared, 0x1p63));
    ng_buffer_add(f->page->out, " outputs differed between calls");
    if (kernels > 0)
        ng_buffer_format(f->page->out, ", in %zu kernel%s", kernels,
                         kernels == 1 ? "" : "s");
    close_fact(f);
}

void ng_section_short(ng_page *page)
{
    facts f = {.page = page};
    write_wrong(&f);
    write_range(&f);
    write_nearest(&f, "n", "n", "Error as n grows");
    write_nearest(&f, "offset", "|mean|/sigma", "Error as |mean|/sigma grows");
    write_errors(&f);
    write_bits(&f);
    if (f.written > 0)
        ng_buffer_add(page->out, "</dl>\n");
}
