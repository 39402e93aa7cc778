/* Proves the reference on values derived by hand: golden/OP.txt gives for calls
 * of every pass, with the derivation, the correct rounding of each output and
 * its first 45 digits. The rounding must be equal, the value must agree to
 * 2^-99. A case names each tensor of its call as ng_case_slots() has it, and
 * every element of every output. */
#include <mpfr.h>
#include <normgate/op.h>
#include <normgate/reference.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The source tree; the build says where. */
#ifndef NORMGATE_SOURCE_DIR
#define NORMGATE_SOURCE_DIR "."
#endif

/* Of each op: cases of passes without and with gradients, and in all. */
enum { FORWARD_LEAST = 3, BACKWARD_LEAST = 2, CASES_LEAST = 12 };
enum { COUNT_MAX = 32, LINE_SIZE = 512 };

typedef struct reader {
    FILE *file;
    char path[400], line[LINE_SIZE];
    int number;
    bool held; /* next_line() gives this line once more */
} reader;

typedef struct golden {
    char name[64];
    ng_contract contract;
    ng_case test;
    ng_tensor slots[NG_TENSOR_COUNT];
    double raw[NG_TENSOR_COUNT][COUNT_MAX]; /* inputs, in their dtypes */
    size_t given[NG_TENSOR_COUNT], checked[NG_TENSOR_COUNT];
} golden;

static size_t failures;

static void open_golden(reader *r, const char *op)
{
    snprintf(r->path, sizeof r->path, "%s/tests/golden/%s.txt",
             NORMGATE_SOURCE_DIR, op);
    r->number = 0;
    r->held = false;
    r->file = fopen(r->path, "r");
    if (r->file == NULL)
        fail_msg("cannot open %s", r->path);
}

/* The next line that is neither empty nor a comment; false at the end. */
static bool next_line(reader *r)
{
    if (r->held) {
        r->held = false;
        return true;
    }
    while (fgets(r->line, sizeof r->line, r->file) != NULL) {
        r->number++;
        r->line[strcspn(r->line, "\n")] = '\0';
        if (r->line[0] != '\0' && r->line[0] != '#')
            return true;
    }
    return false;
}

static void bad_line(const reader *r, const char *expected)
{
    fail_msg("%s:%d: '%s' where %s was expected", r->path, r->number, r->line,
             expected);
}

/* The text behind `key ` of this line; NULL: it is another. */
static const char *value_of(const reader *r, const char *key)
{
    size_t length = strlen(key);
    bool same = strncmp(r->line, key, length) == 0 && r->line[length] == ' ';
    return same ? r->line + length + 1 : NULL;
}

/* The text of the next line, which must have this key. */
static const char *expect(reader *r, const char *key)
{
    const char *text = next_line(r) ? value_of(r, key) : NULL;
    if (text == NULL)
        bad_line(r, key);
    return text;
}

static size_t read_numbers(const reader *r, const char *text, double *values)
{
    size_t count = 0;
    while (*text != '\0') {
        char *end;
        double value = strtod(text, &end);
        if (end == text || count == COUNT_MAX)
            bad_line(r, "numbers, and not too many,");
        values[count++] = value;
        text = end;
    }
    return count;
}

static void read_sizes(reader *r, golden *g)
{
    double sizes[COUNT_MAX];
    size_t count = read_numbers(r, expect(r, "sizes"), sizes);
    const ng_op *op = ng_op_find(g->contract.op);
    ng_case *test = &g->test;
    ng_case_init(test, op->name, ng_contract_storage(&g->contract));
    if (op->shape == ng_shape_rows && count == 2) {
        test->rows = (size_t)sizes[0];
        test->n = (size_t)sizes[1];
    } else if (op->shape == ng_shape_channels && count == 4) {
        test->N = (size_t)sizes[0];
        test->C = (size_t)sizes[1];
        test->spatial = (size_t)sizes[2];
        test->num_groups = (size_t)sizes[3];
        op->complete(test);
    } else {
        bad_line(r, "the sizes of the op");
    }
    ng_case_slots(test, &g->contract, g->slots);
    if (ng_case_forbidden(test, &g->contract) != NULL)
        bad_line(r, "a case that the contract allows");
}

