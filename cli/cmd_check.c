/* check: gates one subject, or every built-in that a glob matches. */
#include "command.h"
#include "gate.h"
#include "provenance.h"

#include <errno.h>
#include <math.h>
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
    if (r->verbose && strcmp(record->kind, "check") == 0)
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
    bool quiet, verbose;
    ng_gate_options gate;
} check_words;

static ng_status read_words(check_words *w, ng_error *error)
{
    char *end = NULL;
    w->gate.profile = ng_gate;
    if (w->profile != NULL && !ng_profile_parse(w->profile, &w->gate.profile))
        return ng_fail(error, ng_status_bad_input,
                       "--profile %.40s: expected smoke, gate or deep",
                       w->profile);
    w->gate.seed = 1;
    if (w->seed != NULL) {
        errno = 0;
        w->gate.seed = strtoull(w->seed, &end, 10);
        if (errno != 0 || *end != '\0' || w->seed[0] < '0' || w->seed[0] > '9')
            return ng_fail(error, ng_status_bad_input,
                           "--seed %.40s: expected a whole number", w->seed);
    }
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

static ng_status run_all(run *r, const names *all, const char *subject,
                         const ng_gate_options *options, ng_error *error)
{
    if (all->count == 0)
        return ng_gate_subject(subject, false, options, &r->sink, error);
    ng_status status = ng_status_ok;
    for (size_t i = 0; i < all->count && status == ng_status_ok; i++)
        status = ng_gate_subject(all->name[i], true, options, &r->sink, error);
    return status;
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

static int check_subject(run *r, const check_words *w, const char *subject,
                         int count, char **words)
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
        status = run_all(r, &all, subject, &w->gate, &error);
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
             "[--memory MIB]\n      [--json F] [--junit F] [--html F] "
             "[--quiet] [--verbose]",
    .help = "gates every kernel of the subject",
    .run = check,
};
