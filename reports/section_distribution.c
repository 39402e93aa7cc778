/* Distribution: the values that went into a kernel and those that came out, as
 * two small histograms and five numbers each. */
#include "panel.h"

#include <math.h>
#include <string.h>

enum { BINS_MAX = 64, NUMBERS = 5, WIDTH = 120, HEIGHT = 32 };

static const char *const names[NUMBERS] = {"Mean", "Std", "Min", "Median",
                                           "Max"};

static bool is_backward(const ng_record *record)
{
    return strstr(record->pass, "backward") != NULL;
}

static bool is_usable(const ng_columns *columns, const char *values,
                      const char *bins)
{
    ng_column counts = ng_columns_find(columns, bins);
    if (ng_columns_find(columns, values).count != NUMBERS ||
        counts.count == 0 || counts.count > BINS_MAX)
        return false;
    for (size_t i = 0; i < counts.count; i++)
        if (!(counts.values[i] >= 0 && counts.values[i] <= 0x1p53))
            return false;
    return true;
}

/* Elements of x or dy; 0: the record has no distributions. */
static double elements_of(const ng_record *record)
{
    ng_arena arena = {0};
    ng_columns columns = ng_panel_columns(&arena, record);
    double sum = 0;
    if (is_usable(&columns, "before", "before_bins") &&
        is_usable(&columns, "after", "after_bins")) {
        ng_column bins = ng_columns_find(&columns, "before_bins");
        for (size_t i = 0; i < bins.count; i++)
            sum += bins.values[i];
    }
    ng_arena_release(&arena);
    return sum;
}

/* The check that stands for all, of the normal family and of the most elements
 * where there are several; and the failing one that is furthest off. */
static void choose(const ng_cell *cell, const ng_record **usual,
                   const ng_record **failing)
{
    double most = 0;
    bool normal = false;
    *usual = *failing = NULL;
    for (size_t i = 0; i < cell->record_count; i++) {
        const ng_record *record = cell->records[i];
        bool wrong = ng_record_wrong(record);
        bool named = strcmp(record->family, "normal") == 0;
        if ((!named && normal && !wrong) || !record->columns[0])
            continue;
        double elements = elements_of(record);
        if (!(elements > 0))
            continue;
        if (wrong && ng_panel_worse(record, *failing))
            *failing = record;
        if (wrong || !(elements > most || named > normal) || named < normal)
            continue;
        *usual = record;
        normal = named;
        most = elements;
    }
}

/* The outline of the bars; one count is still seen beside many. */
static void write_bars(ng_page *page, const ng_column *bins, const char *what)
{
    double most = 0;
    for (size_t i = 0; i < bins->count; i++)
        most = fmax(most, bins->values[i]);
    ng_buffer_format(page->out,
                     "<svg class=\"bins\" viewBox=\"0 0 %d %d\" role=\"img\" "
                     "aria-label=\"Histogram of %s\"><path d=\"M0 %d",
                     WIDTH, HEIGHT, what, HEIGHT);
    for (size_t i = 0; i < bins->count; i++) {
        double share = most > 0 ? bins->values[i] / most : 0;
        double height = share > 0 ? fmax(ceil(HEIGHT * share), 1) : 0;
        ng_buffer_format(page->out, "V%.0fh%.4g", HEIGHT - height,
                         WIDTH / (double)bins->count);
    }
    ng_buffer_format(page->out, "V%dz\"/></svg>", HEIGHT);
}

static void write_line(ng_page *page, const ng_columns *columns,
                       const char *label, const char *tensor,
                       const char *values, const char *bins_name)
{
    ng_column bins = ng_columns_find(columns, bins_name);
    ng_column numbers = ng_columns_find(columns, values);
    ng_buffer_format(page->out, "<td>%s<small>%s</small></td><td>", label,
                     tensor);
    write_bars(page, &bins, tensor);
    ng_buffer_add(page->out, "</td>");
    for (size_t i = 0; i < NUMBERS; i++) {
        ng_buffer_add(page->out, "<td class=\"number\">");
        ng_panel_number(page, numbers.values[i]);
        ng_buffer_add(page->out, "</td>");
    }
}

