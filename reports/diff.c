/* Both runs' checks in one sorted list; equal neighbours are pairs. */
#include "diff.h"
#include "grid.h"

#include <normgate/report.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char before_check[] = "before", before_run[] = "before_run",
                  before_end[] = "before_end", before_other[] = "before_other";

typedef struct item {
    const char *subject, *id;
    const ng_record *record;
    bool now;
} item;

void ng_report_mark_before(ng_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *kind = records[i].kind;
        if (strcmp(kind, "check") == 0)
            records[i].kind = before_check;
        else if (strcmp(kind, "run") == 0)
            records[i].kind = before_run;
        else if (strcmp(kind, "end") == 0)
            records[i].kind = before_end;
        else
            records[i].kind = before_other;
    }
}

static bool is_kind(const ng_record *record, const char *kind)
{
    return strcmp(record->kind, kind) == 0;
}

bool ng_diff_wanted(const ng_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_kind(&records[i], before_check) ||
            is_kind(&records[i], before_run))
            return true;
    return false;
}

int ng_diff_step(double before, double now)
{
    if (now > before && now - before > 0.25 && now > 1.25 * before)
        return 1;
    if (before > now && before - now > 0.25 && before > 1.25 * now)
        return -1;
    return 0;
}

const char *ng_change_word(const ng_change *change)
{
    if (change->first->seeded_bug[0] != '\0')
        return change->kind == ng_change_broken ? "no longer caught"
                                                : "now caught";
    switch (change->kind) {
    case ng_change_broken: return "newly fails";
    case ng_change_unjudged: return "no longer judged";
    case ng_change_fixed: return "fixed";
    case ng_change_worse: return "less accurate";
    case ng_change_better: return "more accurate";
    default: return "as before";
    }
}

size_t ng_change_checks(const ng_change *change)
{
    switch (change->kind) {
    case ng_change_broken: return change->broken;
    case ng_change_unjudged: return change->unjudged;
    case ng_change_fixed: return change->fixed;
    case ng_change_worse: return change->worse;
    default: return change->better;
    }
}

const char *ng_change_class(ng_change_kind kind)
{
    switch (kind) {
    case ng_change_broken: return "fail";
    case ng_change_unjudged:
    case ng_change_worse: return "warn";
    case ng_change_fixed:
    case ng_change_better: return "pass";
    default: return "none";
    }
}

const char *ng_change_symbol(ng_change_kind kind)
{
    switch (kind) {
    case ng_change_broken: return "✗";
    case ng_change_unjudged: return "?";
    case ng_change_fixed: return "✓";
    case ng_change_worse: return "↑";
    case ng_change_better: return "↓";
    default: return "=";
    }
}

/* One subject in each run is the same one by another name: a path, a label. */
static bool lone(const ng_record *records, size_t count, const char *kind)
{
    const char *subject = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!is_kind(&records[i], kind))
            continue;
        if (subject != NULL && strcmp(subject, records[i].subject) != 0)
            return false;
        subject = records[i].subject;
    }
    return true;
}

static const char *id_of(const ng_record *record, ng_arena *arena)
{
    if (record->id[0] != '\0')
        return record->id;
    char *id = ng_arena_alloc(arena, NG_RECORD_ID_SIZE, 1);
    if (id != NULL)
        ng_record_id(record, id);
    return id;
}

static int by_row(const item *a, const item *b)
{
    int order = strcmp(a->subject, b->subject);
    order = order != 0 ? order : strcmp(a->record->kernel, b->record->kernel);
    return order != 0 ? order
                      : strcmp(a->record->property, b->record->property);
}

static int compare_items(const void *left, const void *right)
{
    const item *a = left, *b = right;
    int order = by_row(a, b);
    order = order != 0 ? order : strcmp(a->id, b->id);
    if (order != 0)
        return order;
    if (a->now != b->now)
        return a->now ? 1 : -1;
    return a->record < b->record ? -1 : a->record > b->record;
}

