/* Properties: every plan has cases for every right kernel, every planned case
 * survives being printed and parsed and gives the same tensors again; families
 * begin at their simplest member and refuse what lies outside their range. */
#include <normgate/builtin.h>
#include <normgate/generator.h>
#include <normgate/property.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static ng_contract contract_of(const char *fields)
{
    ng_contract contract;
    ng_error error;
    if (ng_contract_parse(&contract, fields, &error) != ng_status_ok)
        fail_msg("%s: %s", fields, error.text);
    return contract;
}

static ng_trial trial_of(const ng_contract *contract, ng_profile profile)
{
    return (ng_trial){.contract = contract,
                      .op = ng_op_find(contract->op),
                      .profile = profile,
                      .seed = 1};
}

static size_t planned(const ng_property *property, const ng_contract *contract,
                      ng_profile profile)
{
    ng_trial trial = trial_of(contract, profile);
    ng_case test;
    size_t count = 0;
    while (property->plan(&trial, count, &test) && count < 100000) {
        assert_string_equal(test.op, contract->op);
        assert_int_equal(test.dtype, ng_contract_storage(contract));
        count++;
    }
    return count;
}

static void test_every_right_kernel_has_cases(void **state)
{
    size_t kernels = 0;
    (void)state;
    for (size_t b = 0; b < ng_builtin_count(); b++) {
        const ng_builtin *builtin = ng_builtin_at(b);
        for (size_t k = 0; k < builtin->kernel_count; k++) {
            const char *text = builtin->kernels[k].contract;
            ng_contract contract = contract_of(text);
            if (builtin->killed_by != NULL)
                continue;
            kernels++;
            for (size_t p = 0; ng_properties[p] != NULL; p++) {
                const ng_property *property = ng_properties[p];
                if (!property->applies(&contract))
                    continue;
                size_t smoke = planned(property, &contract, ng_smoke);
                size_t gate = planned(property, &contract, ng_gate);
                size_t deep = planned(property, &contract, ng_deep);
                if (smoke == 0 || gate <= smoke || deep < gate ||
                    deep >= 100000)
                    fail_msg("%s for %s: %zu, %zu, %zu cases", property->name,
                             text, smoke, gate, deep);
            }
        }
    }
    assert_true(kernels > 20);
}

static void test_words(void **state)
{
    (void)state;
    for (size_t p = 0; ng_properties[p] != NULL; p++) {
        const ng_property *property = ng_properties[p];
        const char *words[] = {property->claim, property->why, property->source,
                               property->wild};
        assert_ptr_equal(ng_property_find(property->name), property);
        for (size_t w = 0; w < 4; w++)
            if (words[w] == NULL || strlen(words[w]) < 20 ||
                strpbrk(words[w], "\n\t") != NULL)
                fail_msg("%s: words %zu", property->name, w);
        assert_non_null(property->plan);
        assert_non_null(property->check);
    }
    assert_null(ng_property_find("no_such"));
    /* without a mean, a shift changes y and a constant does not give beta */
    ng_contract rms = contract_of("op=rms_norm");
    assert_false(ng_property_find("shift")->applies(&rms));
    assert_false(ng_property_find("constant")->applies(&rms));
}

/* --- cases and their tensors ------------------------------------------------ */

static void make(const ng_case *test, const ng_contract *contract,
                 ng_arena *arena, ng_problem *problem,
                 ng_tensor tensor[NG_TENSOR_COUNT])
{
    ng_error error;
    char line[NG_CASE_TEXT_MAX];
    ng_case_print(test, line, sizeof line);
    if (ng_case_tensors(test, contract, arena, problem, tensor, &error) !=
        ng_status_ok)
        fail_msg("%s: %s", line, error.text);
    assert_non_null(problem->x);
    assert_int_equal(ng_view_sets(&problem->view), test->rows);
    assert_int_equal(ng_view_n(&problem->view), test->n);
}

/* Whether two cases have the same inputs, all of them, bit for bit. */
static bool same_inputs(const ng_case *a, const ng_case *b,
                        const ng_contract *contract)
{
    ng_arena arena = {0};
    ng_problem problem;
    ng_tensor first[NG_TENSOR_COUNT], second[NG_TENSOR_COUNT];
    make(a, contract, &arena, &problem, first);
    make(b, contract, &arena, &problem, second);
    bool same = true;
    for (size_t role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *x = &first[role], *y = &second[role];
        same = same && x->use == y->use && x->dtype == y->dtype &&
               (x->use == ng_unused || x->count == y->count);
        if (!same || x->use != ng_input)
            continue;
        assert_true(x->data != NULL && y->data != NULL);
        same = memcmp(x->data, y->data,
                      x->count * ng_format_of(x->dtype)->size) == 0;
    }
    ng_arena_release(&arena);
    return same;
}

