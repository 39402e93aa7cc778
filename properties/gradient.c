/* Gradient: what holds for every backward pass without knowing its values: dx
 * sums to zero, has no part along x_hat but for eps, is linear in dy, scales as
 * 1/x; dgamma and dbeta add over examples. Each identity holds exactly for the
 * exact gradients, so the outputs' bounds, summed with the identity's weights,
 * are all that a right kernel may miss it by. */
#include "backward.h"
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "random"}, {"near_eps", 1, 1e-3, "random"},
    {"integers", 7, 1, "random"},      {"offset", 10, NG_EPS, "spread"},
    {"near_eps", 0.1, 1, "unit"},
};

static const ng_plan_size sizes[] = {
    {4, 8, ng_smoke}, {3, 33, ng_gate}, {2, 1, ng_gate},
    {6, 16, ng_gate}, {4, 96, ng_gate}, {2, 1000, ng_deep},
};

/* dy is never uniform: the sums that ones make vanish hide what is missing. */
static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    if (!ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                       sizeof sizes / sizeof sizes[0], test))
        return false;
    snprintf(test->dy, sizeof test->dy, i % 3 == 2 ? "wide" : "normal");
    return true;
}

/* ---- sums over a set ---- */

/* sum g x_hat, g = (gamma + one) dy. */
static void add_weighted(ng_inner *to, ng_factor factor, double dy, double high,
                         double low)
{
    double g = factor.gamma * dy, lost = fma(factor.gamma, dy, -g);
    ng_inner_add(to, g, high, 0);
    ng_inner_add(to, g, low, 0);
    ng_inner_add(to, lost, high, 0);
    if (factor.one != 0) {
        ng_inner_add(to, dy, high, 0);
        ng_inner_add(to, dy, low, 0);
    }
}

/* The sums of one set. */
typedef struct set_sums {
    ng_inner dx, along; /* sum dx - dh, sum (dx - dh) x_hat */
    ng_inner g, gx;     /* sum g, sum g x_hat */
    ng_inner z, left;   /* sum x_hat, k - sum x_hat^2 */
} set_sums;

static set_sums sums_of(const ng_outcome *base, const ng_x_hat *x_hat,
                        size_t set)
{
    const ng_call_state *call = &base->call;
    const ng_values *dx = &base->value[ng_tensor_dx];
    set_sums s = {0};
    double k = ng_exact_conditions(base->standard.exact, set)->divisor;
    ng_inner_add(&s.left, k, 1, 0);
    for (size_t i = 0; i < dx->n; i++) {
        size_t at = set * dx->n + i;
        double high = x_hat->high[at], low = x_hat->low[at];
        double dy = ng_input_at(call, ng_tensor_dy, set, i, 0);
        double dh = ng_input_at(call, ng_tensor_dh, set, i, 0);
        ng_inner_add(&s.dx, 1, dx->got[at], dx->bound[at]);
        ng_inner_add(&s.dx, -1, dh, 0);
        ng_inner_add(&s.along, high, dx->got[at], dx->bound[at]);
        ng_inner_add(&s.along, low, dx->got[at], dx->bound[at]);
        ng_inner_add(&s.along, -high, dh, 0);
        ng_inner_add(&s.along, -low, dh, 0);
        add_weighted(&s.g, ng_factor_at(call, set, i), dy, 1, 0);
        add_weighted(&s.gx, ng_factor_at(call, set, i), dy, high, low);
        ng_inner_add(&s.z, 1, high, 0);
        ng_inner_add(&s.z, 1, low, 0);
        ng_inner_add(&s.left, -high, high, 0);
        ng_inner_add(&s.left, -2 * high, low, 0);
    }
    return s;
}

/* Statistics that were given, and so rounded: x_hat has a sum, and what its
 * squares sum to is not what eps leaves. dx = rstd (g - G/n - x_hat K/k). */
