/* The baseline of a run. */
#include "baseline.h"
#include "command.h"

#include <inttypes.h>
#include <math.h>
#include <normgate/histogram.h>
#include <normgate/report.h>
#include <stdlib.h>
#include <string.h>

/* docs/adoption.md has the measurements behind it. */
static const double DEFAULT_FACTOR = 2;

/* One entry as it is measured, with the checks that set its numbers. */
typedef struct ng_watch_slot {
    ng_baseline_entry now; /* texts of `by_error` */
    ng_histogram errors;
    ng_record by_error, by_ratio;
} slot;

static bool same_entry(const slot *s, const ng_record *check)
{
    const ng_baseline_entry key = {check->kernel,   check->op,
                                   check->pass,     check->dtype,
                                   check->property, .measured = {.cases = 0}};
    return ng_baseline_order(&s->now, &key) == 0;
}

/* What the report says of the worst case, and no more of the record. */
static bool keep(ng_watch *w, ng_record *kept, const ng_record *check)
{
    ng_record_init(kept, "baseline");
    kept->line = check->line;
    const struct {
        const char **to, *from;
    } texts[] = {
        {&kept->subject, check->subject},
        {&kept->kernel, check->kernel},
        {&kept->contract, check->contract},
        {&kept->op, check->op},
        {&kept->pass, check->pass},
        {&kept->dtype, check->dtype},
        {&kept->property, check->property},
        {&kept->family, check->family},
        {&kept->test, check->test},
        {&kept->file, check->file},
        {&kept->id, check->id},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i].to = ng_arena_text(&w->arena, "%s", texts[i].from);
        good = good && *texts[i].to != NULL;
    }
    return good;
}

/* Checks of a kernel and property come together: the search is short but for
 * the first of an entry. */
static slot *slot_of(ng_watch *w, const ng_record *check)
{
    for (size_t i = w->count; i > 0; i--) {
        if (same_entry(&w->slot[i - 1], check))
            return &w->slot[i - 1];
    }
    if (w->count == w->room) {
        size_t room = 2 * w->room + 256;
        slot *grown = realloc(w->slot, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        w->slot = grown;
        w->room = room;
    }
    slot *new = &w->slot[w->count];
    *new = (slot){0};
    if (!keep(w, &new->by_error, check))
        return NULL;
    const ng_record *t = &new->by_error;
    new->now = (ng_baseline_entry){t->kernel,   t->op,
                                   t->pass,     t->dtype,
                                   t->property, {.error_ulp = -1, .ratio = -1}};
    w->count++;
    return new;
}

/* A number that is not known is no better than any. */
static double lost(double value)
{
    return isnan(value) ? INFINITY : value;
}

static ng_status gather(ng_watch *w, const ng_record *check, ng_error *error)
{
    ng_histogram errors;
    slot *s = slot_of(w, check);
    bool good = s != NULL;
    if (good && lost(check->error_ulp) > s->now.measured.error_ulp) {
        s->now.measured.error_ulp = lost(check->error_ulp);
        good = keep(w, &s->by_error, check);
    }
    if (good && lost(check->ratio) > s->now.measured.ratio) {
        s->now.measured.ratio = lost(check->ratio);
        good = keep(w, &s->by_ratio, check);
    }
    if (!good)
        return ng_fail(error, ng_status_no_memory,
                       "no memory for the baseline");
    s->now.measured.cases++;
    if (ng_histogram_parse(&errors, check->histogram, NULL) == ng_status_ok)
        ng_histogram_merge(&s->errors, &errors);
    return ng_status_ok;
}

/* A seeded bug has no accuracy to keep. */
static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    ng_watch *w = (ng_watch *)sink;
    ng_status status = ng_status_ok;
    if (strcmp(record->kind, "check") == 0 && record->elements > 0 &&
        record->seeded_bug[0] == '\0')
        status = gather(w, record, error);
    if (strcmp(record->kind, "run") == 0) {
        w->version = ng_arena_text(&w->arena, "%s", record->version);
        w->subject = ng_arena_text(&w->arena, "%s", record->subject);
    }
    return status == ng_status_ok ? w->next->put(w->next, record, error)
                                  : status;
}

static ng_status check_head(const ng_watch *w, ng_error *error)
{
    const char *profile = ng_profile_name(w->options->profile);
    if (strcmp(w->before.profile, profile) == 0 &&
        w->before.seed == w->options->seed)
        return ng_status_ok;
    return ng_fail(error, ng_status_bad_input,
                   "%.300s: made with --profile %.20s --seed %" PRIu64
                   ", and this run has --profile %s --seed %" PRIu64
                   ": other cases; run it with those, or keep a file for each",
                   w->path, w->before.profile, w->before.seed, profile,
                   w->options->seed);
}

