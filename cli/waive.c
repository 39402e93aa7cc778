/* Waivers at work. A seeded bug is the gate's own test and is never waived. */
#include "waive.h"
#include "command.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* SOURCE_DATE_EPOCH, seconds since 1970, stands for the clock where set, as in
 * reproducible builds: a verdict can be had again on another day. */
static ng_status read_today(char today[NG_DATE_SIZE], ng_error *error)
{
    const char *word = getenv("SOURCE_DATE_EPOCH");
    time_t now = time(NULL);
    struct tm utc;
    if (word != NULL && word[0] != '\0') {
        size_t digits = strspn(word, "0123456789");
        if (word[digits] != '\0' || digits > 11)
            return ng_fail(error, ng_status_bad_input,
                           "SOURCE_DATE_EPOCH=%.40s: expected seconds since "
                           "1970, or unset it",
                           word);
        now = (time_t)strtoll(word, NULL, 10);
    }
    if (gmtime_r(&now, &utc) == NULL ||
        strftime(today, NG_DATE_SIZE, "%Y-%m-%d", &utc) != NG_DATE_SIZE - 1)
        return ng_fail(error, ng_status_bad_input,
                       "the date is not known; set the clock, or "
                       "SOURCE_DATE_EPOCH");
    return ng_status_ok;
}

/* The globs are looked at once for all cases of a kernel and property. */
static void enter_group(ng_waive *w, const ng_record *check)
{
    char group[NG_RECORD_ID_SIZE];
    ng_record key = *check;
    key.test = key.seeded_bug;
    ng_record_id(&key, group);
    if (strcmp(group, w->group) == 0)
        return;
    memcpy(w->group, group, sizeof group);
    for (size_t i = 0; i < w->waivers.count; i++)
        w->use[i].named = ng_waiver_names(&w->waivers.waiver[i], check);
}

/* Waivers that name a failing check and do not waive it. */
typedef struct denial {
    const ng_waiver *expired, *other_verdict, *beyond;
} denial;

static const ng_waiver *find(ng_waive *w, const ng_record *check, bool wrong,
                             denial *denied)
{
    const ng_waiver *found = NULL;
    for (size_t i = 0; i < w->waivers.count; i++) {
        const ng_waiver *waiver = &w->waivers.waiver[i];
        ng_waive_use *use = &w->use[i];
        if (!use->named || !ng_waiver_picks(waiver, check))
            continue;
        if (check->seeded_bug[0] != '\0') {
            use->seeded = true;
            continue;
        }
        use->met++;
        if (!wrong)
            continue;
        if (!ng_waiver_covers(waiver, check)) {
            use->denied++;
            if (strcmp(waiver->verdict, check->verdict) == 0)
                denied->beyond = waiver;
            else
                denied->other_verdict = waiver;
        } else if (ng_waiver_expired(waiver, w->today)) {
            if (denied->expired == NULL)
                denied->expired = waiver;
        } else if (found == NULL) {
            found = waiver;
        }
    }
    const ng_waiver *counted = found != NULL ? found : denied->expired;
    if (counted != NULL)
        w->use[counted - w->waivers.waiver].cases++;
    return found;
}

/* Why a waiver that the owner counts on does not hold. */
static const char *denied_cause(ng_arena *texts, const ng_record *check,
                                const denial *denied)
{
    const char *gap = check->cause[0] != '\0' ? "; " : "";
    if (denied->expired != NULL)
        return ng_arena_text(texts, "%s%sits waiver expired on %s: %s",
                             check->cause, gap, denied->expired->expires,
                             denied->expired->reason);
    if (denied->beyond != NULL)
        return ng_arena_text(texts,
                             "%s%sits waiver ends at an error/bound of %g",
                             check->cause, gap, denied->beyond->max_ratio);
    return ng_arena_text(texts, "%s%sits waiver is for %s, not for %s",
                         check->cause, gap, denied->other_verdict->verdict,
                         check->verdict);
}

