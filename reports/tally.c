/* The tally: one run in numbers, and what it amounts to. */
#include "tally.h"
#include "adoption.h"

#include <math.h>
#include <string.h>

static void add_row(ng_tally *tally, const ng_row *row)
{
    const ng_score *score = &row->score;
    tally->cases += score->judged;
    tally->cases_left_out += score->left_out;
    tally->cases_waived += score->waived;
    if (row->seeded_bug[0]) {
        bool caught = ng_row_caught(row);
        tally->seeded++;
        tally->caught += caught;
        tally->caught_elsewhere += !caught && score->wrong > 0;
        tally->cases_seeded += score->judged;
        return;
    }
    tally->kernels++;
    tally->kernels_failing += score->wrong > 0;
    tally->kernels_passing += score->wrong == 0 && score->judged > 0;
    tally->kernels_idle += score->judged == 0 && score->waived == 0;
    tally->kernels_with_waived += score->waived > 0;
    tally->kernels_waived += score->wrong == 0 && score->waived > 0;
    tally->cases_wrong += score->wrong;
    if (score->first_wrong &&
        (!tally->first_wrong || score->first_wrong < tally->first_wrong))
        tally->first_wrong = score->first_wrong;
    if (score->worst && !(score->ratio <= tally->worst_ratio)) {
        tally->worst_ratio = score->ratio;
        tally->worst = score->worst;
    }
}

void ng_tally_grid(ng_tally *tally, const ng_grid *properties,
                   const ng_record *records, size_t count)
{
    *tally = (ng_tally){.worst_ratio = NAN};
    for (size_t i = 0; i < properties->row_count; i++) {
        const ng_row *row = &properties->rows[i];
        add_row(tally, row);
        tally->subjects += i == 0 || strcmp(row[-1].subject, row->subject) != 0;
    }
    for (size_t i = 0; i < count; i++) {
        const ng_record *record = &records[i];
        ng_adoption_count(tally, record);
        if (strcmp(record->kind, "score") == 0) {
            tally->scored++;
            tally->scored_caught += ng_record_wrong(record);
        }
        if (strcmp(record->kind, "check") != 0)
            continue;
        tally->elements += record->elements;
        tally->proved_table += record->proved_table;
        tally->proved_double_word += record->proved_double_word;
        tally->proved_binary128 += record->proved_binary128;
        tally->proved_mpfr += record->proved_mpfr;
        tally->proved_exact += record->proved_exact;
        /* A sum that comes round to 0 would say that all were proved. */
        tally->undecided = record->undecided > UINT64_MAX - tally->undecided
                               ? UINT64_MAX
                               : tally->undecided + record->undecided;
    }
}

ng_status ng_tally_records(ng_tally *tally, const ng_record *records,
                           size_t count, ng_error *error)
{
    ng_arena arena = {0};
    ng_grid grid;
    ng_status status =
        ng_grid_make(&grid, &arena, records, count, ng_by_property, error);
    if (status == ng_status_ok)
        ng_tally_grid(tally, &grid, records, count);
    ng_arena_release(&arena);
    return status;
}

ng_outcome ng_tally_outcome(const ng_tally *tally, bool complete)
{
    if (tally->kernels_failing > 0 || tally->baseline_worse > 0)
        return ng_outcome_fail;
    if (complete && tally->caught < tally->seeded)
        return ng_outcome_fail;
    if (!complete)
        return ng_outcome_incomplete;
    if (tally->cases + tally->cases_waived == 0 || tally->kernels_idle > 0)
        return ng_outcome_nothing;
    return ng_outcome_pass;
}

const char *ng_outcome_word(ng_outcome outcome)
{
    switch (outcome) {
    case ng_outcome_pass: return "PASS";
    case ng_outcome_fail: return "FAIL";
    case ng_outcome_nothing: return "NOT CHECKED";
    default: return "INCOMPLETE";
    }
}
