/* Proves that each preset says of each op what the library's public document
 * says, by hand-written values; that an op without a statement is refused by
 * name; and that `normgate list contracts` shows every statement. */
#include <normgate/contract.h>
#include <normgate/op.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What a preset can decide, spelled out for every field: a change of a default
 * must not change a preset unseen. */
typedef struct statement {
    const char *preset, *op;
    const char *eps_place, *eps_dtype, *affine;
    const char *round_xhat, *param, *compute, *saved, *backward_stats;
    /* of running statistics; NULL: the op keeps none */
    const char *momentum, *running, *running_var, *one_value;
} statement;

#define NO_RUNNING NULL, NULL, NULL, NULL

static const statement statements[] = {
    /* torch.nn.BatchNorm2d: x_new = (1 - momentum) x + momentum x_t; running
     * variance by torch.var(unbiased=True), y by unbiased=False; y = (x -
     * E)/sqrt(Var + eps) gamma + beta. torch.nn.functional.batch_norm raises
     * "Expected more than 1 value per channel when training". */
    {"pytorch", "batch_norm", "inside", "f64", "gamma_beta", "no", "same",
     "same", "none", "recomputed", "new", "update", "unbiased", "refuse"},
    /* torch.nn.LayerNorm: the same formula over normalized_shape. */
    {"pytorch", "layer_norm", "inside", "f64", "gamma_beta", "no", "same",
     "same", "none", "recomputed", NO_RUNNING},
    /* torch.nn.RMSNorm: x/RMS(x) gamma, RMS(x) = sqrt(eps + mean(x^2)). */
    {"pytorch", "rms_norm", "inside", "f64", "gamma", "no", "same", "same",
     "none", "recomputed", NO_RUNNING},
    {"pytorch", "group_norm", "inside", "f64", "gamma_beta", "no", "same",
     "same", "none", "recomputed", NO_RUNNING},
    /* torch.nn.InstanceNorm2d: track_running_stats=False is the default. */
    {"pytorch", "instance_norm", "inside", "f64", "gamma_beta", "no", "same",
     "same", "none", "recomputed", "new", "none", "unbiased", "refuse"},
    /* torch.nn.functional.normalize: v/max(norm of v, eps). */
    {"pytorch", "l2_norm", "max_norm", "f64", "none", "no", "same", "same",
     "none", "recomputed", NO_RUNNING},

    /* BatchNormalization-15: running_mean = input_mean * momentum +
     * current_mean * (1 - momentum); ReduceVar is the population variance.
     * epsilon is an attribute of type FLOAT. */
    {"onnx", "batch_norm", "inside", "f32", "gamma_beta", "no", "same", "same",
     "none", "recomputed", "old", "update", "biased", "biased"},
    /* LayerNormalization-17: stash_type 1 casts the inputs to 32-bit float and
     * Normalized back to the type of X; the second output is Mean, the last
     * InvStdDev. */
    {"onnx", "layer_norm", "inside", "f32", "gamma_beta", "yes", "same", "f32",
     "mean_rstd", "recomputed", NO_RUNNING},
    /* RMSNormalization-23: the same two stages, Y = Mul(Normalized, Scale). */
    {"onnx", "rms_norm", "inside", "f32", "gamma", "yes", "same", "f32", "none",
     "recomputed", NO_RUNNING},
    /* GroupNormalization-21: the same two stages. */
    {"onnx", "group_norm", "inside", "f32", "gamma_beta", "yes", "same", "f32",
     "none", "recomputed", NO_RUNNING},
    /* InstanceNormalization-22: y = scale * (x - mean)/sqrt(variance +
     * epsilon) + B, with no stages and nothing kept. */
    {"onnx", "instance_norm", "inside", "f32", "gamma_beta", "no", "same",
     "same", "none", "recomputed", "new", "none", "unbiased", "biased"},
    /* LpNormalization-22: input/Lp_norm(input, axis), no epsilon. */
    {"onnx", "l2_norm", "none", "f64", "none", "no", "same", "same", "none",
     "recomputed", NO_RUNNING},

    /* BatchNormalization: moving_var = moving_var * momentum + var(batch) *
     * (1 - momentum), of the variance that also normalizes. */
    {"keras", "batch_norm", "inside", "f64", "gamma_beta", "no", "same", "same",
     "none", "recomputed", "old", "update", "biased", "biased"},
    /* LayerNormalization: var_i = sum((x_i[j] - mean_i)**2)/k, (x_i - mean_i)
     * / sqrt(var_i + epsilon) * gamma + beta. */
    {"keras", "layer_norm", "inside", "f64", "gamma_beta", "no", "same", "same",
     "none", "recomputed", NO_RUNNING},
    /* RMSNormalization: x * rsqrt(mean(square(x))) * scale, epsilon added. */
    {"keras", "rms_norm", "inside", "f64", "gamma", "no", "same", "same",
     "none", "recomputed", NO_RUNNING},
    {"keras", "group_norm", "inside", "f64", "gamma_beta", "no", "same", "same",
     "none", "recomputed", NO_RUNNING},
    /* GroupNormalization(groups=-1) "becomes identical to Instance
     * Normalization"; nothing is refused and nothing kept. */
    {"keras", "instance_norm", "inside", "f64", "gamma_beta", "no", "same",
     "same", "none", "recomputed", "new", "none", "unbiased", "biased"},
    /* UnitNormalization: rsqrt(maximum(sum(square(x)), 1e-12)). */
    {"keras", "l2_norm", "max_var", "f64", "none", "no", "same", "same", "none",
     "recomputed", NO_RUNNING},

    /* cudnnBatchNormalizationForwardTraining: runningMean = newMean*factor +
     * runningMean*(1-factor); the running variance is the sample variance;
     * resultSaveMean, resultSaveInvVariance; scale and bias are float. */
    {"cudnn", "batch_norm", "inside", "f64", "gamma_beta", "no", "f32", "same",
     "mean_rstd", "saved", "new", "update", "unbiased", "biased"},
    /* Frontend layernorm, instancenorm; norm descriptors: Mean, InvVariance;
     * Scale, Mean, InvVariance, dScale, dBias are of type float. */
    {"cudnn", "layer_norm", "inside", "f64", "gamma_beta", "no", "f32", "same",
     "mean_rstd", "saved", NO_RUNNING},
    {"cudnn", "rms_norm", "inside", "f64", "gamma", "no", "f32", "same",
     "mean_rstd", "saved", NO_RUNNING},
    {"cudnn", "instance_norm", "inside", "f64", "gamma_beta", "no", "f32",
     "same", "mean_rstd", "saved", "new", "none", "unbiased", "biased"},

    /* LlamaRMSNorm: weight * hidden_states.to(input_dtype). */
    {"llama", "rms_norm", "inside", "f64", "gamma", "yes", "same", "same",
     "none", "recomputed", NO_RUNNING},
    /* GemmaRMSNorm: output * (1.0 + weight.float()), then type_as(x). */
    {"gemma", "rms_norm", "inside", "f64", "one_plus_gamma", "no", "same",
     "same", "none", "recomputed", NO_RUNNING},
};
enum { STATEMENTS = sizeof statements / sizeof statements[0] };

