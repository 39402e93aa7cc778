/* Causes: a failure is put down to what was planted. Every seeded bug, on the
 * smallest failing case of the property that must catch it, which is the one
 * that reports show; a right kernel has no cause. */
#include "../properties/diagnose.h"

#include <normgate/builtin.h>
#include <normgate/property.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const ng_subject_options in_process = {.in_process = true};

static ng_trial trial_of(ng_subject *subject, size_t kernel)
{
    const ng_contract *contract = &ng_subject_kernel(subject, kernel)->contract;
    return (ng_trial){.subject = subject,
                      .kernel = kernel,
                      .contract = contract,
                      .op = ng_op_find(contract->op),
                      .profile = ng_gate,
                      .seed = 1};
}

/* --- chosen cases ------------------------------------------------------------- */

static void judge(const char *spec, const char *line, ng_finding *finding)
{
    ng_error error;
    ng_subject *subject;
    ng_case test;
    if (ng_subject_open(&subject, spec, &in_process, &error) != ng_status_ok ||
        ng_case_parse(&test, line, &error) != ng_status_ok)
        fail_msg("%s: %s", spec, error.text);
    size_t k = 0; /* the first kernel that takes the case */
    while (k < ng_subject_kernel_count(subject) &&
           (strcmp(ng_subject_kernel(subject, k)->contract.op, test.op) != 0 ||
            ng_contract_storage(&ng_subject_kernel(subject, k)->contract) !=
                test.dtype))
        k++;
    assert_true(k < ng_subject_kernel_count(subject));
    ng_trial trial = trial_of(subject, k);
    ng_finding_init(finding);
    ng_trial_case(&trial, &test, NULL, NULL, finding);
    ng_arena_release(&trial.arena);
    ng_subject_close(subject);
}

#define LAYER "layer_norm/forward/f32 rows=3 n=16 "
#define EPS LAYER "eps=0.001 gen=near_eps:0.75 seed=3"
#define RMS "rms_norm/forward/f32 rows=3 n=16 "

static void test_chosen_cases(void **state)
{
    static const struct {
        const char *bug, *line, *words;
    } rows[] = {
        {"eps_outside", EPS,
         "behaves as eps added outside the square root: 54 of 54 outputs"},
        {"eps_ignored", EPS, "behaves as eps ignored: 54 of 54"},
        {"eps_doubled", EPS, "behaves as eps added twice: 54 of 54"},
        {"eps_max", EPS, "behaves as max(var, eps) instead of var + eps: 54"},
        {"eps_f16", LAYER "eps=0.0003 gen=near_eps:0.75 seed=3",
         "behaves as eps rounded to f16: 54 of 54"},
        {"eps_rms_sum", RMS "eps=0.001 gen=near_eps:0.75 seed=3",
         "behaves as eps added to the sum of squares, not to their mean"},
        {"rms_centred", RMS "gen=offset:2", "behaves as the mean subtracted"},
        {"divisor_n_minus_1", LAYER, "behaves as a variance divided by n - 1"},
        {"beta_ignored", LAYER, "behaves as beta ignored: 54 of 54"},
        {"gamma_plus_one", RMS, "behaves as 1 + gamma used instead of gamma"},
        {"one_pass", LAYER "gen=offset:10000 affine=unit",
         "the variance cancels (one-pass), as E[x^2] - E[x]^2 does"},
        {"rsqrt_approx", "layer_norm/forward/f32 n=64 affine=unit seed=0",
         "rstd is off (approximate), the mean is right"},
        {"mean_not_saved", LAYER, "mean were never written"},
        {"var_saved", LAYER, "variance saved as rstd: 54 of 54"},
    };
    ng_finding finding;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char spec[64];
        snprintf(spec, sizeof spec, "builtin:bug.%s", rows[i].bug);
        judge(spec, rows[i].line, &finding);
        if (finding.verdict != NG_FAIL || finding.wrong == 0 ||
            finding.ratio <= 1 || strstr(finding.cause, rows[i].words) == NULL)
            fail_msg("%s: %s, ratio %g, '%s' lacks '%s'", spec,
                     ng_verdict_name(finding.verdict), finding.ratio,
                     finding.cause, rows[i].words);
        judge("builtin:two_pass", rows[i].line, &finding);
        if (finding.verdict != NG_PASS || !(finding.ratio <= 1) ||
            finding.elements == 0 || finding.wrong != 0 ||
            finding.cause[0] != '\0')
            fail_msg("two_pass, %s: %s, ratio %g, '%s'", rows[i].line,
                     ng_verdict_name(finding.verdict), finding.ratio,
                     finding.cause);
    }
}

