/* check: gates one subject, or every built-in that a glob matches. */
#include "adoption.h"
#include "command.h"
#include "crew.h"
#include "interrupt.h"
#include "outputs.h"
#include "print.h"
#include "progress.h"
#include "provenance.h"
#include "score.h"
#include "store.h"
#include "verbose.h"

#include <normgate/offline.h>
#include <normgate/report.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One run: its records go through the chain `sink`, whose last is the store. */
typedef struct run {
    ng_store store;
    ng_verbose verbose;
    ng_progress progress;
    ng_sink *sink;
    double begin;
} run;

/* Built-ins that a glob names. */
typedef struct names {
    char (*name)[80];
    size_t count, room;
} names;

static void add_name(const char *name, const char *claim, const char *killed_by,
                     void *user)
{
    names *all = user;
    (void)claim;
    (void)killed_by;
    if (all->count == all->room) {
        size_t room = all->room * 2 + 16;
        void *grown = realloc(all->name, room * sizeof all->name[0]);
        if (grown == NULL)
            return;
        all->name = grown;
        all->room = room;
    }
    snprintf(all->name[all->count++], sizeof all->name[0], "builtin:%.70s",
             name);
}

typedef struct check_words {
    const char *json, *profile, *seed, *timeout, *memory, *jobs_word;
    ng_outputs outputs;
    ng_adoption adoption;
    unsigned jobs;
    bool quiet, verbose, no_score;
    ng_gate_options gate;
} check_words;

static ng_status read_words(check_words *w, ng_error *error)
{
    char *end = NULL;
    ng_status status = ng_gate_read(w->profile, w->seed, &w->gate, error);
    if (status == ng_status_ok)
        status = ng_jobs_parse(w->jobs_word, &w->jobs, error);
    if (status != ng_status_ok)
        return status;
    if (w->timeout != NULL) {
        w->gate.subject.timeout_s = strtod(w->timeout, &end);
        if (*end != '\0' || !(w->gate.subject.timeout_s >= 0.001) ||
            !(w->gate.subject.timeout_s <= 86400))
            return ng_fail(error, ng_status_bad_input,
                           "--timeout %.40s: expected seconds, 0.001 to 86400",
                           w->timeout);
    }
    if (w->memory != NULL) {
        double mib = strtod(w->memory, &end);
        if (*end != '\0' || !(mib >= 16) || !(mib <= 0x1p30))
            return ng_fail(error, ng_status_bad_input,
                           "--memory %.40s: expected MiB, 16 or more",
                           w->memory);
        w->gate.subject.memory_bytes = (size_t)(mib * 0x1p20);
    }
    const char *glob = w->gate.property;
    bool known = glob == NULL;
    for (size_t i = 0; ng_properties[i] != NULL && !known; i++)
        known = ng_glob_match(glob, ng_properties[i]->name);
    if (!known)
        return ng_fail(error, ng_status_bad_input,
                       "--property %.60s matches none; `normgate list "
                       "properties` shows them",
                       glob);
    return ng_status_ok;
}

/* The kernels of the run, one unit of work each. */
typedef struct units {
    const names *all; /* built-ins that the glob names, else none: */
    const char *subject;
    const ng_gate_options *options;
    size_t (*unit)[2]; /* which of the subjects, which of its kernels */
    size_t count;
    ng_subject *open; /* by this process, kept for its next kernel */
    size_t opened;    /* which */
} units;

static ng_status open_subject(units *u, size_t which, ng_error *error)
{
    if (u->open != NULL && u->opened == which)
        return ng_status_ok;
    ng_subject_close(u->open);
    u->open = NULL;
    u->opened = which;
    return ng_subject_open(&u->open,
                           u->all->count > 0 ? u->all->name[which] : u->subject,
                           &u->options->subject, error);
}

static ng_status list_units(units *u, ng_error *error)
{
    size_t subjects = u->all->count > 0 ? u->all->count : 1;
    for (size_t i = 0; i < subjects; i++) {
        ng_status status = open_subject(u, i, error);
        if (status != ng_status_ok)
            return status;
        size_t kernels = ng_subject_kernel_count(u->open);
        void *grown =
            realloc(u->unit, (u->count + kernels) * sizeof u->unit[0]);
        if (grown == NULL)
            return ng_fail(error, ng_status_no_memory, "out of memory");
        u->unit = grown;
        for (size_t k = 0; k < kernels; k++) {
            if (!ng_gate_wants(u->options, ng_subject_kernel(u->open, k)))
                continue;
            u->unit[u->count][0] = i;
            u->unit[u->count++][1] = k;
        }
    }
    return ng_status_ok;
}

