/* Proves the contract's text form: every field and value reads back as it is
 * printed, presets say what the libraries' documents say, a mistake is named,
 * dtypes and eps resolve as documented. */
#include "slow_reference.h" /* random numbers and effort */

#include <normgate/contract.h>
#include <normgate/op.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const ops[] = {"layer_norm", "rms_norm",   "l2_norm",
                                  "batch_norm", "group_norm", "instance_norm"};
enum { OPS = sizeof ops / sizeof ops[0] };
static const char *const passes[] = {"forward", "inference", "backward",
                                     "inference_backward"};

static bool is_one_of(const char *name, const char *names)
{
    const char *at = strstr(names, name);
    return at != NULL && strchr(" ", at[strlen(name)]) != NULL;
}

static bool takes_rows(const char *op)
{
    return is_one_of(op, "layer_norm rms_norm l2_norm");
}

static bool has_running(const char *op)
{
    return is_one_of(op, "batch_norm instance_norm");
}

/* What no kernel can mean, in words from the message that refuses it; NULL: the
 * contract stands. */
static const char *nonsense(const ng_contract *c)
{
    bool norm = c->centred == ng_centred_no && c->divisor == ng_divisor_one;
    if (c->eps_place == ng_eps_place_max_norm && !norm)
        return "eps_place=max_norm";
    if (c->divisor == ng_divisor_one && c->centred == ng_centred_yes)
        return "divisor=one";
    if (c->centred == ng_centred_no && has_running(c->op))
        return "centred=no";
    if (c->running == ng_running_update && !has_running(c->op))
        return "running=update";
    if (c->residual == ng_residual_sum && !takes_rows(c->op))
        return "residual=sum";
    if (c->layout == ng_layout_channels_last && takes_rows(c->op))
        return "layout=channels_last";
    /* From 1/max(a, b) or 1/(sqrt(var) + eps) alone, var cannot be had back. */
    if (c->backward_stats == ng_backward_stats_saved &&
        c->eps_place != ng_eps_place_inside &&
        c->eps_place != ng_eps_place_none)
        return "backward_stats=saved";
    return NULL;
}

static void start(ng_contract *contract, const char *op, const char *pass)
{
    assert_int_equal(ng_contract_init(contract, op, NULL), ng_status_ok);
    strcpy(contract->pass, pass);
}

/* Field and value names, straight from the definition. */
static const struct {
    const char *field, *value;
    int number; /* its ng_contract_value */
} values[] = {
#define NG_FIELD(name, meaning)
#define NG_VALUE(field, value) {#field, #value, ng_##field##_##value},
#define NG_NUMBER(name, initial, meaning)
#include <normgate/contract.def>
#undef NG_FIELD
#undef NG_VALUE
#undef NG_NUMBER
};

static void expect_equal(const ng_contract *a, const ng_contract *b)
{
    assert_string_equal(a->op, b->op);
    assert_string_equal(a->pass, b->pass);
#define NG_FIELD(name, meaning) assert_int_equal(a->name, b->name);
#define NG_VALUE(field, value)
#define NG_NUMBER(name, initial, meaning) assert_true(a->name == b->name);
#include <normgate/contract.def>
#undef NG_FIELD
#undef NG_VALUE
#undef NG_NUMBER
}

static void parse_or_fail(ng_contract *contract, const char *text)
{
    ng_error error = {""};
    memset(contract, 0xa5, sizeof *contract);
    if (ng_contract_parse(contract, text, &error) != ng_status_ok)
        fail_msg("'%s': %s", text, error.text);
}

