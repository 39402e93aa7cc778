/* Kernels of equal findings, as one. */
#include "panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 600, FIELD_MAX = 64 };

bool ng_panel_shows(const ng_page *page, const ng_row *row)
{
    return row->seeded_bug[0] == '\0' || page->tally->kernels == 0;
}

/* NaN is infinitely wrong where a check is, and else not measured. */
static double badness(const ng_record *record, bool wrong)
{
    return isnan(record->ratio) ? (wrong ? INFINITY : -1) : record->ratio;
}

bool ng_panel_worse(const ng_record *a, const ng_record *b)
{
    if (a == NULL || b == NULL)
        return a != NULL;
    bool wrong_a = ng_record_wrong(a);
    bool wrong_b = ng_record_wrong(b);
    if (wrong_a != wrong_b)
        return wrong_a;
    return badness(a, wrong_a) > badness(b, wrong_b);
}

ng_columns ng_panel_columns(ng_arena *arena, const ng_record *record)
{
    ng_columns columns;
    if (ng_columns_read(&columns, arena, record->columns, NULL) != ng_status_ok)
        columns = (ng_columns){NULL, 0};
    return columns;
}

const char *ng_panel_field(const ng_page *page, const char *contract,
                           const char *field)
{
    size_t length = strlen(field);
    for (const char *at = contract; *at;) {
        at += strspn(at, " ");
        size_t size = strcspn(at, " ");
        if (size > length && strncmp(at, field, length) == 0 &&
            at[length] == '=') {
            size -= length + 1;
            return ng_arena_text(page->arena, "%.*s",
                                 (int)(size < FIELD_MAX ? size : FIELD_MAX),
                                 at + length + 1);
        }
        at += size;
    }
    return NULL;
}

const char *ng_panel_next_field(const ng_page *page, const char *at,
                                const char **name, const char **text)
{
    at += strspn(at, " ");
    size_t size = strcspn(at, " "), length = strcspn(at, "= ");
    if (size == 0)
        return NULL;
    *name = ng_arena_text(page->arena, "%.*s",
                          (int)(length < FIELD_MAX ? length : FIELD_MAX), at);
    *text =
        ng_arena_text(page->arena, "%.*s",
                      (int)(size < 2 * FIELD_MAX ? size : 2 * FIELD_MAX), at);
    return *name && *text ? at + size : NULL;
}

void ng_panel_words(ng_page *page, const char *text)
{
    bool cut = strlen(text) > WORDS_MAX;
    const char *shown =
        cut ? ng_arena_text(page->arena, "%.*s", (int)WORDS_MAX, text) : text;
    ng_buffer_markup(page->out, shown ? shown : "");
    ng_buffer_add(page->out, cut ? "… (cut)" : "");
}

void ng_panel_number(ng_page *page, double value)
{
    if (isnan(value))
        ng_buffer_add(page->out, "–");
    else
        ng_buffer_short(page->out, value);
}

ng_panel_item *ng_panel_items(ng_page *page)
{
    ng_panel_item *items =
        ng_arena_alloc(page->arena, page->properties->row_count, sizeof *items);
    if (items == NULL)
        page->out->failed = true;
    return items;
}

/* Rows are one array in the order of the page. */
static int by_place(const ng_panel_item *a, const ng_panel_item *b)
{
    return a->row < b->row ? -1 : a->row > b->row;
}

static int compare_keys(const void *left, const void *right)
{
    const ng_panel_item *a = left, *b = right;
    int order = strcmp(a->key, b->key);
    return order != 0 ? order : by_place(a, b);
}

static int compare_groups(const void *left, const void *right)
{
    const ng_panel_item *a = left, *b = right;
    if (a->failing != b->failing)
        return a->failing ? -1 : 1;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return compare_keys(left, right);
}

void ng_panel_group(ng_panel_item *items, size_t count)
{
    if (count == 0)
        return;
    const ng_row *first = items[0].row;
    for (size_t i = 1; i < count; i++)
        first = items[i].row < first ? items[i].row : first;
    qsort(items, count, sizeof *items, compare_keys);
    for (size_t begin = 0, end; begin < count; begin = end) {
        bool failing = false;
        for (end = begin;
             end < count && strcmp(items[end].key, items[begin].key) == 0;
             end++)
            failing = failing || items[end].failing;
        for (size_t i = begin; i < end; i++) {
            items[i].group = (size_t)(items[begin].row - first);
            items[i].failing = failing;
        }
    }
    qsort(items, count, sizeof *items, compare_groups);
}

size_t ng_panel_size(const ng_panel_item *items, size_t count)
{
    size_t size = 0;
    while (size < count && strcmp(items[size].key, items[0].key) == 0)
        size++;
    return size;
}

static void write_subject(ng_page *page, const ng_row *row)
{
    ng_buffer_name(page->out,
                   row->subject[0] ? row->subject : "(subject not named)");
}

/* All names but the first, by subject. */
static void write_more(ng_page *page, const ng_panel_item *items, size_t count)
{
    const ng_record *subject = NULL;
    size_t i = 1;
    ng_buffer_format(page->out,
                     "<details><summary>and %zu more</summary><small>",
                     count - 1);
    for (; i < count && !ng_page_full(page); i++) {
        const ng_row *row = items[i].row;
        if (row->subject_first != subject) {
            ng_buffer_add(page->out, subject ? "</small><small>" : "");
            write_subject(page, row);
            ng_buffer_add(page->out, ": ");
        } else {
            ng_buffer_add(page->out, ", ");
        }
        subject = row->subject_first;
        /* breaks anywhere: many names, and few of them are read */
        const char *name = ng_arena_text(page->arena, "%.*s",
                                         (int)NG_NAME_SHOWN_MAX, row->kernel);
        ng_buffer_markup(page->out, name ? name : "");
    }
    if (i < count)
        ng_buffer_format(page->out, ", %zu not named here", count - i);
    ng_buffer_add(page->out, "</small></details>");
}

void ng_panel_kernels(ng_page *page, const ng_panel_item *items, size_t count)
{
    ng_buffer_add(page->out, "<b>");
    ng_buffer_name(page->out, items[0].row->kernel);
    ng_buffer_add(page->out, "</b><small>");
    write_subject(page, items[0].row);
    ng_buffer_add(page->out, "</small>");
    if (count > 1)
        write_more(page, items, count);
}
