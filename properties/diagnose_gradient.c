/* Diagnosis of dx: which term of
 *
 *   dx = (g - mean g - x_hat mean(g x_hat))/s + dh,  g = gamma*dy
 *
 * is missing, or too much? Each candidate is evaluated in long double and
 * explains the kernel if every output lies within twice its bound of it. */
#include "judge.h"

#include <math.h>

typedef long double wide;

typedef struct terms {
    wide g, mean, slope, dh; /* mean g; x_hat mean(g x_hat) */
    wide rstd;
} terms;

static wide without_mean(const terms *t)
{
    return (t->g - t->slope) * t->rstd + t->dh;
}

static wide without_slope(const terms *t)
{
    return (t->g - t->mean) * t->rstd + t->dh;
}

static wide constants(const terms *t)
{
    return t->g * t->rstd + t->dh;
}

static wide without_dh(const terms *t)
{
    return (t->g - t->mean - t->slope) * t->rstd;
}

static wide without_rstd(const terms *t)
{
    return t->g - t->mean - t->slope + t->dh;
}

static wide rstd_twice(const terms *t)
{
    return (t->g - t->mean - t->slope) * t->rstd * t->rstd + t->dh;
}

static wide plus_slope(const terms *t)
{
    return (t->g - t->mean + t->slope) * t->rstd + t->dh;
}

static const struct {
    wide (*value)(const terms *t);
    const char *words;
} candidates[] = {
    {without_mean, "the mean of gamma*dy is not subtracted"},
    {without_slope, "the term x_hat*mean(gamma*dy*x_hat) is missing"},
    {constants, "mean and rstd are treated as constants"},
    {without_dh, "dh, the gradient of the residual sum, is not added"},
    {without_rstd, "the factor rstd is missing"},
    {rstd_twice, "the factor rstd stands twice"},
    {plus_slope, "the term x_hat*mean(gamma*dy*x_hat) has the wrong sign"},
};
enum { CANDIDATES = sizeof candidates / sizeof candidates[0] };

/* What the elements of a set share. */
typedef struct shared {
    wide mean, slope;
} shared;

static wide read(const ng_problem *p, const void *array, ng_role role,
                 size_t at, wide absent)
{
    ng_dtype dtype = ng_contract_dtype(p->contract, role);
    return array == NULL ? absent : (wide)ng_dtype_get(dtype, array, at);
}

static wide x_hat_of(const ng_problem *p, const ng_conditions *c, size_t at)
{
    return (read(p, p->x, ng_tensor_x, at, 0) - c->mean) / (wide)c->scale;
}

static wide g_of(const ng_problem *p, size_t set, size_t i)
{
    size_t at = ng_view_index(&p->view, set, i);
    size_t param = ng_view_param(&p->view, set, i);
    bool plus = p->contract->affine == ng_affine_one_plus_gamma;
    wide gamma = read(p, p->gamma, ng_tensor_gamma, param, plus ? 0 : 1);
    return (gamma + plus) * read(p, p->dy, ng_tensor_dy, at, 0);
}

static shared share(const ng_problem *p, const ng_conditions *c, size_t set)
{
    shared s = {0, 0};
    for (size_t i = 0; i < (size_t)c->n; i++) {
        size_t at = ng_view_index(&p->view, set, i);
        s.mean += g_of(p, set, i);
        s.slope += g_of(p, set, i) * x_hat_of(p, c, at);
    }
    s.mean = p->contract->centred == ng_centred_yes ? s.mean / c->n : 0;
    s.slope /= c->divisor;
    return s;
}

/* Counts, per candidate, the outputs of one set that it explains. */
static size_t try_set(const ng_standard *standard, const ng_tensor *dx,
                      size_t set, size_t explained[CANDIDATES])
{
    const ng_problem *p = standard->problem;
    const ng_conditions *c = ng_exact_conditions(standard->exact, set);
    size_t judged_count = 0;
    if (!c->finite || !c->gradient_finite || c->flat)
        return 0;
    shared s = share(p, c, set);
    for (size_t i = 0; i < (size_t)c->n; i++) {
        ng_judged judged;
        ng_judge_output(&judged, standard, dx, ng_tensor_dx, set, i);
        if (!judged.judged || judged.point.kind != ng_kind_value)
            continue;
        judged_count++;
        size_t at = ng_view_index(&p->view, set, i);
        terms t = {.g = g_of(p, set, i),
                   .mean = s.mean,
                   .slope = s.slope * x_hat_of(p, c, at),
                   .dh = read(p, p->dh, ng_tensor_dh, at, 0),
                   .rstd = 1 / (wide)c->scale};
        for (size_t k = 0; k < CANDIDATES; k++) {
            wide value = candidates[k].value(&t);
            wide unit = ng_dtype_ulp(dx->dtype, (double)value);
            explained[k] +=
                fabsl(judged.got - value) <= 2 * judged.bound + unit;
        }
    }
    return judged_count;
}

const char *ng_diagnose_dx(ng_arena *arena, const ng_call_state *call)
{
    ng_standard standard;
    size_t explained[CANDIDATES] = {0}, judged = 0;
    if (!ng_pass_find(call->problem.contract->pass)->training ||
        !ng_standard_make(&standard, arena, &call->problem, NULL))
        return NULL;
    for (size_t set = 0; set < ng_view_sets(&call->problem.view); set++)
        judged +=
            try_set(&standard, &call->tensor[ng_tensor_dx], set, explained);
    for (size_t k = 0; k < CANDIDATES; k++) {
        if (judged > 0 && explained[k] == judged)
            return candidates[k].words;
    }
    return NULL;
}
