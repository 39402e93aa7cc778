/* Range map: what kernels return from the smallest to the largest scale of
 * their storage. Kernels with the same outcome everywhere share a picture;
 * those that fail come first. */
#include "axis.h"
#include "range_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 360, LEFT = 46, RIGHT = 8, STRIP = 13, GAP = 2, TITLE = 16 };
enum { PLOT = WIDTH - LEFT - RIGHT, SYMBOL_ROOM = 9, NAMED = 2 };

static const struct {
    const char *class, *symbol, *meaning;
} states[NG_REACHES] = {
    {"r0", "✓", "accurate: promised, and inside the bound"},
    {"r1", "≈", "nothing promised: error small, at most 1/64 of the outputs"},
    {"r2", "~", "nothing promised: finite but inaccurate"},
    {"r3", "0", "nothing promised: every output zero"},
    {"r4", "∞", "nothing promised: outputs infinite or NaN"},
    {"r5", "✗", "fails what is promised"},
};
_Static_assert(NG_CLOSE == 64, "the legend says 1/64");

/* Patterns tell the states apart without colour; the page has them once. */
static const char patterns[] =
    "<svg class=\"hidden\" width=\"0\" height=\"0\" aria-hidden=\"true\">"
    "<pattern id=\"rdots\" width=\"4\" height=\"4\" "
    "patternUnits=\"userSpaceOnUse\"><rect class=\"r1\" width=\"4\" "
    "height=\"4\"/><circle cx=\"1\" cy=\"1\" r=\".7\"/></pattern>"
    "<pattern id=\"rlines\" width=\"5\" height=\"5\" "
    "patternUnits=\"userSpaceOnUse\"><rect class=\"r2\" width=\"5\" "
    "height=\"5\"/><path d=\"M-1 6L6-1\"/></pattern></svg>\n";

typedef struct picture {
    ng_page *page;
    const ng_range_map *map;
    double low, high; /* of the scales, with a margin */
} picture;

static int across(const picture *p, double scale)
{
    double part = (scale - p->low) / (p->high - p->low);
    return LEFT + (int)lrint(PLOT * fmin(fmax(part, 0), 1));
}

static void measure(picture *p)
{
    const ng_range_map *map = p->map;
    p->low = p->high = map->places[0].scale;
    for (size_t i = 0; i < map->count; i++) {
        p->low = fmin(p->low, map->places[i].scale);
        p->high = fmax(p->high, map->places[i].scale);
    }
    double margin = fmax((p->high - p->low) / 40, 1);
    p->low -= margin;
    p->high += margin;
}

/* Between places `i - 1` and `i` of a strip, half way; the first and the last
 * reach as far to the other side. */
static int border(const picture *p, size_t begin, size_t end, size_t i)
{
    const ng_place *at = p->map->places;
    if (end - begin == 1)
        return across(p, at[begin].scale) + (i == begin ? -4 : 4);
    if (i == begin)
        return across(p, at[i].scale - (at[i + 1].scale - at[i].scale) / 2);
    if (i == end)
        return across(p, at[i - 1].scale +
                             (at[i - 1].scale - at[i - 2].scale) / 2);
    return across(p, (at[i - 1].scale + at[i].scale) / 2);
}

/* Calls `draw` for each run of one state, with where it stands. */
static void each_run(const picture *p, ng_buffer *out,
                     void (*draw)(ng_buffer *, ng_reach, int x, int wide, int y,
                                  ng_reach only),
                     ng_reach only)
{
    const ng_place *places = p->map->places;
    int y = 0;
    for (size_t begin = 0, end; begin < p->map->count; begin = end) {
        end = ng_range_strip_end(p->map, begin);
        if (begin == 0 || places[begin - 1].eps != places[begin].eps)
            y += TITLE;
        for (size_t i = begin, next; i < end; i = next) {
            for (next = i; next < end && places[next].reach == places[i].reach;)
                next++;
            int from = border(p, begin, end, i),
                to = border(p, begin, end, next);
            draw(out, places[i].reach, from, to - from, y, only);
        }
        y += STRIP + GAP;
    }
}

static void draw_run(ng_buffer *out, ng_reach reach, int x, int wide, int y,
                     ng_reach only)
{
    if (reach == only)
        ng_buffer_format(out, "M%d %dh%dv%dh%dz", x, y, wide, STRIP, -wide);
}

static bool has_symbol(ng_reach reach, int wide)
{
    return reach == ng_reach_fail || wide >= SYMBOL_ROOM;
}

static void draw_x(ng_buffer *out, ng_reach reach, int x, int wide, int y,
                   ng_reach only)
{
    (void)y, (void)only;
    if (has_symbol(reach, wide))
        ng_buffer_format(out, "%d ", x + wide / 2);
}

static void draw_y(ng_buffer *out, ng_reach reach, int x, int wide, int y,
                   ng_reach only)
{
    (void)x, (void)only;
    if (has_symbol(reach, wide))
        ng_buffer_format(out, "%d ", y + STRIP - 3);
}

