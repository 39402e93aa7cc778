/* Rounding: the contracts of mixed precision told apart. In short sets the
 * arithmetic is exact but for a few of its own units, so the bound of an output
 * is half a unit of the storage and little more: x_hat, rstd or the residual
 * sum rounded to storage on the way, a parameter cut to it, or y rounded twice
 * lies outside. */
#include "plan.h"
#include "trial.h"

#include <math.h>
#include <string.h>

static const ng_plan_row rows[] = {
    {"integers", 7, 1, "random"},        {"normal", NAN, NG_EPS, "random"},
    {"normal", NAN, 1, "spread"},        {"offset", 10, NG_EPS, "random"},
    {"two_valued", 3, NG_EPS, "random"}, {"near_eps", 1, 1e-3, "random"},
    {"constant", 1, 0, "unit"}, /* beside_ties() */
};

static const ng_plan_size sizes[] = {
    {24, 2, ng_gate}, {24, 3, ng_gate}, {12, 4, ng_smoke},
    {24, 5, ng_gate}, {24, 8, ng_gate}, {64, 8, ng_deep},
};

static bool applies(const ng_contract *contract)
{
    ng_dtype compute = ng_contract_compute(contract);
    return ng_contract_storage(contract) != compute ||
           ng_contract_param(contract) != compute ||
           ng_contract_stats(contract) != compute;
}

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

/* --- beside a tie ----------------------------------------------------------- */

/* Bits that an output may keep beyond the tie: 2^-j of half a unit of the
 * storage must be 64 units of the arithmetic, twice what a right kernel errs by
 * where x_hat is 1 and eps 0 (BOUNDS.md, Rounding). */
static int finest(const ng_contract *contract, int digits)
{
    int storage = ng_format_of(ng_contract_storage(contract))->p;
    int room = ng_format_of(ng_contract_compute(contract))->p - storage - 6;
    return digits < room ? digits : room;
}

static void set_all(const ng_tensor *tensor, double value)
{
    for (size_t i = 0; tensor->data != NULL && i < tensor->count; i++)
        ng_dtype_set(tensor->dtype, tensor->data, i, value);
}

/* x = 1, -1, 1, ...: x_hat is x where n is even, and y = gamma x + beta. */
static void set_x(ng_call_state *call)
{
    const ng_tensor *x = &call->tensor[ng_tensor_x];
    const ng_view *view = &call->problem.view;
    for (size_t set = 0; set < ng_view_sets(view); set++) {
        for (size_t i = 0; i < ng_view_n(view); i++)
            ng_dtype_set(x->dtype, x->data, ng_view_index(view, set, i),
                         i % 2 == 0 ? 1 : -1);
    }
    if (call->tensor[ng_tensor_residual].use == ng_input)
        set_all(&call->tensor[ng_tensor_residual], 0);
    if (call->tensor[ng_tensor_running_mean].use == ng_input) {
        set_all(&call->tensor[ng_tensor_running_mean], 0);
        set_all(&call->tensor[ng_tensor_running_var], 1);
    }
}

/* gamma + beta (or gamma, or 1 + gamma) a little beside the middle of two
 * neighbours of the storage. False: the formats leave no room. */
static bool set_parameters(const ng_contract *contract, ng_call_state *call,
                           ng_source *source)
{
    const ng_tensor *gamma = &call->tensor[ng_tensor_gamma];
    const ng_tensor *beta = &call->tensor[ng_tensor_beta];
    int p = ng_format_of(ng_contract_storage(contract))->p;
    int param = ng_format_of(ng_contract_param(contract))->p;
    bool shifted = contract->affine == ng_affine_gamma_beta;
    bool plus = contract->affine == ng_affine_one_plus_gamma;
    int most = finest(contract, shifted || plus ? param - 1 : param - p - 1);
    if (contract->affine == ng_affine_none || most < 2)
        return false;
    for (size_t k = 0; k < gamma->count; k++) {
        int j = 2 + (int)ng_source_below(source, (uint64_t)most - 1);
        double side = ng_source_below(source, 2) != 0 ? -1 : 1;
        double half = ldexp(1 + side * ldexp(1, -j), -p);
        double whole =
            1 + ldexp((double)ng_source_below(source, 1u << (p - 1)), 1 - p);
        /* Either sign, so that both kinds of truncation show. */
        double sign = ng_source_below(source, 2) != 0 ? -1 : 1;
        double value = plus ? half : shifted ? whole : whole + half;
        ng_dtype_set(gamma->dtype, gamma->data, k, plus ? value : sign * value);
        if (shifted)
            ng_dtype_set(beta->dtype, beta->data, k, sign * half);
    }
    return true;
}

/* Short sets have few parameters, so several draws of them. */
enum { DRAWS = 12 };

static void beside_ties(ng_trial *trial, const ng_case *test,
                        ng_finding *finding)
{
    ng_call_state base;
    ng_source source;
    bool room = true;
    ng_case_source(test, &source);
    if (!ng_trial_prepare(trial, test, &base, finding))
        return;
    for (int k = 0; k < DRAWS && room && finding->verdict == NG_PASS; k++) {
        ng_call_state call;
        if (!ng_trial_copy(trial, &base, &call, finding))
            return;
        set_x(&call);
        room = set_parameters(trial->contract, &call, &source);
        if (!room)
            ng_finding_note(finding, "no room beside the ties of the storage");
        if (!ng_trial_call(trial, test, &call, finding) ||
            !ng_trial_judge(trial, &call, finding))
            return;
        if (finding->verdict == NG_FAIL)
            ng_diagnose(trial, &call, finding);
    }
}

/* --- short sets --------------------------------------------------------------- */

typedef struct tally {
    size_t outputs, nearest;
} tally;

static void count(const ng_judged *judged, void *user)
{
    tally *t = user;
    if (judged->role != ng_tensor_y || !judged->judged ||
        judged->point.kind != ng_kind_value)
        return;
    t->outputs++;
    t->nearest += judged->got == judged->point.rounded;
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    tally t = {0};
    if (strcmp(test->gen, "constant") == 0 &&
        !ng_pass_find(trial->contract->pass)->gradient) {
        beside_ties(trial, test, finding);
        return;
    }
    ng_trial_case(trial, test, count, &t, finding);
    if (t.outputs == 0)
        return;
    const double samples = (double)t.outputs;
    const double share = (double)t.nearest / samples;
    ng_finding_column(finding, "share", &share, 1);
    ng_finding_column(finding, "samples", &samples, 1);
    ng_finding_note(finding,
                    "y is the exact value rounded once in %zu of %zu "
                    "outputs",
                    t.nearest, t.outputs);
}

const ng_property ng_property_rounding = {
    .name = "rounding",
    .claim = "of mixed formats each is rounded to where the contract says and "
             "nowhere else: x_hat, rstd, the residual sum, parameters, "
             "statistics, y once",
    .why = "an early rounding costs a 16-bit output up to two units, the same "
           "way each time, and training and serving code then differ",
    .source = "contract fields round_xhat, round_rstd, round_residual, param, "
              "stats and compute; double rounding: Figueroa 1995; bounds: "
              "BOUNDS.md, Rounding",
    .wild = "amd/IRON#139: rstd rounded to bf16 scaled whole rows one way; "
            "vllm-project/vllm-xpu-kernels#536: a rounding too many before "
            "gamma at 7 sites",
    .applies = applies,
    .plan = plan,
    .check = check,
};