/* --- the zoo ------------------------------------------------------------------- */

static const struct {
    const char *bug, *words;
} zoo[] = {
    {"one_pass", "the variance cancels (one-pass)"},
    {"one_pass_unclamped", "the variance cancels (one-pass)"},
    {"divisor_n_minus_1", "a variance divided by n - 1"},
    {"shift_broken", "the squares of x averaged, not of x - mean"},
    {"abs_clamp", "a floor under the variance"},
    {"rms_centred", "the mean subtracted"},
    {"eps_outside", "eps added outside the square root"},
    {"eps_ignored", "eps ignored"},
    {"eps_doubled", "eps added twice"},
    {"eps_max", "max(var, eps) instead of var + eps"},
    {"eps_f16", "eps rounded to f16"},
    {"eps_fixed", "eps fixed at 1e-05"},
    {"eps_rms_sum", "eps added to the sum of squares"},
    {"tail_dropped", "the last n mod 8 elements left out of the sums"},
    {"padded_lanes", "padded lanes counted"},
    {"row_padded", "rows read as if each began at a multiple of 4"},
    {"spins", "no answer within"},
    {"crashes", "SIGSEGV: followed a null pointer"},
    {"exits", "exit"},
    {"tail_not_written", "never written"},
    {"last_row_skipped", "never written"},
    {"writes_past_end", "wrote one element past the end of y"},
    {"writes_input", "x"},
    {"mean_not_saved", "mean were never written"},
    {"fpenv_left", "rounding"},
    {"rsqrt_approx", "rstd is off (approximate)"},
    {"bf16_accumulate", "sums accumulated in bf16"},
    {"f16_square_overflow", "squares overflow"},
    {"rstd_bf16", "rstd rounded to bf16"},
    {"xhat_bf16", "x_hat rounded to bf16"},
    {"truncates", "output truncated, not rounded"},
    {"constant_noise", "the mean rounded to bf16"},
    {"gamma_by_row", "gamma indexed by the row"},
    {"gamma_twice", "gamma applied twice"},
    {"gamma_plus_one", "1 + gamma used instead of gamma"},
    {"beta_ignored", "beta ignored"},
    {"var_saved", "variance saved as rstd"},
    {"sign_lost", "the mean of |x|"},
    {"nan_swallowed", "a NaN counts as 0 in the sums"},
    {"nan_leaks", "NaN in"},
    {"stateful", "second of two equal calls"},
    {"order_by_call", "two equal calls differ in their bits"},
    {"batch_dependent", "alone"},
    {"running_var_biased", "the running variance biased"},
    {"running_var_over_batch", "the running variance unbiased by N/(N - 1)"},
    {"momentum_swapped", "momentum swapped"},
    {"running_mean_twice", "running statistics moved twice"},
    {"running_var_with_eps", "eps in the running variance"},
    {"cumulative_from_one", "the batch at hand not counted"},
    {"running_last_example", "statistics of the last example alone"},
    {"inference_of_batch", "inference by batch statistics"},
    {"inference_eps_outside", "eps added outside the square root"},
    {"inference_updates", "running_"},
    {"gamma_by_group", "gamma indexed by the group"},
    {"groups_interleaved", "groups interleaved"},
    {"group_dgamma_by_place", "dgamma indexed by the place in its group"},
    {"instance_over_batch", "statistics over the whole batch"},
    {"channels_read_first", "channels read first"},
    {"gap_ignored", "strides ignored"},
    {"gap_written", "between the strides of dx"},
    {"l2_eps_squared", "eps squared"},
    {"l2_eps_added", "eps added under the root"},
    {"l2_clamp_has_slope", "kept where eps is the divisor"},
    {"residual_after_norm", "residual added after the norm"},
    {"h_is_x", "h without the residual"},
    {"h_rounded", "the sum rounded before the norm"},
    {"dh_forgotten", "dh, the gradient of the residual sum, is not added"},
    {"dresidual_without_dh",
     "dh, the gradient of the residual sum, is not added"},
    {"dx_without_mean", "the mean of gamma*dy is not subtracted"},
    {"dx_without_slope", "the term x_hat*mean(gamma*dy*x_hat) is missing"},
    {"dx_over_n_minus_1", "means divided by n - 1"},
    {"dx_unbiased", "the unbiased variance in dx"},
    {"dx_rstd_once", "one factor of rstd missing in the term of x_hat"},
    {"rms_dx_centred", "the mean of g subtracted (rms)"},
    {"dx_through_fixed", "differentiated"},
    {"saved_rstd_as_var", "saved rstd read as a variance"},
    {"dgamma_overwritten", "dgamma of the last row alone"},
    {"dgamma_of_g", "dgamma of gamma*dy"},
    {"dbeta_last_row", "dbeta of the last row alone"},
    {"dbeta_tail_missing", "never written"},
    {"dgamma_tail_dropped", "dgamma without the last n mod 8 elements"},
    {"dgamma_bf16", "dgamma accumulated in bf16"},
    {"dgamma_nan_swallowed", "a NaN counts as 0 in dgamma"},
    {"dgamma_stateful", "second of two equal calls"},
    {"dgamma_order_by_call", "two equal calls differ in their bits"},
};

