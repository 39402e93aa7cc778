/* Diagnosis: under which neighbouring contract would the kernel be right? One
 * field is changed at a time; the first that explains every output names the
 * cause. Failing that, the pattern of the wrong outputs is described. */
#include "judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A search costs an exact result per neighbour, and a kernel that fails a
 * hundred cases of a property fails them for one reason: small cases, which
 * reports show, are always searched, of large ones the first few. */
enum { SMALL = 1024, MOST_SEARCHES = 6 };

typedef struct neighbour {
    const char *field, *value; /* NULL: eps is multiplied instead */
    double eps_factor;         /* -1: divided by n */
    const char *words;
} neighbour;

static const neighbour neighbours[] = {
    {"eps_place", "outside", 1, "eps added outside the square root"},
    {"eps_place", "none", 1, "eps ignored"},
    {"eps_place", "max_var", 1, "max(var, eps) instead of var + eps"},
    {"eps_place", "inside", 1, "eps added inside the square root"},
    {NULL, NULL, 2, "eps added twice"},
    {NULL, NULL, -1, "eps added to the sum of squares, not to their mean"},
    {"eps_dtype", "f16", 1, "eps rounded to f16"},
    {"eps_dtype", "bf16", 1, "eps rounded to bf16"},
    {"divisor", "n_minus_1", 1, "a variance divided by n - 1"},
    {"divisor", "n", 1, "a variance divided by n"},
    {"centred", "no", 1, "the mean not subtracted"},
    {"centred", "yes", 1, "the mean subtracted"},
    {"affine", "none", 1, "gamma and beta ignored"},
    {"affine", "gamma", 1, "beta ignored"},
    {"affine", "one_plus_gamma", 1, "1 + gamma used instead of gamma"},
    {"subnormals", "flushed", 1, "subnormals flushed to zero"},
    {"round_xhat", "yes", 1, "x_hat rounded to storage before gamma"},
    {"round_rstd", "yes", 1, "rstd rounded to storage before use"},
};

/* The output that is explained: y, or dx. */
static ng_role main_role(const ng_problem *problem)
{
    return ng_pass_find(problem->contract->pass)->gradient ? ng_tensor_dx
                                                           : ng_tensor_y;
}

/* Outputs of every role that are wrong under `problem`; `total` counts the
 * judged. */
static size_t wrong_under(ng_arena *arena, const ng_problem *problem,
                          const ng_tensor *tensor, size_t *total)
{
    ng_standard standard;
    size_t wrong = 0;
    *total = 0;
    if (!ng_standard_make(&standard, arena, problem, NULL))
        return SIZE_MAX;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        bool written =
            tensor[role].use == ng_output || tensor[role].use == ng_update;
        if (!written || !ng_exact_has(standard.exact, role))
            continue;
        for (size_t set = 0; set < ng_role_sets(&standard, role); set++) {
            for (size_t i = 0; i < ng_role_elements(&standard, role); i++) {
                ng_judged judged;
                ng_judge_output(&judged, &standard, &tensor[role], role, set,
                                i);
                *total += judged.judged;
                wrong += judged.judged && !(judged.ratio <= 1);
            }
        }
    }
    return wrong;
}

static bool search(ng_arena *arena, const ng_call_state *call,
                   ng_finding *finding)
{
    size_t all;
    size_t wrong = wrong_under(arena, &call->problem, call->tensor, &all);
    for (size_t k = 0; k < sizeof neighbours / sizeof neighbours[0]; k++) {
        const neighbour *near = &neighbours[k];
        ng_contract contract = *call->problem.contract;
        ng_problem problem = call->problem;
        problem.contract = &contract;
        problem.eps *= near->eps_factor > 0
                           ? near->eps_factor
                           : 1 / (double)ng_view_n(&problem.view);
        if (near->field != NULL)
            ng_contract_set(&contract, near->field, near->value);
        size_t total;
        size_t left = wrong_under(arena, &problem, call->tensor, &total);
        /* A neighbour explains the kernel when it speaks of every output and
         * nothing is left; that it says something different is known, since the
         * declared contract failed. */
        if (left == 0 && total > 0 && total >= all) {
            ng_finding_fail(finding, NG_FAIL,
                            "behaves as %s: %zu of %zu outputs agree, %zu are "
                            "wrong under the declared contract",
                            near->words, total, total, wrong);
            return true;
        }
    }
    return false;
}

/* What the wrong outputs have in common. */
typedef struct pattern {
    size_t wrong, nan, infinite, zero, last, judged;
    double least_factor, largest_factor; /* of (got - beta)/(exact - beta) */
    double cancellation;                 /* largest |mean|/deviation */
} pattern;

