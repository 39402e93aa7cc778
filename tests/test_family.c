/* Proves that the exact reference is exact for the whole family: every output
 * of random problems, over all ops, passes, dtypes, layouts, contracts and hard
 * inputs, equals bit for bit the correct rounding found by the slow family
 * (literal loops in MPFR at 2000 bits and more), its value is good to 2^-100,
 * and nothing is undecided. Where the slow family finds 0/0 or no derivative,
 * the reference must say so. */
#include "family_trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct tally {
    size_t cases, beyond, outputs, ties, exact, undefined, subnormal, infinite;
    size_t failures, of_pass[FAMILY_PASSES], of_op[FAMILY_OPS];
    size_t of_role[NG_TENSOR_COUNT], level[NG_LEVEL_COUNT];
} tally;

static void judge(const family_trial *t, const ng_exact *exact,
                  const family_output *slow, ng_role role, size_t set, size_t i,
                  const family_value *value, tally *total)
{
    ng_point point;
    slow_rounding how = SLOW_CLEAR;
    double rounded = NAN;
    ng_dtype dtype = ng_contract_dtype(&t->contract, role);
    ng_exact_at(exact, role, set, i, &point);
    bool right;
    total->outputs++;
    total->of_role[role]++;
    if (value->undefined) {
        total->undefined++;
        right = point.kind == ng_kind_undefined;
    } else {
        rounded = family_round(slow, value, slow_format_of(dtype), &how);
        total->ties += how == SLOW_TIE;
        total->exact += how == SLOW_EXACT;
        total->infinite += isinf(rounded) != 0;
        total->subnormal += rounded != 0 && fabs(rounded) < ng_dtype_min(dtype);
        if ((unsigned)point.level < NG_LEVEL_COUNT)
            total->level[point.level]++;
        right =
            point.kind == ng_kind_value &&
            (unsigned)point.level < ng_level_undecided &&
            point.rounded == rounded &&
            (signbit(point.rounded) == signbit(rounded) ||
             mpfr_zero_p(value->value)) &&
            family_close(slow, value, point.high, point.low, point.exponent);
    }
    if (right || total->failures++ >= 5)
        return;
    printf("FAILURE %s set %zu element %zu: kind %d level %d %a (%a + %a) "
           "2^%d, exact %a%s\n",
           ng_role_name(role), set, i, point.kind, point.level, point.rounded,
           point.high, point.low, point.exponent, rounded,
           value->undefined ? " undefined" : "");
    family_trial_show(t);
}

static const family_value *values_of(const family_output *slow, ng_role role)
{
    switch (role) {
    case ng_tensor_y: return slow->y;
    case ng_tensor_h: return slow->h;
    case ng_tensor_mean: return slow->mean;
    case ng_tensor_rstd: return slow->rstd;
    case ng_tensor_var: return slow->var;
    case ng_tensor_dx:
    case ng_tensor_dresidual: return slow->dx;
    case ng_tensor_dgamma: return slow->dgamma;
    case ng_tensor_dbeta: return slow->dbeta;
    case ng_tensor_running_mean: return slow->running_mean;
    case ng_tensor_running_var: return slow->running_var;
    default: return NULL;
    }
}

static void compare(const family_trial *t, const ng_exact *exact, tally *total)
{
    family_output slow;
    family_compute(&slow, &t->in);
    total->beyond += slow.beyond;
    for (ng_role role = 0; role < NG_TENSOR_COUNT && !slow.beyond; role++) {
        const family_value *values = values_of(&slow, role);
        assert_int_equal(ng_exact_has(exact, role), family_trial_has(t, role));
        if (!family_trial_has(t, role))
            continue;
        size_t n = slow.count / slow.sets;
        switch (ng_role_extent(role)) {
        case ng_per_element:
            for (size_t k = 0; k < slow.count; k++) {
                size_t at = ng_view_index(&t->view, k / n, k % n);
                size_t number = t->number[at];
                assert_true(number > 0);
                judge(t, exact, &slow, role, k / n, k % n, &values[number - 1],
                      total);
            }
            break;
        case ng_per_set:
            for (size_t k = 0; k < slow.sets; k++)
                judge(t, exact, &slow, role, k, 0, &values[k], total);
            break;
        default:
            for (size_t k = 0; k < slow.params; k++)
                judge(t, exact, &slow, role, k, 0, &values[k], total);
        }
    }
    family_clear(&slow);
}