/* One line before the outputs: a number of the call, or a tensor. */
static void read_input(reader *r, golden *g)
{
    double values[COUNT_MAX];
    char key[LINE_SIZE];
    ng_role role;
    snprintf(key, sizeof key, "%.*s", (int)strcspn(r->line, " "), r->line);
    size_t count = read_numbers(r, r->line + strlen(key), values);
    if (strcmp(key, "eps") == 0 && count == 1) {
        g->test.eps = values[0];
    } else if (strcmp(key, "momentum") == 0 && count == 1) {
        g->test.momentum = values[0];
    } else if (strcmp(key, "batches") == 0 && count == 1) {
        g->test.batches = (uint64_t)values[0];
    } else {
        if (!ng_role_parse(key, &role) ||
            (g->slots[role].use != ng_input && g->slots[role].use != ng_update))
            bad_line(r, "an input of the call");
        if (count != g->slots[role].count)
            bad_line(r, "as many values as the tensor has");
        for (size_t i = 0; i < count; i++)
            ng_dtype_set(g->slots[role].dtype, g->raw[role], i, values[i]);
        g->given[role] = count;
    }
}

/* Up to the first output; false at the end of the file. */
static bool read_case(reader *r, golden *g)
{
    ng_error error;
    if (!next_line(r))
        return false;
    r->held = true;
    memset(g, 0, sizeof *g);
    snprintf(g->name, sizeof g->name, "%.60s", expect(r, "case"));
    if (ng_contract_parse(&g->contract, expect(r, "contract"), &error) !=
        ng_status_ok)
        fail_msg("%s:%d: %s", r->path, r->number, error.text);
    read_sizes(r, g);
    while (next_line(r) && value_of(r, "out") == NULL)
        read_input(r, g);
    r->held = true;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_use use = g->slots[role].use;
        bool optional = role == ng_tensor_gamma || role == ng_tensor_beta ||
                        role == ng_tensor_dh;
        if ((use == ng_input || use == ng_update) && g->given[role] == 0 &&
            !optional)
            bad_line(r, ng_role_name(role));
    }
    return true;
}

static const void *input(const golden *g, ng_role role)
{
    return g->given[role] != 0 ? g->raw[role] : NULL;
}

/* The element of a tensor that lies at `place` of its memory. */
static void point_at(const golden *g, const ng_exact *exact, ng_role role,
                     size_t place, ng_point *point)
{
    ng_view view = ng_case_view(&g->test, &g->contract);
    size_t set = place, i = 0, n = ng_view_n(&view);
    if (ng_role_extent(role) == ng_per_element) {
        for (size_t k = 0; k < ng_view_sets(&view) * n; k++) {
            set = k / n;
            i = k % n;
            if (ng_view_index(&view, set, i) == place)
                break;
        }
    }
    ng_exact_at(exact, role, set, i, point);
}

static bool value_near(const ng_point *point, mpfr_srcptr value)
{
    mpfr_t got;
    if (!isfinite(point->high))
        return false;
    if (mpfr_zero_p(value))
        return point->high == 0;
    mpfr_init2(got, 300);
    mpfr_set_d(got, point->high, MPFR_RNDN);
    mpfr_add_d(got, got, point->low, MPFR_RNDN);
    mpfr_mul_2si(got, got, point->exponent, MPFR_RNDN);
    mpfr_sub(got, got, value, MPFR_RNDN);
    bool near =
        mpfr_zero_p(got) || mpfr_get_exp(got) < mpfr_get_exp(value) - 99;
    mpfr_clear(got);
    return near;
}