typedef struct planned {
    ng_case test;
    size_t length; /* of its line */
} planned;

/* As reports order the failing cases: few elements first, then short lines. */
static int by_size(const void *left, const void *right)
{
    const planned *a = left, *b = right;
    size_t first = a->test.rows * a->test.n, second = b->test.rows * b->test.n;
    if (first == second)
        return (a->length > b->length) - (a->length < b->length);
    return first > second ? 1 : -1;
}

static size_t plan(const ng_property *property, const ng_trial *trial,
                   planned *cases, size_t most)
{
    char line[NG_CASE_TEXT_MAX];
    size_t count = 0;
    while (count < most && property->plan(trial, count, &cases[count].test)) {
        ng_case_print(&cases[count].test, line, sizeof line);
        cases[count].length = strlen(line);
        count++;
    }
    qsort(cases, count, sizeof *cases, by_size);
    return count;
}

/* The cause that a report would show. */
static void smallest_failure(const char *bug, const ng_property *property,
                             ng_finding *finding, char line[NG_CASE_TEXT_MAX])
{
    enum { MOST = 1000 };
    static planned cases[MOST];
    static const ng_subject_options options = {.timeout_s = 1};
    char spec[64];
    ng_error error;
    ng_subject *subject;
    snprintf(spec, sizeof spec, "builtin:%s", bug);
    if (ng_subject_open(&subject, spec, &options, &error) != ng_status_ok)
        fail_msg("%s: %s", spec, error.text);
    ng_trial trial = trial_of(subject, 0);
    size_t count = plan(property, &trial, cases, MOST);
    ng_finding_init(finding);
    for (size_t k = 0; k < count && !ng_verdict_wrong(finding->verdict); k++) {
        ng_finding_init(finding);
        ng_arena_release(&trial.arena);
        ng_property_check(property, &trial, &cases[k].test, finding);
        ng_case_print(&cases[k].test, line, NG_CASE_TEXT_MAX);
    }
    ng_arena_release(&trial.arena);
    ng_subject_close(subject);
}

static const char *words_of(const char *bug)
{
    for (size_t k = 0; k < sizeof zoo / sizeof zoo[0]; k++) {
        if (strcmp(zoo[k].bug, bug) == 0)
            return zoo[k].words;
    }
    return NULL;
}