static void draw_symbol(ng_buffer *out, ng_reach reach, int x, int wide, int y,
                        ng_reach only)
{
    (void)x, (void)y, (void)only;
    if (has_symbol(reach, wide))
        ng_buffer_add(out, states[reach].symbol);
}

/* One text element: each symbol has its own x and y. */
static void write_symbols(const picture *p)
{
    ng_buffer *out = p->page->out;
    ng_buffer_add(out, "<text class=\"mid\" x=\"");
    each_run(p, out, draw_x, 0);
    ng_buffer_add(out, "\" y=\"");
    each_run(p, out, draw_y, 0);
    ng_buffer_add(out, "\">");
    each_run(p, out, draw_symbol, 0);
    ng_buffer_add(out, "</text>\n");
}

static void write_runs(const picture *p)
{
    ng_buffer *out = p->page->out;
    for (ng_reach r = 0; r < NG_REACHES; r++) {
        bool some = false;
        for (size_t i = 0; i < p->map->count; i++)
            some = some || p->map->places[i].reach == r;
        if (!some)
            continue;
        ng_buffer_format(out, "<path class=\"%s\" d=\"", states[r].class);
        each_run(p, out, draw_run, r);
        ng_buffer_add(out, "\"/>");
    }
}

static int height_of(const ng_range_map *map)
{
    int height = 0;
    for (size_t begin = 0; begin < map->count;
         begin = ng_range_strip_end(map, begin)) {
        bool title =
            begin == 0 || map->places[begin - 1].eps != map->places[begin].eps;
        height += STRIP + GAP + (title ? TITLE : 0);
    }
    return height;
}

static void write_names(const picture *p)
{
    ng_buffer *out = p->page->out;
    const ng_place *places = p->map->places;
    char label[NG_AXIS_LABEL_MAX];
    int y = 0;
    for (size_t begin = 0; begin < p->map->count;
         begin = ng_range_strip_end(p->map, begin)) {
        if (begin == 0 || places[begin - 1].eps != places[begin].eps) {
            ng_buffer_format(out,
                             "<text y=\"%d\">|mean|/σ</text><text "
                             "class=\"end\" x=\"%d\" y=\"%d\">eps = "
                             "%g</text>",
                             y + TITLE - 4, WIDTH - RIGHT, y + TITLE - 4,
                             places[begin].eps);
            y += TITLE;
        }
        ng_axis_power(2, (int)lrint(places[begin].offset), label);
        ng_buffer_format(out, "<text class=\"end\" x=\"%d\" y=\"%d\">%s</text>",
                         LEFT - 5, y + STRIP - 3,
                         places[begin].offset == 0 ? "0" : label);
        y += STRIP + GAP;
    }
}

/* The scales that were measured as ticks, and some of them by name. */
static void write_scale(const picture *p, int y)
{
    ng_buffer *out = p->page->out;
    bool seen[WIDTH] = {false};
    char label[NG_AXIS_LABEL_MAX];
    ng_axis axis;
    for (size_t i = 0; i < p->map->count; i++)
        seen[across(p, p->map->places[i].scale)] = true;
    ng_buffer_add(out, "<path class=\"axis\" d=\"");
    for (int x = 0; x < WIDTH; x++)
        if (seen[x])
            ng_buffer_format(out, "M%d %dv4", x, y);
    ng_axis_init(&axis, false);
    ng_axis_include(&axis, p->low);
    ng_axis_include(&axis, p->high);
    ng_axis_close(&axis);
    for (size_t i = 0; i < axis.ticks; i++)
        ng_buffer_format(out, "M%d %dv4", across(p, ng_axis_at(&axis, i)),
                         y + 6);
    ng_buffer_format(out, "M%d %dh%d\"/><g class=\"mid\">", LEFT, y + 6, PLOT);
    for (size_t i = 0; i < axis.ticks; i++) {
        double scale = ng_axis_at(&axis, i);
        ng_axis_power(2, (int)lrint(scale), label);
        ng_buffer_format(out, "<text x=\"%d\" y=\"%d\">%s</text>",
                         across(p, scale), y + 21, label);
    }
    ng_buffer_add(out, "</g>");
}

/* The kernels of a picture, which follow one another in `maps`. */
static void write_kernels(ng_page *page, const ng_range_map *maps, size_t count)
{
    ng_buffer *out = page->out;
    const char *subject = NULL;
    ng_buffer_add(out, "<figcaption>");
    for (size_t i = 0; i < count; i++) {
        const ng_row *row = maps[i].row;
        if (i == NAMED)
            ng_buffer_format(out,
                             "<details><summary>and %zu more with the same "
                             "map</summary>",
                             count - i);
        if (!subject || strcmp(subject, row->subject) != 0) {
            ng_buffer_add(out,
                          i == 0 || i == NAMED ? "<small>" : "<br/><small>");
            ng_buffer_name(out, row->subject);
            ng_buffer_add(out, "</small> ");
        } else if (i != NAMED) {
            ng_buffer_add(out, ", ");
        }
        subject = row->subject;
        ng_buffer_name(out, row->kernel);
    }
    ng_buffer_add(out, count > NAMED ? "</details></figcaption>\n"
                                     : "</figcaption>\n");
}

