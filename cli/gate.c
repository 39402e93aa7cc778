/* Gate: subject, kernel, property, case: four loops, one record at the heart. */
#include "gate.h"
#include "command.h"
#include "crew.h"
#include "progress.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A kernel that hangs costs the time limit at each case: so many in all, and
 * its other cases are left out. One that crashes costs a new process: so many
 * in a row of one property, and the rest of that property is left out. */
enum { MOST_HANGS = 3, MOST_CRASHES = 10 };

static const char *const profiles[] = {"smoke", "gate", "deep"};

static bool profile_parse(const char *name, ng_profile *profile)
{
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        if (strcmp(name, profiles[i]) == 0) {
            *profile = (ng_profile)i;
            return true;
        }
    }
    return false;
}

ng_status ng_gate_read(const char *profile, const char *seed,
                       ng_gate_options *options, ng_error *error)
{
    char *end = NULL;
    options->profile = ng_gate;
    options->seed = 1;
    if (profile != NULL && !profile_parse(profile, &options->profile))
        return ng_fail(error, ng_status_bad_input,
                       "--profile %.40s: expected smoke, gate or deep",
                       profile);
    if (seed == NULL)
        return ng_status_ok;
    errno = 0;
    options->seed = strtoull(seed, &end, 10);
    if (errno != 0 || *end != '\0' || seed[0] < '0' || seed[0] > '9')
        return ng_fail(error, ng_status_bad_input,
                       "--seed %.40s: expected a whole number", seed);
    return ng_status_ok;
}

ng_status ng_jobs_parse(const char *text, unsigned *jobs, ng_error *error)
{
    char *end = NULL;
    unsigned long number = text != NULL ? strtoul(text, &end, 10) : 1;
    if (text != NULL && (*end != '\0' || text[0] < '0' || text[0] > '9' ||
                         number < 1 || number > NG_CREW_MAX))
        return ng_fail(error, ng_status_bad_input,
                       "--jobs %.40s: expected a number from 1 to %d", text,
                       NG_CREW_MAX);
    *jobs = (unsigned)number;
    return ng_status_ok;
}

const char *ng_profile_name(ng_profile profile)
{
    return profiles[profile];
}

double ng_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *ng_gate_replay(ng_arena *arena, const ng_record *record)
{
    char program[512], subject[2048];
    ng_shell_quote(program, sizeof program, ng_program);
    ng_shell_quote(subject, sizeof subject, record->subject);
    return ng_arena_text(arena, "%s replay '%s' %s --kernel %s --property %s",
                         program, record->test, subject, record->kernel,
                         record->property);
}

static const char *histogram_text(const ng_histogram *histogram,
                                  ng_arena *arena)
{
    char text[NG_HISTOGRAM_TEXT_MAX];
    ng_histogram_print(histogram, text, sizeof text);
    return ng_arena_text(arena, "%s", text);
}

static void copy_finding(ng_record *record, const ng_finding *finding,
                         ng_arena *arena)
{
    record->verdict = ng_verdict_name(finding->verdict);
    record->cause = ng_arena_text(arena, "%s", finding->cause);
    record->note = ng_arena_text(arena, "%s", finding->note);
    record->columns = ng_arena_text(arena, "%s", finding->columns);
    record->histogram = histogram_text(&finding->histogram, arena);
    record->elements = finding->elements;
    record->wrong = finding->wrong;
    record->proved_table = finding->level[ng_level_table];
    record->proved_double_word = finding->level[ng_level_double_word];
    record->proved_binary128 = finding->level[ng_level_binary128];
    record->proved_mpfr = finding->level[ng_level_mpfr];
    record->proved_exact = finding->level[ng_level_exact];
    record->undecided = finding->level[ng_level_undecided];
    if (finding->elements == 0 && finding->wrong == 0)
        return;
    record->ratio = finding->ratio;
    record->error_ulp = finding->error_ulp;
    record->worst_tensor = ng_role_name(finding->worst_role);
    record->worst_set = finding->worst_set;
    record->worst_element = finding->worst_element;
    record->x = finding->x;
    /* The sign of a NaN means nothing, and no record file keeps it. */
    record->got = isnan(finding->got) ? NAN : finding->got;
    record->exact = finding->exact;
    record->rounded = finding->rounded;
    record->bound = finding->bound;
}

