/* check: gates one subject, or every built-in that a glob matches. */
#include "command.h"
#include "crew.h"
#include "provenance.h"
#include "score.h"

#include <errno.h>
#include <math.h>
#include <normgate/offline.h>
#include <normgate/report.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Built-ins that a glob names. */
typedef struct names {
    char (*name)[80];
    size_t count, room;
} names;

/* The records of the run: streamed to a file as they come, and kept. */
typedef struct run {
    ng_sink sink;
    ng_arena arena;
    ng_record *records;
    size_t count, room;
    FILE *stream;
    char *path, *partial; /* partial: being written, renamed to path at the
                             end; NULL: path is no regular file */
    bool live, verbose;
    double begin, shown;
    size_t findings;
} run;

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

static const char *keep(run *r, const char *text)
{
    return text[0] == '\0' ? "" : ng_arena_text(&r->arena, "%s", text);
}

static void progress(run *r, const ng_record *record)
{
    double now = ng_seconds();
    if (!r->live || now - r->shown < 0.1)
        return;
    r->shown = now;
    fprintf(stderr, "\r\033[K%zu checks, %zu findings, %.0f s: %.30s %.30s %s",
            r->count, r->findings, now - r->begin, record->subject,
            record->kernel, record->property);
    fflush(stderr);
}

static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    run *r = (run *)sink;
    if (r->count == r->room) {
        size_t room = r->room * 2 + 1024;
        ng_record *grown = realloc(r->records, room * sizeof *grown);
        if (grown == NULL)
            return ng_fail(error, ng_status_no_memory,
                           "no memory for %zu records", room);
        r->records = grown;
        r->room = room;
    }
    ng_record *kept = &r->records[r->count++];
    *kept = *record;
#define NG_TEXT(name, meaning) kept->name = keep(r, record->name);
#define NG_REAL(name, meaning)
#define NG_COUNT(name, meaning)
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
    ng_verdict verdict = NG_PASS;
    ng_verdict_parse(record->verdict, &verdict);
    r->findings += ng_verdict_wrong(verdict) && record->seeded_bug[0] == '\0';
    progress(r, record);
    if (r->verbose && (strcmp(record->kind, "check") == 0 ||
                       strcmp(record->kind, "score") == 0))
        printf("%-11s %-7.3g %s %s %s  %s\n", record->verdict, record->ratio,
               record->subject, record->kernel, record->property, record->test);
    return r->stream == NULL ? ng_status_ok
                             : ng_record_write(record, r->stream, error);
}

/* A pipe or a device is written as it is; a file is replaced when all of it is
 * written, and a link to one leads to it. */
static ng_status open_stream(run *r, const char *path, ng_error *error)
{
    struct stat file;
    bool exists = stat(path, &file) == 0;
    char *real = exists ? realpath(path, NULL) : NULL;
    r->path = ng_arena_text(&r->arena, "%s", real != NULL ? real : path);
    free(real);
    if (!exists || S_ISREG(file.st_mode))
        r->partial = ng_arena_text(&r->arena, "%s.partial", r->path);
    r->stream = fopen(r->partial != NULL ? r->partial : r->path, "w");
    if (r->stream == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "cannot write %.400s: %s; give --json a file in a "
                       "directory that exists and may be written",
                       path, strerror(errno));
    return ng_status_ok;
}

static ng_status close_stream(run *r, const char *path, ng_error *error)
{
    if (r->stream == NULL)
        return ng_status_ok;
    bool written = fflush(r->stream) == 0;
    if (r->partial != NULL)
        written &= fsync(fileno(r->stream)) == 0;
    written &= fclose(r->stream) == 0;
    r->stream = NULL;
    if (written && r->partial != NULL)
        written = rename(r->partial, r->path) == 0;
    if (!written) {
        int reason = errno;
        if (r->partial != NULL)
            remove(r->partial);
        return ng_fail(error, ng_status_bad_input, "cannot write %.400s: %s",
                       path, strerror(reason));
    }
    return ng_status_ok;
}

