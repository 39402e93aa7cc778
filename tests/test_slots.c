/* Proves which tensors a call has, which way each goes, how long each is and in
 * which format: first a table written by hand, one line per kind of call, then
 * every combination of the fields that matter against the rule of each role. */
#include <normgate/op.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SHOWN = 400 };

static ng_contract contract_of(const char *text)
{
    ng_contract contract;
    ng_error error;
    if (ng_contract_parse(&contract, text, &error) != ng_status_ok)
        fail_msg("%s: %s", text, error.text);
    return contract;
}

/* A case of the contract with sizes that cannot be mistaken for each other. */
static void case_of(ng_case *test, const ng_contract *contract)
{
    char line[160];
    bool rows = ng_op_find(contract->op)->shape == ng_shape_rows;
    bool groups = ng_op_find(contract->op)->groups;
    snprintf(line, sizeof line, "%s/%s/f32 %s%s", contract->op, contract->pass,
             rows ? "rows=4 n=9" : "N=2 C=6 spatial=5",
             groups ? " num_groups=3" : "");
    assert_int_equal(ng_case_parse(test, line, NULL), ng_status_ok);
}

/* "x dy gamma > dx dgamma | running_mean": inputs > outputs | updated. */
static void show(const ng_tensor *slots, char *text)
{
    text[0] = '\0';
    const struct {
        ng_use use;
        const char *before;
    } parts[] = {{ng_input, ""}, {ng_output, ">"}, {ng_update, "|"}};
    for (size_t p = 0; p < 3; p++) {
        const char *before = parts[p].before;
        for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
            if (slots[role].use != parts[p].use)
                continue;
            size_t used = strlen(text);
            if (*before != '\0')
                used +=
                    (size_t)snprintf(text + used, SHOWN - used, " %s", before);
            snprintf(text + used, SHOWN - used, "%s%s", used > 0 ? " " : "",
                     ng_role_name(role));
            before = "";
        }
    }
}

static const char *const table[][2] = {
    /* forward: affine */
    {"op=layer_norm", "x gamma beta > y"},
    {"op=layer_norm affine=gamma", "x gamma > y"},
    {"op=layer_norm affine=one_plus_gamma", "x gamma > y"},
    {"op=layer_norm affine=none", "x > y"},
    {"op=rms_norm", "x gamma > y"},
    {"op=rms_norm affine=gamma_beta", "x gamma beta > y"},
    {"op=l2_norm", "x > y"},
    {"op=l2_norm affine=gamma", "x gamma > y"},
    {"op=group_norm", "x gamma beta > y"},
    /* running statistics */
    {"op=batch_norm", "x gamma beta > y | running_mean running_var"},
    {"op=batch_norm running=none", "x gamma beta > y"},
    {"op=batch_norm affine=none", "x > y | running_mean running_var"},
    {"op=instance_norm", "x gamma beta > y"},
    {"op=instance_norm running=update",
     "x gamma beta > y | running_mean running_var"},
    {"op=batch_norm pass=inference",
     "x gamma beta running_mean running_var > y"},
    {"op=batch_norm pass=inference running=none affine=gamma",
     "x gamma running_mean running_var > y"},
    {"op=instance_norm pass=inference affine=none",
     "x running_mean running_var > y"},
    /* saved statistics: outputs of the pass that forms them */
    {"op=layer_norm saved=mean_rstd", "x gamma beta > y mean rstd"},
    {"op=layer_norm saved=mean_var", "x gamma beta > y mean var"},
    {"op=rms_norm saved=mean_rstd", "x gamma > y rstd"},
    {"op=rms_norm saved=mean_var", "x gamma > y var"},
    {"op=batch_norm saved=mean_rstd",
     "x gamma beta > y mean rstd | running_mean running_var"},
    {"op=batch_norm saved=mean_rstd pass=inference",
     "x gamma beta running_mean running_var > y"},
    {"op=group_norm saved=mean_var", "x gamma beta > y mean var"},
    /* fused residual */
    {"op=layer_norm residual=sum", "x residual gamma beta > y h"},
    {"op=rms_norm residual=sum saved=mean_rstd round_residual=yes",
     "x residual gamma > y h rstd"},
    {"op=l2_norm residual=sum", "x residual > y h"},
    /* backward */
    {"op=layer_norm pass=backward", "x dy gamma > dx dgamma dbeta"},
    {"op=layer_norm pass=backward affine=gamma", "x dy gamma > dx dgamma"},
    {"op=layer_norm pass=backward affine=none", "x dy > dx"},
    {"op=rms_norm pass=backward affine=one_plus_gamma",
     "x dy gamma > dx dgamma"},
    {"op=l2_norm pass=backward", "x dy > dx"},
    {"op=batch_norm pass=backward", "x dy gamma > dx dgamma dbeta"},
    {"op=group_norm pass=backward affine=gamma", "x dy gamma > dx dgamma"},
    {"op=instance_norm pass=backward running=update saved=mean_rstd",
     "x dy gamma > dx dgamma dbeta"},
    {"op=layer_norm pass=backward residual=sum",
     "x dy dh gamma > dx dresidual dgamma dbeta"},
    {"op=rms_norm pass=backward residual=sum backward_stats=saved",
     "x dy dh gamma rstd > dx dresidual dgamma"},
    {"op=layer_norm pass=backward backward_stats=saved",
     "x dy gamma mean rstd > dx dgamma dbeta"},
    {"op=layer_norm backward_stats=saved", "x gamma beta > y"},
    {"op=batch_norm pass=backward backward_stats=saved",
     "x dy gamma mean rstd > dx dgamma dbeta"},
    /* backward through fixed statistics */
    {"op=batch_norm pass=inference_backward",
     "x dy gamma running_mean running_var > dx dgamma dbeta"},
    {"op=instance_norm pass=inference_backward affine=none",
     "x dy running_mean running_var > dx"},
    {"op=batch_norm pass=inference_backward backward_stats=saved affine=gamma",
     "x dy gamma running_mean running_var > dx dgamma"},
};

