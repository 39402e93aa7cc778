/* Diagnoses: what causes have in common is found in their words, without the
 * counts of one case. */
#include "diagnosis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ESSENCE_MAX = 600 };

typedef struct item {
    const ng_cell *cell;
    const char *essence;
} item;

/* Where ": 15 of 18 ..." begins, or the end. */
static const char *find_counts(const char *text)
{
    for (const char *at = text; (at = strstr(at, ": ")) != NULL; at += 2) {
        size_t digits = strspn(at + 2, "0123456789");
        if (digits > 0 && strncmp(at + 2 + digits, " of ", 4) == 0)
            return at;
    }
    return text + strlen(text);
}

static bool is_word_end(char c)
{
    return c == '\0' || strchr(" ,;:)", c) != NULL;
}

/* Numbers that are words of their own become N, and go where they begin: "13
 * of 15 outputs of y, all from row 4 on" is wrong in the same way as another
 * count from another row. */
static void leave_counts_out(char *text)
{
    char *to = text;
    bool begins = true;
    for (const char *from = text; *from;) {
        size_t digits = strspn(from, "0123456789");
        if (begins && digits > 0 && is_word_end(from[digits])) {
            *to++ = 'N';
            from += digits;
            begins = false;
        } else {
            begins = *from == ' ';
            *to++ = *from++;
        }
    }
    *to = '\0';
    static const char *const counts[] = {"N of N ", "N "};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        size_t size = strlen(counts[i]);
        if (strncmp(text, counts[i], size) == 0)
            memmove(text, text + size, strlen(text + size) + 1);
    }
}

/* The neighbour that the outputs agree with, or the cause without the counts
 * of its case. NULL: memory is out. */
static char *find_essence(ng_arena *arena, const ng_record *record)
{
    static const char behaves[] = "behaves as ";
    const char *cause = record->cause[0]
                            ? record->cause
                            : ng_verdict_text(ng_record_verdict(record));
    const char *begin = strstr(cause, behaves);
    const char *text = begin ? begin : cause, *end = find_counts(text);
    const char *others = strstr(text, "; in other cases: ");
    const char *waiver = strstr(text, "; its waiver ");
    bool unsure = begin && strstr(text, ", though not in other cases");
    if (others && others < end)
        end = others;
    if (waiver && waiver < end)
        end = waiver;
    size_t size = (size_t)(end - text);
    char *essence = ng_arena_text(
        arena, "%.*s%s", (int)(size < ESSENCE_MAX ? size : ESSENCE_MAX), text,
        unsure ? ", though not in other cases" : "");
    if (essence && !begin)
        leave_counts_out(essence);
    return essence;
}

/* Cells of a row are one array in the order of the page. */
static int compare_items(const void *left, const void *right)
{
    const item *a = left, *b = right;
    int order = strcmp(a->essence, b->essence);
    return order != 0 ? order : (a->cell > b->cell) - (a->cell < b->cell);
}

static int compare_diagnoses(const void *left, const void *right)
{
    const ng_diagnosis *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return (a->cells[0] > b->cells[0]) - (a->cells[0] < b->cells[0]);
}

static ng_diagnosis join(const item *items, size_t count, const ng_cell **cells)
{
    const ng_record *first = items[0].cell->score.smallest_wrong;
    ng_diagnosis d = {items[0].essence, cells, count, NAN};
    bool same = first->cause[0] != '\0';
    for (size_t i = 1; i < count; i++)
        same = same && strcmp(items[i].cell->score.smallest_wrong->cause,
                              first->cause) == 0;
    if (same)
        d.text = first->cause;
    for (size_t i = 0; i < count; i++) {
        cells[i] = items[i].cell;
        d.ratio = fmax(d.ratio, cells[i]->score.ratio);
    }
    return d;
}

ng_diagnosis *ng_diagnoses_make(size_t *count, ng_arena *arena,
                                const ng_row *row)
{
    size_t used = 0;
    ng_diagnosis *found = ng_arena_alloc(arena, row->cell_count, sizeof *found);
    item *items = ng_arena_alloc(arena, row->cell_count, sizeof *items);
    const ng_cell **cells =
        ng_arena_alloc(arena, row->cell_count, sizeof(const ng_cell *));
    *count = 0;
    if (!found || !items || !cells)
        return NULL;
    for (size_t i = 0; i < row->cell_count; i++) {
        const ng_cell *cell = &row->cells[i];
        if (cell->score.wrong == 0)
            continue;
        items[used] =
            (item){cell, find_essence(arena, cell->score.smallest_wrong)};
        if (!items[used++].essence)
            return NULL;
    }
    qsort(items, used, sizeof *items, compare_items);
    for (size_t i = 0, end; i < used; i = end) {
        for (end = i + 1;
             end < used && strcmp(items[end].essence, items[i].essence) == 0;)
            end++;
        found[(*count)++] = join(items + i, end - i, cells + i);
    }
    qsort(found, *count, sizeof *found, compare_diagnoses);
    return found;
}