/* Both lines of a check, without the cell that names its kernels. */
static const char *render(const ng_page *page, const ng_record *record)
{
    ng_arena arena = {0};
    ng_buffer text = {0};
    ng_page apart = *page;
    ng_columns columns = ng_panel_columns(&arena, record);
    bool backward = is_backward(record);
    apart.out = &text;
    ng_buffer_add(&text, "<td>");
    ng_buffer_name(&text, record->family);
    ng_buffer_add(&text, ng_record_wrong(record)
                             ? "<small class=\"fail\">✗&nbsp;fails"
                               "</small>"
                             : "");
    ng_buffer_add(&text, "</td>");
    write_line(&apart, &columns, "before", backward ? "dy" : "x", "before",
               "before_bins");
    ng_buffer_add(&text, "</tr>\n<tr><td></td>");
    write_line(&apart, &columns, "after", backward ? "dx" : "y", "after",
               "after_bins");
    const char *key =
        text.failed ? NULL : ng_arena_text(page->arena, "%s", text.data);
    if (key == NULL)
        page->out->failed = true;
    ng_buffer_free(&text);
    ng_arena_release(&arena);
    return key ? key : "";
}

static const char head[] =
    "<p>What the kernel was given and what it returned, in equal bins from min "
    "to max: for normal inputs, and in the failing check that is furthest off. "
    "Kernels whose numbers agree share a row.</p>\n"
    "<div class=\"scroll tall\" tabindex=\"0\" role=\"group\" aria-label=\""
    "Activations before and after\"><table class=\"panel pairs\">\n"
    "<thead><tr><th scope=\"col\">Kernels</th><th scope=\"col\">Inputs</th>"
    "<th scope=\"col\">Tensor</th><th scope=\"col\">Histogram</th>";

static void write_head(ng_page *page)
{
    ng_buffer_add(page->out, head);
    for (size_t i = 0; i < NUMBERS; i++)
        ng_buffer_format(
            page->out, "<th scope=\"col\" class=\"number\">%s</th>", names[i]);
    ng_buffer_add(page->out, "</tr></thead>\n");
}

/* Up to two items of each kernel. */
static size_t collect(ng_page *page, ng_panel_item *items)
{
    const ng_grid *grid = page->properties;
    size_t count = 0;
    for (size_t i = 0; i < grid->row_count; i++) {
        const ng_record *chosen[2] = {NULL, NULL};
        const ng_cell *cell = ng_row_cell(&grid->rows[i], "accuracy");
        if (cell == NULL || !ng_panel_shows(page, &grid->rows[i]))
            continue;
        choose(cell, &chosen[0], &chosen[1]);
        for (size_t k = 0; k < 2; k++) {
            if (chosen[k] != NULL)
                items[count++] = (ng_panel_item){
                    .row = &grid->rows[i],
                    .key = render(page, chosen[k]),
                    .failing = ng_record_wrong(chosen[k]),
                };
        }
    }
    return count;
}

void ng_section_distribution(ng_page *page)
{
    ng_panel_item *items = ng_arena_alloc(
        page->arena, 2 * page->properties->row_count, sizeof *items);
    size_t left_out = 0;
    if (items == NULL) {
        page->out->failed = true;
        return;
    }
    size_t count = collect(page, items);
    if (count == 0)
        return;
    ng_panel_group(items, count);
    write_head(page);
    for (size_t i = 0, size; i < count; i += size) {
        size = ng_panel_size(items + i, count - i);
        if (ng_page_full(page)) {
            left_out += size;
            continue;
        }
        ng_buffer_add(page->out,
                      "<tbody><tr><th scope=\"rowgroup\" rowspan=\"2\">");
        ng_panel_kernels(page, items + i, size);
        ng_buffer_add(page->out, "</th>");
        ng_buffer_add(page->out, items[i].key);
        ng_buffer_add(page->out, "</tr></tbody>\n");
    }
    ng_buffer_add(page->out, "</table></div>\n");
    ng_page_left_out(page, left_out, "kernels");
}