static ng_status gate_unit(void *user, size_t i, ng_sink *sink, ng_error *error)
{
    units *u = user;
    ng_status status = open_subject(u, u->unit[i][0], error);
    if (status == ng_status_ok)
        status = ng_gate_kernel(u->open, u->unit[i][1], u->all->count > 0,
                                u->options, sink, error);
    return status;
}

static bool is_glob(const char *subject)
{
    return strncmp(subject, "builtin:", 8) == 0 &&
           strpbrk(subject, "*?[") != NULL;
}

/* The whole zoo says by itself what it is worth. */
static bool is_scored(const check_words *w, const char *subject)
{
    return !w->no_score && !is_glob(subject) && w->gate.profile != ng_smoke;
}

static ng_status run_all(run *r, const names *all, const char *subject,
                         check_words *w, ng_error *error)
{
    units u = {.all = all, .subject = subject, .options = &w->gate};
    ng_status status = list_units(&u, error);
    if (status == ng_status_ok)
        w->gate.offline = ng_subject_offline(u.open) != NULL;
    if (w->jobs > 1) { /* each process opens its own */
        ng_subject_close(u.open);
        u.open = NULL;
    }
    const ng_crew_work work = {.count = u.count,
                               .unit = gate_unit,
                               .user = &u,
                               .progress = w->gate.progress,
                               .phase = is_scored(w, subject) ? "checks 1/2"
                                                              : "checks"};
    if (status == ng_status_ok)
        status = ng_crew_run(&work, w->jobs, r->sink, error);
    ng_subject_close(u.open);
    free(u.unit);
    return status;
}

/* Whether an earlier class is that of the record. */
static bool is_listed(const ng_score_class *classes, size_t count,
                      const ng_record *record)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(classes[i].op, record->op) == 0 &&
            strcmp(classes[i].pass, record->pass) == 0 &&
            strcmp(classes[i].dtype, record->dtype) == 0)
            return true;
    }
    return false;
}

/* What this run is worth: the seeded bugs of its kernels' classes. */
static ng_status score(run *r, const check_words *w, ng_error *error)
{
    enum { CLASSES = 4 * 6 * 4 }; /* passes, ops, dtypes */
    ng_score_class classes[CLASSES];
    size_t count = 0;
    for (size_t i = 0; i < r->store.count && count < CLASSES; i++) {
        const ng_record *record = &r->store.records[i];
        if (strcmp(record->kind, "check") != 0 ||
            is_listed(classes, count, record))
            continue;
        classes[count++] =
            (ng_score_class){record->op, record->pass, record->dtype};
    }
    return count == 0 ? ng_status_ok
                      : ng_score_run(classes, count, &w->gate, w->jobs, r->sink,
                                     error);
}

static ng_status report(run *r, const check_words *w, ng_error *error)
{
    const ng_store *store = &r->store;
    ng_status status = ng_store_close(&r->store, error);
    if (status == ng_status_ok)
        status = ng_outputs_write(&w->outputs, store->records, store->count,
                                  true, error);
    if (status == ng_status_ok && !w->quiet)
        status = ng_report_summary(store->records, store->count, true,
                                   w->outputs.path[ng_output_html], stdout,
                                   ng_print_colours(stdout), error);
    return status;
}

/* Told to end: what was found so far. Files of an earlier run stay. */
static int report_interrupted(const run *r, const check_words *w)
{
    ng_error error;
    int signal = ng_interrupt_signal();
    ng_print_line(stderr, "normgate: told to end by signal %d", signal);
    if (!w->quiet &&
        ng_report_summary(r->store.records, r->store.count, false, NULL, stdout,
                          ng_print_colours(stdout), &error) != ng_status_ok)
        ng_exit_error(ng_status_fault, &error);
    return ng_exit_signal + signal;
}

