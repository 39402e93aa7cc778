/* Fuzz target: any bytes are a source of choices, the choices a case, and the
 * kernel's outputs for it lie within their bounds of the exact values.
 *
 * Proves that seeds, fuzz bytes and shrunk failures are one stream, and hunts
 * NaN, overflow and lost digits in the subject. Environment:
 *   NORMGATE_SUBJECT  builtin:NAME or a shared library [builtin:two_pass]
 *   NORMGATE_KERNEL   name of one kernel [the first byte chooses]
 * A failure prints the command that replays it and aborts. */
#include <normgate/generator.h>
#include <normgate/property.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* libFuzzer reads this section after each run: reaching a new octave of
 * error/bound counts as coverage and steers the search uphill on a subject
 * that it cannot see into. */
__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t octave[128];

/* Opened once: libFuzzer gives no other place for state across runs. */
static ng_subject *subject;

static void open_subject(void)
{
    const char *spec = getenv("NORMGATE_SUBJECT");
    const ng_subject_options options = {.in_process = true};
    ng_error error;
    if (ng_subject_open(&subject, spec != NULL ? spec : "builtin:two_pass",
                        &options, &error) != ng_status_ok) {
        fprintf(stderr, "normgate: %s\n", error.text);
        exit(3);
    }
}

static size_t choose_kernel(uint8_t byte)
{
    const char *name = getenv("NORMGATE_KERNEL");
    size_t count = ng_subject_kernel_count(subject);
    for (size_t k = 0; name != NULL && k < count; k++) {
        if (strcmp(name, ng_subject_kernel(subject, k)->name) == 0)
            return k;
    }
    if (name != NULL) {
        fprintf(stderr, "normgate: %s has no kernel %s\n",
                ng_subject_spec(subject), name);
        exit(3);
    }
    return byte % count;
}

static void climb(double ratio)
{
    if (!(ratio > 0))
        return;
    double height = 64 + log2(ratio);
    size_t bucket = height < 0 ? 0 : height > 127 ? 127 : (size_t)height;
    octave[bucket] = 1;
}

static void report(const ng_trial *trial, const ng_case *test,
                   const ng_finding *finding)
{
    static char line[NG_CASE_TEXT_MAX];
    ng_case_print(test, line, sizeof line);
    fprintf(stderr, "%s ratio %g: %s\nnormgate replay '%s' %s --kernel %s\n",
            ng_verdict_name(finding->verdict), finding->ratio, finding->cause,
            line, ng_subject_spec(trial->subject),
            ng_subject_kernel(trial->subject, trial->kernel)->name);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (subject == NULL)
        open_subject();
    ng_trial trial = {.subject = subject, .profile = ng_gate};
    trial.kernel = choose_kernel(count > 0 ? bytes[0] : 0);
    trial.contract = &ng_subject_kernel(subject, trial.kernel)->contract;
    trial.op = ng_op_find(trial.contract->op);
    ng_case test;
    ng_finding finding;
    ng_case_draw(&test, trial.contract, count > 0 ? bytes + 1 : bytes,
                 count > 0 ? count - 1 : 0);
    ng_finding_init(&finding);
    ng_trial_case(&trial, &test, NULL, NULL, &finding);
    climb(finding.ratio);
    if (ng_verdict_wrong(finding.verdict))
        report(&trial, &test, &finding);
    ng_arena_release(&trial.arena);
    return 0;
}