static void look_at(pattern *p, const ng_judged *judged, double beta, size_t i,
                    size_t n)
{
    if (!judged->judged)
        return;
    p->judged++;
    if (judged->ratio <= 1)
        return;
    p->wrong++;
    p->nan += isnan(judged->got) != 0;
    p->infinite += isinf(judged->got) != 0;
    p->zero += judged->got == 0;
    p->last += i + 8 >= n;
    double exact = ldexp(judged->point.high, judged->point.exponent) - beta;
    double factor = (judged->got - beta) / exact;
    if (judged->point.kind == ng_kind_value && fabs(exact) > 0 &&
        isfinite(factor)) {
        p->least_factor = fmin(p->least_factor, factor);
        p->largest_factor = fmax(p->largest_factor, factor);
    }
}

static void survey(pattern *p, ng_arena *arena, const ng_call_state *call)
{
    const ng_problem *problem = &call->problem;
    ng_role role = main_role(problem);
    ng_standard standard;
    size_t n = ng_view_n(&problem->view);
    *p = (pattern){.least_factor = INFINITY, .largest_factor = -INFINITY};
    if (!ng_standard_make(&standard, arena, problem, NULL))
        return;
    for (size_t set = 0; set < ng_view_sets(&problem->view); set++) {
        const ng_conditions *c = ng_exact_conditions(standard.exact, set);
        if (c->finite && c->deviation > 0)
            p->cancellation =
                fmax(p->cancellation, fabs(c->mean) / c->deviation);
        for (size_t i = 0; i < n; i++) {
            ng_judged judged;
            ng_judge_output(&judged, &standard, &call->tensor[role], role, set,
                            i);
            size_t index = ng_view_param(&problem->view, set, i);
            double beta =
                problem->beta == NULL || role != ng_tensor_y
                    ? 0
                    : ng_dtype_get(ng_contract_param(problem->contract),
                                   problem->beta, index);
            look_at(p, &judged, beta, i, n);
        }
    }
}

static void describe(const pattern *p, const char *main_name, size_t n,
                     ng_finding *finding)
{
    bool y = strcmp(main_name, "y") == 0;
    const char *ending = p->last == p->wrong && n > 16
                             ? ", all among the last 8 of their rows"
                             : "";
    if (p->wrong == 0)
        ng_finding_fail(finding, NG_FAIL,
                        "%s is right, %s is outside its bound", main_name,
                        ng_role_name(finding->worst_role));
    else if (p->nan == p->wrong)
        ng_finding_fail(finding, NG_FAIL,
                        "NaN in %zu of %zu outputs whose exact value is "
                        "finite%s",
                        p->nan, p->judged, ending);
    else if (p->nan + p->infinite == p->wrong)
        ng_finding_fail(finding, NG_FAIL,
                        "NaN or Inf in %zu of %zu outputs whose exact value is "
                        "finite%s",
                        p->wrong, p->judged, ending);
    else if (p->zero == p->wrong)
        ng_finding_fail(finding, NG_FAIL,
                        "zero in %zu of %zu outputs whose exact value is not "
                        "(squares that overflow, or outputs not computed)%s",
                        p->zero, p->judged, ending);
    else if (y && p->least_factor > 0 && p->cancellation > 100 &&
             p->least_factor <= p->largest_factor)
        ng_finding_fail(finding, NG_FAIL,
                        "%zu of %zu outputs wrong, x_hat off by factors "
                        "%.7g to %.7g at |mean|/sigma = %.3g: the variance "
                        "cancels, as E[x^2] - E[x]^2 does",
                        p->wrong, p->judged, p->least_factor, p->largest_factor,
                        p->cancellation);
    else if (p->least_factor > 0 && p->least_factor <= p->largest_factor &&
             p->largest_factor - p->least_factor <
                 0.01 * fabs(p->largest_factor - 1))
        ng_finding_fail(finding, NG_FAIL,
                        "%zu of %zu outputs wrong, all by the factor %.8g%s",
                        p->wrong, p->judged, p->largest_factor,
                        y ? ": rstd is off, the mean is right" : "");
    else
        ng_finding_fail(finding, NG_FAIL,
                        "%zu of %zu outputs outside their bound%s", p->wrong,
                        p->judged, ending);
}

void ng_diagnose(ng_trial *trial, const ng_call_state *call,
                 ng_finding *finding)
{
    ng_arena arena = {0};
    pattern p;
    survey(&p, &arena, call);
    bool large = call->tensor[ng_tensor_x].count > SMALL;
    const char *term = NULL;
    if (p.wrong > 0 && main_role(&call->problem) == ng_tensor_dx)
        term = ng_diagnose_dx(&arena, call);
    if (term != NULL)
        ng_finding_fail(finding, NG_FAIL,
                        "behaves as if %s: %zu of %zu outputs of dx are wrong",
                        term, p.wrong, p.judged);
    else if ((large && trial->searches++ >= MOST_SEARCHES) ||
             !search(&arena, call, finding))
        describe(&p, ng_role_name(main_role(&call->problem)),
                 ng_view_n(&call->problem.view), finding);
    ng_arena_release(&arena);
}