static int compare_changes(const void *left, const void *right)
{
    const ng_change *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    /* Infinity over infinity is no step; NaN stands last. */
    double x = fabs(log2(a->ulp[1] / a->ulp[0]));
    double y = fabs(log2(b->ulp[1] / b->ulp[0]));
    x = isnan(x) ? -1 : x;
    y = isnan(y) ? -1 : y;
    if (x != y)
        return x > y ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

static bool judged(ng_verdict verdict)
{
    return verdict != NG_SKIP && verdict != NG_UNSUPPORTED &&
           verdict != NG_WAIVED;
}

static void widen(double *largest, double value)
{
    if (!isnan(value) && !(value <= *largest))
        *largest = value;
}

/* The first one shown stays, but for one of a weightier kind. */
static void show(ng_change *change, ng_change_kind kind, const ng_record *now)
{
    if (kind < change->kind) {
        change->kind = kind;
        change->shown = now;
    }
}

/* A seeded bug is there to be seen: only the property named for it counts. */
static void add_seeded(ng_change *change, const ng_record *before,
                       const ng_record *now)
{
    if (strcmp(now->property, now->seeded_bug) != 0)
        return;
    bool seen = ng_record_wrong(before);
    bool sees = ng_record_wrong(now);
    change->still_wrong += seen && sees;
    change->broken += seen && !sees;
    change->fixed += !seen && sees;
}

static void add_pair(ng_change *change, const ng_record *before,
                     const ng_record *now)
{
    ng_verdict was = ng_record_verdict(before), is = ng_record_verdict(now);
    bool was_wrong = ng_verdict_wrong(was), is_wrong = ng_verdict_wrong(is);
    change->pairs++;
    if (now->seeded_bug[0] != '\0') {
        add_seeded(change, before, now);
        return;
    }
    change->still_wrong += was_wrong && is_wrong;
    if (is_wrong && !was_wrong) {
        change->broken++;
        show(change, ng_change_broken, now);
    } else if (judged(was) && !judged(is)) {
        change->unjudged++;
        show(change, ng_change_unjudged, now);
    } else if (was_wrong && !is_wrong) {
        change->fixed++;
        show(change, ng_change_fixed, now);
    }
    if (!judged(was) || !judged(is))
        return;
    bool ulp = !isnan(before->error_ulp) && !isnan(now->error_ulp);
    int step = ulp ? ng_diff_step(before->error_ulp, now->error_ulp)
                   : ng_diff_step(before->ratio, now->ratio);
    step = was_wrong == is_wrong ? step : 0; /* else it is told above */
    change->worse += step > 0;
    change->better += step < 0;
    if (step != 0)
        show(change, step > 0 ? ng_change_worse : ng_change_better, now);
    if (ulp) {
        widen(&change->ulp[0], before->error_ulp);
        widen(&change->ulp[1], now->error_ulp);
    }
    widen(&change->ratio[0], before->ratio);
    widen(&change->ratio[1], now->ratio);
}

/* Seen by some of the cases is seen. */
static void judge_seeded(ng_change *change)
{
    size_t seen = change->still_wrong + change->broken;
    size_t sees = change->still_wrong + change->fixed;
    change->broken = seen > 0 && sees == 0 ? change->broken : 0;
    change->fixed = seen == 0 && sees > 0 ? change->fixed : 0;
    if (change->broken > 0)
        change->kind = ng_change_broken;
    else if (change->fixed > 0)
        change->kind = ng_change_fixed;
    change->shown = change->first;
}

static void begin_change(ng_change *change, const item *first)
{
    *change = (ng_change){.kind = ng_change_none,
                          .first = first->record,
                          .shown = first->record,
                          .ulp = {NAN, NAN},
                          .ratio = {NAN, NAN}};
}

static void end_change(ng_diff *diff, ng_change *change)
{
    if (change->first->seeded_bug[0] != '\0')
        judge_seeded(change);
    else if (change->kind == ng_change_none)
        change->shown = change->first;
    diff->kinds[change->kind]++;
    diff->pairs += change->pairs;
    diff->broken += change->broken;
    diff->unjudged += change->unjudged;
    diff->fixed += change->fixed;
    diff->worse += change->worse;
    diff->better += change->better;
    diff->still_wrong +=
        change->first->seeded_bug[0] == '\0' ? change->still_wrong : 0;
    diff->added += change->added;
    diff->gone += change->gone;
}

/* Once for each kernel: its checks are neighbours. */
static void note_contract(ng_diff *diff, const ng_record *before,
                          const ng_record *now)
{
    const ng_record **last = diff->contract_count > 0
                                 ? diff->contracts[diff->contract_count - 1]
                                 : NULL;
    if (strcmp(before->contract, now->contract) == 0 ||
        (last != NULL && strcmp(last[1]->kernel, now->kernel) == 0 &&
         strcmp(last[1]->contract, now->contract) == 0))
        return;
    diff->contracts[diff->contract_count][0] = before;
    diff->contracts[diff->contract_count++][1] = now;
}

/* The checks of one id: the earlier run's, then the later one's, each in the
 * order in which they were made. */
static size_t match(ng_diff *diff, ng_change *change, const item *items,
                    size_t count)
{
    size_t end = 1, earlier = 0;
    while (end < count && by_row(&items[0], &items[end]) == 0 &&
           strcmp(items[0].id, items[end].id) == 0)
        end++;
    while (earlier < end && !items[earlier].now)
        earlier++;
    size_t later = end - earlier, pairs = earlier < later ? earlier : later;
    if (later > 0) /* the later run's words are shown */
        change->first = items[earlier].record;
    for (size_t i = 0; i < pairs; i++)
        add_pair(change, items[i].record, items[earlier + i].record);
    if (pairs > 0)
        note_contract(diff, items[0].record, items[earlier].record);
    change->gone += earlier - pairs;
    change->added += later - pairs;
    return end;
}

static void find_runs(ng_diff *diff, const ng_record *records, size_t count)
{
    bool ended = false, open = false;
    for (size_t i = 0; i < count; i++) {
        const ng_record *record = &records[i];
        bool begins = is_kind(record, before_run);
        if (begins && diff->run[0] == NULL)
            diff->run[0] = record;
        if (is_kind(record, "run") && diff->run[1] == NULL)
            diff->run[1] = record;
        ended = ended || is_kind(record, before_end);
        open = begins || (open && !is_kind(record, before_end));
    }
    diff->earlier_complete = ended && !open;
}

ng_status ng_diff_make(ng_diff *diff, ng_arena *arena, const ng_record *records,
                       size_t count, ng_error *error)
{
    bool one =
        lone(records, count, before_check) && lone(records, count, "check");
    size_t used = 0;
    bool good = true;
    *diff = (ng_diff){0};
    item *items = ng_arena_alloc(arena, count, sizeof *items);
    for (size_t i = 0; items != NULL && good && i < count; i++) {
        const ng_record *record = &records[i];
        bool now = is_kind(record, "check");
        if (!now && !is_kind(record, before_check))
            continue;
        items[used] = (item){one ? "" : record->subject, id_of(record, arena),
                             record, now};
        good = items[used++].id != NULL;
    }
    if (items != NULL && good) {
        diff->changes = ng_arena_alloc(arena, used, sizeof *diff->changes);
        diff->contracts = ng_arena_alloc(arena, used, sizeof *diff->contracts);
    }
    if (diff->changes == NULL || diff->contracts == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    qsort(items, used, sizeof *items, compare_items);
    for (size_t i = 0; i < used;) {
        ng_change *change = &diff->changes[diff->count++];
        begin_change(change, &items[i]);
        size_t begin = i;
        while (i < used && by_row(&items[begin], &items[i]) == 0) {
            i += match(diff, change, items + i, used - i);
        }
        end_change(diff, change);
    }
    qsort(diff->changes, diff->count, sizeof *diff->changes, compare_changes);
    find_runs(diff, records, count);
    return ng_status_ok;
}
