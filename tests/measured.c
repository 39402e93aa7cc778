/* One case, checked, and its columns. */
#include "measured.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_of(const ng_kernel_info *info, const char *kernel,
                  const ng_case *test)
{
    const ng_contract *c = &info->contract;
    return kernel != NULL ? strcmp(info->name, kernel) == 0
                          : strcmp(c->op, test->op) == 0 &&
                                strcmp(c->pass, test->pass) == 0 &&
                                ng_contract_storage(c) == test->dtype;
}

void measured_begin(measured *c, const char *spec, const char *kernel,
                    const char *line)
{
    const ng_subject_options options = {.timeout_s = 60, .start_s = 60};
    ng_error error;
    memset(c, 0, sizeof *c);
    if (ng_case_parse(&c->test, line, &error) != ng_status_ok ||
        ng_subject_open(&c->subject, spec, &options, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    size_t k = 0, count = ng_subject_kernel_count(c->subject);
    while (k < count &&
           !is_of(ng_subject_kernel(c->subject, k), kernel, &c->test))
        k++;
    if (k == count)
        fail_msg("%s has no kernel for %s", spec, line);
    const ng_contract *contract = &ng_subject_kernel(c->subject, k)->contract;
    c->trial = (ng_trial){.subject = c->subject,
                          .kernel = k,
                          .contract = contract,
                          .op = ng_op_find(contract->op),
                          .seed = 1};
}

void measured_check(measured *c, const char *property)
{
    const ng_property *p = ng_property_find(property);
    ng_error error;
    assert_non_null(p);
    assert_true(p->applies(c->trial.contract));
    ng_finding_init(&c->finding);
    p->check(&c->trial, &c->test, &c->finding);
    if (ng_columns_read(&c->columns, &c->arena, c->finding.columns, &error) !=
        ng_status_ok)
        fail_msg("%s", error.text);
}

void measured_end(measured *c)
{
    ng_subject_close(c->subject);
    ng_arena_release(&c->trial.arena);
    ng_arena_release(&c->arena);
}

void measured_run(measured *c, const char *spec, const char *line,
                  const char *property)
{
    measured_begin(c, spec, NULL, line);
    measured_check(c, property);
}

double measured_one(const measured *c, const char *name)
{
    ng_column column = ng_columns_find(&c->columns, name);
    if (column.count != 1)
        fail_msg("%zu values of %s in \"%s\"", column.count, name,
                 c->finding.columns);
    return column.values[0];
}

ng_column measured_all(const measured *c, const char *name, size_t count)
{
    ng_column column = ng_columns_find(&c->columns, name);
    if (column.count != count)
        fail_msg("%zu values of %s, not %zu, in \"%s\"", column.count, name,
                 count, c->finding.columns);
    return column;
}

void assert_near(const char *what, double got, double want, double slack)
{
    if (!(fabs(got - want) <= slack))
        fail_msg("%s: %.9g, not %.9g within %.2g", what, got, want, slack);
}

/* The case's own tensors, drawn once more. */
float *measured_tensor(measured *c, ng_role role)
{
    ng_tensor tensors[NG_TENSOR_COUNT];
    ng_problem problem;
    ng_error error;
    if (ng_case_tensors(&c->test, c->trial.contract, &c->arena, &problem,
                        tensors, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    if (role == ng_tensor_running_mean)
        return (float *)problem.running_mean;
    if (role == ng_tensor_running_var)
        return (float *)problem.running_var;
    assert_int_equal(tensors[role].dtype, ng_f32);
    return tensors[role].data;
}