bool ng_gate_knows(const char *property)
{
    for (size_t i = 0; ng_properties[i] != NULL; i++)
        if (ng_glob_match(property, ng_properties[i]->name))
            return true;
    return false;
}

void ng_gate_name(const ng_trial *trial, ng_record *record)
{
    const ng_kernel_info *kernel =
        ng_subject_kernel(trial->subject, trial->kernel);
    record->subject = ng_subject_spec(trial->subject);
    record->kernel = kernel->name;
    record->contract = kernel->contract_text;
    record->op = kernel->contract.op;
    record->pass = kernel->contract.pass;
    record->dtype = ng_format_of(ng_contract_storage(&kernel->contract))->name;
    record->file = kernel->file != NULL ? kernel->file : "";
    record->line = kernel->file != NULL ? (uint64_t)kernel->line : 0;
}

void ng_gate_check(ng_trial *trial, const ng_property *property,
                   const ng_case *test, ng_arena *arena, ng_record *record)
{
    char line[NG_CASE_TEXT_MAX];
    double begin = ng_seconds();
    ng_finding finding;
    ng_arena_release(&trial->arena);
    ng_finding_init(&finding);
    ng_property_check(property, trial, test, &finding);
    ng_arena_release(&trial->arena);
    ng_case_print(test, line, sizeof line);
    ng_record_init(record, "check");
    ng_gate_name(trial, record);
    record->property = property->name;
    record->family = test->gen;
    record->test = ng_arena_text(arena, "%s", line);
    char id[NG_RECORD_ID_SIZE];
    ng_record_id(record, id);
    record->id = ng_arena_text(arena, "%s", id);
    copy_finding(record, &finding, arena);
    if (finding.verdict == NG_PASS && finding.elements == 0 &&
        strcmp(property->name, "call_contract") != 0) {
        record->verdict = ng_verdict_name(NG_SKIP);
        record->cause = "outside the domain that the contract declares";
    }
    record->replay =
        ng_verdict_wrong(finding.verdict) ? ng_gate_replay(arena, record) : "";
    record->seconds = ng_seconds() - begin;
}

/* What is left to try of one kernel. */
typedef struct patience {
    unsigned hangs, crashes;
} patience;

static bool exhausted(patience *p, const char *verdict)
{
    p->hangs += strcmp(verdict, "HANG") == 0;
    p->crashes = strcmp(verdict, "CRASH") == 0 ? p->crashes + 1 : 0;
    return p->hangs >= MOST_HANGS || p->crashes >= MOST_CRASHES;
}

static ng_status put_skip(ng_trial *trial, const ng_property *property,
                          const char *killed_by, ng_sink *sink, ng_error *error)
{
    char id[NG_RECORD_ID_SIZE];
    ng_record record;
    ng_record_init(&record, "check");
    ng_gate_name(trial, &record);
    record.property = property->name;
    ng_record_id(&record, id);
    record.id = id;
    record.verdict = ng_verdict_name(NG_SKIP);
    record.cause = "the kernel crashed or hung too often; its other cases "
                   "were not tried";
    record.seeded_bug = killed_by;
    return sink->put(sink, &record, error);
}

static ng_status gate_property(ng_trial *trial, const ng_property *property,
                               const char *killed_by, patience *p,
                               ng_sink *sink, ng_error *error)
{
    ng_status status = ng_status_ok;
    ng_case test;
    bool stop = false;
    for (size_t i = 0;
         status == ng_status_ok && !stop && property->plan(trial, i, &test);
         i++) {
        ng_arena texts = {0};
        ng_record record;
        ng_gate_check(trial, property, &test, &texts, &record);
        record.seeded_bug = killed_by;
        status = sink->put(sink, &record, error);
        stop = exhausted(p, record.verdict);
        ng_arena_release(&texts);
    }
    if (stop && status == ng_status_ok)
        status = put_skip(trial, property, killed_by, sink, error);
    return status;
}