static void run(const family_trial *t, tally *total)
{
    ng_arena arena = {0};
    ng_error error;
    ng_exact *exact = ng_exact_compute(&arena, &t->problem, &error);
    if (exact == NULL)
        fail_msg("%s", error.text);
    compare(t, exact, total);
    assert_int_equal(ng_exact_levels(exact)[ng_level_undecided], 0);
    ng_arena_release(&arena);
    total->cases++;
    total->of_op[t->in.op]++;
    total->of_pass[t->in.pass]++;
}

static void show(const tally *total)
{
    printf("  %zu cases, %zu outputs: %zu ties, %zu representable, %zu "
           "undefined, %zu subnormal, %zu infinite\n  levels: binary128 %zu, "
           "mpfr %zu, exact %zu\n  by output:",
           total->cases, total->outputs, total->ties, total->exact,
           total->undefined, total->subnormal, total->infinite,
           total->level[ng_level_binary128], total->level[ng_level_mpfr],
           total->level[ng_level_exact]);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (total->of_role[role] > 0)
            printf(" %s %zu", ng_role_name(role), total->of_role[role]);
    }
    printf("\n");
}

static void random_problems(void **state)
{
    (void)state;
    static tally total;
    slow_random random = {2024};
    for (size_t k = 0; k < 4000 * slow_effort(); k++) {
        family_trial t;
        family_trial_draw(&random, &t);
        run(&t, &total);
        family_trial_free(&t);
    }
    show(&total);
    assert_int_equal(total.failures, 0);
    assert_true(total.beyond * 20 < total.cases);
    for (int i = 0; i < FAMILY_OPS; i++)
        assert_true(total.of_op[i] > 0);
    for (int i = 0; i < FAMILY_PASSES; i++)
        assert_true(total.of_pass[i] > 0);
    assert_true(total.ties > 0 && total.subnormal > 0 && total.infinite > 0);
}

/* --- the ONNX operators document: golden/onnx.txt says how --- */

enum { FIELD_MOST = 16 };

static size_t read_numbers(char *text, double *to)
{
    size_t count = 0;
    for (char *word = strtok(text, " \n"); word != NULL;
         word = strtok(NULL, " \n")) {
        assert_true(count < FIELD_MOST);
        if (strcmp(word, "-") != 0)
            to[count++] = strtod(word, NULL);
    }
    return count;
}

typedef struct golden {
    ng_contract contract;
    ng_case test;
    ng_view view;
    float x[FIELD_MOST], gamma[FIELD_MOST], beta[FIELD_MOST];
    float mean[FIELD_MOST], var[FIELD_MOST]; /* running */
    ng_problem problem;
    char name[NG_NAME_MAX];
} golden;

static void golden_sizes(golden *g, const double *sizes)
{
    const ng_op *op = ng_op_find(g->contract.op);
    ng_case_init(&g->test, g->contract.op, ng_f32);
    if (op->shape == ng_shape_rows) {
        g->test.rows = (size_t)sizes[0];
        g->test.n = (size_t)sizes[1];
    } else {
        g->test.N = (size_t)sizes[0];
        g->test.C = (size_t)sizes[1];
        g->test.spatial = (size_t)sizes[2];
        g->test.num_groups = (size_t)sizes[3];
        op->complete(&g->test);
    }
    g->view = ng_case_view(&g->test, &g->contract);
}

