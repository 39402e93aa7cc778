/* Waivers and baselines in numbers and sentences. */
#include "adoption.h"
#include "grid.h"

#include <string.h>

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

/* What a newer normgate calls otherwise fails by its verdict, if it does. */
static void count_baseline(ng_tally *t, const ng_record *record)
{
    bool worse = ng_record_wrong(record);
    if (worse && t->first_worse == NULL)
        t->first_worse = record;
    if (worse)
        t->baseline_worse++;
    else if (is(record->state, "unchanged"))
        t->baseline_unchanged += record->entries;
    t->baseline_accepted += is(record->state, "accepted");
    t->baseline_better += is(record->state, "better");
    t->baseline_new += is(record->state, "new");
    t->baseline_gone += is(record->state, "gone");
    t->baselines += is(record->state, "unchanged"); /* one of each run */
}

void ng_adoption_count(ng_tally *tally, const ng_record *record)
{
    if (is(record->kind, "baseline")) {
        count_baseline(tally, record);
    } else if (is(record->kind, "waiver")) {
        tally->waivers++;
        tally->waivers_used += is(record->state, "used");
        if (is(record->state, "unused") && tally->first_unused == NULL)
            tally->first_unused = record;
        tally->waivers_unused += is(record->state, "unused");
        tally->waivers_expired += is(record->state, "expired");
    }
}

static void write_count(ng_buffer *out, const char **gap, uint64_t count,
                        const char *what)
{
    if (count == 0)
        return;
    ng_buffer_add(out, *gap);
    ng_buffer_count(out, count);
    ng_buffer_add(out, what);
    *gap = ", ";
}

void ng_adoption_waived(ng_buffer *out, const ng_tally *tally)
{
    if (tally->cases_waived == 0)
        return;
    ng_buffer_count(out, tally->cases_waived);
    ng_buffer_add(out, tally->cases_waived == 1 ? " failing case of "
                                                : " failing cases of ");
    ng_buffer_count(out, tally->kernels_with_waived);
    ng_buffer_add(out,
                  tally->kernels_with_waived == 1 ? " kernel" : " kernels");
    ng_buffer_add(out, tally->cases_waived == 1 ? " is waived" : " are waived");
}

void ng_adoption_waivers(ng_buffer *out, const ng_tally *tally)
{
    const char *gap = "";
    if (tally->waivers == 0)
        return;
    write_count(out, &gap, tally->waivers_used, " used");
    write_count(out, &gap, tally->waivers_unused, " unused");
    write_count(out, &gap, tally->waivers_expired, " expired");
}

bool ng_adoption_compared(const ng_tally *tally)
{
    return tally->baselines > 0 || tally->baseline_worse > 0;
}

void ng_adoption_baseline(ng_buffer *out, const ng_tally *tally)
{
    const char *gap = "";
    if (!ng_adoption_compared(tally))
        return;
    write_count(out, &gap, tally->baseline_worse, " worse");
    write_count(out, &gap, tally->baseline_accepted, " worse and accepted");
    write_count(out, &gap, tally->baseline_better, " better");
    write_count(out, &gap, tally->baseline_new, " new");
    write_count(out, &gap, tally->baseline_gone, " gone");
    write_count(out, &gap, tally->baseline_unchanged, " as before");
    if (gap[0] == '\0')
        ng_buffer_add(out, "nothing to compare");
}

void ng_adoption_subject(ng_buffer *out, const ng_tally *tally,
                         const ng_record *record)
{
    if (tally->subjects < 2 || record->subject[0] == '\0')
        return;
    ng_buffer_add(out, "<small>");
    ng_buffer_name(out, record->subject);
    ng_buffer_add(out, "</small>");
}
