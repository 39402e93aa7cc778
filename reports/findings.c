/* The findings of a run in the order of their weight. */
#include "findings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *one, const void *other)
{
    const ng_found *a = one, *b = other;
    if (a->kind != b->kind)
        return a->kind < b->kind ? 1 : -1;
    if (a->weight != b->weight)
        return a->weight < b->weight ? 1 : -1;
    return (a->record > b->record) - (a->record < b->record);
}

/* NaN where a number is due is as wrong as can be. */
static void add(ng_findings *findings, ng_found found, double ratio)
{
    found.weight = isnan(ratio) ? INFINITY : ratio;
    findings->found[findings->count++] = found;
}

static void add_failures(ng_findings *findings, const ng_row *row)
{
    for (size_t i = 0; i < row->cell_count; i++) {
        const ng_score *score = &row->cells[i].score;
        ng_verdict verdict = ng_score_verdict(score);
        if (score->wrong == 0)
            continue;
        add(findings,
            (ng_found){verdict == NG_FAIL || verdict == NG_REFUSED
                           ? ng_found_failure
                           : ng_found_death,
                       row->kernel, row->cells[i].name, score->smallest_wrong,
                       score, 0},
            score->ratio);
    }
}

static bool is_worse(const ng_record *record)
{
    return strcmp(record->kind, "baseline") == 0 && ng_record_wrong(record);
}

ng_status ng_findings_make(ng_findings *findings, ng_arena *arena,
                           const ng_grid *properties, const ng_record *records,
                           size_t count, bool complete, ng_error *error)
{
    size_t most = properties->cell_count;
    for (size_t i = 0; i < count; i++)
        most += is_worse(&records[i]);
    *findings =
        (ng_findings){ng_arena_alloc(arena, most, sizeof *findings->found), 0};
    if (!findings->found)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    for (size_t i = 0; i < properties->row_count; i++) {
        const ng_row *row = &properties->rows[i];
        if (!row->seeded_bug[0])
            add_failures(findings, row);
        else if (complete && !ng_row_caught(row))
            add(findings,
                (ng_found){ng_found_survivor, row->kernel, row->seeded_bug,
                           row->score.first, NULL, 0},
                0);
    }
    for (size_t i = 0; i < count; i++) {
        const ng_record *record = &records[i];
        if (is_worse(record))
            add(findings,
                (ng_found){ng_found_worse, record->kernel, record->property,
                           record, NULL, 0},
                record->ratio);
    }
    qsort(findings->found, findings->count, sizeof *findings->found, compare);
    return ng_status_ok;
}

const char *ng_found_word(const ng_found *found)
{
    switch (found->kind) {
    case ng_found_survivor: return "SURVIVED";
    case ng_found_worse: return "WORSE";
    default: return ng_verdict_name(ng_record_verdict(found->record));
    }
}