static void by_hand(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
        ng_contract contract = contract_of(table[k][0]);
        static ng_case test;
        ng_tensor slots[NG_TENSOR_COUNT];
        char text[SHOWN];
        case_of(&test, &contract);
        ng_case_slots(&test, &contract, slots);
        show(slots, text);
        if (strcmp(text, table[k][1]) != 0)
            fail_msg("'%s' has '%s', not '%s'", table[k][0], text, table[k][1]);
    }
}

/* --- the rule of each role -------------------------------------------------- */

static ng_use input_if(bool has)
{
    return has ? ng_input : ng_unused;
}

static ng_use output_if(bool has)
{
    return has ? ng_output : ng_unused;
}

static ng_use rule(const ng_contract *c, ng_role role)
{
    bool backward = strstr(c->pass, "backward") != NULL;
    bool training = strncmp(c->pass, "inference", 9) != 0;
    bool gamma = c->affine != ng_affine_none;
    bool beta = c->affine == ng_affine_gamma_beta;
    bool fused = c->residual == ng_residual_sum;
    bool centred = c->centred == ng_centred_yes;
    bool saves = training && !backward && c->saved != ng_saved_none;
    bool given =
        training && backward && c->backward_stats == ng_backward_stats_saved;
    switch (role) {
    case ng_tensor_x: return ng_input;
    case ng_tensor_residual: return input_if(fused && !backward);
    case ng_tensor_dy: return input_if(backward);
    case ng_tensor_dh: return input_if(fused && backward);
    case ng_tensor_gamma: return input_if(gamma);
    case ng_tensor_beta: return input_if(beta && !backward);
    case ng_tensor_y: return output_if(!backward);
    case ng_tensor_h: return output_if(fused && !backward);
    case ng_tensor_mean:
        return given ? input_if(centred) : output_if(saves && centred);
    case ng_tensor_rstd:
        return given ? ng_input
                     : output_if(saves && c->saved == ng_saved_mean_rstd);
    case ng_tensor_var:
        return output_if(saves && c->saved == ng_saved_mean_var);
    case ng_tensor_running_mean:
    case ng_tensor_running_var:
        if (!training)
            return ng_input;
        return !backward && c->running == ng_running_update ? ng_update
                                                            : ng_unused;
    case ng_tensor_dx: return output_if(backward);
    case ng_tensor_dresidual: return output_if(fused && backward);
    case ng_tensor_dgamma: return output_if(backward && gamma);
    case ng_tensor_dbeta: return output_if(backward && beta);
    default: return ng_unused;
    }
}

