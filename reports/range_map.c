/* Range maps: reading the records, and where accuracy and finiteness end. */
#include "range_map.h"

#include "axis.h"

#include <normgate/columns.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STRIPS_MAX = 12 };

/* Exponents beyond all dtypes come from no run. */
static const double LARGEST_EXPONENT = 20000;

static bool is_exponent(double value)
{
    return fabs(value) <= LARGEST_EXPONENT;
}

/* Of a check that is not wrong; NG_REACHES: it tells nothing. A check with all
 * outputs outside the promise is skipped, and a waived one is wrong. */
static ng_reach reach_of(const ng_columns *columns, ng_verdict verdict)
{
    if (verdict == NG_WAIVED)
        return ng_reach_fail;
    double outside = ng_columns_first(columns, "outside");
    if (outside == 0)
        return verdict == NG_PASS ? ng_reach_accurate : NG_REACHES;
    if (!(ng_columns_first(columns, "infinite") == 0))
        return ng_reach_infinite;
    if (ng_columns_first(columns, "zero") == outside)
        return ng_reach_zero;
    double error = ng_columns_first(columns, "error");
    return error <= 1.0 / NG_CLOSE ? ng_reach_close : ng_reach_inaccurate;
}

/* 1: *place is set; 0: the record is not of a place. */
static size_t read_place(ng_arena *arena, const ng_record *record,
                         ng_place *place)
{
    ng_columns columns;
    ng_verdict verdict = ng_record_verdict(record);
    bool wrong = ng_verdict_wrong(verdict);
    if (record->columns[0] == '\0' ||
        ng_columns_read(&columns, arena, record->columns, NULL) != ng_status_ok)
        return 0;
    *place = (ng_place){
        .eps = ng_columns_first(&columns, "eps"),
        .offset = ng_columns_first(&columns, "offset"),
        .scale = ng_columns_first(&columns, "scale"),
        .reach = wrong ? ng_reach_fail : reach_of(&columns, verdict),
        .infinite = !(ng_columns_first(&columns, "infinite") == 0) ||
                    (wrong && !isfinite(record->got)),
    };
    return place->reach != NG_REACHES && isfinite(place->eps) &&
           is_exponent(place->offset) && is_exponent(place->scale);
}

static int rising(double a, double b)
{
    return a < b ? -1 : a > b;
}

static int compare_where(const ng_place *a, const ng_place *b)
{
    int order = rising(b->eps, a->eps);
    order = order != 0 ? order : rising(a->offset, b->offset);
    return order != 0 ? order : rising(a->scale, b->scale);
}

static int compare_places(const void *left, const void *right)
{
    const ng_place *a = left, *b = right;
    int order = compare_where(a, b);
    return order != 0 ? order : (int)a->reach - (int)b->reach;
}

/* No more strips than a picture has room for. */
static void cut(ng_range_map *map)
{
    size_t end = 0;
    for (size_t strips = 0; strips < STRIPS_MAX && end < map->count; strips++)
        end = ng_range_strip_end(map, end);
    map->left_out = map->count - end;
    map->count = end;
}

bool ng_range_map_make(ng_range_map *map, ng_arena *arena, const ng_row *row)
{
    const ng_cell *cell = ng_row_cell(row, "range");
    size_t count = 0;
    *map = (ng_range_map){.row = row};
    if (!cell)
        return true;
    ng_place *places =
        ng_arena_alloc(arena, cell->record_count, sizeof *places);
    if (!places)
        return false;
    for (size_t i = 0; i < cell->record_count; i++) {
        size_t read = read_place(arena, cell->records[i], &places[count]);
        bool wrong = ng_record_wrong(cell->records[i]);
        map->unplaced += read == 0 && wrong;
        count += read;
    }
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 0; i < count; i++) {
        ng_place *last = map->count > 0 ? &places[map->count - 1] : NULL;
        if (last && compare_where(last, &places[i]) == 0) {
            bool infinite = last->infinite || places[i].infinite;
            *last = places[i];
            last->infinite = infinite;
        } else {
            places[map->count++] = places[i];
        }
    }
    map->places = places;
    cut(map);
    return true;
}

int ng_range_map_compare(const ng_range_map *a, const ng_range_map *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t i = 0; i < a->count; i++) {
        int order = compare_places(&a->places[i], &b->places[i]);
        if (order == 0)
            order = (int)a->places[i].infinite - (int)b->places[i].infinite;
        if (order != 0)
            return order;
    }
    return a->unplaced < b->unplaced ? -1 : a->unplaced > b->unplaced;
}

