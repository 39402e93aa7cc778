/* The zoo: its table is whole and says of every bug what kills it and what the
 * report must say, and at the gate's sizes that is what happens. */
#include <normgate/builtin.h>
#include <normgate/op.h>
#include <normgate/property.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const properties[] = {
    "call_contract", "accuracy",    "shift",
    "scale",         "constant",    "moments",
    "negation",      "permutation", "identities",
    "epsilon",       "degenerate",  "running",
    "train_eval",    "gradient",    "finite_difference",
    "adjoint",       "jacobian",    "range",
    "containment",   "wild",        "sizes",
    "layouts",       "rounding",    "repeat",
    "threads",       "exhaustive",  "growth",
};

/* The classes of zoo.def. */
static const char *const classes[] = {
    "CANC",   "OVF16", "OVF32",  "ACC",    "EPSPOS", "EPSATTR", "EPSDT",
    "BESSEL", "MOM",   "M1",     "N1",     "M0",     "MODE",    "EVALBWD",
    "DWACC",  "BWD",   "NOGRAD", "LAYOUT", "TAIL",   "ROWS",    "I32",
    "BIGN",   "ALIAS", "DET",    "RESID",  "ROUND",  "AFFINE",  "SAVED",
    "NONFIN", "SPEC",  "RSQRT",  "L2Z",    "COND",   "CALL",
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] != NULL && strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* The i-th bug, or NULL after the last. */
static const ng_builtin *bug_at(size_t i)
{
    for (size_t b = 0; b < ng_builtin_count(); b++) {
        const ng_builtin *builtin = ng_builtin_at(b);
        if (builtin->killed_by != NULL && i-- == 0)
            return builtin;
    }
    return NULL;
}

static ng_contract contract_of(const ng_kernel *kernel)
{
    ng_contract contract;
    ng_error error;
    if (ng_contract_parse(&contract, kernel->contract, &error) != ng_status_ok)
        fail_msg("%s: %s", kernel->contract, error.text);
    return contract;
}

static void table_is_whole(void **state)
{
    const ng_builtin *bug;
    size_t count = 0;
    (void)state;
    for (; (bug = bug_at(count)) != NULL; count++) {
        if (!is_one_of(bug->killed_by, properties, COUNT(properties)))
            fail_msg("%s: no property is to be named %s", bug->name,
                     bug->killed_by);
        if (!is_one_of(bug->class_name, classes, COUNT(classes)))
            fail_msg("%s: no class is named %s", bug->name, bug->class_name);
        assert_true(strlen(bug->claim) > 10 && strlen(bug->cause) > 1);
        for (size_t i = 0; i < count; i++) {
            assert_string_not_equal(bug->name, bug_at(i)->name);
            assert_string_not_equal(bug->claim, bug_at(i)->claim);
        }
    }
    for (size_t c = 0; c < COUNT(classes); c++) {
        bool used = false;
        for (size_t i = 0; i < count && !used; i++)
            used = strcmp(bug_at(i)->class_name, classes[c]) == 0;
        if (!used)
            fail_msg("no bug is of class %s", classes[c]);
    }
    assert_true(count >= 120);
}

/* Its own kernel, then the same contract in other dtypes, each once. */
static void dtypes_differ(void **state)
{
    (void)state;
    for (size_t i = 0; bug_at(i) != NULL; i++) {
        const ng_builtin *bug = bug_at(i);
        assert_int_equal(bug->kernel_count, 1);
        assert_in_range(bug->every_dtype, 1, 4);
        ng_contract own = contract_of(&bug->kernels[0]);
        for (size_t k = 1; k < bug->every_dtype; k++) {
            ng_contract other = contract_of(&bug->kernels[k]);
            for (size_t j = 0; j < k; j++)
                assert_int_not_equal(other.dtype,
                                     contract_of(&bug->kernels[j]).dtype);
            other.dtype = own.dtype;
            assert_memory_equal(&other, &own, sizeof own);
        }
    }
}