ng_status ng_watch_open(ng_watch *watch, const char *path, bool update,
                        double factor, const ng_gate_options *options,
                        ng_sink *next, ng_error *error)
{
    *watch = (ng_watch){
        .sink = {put},
        .next = next,
        .path = path,
        .update = update,
        .options = options,
    };
    ng_status status =
        ng_baseline_read(&watch->before, &watch->arena, path, error);
    if (status == ng_status_nothing_checked && update) {
        watch->before = (ng_baseline){.factor = DEFAULT_FACTOR};
        status = ng_status_ok;
    } else if (status == ng_status_nothing_checked) {
        return ng_fail(error, ng_status_bad_input,
                       "%.300s: there is no such baseline yet; add "
                       "--update-baseline to make it",
                       path);
    } else if (status == ng_status_ok) {
        status = check_head(watch, error);
    }
    watch->factor = factor > 0 ? factor : watch->before.factor;
    return status;
}

/* Whether this run, by its filters, would have measured the entry. */
static bool in_scope(const ng_watch *w, const ng_baseline_entry *entry)
{
    const ng_gate_options *o = w->options;
    const ng_property *property = ng_property_find(entry->property);
    bool elsewhere = o->offline && property != NULL && property->process;
    return !elsewhere && ng_glob_match(o->kernel, entry->kernel) &&
           ng_glob_match(o->op, entry->op) &&
           ng_glob_match(o->pass, entry->pass) &&
           ng_glob_match(o->dtype, entry->dtype) &&
           ng_glob_match(o->property, entry->property);
}

/* The result: records, and the entries of the next file. */
typedef struct outcome {
    ng_baseline_entry *next;
    size_t count;
    uint64_t unchanged;
} outcome;

static void write_numbers(ng_record *record, const ng_measured *before,
                          const ng_measured *now)
{
    if (before != NULL) {
        record->baseline_error_ulp = before->error_ulp;
        record->baseline_p99_ulp = before->p99_ulp;
        record->baseline_ratio = before->ratio;
        record->baseline_cases = before->cases;
    }
    if (now != NULL) {
        record->error_ulp = now->error_ulp;
        record->p99_ulp = now->p99_ulp;
        record->ratio = now->ratio;
        record->cases = now->cases;
    }
}