static void parse(ng_contract *contract, const char *text)
{
    ng_error error = {""};
    if (ng_contract_parse(contract, text, &error) != ng_status_ok)
        fail_msg("'%s': %s", text, error.text);
}

static void expect_equal(const ng_contract *a, const ng_contract *b)
{
#define NG_FIELD(name, meaning)                                                \
    if (a->name != b->name)                                                    \
        fail_msg("preset=%s op=%s: %s differs", a->preset, a->op, #name);
#define NG_VALUE(field, value)
#define NG_NUMBER(name, initial, meaning) assert_true(a->name == b->name);
#include <normgate/contract.def>
#undef NG_FIELD
#undef NG_VALUE
#undef NG_NUMBER
}

static void set(ng_contract *contract, const char *field, const char *value)
{
    if (value != NULL && !ng_contract_set(contract, field, value))
        fail_msg("no %s=%s", field, value);
}

/* The contract of a statement, without its preset. */
static void spell_out(ng_contract *contract, const statement *s)
{
    char text[64];
    snprintf(text, sizeof text, "op=%s", s->op);
    parse(contract, text);
    set(contract, "eps_place", s->eps_place);
    set(contract, "eps_dtype", s->eps_dtype);
    set(contract, "affine", s->affine);
    set(contract, "round_xhat", s->round_xhat);
    set(contract, "param", s->param);
    set(contract, "compute", s->compute);
    set(contract, "saved", s->saved);
    set(contract, "backward_stats", s->backward_stats);
    set(contract, "momentum", s->momentum);
    set(contract, "running", s->running);
    set(contract, "running_var", s->running_var);
    set(contract, "one_value", s->one_value);
}

static const statement *statement_find(const char *preset, const char *op)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        if (strcmp(statements[i].preset, preset) == 0 &&
            strcmp(statements[i].op, op) == 0)
            return &statements[i];
    }
    return NULL;
}

