/* The kill score, bug by bug. */
#include "score.h"
#include "command.h"
#include "crew.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct scoring {
    const ng_score_class *classes;
    size_t class_count;
    ng_gate_options options;
    char (*bug)[80]; /* builtin:bug.NAME */
    size_t bug_count;
} scoring;

static void add_bug(const char *name, const char *claim, const char *killed_by,
                    void *user)
{
    scoring *all = user;
    (void)claim;
    if (killed_by == NULL)
        return;
    void *grown = realloc(all->bug, (all->bug_count + 1) * sizeof all->bug[0]);
    if (grown == NULL)
        return;
    all->bug = grown;
    snprintf(all->bug[all->bug_count++], sizeof all->bug[0], "builtin:%.60s",
             name);
}

static bool in_classes(const scoring *all, const ng_contract *contract)
{
    const char *dtype = ng_format_of(ng_contract_storage(contract))->name;
    for (size_t i = 0; i < all->class_count; i++) {
        const ng_score_class *class = &all->classes[i];
        if (ng_glob_match(class->op, contract->op) &&
            ng_glob_match(class->pass, contract->pass) &&
            ng_glob_match(class->dtype, dtype))
            return true;
    }
    return false;
}

/* Tries one property until a case fails; `record` is of the last case, some of
 * whose words it borrows. */
static bool kills(ng_trial *trial, const ng_property *property, ng_case *test,
                  ng_arena *texts, ng_record *record, size_t *cases)
{
    ng_verdict verdict = NG_PASS;
    trial->searches = 0;
    for (size_t i = 0; property->plan(trial, i, test); i++) {
        ng_gate_check(trial, property, test, texts, record);
        ++*cases;
        if (ng_verdict_parse(record->verdict, &verdict) &&
            ng_verdict_wrong(verdict))
            return true;
    }
    return false;
}

/* The same id whichever property caught the bug, or none: of the one that is
 * named for it, without a case. */
static void name_bug(ng_record *record, char id[NG_RECORD_ID_SIZE])
{
    ng_record bug = *record;
    bug.property = record->seeded_bug;
    bug.test = "";
    ng_record_id(&bug, id);
    record->id = id;
}

/* The property that is named for the bug first, then the others. */
static ng_status score_kernel(const scoring *all, ng_subject *subject, size_t k,
                              ng_sink *sink, ng_error *error)
{
    const ng_kernel_info *kernel = ng_subject_kernel(subject, k);
    ng_trial trial = ng_gate_trial(subject, k, &all->options);
    ng_arena texts = {0};
    ng_case test;
    ng_record record;
    ng_record_init(&record, "check");
    char id[NG_RECORD_ID_SIZE];
    bool caught = false;
    size_t cases = 0;
    ng_progress_kernel(all->options.progress,
                       ng_subject_spec(subject) + strlen("builtin:"), 0);
    for (int others = 0; others < 2 && !caught; others++) {
        for (size_t i = 0; ng_properties[i] != NULL && !caught; i++) {
            bool named = strcmp(ng_properties[i]->name, kernel->killed_by) == 0;
            if (named == (others != 0) ||
                !ng_gate_applies(&all->options, &trial, ng_properties[i]))
                continue;
            caught =
                kills(&trial, ng_properties[i], &test, &texts, &record, &cases);
        }
    }
    record.kind = "score";
    ng_gate_name(&trial, &record);
    record.seeded_bug = kernel->killed_by;
    record.note = kernel->defect;
    if (!caught) {
        record.verdict = cases > 0 ? "PASS" : "SKIP";
        record.property = record.test = record.replay = "";
        record.cause = cases > 0 ? "" : "no property of this run tries it";
    }
    name_bug(&record, id);
    ng_status status = sink->put(sink, &record, error);
    ng_arena_release(&trial.arena);
    ng_arena_release(&texts);
    return status;
}

static ng_status score_bug(void *user, size_t i, ng_sink *sink, ng_error *error)
{
    const scoring *all = user;
    ng_subject *subject;
    ng_status status =
        ng_subject_open(&subject, all->bug[i], &all->options.subject, error);
    if (status != ng_status_ok)
        return status;
    size_t count = ng_subject_kernel_count(subject);
    for (size_t k = 0; k < count && status == ng_status_ok; k++) {
        if (in_classes(all, &ng_subject_kernel(subject, k)->contract))
            status = score_kernel(all, subject, k, sink, error);
    }
    ng_subject_close(subject);
    return status;
}

ng_status ng_score_run(const ng_score_class *classes, size_t count,
                       const ng_gate_options *options, unsigned jobs,
                       ng_sink *sink, ng_error *error)
{
    scoring all = {
        .classes = classes, .class_count = count, .options = *options};
    all.options.subject = (ng_subject_options){
        .timeout_s = 1, /* a seeded endless loop need not be waited for */
        .every_dtype = true,
    };
    ng_builtin_match("bug.*", add_bug, &all);
    const ng_crew_work work = {.count = all.bug_count,
                               .unit = score_bug,
                               .user = &all,
                               .progress = options->progress,
                               .phase = "kill score 2/2"};
    ng_status status = ng_crew_run(&work, jobs, sink, error);
    free(all.bug);
    return status;
}