/* The value of a field, as a number of ng_contract_value. */
static int value_of(const ng_contract *contract, const char *field)
{
#define NG_FIELD(name, meaning)                                                \
    if (strcmp(field, #name) == 0)                                             \
        return contract->name;
#define NG_VALUE(field, value)
#define NG_NUMBER(name, initial, meaning)
#include <normgate/contract.def>
#undef NG_FIELD
#undef NG_VALUE
#undef NG_NUMBER
    fail_msg("no field %s", field);
    return -1;
}

static void expect_refused(const char *text, const char *culprit)
{
    ng_contract contract;
    ng_error error = {""};
    if (ng_contract_parse(&contract, text, &error) != ng_status_bad_input)
        fail_msg("'%.100s' is accepted", text);
    if (strstr(error.text, culprit) == NULL)
        fail_msg("'%.100s': '%s' does not name '%s'", text, error.text,
                 culprit);
    assert_null(strchr(error.text, '\n'));
    assert_int_equal(ng_contract_parse(&contract, text, NULL),
                     ng_status_bad_input);
}

/* What stands is read back equal, what does not is refused by name. */
static bool expect_round_trip(const ng_contract *contract)
{
    char text[NG_CONTRACT_TEXT_MAX], again[NG_CONTRACT_TEXT_MAX];
    ng_contract back;
    ng_contract_print(contract, text, sizeof text);
    assert_null(strchr(text, '\n'));
    if (nonsense(contract) != NULL) {
        expect_refused(text, nonsense(contract));
        return false;
    }
    parse_or_fail(&back, text);
    expect_equal(contract, &back);
    ng_contract_print(&back, again, sizeof again);
    assert_string_equal(text, again);
    return true;
}

/* Each value of each field alone, by set and by text. */
static void every_value(void **state)
{
    (void)state;
    assert_int_equal(sizeof values / sizeof values[0], NG_CONTRACT_VALUE_COUNT);
    assert_true(NG_CONTRACT_VALUE_COUNT <= 256); /* fits unsigned char */
    size_t refused = 0;
    for (size_t op = 0; op < OPS; op++)
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            ng_contract contract, parsed;
            char text[200];
            start(&contract, ops[op], "forward");
            assert_true(
                ng_contract_set(&contract, values[v].field, values[v].value));
            assert_int_equal(value_of(&contract, values[v].field),
                             values[v].number);
            if (!expect_round_trip(&contract)) {
                refused++;
                continue;
            }
            snprintf(text, sizeof text, "op=%s %s=%s", ops[op], values[v].field,
                     values[v].value);
            parse_or_fail(&parsed, text);
            expect_equal(&contract, &parsed);
        }
    /* max_norm for five ops (l2_norm has it), divisor=one for four, centred=yes
     * and a divisor for l2_norm: 3; backward_stats=saved there: 1; running=update
     * for four; residual=sum and channels_last for three each; centred=no for
     * the two with running statistics. */
    assert_int_equal(refused, 5 + 4 + 3 + 1 + 4 + 3 + 3 + 2);
}

/* The passes: by themselves, and refused where there are no running statistics. */
static void every_pass(void **state)
{
    (void)state;
    for (size_t op = 0; op < OPS; op++)
        for (size_t p = 0; p < 4; p++) {
            char text[100];
            ng_contract contract;
            snprintf(text, sizeof text, "op=%s pass=%s", ops[op], passes[p]);
            if (strncmp(passes[p], "inference", 9) == 0 &&
                !has_running(ops[op])) {
                expect_refused(text, "has no running statistics");
                expect_refused(text, ops[op]);
                continue;
            }
            parse_or_fail(&contract, text);
            assert_string_equal(contract.pass, passes[p]);
            expect_round_trip(&contract);
            ng_contract_print(&contract, text, sizeof text);
            assert_true((strstr(text, "pass=") != NULL) == (p != 0));
        }
    expect_refused("op=layer_norm pass=", "pass");
    expect_refused("op=batch_norm pass=training", "inference_backward");
}

static void random_contracts(void **state)
{
    (void)state;
    slow_random random = {23};
    size_t accepted = 0;
    for (size_t k = 0; k < 3000 * slow_effort(); k++) {
        ng_contract contract;
        const char *op = ops[k % OPS];
        start(&contract, op,
              passes[slow_below(&random, 2) * 2 +
                     (has_running(op) ? slow_below(&random, 2) : 0)]);
        for (size_t c = slow_below(&random, 30); c > 0; c--) {
            size_t v = slow_below(&random, NG_CONTRACT_VALUE_COUNT);
            assert_true(
                ng_contract_set(&contract, values[v].field, values[v].value));
        }
        if (slow_below(&random, 2)) {
            contract.block = (double)slow_below(&random, 1000);
            contract.min_abs =
                ldexp(fabs(slow_real(&random)), slow_int(&random, -1000, 10));
            contract.max_abs =
                ldexp(fabs(slow_real(&random)), slow_int(&random, -100, 1000));
            contract.max_n = (double)slow_below(&random, 1 << 30);
            contract.alignment = ldexp(1, slow_int(&random, 0, 12));
        }
        accepted += expect_round_trip(&contract);
    }
    assert_true(accepted > 500);
}

static void initial(void **state)
{
    (void)state;
    ng_contract contract;
    ng_error error = {""};
    assert_int_equal(ng_contract_init(&contract, "layer_norm", &error),
                     ng_status_ok);
    assert_string_equal(contract.op, "layer_norm");
    assert_string_equal(contract.pass, "forward");
    assert_string_equal(contract.preset, "pytorch");
    assert_int_equal(contract.centred, ng_centred_yes);
    assert_int_equal(contract.divisor, ng_divisor_n);
    assert_int_equal(contract.eps_place, ng_eps_place_inside);
    assert_int_equal(contract.affine, ng_affine_gamma_beta);
    assert_int_equal(contract.dtype, ng_dtype_f32);
    assert_int_equal(contract.summation, ng_summation_recursive);
    assert_int_equal(contract.variance, ng_variance_two_pass);
    assert_int_equal(contract.deterministic, ng_deterministic_no);
    assert_int_equal(contract.momentum, ng_momentum_new);
    assert_int_equal(contract.running_var, ng_running_var_unbiased);
    assert_true(contract.alignment == 64 && contract.max_n == 0);
    assert_int_equal(ng_contract_init(&contract, "rms_norm", &error),
                     ng_status_ok);
    assert_int_equal(contract.centred, ng_centred_no);
    assert_int_equal(contract.affine, ng_affine_gamma);
    /* Lp normalization, p = 2: x/max(|x|, eps), no parameters */
    ng_contract_init(&contract, "l2_norm", &error);
    assert_int_equal(contract.centred, ng_centred_no);
    assert_int_equal(contract.divisor, ng_divisor_one);
    assert_int_equal(contract.eps_place, ng_eps_place_max_norm);
    assert_int_equal(contract.affine, ng_affine_none);
    /* of the running statistics, batch norm keeps them */
    for (size_t op = 0; op < OPS; op++) {
        ng_contract_init(&contract, ops[op], &error);
        assert_int_equal(contract.running, strcmp(ops[op], "batch_norm") == 0
                                               ? ng_running_update
                                               : ng_running_none);
        assert_int_equal(contract.residual, ng_residual_none);
        assert_int_equal(contract.layout, ng_layout_contiguous);
        assert_int_equal(contract.backward_stats, ng_backward_stats_recomputed);
        assert_int_equal(contract.saved, ng_saved_none);
    }
    assert_int_equal(ng_contract_init(&contract, "rmsnorm", &error),
                     ng_status_bad_input);
    assert_non_null(strstr(error.text, "rmsnorm"));
}

/* What the libraries document. */
static void presets(void **state)
{
    (void)state;
    ng_contract a, b;
    /* PyTorch is the default. */
    parse_or_fail(&a, "op=layer_norm preset=pytorch");
    parse_or_fail(&b, "op=layer_norm");
    expect_equal(&a, &b);
    /* ONNX BatchNormalization-15: running = input * momentum + current * (1 -
     * momentum), population variance. */
    parse_or_fail(&a, "op=batch_norm preset=onnx");
    assert_int_equal(a.momentum, ng_momentum_old);
    assert_int_equal(a.running_var, ng_running_var_biased);
    assert_string_equal(a.preset, "onnx");
    /* Keras: moving = moving * momentum + batch * (1 - momentum). */
    parse_or_fail(&a, "op=batch_norm preset=keras");
    assert_int_equal(a.momentum, ng_momentum_old);
    assert_int_equal(a.running_var, ng_running_var_biased);
    /* LlamaRMSNorm: weight * hidden_states.to(input_dtype). */
    parse_or_fail(&a, "op=rms_norm preset=llama");
    assert_int_equal(a.affine, ng_affine_gamma);
    assert_int_equal(a.centred, ng_centred_no);
    assert_int_equal(a.round_xhat, ng_round_xhat_yes);
    /* GemmaRMSNorm: output * (1.0 + self.weight.float()). */
    parse_or_fail(&a, "op=rms_norm preset=gemma");
    assert_int_equal(a.affine, ng_affine_one_plus_gamma);
    assert_int_equal(a.round_xhat, ng_round_xhat_no);
    /* cuDNN keeps statistics in f32 for 16-bit data. */
    parse_or_fail(&a, "op=layer_norm preset=cudnn dtype=f16");
    assert_int_equal(ng_contract_stats(&a), ng_f32);
    /* What follows a preset overrides it. */
    parse_or_fail(&a, "op=rms_norm preset=llama round_xhat=no");
    assert_int_equal(a.round_xhat, ng_round_xhat_no);
    assert_int_equal(a.affine, ng_affine_gamma);
    expect_round_trip(&a);
    /* Every row stands, for its op; for an op without row nothing is guessed. */
    for (const ng_preset *row = ng_presets; row->name != NULL; row++) {
        char text[100];
        snprintf(text, sizeof text, "op=%s preset=%s", row->op, row->name);
        parse_or_fail(&a, text);
        assert_string_equal(a.preset, row->name);
        expect_round_trip(&a);
    }
    expect_refused("op=layer_norm preset=llama", "rms_norm");
    expect_refused("op=group_norm preset=gemma", "does not define group_norm");
}

static void malformed(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "op"},
        {"dtype=f32", "op"},
        {"op=", "op"},
        {"op=softmax", "softmax"},
        {"op=layer_norm color=red", "color"},
        {"op=layer_norm Dtype=f32", "Dtype"},
        {"op=layer_norm dtype=f8", "f8"},
        {"op=layer_norm dtype=f8", "bf16"}, /* says what is expected */
        {"op=layer_norm dtype=", "dtype"},
        {"op=layer_norm dtype", "dtype"},
        {"op=layer_norm =f32", "=f32"},
        {"op=layer_norm eps_place=middle", "eps_place"},
        {"op=layer_norm eps_place=middle", "outside"},
        {"op=layer_norm divisor=inside", "divisor"}, /* another field's value */
        {"op=layer_norm preset=jax", "jax"},
        {"op=layer_norm pass=backwards", "backwards"},
        {"op=layer_norm block=many", "block"},
        {"op=layer_norm block=1.5", "block"},
        {"op=layer_norm block=-1", "block"},
        {"op=layer_norm block=nan", "block"},
        {"op=layer_norm max_abs=inf", "max_abs"},
        {"op=layer_norm max_abs=-1", "max_abs"},
        {"op=layer_norm min_abs=nan", "min_abs"},
        {"op=layer_norm alignment=48", "alignment"},
        {"op=layer_norm alignment=0", "alignment"},
        {"op=layer_norm alignment=1e300", "alignment"},
        {"op=layer_norm alignment=2.5", "alignment"},
        {"op=layer_norm garbage", "garbage"},
        /* the rules, each with the words that say what would do */
        {"op=rms_norm eps_place=max_norm", "centred=no divisor=one"},
        {"op=rms_norm centred=yes divisor=one", "centred=no"},
        {"op=group_norm running=update", "batch_norm and instance_norm"},
        {"op=batch_norm residual=sum", "layer_norm, rms_norm and l2_norm"},
        {"op=l2_norm layout=channels_last", "batch_norm, group_norm"},
        {"op=batch_norm pass=backward backward_stats=saved eps_place=outside",
         "eps_place=inside or none"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
        expect_refused(rows[k][0], rows[k][1]);
    static char line[3 * NG_CONTRACT_TEXT_MAX];
    memset(line, 'x', sizeof line - 1);
    expect_refused(line, "long");
    memcpy(line, "op=layer_norm ", 14);
    expect_refused(line, "long");
    line[200] = '\0';
    expect_refused(line, "xxx");

    ng_contract contract;
    ng_contract_init(&contract, "layer_norm", NULL);
    assert_false(ng_contract_set(&contract, "color", "red"));
    assert_false(ng_contract_set(&contract, "dtype", "f8"));
    assert_false(ng_contract_set(&contract, "dtype", ""));
    assert_false(ng_contract_set(&contract, "", ""));
    assert_false(ng_contract_set(&contract, "block", "x"));
    assert_false(ng_contract_set(&contract, "divisor", "inside"));
    ng_contract untouched;
    ng_contract_init(&untouched, "layer_norm", NULL);
    expect_equal(&contract, &untouched);
}

/* Printing into a short text stays inside it and ends it. */
static void short_text(void **state)
{
    (void)state;
    ng_contract contract;
    parse_or_fail(&contract, "op=rms_norm preset=llama dtype=bf16 block=3 "
                             "summation=pairwise deterministic=yes");
    char whole[NG_CONTRACT_TEXT_MAX];
    ng_contract_print(&contract, whole, sizeof whole);
    for (size_t size = 1; size < strlen(whole) + 3; size++) {
        char text[NG_CONTRACT_TEXT_MAX];
        memset(text, 0x7e, sizeof text);
        ng_contract_print(&contract, text, size);
        assert_non_null(memchr(text, '\0', size));
        for (size_t i = size; i < size + 20; i++)
            assert_int_equal(text[i], 0x7e);
    }
}

static void expect_dtypes(const char *fields, ng_dtype storage, ng_dtype param,
                          ng_dtype compute, ng_dtype stats)
{
    char text[200];
    ng_contract contract;
    snprintf(text, sizeof text, "op=layer_norm %s", fields);
    parse_or_fail(&contract, text);
    assert_int_equal(ng_contract_storage(&contract), storage);
    assert_int_equal(ng_contract_param(&contract), param);
    assert_int_equal(ng_contract_compute(&contract), compute);
    assert_int_equal(ng_contract_stats(&contract), stats);
}

static void dtypes_resolve(void **state)
{
    (void)state;
    expect_dtypes("", ng_f32, ng_f32, ng_f32, ng_f32);
    expect_dtypes("dtype=f16", ng_f16, ng_f16, ng_f32, ng_f32);
    expect_dtypes("dtype=bf16", ng_bf16, ng_bf16, ng_f32, ng_f32);
    expect_dtypes("dtype=f64", ng_f64, ng_f64, ng_f64, ng_f64);
    expect_dtypes("dtype=bf16 param=f32", ng_bf16, ng_f32, ng_f32, ng_f32);
    expect_dtypes("dtype=bf16 compute=bf16", ng_bf16, ng_bf16, ng_bf16,
                  ng_bf16);
    expect_dtypes("dtype=f16 stats=f16", ng_f16, ng_f16, ng_f32, ng_f16);
    expect_dtypes("compute=f64", ng_f32, ng_f32, ng_f64, ng_f64);
    expect_dtypes("compute=f64 stats=f32", ng_f32, ng_f32, ng_f64, ng_f32);
    expect_dtypes("dtype=f64 param=bf16 compute=f32 stats=f64", ng_f64, ng_bf16,
                  ng_f32, ng_f64);
}

static void eps_rounds(void **state)
{
    (void)state;
    ng_contract contract;
    const double eps = 1e-5;
    parse_or_fail(&contract, "op=layer_norm");
    assert_true(ng_contract_eps(&contract, eps) == eps);
    parse_or_fail(&contract, "op=layer_norm eps_dtype=f32");
    assert_true(ng_contract_eps(&contract, eps) == 0x1.4f8b58p-17);
    parse_or_fail(&contract, "op=layer_norm eps_dtype=bf16");
    assert_true(ng_contract_eps(&contract, eps) == 0x1.5p-17);
    /* f16: 1e-5 / 2^-24 = 167.77, so 168 * 2^-24 */
    parse_or_fail(&contract, "op=layer_norm eps_dtype=f16");
    assert_true(ng_contract_eps(&contract, eps) == 168 * 0x1p-24);
    assert_true(ng_contract_eps(&contract, 1e-12) == 0);
    assert_true(ng_contract_eps(&contract, 0) == 0);
}

static void count_row(const char *name, const char *text, const char *meaning,
                      void *user)
{
    assert_true(name[0] != '\0' && meaning[0] != '\0');
    assert_non_null(text);
    ++*(size_t *)user;
}

static void help_lists_all(void **state)
{
    (void)state;
    size_t fields = 0, listed = 0;
#define NG_FIELD(name, meaning) fields++;
#define NG_VALUE(field, value)
#define NG_NUMBER(name, initial, meaning) fields++;
#include <normgate/contract.def>
#undef NG_FIELD
#undef NG_VALUE
#undef NG_NUMBER
    ng_contract_fields(count_row, &listed);
    assert_int_equal(listed, fields);
    listed = 0; /* rows of one preset follow each other */
    for (const ng_preset *row = ng_presets; row->name != NULL; row++) {
        listed += row == ng_presets || strcmp(row->name, row[-1].name) != 0;
        assert_true(strlen(row->document) > 8 && row->note != NULL);
    }
    assert_int_equal(listed, 6); /* the design names six */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value),      cmocka_unit_test(every_pass),
        cmocka_unit_test(random_contracts), cmocka_unit_test(initial),
        cmocka_unit_test(presets),          cmocka_unit_test(malformed),
        cmocka_unit_test(short_text),       cmocka_unit_test(dtypes_resolve),
        cmocka_unit_test(eps_rounds),       cmocka_unit_test(help_lists_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
