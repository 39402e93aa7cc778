/* The exact results of one call: every output of the pass, each correctly
 * rounded with proof. */
#include "exact.h"
#include "conditions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool exact_computes(const ng_problem *p, ng_role role)
{
    const ng_contract *contract = p->contract;
    const ng_pass_info *pass = ng_pass_find(contract->pass);
    switch (role) {
    case ng_tensor_y: return !pass->gradient;
    case ng_tensor_h:
        return !pass->gradient && contract->residual == ng_residual_sum;
    case ng_tensor_mean:
    case ng_tensor_rstd:
    case ng_tensor_var: return pass->training && !pass->gradient;
    case ng_tensor_running_mean:
    case ng_tensor_running_var:
        return pass->training && !pass->gradient && p->running_mean != NULL;
    case ng_tensor_dx: return pass->gradient;
    case ng_tensor_dresidual:
        return pass->gradient && contract->residual == ng_residual_sum;
    case ng_tensor_dgamma:
        return pass->gradient && contract->affine != ng_affine_none;
    case ng_tensor_dbeta:
        return pass->gradient && contract->affine == ng_affine_gamma_beta;
    default: return false;
    }
}

/* dresidual is dx. */
static ng_role stored_as(ng_role role)
{
    return role == ng_tensor_dresidual ? ng_tensor_dx : role;
}

static size_t count_of(const ng_exact *exact, ng_role role)
{
    switch (ng_role_extent(role)) {
    case ng_per_set: return exact->sets;
    case ng_per_param: return exact->params;
    case ng_per_channel: return exact->channels;
    default: return exact->sets * exact->n;
    }
}

/* Channels with running statistics: those that the view's gammas number. */
static ng_exact *exact_new(ng_arena *arena, const ng_problem *problem,
                           ng_error *error)
{
    const ng_view *view = &problem->view;
    ng_exact *exact = ng_arena_alloc(arena, 1, sizeof *exact);
    bool complete = exact != NULL;
    if (complete) {
        exact->problem = *problem;
        exact->contract = *problem->contract;
        exact->problem.contract = &exact->contract;
        exact->sets = ng_view_sets(view);
        exact->n = ng_view_n(view);
        exact->params = exact->channels = ng_view_params(view);
        exact->conditions =
            ng_arena_alloc(arena, exact->sets, sizeof *exact->conditions);
        complete = exact->conditions != NULL;
    }
    for (ng_role role = 0; complete && role < NG_TENSOR_COUNT; role++) {
        if (!exact_computes(problem, role) || stored_as(role) != role)
            continue;
        exact->point[role] = ng_arena_alloc(arena, count_of(exact, role),
                                            sizeof *exact->point[role]);
        complete = exact->point[role] != NULL;
    }
    if (complete)
        return exact;
    ng_fail(error, ng_status_no_memory,
            "no memory for the exact values of %zu x %zu outputs",
            ng_view_sets(view), ng_view_n(view));
    return NULL;
}

static bool problem_defined(const ng_problem *p, ng_error *error)
{
    const ng_pass_info *pass = ng_pass_find(p->contract->pass);
    const char *missing = NULL;
    bool saved = pass->training && pass->gradient &&
                 p->contract->backward_stats == ng_backward_stats_saved;
    if (p->x == NULL)
        missing = "x";
    else if (p->contract->residual == ng_residual_sum && !pass->gradient &&
             p->residual == NULL)
        missing = "residual";
    else if (pass->gradient && p->dy == NULL)
        missing = "dy";
    else if (!pass->training &&
             (p->running_mean == NULL || p->running_var == NULL))
        missing = "running_mean and running_var";
    else if (saved && p->rstd == NULL)
        missing = "rstd, which backward_stats=saved needs";
    else if (saved && p->contract->centred == ng_centred_yes && p->mean == NULL)
        missing = "mean, which backward_stats=saved needs";
    if (missing != NULL) {
        ng_fail(error, ng_status_bad_input, "the pass %s lacks %s",
                p->contract->pass, missing);
        return false;
    }
    double eps = ng_contract_eps(p->contract, p->eps);
    if (!(eps >= 0) || isinf(eps)) {
        ng_fail(error, ng_status_bad_input,
                "eps=%g is no finite number >= 0 in the contract's eps_dtype",
                p->eps);
        return false;
    }
    if (!isfinite(p->momentum)) {
        ng_fail(error, ng_status_bad_input, "momentum=%g is not finite",
                p->momentum);
        return false;
    }
    return true;
}

/* Under round_residual=yes what is normalized is h, rounded to storage. */
static bool round_residual(ng_arena *arena, const ng_problem *p,
                           const ng_exact *exact, ng_problem *rounded)
{
    ng_dtype dtype = ng_contract_storage(p->contract);
    void *h = ng_arena_alloc(arena, ng_view_extent(&p->view),
                             ng_format_of(dtype)->size);
    if (h == NULL)
        return false;
    for (size_t set = 0; set < exact->sets; set++) {
        for (size_t i = 0; i < exact->n; i++)
            ng_dtype_set(dtype, h, ng_view_index(&p->view, set, i),
                         exact->point[ng_tensor_h][set * exact->n + i].rounded);
    }
    *rounded = *p;
    rounded->x = h;
    rounded->residual = NULL;
    return true;
}

static void fill_h(ng_exact *exact, const ng_problem *p)
{
    set_state none = {.problem = p, .r = {.den = 1}}; /* no root */
    for (size_t set = 0; set < exact->sets; set++) {
        for (size_t i = 0; i < exact->n; i++) {
            element e = element_at(p, set, i);
            exact_h(&none, &exact->point[ng_tensor_h][set * exact->n + i], &e);
        }
    }
}

