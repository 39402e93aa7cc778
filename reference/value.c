/* One output at any precision: the set's state, the table, the surd. */
#include "value.h"
#include "exact.h"

#include <stdlib.h>

typedef bool table_of(const set_state *s, ng_point *point, const element *e);
typedef void surd_of(const set_state *s, surd *to, const element *e);
typedef void statistic_of(const set_state *s, surd *to);

static bool element_value(const set_state *s, size_t i, table_of *table,
                          surd_of *of, mpfr_t value)
{
    element e = element_at(s->problem, s->set, i);
    ng_point point;
    surd exactly;
    if (table(s, &point, &e))
        return false;
    surd_init(&exactly, &s->r);
    of(s, &exactly, &e);
    surd_value(value, &exactly);
    surd_clear(&exactly);
    return true;
}

static bool statistic_value(const set_state *s, ng_role role, statistic_of *of,
                            mpfr_t value)
{
    ng_point mean = {0}, rstd = {0}, var = {0};
    surd exactly;
    exact_statistics(s, &mean, &rstd, &var);
    if ((role == ng_tensor_mean   ? mean.kind
         : role == ng_tensor_rstd ? rstd.kind
                                  : var.kind) != ng_kind_value)
        return false;
    surd_init(&exactly, &s->r);
    of(s, &exactly);
    surd_value(value, &exactly);
    surd_clear(&exactly);
    return true;
}

/* Outputs that hang on one set. */
static bool set_value(const set_state *s, ng_role role, size_t i, mpfr_t value)
{
    switch (role) {
    case ng_tensor_y: return element_value(s, i, table_y, set_surd_y, value);
    case ng_tensor_h: return element_value(s, i, table_h, set_surd_h, value);
    case ng_tensor_dx:
    case ng_tensor_dresidual:
        return element_value(s, i, table_dx, set_surd_dx, value);
    case ng_tensor_mean: return statistic_value(s, role, set_surd_mean, value);
    case ng_tensor_rstd: return statistic_value(s, role, set_surd_rstd, value);
    case ng_tensor_var: return statistic_value(s, role, set_surd_var, value);
    default: return false;
    }
}

/* Outputs that hang on every set of a parameter or channel. */
static bool shared_value(const ng_exact *exact, const set_state *states,
                         ng_role role, size_t index, mpfr_t value)
{
    switch (role) {
    case ng_tensor_dgamma:
    case ng_tensor_dbeta:
        return parameter_value(exact, states, index, role == ng_tensor_dgamma,
                               value);
    case ng_tensor_running_mean:
    case ng_tensor_running_var:
        return running_value(exact, states, index,
                             role == ng_tensor_running_var, value);
    default: return false;
    }
}

bool reference_value(const ng_problem *problem, ng_role role, size_t set,
                     size_t i, mpfr_t value)
{
    const ng_contract *contract = problem->contract;
    ng_extent extent = ng_role_extent(role);
    bool shared = extent == ng_per_param || extent == ng_per_channel;
    ng_exact exact = {.problem = *problem,
                      .contract = *contract,
                      .sets = ng_view_sets(&problem->view),
                      .n = ng_view_n(&problem->view)};
    size_t count = shared ? exact.sets : 1;
    if (!exact_computes(problem, role) ||
        (!ng_pass_find(contract->pass)->gradient &&
         contract->residual == ng_residual_sum &&
         contract->round_residual == ng_round_residual_yes))
        return false;
    set_state *states = calloc(count + 1, sizeof *states);
    if (states == NULL)
        return false;
    for (size_t k = 0; k < count; k++) {
        set_init(&states[k]);
        set_load(&states[k], problem, ng_contract_eps(contract, problem->eps),
                 shared ? k : set);
    }
    bool known = shared ? shared_value(&exact, states, role, set, value)
                        : set_value(&states[0], role, i, value);
    for (size_t k = 0; k < count; k++)
        set_clear(&states[k]);
    free(states);
    return known;
}