static void due_of_saved(const ng_outcome *base, const ng_x_hat *x_hat,
                         const set_sums *s, size_t set, double *sum,
                         double *along, double *error)
{
    const ng_conditions *c = ng_exact_conditions(base->standard.exact, set);
    bool centred = base->call.problem.contract->centred == ng_centred_yes;
    double rstd = x_hat->rstd[set], k = c->divisor;
    double gx = ng_inner_value(&s->gx), z = ng_inner_value(&s->z);
    double g = centred ? ng_inner_value(&s->g) : 0;
    *sum = -rstd * z * gx / k;
    *along = rstd * (gx * ng_inner_value(&s->left) / k - g * z / c->n);
    *error = 8 * 0x1p-53 * rstd *
             (fabs(gx) * (fabs(z) + fabs(ng_inner_value(&s->left))) / k +
              fabs(g * z) / c->n);
    *error += rstd *
              (ng_inner_bound(&s->gx) * (1 + fabs(z)) +
               ng_inner_bound(&s->z) * (fabs(gx) + fabs(g)) +
               ng_inner_bound(&s->left) * fabs(gx)) /
              k;
    *error += rstd * ng_inner_bound(&s->g) * fabs(z) / c->n;
}

static void check_sums(ng_trial *trial, const ng_outcome *base,
                       const ng_x_hat *x_hat, ng_sides *sides,
                       ng_finding *finding)
{
    const ng_contract *contract = trial->contract;
    bool centred = contract->centred == ng_centred_yes;
    for (size_t set = 0; set < x_hat->sets; set++) {
        set_sums s = sums_of(base, x_hat, set);
        double rstd = x_hat->rstd[set], sum = 0, error = 0, along;
        if (ng_uses_saved(contract)) {
            due_of_saved(base, x_hat, &s, set, &sum, &along, &error);
        } else {
            double share = ng_eps_share(&base->standard, set);
            along = ng_inner_value(&s.gx) * rstd * share;
            error = ng_inner_bound(&s.gx) * rstd * share +
                    16 * 0x1p-53 * fabs(along);
        }
        double bound = ng_inner_bound(&s.dx) + error;
        if (centred) {
            ng_judge_identity(finding, ng_tensor_dx, set, 0,
                              ng_inner_value(&s.dx), sum, bound,
                              "the sum of dx over set %zu", set);
            ng_sides_add(sides, ng_inner_value(&s.dx), sum, bound, s.dx.size);
        }
        bound = ng_inner_bound(&s.along) + error;
        ng_judge_identity(
            finding, ng_tensor_dx, set, 0, ng_inner_value(&s.along), along,
            bound, "the sum of dx*x_hat over set %zu, of which eps leaves %s,",
            set, along == 0 ? "nothing" : "a part");
        ng_sides_add(sides, ng_inner_value(&s.along), along, bound,
                     s.along.size);
    }
}

/* ---- one changed call beside the base ---- */

/* Role by role: output = factor * that of the base; NAN: nothing is claimed. */
typedef struct factors {
    double dx, dgamma, dbeta;
} factors;

static double factor_of(const factors *r, ng_role role)
{
    switch (role) {
    case ng_tensor_dx:
    case ng_tensor_dresidual: return r->dx;
    case ng_tensor_dgamma: return r->dgamma;
    case ng_tensor_dbeta: return r->dbeta;
    default: return NAN;
    }
}

static bool related(const ng_outcome *base, const ng_outcome *changed,
                    const factors *relation, const char *words,
                    ng_finding *finding)
{
    bool holds = true;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_values *a = &base->value[role], *b = &changed->value[role];
        double factor = factor_of(relation, role);
        for (size_t k = 0; !isnan(factor) && k < b->sets * b->n; k++) {
            /* zero is due whatever the base has */
            double due = factor == 0 ? 0 : factor * a->got[k];
            double bound = b->bound[k];
            if (factor != 0)
                bound += fabs(factor) * a->bound[k];
            holds &= ng_judge_identity(finding, role, k / b->n, k % b->n,
                                       b->got[k], due, bound, "%s[%zu] %s",
                                       ng_role_name(role), k, words);
        }
    }
    return holds;
}