typedef struct check_words {
    const char *json, *junit, *html, *profile, *seed, *timeout, *memory;
    const char *jobs_word;
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

/* Reports that cannot be written are found before the run, not after it. */
static ng_status probe(const char *path, ng_error *error)
{
    struct stat file;
    if (path == NULL)
        return ng_status_ok;
    if (stat(path, &file) == 0 && S_ISDIR(file.st_mode))
        return ng_fail(error, ng_status_bad_input,
                       "cannot write %.300s: it is a folder; name a file",
                       path);
    char *copy = strdup(path);
    if (copy == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    char *slash = strrchr(copy, '/');
    if (slash != NULL)
        *(slash == copy ? slash + 1 : slash) = '\0';
    const char *directory = slash != NULL ? copy : ".";
    ng_status status = ng_status_ok;
    if (access(directory, W_OK | X_OK) != 0)
        status = ng_fail(error, ng_status_bad_input,
                         "cannot write %.300s: %s; create %.200s or choose "
                         "another place",
                         path, strerror(errno), directory);
    free(copy);
    return status;
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
    const ng_crew_work work = {u.count, gate_unit, &u};
    if (status == ng_status_ok)
        status = ng_crew_run(&work, w->jobs, &r->sink, error);
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
    for (size_t i = 0; i < r->count && count < CLASSES; i++) {
        const ng_record *record = &r->records[i];
        if (strcmp(record->kind, "check") != 0 ||
            is_listed(classes, count, record))
            continue;
        classes[count++] =
            (ng_score_class){record->op, record->pass, record->dtype};
    }
    return count == 0 ? ng_status_ok
                      : ng_score_run(classes, count, &w->gate, w->jobs,
                                     &r->sink, error);
}

static ng_status report(run *r, const check_words *w, ng_error *error)
{
    ng_status status = close_stream(r, w->json, error);
    if (status == ng_status_ok && w->junit != NULL)
        status = ng_report_junit(r->records, r->count, true, w->junit, error);
    if (status == ng_status_ok && w->html != NULL)
        status = ng_report_html(r->records, r->count, true, w->html, error);
    if (status == ng_status_ok && !w->quiet)
        status = ng_report_summary(
            r->records, r->count, true, w->html, stdout,
            isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL, error);
    return status;
}

static int exit_code(const run *r, ng_error *error)
{
    ng_tally tally;
    if (ng_tally_records(&tally, r->records, r->count, error) != ng_status_ok)
        return ng_exit_fault;
    if (tally.undecided > 0)
        return ng_exit_fault;
    switch (ng_tally_outcome(&tally, true)) {
    case ng_outcome_pass: return ng_exit_holds;
    case ng_outcome_fail: return ng_exit_wrong;
    case ng_outcome_nothing: return ng_exit_nothing;
    default: return ng_exit_fault;
    }
}

static int check_subject(run *r, check_words *w, const char *subject, int count,
                         char **words)
{
    ng_error error;
    ng_record record;
    names all = {0};
    bool glob =
        strncmp(subject, "builtin:", 8) == 0 && strpbrk(subject, "*?[") != NULL;
    if (glob)
        ng_builtin_match(subject + 8, add_name, &all);
    if (glob && all.count == 0) {
        ng_fail(&error, ng_status_cannot_load,
                "%.80s matches no built-in; `normgate list subjects` shows "
                "them",
                subject);
        return ng_exit_error(ng_status_cannot_load, &error);
    }
    ng_provenance(&record, &r->arena, count, words);
    record.profile = ng_profile_name(w->gate.profile);
    record.seed = w->gate.seed;
    record.subject = subject;
    ng_status status = r->sink.put(&r->sink, &record, &error);
    if (status == ng_status_ok)
        status = run_all(r, &all, subject, w, &error);
    /* The whole zoo says by itself what it is worth. */
    if (status == ng_status_ok && !w->no_score && !glob &&
        w->gate.profile != ng_smoke)
        status = score(r, w, &error);
    free(all.name);
    if (r->live)
        fputs("\r\033[K", stderr);
    if (status != ng_status_ok)
        return ng_exit_error(status, &error);
    int code = exit_code(r, &error);
    ng_record_init(&record, "end");
    record.exit_code = (uint64_t)code;
    record.seconds = ng_seconds() - r->begin;
    status = r->sink.put(&r->sink, &record, &error);
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

static int check(int count, char **words)
{
    check_words w = {0};
    const ng_option options[] = {
        {"op", &w.gate.op, NULL},
        {"pass", &w.gate.pass, NULL},
        {"dtype", &w.gate.dtype, NULL},
        {"kernel", &w.gate.kernel, NULL},
        {"property", &w.gate.property, NULL},
        {"profile", &w.profile, NULL},
        {"seed", &w.seed, NULL},
        {"timeout", &w.timeout, NULL},
        {"memory", &w.memory, NULL},
        {"json", &w.json, NULL},
        {"junit", &w.junit, NULL},
        {"html", &w.html, NULL},
        {"jobs", &w.jobs_word, NULL},
        {"no-score", NULL, &w.no_score},
        {"quiet", NULL, &w.quiet},
        {"verbose", NULL, &w.verbose},
    };
    ng_error error;
    int given = count;
    char **line = calloc((size_t)count + 1, sizeof *line);
    if (line == NULL)
        return ng_exit_fault;
    memcpy(line, words, (size_t)count * sizeof *line);
    run r = {.sink = {put}};
    r.begin = ng_seconds();
    int code = ng_exit_usage;
    ng_status status = ng_status_ok;
    if (!ng_options_take(&count, words, options,
                         sizeof options / sizeof options[0]))
        goto done;
    if (count != 2) {
        fputs("normgate check: give one subject, for example builtin:welford, "
              "./kernels.so or worker:'python3 kernels.py'\n",
              stderr);
        goto done;
    }
    r.verbose = w.verbose;
    r.live = isatty(STDERR_FILENO) && !w.quiet && !w.verbose;
    status = read_words(&w, &error);
    const char *paths[] = {w.json, w.junit, w.html};
    for (size_t i = 0; i < 3 && status == ng_status_ok; i++)
        status = probe(paths[i], &error);
    if (status == ng_status_ok && w.json != NULL)
        status = open_stream(&r, w.json, &error);
    code = status != ng_status_ok
               ? ng_exit_error(status, &error)
               : check_subject(&r, &w, words[1], given, line);
done:
    if (r.stream != NULL) { /* the run did not reach its end */
        fclose(r.stream);
        if (r.partial != NULL)
            remove(r.partial);
    }
    free(line);
    free(r.records);
    ng_arena_release(&r.arena);
    return code;
}

const ng_command ng_command_check = {
    .name = "check",
    .usage = "check SUBJECT [--op GLOB] [--pass GLOB] [--dtype GLOB] "
             "[--kernel GLOB]\n      [--property GLOB] [--profile "
             "smoke|gate|deep] [--seed N] [--timeout S] "
             "[--memory MIB] [--jobs N]\n      [--json F] [--junit F] "
             "[--html F] [--no-score] [--quiet] [--verbose]",
    .help = "gates every kernel of the subject",
    .run = check,
};