static void write_lines(ng_buffer *out, const char *text)
{
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
        ng_buffer_format(out, "%.*s<br/>\n", (int)(end - text), text);
    ng_buffer_add(out, text);
}

static void write_picture(ng_page *page, const ng_range_map *maps, size_t count)
{
    ng_buffer *out = page->out;
    picture p = {.page = page, .map = maps};
    const char *sentence = ng_range_map_sentence(maps, page->arena);
    int height = height_of(maps);
    size_t id = (size_t)(maps->row - page->properties->rows);
    if (!sentence) {
        out->failed = true;
        return;
    }
    measure(&p);
    ng_buffer_add(out, "<figure class=\"chart map\">");
    write_kernels(page, maps, count);
    ng_buffer_format(out,
                     "<svg viewBox=\"0 0 %d %d\" role=\"img\" "
                     "aria-labelledby=\"range%zu\">",
                     WIDTH, height + 26, id);
    write_runs(&p);
    write_symbols(&p);
    write_names(&p);
    write_scale(&p, height);
    ng_buffer_format(out, "</svg>\n<p id=\"range%zu\">", id);
    write_lines(out, sentence);
    if (maps->unplaced > 0)
        ng_buffer_format(out, " %zu failing checks have no place on the map.",
                         maps->unplaced);
    if (maps->left_out > 0)
        ng_buffer_format(out, " %zu more places are in the records.",
                         maps->left_out);
    ng_buffer_add(out, "</p></figure>\n");
}

static void write_intro(ng_page *page)
{
    ng_buffer *out = page->out;
    ng_buffer_add(out, patterns);
    ng_buffer_add(
        out,
        "<p>What kernels return as x is scaled by powers of two over all of "
        "its dtype, at growing |mean|/sigma; ticks are the scales measured. "
        "Inside the declared domain every output must be within its bound; "
        "outside it nothing is promised, and the map tells what was "
        "returned.</p>\n<p class=\"legend\">");
    for (ng_reach r = 0; r < NG_REACHES; r++)
        ng_buffer_format(out,
                         "<span class=\"map\"><svg viewBox=\"0 0 30 13\" "
                         "aria-hidden=\"true\"><path class=\"%s\" "
                         "d=\"M1 0h28v13h-28z\"/><text class=\"mid\" x=\"15\" "
                         "y=\"10\">%s</text></svg>%s</span>\n",
                         states[r].class, states[r].symbol, states[r].meaning);
    ng_buffer_add(out, "</p>\n<div class=\"charts\">\n");
}

static int by_row(const ng_range_map *a, const ng_range_map *b)
{
    return a->row < b->row ? -1 : a->row > b->row;
}

static int compare_maps(const void *left, const void *right)
{
    int order = ng_range_map_compare(left, right);
    return order != 0 ? order : by_row(left, right);
}

/* Kernels with one map, which follow one another. */
typedef struct group {
    const ng_range_map *maps;
    size_t count;
    bool fails;
} group;

static int compare_groups(const void *left, const void *right)
{
    const group *a = left, *b = right;
    if (a->fails != b->fails)
        return a->fails ? -1 : 1;
    return by_row(a->maps, b->maps);
}

static bool fails(const ng_range_map *map)
{
    bool some = map->unplaced > 0;
    for (size_t i = 0; i < map->count; i++)
        some = some || map->places[i].reach == ng_reach_fail;
    return some;
}

static size_t make_groups(group *groups, ng_range_map *maps, size_t count)
{
    size_t used = 0;
    qsort(maps, count, sizeof *maps, compare_maps);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || ng_range_map_compare(&maps[i - 1], &maps[i]) != 0)
            groups[used++] = (group){&maps[i], 0, fails(&maps[i])};
        groups[used - 1].count++;
    }
    qsort(groups, used, sizeof *groups, compare_groups);
    return used;
}

void ng_section_range(ng_page *page)
{
    const ng_grid *grid = page->properties;
    size_t count = 0, left_out = 0;
    ng_range_map *maps =
        ng_arena_alloc(page->arena, grid->row_count, sizeof *maps);
    group *groups =
        ng_arena_alloc(page->arena, grid->row_count, sizeof *groups);
    bool made = maps && groups;
    for (size_t i = 0; made && i < grid->row_count; i++) {
        made = ng_range_map_make(&maps[count], page->arena, &grid->rows[i]);
        count += maps[count].count > 0 && !grid->rows[i].seeded_bug[0];
    }
    if (!made) {
        page->out->failed = true;
        return;
    }
    size_t used = make_groups(groups, maps, count);
    if (used > 0)
        write_intro(page);
    for (size_t i = 0; i < used; i++) {
        if (ng_page_full(page))
            left_out++;
        else
            write_picture(page, groups[i].maps, groups[i].count);
    }
    if (used > 0)
        ng_buffer_add(page->out, "</div>\n");
    ng_page_left_out(page, left_out, "maps");
}
