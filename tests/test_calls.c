/* The call contract's properties on kernels that are right in the usual call:
 * each wrong one is found by the property that is named for it, with its cause,
 * and the right ones pass all. */
#include <normgate/op.h>
#include <normgate/property.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PLUGIN NORMGATE_BINARY_DIR "/tests/plugins/calls.so"

#define WORKER                                                                 \
    "worker:'" NORMGATE_PYTHON "' '" NORMGATE_SOURCE_DIR                       \
    "/tests/workers/calls.py'"

static const ng_subject_options patient = {.timeout_s = 60, .start_s = 60};

static const char *const properties[] = {"call_contract", "layouts", "repeat",
                                         "threads"};

static size_t kernel_named(const ng_subject *subject, const char *name)
{
    for (size_t k = 0; k < ng_subject_kernel_count(subject); k++) {
        if (strcmp(ng_subject_kernel(subject, k)->name, name) == 0)
            return k;
    }
    fail_msg("no kernel %s", name);
    return 0;
}

/* Every case of the property at profile gate; the last finding that is wrong,
 * or one that passes. `words` counts the failures whose cause holds them. */
static size_t failures(ng_subject *subject, const char *kernel,
                       const char *name, uint64_t seed, const char *words,
                       size_t *with_words, ng_finding *finding)
{
    size_t k = kernel_named(subject, kernel), failed = 0;
    const ng_property *property = ng_property_find(name);
    assert_non_null(property);
    const ng_contract *contract = &ng_subject_kernel(subject, k)->contract;
    ng_trial trial = {.subject = subject,
                      .kernel = k,
                      .contract = contract,
                      .op = ng_op_find(contract->op),
                      .profile = ng_gate,
                      .seed = seed};
    ng_case test;
    *with_words = 0;
    if (!property->applies(contract))
        return 0;
    for (size_t i = 0; property->plan(&trial, i, &test); i++) {
        ng_finding one;
        ng_finding_init(&one);
        property->check(&trial, &test, &one);
        ng_arena_release(&trial.arena);
        if (one.verdict == NG_PASS)
            continue;
        *with_words += strstr(one.cause, words) != NULL;
        *finding = one;
        failed++;
    }
    return failed;
}

static void test_wrong_kernels(void **state)
{
    static const struct {
        const char *kernel;
        const char *property, *words;
    } rows[] = {
        {"rereads", "call_contract", "in place (y is x): "},
        {"backward_rereads", "call_contract", "in place (dx is dy): "},
        {"by_address", "call_contract", "with tensors at other addresses, "},
        {"maximum", "call_contract",
         "with large numbers in the outputs before the call: "},
        {"adds", "call_contract", "never written"},
        {"writes_mean", "call_contract",
         "with mean NULL: SIGSEGV: followed a null pointer"},
        {"reads_gamma", "call_contract",
         "with gamma NULL: SIGSEGV: followed a null pointer"},
        {"other_path", "call_contract", "with mean NULL: "},
        {"wrong_once", "call_contract", ""},
        {"index_32", "layouts", "with strides beyond 2^31 elements: SIGSEGV"},
        {"index_u32", "layouts", "with strides beyond 2^31 elements: "},
        {"by_rows", "repeat",
         "differs alone / in a batch: alone: its bits differ"},
        {"by_place", "repeat", "at another place of the batch"},
        {"by_mates", "repeat", "among examples that are NaN"},
        {"cached_shape", "repeat", "a call after another of other sizes: "},
        {"cached_gamma", "repeat", "a call after another of the same sizes: "},
        {"static_scratch", "threads", "two threads that call at once: "},
        {"static_rstd", "threads",
         "alone is right: they share memory that should be each one's own"},
        {"unlocked_table", "threads", "as the first calls of a process: "},
        {"dies_in_company", "threads",
         "two threads that call at once: SIGSEGV: followed a null pointer"},
        {"by_threads", "threads",
         "threads give other bits than 1, though the contract promises"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ng_subject *subject;
        ng_error error;
        ng_finding finding;
        size_t with_words;
        if (ng_subject_open(&subject, PLUGIN, &patient, &error) != ng_status_ok)
            fail_msg("%s", error.text);
        size_t failed = failures(subject, rows[i].kernel, rows[i].property, 1,
                                 rows[i].words, &with_words, &finding);
        if (failed == 0)
            fail_msg("%s passes %s", rows[i].kernel, rows[i].property);
        if (with_words == 0)
            fail_msg("%s: '%s' lacks '%s'", rows[i].kernel, finding.cause,
                     rows[i].words);
        ng_subject_close(subject);
    }
}

static void test_right_kernels(void **state)
{
    static const char *const names[] = {
        "plain",           "layer_norm",       "rms_backward",
        "locked_scratch",  "alternates",       "by_rows_said",
        "by_threads_said", "reads_gamma_said", "static_scratch_said",
    };
    ng_subject *subject;
    ng_error error;
    (void)state;
    if (ng_subject_open(&subject, PLUGIN, &patient, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t p = 0; p < sizeof properties / sizeof properties[0]; p++) {
            ng_finding finding;
            size_t with_words;
            if (failures(subject, names[i], properties[p], 2, "", &with_words,
                         &finding) > 0)
                fail_msg("%s fails %s: %s", names[i], properties[p],
                         finding.cause);
        }
    }
    ng_subject_close(subject);
}

/* The same manners over the worker protocol; threads and far strides are not
 * asked of a worker. */
static void test_workers(void **state)
{
    ng_subject *subject;
    ng_error error;
    ng_finding finding;
    size_t with_words;
    (void)state;
    if (ng_subject_open(&subject, WORKER, &patient, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    const ng_manner far = {.far = true}, in_place = {.in_place = true};
    assert_false(ng_subject_can(subject, &far));
    assert_true(ng_subject_can(subject, &in_place));
    assert_false(ng_subject_can_together(subject));
    for (size_t p = 0; p < sizeof properties / sizeof properties[0]; p++) {
        if (failures(subject, "keeps_f32", properties[p], 1, "", &with_words,
                     &finding) > 0)
            fail_msg("keeps fails %s: %s", properties[p], finding.cause);
    }
    assert_true(failures(subject, "breaks_f32", "call_contract", 1,
                         "in place (y is x): ", &with_words, &finding) > 0);
    assert_true(with_words > 0);
    ng_subject_close(subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_kernels),
        cmocka_unit_test(test_right_kernels),
        cmocka_unit_test(test_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