static ng_status tell(ng_watch *w, ng_record *record, const char *state,
                      ng_verdict verdict, const char *cause, ng_error *error)
{
    if (record->subject[0] == '\0' && w->subject != NULL)
        record->subject = w->subject;
    record->state = state;
    record->verdict = ng_verdict_name(verdict);
    record->cause = cause;
    record->factor = w->factor;
    if (cause == NULL || record->replay == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    return w->next->put(w->next, record, error);
}

static ng_status tell_gone(ng_watch *w, const ng_baseline_entry *before,
                           ng_error *error)
{
    ng_record record;
    ng_record_init(&record, "baseline");
    record.kernel = before->kernel;
    record.op = before->op;
    record.pass = before->pass;
    record.dtype = before->dtype;
    record.property = before->property;
    write_numbers(&record, &before->measured, NULL);
    return tell(w, &record, "gone", NG_PASS,
                w->update
                    ? "no longer measured; taken out of the baseline"
                    : "no longer measured; --update-baseline takes it out",
                error);
}

static const char *moved_cause(ng_watch *w, const ng_growth *g, bool worse)
{
    char much[48];
    if (worse)
        snprintf(much, sizeof much, "%.3g times larger", g->times);
    else
        snprintf(much, sizeof much, "%.3g times smaller", 1 / g->times);
    return ng_arena_text(&w->arena, "%s %.4g%s, was %.4g%s: %s%s%s", g->what,
                         g->now, g->unit, g->before, g->unit, much,
                         worse ? ng_arena_text(&w->arena,
                                               ", where %.4g times is allowed",
                                               w->factor)
                               : "",
                         w->update ? "; the baseline follows"
                         : worse   ? ""
                                   : "; --update-baseline keeps it so");
}

/* An entry that was there and is. One that stays within the factor keeps its
 * numbers in the file: it cannot creep from update to update. */
static ng_status compare(ng_watch *w, const ng_baseline_entry *before, slot *s,
                         outcome *all, ng_error *error)
{
    const ng_growths g =
        ng_baseline_growth(&before->measured, &s->now.measured);
    bool worse = !(g.most.times <= w->factor);
    bool better = !worse && g.least.times * w->factor < 1;
    all->next[all->count] = s->now;
    if (!worse && !better) {
        if (before->measured.cases == s->now.measured.cases)
            all->next[all->count].measured = before->measured;
        all->unchanged++;
        return ng_status_ok;
    }
    const ng_growth *most = worse ? &g.most : &g.least;
    ng_record *record = most->unit[0] != '\0' ? &s->by_error : &s->by_ratio;
    write_numbers(record, &before->measured, &s->now.measured);
    record->replay = ng_gate_replay(&w->arena, record);
    return tell(w, record,
                !worse      ? "better"
                : w->update ? "accepted"
                            : "worse",
                !worse      ? NG_PASS
                : w->update ? NG_WAIVED
                            : NG_FAIL,
                moved_cause(w, most, worse), error);
}

static ng_status tell_new(ng_watch *w, slot *s, outcome *all, ng_error *error)
{
    all->next[all->count] = s->now;
    write_numbers(&s->by_error, NULL, &s->now.measured);
    return tell(w, &s->by_error, "new", NG_PASS,
                w->update ? "not measured before; put into the baseline"
                          : "not in the baseline; --update-baseline puts it in",
                error);
}

static int slot_order(const void *left, const void *right)
{
    const slot *a = left, *b = right;
    return ng_baseline_order(&a->now, &b->now);
}

/* As the file would keep them: an update compared with itself is no change. */
static void finish_slots(ng_watch *w)
{
    for (size_t i = 0; i < w->count; i++) {
        ng_measured *now = &w->slot[i].now.measured;
        now->p99_ulp = ng_histogram_quantile(&w->slot[i].errors, 0.99);
        now->error_ulp = ng_baseline_kept(now->error_ulp);
        now->p99_ulp = ng_baseline_kept(now->p99_ulp);
        now->ratio = ng_baseline_kept(now->ratio);
    }
    if (w->count > 0)
        qsort(w->slot, w->count, sizeof *w->slot, slot_order);
}

/* Both lists are sorted. */
static ng_status merge(ng_watch *w, outcome *all, ng_error *error)
{
    ng_status status = ng_status_ok;
    size_t i = 0, k = 0;
    while (status == ng_status_ok && (i < w->before.count || k < w->count)) {
        const ng_baseline_entry *before = &w->before.entry[i];
        slot *s = &w->slot[k];
        int order = i == w->before.count ? 1
                    : k == w->count      ? -1
                                         : ng_baseline_order(before, &s->now);
        i += order <= 0;
        k += order >= 0;
        if (order == 0) {
            status = compare(w, before, s, all, error);
        } else if (order > 0) {
            status = tell_new(w, s, all, error);
        } else if (in_scope(w, before)) {
            status = tell_gone(w, before, error);
            continue;
        } else {
            all->next[all->count] = *before;
        }
        all->count++;
    }
    return status;
}

static ng_status write_file(const ng_watch *w, const outcome *all,
                            ng_error *error)
{
    const ng_baseline after = {
        .version = w->version != NULL ? w->version : "",
        .profile = ng_profile_name(w->options->profile),
        .seed = w->options->seed,
        .factor = w->factor,
        .entry = all->next,
        .count = all->count,
    };
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return ng_fail(error, ng_status_no_memory,
                       "no memory for the baseline");
    ng_status status = ng_baseline_write(&after, file, error);
    if (fclose(file) != 0 && status == ng_status_ok)
        status =
            ng_fail(error, ng_status_no_memory, "no memory for the baseline");
    if (status == ng_status_ok)
        status = ng_report_write_file(w->path, text, size, error);
    free(text);
    return status;
}

ng_status ng_watch_end(ng_watch *watch, ng_error *error)
{
    outcome all = {0};
    finish_slots(watch);
    all.next =
        ng_arena_alloc(&watch->arena, watch->before.count + watch->count + 1,
                       sizeof *all.next);
    if (all.next == NULL)
        return ng_fail(error, ng_status_no_memory,
                       "no memory for the baseline");
    ng_status status = merge(watch, &all, error);
    if (status == ng_status_ok) {
        ng_record record;
        ng_record_init(&record, "baseline");
        record.entries = all.unchanged;
        status = tell(watch, &record, "unchanged", NG_PASS,
                      "within the factor of the baseline", error);
    }
    if (status == ng_status_ok && watch->update)
        status = write_file(watch, &all, error);
    return status;
}

void ng_watch_free(ng_watch *watch)
{
    free(watch->slot);
    ng_arena_release(&watch->arena);
}