bool ng_gate_wants(const ng_gate_options *options, const ng_kernel_info *kernel)
{
    const ng_contract *contract = &kernel->contract;
    const char *dtype = ng_format_of(ng_contract_storage(contract))->name;
    return ng_glob_match(options->kernel, kernel->name) &&
           ng_glob_match(options->op, contract->op) &&
           ng_glob_match(options->pass, contract->pass) &&
           ng_glob_match(options->dtype, dtype);
}

ng_trial ng_gate_trial(ng_subject *subject, size_t k,
                       const ng_gate_options *options)
{
    const ng_contract *contract = &ng_subject_kernel(subject, k)->contract;
    return (ng_trial){
        .subject = subject,
        .kernel = k,
        .contract = contract,
        .op = ng_op_find(contract->op),
        .profile = options->profile,
        .seed = options->seed,
    };
}

bool ng_gate_applies(const ng_gate_options *options, const ng_trial *trial,
                     const ng_property *property)
{
    return ng_glob_match(options->property, property->name) &&
           property->applies(trial->contract) &&
           !(options->offline && property->process);
}

/* A seeded bug is there for the property that must catch it; what else would
 * notice it is asked in depth only. */
static bool is_asked(const ng_gate_options *options, const ng_trial *trial,
                     const ng_property *property, const char *killed_by)
{
    return ng_gate_applies(options, trial, property) &&
           (killed_by[0] == '\0' || options->profile == ng_deep ||
            options->property != NULL ||
            strcmp(killed_by, property->name) == 0);
}

static size_t count_asked(const ng_gate_options *options, const ng_trial *trial,
                          const char *killed_by)
{
    size_t count = 0;
    for (size_t i = 0; ng_properties[i] != NULL; i++)
        count += is_asked(options, trial, ng_properties[i], killed_by);
    return count;
}

static size_t count_cases(const ng_trial *trial, const ng_property *property)
{
    ng_case test;
    size_t count = 0;
    while (property->plan(trial, count, &test))
        count++;
    return count;
}

ng_status ng_gate_kernel(ng_subject *subject, size_t k, bool seeded,
                         const ng_gate_options *options, ng_sink *sink,
                         ng_error *error)
{
    const ng_kernel_info *kernel = ng_subject_kernel(subject, k);
    if (!ng_gate_wants(options, kernel))
        return ng_status_ok;
    ng_trial trial = ng_gate_trial(subject, k, options);
    const char *killed_by =
        seeded && kernel->seeded_bug ? kernel->killed_by : "";
    patience p = {0};
    ng_status status = ng_status_ok;
    ng_progress_kernel(options->progress, kernel->name,
                       count_asked(options, &trial, killed_by));
    for (size_t i = 0; ng_properties[i] != NULL && status == ng_status_ok;
         i++) {
        const ng_property *property = ng_properties[i];
        if (!is_asked(options, &trial, property, killed_by))
            continue;
        if (options->progress != NULL && options->progress->live)
            ng_progress_property(options->progress, property->name,
                                 count_cases(&trial, property));
        p.crashes = 0;
        trial.searches = 0;
        if (p.hangs >= MOST_HANGS)
            status = put_skip(&trial, property, killed_by, sink, error);
        else
            status =
                gate_property(&trial, property, killed_by, &p, sink, error);
    }
    ng_arena_release(&trial.arena);
    return status;
}

ng_status ng_gate_opened(ng_subject *subject, bool seeded,
                         const ng_gate_options *options, ng_sink *sink,
                         ng_error *error)
{
    ng_status status = ng_status_ok;
    for (size_t k = 0;
         k < ng_subject_kernel_count(subject) && status == ng_status_ok; k++)
        status = ng_gate_kernel(subject, k, seeded, options, sink, error);
    return status;
}