/* Elements of a role in the case of case_of(), contiguous. */
static size_t length(const ng_contract *c, ng_role role)
{
    bool rows = ng_op_find(c->op)->shape == ng_shape_rows;
    switch (role) {
    case ng_tensor_gamma:
    case ng_tensor_beta:
    case ng_tensor_dgamma:
    case ng_tensor_dbeta: return rows ? 9 : 6;
    case ng_tensor_running_mean:
    case ng_tensor_running_var: return 6;
    case ng_tensor_mean:
    case ng_tensor_rstd:
    case ng_tensor_var:
        return rows                               ? 4
               : strcmp(c->op, "batch_norm") == 0 ? 6
               : strcmp(c->op, "group_norm") == 0 ? 2 * 3
                                                  : 2 * 6;
    default: return rows ? 4 * 9 : 2 * 6 * 5;
    }
}

static bool check_combination(const char *text)
{
    ng_contract contract;
    ng_tensor slots[NG_TENSOR_COUNT];
    static ng_case test;
    ng_error error;
    if (ng_contract_parse(&contract, text, &error) != ng_status_ok)
        return false; /* what stands and what does not: test_contract.c */
    case_of(&test, &contract);
    memset(slots, 0xa5, sizeof slots);
    ng_case_slots(&test, &contract, slots);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *slot = &slots[role];
        ng_use use = rule(&contract, role);
        if (slot->use != use || slot->data != NULL)
            fail_msg("'%s': %s has use %d, not %d", text, ng_role_name(role),
                     (int)slot->use, (int)use);
        if (use == ng_unused)
            continue;
        ng_extent extent = ng_role_extent(role);
        ng_dtype dtype = extent == ng_per_element ? ng_bf16
                         : extent == ng_per_param ? ng_f64
                                                  : ng_f32;
        if (slot->dtype != dtype || slot->count != length(&contract, role))
            fail_msg("'%s': %s has %zu of %s", text, ng_role_name(role),
                     slot->count, ng_format_of(slot->dtype)->name);
    }
    return true;
}

/* Elements in bf16, parameters in f64, statistics, of f32 arithmetic, in f32. */
static void every_combination(void **state)
{
    (void)state;
    static const char *const passes[] = {"forward", "inference", "backward",
                                         "inference_backward"};
    static const char *const affines[] = {"gamma_beta", "gamma", "none",
                                          "one_plus_gamma"};
    static const char *const saved[] = {"none", "mean_rstd", "mean_var"};
    static const char *const words[][2] = {{"running", "update"},
                                           {"running", "none"},
                                           {"residual", "sum"},
                                           {"residual", "none"}};
    size_t stand = 0, all = 6 * 4 * 4 * 3 * 2 * 2 * 2 * 2;
    for (size_t k = 0; k < all; k++) {
        size_t rest = k;
        char text[300];
        const char *op = ng_ops[rest % 6]->name;
        rest /= 6;
        int used =
            snprintf(text, sizeof text, "op=%s dtype=bf16 param=f64", op);
        used += snprintf(text + used, sizeof text - (size_t)used,
                         " pass=%s affine=%s saved=%s", passes[rest % 4],
                         affines[rest / 4 % 4], saved[rest / 16 % 3]);
        rest /= 48;
        snprintf(text + used, sizeof text - (size_t)used,
                 " %s=%s %s=%s centred=%s eps_place=inside%s%s",
                 words[rest % 2][0], words[rest % 2][1],
                 words[2 + rest / 2 % 2][0], words[2 + rest / 2 % 2][1],
                 rest / 4 % 2 ? "yes" : "no", rest / 4 % 2 ? " divisor=n" : "",
                 rest / 8 % 2 ? " backward_stats=saved" : "");
        stand += check_combination(text);
    }
    /* running=update and inference for two ops, centred=no for the others */
    assert_true(stand * 5 > all);
}