static void test_zoo(void **state)
{
    size_t bugs = 0, named = 0;
    static char line[NG_CASE_TEXT_MAX];
    (void)state;
    for (size_t b = 0; b < ng_builtin_count(); b++) {
        const ng_builtin *builtin = ng_builtin_at(b);
        const char *words = NULL;
        ng_finding finding;
        if (builtin->killed_by == NULL)
            continue;
        words = words_of(builtin->name + strlen("bug."));
        if (words == NULL)
            continue;
        bugs++;
        smallest_failure(builtin->name, ng_property_find(builtin->killed_by),
                         &finding, line);
        if (ng_verdict_wrong(finding.verdict) &&
            strstr(finding.cause, words) != NULL) {
            named++;
            if (getenv("NORMGATE_CAUSES") != NULL)
                print_message("%s: %s\n", builtin->name, finding.cause);
            continue;
        }
        print_message("%s: '%s' is not in '%s' (%s)\n", builtin->name, words,
                      finding.cause, line);
    }
    print_message("%zu of %zu seeded bugs are put down to their cause\n", named,
                  bugs);
    assert_int_equal(bugs, sizeof zoo / sizeof zoo[0]);
    assert_true(named * 10 >= bugs * 9);
}

/* --- the table ------------------------------------------------------------------ */