/* Every statement above holds, and no preset states more. */
static void documents(void **state)
{
    size_t rows = 0;
    (void)state;
    for (const ng_preset *row = ng_presets; row->name != NULL; row++, rows++)
        assert_non_null(statement_find(row->name, row->op));
    assert_int_equal(rows, STATEMENTS);
    for (size_t i = 0; i < STATEMENTS; i++) {
        ng_contract stated, spelled;
        char text[100];
        snprintf(text, sizeof text, "op=%s preset=%s", statements[i].op,
                 statements[i].preset);
        parse(&stated, text);
        assert_string_equal(stated.preset, statements[i].preset);
        spell_out(&spelled, &statements[i]);
        expect_equal(&stated, &spelled);
    }
}

/* cuDNN's statistics are float, or double for double data. */
static void cudnn_dtypes(void **state)
{
    static const struct {
        const char *dtype;
        ng_dtype stats;
    } rows[] = {
        {"f16", ng_f32}, {"bf16", ng_f32}, {"f32", ng_f32}, {"f64", ng_f64}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ng_contract contract;
        char text[100];
        snprintf(text, sizeof text, "op=batch_norm dtype=%s preset=cudnn",
                 rows[i].dtype);
        parse(&contract, text);
        assert_int_equal(ng_contract_stats(&contract), rows[i].stats);
        assert_int_equal(ng_contract_param(&contract), ng_f32);
    }
}

/* What print writes, parse reads back, in every pass and dtype. */
static void round_trip(void **state)
{
    static const char *const tails[] = {"", " dtype=bf16", " dtype=f64",
                                        " pass=backward",
                                        " dtype=f16 pass=inference"};
    (void)state;
    for (size_t i = 0; i < STATEMENTS; i++) {
        const statement *s = &statements[i];
        for (size_t t = 0; t < sizeof tails / sizeof tails[0]; t++) {
            ng_contract a, b;
            char text[NG_CONTRACT_TEXT_MAX], again[NG_CONTRACT_TEXT_MAX];
            if (strstr(tails[t], "inference") != NULL && s->running == NULL)
                continue;
            snprintf(text, sizeof text, "op=%s preset=%s%s", s->op, s->preset,
                     tails[t]);
            parse(&a, text);
            ng_contract_print(&a, text, sizeof text);
            parse(&b, text);
            expect_equal(&a, &b);
            assert_string_equal(a.pass, b.pass);
            ng_contract_print(&b, again, sizeof again);
            assert_string_equal(text, again);
        }
    }
}

static void expect_refused(const char *text, const char *words)
{
    ng_contract contract;
    ng_error error = {""};
    if (ng_contract_parse(&contract, text, &error) != ng_status_bad_input)
        fail_msg("'%s' is accepted", text);
    if (strstr(error.text, words) == NULL)
        fail_msg("'%s': '%s' does not say '%s'", text, error.text, words);
}

/* An op that a preset does not state is refused, and the message says what the
 * preset does define. */