static ng_point *at_set(const ng_exact *exact, ng_role role, size_t set)
{
    return exact->point[role] == NULL ? NULL : &exact->point[role][set];
}

static void fill_set(ng_exact *exact, const set_state *s)
{
    const ng_problem *p = s->problem;
    ng_point *y = exact->point[ng_tensor_y], *dx = exact->point[ng_tensor_dx];
    size_t base = s->set * exact->n;
    conditions_of(s, &exact->conditions[s->set]);
    exact_statistics(s, at_set(exact, ng_tensor_mean, s->set),
                     at_set(exact, ng_tensor_rstd, s->set),
                     at_set(exact, ng_tensor_var, s->set));
    for (size_t i = 0; i < exact->n; i++) {
        element e = element_at(p, s->set, i);
        if (y != NULL)
            exact_y(s, &y[base + i], &e);
        if (dx != NULL)
            exact_dx(s, &dx[base + i], &e);
    }
}

static void count_levels(ng_exact *exact)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        size_t count = exact->point[role] != NULL ? count_of(exact, role) : 0;
        for (size_t i = 0; i < count; i++)
            exact->levels[exact->point[role][i].level]++;
    }
}

/* All sets, one after the other; their states are kept only where outputs hang
 * on several of them. */
static bool fill_sets(ng_exact *exact, const ng_problem *p, double eps)
{
    bool shared = exact->point[ng_tensor_dgamma] != NULL ||
                  exact->point[ng_tensor_dbeta] != NULL ||
                  exact->point[ng_tensor_running_mean] != NULL;
    size_t count = shared ? exact->sets : 1;
    set_state *states = calloc(count + 1, sizeof *states);
    if (states == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        set_init(&states[i]);
    for (size_t set = 0; set < exact->sets; set++) {
        set_state *s = &states[shared ? set : 0];
        set_load(s, p, eps, set);
        fill_set(exact, s);
    }
    if (exact->point[ng_tensor_dgamma] != NULL ||
        exact->point[ng_tensor_dbeta] != NULL)
        exact_parameters(exact, states);
    if (exact->point[ng_tensor_running_mean] != NULL)
        exact_running(exact, states);
    for (size_t i = 0; i < count; i++)
        set_clear(&states[i]);
    free(states);
    return true;
}

ng_exact *ng_exact_compute(ng_arena *arena, const ng_problem *problem,
                           ng_error *error)
{
    if (!problem_defined(problem, error))
        return NULL;
    ng_exact *exact = exact_new(arena, problem, error);
    if (exact == NULL)
        return NULL;
    ng_problem own = *problem;
    bool enough = true;
    if (exact->point[ng_tensor_h] != NULL) {
        fill_h(exact, problem);
        if (problem->contract->round_residual == ng_round_residual_yes)
            enough = round_residual(arena, problem, exact, &own);
        exact->problem.x = own.x;
        exact->problem.residual = own.residual;
    }
    if (!enough ||
        !fill_sets(exact, &own, ng_contract_eps(own.contract, own.eps))) {
        ng_fail(error, ng_status_no_memory, "no memory for the exact values");
        return NULL;
    }
    count_levels(exact);
    return exact;
}

bool ng_exact_has(const ng_exact *exact, ng_role role)
{
    return exact->point[stored_as(role)] != NULL &&
           exact_computes(&exact->problem, role);
}

void ng_exact_at(const ng_exact *exact, ng_role role, size_t set, size_t i,
                 ng_point *point)
{
    const ng_point *points = exact->point[stored_as(role)];
    *point = ng_role_extent(role) == ng_per_element ? points[set * exact->n + i]
                                                    : points[set];
}

const ng_conditions *ng_exact_conditions(const ng_exact *exact, size_t set)
{
    return &exact->conditions[set];
}

const size_t *ng_exact_levels(const ng_exact *exact)
{
    return exact->levels;
}

const char *ng_reference_libraries(void)
{
#define NUMBER(n) #n
#define DOTTED(a, b, c) NUMBER(a) "." NUMBER(b) "." NUMBER(c)
    return "MPFR " MPFR_VERSION_STRING ", GMP " DOTTED(
        __GNU_MP_VERSION, __GNU_MP_VERSION_MINOR, __GNU_MP_VERSION_PATCHLEVEL);
#undef NUMBER
#undef DOTTED
}

/* a - b, and whether it is exact (Knuth's TwoSum). */
static double difference(double a, double b, bool *exactly)
{
    double sum = a - b, part = sum - a;
    *exactly = *exactly && (a - (sum - part)) - (b + part) == 0;
    return sum;
}

double ng_point_error(const ng_point *point, double got)
{
    if (point->kind != ng_kind_value && point->kind != ng_kind_zero_nan)
        return NAN;
    if (!isfinite(got))
        return NAN;
    /* The factor rounds the whole up; where nothing was rounded, as at half a
     * unit in the last place, it would turn an error of 1/2 into more. */
    bool exactly = true;
    double scaled = ldexp(got, -point->exponent);
    if (isinf(scaled)) /* exact is so small beside got that it hardly counts */
        return fabs(got) * (1 + 0x1p-50);
    double first = difference(scaled, point->high, &exactly);
    double distance = fabs(difference(first, point->low, &exactly));
    double rounded_up = exactly ? distance : distance * (1 + 0x1p-50);
    double absolute = ldexp(rounded_up, point->exponent);
    /* Among subnormal doubles ldexp rounds, and may round down. */
    if (ldexp(absolute, -point->exponent) < rounded_up)
        absolute = nextafter(absolute, INFINITY);
    return absolute;
}