typedef struct variation {
    const char *words;
    factors relation;
    bool (*apply)(ng_trial *trial, const ng_case *test, ng_case *other,
                  ng_call_state *call, ng_finding *finding);
} variation;

static bool dy_times_8(ng_trial *trial, const ng_case *test, ng_case *other,
                       ng_call_state *call, ng_finding *finding)
{
    (void)trial, (void)test, (void)other, (void)finding;
    return ng_input_scale(call, ng_tensor_dy, 8) &&
           ng_input_scale(call, ng_tensor_dh, 8);
}

static bool dy_zero(ng_trial *trial, const ng_case *test, ng_case *other,
                    ng_call_state *call, ng_finding *finding)
{
    (void)trial, (void)test, (void)other, (void)finding;
    ng_input_fill(call, ng_tensor_dy, 0);
    ng_input_fill(call, ng_tensor_dh, 0);
    return true;
}

static bool gamma_zero(ng_trial *trial, const ng_case *test, ng_case *other,
                       ng_call_state *call, ng_finding *finding)
{
    (void)test, (void)other, (void)finding;
    bool one = trial->contract->affine == ng_affine_one_plus_gamma;
    ng_input_fill(call, ng_tensor_gamma, one ? -1 : 0);
    ng_input_fill(call, ng_tensor_dh, 0);
    return call->tensor[ng_tensor_gamma].data != NULL;
}

static bool x_negated(ng_trial *trial, const ng_case *test, ng_case *other,
                      ng_call_state *call, ng_finding *finding)
{
    (void)trial, (void)test, (void)other, (void)finding;
    ng_input_scale(call, ng_tensor_x, -1);
    ng_input_scale(call, ng_tensor_running_mean, -1);
    if (call->tensor[ng_tensor_mean].use == ng_input)
        ng_input_scale(call, ng_tensor_mean, -1);
    return true;
}

/* x and what was saved of it; running statistics stay. */
static bool x_other(ng_trial *trial, const ng_case *test, ng_case *other,
                    ng_call_state *call, ng_finding *finding)
{
    static const ng_role of_x[] = {ng_tensor_x, ng_tensor_mean, ng_tensor_rstd};
    ng_case another = *test;
    ng_call_state fresh;
    (void)other;
    another.seed += 500009;
    another.byte_count = SIZE_MAX;
    if (!ng_trial_prepare(trial, &another, &fresh, finding))
        return false;
    for (size_t r = 0; r < sizeof of_x / sizeof of_x[0]; r++) {
        ng_tensor *to = &call->tensor[of_x[r]];
        if (to->use == ng_input && to->data != NULL)
            memcpy(to->data, fresh.tensor[of_x[r]].data,
                   to->count * ng_format_of(to->dtype)->size);
    }
    return true;
}

/* eps scales as the variance, or as its root. */
static bool x_scaled(ng_trial *trial, ng_case *other, ng_call_state *call,
                     double factor)
{
    const ng_contract *contract = trial->contract;
    bool square = contract->eps_place == ng_eps_place_inside ||
                  contract->eps_place == ng_eps_place_max_var;
    double eps_factor = square ? factor * factor : factor;
    double eps = ng_contract_eps(contract, other->eps);
    other->eps *= eps_factor;
    call->problem.eps = other->eps;
    bool exact = ng_contract_eps(contract, other->eps) == eps * eps_factor &&
                 ng_input_scale(call, ng_tensor_x, factor) &&
                 ng_input_scale(call, ng_tensor_dh, 1 / factor) &&
                 ng_input_scale(call, ng_tensor_running_mean, factor) &&
                 ng_input_scale(call, ng_tensor_running_var, factor * factor);
    if (call->tensor[ng_tensor_mean].use == ng_input)
        exact = exact && ng_input_scale(call, ng_tensor_mean, factor);
    if (call->tensor[ng_tensor_rstd].use == ng_input)
        exact = exact && ng_input_scale(call, ng_tensor_rstd, 1 / factor);
    return exact;
}

