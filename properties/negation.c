/* Negation: norm(-x) = -norm(x) when beta is zero; dx and dbeta change sign
 * with dy, dgamma with either of x and dy, and y and dx with gamma. Rounding to
 * nearest is symmetric, so a kernel without sign handling gives the same
 * bits. */
#include "identity.h"
#include "plan.h"

#include <math.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "scale_only"},
    {"offset", 10, NG_EPS, "scale_only"},
    {"wide", 16, NG_EPS, "unit"},
    {"sorted", 100, NG_EPS, "scale_only"},
};

static const ng_plan_size sizes[] = {
    {2, 7, ng_smoke},
    {2, 64, ng_gate},
    {1, 1021, ng_gate},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

/* Signs that inputs are given, and those that outputs then have. */
typedef struct turn {
    bool gradient; /* of the gradient passes */
    bool x, dy, gamma;
    double y, dx, dgamma, dbeta;
    const char *claim;
} turn;

static const turn turns[] = {
    {false, true, false, false, -1, 0, 0, 0, "norm(-x) is not -norm(x)"},
    {false, false, false, true, -1, 0, 0, 0,
     "the norm with -gamma is not minus the norm with gamma"},
    {true, true, true, false, 0, -1, 1, -1,
     "dx of -x and -dy is not -dx, or dgamma and dbeta do not follow"},
    {true, false, true, false, 0, -1, -1, -1,
     "dx of -dy is not -dx, or dgamma and dbeta do not follow"},
    {true, true, false, false, 0, 1, -1, 1,
     "dx of -x is not dx, or dgamma and dbeta do not follow"},
    {true, false, false, true, 0, -1, 1, 1,
     "dx with -gamma is not -dx, or dgamma and dbeta do not follow"},
};
enum { TURNS = sizeof turns / sizeof turns[0] };

static bool possible(const ng_contract *contract, const turn *t)
{
    bool gamma = contract->affine == ng_affine_gamma_beta ||
                 contract->affine == ng_affine_gamma;
    return ng_pass_find(contract->pass)->gradient == t->gradient &&
           (gamma || !t->gamma);
}

static void negate(ng_call_state *call, const turn *t)
{
    static const ng_role with_x[] = {ng_tensor_x, ng_tensor_residual,
                                     ng_tensor_mean, ng_tensor_running_mean};
    for (size_t i = 0; t->x && i < sizeof with_x / sizeof with_x[0]; i++)
        ng_identity_multiply(call, with_x[i], -1);
    if (t->dy)
        ng_identity_multiply(call, ng_tensor_dy, -1);
    if (t->dx < 0)
        ng_identity_multiply(call, ng_tensor_dh, -1);
    if (t->gamma)
        ng_identity_multiply(call, ng_tensor_gamma, -1);
}

static ng_identity outputs(const ng_contract *contract, const turn *t)
{
    ng_identity identity = {.factor = {[ng_tensor_y] = t->y,
                                       [ng_tensor_h] = t->x ? -1 : 1,
                                       [ng_tensor_mean] = t->x ? -1 : 1,
                                       [ng_tensor_rstd] = 1,
                                       [ng_tensor_var] = 1,
                                       [ng_tensor_dx] = t->dx,
                                       [ng_tensor_dresidual] = t->dx,
                                       [ng_tensor_dgamma] = t->dgamma,
                                       [ng_tensor_dbeta] = t->dbeta}};
    /* There y belongs to the h that was returned, whichever neighbour of the
     * exact sum that is. */
    if (contract->residual == ng_residual_sum &&
        contract->round_residual == ng_round_residual_yes)
        identity.factor[ng_tensor_y] = identity.factor[ng_tensor_mean] =
            identity.factor[ng_tensor_rstd] = identity.factor[ng_tensor_var] =
                0;
    return identity;
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state base, negated;
    if (!ng_trial_prepare(trial, test, &base, finding) ||
        !ng_trial_call(trial, test, &base, finding))
        return;
    for (size_t k = 0; k < TURNS && finding->verdict == NG_PASS; k++) {
        if (!possible(trial->contract, &turns[k]))
            continue;
        if (!ng_trial_copy(trial, &base, &negated, finding))
            return;
        negate(&negated, &turns[k]);
        if (!ng_trial_call(trial, test, &negated, finding))
            return;
        const ng_identity identity = outputs(trial->contract, &turns[k]);
        ng_identity_check(trial, &base, &negated, &identity, turns[k].claim,
                          finding);
    }
}

const ng_property ng_property_negation = {
    .name = "negation",
    .claim = "norm(-x) equals -norm(x) when beta is zero; dx, dgamma and dbeta "
             "keep or change their sign with x, dy and gamma",
    .why = "a magnitude taken where a sign was meant hides behind positive "
           "test data",
    .source = "exact identity; round to nearest is symmetric (IEEE 754)",
    .wild = "field kernels tested on uniform(0, 1) only; see KernelBench's "
            "torch.rand inputs",
    .applies = ng_applies_always,
    .plan = plan,
    .check = check,
};
