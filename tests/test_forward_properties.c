/* Forward properties: moments, permutation, identities, range, rounding and
 * exhaustive each catch, alone, the defects that they are for, and pass the
 * same kernels without; the exact values of two ops agree where an identity
 * says so; a sweep has every bit pattern, and a scale is where it says. */
#include <normgate/generator.h>
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

#define PLUGIN NORMGATE_BINARY_DIR "/tests/plugins/forward_kernels.so"

static ng_subject *subject;

static int open_plugin(void **state)
{
    ng_subject_options options = {.in_process = true};
    ng_error error;
    (void)state;
    if (ng_subject_open(&subject, PLUGIN, &options, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    return 0;
}

static int close_plugin(void **state)
{
    (void)state;
    ng_subject_close(subject);
    return 0;
}

static ng_trial trial_of(size_t kernel)
{
    const ng_contract *contract = &ng_subject_kernel(subject, kernel)->contract;
    return (ng_trial){.subject = subject,
                      .kernel = kernel,
                      .contract = contract,
                      .op = ng_op_find(contract->op),
                      .profile = ng_gate,
                      .seed = 1};
}

static size_t kernel_named(const char *name)
{
    for (size_t k = 0; k < ng_subject_kernel_count(subject); k++) {
        if (strcmp(ng_subject_kernel(subject, k)->name, name) == 0)
            return k;
    }
    fail_msg("no kernel %s", name);
    return 0;
}

/* What all planned cases of a property found together. */
typedef struct outcome {
    size_t cases, failed, errors, elements, noted;
    char cause[400], note[240];
} outcome;

static outcome try_all(const char *property_name, size_t kernel)
{
    const ng_property *property = ng_property_find(property_name);
    ng_trial trial = trial_of(kernel);
    outcome o = {0};
    ng_case test;
    assert_non_null(property);
    /* The plugin walks through all of x for each set of a channel op. */
    if (trial.op->shape == ng_shape_channels &&
        strcmp(property_name, "exhaustive") == 0)
        trial.profile = ng_smoke;
    if (!property->applies(trial.contract))
        return o;
    for (size_t i = 0; property->plan(&trial, i, &test); i++) {
        ng_finding finding;
        ng_finding_init(&finding);
        property->check(&trial, &test, &finding);
        ng_arena_release(&trial.arena);
        o.cases++;
        o.elements += finding.elements;
        o.errors += finding.verdict == NG_ERROR;
        o.noted += finding.note[0] != '\0';
        if (finding.verdict != NG_PASS && o.failed++ == 0)
            memcpy(o.cause, finding.cause, sizeof o.cause);
        if (strncmp(finding.note, "outside", 7) == 0)
            memcpy(o.note, finding.note, sizeof o.note);
    }
    return o;
}

static const char *const properties[] = {
    "moments", "permutation", "identities", "range", "rounding", "exhaustive"};
enum { PROPERTIES = sizeof properties / sizeof properties[0] };

static void test_right_kernels_pass(void **state)
{
    (void)state;
    for (size_t k = 0; k < ng_subject_kernel_count(subject); k++) {
        const char *name = ng_subject_kernel(subject, k)->name;
        if (strncmp(name, "right_", 6) != 0)
            continue;
        size_t tried = 0;
        for (size_t p = 0; p < PROPERTIES; p++) {
            outcome o = try_all(properties[p], k);
            if (o.failed > 0 || (o.cases > 0 && o.elements == 0))
                fail_msg("%s, %s: %zu of %zu cases failed: %s", name,
                         properties[p], o.failed, o.cases, o.cause);
            tried += o.cases > 0;
        }
        assert_true(tried >= 3);
    }
}

static void test_wrong_kernels_fail(void **state)
{
    static const struct {
        const char *property, *kernel, *words;
    } rows[] = {
        {"moments", "rstd_off_far", ""},
        {"moments", "mean_short", ""},
        {"permutation", "first_largest", ""},
        {"permutation", "second_row", "differ in their bits"},
        {"permutation", "next_channel", ""},
        {"identities", "interleaved", ""},
        {"identities", "next_channel", ""},
        {"range", "squares_up", ""},
        {"range", "flushed", ""},
        {"rounding", "xhat_rounded", ""},
        {"rounding", "rstd_rounded", ""},
        {"rounding", "sum_rounded", ""},
        {"rounding", "beta_cut", ""},
        {"rounding", "twice_rounded", ""},
        {"exhaustive", "one_pattern", "x from -0x1.02p+0 to -0x1.02p+0"},
        {"exhaustive", "signalling", "where x is NaN"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        outcome o = try_all(rows[i].property, kernel_named(rows[i].kernel));
        if (o.failed == 0 || o.errors > 0 || o.cause[0] == '\0' ||
            strstr(o.cause, rows[i].words) == NULL)
            fail_msg("%s, %s: %zu of %zu cases failed, %zu in error: '%s'",
                     rows[i].kernel, rows[i].property, o.failed, o.cases,
                     o.errors, o.cause);
    }
}

/* The bound of one element has the error of the mean in it, which the sum of
 * squares feels in its square alone. */
static void test_moments_are_sharper(void **state)
{
    ng_trial trial = trial_of(kernel_named("rstd_off_far"));
    ng_case test;
    ng_error error;
    ng_finding finding;
    (void)state;
    assert_int_equal(
        ng_case_parse(&test,
                      "layer_norm/forward/f32 rows=1 n=1024 eps=1e-5 "
                      "gen=offset:100 affine=unit seed=5",
                      &error),
        ng_status_ok);
    ng_finding_init(&finding);
    ng_property_find("accuracy")->check(&trial, &test, &finding);
    assert_int_equal(finding.verdict, NG_PASS);
    assert_true(finding.elements >= 1024);
    ng_arena_release(&trial.arena);
    ng_finding_init(&finding);
    ng_property_find("moments")->check(&trial, &test, &finding);
    assert_int_equal(finding.verdict, NG_FAIL);
    assert_true(finding.ratio > 1);
    assert_non_null(strstr(finding.cause, "the squares of set 0 add up to"));
    ng_arena_release(&trial.arena);
}

/* Whole outputs beside a tie: no draw of the seed decides. */
static void test_beside_ties(void **state)
{
    static const struct {
        const char *kernel;
        ng_verdict verdict;
    } rows[] = {{"right_mixed", NG_PASS},
                {"twice_rounded", NG_FAIL},
                {"beta_cut", NG_FAIL}};
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        ng_trial trial = trial_of(kernel_named(rows[k].kernel));
        ng_case test;
        ng_error error;
        ng_finding finding;
        assert_int_equal(ng_case_parse(&test,
                                       "layer_norm/forward/bf16 rows=8 n=4 "
                                       "eps=0 gen=constant:1 affine=unit "
                                       "seed=1",
                                       &error),
                         ng_status_ok);
        ng_finding_init(&finding);
        ng_property_find("rounding")->check(&trial, &test, &finding);
        assert_int_equal(finding.verdict, rows[k].verdict);
        assert_true(finding.elements >= 8 * 4);
        ng_arena_release(&trial.arena);
    }
}

/* A kernel of zeros is wrong; were the exact values of the two ops unlike, or
 * the order of a set felt, the verdict would be ERROR. */
static void test_exact_values_agree(void **state)
{
    static const char *const exact[] = {"identities", "permutation", "moments"};
    size_t tried = 0;
    (void)state;
    for (size_t k = 0; k < ng_subject_kernel_count(subject); k++) {
        const char *name = ng_subject_kernel(subject, k)->name;
        if (strncmp(name, "zeros_", 6) != 0)
            continue;
        for (size_t p = 0; p < 3; p++) {
            outcome o = try_all(exact[p], k);
            if (o.errors > 0 || (o.cases > 0 && o.failed == 0))
                fail_msg("%s, %s: %zu cases, %zu failed, %zu in error: %s",
                         name, exact[p], o.cases, o.failed, o.errors, o.cause);
            tried += o.cases > 0;
        }
    }
    assert_true(tried > 30);
}

static void test_range_tells_what_lies_outside(void **state)
{
    outcome o = try_all("range", kernel_named("right_layer"));
    (void)state;
    assert_int_equal(o.noted, o.cases);
    assert_true(strncmp(o.note, "outside the domain: ", 20) == 0);
}

/* --- families ------------------------------------------------------------------ */

static void *make(const char *line, const char *fields, ng_arena *arena,
                  size_t *count)
{
    ng_case test;
    ng_contract contract;
    ng_error error;
    ng_problem problem;
    ng_tensor tensor[NG_TENSOR_COUNT];
    if (ng_case_parse(&test, line, &error) != ng_status_ok ||
        ng_contract_parse(&contract, fields, &error) != ng_status_ok ||
        ng_case_tensors(&test, &contract, arena, &problem, tensor, &error) !=
            ng_status_ok)
        fail_msg("%s: %s", line, error.text);
    *count = tensor[ng_tensor_x].count;
    return tensor[ng_tensor_x].data;
}

static void test_sweep_has_every_pattern(void **state)
{
    static const char *const dtypes[] = {"bf16", "f16"};
    static unsigned char seen[65536];
    (void)state;
    for (size_t d = 0; d < 2; d++) {
        ng_arena arena = {0};
        char line[160], fields[64];
        size_t count;
        snprintf(line, sizeof line,
                 "rms_norm/forward/%s rows=65536 n=2 gen=sweep seed=9",
                 dtypes[d]);
        snprintf(fields, sizeof fields, "op=rms_norm dtype=%s", dtypes[d]);
        const uint16_t *x = make(line, fields, &arena, &count);
        assert_int_equal(count, 2 * 65536);
        /* The first of each pair, and by an odd factor the second too. */
        for (size_t part = 0; part < 2; part++) {
            memset(seen, 0, sizeof seen);
            for (size_t k = 0; k < 65536; k++) {
                assert_int_equal(seen[x[2 * k + part]], 0);
                seen[x[2 * k + part]] = 1;
            }
        }
        ng_arena_release(&arena);
    }
}

/* Consecutive shares of one sweep have other patterns; f32 has every sign and
 * exponent, a signalling NaN among them. */
static void test_sweep_of_f32(void **state)
{
    ng_arena arena = {0};
    size_t count, signalling = 0;
    bool seen[512] = {false};
    (void)state;
    const uint32_t *x =
        make("rms_norm/forward/f32 rows=2048 n=1 gen=sweep seed=1",
             "op=rms_norm", &arena, &count);
    for (size_t k = 0; k < count; k++) {
        uint32_t mantissa = x[k] & 0x7fffff;
        assert_true(mantissa == 0 || mantissa == 1 || mantissa == 0x400000 ||
                    mantissa == 0x7fffff);
        seen[x[k] >> 23] = true;
        signalling += x[k] == 0x7f800001;
    }
    for (size_t k = 0; k < 512; k++)
        assert_true(seen[k]);
    assert_int_equal(signalling, 1);
    ng_arena_release(&arena);
}

static void test_scales(void **state)
{
    static const struct {
        const char *gen;
        double least, most; /* of |x|, in units of 2^k; f32 has p = 24 */
    } rows[] = {{"scaled", 0, 7},
                {"scaled_offset", 4096 - 7, 4096 + 7},
                {"scaled_far", 0x1p21 - 7, 0x1p21 + 7}};
    static const int exponents[] = {-140, -60, 0, 60, 100, 127};
    (void)state;
    for (size_t r = 0; r < 3; r++) {
        for (size_t e = 0; e < 6; e++) {
            ng_arena arena = {0};
            char line[160];
            size_t count;
            snprintf(line, sizeof line,
                     "rms_norm/forward/f32 rows=1 n=400 gen=%s:%d seed=3",
                     rows[r].gen, exponents[e]);
            const float *x = make(line, "op=rms_norm", &arena, &count);
            double largest = 0;
            for (size_t k = 0; k < count; k++) {
                double size = fabs((double)x[k]);
                double unit = ldexp(1, exponents[e]);
                assert_true(isfinite(x[k]));
                assert_true(size <= rows[r].most * unit + 0x1p-149);
                assert_true(size >= rows[r].least * unit - 0x1p-149 ||
                            size >= 0x1.fffffep127);
                largest = fmax(largest, size / unit);
            }
            assert_true(largest > 0.5);
            ng_arena_release(&arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_kernels_pass),
        cmocka_unit_test(test_wrong_kernels_fail),
        cmocka_unit_test(test_moments_are_sharper),
        cmocka_unit_test(test_beside_ties),
        cmocka_unit_test(test_exact_values_agree),
        cmocka_unit_test(test_range_tells_what_lies_outside),
        cmocka_unit_test(test_sweep_has_every_pattern),
        cmocka_unit_test(test_sweep_of_f32),
        cmocka_unit_test(test_scales),
    };
    return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