static bool x_times_8(ng_trial *trial, const ng_case *test, ng_case *other,
                      ng_call_state *call, ng_finding *finding)
{
    (void)test, (void)finding;
    return x_scaled(trial, other, call, 8);
}

static bool x_over_8(ng_trial *trial, const ng_case *test, ng_case *other,
                     ng_call_state *call, ng_finding *finding)
{
    (void)test, (void)finding;
    return x_scaled(trial, other, call, 0.125);
}

static const variation changes[] = {
    {"of dy = 0", {0, 0, 0}, dy_zero},
    {"of 8 dy", {8, 8, 8}, dy_times_8},
    {"of gamma as its factor is 0", {0, 1, 1}, gamma_zero},
    {"of -x", {1, -1, 1}, x_negated},
    {"of another x", {NAN, NAN, 1}, x_other},
    {"of 8 x (eps in step)", {0.125, 1, 1}, x_times_8},
    {"of x/8 (eps in step)", {8, 1, 1}, x_over_8},
};

static bool try_change(ng_trial *trial, const ng_case *test,
                       const ng_outcome *base, const variation *change,
                       ng_finding *finding)
{
    ng_outcome changed;
    ng_case other = *test;
    factors relation = change->relation;
    if (!ng_outcome_copy(trial, base, &changed, finding))
        return false;
    if (!change->apply(trial, test, &other, &changed.call, finding))
        return finding->verdict == NG_PASS;
    /* With statistics held fixed dx does not depend on x. */
    if (change->apply == x_other && !ng_is_training(trial->contract))
        relation.dx = 1;
    return ng_outcome_call(trial, &other, &changed, finding) &&
           related(base, &changed, &relation, change->words, finding);
}

/* ---- sums of calls ---- */

/* whole = a + b, element by element of one role; `offset` is where b begins in
 * the whole, SIZE_MAX: both cover all of it. */
static bool adds_up(const ng_outcome *whole, const ng_outcome *a,
                    const ng_outcome *b, ng_role role, const char *words,
                    ng_finding *finding)
{
    const ng_values *w = &whole->value[role];
    const ng_values *l = &a->value[role], *r = &b->value[role];
    bool holds = true;
    for (size_t k = 0; k < w->sets * w->n; k++) {
        ng_inner due = {0};
        ng_inner_add(&due, 1, l->got[k], l->bound[k]);
        ng_inner_add(&due, 1, r->got[k], r->bound[k]);
        holds &= ng_judge_identity(finding, role, k / w->n, k % w->n, w->got[k],
                                   ng_inner_value(&due),
                                   ng_inner_bound(&due) + w->bound[k],
                                   "%s[%zu] %s", ng_role_name(role), k, words);
    }
    return holds;
}

/* dy = a + b, exactly: the elements that a has, b has not. */
static bool superposed(ng_trial *trial, const ng_case *test,
                       const ng_outcome *base, ng_finding *finding)
{
    ng_outcome part[2];
    for (size_t p = 0; p < 2; p++) {
        ng_source source;
        if (!ng_outcome_copy(trial, base, &part[p], finding))
            return false;
        const ng_view *view = &base->call.problem.view;
        ng_source_from_seed(&source, test->seed + 7919);
        for (size_t set = 0; set < ng_view_sets(view); set++) {
            for (size_t i = 0; i < ng_view_n(view); i++) {
                if (ng_source_below(&source, 2) == p)
                    continue;
                ng_input_set(&part[p].call, ng_tensor_dy, set, i, 0);
                ng_input_set(&part[p].call, ng_tensor_dh, set, i, 0);
            }
        }
        if (!ng_outcome_call(trial, test, &part[p], finding))
            return false;
    }
    bool holds = true;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++)
        holds &= adds_up(base, &part[0], &part[1], role,
                         "of dy = a + b, from those of a and of b,", finding);
    return holds;
}

