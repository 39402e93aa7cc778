/* Pattern: what the wrong outputs of a call have in common, where no known
 * cause explains them. */
#include "diagnose.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The output that the norm is for: y, or dx. */
static ng_role main_role(const ng_problem *problem)
{
    return ng_pass_find(problem->contract->pass)->gradient ? ng_tensor_dx
                                                           : ng_tensor_y;
}

/* The wrong outputs of one role. */
typedef struct pattern {
    size_t judged, wrong, nan, infinite, zero;
    size_t finite;                       /* where that is wrong */
    size_t first_set, first_element;     /* least of a wrong output */
    double least_factor, largest_factor; /* of (got - beta)/(exact - beta) */
} pattern;

static double beta_of(const ng_sample *sample, const ng_outcome *o)
{
    const ng_problem *p = &sample->call->problem;
    if (p->beta == NULL || o->role != ng_tensor_y ||
        p->contract->affine != ng_affine_gamma_beta)
        return 0;
    return ng_dtype_get(ng_contract_param(p->contract), p->beta,
                        ng_view_param(&p->view, o->set, o->i));
}

static void look_at(pattern *p, const ng_outcome *o, double beta)
{
    p->judged++;
    if (!o->wrong)
        return;
    p->wrong++;
    p->nan += isnan(o->got) != 0;
    p->infinite += isinf(o->got) != 0;
    p->zero += o->got == 0;
    p->finite += !o->value && isfinite(o->got);
    p->first_set = o->set < p->first_set ? o->set : p->first_set;
    p->first_element = o->i < p->first_element ? o->i : p->first_element;
    double factor = (o->got - beta) / (o->exact - beta);
    if (o->value && isfinite(factor)) {
        p->least_factor = fmin(p->least_factor, factor);
        p->largest_factor = fmax(p->largest_factor, factor);
    }
}

static void survey(const ng_sample *sample, pattern pattern_of[NG_TENSOR_COUNT])
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++)
        pattern_of[role] = (pattern){.first_set = SIZE_MAX,
                                     .first_element = SIZE_MAX,
                                     .least_factor = INFINITY,
                                     .largest_factor = -INFINITY};
    for (size_t k = 0; k < sample->count; k++) {
        const ng_outcome *o = &sample->outcome[k];
        look_at(&pattern_of[o->role], o, beta_of(sample, o));
    }
}

/* --- rstd -------------------------------------------------------------------- */

/* The factor by which rstd is off in a set, by the largest output; NAN: none
 * tells. */
typedef struct scaling {
    double factor, size;
    bool right; /* every output of the set agrees */
} scaling;

static scaling scaling_of(const ng_sample *sample, size_t set)
{
    scaling s = {NAN, 0, true};
    for (int step = 0; step < 2; step++) {
        for (size_t k = 0; k < sample->count; k++) {
            const ng_outcome *o = &sample->outcome[k];
            bool rstd = o->role == ng_tensor_rstd;
            if (o->set != set || (!rstd && o->role != ng_tensor_y))
                continue;
            double beta = beta_of(sample, o), exact = o->exact - beta;
            double telling = fabs(exact) / o->bound;
            if (step == 0 && telling > s.size) {
                s.size = telling;
                s.factor = (o->got - beta) / exact;
            }
            if (step == 1)
                s.right = s.right && fabs(o->got - beta - s.factor * exact) <=
                                         (2 + fabs(s.factor)) * o->bound;
        }
    }
    return s;
}

/* The error of a variance formed as E[x^2] - E[x]^2 in the arithmetic, n + 3
 * roundings of each. */
static double cancelled(const ng_sample *sample, const ng_conditions *c)
{
    double u = ng_dtype_u(ng_contract_compute(sample->call->problem.contract));
    double square = c->root_mean_square * c->root_mean_square;
    return 2 * (c->n + 3) * u * square;
}

/* Tells of a scale that alone is wrong: of a variance that cancels, or of an
 * rstd that is approximate. */