static void round_trip(const ng_case *test, ng_case *back)
{
    char line[NG_CASE_TEXT_MAX], again[NG_CASE_TEXT_MAX];
    ng_error error;
    ng_case_print(test, line, sizeof line);
    if (ng_case_parse(back, line, &error) != ng_status_ok)
        fail_msg("%s: %s", line, error.text);
    ng_case_print(back, again, sizeof again);
    assert_string_equal(line, again);
    assert_true(back->eps == test->eps && back->seed == test->seed);
    assert_true(back->gen_arg == test->gen_arg ||
                (isnan(back->gen_arg) && isnan(test->gen_arg)));
}

static void test_planned_cases(void **state)
{
    static const char *const contracts[] = {
        "op=layer_norm dtype=f16", "op=layer_norm dtype=bf16",
        "op=layer_norm dtype=f32", "op=layer_norm dtype=f64",
        "op=rms_norm dtype=f16",   "op=rms_norm dtype=bf16",
        "op=rms_norm dtype=f32",   "op=rms_norm dtype=f64"};
    size_t differ = 0, random = 0;
    (void)state;
    for (size_t c = 0; c < 8; c++) {
        ng_contract contract = contract_of(contracts[c]);
        ng_trial trial = trial_of(&contract, ng_gate);
        for (size_t p = 0; ng_properties[p] != NULL; p++) {
            ng_case test, back;
            if (!ng_properties[p]->applies(&contract))
                continue;
            for (size_t i = 0; ng_properties[p]->plan(&trial, i, &test); i++) {
                round_trip(&test, &back);
                if (strcmp(ng_properties[p]->name, "degenerate") != 0)
                    assert_true(test.rows * test.n > 0);
                assert_true(same_inputs(&test, &back, &contract));
                back.seed++;
                bool drawn = strcmp(test.gen, "normal") == 0 && test.n > 1 &&
                             test.rows > 0;
                random += drawn;
                differ += drawn && !same_inputs(&test, &back, &contract);
            }
        }
    }
    assert_true(random > 100);
    assert_int_equal(differ, random);
}

/* Another seed of the run gives other data to the same plan. */
static void test_seeds(void **state)
{
    ng_contract contract = contract_of("op=layer_norm");
    ng_trial one = trial_of(&contract, ng_smoke), two = one;
    ng_case a, b;
    (void)state;
    two.seed = 2;
    const ng_property *accuracy = ng_property_find("accuracy");
    assert_true(accuracy->plan(&one, 0, &a) && accuracy->plan(&two, 0, &b));
    assert_false(same_inputs(&a, &b, &contract));
    assert_true(accuracy->plan(&one, 1, &b));
    assert_true(a.seed != b.seed);
}

/* --- families ---------------------------------------------------------------- */

/* With no choices at all every element is the simplest of its family. */
static void test_simplest_members(void **state)
{
    static const struct {
        const char *gen;
        double arg, first, second;
    } rows[] = {
        {"normal", NAN, 0, 0},
        {"offset", 10, 10, 10},
        {"wide", 40, 0x1p-20, 0x1p-20}, /* + 1.0 * 2^(0 - 40/2) */
        {"integers", 7, 0, 0},
        {"constant", 0.5, 0.5, 0.5},
        {"near_constant", 3, 3, 3},
        {"two_valued", 9, 1, 1},
        {"outlier", 1000, 1000, 0}, /* set 0 has it first */
        {"near_eps", 4, 0, 0},
        {"subnormal", NAN, -100 * 0x1p-149, -100 * 0x1p-149},
        {"raw", NAN, 0, 0},
    };
    ng_contract contract = contract_of("op=layer_norm dtype=f32");
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        ng_arena arena = {0};
        ng_problem problem;
        ng_case test;
        ng_case_init(&test, "layer_norm", ng_f32);
        test.n = 2;
        test.byte_count = 0;
        strcpy(test.gen, rows[r].gen);
        test.gen_arg = rows[r].arg;
        ng_tensor tensor[NG_TENSOR_COUNT];
        make(&test, &contract, &arena, &problem, tensor);
        double first = ng_dtype_get(ng_f32, problem.x, 0);
        double second = ng_dtype_get(ng_f32, problem.x, 1);
        if (first != rows[r].first || second != rows[r].second)
            fail_msg("%s: %g %g", rows[r].gen, first, second);
        assert_true(ng_dtype_get(ng_f32, problem.gamma, 0) == 0.5);
        assert_true(ng_dtype_get(ng_f32, problem.beta, 0) == 0);
        ng_arena_release(&arena);
    }
}