/* Which sizes of the case count examples whose sets have their own statistics:
 * rows, or N; 0: batch norm in training, where all share them. */
static size_t examples(const ng_trial *trial, const ng_case *test)
{
    if (trial->op->shape == ng_shape_rows)
        return test->rows;
    bool shared = strcmp(test->op, "batch_norm") == 0;
    return shared && ng_is_training(trial->contract) ? 0 : test->N;
}

/* Examples first ... of the whole, as a case of their own. */
static bool take(ng_trial *trial, const ng_case *test, const ng_outcome *whole,
                 size_t first, size_t count, ng_outcome *part,
                 ng_finding *finding)
{
    ng_case few = *test;
    bool shared = strcmp(test->op, "batch_norm") == 0;
    if (trial->op->shape == ng_shape_rows) {
        few.rows = count;
    } else {
        few.N = count;
        trial->op->complete(&few);
    }
    memset(part, 0, sizeof *part);
    if (!ng_trial_prepare(trial, &few, &part->call, finding))
        return false;
    size_t sets = shared ? 0 : test->rows / examples(trial, test) * first;
    size_t skip = shared ? first * test->spatial : 0;
    const ng_view *view = &part->call.problem.view;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &part->call.tensor[role];
        if (tensor->use != ng_input || tensor->data == NULL)
            continue;
        for (size_t set = 0; set < ng_view_sets(view); set++) {
            for (size_t i = 0; i < ng_view_n(view); i++)
                ng_input_set(
                    &part->call, role, set, i,
                    ng_input_at(&whole->call, role, set + sets, i + skip, 0));
        }
    }
    return ng_outcome_call(trial, &few, part, finding);
}

static bool additive(ng_trial *trial, const ng_case *test,
                     const ng_outcome *base, ng_finding *finding)
{
    ng_outcome first, rest;
    size_t count = examples(trial, test), half = count / 2;
    if (half == 0)
        return true;
    return take(trial, test, base, 0, half, &first, finding) &&
           take(trial, test, base, half, count - half, &rest, finding) &&
           adds_up(base, &first, &rest, ng_tensor_dgamma,
                   "of all examples, from those of the first and of the rest,",
                   finding) &&
           adds_up(base, &first, &rest, ng_tensor_dbeta,
                   "of all examples, from those of the first and of the rest,",
                   finding);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_outcome base = {0};
    ng_x_hat x_hat;
    ng_sides sides = {0};
    if (!ng_trial_prepare(trial, test, &base.call, finding) ||
        !ng_outcome_call(trial, test, &base, finding))
        return;
    if (ng_is_training(trial->contract)) {
        if (!ng_x_hat_make(trial, &base.call, &x_hat, finding))
            return;
        check_sums(trial, &base, &x_hat, &sides, finding);
    }
    ng_sides_columns(&sides, &base.value[ng_tensor_dx], finding);
    bool goes_on = finding->verdict == NG_PASS;
    for (size_t c = 0; goes_on && c < sizeof changes / sizeof changes[0]; c++)
        goes_on = try_change(trial, test, &base, &changes[c], finding);
    if (goes_on && superposed(trial, test, &base, finding))
        additive(trial, test, &base, finding);
}

const ng_property ng_property_gradient = {
    .name = "gradient",
    .claim = "dx sums to 0 over a centred set and is orthogonal to x_hat but "
             "for the share of eps; gradients are linear in dy, scale as 1/x, "
             "and dgamma and dbeta add over examples",
    .why = "a dx with a part along 1 or x_hat pushes the weights before the "
           "norm in directions that cannot change the loss",
    .source = "exact identities of the derivative (Ioffe, Szegedy 2015; Ba, "
              "Kiros, Hinton 2016); sums of the outputs' bounds, BOUNDS.md",
    .wild = "Oneflow-Inc/oneflow#6149: layer norm returned dgamma as dbeta and "
            "dbeta as dgamma",
    .applies = ng_applies_gradient,
    .plan = plan,
    .check = check,
};