static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    ng_waive *w = (ng_waive *)sink;
    ng_verdict verdict = NG_PASS;
    denial denied = {0};
    if (strcmp(record->kind, "run") == 0)
        w->subject = ng_arena_text(&w->arena, "%s", record->subject);
    if (strcmp(record->kind, "check") != 0)
        return w->next->put(w->next, record, error);
    ng_verdict_parse(record->verdict, &verdict);
    enter_group(w, record);
    const ng_waiver *waiver =
        find(w, record, ng_verdict_wrong(verdict), &denied);
    ng_record changed = *record;
    ng_arena texts = {0};
    if (waiver != NULL) {
        changed.waived = record->verdict;
        changed.waiver = waiver->reason;
        changed.verdict = ng_verdict_name(NG_WAIVED);
    } else if (denied.expired != NULL || denied.other_verdict != NULL ||
               denied.beyond != NULL) {
        changed.cause = denied_cause(&texts, record, &denied);
    }
    ng_status status =
        changed.cause != NULL
            ? w->next->put(w->next, &changed, error)
            : ng_fail(error, ng_status_no_memory, "out of memory");
    ng_arena_release(&texts);
    return status;
}

ng_status ng_waive_open(ng_waive *waive, const char *path, ng_sink *next,
                        ng_error *error)
{
    *waive = (ng_waive){.sink = {put}, .next = next};
    ng_status status = read_today(waive->today, error);
    if (status == ng_status_ok)
        status = ng_waivers_read(&waive->waivers, &waive->arena, path, error);
    for (size_t i = 0; status == ng_status_ok && i < waive->waivers.count;
         i++) {
        const char *glob = waive->waivers.waiver[i].property;
        if (!ng_gate_knows(glob))
            status = ng_fail(error, ng_status_bad_input,
                             "%.300s: waiver %zu, field \"property\": %.60s "
                             "matches none; `normgate list properties` shows "
                             "them",
                             path, i + 1, glob);
    }
    if (status != ng_status_ok)
        return status;
    waive->use =
        ng_arena_alloc(&waive->arena, waive->waivers.count, sizeof *waive->use);
    return waive->use != NULL
               ? ng_status_ok
               : ng_fail(error, ng_status_no_memory, "out of memory");
}

static void tell(ng_record *record, const ng_waive *w, size_t i,
                 ng_arena *texts)
{
    const ng_waiver *waiver = &w->waivers.waiver[i];
    const ng_waive_use *use = &w->use[i];
    bool expired = ng_waiver_expired(waiver, w->today);
    record->state = expired ? "expired" : use->cases > 0 ? "used" : "unused";
    if (expired)
        record->cause =
            use->cases > 0
                ? ng_arena_text(texts,
                                "%" PRIu64 " case%s that it waived until then "
                                "still fail%s: mend them, or give it another "
                                "day",
                                use->cases, use->cases == 1 ? "" : "s",
                                use->cases == 1 ? "s" : "")
                : "nothing that it names needs it any more: remove it";
    else if (use->cases == 0 && use->denied > 0)
        record->cause =
            ng_arena_text(texts,
                          "%" PRIu64 " failure%s that it names: of another "
                          "verdict, or beyond its max_ratio",
                          use->denied, use->denied == 1 ? "" : "s");
    else if (use->cases == 0 && use->met > 0)
        record->cause =
            ng_arena_text(texts,
                          "%" PRIu64 " check%s that it names: none needs it; "
                          "remove it",
                          use->met, use->met == 1 ? "" : "s");
    else if (use->cases == 0)
        record->cause = use->seeded
                            ? "a seeded bug of the gate is never waived"
                            : "it names no check of this run; look at its "
                              "globs and at the filters of the run";
}

ng_status ng_waive_end(ng_waive *waive, ng_error *error)
{
    ng_status status = ng_status_ok;
    for (size_t i = 0; i < waive->waivers.count && status == ng_status_ok;
         i++) {
        const ng_waiver *waiver = &waive->waivers.waiver[i];
        ng_arena texts = {0};
        ng_record record;
        ng_record_init(&record, "waiver");
        record.subject = waive->subject != NULL ? waive->subject : "";
        record.id = waiver->id;
        record.kernel = waiver->kernel;
        record.op = waiver->op;
        record.pass = waiver->pass;
        record.dtype = waiver->dtype;
        record.property = waiver->property;
        record.waived = waiver->verdict;
        record.waiver = waiver->reason;
        record.expires = waiver->expires;
        record.max_ratio = isinf(waiver->max_ratio) ? NAN : waiver->max_ratio;
        record.cases = waive->use[i].cases;
        tell(&record, waive, i, &texts);
        status = record.cause != NULL
                     ? waive->next->put(waive->next, &record, error)
                     : ng_fail(error, ng_status_no_memory, "out of memory");
        ng_arena_release(&texts);
    }
    return status;
}

void ng_waive_free(ng_waive *waive)
{
    ng_arena_release(&waive->arena);
}