static int check_subject(run *r, check_words *w, const char *subject, int count,
                         char **words)
{
    ng_error error;
    ng_record record;
    names all = {0};
    bool glob = is_glob(subject);
    if (glob)
        ng_builtin_match(subject + 8, add_name, &all);
    if (glob && all.count == 0) {
        ng_fail(&error, ng_status_cannot_load,
                "%.80s matches no built-in; `normgate list subjects` shows "
                "them",
                subject);
        return ng_exit_error(ng_status_cannot_load, &error);
    }
    ng_provenance(&record, &r->store.arena, count, words);
    record.profile = ng_profile_name(w->gate.profile);
    record.seed = w->gate.seed;
    record.subject = subject;
    ng_interrupt_watch();
    ng_status status = r->sink->put(r->sink, &record, &error);
    if (status == ng_status_ok)
        status = run_all(r, &all, subject, w, &error);
    if (status == ng_status_ok)
        status = ng_adoption_end(&w->adoption, &error);
    if (status == ng_status_ok && is_scored(w, subject))
        status = score(r, w, &error);
    free(all.name);
    ng_progress_end(&r->progress);
    if (status == ng_status_interrupted)
        return report_interrupted(r, w);
    if (status != ng_status_ok)
        return ng_exit_error(status, &error);
    int code = ng_outputs_exit(r->store.records, r->store.count, true, &error);
    ng_record_init(&record, "end");
    record.exit_code = (uint64_t)code;
    record.seconds = ng_seconds() - r->begin;
    status = r->sink->put(r->sink, &record, &error);
    if (status == ng_status_ok)
        status = report(r, w, &error);
    if (status != ng_status_ok)
        return ng_exit_error(status, &error);
    if (code == ng_exit_nothing)
        fputs("normgate: nothing was checked: no kernel of the subject matches "
              "the options, or none was judged\n",
              stderr);
    return code;
}

static ng_status probe_files(const check_words *w, ng_error *error)
{
    const ng_named_file files[] = {{"--json", w->json},
                                   {"--waivers", w->adoption.waivers},
                                   {"--baseline", w->adoption.baseline}};
    ng_status status = ng_output_probe(w->json, error);
    if (status == ng_status_ok)
        status = ng_outputs_probe(&w->outputs, error);
    if (status == ng_status_ok)
        status = ng_output_apart("json", w->json, files + 1, 2, error);
    if (status == ng_status_ok)
        status = ng_outputs_apart(&w->outputs, files, 3, error);
    return status;
}

static bool take_options(check_words *w, int *count, char **words)
{
    ng_option options[32] = {
        {"op", &w->gate.op, NULL},
        {"pass", &w->gate.pass, NULL},
        {"dtype", &w->gate.dtype, NULL},
        {"kernel", &w->gate.kernel, NULL},
        {"property", &w->gate.property, NULL},
        {"profile", &w->profile, NULL},
        {"seed", &w->seed, NULL},
        {"timeout", &w->timeout, NULL},
        {"memory", &w->memory, NULL},
        {"json", &w->json, NULL},
        {"jobs", &w->jobs_word, NULL},
        {"no-score", NULL, &w->no_score},
        {"quiet", NULL, &w->quiet},
        {"verbose", NULL, &w->verbose},
    };
    size_t used = 0;
    while (options[used].name != NULL)
        used++;
    used = ng_outputs_options(&w->outputs, options, used);
    used = ng_adoption_options(&w->adoption, options, used);
    if (!ng_options_take(count, words, options, used))
        return false;
    if (*count == 2)
        return true;
    fputs("normgate check: give one subject, for example builtin:welford, "
          "./kernels.so or worker:'python3 kernels.py'\n",
          stderr);
    return false;
}

static int check(int count, char **words)
{
    check_words w = {0};
    run r = {.begin = ng_seconds()};
    ng_error error;
    int given = count, code = ng_exit_usage;
    char **line = calloc((size_t)count + 1, sizeof *line);
    if (line == NULL)
        return ng_exit_fault;
    memcpy(line, words, (size_t)count * sizeof *line);
    ng_store_init(&r.store);
    if (take_options(&w, &count, words)) {
        ng_progress_init(&r.progress,
                         ng_print_moves(stderr) && !w.quiet && !w.verbose);
        w.gate.progress = &r.progress;
        ng_verbose_init(&r.verbose, &r.store.sink);
        r.sink = w.verbose ? &r.verbose.sink : &r.store.sink;
        ng_status status = read_words(&w, &error);
        if (status == ng_status_ok)
            status = ng_adoption_open(&w.adoption, words[1], &w.gate, &r.sink,
                                      &error);
        if (status == ng_status_ok)
            status = probe_files(&w, &error);
        if (status == ng_status_ok && w.json != NULL)
            status = ng_store_open(&r.store, w.json, &error);
        code = status != ng_status_ok
                   ? ng_exit_error(status, &error)
                   : check_subject(&r, &w, words[1], given, line);
    }
    ng_store_free(&r.store);
    ng_adoption_free(&w.adoption);
    free(line);
    return code;
}

const ng_command ng_command_check = {
    .name = "check",
    .usage = "check SUBJECT",
    .help = "gates every kernel of the subject",
    .run = check,
};