/* `text` is TENSOR ROUNDED VALUE: the next element of that tensor. */
static void check_output(const reader *r, golden *g, const ng_exact *exact,
                         const char *text)
{
    char key[LINE_SIZE], *rest;
    ng_point point;
    ng_role role;
    mpfr_t value;
    int length = (int)strcspn(text, " ");
    snprintf(key, sizeof key, "%.*s", length, text);
    if (!ng_role_parse(key, &role) || !ng_exact_has(exact, role) ||
        g->checked[role] == g->slots[role].count)
        bad_line(r, "an output of the pass");
    size_t place = g->checked[role]++;
    double rounded = strtod(text + length, &rest);
    mpfr_init2(value, 300);
    if (*rest != ' ' || mpfr_set_str(value, rest + 1, 10, MPFR_RNDN) != 0)
        bad_line(r, "a rounding and digits");
    point_at(g, exact, role, place, &point);
    bool near = value_near(&point, value);
    if (point.kind != ng_kind_value || point.rounded != rounded || !near) {
        failures++;
        printf("FAILURE %s:%d: case %s: %s[%zu] is %a%s, the hand says %a\n",
               r->path, r->number, g->name, key, place, point.rounded,
               near ? "" : " (value off)", rounded);
    }
    mpfr_clear(value);
}

/* Every element of what the call writes; of other statistics all or none. */
static void check_complete(const reader *r, const golden *g)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        ng_use use = g->slots[role].use;
        bool due = use == ng_output || use == ng_update;
        if (g->checked[role] == 0 ? due
                                  : g->checked[role] != g->slots[role].count)
            fail_msg("%s:%d: case %s gives %zu of %zu values of %s", r->path,
                     r->number, g->name, g->checked[role], g->slots[role].count,
                     ng_role_name(role));
    }
}

static void check_case(reader *r, golden *g)
{
    ng_arena arena = {0};
    ng_error error;
    const char *text;
    ng_problem problem = {
        .contract = &g->contract,
        .view = ng_case_view(&g->test, &g->contract),
        .eps = g->test.eps,
        .momentum = g->test.momentum,
        .batches = g->test.batches,
        .x = input(g, ng_tensor_x),
        .residual = input(g, ng_tensor_residual),
        .gamma = input(g, ng_tensor_gamma),
        .beta = input(g, ng_tensor_beta),
        .dy = input(g, ng_tensor_dy),
        .dh = input(g, ng_tensor_dh),
        .mean = input(g, ng_tensor_mean),
        .rstd = input(g, ng_tensor_rstd),
        .running_mean = input(g, ng_tensor_running_mean),
        .running_var = input(g, ng_tensor_running_var),
    };
    ng_exact *exact = ng_exact_compute(&arena, &problem, &error);
    if (exact == NULL)
        fail_msg("%s:%d: %s", r->path, r->number, error.text);
    while (next_line(r)) {
        text = value_of(r, "out");
        if (text == NULL) {
            r->held = true;
            break;
        }
        check_output(r, g, exact, text);
    }
    check_complete(r, g);
    ng_arena_release(&arena);
}

static void check_op(const char *op)
{
    static golden g;
    reader r;
    size_t forward = 0, backward = 0;
    failures = 0;
    open_golden(&r, op);
    while (read_case(&r, &g)) {
        assert_string_equal(g.contract.op, op);
        check_case(&r, &g);
        if (ng_pass_find(g.contract.pass)->gradient)
            backward++;
        else
            forward++;
    }
    fclose(r.file);
    printf("  %s: %zu cases, %zu of gradients\n", op, forward + backward,
           backward);
    assert_int_equal(failures, 0);
    assert_true(forward >= FORWARD_LEAST && backward >= BACKWARD_LEAST);
    assert_true(forward + backward >= CASES_LEAST);
}

/* Every op brings its golden values. */
static void all_ops(void **state)
{
    (void)state;
    for (size_t k = 0; ng_ops[k] != NULL; k++)
        check_op(ng_ops[k]->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_ops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
