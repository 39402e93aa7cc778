/* The findings of a grid in the order of their weight. */
#include "findings.h"

#include <math.h>
#include <stdlib.h>

/* 2: there was no result to judge; 1: a wrong one; 0: a planted bug. */
static int rank(const ng_found *found)
{
    if (!found->cell)
        return 0;
    ng_verdict verdict = ng_score_verdict(&found->cell->score);
    return verdict == NG_FAIL || verdict == NG_REFUSED ? 1 : 2;
}

/* NaN where a number is due is as wrong as can be. */
static double weight(const ng_found *found)
{
    double ratio = found->cell ? found->cell->score.ratio : 0;
    return isnan(ratio) ? INFINITY : ratio;
}

static const ng_record *first(const ng_found *found)
{
    return found->cell ? found->cell->score.first_wrong
                       : found->row->score.first;
}

static int compare(const void *one, const void *other)
{
    const ng_found *a = one, *b = other;
    if (rank(a) != rank(b))
        return rank(b) - rank(a);
    if (weight(a) != weight(b))
        return weight(a) < weight(b) ? 1 : -1;
    return (first(a) > first(b)) - (first(a) < first(b));
}

ng_status ng_findings_make(ng_findings *findings, ng_arena *arena,
                           const ng_grid *properties, bool complete,
                           ng_error *error)
{
    *findings = (ng_findings){
        ng_arena_alloc(arena, properties->cell_count, sizeof *findings->found),
        0};
    if (!findings->found)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    for (size_t i = 0; i < properties->row_count; i++) {
        const ng_row *row = &properties->rows[i];
        if (row->seeded_bug[0] && complete && !ng_row_caught(row))
            findings->found[findings->count++] = (ng_found){row, NULL};
        for (size_t k = 0; k < row->cell_count && !row->seeded_bug[0]; k++)
            if (row->cells[k].score.wrong > 0)
                findings->found[findings->count++] =
                    (ng_found){row, &row->cells[k]};
    }
    qsort(findings->found, findings->count, sizeof *findings->found, compare);
    return ng_status_ok;
}