size_t ng_range_strip_end(const ng_range_map *map, size_t begin)
{
    size_t end = begin + 1;
    while (end < map->count && map->places[end].eps == map->places[begin].eps &&
           map->places[end].offset == map->places[begin].offset)
        end++;
    return end;
}

/* Places of a strip, one after the other; none: begin == end. */
typedef struct run {
    size_t begin, end;
} run;

static bool is_accurate(const ng_place *place)
{
    return place->reach == ng_reach_accurate;
}

static bool is_finite(const ng_place *place)
{
    return !place->infinite;
}

/* The run that spans the most binades; the first of equals. */
static run longest(const ng_place *places, run strip,
                   bool (*is)(const ng_place *))
{
    run best = {strip.begin, strip.begin};
    for (size_t i = strip.begin, end; i < strip.end; i = end + 1) {
        for (end = i; end < strip.end && is(&places[end]);)
            end++;
        if (end > i &&
            (best.begin == best.end ||
             places[end - 1].scale - places[i].scale >
                 places[best.end - 1].scale - places[best.begin].scale))
            best = (run){i, end};
    }
    return best;
}

static run widen(const ng_place *places, run strip, run from)
{
    while (from.begin > strip.begin && !places[from.begin - 1].infinite)
        from.begin--;
    while (from.end < strip.end && !places[from.end].infinite)
        from.end++;
    return from;
}

/* " from 2^-74 to 2^60"; unless `whole`, without the low end where it is the
 * strip's own. */
static const char *extent(ng_arena *arena, const ng_place *places, run strip,
                          run of, bool whole)
{
    char low[NG_AXIS_LABEL_MAX], high[NG_AXIS_LABEL_MAX];
    if (of.begin == of.end)
        return " nowhere";
    if (of.begin == strip.begin && of.end == strip.end && !whole)
        return " throughout";
    ng_axis_power(2, (int)lrint(places[of.begin].scale), low);
    ng_axis_power(2, (int)lrint(places[of.end - 1].scale), high);
    if (of.end - of.begin == 1)
        return ng_arena_text(arena, " at %s", low);
    if (of.begin == strip.begin && !whole)
        return ng_arena_text(arena, " to %s", high);
    return ng_arena_text(arena, " from %s to %s", low, high);
}

static const char *phrase(ng_arena *arena, const ng_place *places, run strip)
{
    run accurate = longest(places, strip, is_accurate);
    run finite = accurate.begin < accurate.end
                     ? widen(places, strip, accurate)
                     : longest(places, strip, is_finite);
    const char *first = extent(arena, places, strip, accurate, true);
    const char *second = extent(arena, places, strip, finite, false);
    return first && second
               ? ng_arena_text(arena, "accurate%s, finite%s", first, second)
               : NULL;
}

/* Of the strips of one eps: the smallest offset, and the largest if it
 * differs. */
static const char *phrases(const ng_range_map *map, ng_arena *arena, run all)
{
    char offset[NG_AXIS_LABEL_MAX];
    run first = {all.begin, ng_range_strip_end(map, all.begin)}, last = first;
    while (last.end < all.end)
        last = (run){last.end, ng_range_strip_end(map, last.end)};
    const char *near = phrase(arena, map->places, first);
    const char *far = phrase(arena, map->places, last);
    if (!near || !far || strcmp(near, far) == 0)
        return near ? far : NULL;
    ng_axis_power(2, (int)lrint(map->places[last.begin].offset), offset);
    return ng_arena_text(arena, "%s; at |mean|/σ = %s %s", near, offset, far);
}

const char *ng_range_map_sentence(const ng_range_map *map, ng_arena *arena)
{
    const char *sentence = "", *names = "", *last = NULL;
    for (size_t begin = 0, end; begin < map->count; begin = end) {
        for (end = begin; end < map->count &&
                          map->places[end].eps == map->places[begin].eps;)
            end++;
        const char *text = phrases(map, arena, (run){begin, end});
        if (!text)
            return NULL;
        bool same = last && strcmp(last, text) == 0;
        if (last && !same) {
            sentence = ng_arena_text(arena, "%seps = %s: %s.\n", sentence,
                                     names, last);
            names = "";
        }
        names = ng_arena_text(arena, "%s%s%g", names, same ? ", " : "",
                              map->places[begin].eps);
        last = text;
        if (!sentence || !names)
            return NULL;
    }
    return last ? ng_arena_text(arena, "%seps = %s: %s.", sentence, names, last)
                : "";
}