/* Calls in which a defect shows: contract, case. */
static const struct {
    const char *contract, *line;
} stages[] = {
    {"op=layer_norm saved=mean_rstd residual=sum",
     "layer_norm/forward/f32 rows=5 n=61 eps=0.3 gen=offset:2 affine=random"},
    {"op=layer_norm saved=mean_rstd",
     "layer_norm/forward/f32 rows=3 n=61 eps=1e-13 gen=near_eps:0.75 "
     "affine=random"},
    {"op=layer_norm saved=mean_rstd",
     "layer_norm/forward/f32 rows=3 n=61 eps=0 gen=offset:2 affine=random"},
    {"op=layer_norm saved=mean_rstd",
     "layer_norm/forward/f32 rows=3 n=16 gen=nonfinite:0 affine=random"},
    {"op=layer_norm eps_place=outside saved=mean_rstd",
     "layer_norm/forward/f32 rows=3 n=16 eps=1 gen=offset:2 affine=random"},
    {"op=layer_norm eps_place=none saved=mean_rstd",
     "layer_norm/forward/f32 rows=3 n=16 eps=1 gen=offset:2 affine=random"},
    {"op=layer_norm eps_place=max_var saved=mean_rstd",
     "layer_norm/forward/f32 rows=3 n=16 eps=1 gen=offset:2 affine=random"},
    {"op=layer_norm divisor=n_minus_1 saved=mean_var",
     "layer_norm/forward/f32 rows=3 n=16 eps=1 gen=offset:2 affine=random"},
    {"op=layer_norm dtype=bf16 saved=mean_rstd",
     "layer_norm/forward/bf16 rows=5 n=61 eps=0.3 gen=offset:2 affine=random"},
    {"op=layer_norm dtype=bf16 residual=sum",
     "layer_norm/forward/bf16 rows=5 n=61 eps=0.3 gen=offset:2 affine=random"},
    {"op=batch_norm dtype=f64",
     "batch_norm/forward/f64 N=5 C=6 spatial=3 eps=0.3 momentum=0.3 batches=3 "
     "gen=offset:2 affine=random"},
    {"op=layer_norm dtype=bf16 residual=sum round_residual=yes",
     "layer_norm/forward/bf16 rows=5 n=61 eps=0.3 gen=offset:2 affine=random"},
    {"op=layer_norm dtype=f64 saved=mean_rstd",
     "layer_norm/forward/f64 rows=5 n=61 eps=0.3 gen=offset:2 affine=random"},
    {"op=layer_norm dtype=f16 saved=mean_rstd",
     "layer_norm/forward/f16 rows=5 n=61 eps=0.3 gen=wide:14 affine=random"},
    {"op=layer_norm max_abs=1e38",
     "layer_norm/forward/f32 rows=5 n=61 eps=0.3 gen=wide:130 affine=random"},
    {"op=layer_norm saved=mean_rstd",
     "layer_norm/forward/f32 rows=5 n=61 eps=1 gen=subnormal affine=unit"},
    {"op=layer_norm layout=strided",
     "layer_norm/forward/f32 rows=5 n=61 gap=3 step=2 eps=1 gen=offset:2 "
     "affine=random"},
    {"op=rms_norm saved=mean_rstd",
     "rms_norm/forward/f32 rows=5 n=61 eps=0.3 gen=offset:2 affine=random"},
    {"op=rms_norm affine=one_plus_gamma",
     "rms_norm/forward/f32 rows=5 n=61 eps=0.3 gen=offset:2 affine=random"},
    {"op=l2_norm",
     "l2_norm/forward/f32 rows=6 n=61 eps=1 gen=near_eps:0.75 affine=random"},
    {"op=batch_norm saved=mean_rstd",
     "batch_norm/forward/f32 N=5 C=6 spatial=3 eps=0.3 momentum=0.3 batches=3 "
     "gen=offset:2 affine=random"},
    {"op=batch_norm running_var=biased momentum=old",
     "batch_norm/forward/f32 N=5 C=6 spatial=3 eps=0.3 momentum=0.3 batches=3 "
     "gen=offset:2 affine=random"},
    {"op=batch_norm momentum=cumulative",
     "batch_norm/forward/f32 N=5 C=6 spatial=3 eps=0.3 momentum=0.3 batches=3 "
     "gen=offset:2 affine=random"},
    {"op=batch_norm layout=channels_last",
     "batch_norm/forward/f32 N=5 C=6 spatial=3 eps=0.3 gen=offset:2 "
     "affine=random"},
    {"op=instance_norm running=update",
     "instance_norm/forward/f32 N=5 C=6 spatial=13 eps=0.3 momentum=0.3 "
     "gen=offset:2 affine=random"},
    {"op=group_norm",
     "group_norm/forward/f32 N=4 C=12 spatial=5 num_groups=3 eps=0.3 "
     "gen=offset:2 affine=random"},
    {"op=batch_norm pass=inference",
     "batch_norm/inference/f32 N=5 C=6 spatial=3 eps=0.3 gen=offset:2 "
     "affine=random"},
    {"op=layer_norm pass=backward residual=sum",
     "layer_norm/backward/f32 rows=5 n=61 eps=0.3 gen=offset:2 affine=random "
     "dy=normal"},
    {"op=layer_norm pass=backward",
     "layer_norm/backward/f32 rows=71 n=9 eps=0.3 gen=offset:2 affine=random "
     "dy=normal"},
    {"op=layer_norm pass=backward",
     "layer_norm/backward/f32 rows=5 n=16 gen=nonfinite:0 affine=random "
     "dy=normal"},
    {"op=layer_norm pass=backward backward_stats=saved",
     "layer_norm/backward/f32 rows=5 n=61 eps=0.3 gen=offset:2 affine=random "
     "dy=normal"},
    {"op=layer_norm pass=backward dtype=bf16",
     "layer_norm/backward/bf16 rows=71 n=9 eps=0.3 gen=offset:2 affine=random "
     "dy=normal"},
    {"op=layer_norm pass=backward dtype=f64",
     "layer_norm/backward/f64 rows=71 n=9 eps=0.3 gen=offset:2 affine=random "
     "dy=normal"},
    {"op=rms_norm pass=backward",
     "rms_norm/backward/f32 rows=5 n=61 eps=0.3 gen=offset:2 affine=random "
     "dy=normal"},
    {"op=l2_norm pass=backward",
     "l2_norm/backward/f32 rows=6 n=61 eps=1 gen=near_eps:4 affine=random "
     "dy=normal"},
    {"op=l2_norm pass=backward",
     "l2_norm/backward/f32 rows=6 n=61 eps=1 gen=near_eps:0.75 affine=random "
     "dy=normal"},
    {"op=group_norm pass=backward",
     "group_norm/backward/f32 N=4 C=12 spatial=5 num_groups=3 eps=0.3 "
     "gen=offset:2 affine=random dy=normal"},
    {"op=batch_norm pass=inference_backward",
     "batch_norm/inference_backward/f32 N=5 C=6 spatial=3 eps=0.3 "
     "gen=offset:2 affine=random dy=normal"},
    {"op=layer_norm layout=strided",
     "layer_norm/forward/f32 rows=5 n=61 step=2 eps=1 gen=offset:2 "
     "affine=random"},
    {"op=layer_norm saved=mean_var",
     "layer_norm/forward/f32 rows=2 n=2051 eps=1e-9 gen=near_eps:0.75 "
     "affine=random"},
    {"op=layer_norm pass=backward",
     "layer_norm/backward/f32 rows=2 n=2043 eps=0.3 gen=offset:2 affine=random "
     "dy=normal"},
};
enum { STAGES = sizeof stages / sizeof stages[0] };