static void refused(void **state)
{
    size_t pairs = 0;
    (void)state;
    for (const ng_preset *row = ng_presets; row->name != NULL; row++) {
        for (size_t i = 0; ng_ops[i] != NULL; i++) {
            char text[100], words[100];
            if (statement_find(row->name, ng_ops[i]->name) != NULL)
                continue;
            snprintf(text, sizeof text, "op=%s preset=%s", ng_ops[i]->name,
                     row->name);
            snprintf(words, sizeof words, "preset=%s does not define %s",
                     row->name, ng_ops[i]->name);
            expect_refused(text, words);
            expect_refused(text, row->op);
            pairs++;
        }
    }
    /* cudnn: 2 of 6 ops, in its 4 rows; llama, gemma: 5 each */
    assert_int_equal(pairs, 4 * 2 + 5 + 5);
    expect_refused("op=layer_norm preset=llama", "it defines rms_norm");
    expect_refused("op=l2_norm preset=cudnn",
                   "batch_norm, layer_norm, rms_norm, instance_norm");
    expect_refused("op=layer_norm preset=jax", "unknown preset 'jax'");
    expect_refused("op=layer_norm preset=onn", "unknown preset");
    expect_refused("op=layer_norm preset=onnxx", "unknown preset");
    expect_refused("op=layer_norm preset=", "preset");
    expect_refused("op=softmax preset=onnx", "softmax");
    /* Fields that the op cannot have, after a preset as without. */
    expect_refused("op=layer_norm preset=onnx running=update", "running");
    expect_refused("op=batch_norm preset=keras residual=sum", "residual");
    expect_refused("op=l2_norm preset=keras layout=channels_last", "layout");
    expect_refused("op=l2_norm preset=keras backward_stats=saved",
                   "backward_stats");
    expect_refused("op=rms_norm preset=gemma pass=inference",
                   "no running statistics");
}

/* What follows a preset overrides it; what precedes it does not. */
static void order(void **state)
{
    ng_contract contract;
    (void)state;
    parse(&contract, "op=batch_norm preset=onnx momentum=cumulative");
    assert_int_equal(contract.momentum, ng_momentum_cumulative);
    assert_int_equal(contract.running_var, ng_running_var_biased);
    parse(&contract, "op=batch_norm momentum=cumulative preset=onnx");
    assert_int_equal(contract.momentum, ng_momentum_old);
    /* The op counts wherever it stands. */
    parse(&contract, "preset=gemma op=rms_norm");
    assert_int_equal(contract.affine, ng_affine_one_plus_gamma);
}

/* Rows of one preset follow each other and name their document; fields set
 * what the op has. */
static void rows_are_whole(void **state)
{
    (void)state;
    for (const ng_preset *row = ng_presets; row->name != NULL; row++) {
        assert_true(strlen(row->document) > 10);
        assert_non_null(row->note);
        assert_true(strlen(row->fields) > 0);
        bool again = false;
        for (const ng_preset *other = ng_presets; other < row; other++) {
            bool same = strcmp(other->name, row->name) == 0;
            assert_false(same && strcmp(other->op, row->op) == 0);
            again |= same;
        }
        if (again)
            assert_string_equal(row[-1].name, row->name);
        if (!ng_op_find(row->op)->running) {
            assert_null(strstr(row->fields, "momentum="));
            assert_null(strstr(row->fields, "running"));
            assert_null(strstr(row->fields, "one_value="));
        }
    }
}

/* The help names every statement, its document and each of its values, in
 * lines that a terminal of 100 columns shows whole. */
static void listed(void **state)
{
    static char help[1 << 16];
    (void)state;
    FILE *pipe = popen("'" NORMGATE_PROGRAM "' list contracts", "r");
    assert_non_null(pipe);
    size_t length = fread(help, 1, sizeof help - 1, pipe);
    help[length] = '\0';
    assert_int_equal(pclose(pipe), 0);
    for (const char *line = help; *line != '\0';
         line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 100);
    const char *at = help;
    for (const ng_preset *row = ng_presets; row->name != NULL; row++) {
        char words[64];
        if (row == ng_presets || strcmp(row[-1].name, row->name) != 0) {
            snprintf(words, sizeof words, "\npreset=%s\n", row->name);
            at = strstr(at, words);
            assert_non_null(at);
        }
        snprintf(words, sizeof words, "\n  %s ", row->op);
        at = strstr(at, words);
        assert_non_null(at);
        assert_non_null(strstr(at, row->document));
    }
    assert_non_null(strstr(help, "running_var=biased"));
    assert_non_null(strstr(help, "affine=one_plus_gamma"));
    assert_non_null(strstr(help, "eps_place=max_var"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents),  cmocka_unit_test(cudnn_dtypes),
        cmocka_unit_test(round_trip), cmocka_unit_test(refused),
        cmocka_unit_test(order),      cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