static bool describe_rstd(const ng_sample *sample, ng_finding *finding)
{
    double least = INFINITY, largest = -INFINITY, ratio = 0;
    const ng_contract *contract = sample->call->problem.contract;
    bool scales = true;
    bool cancels = ng_pass_find(contract->pass)->training; /* forms one */
    for (size_t set = 0; set < sample->evaluation.sets; set++) {
        const ng_conditions *c =
            ng_exact_conditions(sample->standard->exact, set);
        size_t wrong = 0, nan = 0;
        for (size_t k = 0; k < sample->count; k++) {
            const ng_outcome *o = &sample->outcome[k];
            bool here = o->role == ng_tensor_y || o->role == ng_tensor_rstd;
            wrong += o->wrong && here && o->set == set;
            nan += o->wrong && here && o->set == set && !isfinite(o->got);
            if (o->wrong && !here)
                return false;
        }
        if (wrong == 0)
            continue;
        double error = cancelled(sample, c), var = c->scale * c->scale;
        if (c->deviation > 0 || c->mean != 0)
            ratio = fmax(ratio, fabs(c->mean) / c->deviation);
        if (!c->finite)
            return false;
        if (nan == wrong) {
            scales = false;
            cancels = cancels && error >= var;
            continue;
        }
        scaling s = scaling_of(sample, set);
        double found = var / (s.factor * s.factor);
        scales = scales && s.right && s.factor > 0;
        cancels = cancels && s.right && fabs(found - var) <= error;
        least = fmin(least, s.factor);
        largest = fmax(largest, s.factor);
    }
    if (cancels && ratio > 10) {
        char factors[64] = "not finite"; /* in no set a number */
        if (least <= largest)
            snprintf(factors, sizeof factors, "off by factors %.7g to %.7g",
                     least, largest);
        ng_finding_fail(finding, NG_FAIL,
                        "the variance cancels (one-pass), as E[x^2] - E[x]^2 "
                        "does: %zu of %zu outputs wrong, rstd %s at "
                        "|mean|/sigma = %.3g",
                        sample->wrong, sample->count, factors, ratio);
        return true;
    }
    if (!scales)
        return false;
    ng_finding_fail(finding, NG_FAIL,
                    "rstd is off%s, the mean is right: %zu of %zu outputs "
                    "wrong, x_hat by factors %.8g to %.8g",
                    least > 0.9 && largest < 1.1 ? " (approximate)" : "",
                    sample->wrong, sample->count, least, largest);
    return true;
}

/* --- words ------------------------------------------------------------------- */

static void ending_of(const pattern *p, size_t n, char ending[80])
{
    ending[0] = '\0';
    if (p->first_element > 0 && p->first_element + 64 >= n && n > 16)
        snprintf(ending, 80, ", all among the last %zu of their rows",
                 n - p->first_element);
    else if (p->first_element > 0 && p->first_element < n && n > 1)
        snprintf(ending, 80, ", all from element %zu on", p->first_element);
    else if (p->first_set > 0)
        snprintf(ending, 80, ", all from row %zu on", p->first_set);
}

/* The role that is told of: the main one if it is wrong at all. */
static ng_role told_role(const ng_sample *sample, const pattern *pattern_of,
                         bool *alone)
{
    ng_role told = main_role(&sample->call->problem);
    size_t wrong_roles = 0;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        wrong_roles += pattern_of[role].wrong > 0;
        if (pattern_of[told].wrong == 0 && pattern_of[role].wrong > 0)
            told = role;
    }
    *alone = wrong_roles == 1;
    return told;
}

static void describe_role(const pattern *p, const char *name, bool alone,
                          size_t n, ng_finding *finding)
{
    char ending[80];
    const char *rest = alone ? ", the rest right" : "";
    ending_of(p, n, ending);
    if (p->nan == p->wrong)
        ng_finding_fail(finding, NG_FAIL,
                        "NaN in %zu of %zu outputs of %s whose exact value is "
                        "finite%s%s",
                        p->nan, p->judged, name, ending, rest);
    else if (p->nan + p->infinite == p->wrong)
        ng_finding_fail(finding, NG_FAIL,
                        "NaN or Inf in %zu of %zu outputs of %s whose exact "
                        "value is finite%s%s",
                        p->wrong, p->judged, name, ending, rest);
    else if (p->finite == p->wrong)
        ng_finding_fail(finding, NG_FAIL,
                        "finite in %zu of %zu outputs of %s that should be NaN "
                        "or infinite%s%s",
                        p->wrong, p->judged, name, ending, rest);
    else if (p->zero == p->wrong)
        ng_finding_fail(finding, NG_FAIL,
                        "zero in %zu of %zu outputs of %s whose exact value is "
                        "not (squares that overflow, or outputs not "
                        "computed)%s%s",
                        p->zero, p->judged, name, ending, rest);
    else if (p->least_factor <= p->largest_factor &&
             p->largest_factor - p->least_factor <
                 0.01 * fabs(p->largest_factor - 1))
        ng_finding_fail(finding, NG_FAIL,
                        "%zu of %zu outputs of %s are outside their bound, all "
                        "by the factor %.8g%s%s",
                        p->wrong, p->judged, name, p->largest_factor, rest,
                        ending);
    else
        ng_finding_fail(finding, NG_FAIL,
                        "%zu of %zu outputs of %s are outside their bound%s%s",
                        p->wrong, p->judged, name, rest, ending);
}

void ng_describe(const ng_sample *sample, ng_finding *finding)
{
    pattern pattern_of[NG_TENSOR_COUNT];
    bool alone;
    bool gradient = main_role(&sample->call->problem) == ng_tensor_dx;
    survey(sample, pattern_of);
    if (sample->wrong == 0 || (!gradient && describe_rstd(sample, finding)))
        return;
    ng_role told = told_role(sample, pattern_of, &alone);
    const pattern *p = &pattern_of[told];
    describe_role(p, ng_role_name(told), alone,
                  ng_role_extent(told) == ng_per_element ? sample->evaluation.n
                                                         : 1,
                  finding);
}
