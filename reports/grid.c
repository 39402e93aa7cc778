/* Grouping by sorting: O(m log m) in the number of check records. */
#include "grid.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int by_place(const ng_record *a, const ng_record *b)
{
    return a < b ? -1 : a > b;
}

static int by_kernel(const ng_record *a, const ng_record *b)
{
    int order = strcmp(a->subject, b->subject);
    return order != 0 ? order : strcmp(a->kernel, b->kernel);
}

static int by_shape(const ng_record *a, const ng_record *b)
{
    int order = ng_record_shape_order(a, b);
    return order != 0 ? order : by_place(a, b);
}

static int compare_property(const void *left, const void *right)
{
    const ng_record *a = *(const ng_record *const *)left;
    const ng_record *b = *(const ng_record *const *)right;
    int order = by_kernel(a, b);
    order = order != 0 ? order : strcmp(a->property, b->property);
    return order != 0 ? order : by_shape(a, b);
}

static int compare_family(const void *left, const void *right)
{
    const ng_record *a = *(const ng_record *const *)left;
    const ng_record *b = *(const ng_record *const *)right;
    int order = by_kernel(a, b);
    order = order != 0 ? order : strcmp(a->family, b->family);
    return order != 0 ? order : by_shape(a, b);
}

static int compare_rows(const void *left, const void *right)
{
    const ng_row *a = left, *b = right;
    int order = by_place(a->subject_first, b->subject_first);
    return order != 0 ? order : by_place(a->score.first, b->score.first);
}

static int compare_names(const void *left, const void *right)
{
    const ng_cell *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : by_place(a->score.first, b->score.first);
}

static int compare_cells(const void *left, const void *right)
{
    const ng_cell *a = left, *b = right;
    if (a->kernel != b->kernel)
        return a->kernel < b->kernel ? -1 : 1;
    return a->column < b->column ? -1 : a->column > b->column;
}

typedef struct column {
    const char *name;
    const ng_record *first;
    size_t cell, cell_count; /* its cells, while they are sorted by name */
} column;

static int compare_columns(const void *left, const void *right)
{
    return by_place(((const column *)left)->first,
                    ((const column *)right)->first);
}

static const char *key_of(const ng_record *record, ng_grid_key key)
{
    return key == ng_by_family ? record->family : record->property;
}

static void add_to_row(ng_row *row, const ng_record *record)
{
    ng_score_add(&row->score, record);
    if (row->seeded_bug[0] == '\0')
        row->seeded_bug = record->seeded_bug;
}

/* Rows and cells in the order of the sorted records. */
static void split(ng_grid *grid, const ng_record *const *sorted, size_t count,
                  ng_grid_key key)
{
    for (size_t i = 0; i < count; i++) {
        const ng_record *record = sorted[i];
        bool new_row = i == 0 || by_kernel(sorted[i - 1], record) != 0;
        if (new_row) {
            ng_row *row = &grid->rows[grid->row_count++];
            *row = (ng_row){.subject = record->subject,
                            .kernel = record->kernel,
                            .seeded_bug = ""};
            ng_score_init(&row->score);
        }
        if (new_row ||
            strcmp(key_of(sorted[i - 1], key), key_of(record, key)) != 0) {
            ng_cell *cell = &grid->cells[grid->cell_count++];
            *cell = (ng_cell){.name = key_of(record, key),
                              .kernel = grid->row_count - 1,
                              .records = sorted + i};
            ng_score_init(&cell->score);
        }
        add_to_row(&grid->rows[grid->row_count - 1], record);
        ng_cell *cell = &grid->cells[grid->cell_count - 1];
        ng_score_add(&cell->score, record);
        cell->record_count++;
    }
}

/* Rows of one subject are adjacent; each learns where its subject begins. */
static void order_rows(ng_grid *grid, size_t *rank)
{
    for (size_t begin = 0, end; begin < grid->row_count; begin = end) {
        const ng_record *first = grid->rows[begin].score.first;
        for (end = begin;
             end < grid->row_count &&
             strcmp(grid->rows[end].subject, grid->rows[begin].subject) == 0;
             end++)
            if (grid->rows[end].score.first < first)
                first = grid->rows[end].score.first;
        for (size_t i = begin; i < end; i++)
            grid->rows[i].subject_first = first;
    }
    for (size_t i = 0; i < grid->row_count; i++)
        grid->rows[i].cell_count = i; /* its place before sorting */
    qsort(grid->rows, grid->row_count, sizeof *grid->rows, compare_rows);
    for (size_t i = 0; i < grid->row_count; i++)
        rank[grid->rows[i].cell_count] = i;
    for (size_t i = 0; i < grid->cell_count; i++)
        grid->cells[i].kernel = rank[grid->cells[i].kernel];
}

static void order_columns(ng_grid *grid, column *columns)
{
    size_t count = 0;
    qsort(grid->cells, grid->cell_count, sizeof *grid->cells, compare_names);
    for (size_t i = 0; i < grid->cell_count; i++) {
        ng_cell *cell = &grid->cells[i];
        if (count == 0 || strcmp(columns[count - 1].name, cell->name) != 0)
            columns[count++] = (column){cell->name, cell->score.first, i, 0};
        columns[count - 1].cell_count++;
    }
    qsort(columns, count, sizeof *columns, compare_columns);
    grid->column_count = count;
    for (size_t i = 0; i < count; i++) {
        grid->columns[i] = columns[i].name;
        for (size_t j = 0; j < columns[i].cell_count; j++)
            grid->cells[columns[i].cell + j].column = i;
    }
}

static void join(ng_grid *grid)
{
    qsort(grid->cells, grid->cell_count, sizeof *grid->cells, compare_cells);
    for (size_t i = 0; i < grid->row_count; i++)
        grid->rows[i].cell_count = 0;
    for (size_t i = 0; i < grid->cell_count; i++) {
        ng_row *row = &grid->rows[grid->cells[i].kernel];
        if (row->cell_count++ == 0)
            row->cells = &grid->cells[i];
    }
}

ng_status ng_grid_make(ng_grid *grid, ng_arena *arena, const ng_record *records,
                       size_t count, ng_grid_key key, ng_error *error)
{
    *grid = (ng_grid){0};
    size_t checks = 0;
    const ng_record **sorted = ng_arena_alloc(arena, count, sizeof *sorted);
    if (!sorted)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (strcmp(records[i].kind, "check") == 0)
            sorted[checks++] = &records[i];
    grid->rows = ng_arena_alloc(arena, checks, sizeof *grid->rows);
    grid->cells = ng_arena_alloc(arena, checks, sizeof *grid->cells);
    grid->columns = ng_arena_alloc(arena, checks, sizeof *grid->columns);
    size_t *rank = ng_arena_alloc(arena, checks, sizeof *rank);
    column *columns = ng_arena_alloc(arena, checks, sizeof *columns);
    if (!grid->rows || !grid->cells || !grid->columns || !rank || !columns)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    qsort(sorted, checks, sizeof *sorted,
          key == ng_by_family ? compare_family : compare_property);
    split(grid, sorted, checks, key);
    order_rows(grid, rank);
    order_columns(grid, columns);
    join(grid);
    return ng_status_ok;
}

const ng_cell *ng_row_cell(const ng_row *row, const char *name)
{
    for (size_t i = 0; i < row->cell_count; i++)
        if (strcmp(row->cells[i].name, name) == 0)
            return &row->cells[i];
    return NULL;
}

bool ng_row_caught(const ng_row *row)
{
    const ng_cell *cell = ng_row_cell(row, row->seeded_bug);
    return cell && cell->score.wrong > 0;
}
