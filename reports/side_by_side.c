/* Subjects side by side, at a terminal: how often each is the most accurate. */
#include "atlas.h"

#include <normgate/report.h>

#include <errno.h>
#include <string.h>

enum { SHOWN = 6, NAME_WIDTH = 60 };

typedef struct standing {
    size_t rows, best, last, findings;
} standing;

static void count_standings(const ng_atlas *atlas, standing *of)
{
    ng_atlas_cell cells[NG_ATLAS_SUBJECTS_MAX];
    for (size_t i = 0; i < atlas->count;) {
        i = ng_atlas_row(atlas, i, cells);
        for (size_t s = 0; s < atlas->subject_count; s++) {
            of[s].rows += cells[s].judged > 0;
            of[s].best += cells[s].best;
            of[s].last += cells[s].last;
            of[s].findings += cells[s].findings;
        }
    }
}

static void write_standing(ng_buffer *out, const char *name, const standing *s)
{
    ng_buffer_add(out, "  ");
    ng_buffer_plain(out, name[0] ? name : "(not named)", NAME_WIDTH);
    ng_buffer_format(out, "   best in %zu, worst in %zu of %zu", s->best,
                     s->last, s->rows);
    if (s->findings > 0)
        ng_buffer_format(out, "   %zu finding%s", s->findings,
                         s->findings == 1 ? "" : "s");
    ng_buffer_add(out, "\n");
}

static void write_all(ng_buffer *out, const ng_atlas *atlas)
{
    standing of[NG_ATLAS_SUBJECTS_MAX] = {{0}};
    size_t more = atlas->subjects_left_out;
    count_standings(atlas, of);
    ng_buffer_format(out,
                     "\nside by side  %zu op%s, pass%s and dtype%s; by the "
                     "99th percentile of the errors\n",
                     atlas->row_count, atlas->row_count == 1 ? "" : "s",
                     atlas->row_count == 1 ? "" : "es",
                     atlas->row_count == 1 ? "" : "s");
    for (size_t s = 0; s < atlas->subject_count; s++) {
        if (s < SHOWN)
            write_standing(out, atlas->name[s], &of[s]);
        else
            more++;
    }
    if (more > 0)
        ng_buffer_format(out, "  and %zu more; --html shows up to %d\n", more,
                         (int)NG_ATLAS_SUBJECTS_MAX);
}

ng_status ng_report_side_by_side(const ng_record *records, size_t count,
                                 FILE *file, ng_error *error)
{
    ng_arena arena = {0};
    ng_buffer out = {0};
    ng_grid grid;
    ng_atlas atlas = {0};
    ng_page page = {.arena = &arena,
                    .records = records,
                    .count = count,
                    .properties = &grid};
    ng_status status =
        ng_grid_make(&grid, &arena, records, count, ng_by_property, error);
    if (status == ng_status_ok && ng_atlas_make(&atlas, &page) != ng_status_ok)
        status = ng_fail(error, ng_status_no_memory, "out of memory");
    if (status == ng_status_ok && atlas.subject_count > 1) {
        write_all(&out, &atlas);
        status = ng_buffer_status(&out, error);
    }
    if (status == ng_status_ok && out.size > 0 &&
        (fwrite(out.data, 1, out.size, file) != out.size || fflush(file) != 0))
        status =
            ng_fail(error, ng_status_bad_input,
                    "the comparison could not be printed: %s", strerror(errno));
    ng_buffer_free(&out);
    ng_arena_release(&arena);
    return status;
}
