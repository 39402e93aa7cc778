/* The properties running, train_eval and degenerate, each by itself: kernels
 * that are wrong in one respect fail for that reason, right ones under every
 * choice of the contract pass, and the built-in ones over many seeds. */
#include <normgate/builtin.h>
#include <normgate/property.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PLUGIN NORMGATE_BINARY_DIR "/tests/plugins/running_wrong.so"

static const ng_subject_options patient = {.timeout_s = 20, .start_s = 60};

static ng_subject *opened(const char *spec)
{
    ng_subject *subject;
    ng_error error;
    if (ng_subject_open(&subject, spec, &patient, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    return subject;
}

/* What became of all cases of one property for one kernel. */
typedef struct outcome {
    size_t cases, wrong, elements;
    char cause[400], line[NG_CASE_TEXT_MAX]; /* of the first wrong case */
    char causes[4000], note[240];
} outcome;

static void try_kernel(ng_subject *subject, size_t k, const char *name,
                       ng_profile profile, uint64_t seed, outcome *all)
{
    const ng_property *property = ng_property_find(name);
    const ng_contract *contract = &ng_subject_kernel(subject, k)->contract;
    ng_trial trial = {.subject = subject,
                      .kernel = k,
                      .contract = contract,
                      .op = ng_op_find(contract->op),
                      .profile = profile,
                      .seed = seed};
    ng_case test;
    *all = (outcome){.cases = 0};
    assert_non_null(property);
    if (!property->applies(contract))
        return;
    for (size_t i = 0; property->plan(&trial, i, &test); i++) {
        ng_finding finding;
        ng_finding_init(&finding);
        property->check(&trial, &test, &finding);
        ng_arena_release(&trial.arena);
        all->cases++;
        all->elements += finding.elements;
        if (finding.note[0] != '\0')
            strcpy(all->note, finding.note);
        if (finding.verdict == NG_PASS)
            continue;
        if (finding.verdict == NG_FAIL)
            assert_true(finding.cause[0] != '\0' && finding.wrong > 0 &&
                        !(finding.ratio <= 1));
        if (all->wrong++ == 0) {
            strcpy(all->cause, finding.cause);
            ng_case_print(&test, all->line, sizeof all->line);
        }
        size_t used = strlen(all->causes);
        snprintf(all->causes + used, sizeof all->causes - used, "%s: %s\n",
                 ng_verdict_name(finding.verdict), finding.cause);
    }
}

static size_t kernel_named(const ng_subject *subject, const char *name)
{
    for (size_t k = 0; k < ng_subject_kernel_count(subject); k++) {
        if (strcmp(ng_subject_kernel(subject, k)->name, name) == 0)
            return k;
    }
    fail_msg("no kernel %s", name);
    return 0;
}

static const char *const properties[] = {"running", "train_eval", "degenerate"};

static void test_right_kernels(void **state)
{
    ng_subject *subject = opened(PLUGIN);
    (void)state;
    for (size_t k = 0; k < ng_subject_kernel_count(subject); k++) {
        size_t elements = 0;
        if (strncmp(ng_subject_kernel(subject, k)->name, "right", 5) != 0)
            continue;
        for (size_t p = 0; p < 3; p++) {
            outcome all;
            try_kernel(subject, k, properties[p], ng_gate, 1, &all);
            if (all.wrong > 0)
                fail_msg("%s of %s: %s (%s)", properties[p],
                         ng_subject_kernel(subject, k)->name, all.cause,
                         all.line);
            elements += all.elements;
        }
        assert_true(elements > 100);
    }
    ng_subject_close(subject);
}

static void test_wrong_kernels(void **state)
{
    static const struct {
        const char *kernel, *property, *words;
    } rows[] = {
        {"old_for_new", "running", "momentum swapped"},
        {"biased_for_unbiased", "running", "the running variance not biased"},
        {"y_of_momentum", "running", "(step 1, momentum 0.1)"},
        {"y_of_state", "running", "(step 1, momentum 0.1)"},
        {"state_in_bf16", "running", "of a sequence)"},
        {"state_kept_inside", "running", "of a sequence)"},
        {"zero_momentum_unset", "running", "(momentum 0)"},
        {"nothing_divided", "running", "to nan by a batch of nothing"},
        {"one_divided", "running",
         "in a call that the contract says it refuses"},
        {"skip_decays", "running", "by one value, though one_value=skip"},
        {"nan_dropped", "running", "(the batch after one with a NaN or Inf)"},
        {"nan_spreads", "running", "(the batch with a NaN or Inf)"},
        {"stops_counting", "running", "of a sequence)"},
        {"freezes", "running", "of a sequence)"},
        {"folded_at_odd_inference", "train_eval",
         "though the contract promises batch_invariant=yes"},
        {"cached_inference", "train_eval", "(after two training calls)"},
        {"batch_when_many", "train_eval", ""},
        {"nan_of_channel", "train_eval", "(with a NaN in the first sample)"},
        {"trained_gradient", "train_eval", ""},
        {"mean_rounded", "degenerate", "though x - mean is x - x"},
        {"zero_is_unset", "degenerate", ""},
        {"divides_by_rows", "degenerate", "SIGFPE"},
        {"eps_left_out", "degenerate", ""},
        {"least_left_over", "degenerate", "not 0 itself, though dy is zero"},
        {"sums_left", "degenerate", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        outcome all;
        bool found = false;
        /* Few cases first: most need no long sequence. */
        for (ng_profile profile = ng_smoke; profile <= ng_gate && !found;
             profile++) {
            ng_subject *subject = opened(PLUGIN);
            try_kernel(subject, kernel_named(subject, rows[i].kernel),
                       rows[i].property, profile, 1, &all);
            found = all.wrong > 0 && strstr(all.causes, rows[i].words) != NULL;
            ng_subject_close(subject);
        }
        if (!found)
            fail_msg("%s of %s: %zu of %zu wrong, '%s' in\n%s",
                     rows[i].property, rows[i].kernel, all.wrong, all.cases,
                     rows[i].words, all.causes);
    }
}

/* In smoke, since a sequence of 10 000 calls takes its time. */
static void test_built_in_kernels(void **state)
{
    size_t tried = 0;
    (void)state;
    for (size_t b = 0; b < ng_builtin_count(); b++) {
        char spec[64];
        const ng_builtin *builtin = ng_builtin_at(b);
        if (builtin->killed_by != NULL)
            continue;
        snprintf(spec, sizeof spec, "builtin:%s", builtin->name);
        ng_subject *subject = opened(spec);
        for (size_t k = 0; k < ng_subject_kernel_count(subject); k++) {
            for (uint64_t seed = 1; seed <= 10; seed++) {
                for (size_t p = 0; p < 3; p++) {
                    outcome all;
                    try_kernel(subject, k, properties[p], ng_smoke, seed, &all);
                    if (all.wrong > 0)
                        fail_msg("%s of %s %s: %s (%s)", properties[p], spec,
                                 ng_subject_kernel(subject, k)->name, all.cause,
                                 all.line);
                    tried += all.elements > 0;
                }
            }
        }
        ng_subject_close(subject);
    }
    assert_true(tried > 1000);
}

/* A constant batch pulls the buffers until an update is less than half a unit
 * of theirs: there they stay, 1/w half-units off, which is no fault. */
static void test_stagnation(void **state)
{
    ng_subject *subject = opened("builtin:two_pass");
    size_t k = kernel_named(subject, "batch_norm_f32");
    ng_trial trial = {.subject = subject,
                      .kernel = k,
                      .contract = &ng_subject_kernel(subject, k)->contract,
                      .op = ng_op_find("batch_norm"),
                      .profile = ng_gate,
                      .seed = 1};
    ng_case test;
    ng_error error;
    ng_finding finding;
    (void)state;
    assert_int_equal(
        ng_case_parse(
            &test,
            "batch_norm/forward/f32 N=2 C=2 spatial=3 momentum=0.0625 "
            "batches=600 gen=offset:3 seed=5",
            &error),
        ng_status_ok);
    ng_finding_init(&finding);
    ng_property_find("running")->check(&trial, &test, &finding);
    assert_int_equal(finding.verdict, NG_PASS);
    size_t steps, evals, resets, moved;
    double part, ulp;
    assert_int_equal(sscanf(finding.note,
                            "%zu steps, %zu eval calls, %zu resets: at most "
                            "%lf of the bound from the closed form, %lf ulp at "
                            "the end; the buffers last moved in step %zu",
                            &steps, &evals, &resets, &part, &ulp, &moved),
                     6);
    assert_int_equal(steps, 600);
    assert_true(moved > 100 && moved < 600);
    /* 1/w units, or twice that where a binade ends between */
    assert_true(ulp > 1 && ulp <= 32);
    ng_arena_release(&trial.arena);
    ng_subject_close(subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_kernels),
        cmocka_unit_test(test_wrong_kernels),
        cmocka_unit_test(test_built_in_kernels),
        cmocka_unit_test(test_stagnation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