/* The outputs of a call become those of the damaged norm, rounded. */
static void act(ng_call_state *call, const ng_damage *damage, ng_arena *arena)
{
    ng_evaluation e;
    assert_true(ng_evaluation_make(&e, arena, &call->problem, call->test));
    ng_evaluate(&e, damage);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &call->tensor[role];
        if (tensor->use != ng_output && tensor->use != ng_update)
            continue;
        for (size_t i = 0; i < tensor->count && i < e.count[role]; i++)
            ng_dtype_set(
                tensor->dtype, tensor->data, i,
                e.out[role][i] == NG_UNWRITTEN ? NAN : (double)e.out[role][i]);
    }
}

static void stage(size_t k, ng_contract *contract, ng_case *test,
                  ng_trial *trial, ng_call_state *call)
{
    ng_error error;
    ng_finding finding;
    if (ng_contract_parse(contract, stages[k].contract, &error) !=
            ng_status_ok ||
        ng_case_parse(test, stages[k].line, &error) != ng_status_ok)
        fail_msg("%s: %s", stages[k].line, error.text);
    *trial = (ng_trial){.contract = contract, .op = ng_op_find(contract->op)};
    trial->probes.pairs = 100; /* no search for two at once */
    ng_finding_init(&finding);
    if (!ng_trial_prepare(trial, test, call, &finding))
        fail_msg("%s: %s", stages[k].line, finding.cause);
    call->test = test;
}

/* Whether the cause is named on the stage; without a subject nothing else can
 * be asked. */
static bool named_on(size_t k, const ng_cause *cause)
{
    ng_contract contract;
    ng_case test;
    ng_trial trial;
    ng_call_state call;
    ng_finding finding;
    stage(k, &contract, &test, &trial, &call);
    ng_damage damage = {.contract = contract, .eps = call.problem.eps};
    ng_finding_init(&finding);
    if (ng_cause_apply(cause, ng_view_n(&call.problem.view), &damage)) {
        act(&call, &damage, &trial.arena);
        if (ng_trial_judge(&trial, &call, &finding) &&
            finding.verdict == NG_FAIL)
            ng_diagnose(&trial, &call, &finding);
    }
    ng_arena_release(&trial.arena);
    return strstr(finding.cause, cause->words) != NULL;
}

/* Every row of the table can be told on some stage. */
static void test_every_defect_is_named(void **state)
{
    static ng_cause causes[NG_CAUSES];
    size_t count = ng_causes(causes), named = 0;
    (void)state;
    assert_true(count < NG_CAUSES);
    for (size_t c = 0; c < count; c++) {
        size_t k = 0;
        while (k < STAGES && !named_on(k, &causes[c]))
            k++;
        named += k < STAGES;
        if (k == STAGES)
            print_message("never named: %s\n", causes[c].words);
    }
    assert_int_equal(named, count);
}

/* The evaluation without a defect is the norm: every stage passes. */
static void test_no_defect_is_right(void **state)
{
    (void)state;
    for (size_t k = 0; k < STAGES; k++) {
        ng_contract contract;
        ng_case test;
        ng_trial trial;
        ng_call_state call;
        ng_finding finding;
        stage(k, &contract, &test, &trial, &call);
        ng_damage none = {.contract = contract, .eps = call.problem.eps};
        act(&call, &none, &trial.arena);
        ng_finding_init(&finding);
        assert_true(ng_trial_judge(&trial, &call, &finding));
        if (finding.verdict != NG_PASS || finding.elements == 0)
            fail_msg("%s: %zu of %zu wrong, ratio %g in %s", stages[k].line,
                     finding.wrong, finding.elements, finding.ratio,
                     ng_role_name(finding.worst_role));
        ng_diagnose(&trial, &call, &finding);
        assert_string_equal(finding.cause, "");
        ng_arena_release(&trial.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chosen_cases),
        cmocka_unit_test(test_no_defect_is_right),
        cmocka_unit_test(test_every_defect_is_named),
        cmocka_unit_test(test_zoo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