/* Under strides x and its like hold the gaps too; parameters do not. */
static void strided_counts(void **state)
{
    (void)state;
    ng_tensor slots[NG_TENSOR_COUNT];
    static ng_case test;
    ng_contract contract = contract_of(
        "op=batch_norm pass=backward layout=strided backward_stats=saved");
    ng_case_parse(&test,
                  "batch_norm/backward/f32 N=2 C=3 spatial=5 gap=2 step=4 "
                  "start=7",
                  NULL);
    ng_case_slots(&test, &contract, slots);
    /* one channel 5*4 + 2 = 22, one example 3*22 + 2 = 68; the last element at
     * 7 + 68 + 2*22 + 4*4 */
    assert_int_equal(slots[ng_tensor_x].count, 7 + 68 + 44 + 16 + 1);
    assert_int_equal(slots[ng_tensor_dy].count, 136);
    assert_int_equal(slots[ng_tensor_dx].count, 136);
    assert_int_equal(slots[ng_tensor_gamma].count, 3);
    assert_int_equal(slots[ng_tensor_dbeta].count, 3);
    assert_int_equal(slots[ng_tensor_mean].count, 3);
    contract = contract_of("op=rms_norm layout=strided");
    ng_case_parse(&test, "rms_norm/forward/f32 rows=0 n=5 start=3", NULL);
    ng_case_slots(&test, &contract, slots);
    assert_int_equal(slots[ng_tensor_x].count, 3); /* what lies before */
    assert_int_equal(slots[ng_tensor_gamma].count, 5);
}

/* Inputs without elements, or one value per channel in training. */
static void forbidden(void **state)
{
    (void)state;
    static const struct {
        const char *contract, *line, *words; /* NULL: allowed */
    } rows[] = {
        {"op=layer_norm", "layer_norm/forward/f32 rows=0 n=4", NULL},
        {"op=layer_norm no_rows=refuse", "layer_norm/forward/f32 rows=0 n=4",
         "no_rows=refuse"},
        {"op=layer_norm no_rows=refuse", "layer_norm/forward/f32 rows=1 n=1",
         NULL},
        {"op=batch_norm", "batch_norm/forward/f32 N=1 C=3", "one_value=refuse"},
        {"op=batch_norm one_value=biased", "batch_norm/forward/f32 N=1 C=3",
         NULL},
        {"op=batch_norm", "batch_norm/forward/f32 N=2 C=3", NULL},
        {"op=batch_norm", "batch_norm/forward/f32 N=1 C=3 spatial=2", NULL},
        {"op=batch_norm pass=inference", "batch_norm/inference/f32 N=1 C=3",
         NULL},
        {"op=instance_norm", "instance_norm/forward/f32 N=9 C=3",
         "one_value=refuse"},
        {"op=group_norm", "group_norm/forward/f32 N=1 C=3 num_groups=3", NULL},
        {"op=layer_norm", "layer_norm/forward/f32 rows=3 n=1", NULL},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        static ng_case test;
        ng_contract contract = contract_of(rows[k].contract);
        assert_int_equal(ng_case_parse(&test, rows[k].line, NULL),
                         ng_status_ok);
        const char *words = ng_case_forbidden(&test, &contract);
        bool right =
            rows[k].words == NULL
                ? words == NULL
                : words != NULL && strstr(words, rows[k].words) != NULL;
        if (!right)
            fail_msg("%s, %s: '%s'", rows[k].contract, rows[k].line,
                     words != NULL ? words : "allowed");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(every_combination),
        cmocka_unit_test(strided_counts),
        cmocka_unit_test(forbidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
