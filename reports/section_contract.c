/* Contract: each field that a kernel declares beside what was measured about
 * it. Kernels that declare the same and kept or broke the same share a table. */
#include "evidence.h"

#include <string.h>

enum { FIELDS_MAX = 64 };

/* Named by a row of its own, or by the map of the range section. */
static const char *const kind_fields[] = {"op", "pass", "dtype", NULL};
static const char *const no_measure[] = {"range", "wild", NULL};

static bool is_one_of(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static void write_kind(ng_page *page, const ng_panel_item *items, size_t count)
{
    const ng_record *first = items[0].row->score.first;
    bool same = true;
    for (size_t i = 1; i < count; i++) {
        const ng_record *record = items[i].row->score.first;
        same = same && strcmp(record->op, first->op) == 0 &&
               strcmp(record->pass, first->pass) == 0 &&
               strcmp(record->dtype, first->dtype) == 0;
    }
    ng_buffer_add(page->out, "<tr><th scope=\"row\">");
    ng_buffer_name(page->out, first->op);
    ng_buffer_add(page->out, " ");
    ng_buffer_name(page->out, first->pass);
    ng_buffer_add(page->out, " ");
    ng_buffer_name(page->out, first->dtype);
    ng_buffer_add(page->out,
                  same ? "</th><td>" : "<small>and others</small></th><td>");
    ng_evidence_write(page, items, count, "");
    ng_buffer_add(page->out, "</td></tr>\n");
}

/* In words, of the group's first kernel: the note of the check that comes
 * nearest to its bound. */
static void write_notes(ng_page *page, const ng_row *row)
{
    size_t shown = 0;
    for (size_t i = 0; i < row->cell_count; i++) {
        const ng_cell *cell = &row->cells[i];
        const ng_record *noted = NULL;
        if (is_one_of(no_measure, cell->name))
            continue;
        for (size_t k = 0; k < cell->record_count; k++)
            if (cell->records[k]->note[0] &&
                ng_panel_worse(cell->records[k], noted))
                noted = cell->records[k];
        if (noted == NULL)
            continue;
        if (shown++ == 0) {
            ng_buffer_add(page->out, "<tr><th scope=\"row\">Noted<small>of ");
            ng_buffer_name(page->out, row->kernel);
            ng_buffer_add(page->out, "</small></th><td>");
        }
        ng_buffer_add(page->out, "<div><b>");
        ng_buffer_name(page->out, cell->name);
        ng_buffer_add(page->out, "</b> ");
        ng_panel_words(page, noted->note);
        ng_buffer_add(page->out, "</div>");
    }
    ng_buffer_add(page->out, shown > 0 ? "</td></tr>\n" : "");
}

static void write_group(ng_page *page, const ng_panel_item *items, size_t count)
{
    const char *contract = items[0].row->score.first->contract;
    const char *name, *text;
    size_t fields = 0;
    ng_buffer_add(page->out, "<table class=\"contract\"><caption>");
    ng_panel_kernels(page, items, count);
    ng_buffer_add(page->out, "</caption><thead><tr><th scope=\"col\">Declared"
                             "</th><th scope=\"col\">Measured</th></tr></thead>"
                             "<tbody>\n");
    write_kind(page, items, count);
    for (const char *at = contract;
         fields < FIELDS_MAX &&
         (at = ng_panel_next_field(page, at, &name, &text));) {
        if (is_one_of(kind_fields, name))
            continue;
        fields++;
        ng_buffer_add(page->out, "<tr><th scope=\"row\">");
        ng_buffer_name(page->out, text);
        ng_buffer_add(page->out, "</th><td>");
        ng_evidence_write(page, items, count, name);
        ng_buffer_add(page->out, "</td></tr>\n");
    }
    write_notes(page, items[0].row);
    ng_buffer_add(page->out, "</tbody></table>\n");
}

/* The declared fields, each with its state; op, pass and dtype are the kernel
 * itself and part no groups. */
static const char *key_of(const ng_page *page, const ng_row *row, bool *failing)
{
    ng_buffer key = {0};
    const char *at = row->score.first->contract, *name, *text;
    size_t fields = 0;
    ng_buffer_add(&key, ng_evidence_state(row, ""));
    while (fields < FIELDS_MAX &&
           (at = ng_panel_next_field(page, at, &name, &text))) {
        if (is_one_of(kind_fields, name))
            continue;
        fields++;
        ng_buffer_add(&key, " ");
        ng_buffer_add(&key, text);
        ng_buffer_add(&key, ng_evidence_state(row, name));
    }
    const char *copy =
        key.failed ? NULL : ng_arena_text(page->arena, "%s", key.data);
    *failing = copy && strchr(copy, '!') != NULL;
    if (copy == NULL)
        page->out->failed = true;
    ng_buffer_free(&key);
    return copy ? copy : "";
}

void ng_section_contract(ng_page *page)
{
    const ng_grid *grid = page->properties;
    ng_panel_item *items = ng_panel_items(page);
    size_t count = 0, left_out = 0;
    for (size_t i = 0; items != NULL && i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        ng_panel_item *item = &items[count];
        if (!ng_panel_shows(page, row) || row->score.judged == 0 ||
            !row->score.first->contract[0])
            continue;
        *item = (ng_panel_item){.row = row};
        item->key = key_of(page, row, &item->failing);
        count++;
    }
    if (count == 0)
        return;
    ng_panel_group(items, count);
    ng_buffer_add(
        page->out,
        "<p>Each declared field beside the properties that would see it "
        "broken; a property that fails leads to its finding, which says what "
        "is wrong. Fields that are not listed have their defaults "
        "(<code>normgate list contracts</code>), and kernels that declare "
        "and did the same share a table.</p>\n"
        "<div class=\"contracts\">\n");
    for (size_t i = 0, size; i < count; i += size) {
        size = ng_panel_size(items + i, count - i);
        if (ng_page_full(page))
            left_out += size;
        else
            write_group(page, items + i, size);
    }
    ng_buffer_add(page->out, "</div>\n");
    ng_page_left_out(page, left_out, "kernels");
}