/* One of the lines before the outputs. */
static void golden_input(golden *g, const char *key, char *rest)
{
    double numbers[FIELD_MOST];
    ng_error error;
    if (strcmp(key, "case") == 0) {
        memset(g, 0, sizeof *g);
        snprintf(g->name, sizeof g->name, "%s", strtok(rest, "\n"));
        return;
    }
    if (strcmp(key, "contract") == 0) {
        if (ng_contract_parse(&g->contract, strtok(rest, "\n"), &error) !=
            ng_status_ok)
            fail_msg("%s", error.text);
        return;
    }
    size_t count = read_numbers(rest, numbers);
    struct {
        const char *key;
        float *values;
        const void **at;
    } arrays[] = {
        {"x", g->x, &g->problem.x},
        {"gamma", g->gamma, &g->problem.gamma},
        {"beta", g->beta, &g->problem.beta},
        {"running_mean", g->mean, &g->problem.running_mean},
        {"running_var", g->var, &g->problem.running_var},
    };
    if (strcmp(key, "sizes") == 0)
        golden_sizes(g, numbers);
    if (strcmp(key, "eps") == 0)
        g->problem.eps = numbers[0];
    if (strcmp(key, "momentum") == 0)
        g->problem.momentum = numbers[0];
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) {
        if (strcmp(key, arrays[a].key) != 0)
            continue;
        for (size_t i = 0; i < count; i++)
            arrays[a].values[i] = (float)numbers[i];
        *arrays[a].at = count > 0 ? arrays[a].values : NULL;
    }
}

/* high + low agrees with the decimals to 2^-100, the rounding with theirs. */
static void golden_point(const golden *g, ng_role role, size_t place,
                         const ng_point *point, const char *decimals)
{
    mpfr_t due, got;
    mpfr_inits2(200, due, got, (mpfr_ptr)0);
    assert_int_equal(mpfr_set_str(due, decimals, 10, MPFR_RNDN), 0);
    mpfr_set_d(got, point->high, MPFR_RNDN);
    mpfr_add_d(got, got, point->low, MPFR_RNDN);
    mpfr_mul_2si(got, got, point->exponent, MPFR_RNDN);
    mpfr_sub(got, got, due, MPFR_RNDN);
    bool close =
        mpfr_zero_p(got) ||
        (!mpfr_zero_p(due) && mpfr_get_exp(got) < mpfr_get_exp(due) - 98);
    if (point->kind != ng_kind_value || !close ||
        point->rounded != (double)mpfr_get_flt(due, MPFR_RNDN))
        fail_msg("%s %s[%zu]: %a, due %s", g->name, ng_role_name(role), place,
                 point->rounded, decimals);
    mpfr_clears(due, got, (mpfr_ptr)0);
}

static size_t golden_output(golden *g, char *rest)
{
    ng_arena arena = {0};
    ng_error error;
    ng_role role;
    size_t place = 0, n = ng_view_n(&g->view);
    g->problem.contract = &g->contract;
    g->problem.view = g->view;
    ng_exact *exact = ng_exact_compute(&arena, &g->problem, &error);
    if (exact == NULL)
        fail_msg("%s: %s", g->name, error.text);
    assert_true(ng_role_parse(strtok(rest, " \n"), &role));
    assert_true(ng_exact_has(exact, role));
    bool element = ng_role_extent(role) == ng_per_element;
    for (char *word; (word = strtok(NULL, " \n")) != NULL; place++) {
        ng_point point;
        bool found = !element;
        if (!element)
            ng_exact_at(exact, role, place, 0, &point);
        for (size_t k = 0; k < n * ng_view_sets(&g->view) && !found; k++) {
            found = ng_view_index(&g->view, k / n, k % n) == place;
            if (found)
                ng_exact_at(exact, role, k / n, k % n, &point);
        }
        assert_true(found);
        golden_point(g, role, place, &point, word);
    }
    ng_arena_release(&arena);
    return place;
}

static void onnx_documents(void **state)
{
    (void)state;
    static golden g;
    static char line[4096];
    char key[40];
    size_t outputs = 0;
    FILE *file = fopen(NORMGATE_SOURCE_DIR "/tests/golden/onnx.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        int used = 0;
        if (line[0] == '#' || sscanf(line, "%39s %n", key, &used) != 1)
            continue;
        if (strcmp(key, "out") == 0)
            outputs += golden_output(&g, line + used);
        else
            golden_input(&g, key, line + used);
    }
    fclose(file);
    assert_int_equal(outputs, 58);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_problems),
        cmocka_unit_test(onnx_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