static void assert_refused(const ng_case *test, const char *words)
{
    ng_contract contract = contract_of("op=layer_norm dtype=f32");
    ng_arena arena = {0};
    ng_problem problem;
    ng_tensor tensor[NG_TENSOR_COUNT];
    ng_error error = {""};
    ng_status status =
        ng_case_tensors(test, &contract, &arena, &problem, tensor, &error);
    if (status != ng_status_bad_input || strstr(error.text, words) == NULL)
        fail_msg("%s:%g: status %d '%s', lacks '%s'", test->gen, test->gen_arg,
                 (int)status, error.text, words);
    ng_arena_release(&arena);
}

static void test_refusals(void **state)
{
    ng_case test;
    (void)state;
    ng_case_init(&test, "layer_norm", ng_f32);
    for (size_t g = 0; ng_generators[g] != NULL; g++) {
        const ng_generator *family = ng_generators[g];
        assert_ptr_equal(ng_generator_find(family->name), family);
        strcpy(test.gen, family->name);
        if (isnan(family->arg_low)) {
            test.gen_arg = 1;
            assert_refused(&test, "takes no argument (got 1)");
            continue;
        }
        assert_true(family->arg_low <= family->arg_default &&
                    family->arg_default <= family->arg_high);
        const double outside[] = {nextafter(family->arg_low, -INFINITY),
                                  nextafter(family->arg_high, INFINITY),
                                  -INFINITY, INFINITY};
        for (size_t i = 0; i < 4; i++) {
            test.gen_arg = outside[i];
            assert_refused(&test, "the argument lies outside");
        }
    }
    test.gen_arg = NAN;
    strcpy(test.gen, "no_such");
    assert_refused(&test, "unknown generator 'no_such'");
    strcpy(test.gen, "normal");
    strcpy(test.affine, "no_such");
    assert_refused(&test, "unknown affine=no_such");
    strcpy(test.affine, "unit");
    strcpy(test.op, "no_such");
    assert_refused(&test, "unknown op 'no_such'");
}

/* Whatever bytes a fuzzer sends are a case that can be made and printed. */
static void test_drawn_cases(void **state)
{
    static const char *const contracts[] = {
        "op=layer_norm dtype=f32",
        "op=rms_norm dtype=bf16",
        "op=layer_norm dtype=f64 affine=none",
        "op=rms_norm dtype=f16",
        "op=l2_norm dtype=f32 layout=strided",
        "op=layer_norm pass=backward residual=sum backward_stats=saved",
        "op=batch_norm momentum=cumulative layout=channels_last",
        "op=batch_norm pass=inference dtype=f64",
        "op=group_norm pass=backward dtype=bf16 layout=strided",
        "op=instance_norm running=update dtype=f16",
        "op=instance_norm pass=inference_backward",
    };
    enum { CONTRACTS = sizeof contracts / sizeof contracts[0] };
    static uint8_t bytes[NG_CASE_BYTES_MAX + 64];
    size_t used[64] = {0}, families = 0;
    ng_source source;
    (void)state;
    ng_source_from_seed(&source, 7);
    for (size_t i = 0; i < 2000; i++) {
        ng_contract contract = contract_of(contracts[i % CONTRACTS]);
        size_t count = (size_t)ng_source_below(&source, 200);
        if (i % 100 == 0)
            count = sizeof bytes; /* more than a case can carry */
        for (size_t b = 0; b < count; b++)
            bytes[b] = (uint8_t)ng_source_below(&source, 256);
        ng_case test, back;
        ng_case_draw(&test, &contract, bytes, count);
        round_trip(&test, &back);
        assert_true(same_inputs(&test, &back, &contract));
        for (size_t g = 0; ng_generators[g] != NULL; g++)
            used[g] += strcmp(ng_generators[g]->name, test.gen) == 0;
    }
    while (ng_generators[families] != NULL)
        families++;
    assert_true(families <= 64);
    for (size_t g = 0; g < families; g++)
        assert_true(used[g] * families * 3 > 2000); /* a third of its share */
    ng_contract contract = contract_of(contracts[0]);
    ng_case none;
    ng_case_draw(&none, &contract, NULL, 0);
    assert_true(none.rows == 1 && none.n == 1 && none.byte_count == 0);
    assert_string_equal(none.gen, "normal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_right_kernel_has_cases),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_planned_cases),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_simplest_members),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_drawn_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
