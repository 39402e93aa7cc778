/* Proves the reference on values derived by hand: golden/OP.txt gives, with the
 * derivation, the correct rounding of each output and its first 45 digits. The
 * rounding must be equal, the value must agree to 2^-99. */
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

enum { N_MAX = 16, LINE_SIZE = 512 };

typedef struct reader {
    FILE *file;
    char path[400], line[LINE_SIZE];
    int number;
} reader;

typedef struct golden {
    char name[64];
    ng_contract contract;
    double eps, x[N_MAX], gamma[N_MAX], beta[N_MAX];
    size_t n, gammas, betas;
} golden;

static void open_golden(reader *r, const char *op)
{
    snprintf(r->path, sizeof r->path, "%s/tests/golden/%s.txt",
             NORMGATE_SOURCE_DIR, op);
    r->number = 0;
    r->file = fopen(r->path, "r");
    if (r->file == NULL)
        fail_msg("cannot open %s", r->path);
}

/* The next line that is neither empty nor a comment; false at the end. */
static bool next_line(reader *r)
{
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

/* The text behind `key ` of this line. */
static const char *value_of(const reader *r, const char *key)
{
    size_t length = strlen(key);
    if (strncmp(r->line, key, length) != 0 || r->line[length] != ' ')
        bad_line(r, key);
    return r->line + length + 1;
}

static size_t read_numbers(reader *r, const char *key, double *values)
{
    if (!next_line(r))
        bad_line(r, key);
    const char *text = value_of(r, key);
    size_t count = 0;
    if (strcmp(text, "-") == 0)
        return 0;
    for (;;) {
        char *end;
        double value = strtod(text, &end);
        if (end == text)
            break;
        if (count == N_MAX)
            bad_line(r, "fewer numbers");
        values[count++] = value;
        text = end;
    }
    if (*text != '\0' || count == 0)
        bad_line(r, key);
    return count;
}

static bool read_case(reader *r, golden *g)
{
    ng_error error;
    if (!next_line(r))
        return false;
    snprintf(g->name, sizeof g->name, "%.60s", value_of(r, "case"));
    if (!next_line(r))
        bad_line(r, "contract");
    if (ng_contract_parse(&g->contract, value_of(r, "contract"), &error) !=
        ng_status_ok)
        fail_msg("%s:%d: %s", r->path, r->number, error.text);
    if (read_numbers(r, "eps", &g->eps) != 1)
        bad_line(r, "one eps");
    g->n = read_numbers(r, "x", g->x);
    g->gammas = read_numbers(r, "gamma", g->gamma);
    g->betas = read_numbers(r, "beta", g->beta);
    if ((g->gammas != 0 && g->gammas != g->n) ||
        (g->betas != 0 && g->betas != g->n))
        bad_line(r, "as many gamma and beta as x");
    return true;
}

static size_t failures;

static void check_output(reader *r, const golden *g, const ng_exact *exact,
                         ng_role role, size_t i)
{
    ng_point point;
    mpfr_t value, got;
    if (!next_line(r))
        bad_line(r, ng_role_name(role));
    char *rest;
    double rounded = strtod(value_of(r, ng_role_name(role)), &rest);
    mpfr_init2(value, 300);
    mpfr_init2(got, 300);
    if (mpfr_set_str(value, rest + 1, 10, MPFR_RNDN) != 0)
        bad_line(r, "digits");
    ng_exact_at(exact, role, 0, i, &point);
    mpfr_set_d(got, point.high, MPFR_RNDN);
    mpfr_add_d(got, got, point.low, MPFR_RNDN);
    mpfr_mul_2si(got, got, point.exponent, MPFR_RNDN);
    mpfr_sub(got, got, value, MPFR_RNDN);
    bool zero = mpfr_zero_p(value) != 0;
    bool near = !isfinite(point.high) ? false
                : zero                ? point.high == 0
                                      : mpfr_zero_p(got) ||
                             mpfr_get_exp(got) < mpfr_get_exp(value) - 99;
    if (point.kind != ng_kind_value || point.rounded != rounded || !near) {
        failures++;
        printf("FAILURE %s:%d: case %s: %s[%zu] is %a%s, the hand says %a\n",
               r->path, r->number, g->name, ng_role_name(role), i,
               point.rounded, near ? "" : " (value off)", rounded);
    }
    mpfr_clears(value, got, (mpfr_ptr)0);
}

static void *encode(ng_dtype dtype, const double *values, size_t count,
                    void *raw)
{
    for (size_t i = 0; i < count; i++)
        ng_dtype_set(dtype, raw, i, values[i]);
    return count != 0 ? raw : NULL;
}

static void check_case(reader *r, const golden *g)
{
    ng_arena arena = {0};
    ng_error error;
    ng_dtype dtype = ng_contract_storage(&g->contract);
    ng_dtype param = ng_contract_param(&g->contract);
    double x[N_MAX], gamma[N_MAX], beta[N_MAX];
    ng_problem problem = {.contract = &g->contract,
                          .view = ng_view_rows(1, g->n),
                          .eps = g->eps,
                          .x = encode(dtype, g->x, g->n, x),
                          .gamma = encode(param, g->gamma, g->gammas, gamma),
                          .beta = encode(param, g->beta, g->betas, beta)};
    ng_exact *exact = ng_exact_forward(&arena, &problem, &error);
    if (exact == NULL)
        fail_msg("%s:%d: %s", r->path, r->number, error.text);
    if (g->contract.centred == ng_centred_yes)
        check_output(r, g, exact, ng_tensor_mean, 0);
    check_output(r, g, exact, ng_tensor_rstd, 0);
    for (size_t i = 0; i < g->n; i++)
        check_output(r, g, exact, ng_tensor_y, i);
    ng_arena_release(&arena);
}

static void check_op(const char *op)
{
    reader r;
    golden g;
    size_t cases = 0;
    failures = 0;
    open_golden(&r, op);
    for (; read_case(&r, &g); cases++)
        check_case(&r, &g);
    fclose(r.file);
    printf("  %s: %zu cases\n", op, cases);
    assert_int_equal(failures, 0);
    assert_true(cases >= 12);
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