static void every_op_and_pass_has_some(void **state)
{
    (void)state;
    for (size_t o = 0; ng_ops[o] != NULL; o++) {
        size_t count = 0;
        for (size_t i = 0; bug_at(i) != NULL; i++)
            count += strcmp(contract_of(bug_at(i)->kernels).op,
                            ng_ops[o]->name) == 0;
        assert_true(count >= 5);
    }
    for (size_t p = 0; ng_passes[p].name != NULL; p++) {
        size_t count = 0;
        for (size_t i = 0; bug_at(i) != NULL; i++)
            count += strcmp(contract_of(bug_at(i)->kernels).pass,
                            ng_passes[p].name) == 0;
        assert_true(count >= 5);
    }
}

/* --- the gate --------------------------------------------------------------- */

/* As the report orders failing cases: by elements, then by the line. */
static int by_size(const void *left, const void *right)
{
    const ng_case *a = left, *b = right;
    char line_a[NG_CASE_TEXT_MAX], line_b[NG_CASE_TEXT_MAX];
    if (a->rows * a->n != b->rows * b->n)
        return a->rows * a->n < b->rows * b->n ? -1 : 1;
    ng_case_print(a, line_a, sizeof line_a);
    ng_case_print(b, line_b, sizeof line_b);
    size_t size_a = strlen(line_a), size_b = strlen(line_b);
    if (size_a != size_b)
        return size_a < size_b ? -1 : 1;
    return a->seed < b->seed ? -1 : a->seed > b->seed;
}

static ng_case *plan(const ng_property *property, const ng_trial *trial,
                     size_t *count)
{
    ng_case *cases = NULL, next;
    for (*count = 0; property->plan(trial, *count, &next); ++*count) {
        if ((*count & (*count - 1)) == 0) /* at powers of two */
            cases = realloc(cases, (*count + 1) * 2 * sizeof *cases);
        assert_non_null(cases);
        cases[*count] = next;
    }
    if (*count > 0)
        qsort(cases, *count, sizeof *cases, by_size);
    return cases;
}

/* The finding of the smallest failing case of the property that is named. */
static bool killed(const ng_builtin *bug, const ng_property *property,
                   ng_finding *finding)
{
    const ng_subject_options options = {.timeout_s = 1};
    char spec[96];
    ng_subject *subject;
    ng_error error;
    snprintf(spec, sizeof spec, "builtin:%s", bug->name);
    if (ng_subject_open(&subject, spec, &options, &error) != ng_status_ok)
        fail_msg("%s: %s", spec, error.text);
    const ng_contract *contract = &ng_subject_kernel(subject, 0)->contract;
    ng_trial trial = {.subject = subject,
                      .contract = contract,
                      .op = ng_op_find(contract->op),
                      .profile = ng_gate,
                      .seed = 1};
    if (!property->applies(contract))
        fail_msg("%s: %s does not apply", bug->name, property->name);
    size_t count;
    bool wrong = false;
    ng_case *cases = plan(property, &trial, &count);
    for (size_t i = 0; i < count && !wrong; i++) {
        ng_arena_release(&trial.arena);
        ng_finding_init(finding);
        ng_property_check(property, &trial, &cases[i], finding);
        wrong = ng_verdict_wrong(finding->verdict);
    }
    free(cases);
    ng_arena_release(&trial.arena);
    ng_subject_close(subject);
    return wrong;
}

static void every_bug_is_killed_and_named(void **state)
{
    size_t tried = 0, caught = 0, named = 0;
    (void)state;
    for (size_t i = 0; bug_at(i) != NULL; i++) {
        const ng_builtin *bug = bug_at(i);
        const ng_property *property = ng_property_find(bug->killed_by);
        ng_finding finding;
        assert_non_null(property);
        tried++;
        if (!killed(bug, property, &finding)) {
            print_message("%s survives %s\n", bug->name, property->name);
            continue;
        }
        caught++;
        if (strstr(finding.cause, bug->cause) != NULL)
            named++;
        else
            print_message("%s, %s: '%s' lacks '%s'\n", bug->name,
                          property->name, finding.cause, bug->cause);
    }
    print_message("%zu of %zu bugs killed, %zu causes named\n", caught, tried,
                  named);
    assert_int_equal(caught, tried);
    assert_true(10 * named >= 9 * tried);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_whole),
        cmocka_unit_test(dtypes_differ),
        cmocka_unit_test(every_op_and_pass_has_some),
        cmocka_unit_test(every_bug_is_killed_and_named),
    };
    return cmocka_run_group_tests_name("zoo", tests, NULL, NULL);
}
