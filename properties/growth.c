/* Growth: how the error grows with the length of the set and with |mean|/sigma,
 * measured beside what the declared class allows. The exponents are the slopes
 * of log(error) against log(n) and log(|mean|/sigma), by least squares. They are
 * a measurement: what can fail is an output beyond its bound, in sets longer
 * and further off centre than elsewhere. */
#include "backward.h"
#include "plan.h"
#include "spectrum.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Sets longer than this are shortened, from test->n down; of shorter ones the
 * offset is lowered, from test->gen_arg down. */
enum { LONG = 1024, SHORTEST = 16, MOST_POINTS = 24, SEEDS = 3 };

/* Values of one sign with all their bits: the rounding errors of sums cancel
 * least. */
static const ng_plan_row one_sign = {"offset", 4, NG_EPS, "unit"};
static const ng_plan_row both_signs = {"normal", NAN, NG_EPS, "unit"};

static bool applies(const ng_contract *contract)
{
    return ng_is_training(contract);
}

/* A few units in the last place must be left for sigma. */
static double largest_offset(const ng_trial *trial)
{
    ng_dtype dtype = ng_contract_storage(trial->contract);
    return ldexp(1, ng_format_of(dtype)->p - 4);
}

/* A sweep over n; beside it one over the offset, or, where nothing is centred,
 * over n again. */
static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    static const size_t longest[] = {4096, 16384, 65536};
    ng_plan_size size = {1, longest[trial->profile], ng_smoke};
    bool centred = trial->contract->centred == ng_centred_yes;
    if (i == 0)
        return ng_plan_cross(trial, 0, &one_sign, 1, &size, 1, test);
    if (i > 1 || trial->profile == ng_smoke)
        return false;
    size.n = centred ? 512 : 4096;
    if (!ng_plan_cross(trial, 0, centred ? &one_sign : &both_signs, 1, &size, 1,
                       test))
        return false;
    if (centred)
        test->gen_arg = largest_offset(trial);
    return true;
}

/* Squares of what one point of a sweep measured. */
typedef struct point {
    double error, bound, size;
} point;

static void add_output(const ng_judged *judged, void *user)
{
    point *p = user;
    ng_role role = judged->role;
    if (!judged->judged || (role != ng_tensor_y && role != ng_tensor_dx) ||
        judged->point.kind != ng_kind_value)
        return;
    double exact = ldexp(judged->point.high, judged->point.exponent);
    p->error += judged->error * judged->error;
    p->bound += judged->bound * judged->bound;
    p->size += exact * exact;
}

/* A sweep: what varies, the error and its bound, both relative to the outputs.
 */
typedef struct course {
    size_t count;
    double at[MOST_POINTS], error[MOST_POINTS], bound[MOST_POINTS];
} course;

/* What is wrong is told of the first case that is; the others go on being
 * measured. False: no answer. */
static bool add_case(ng_trial *trial, const ng_case *test, point *p,
                     ng_finding *finding)
{
    ng_finding rest;
    if (finding->verdict == NG_PASS) {
        ng_trial_case(trial, test, add_output, p, finding);
        return finding->verdict == NG_PASS || finding->verdict == NG_FAIL;
    }
    ng_finding_init(&rest);
    return ng_trial_measure(trial, test, add_output, p, &rest);
}

/* All seeds of one point; false: a call failed. */
static bool add_point(ng_trial *trial, const ng_case *test, double at,
                      course *sweep, ng_finding *finding)
{
    point p = {0};
    ng_case one = *test;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        one.seed = test->seed + 1000003 * seed;
        if (!add_case(trial, &one, &p, finding))
            return false;
    }
    if (p.size > 0 && sweep->count < MOST_POINTS) {
        sweep->at[sweep->count] = at;
        sweep->error[sweep->count] = sqrt(p.error / p.size);
        sweep->bound[sweep->count++] = sqrt(p.bound / p.size);
    }
    return true;
}

/* Slopes of the error and its bound over the points that have an error; false:
 * too few have, or one is infinite. */
static bool fit(const course *sweep, double *error, double *bound)
{
    double at[MOST_POINTS], errors[MOST_POINTS], bounds[MOST_POINTS];
    size_t count = 0;
    for (size_t k = 0; k < sweep->count; k++) {
        if (!(sweep->error[k] > 0))
            continue; /* of which there is no logarithm */
        if (!isfinite(sweep->error[k]))
            return false;
        at[count] = log2(sweep->at[k]);
        errors[count] = log2(sweep->error[k]);
        bounds[count++] = log2(sweep->bound[k]);
    }
    *error = ng_fitted_slope(at, errors, count);
    *bound = ng_fitted_slope(at, bounds, count);
    return isfinite(*error) && isfinite(*bound);
}

static bool over_n(ng_trial *trial, const ng_case *test, course *sweep,
                   ng_finding *finding)
{
    for (size_t n = SHORTEST; n <= test->n; n *= 2) {
        ng_case one = *test;
        ng_case_reshape(&one, test->rows, n);
        if (!add_point(trial, &one, (double)n, sweep, finding))
            return false;
    }
    return true;
}

static bool over_offset(ng_trial *trial, const ng_case *test, course *sweep,
                        ng_finding *finding)
{
    for (double offset = 1; offset <= test->gen_arg; offset *= 4) {
        ng_case one = *test;
        one.gen_arg = offset;
        if (!add_point(trial, &one, offset, sweep, finding))
            return false;
    }
    return true;
}

/* The name of a field's value, as contracts write it. */
static const char *summation_name(const ng_contract *contract)
{
    static const struct {
        int value;
        const char *name;
    } names[] = {
        {ng_summation_recursive, "recursive"},
        {ng_summation_lanes, "lanes"},
        {ng_summation_blocked, "blocked"},
        {ng_summation_pairwise, "pairwise"},
        {ng_summation_compensated, "compensated"},
        {ng_summation_wide, "wide"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].value == contract->summation)
            return names[i].name;
    }
    return "?";
}

static const char *variance_name(const ng_contract *contract)
{
    switch (contract->variance) {
    case ng_variance_two_pass: return "two_pass";
    case ng_variance_welford: return "welford";
    case ng_variance_shifted: return "shifted";
    default: return "one_pass_wide";
    }
}

static void note(const ng_trial *trial, const ng_case *test,
                 const course *sweep, ng_finding *finding)
{
    const ng_contract *contract = trial->contract;
    bool length = test->n > LONG;
    const char *of = length ? "n" : "(|mean|/sigma)";
    const char *declared =
        length ? summation_name(contract) : variance_name(contract);
    double error, bound;
    if (!fit(sweep, &error, &bound)) {
        ng_finding_note(finding,
                        "too few inexact outputs to say how the error "
                        "grows with %s",
                        of);
        return;
    }
    size_t last = sweep->count - 1;
    ng_finding_note(
        finding,
        "error grows as %s^%.2f (declared %s: its bound as %s^%.2f); at %s = "
        "%.5g it is %.1e of the outputs, its bound %.1e",
        of, error, declared, of, bound, of, sweep->at[last], sweep->error[last],
        sweep->bound[last]);
}

static void columns(const ng_case *test, const course *sweep,
                    ng_finding *finding)
{
    double error, bound;
    if (sweep->count == 0)
        return;
    ng_finding_column(finding, test->n > LONG ? "n" : "offset", sweep->at,
                      sweep->count);
    ng_finding_column(finding, "error", sweep->error, sweep->count);
    ng_finding_column(finding, "bound", sweep->bound, sweep->count);
    if (!fit(sweep, &error, &bound))
        return;
    ng_finding_column(finding, "error_exponent", &error, 1);
    ng_finding_column(finding, "bound_exponent", &bound, 1);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    course sweep = {0};
    bool whole = test->n > LONG ? over_n(trial, test, &sweep, finding)
                                : over_offset(trial, test, &sweep, finding);
    columns(test, &sweep, finding);
    if (whole && finding->verdict == NG_PASS)
        note(trial, test, &sweep, finding);
}

const ng_property ng_property_growth = {
    .name = "growth",
    .claim = "the error grows with n and |mean|/sigma no faster than the "
             "declared summation and variance allow, to long and far sets",
    .why = "a class that is fine at n = 64 is noise at 16384; the exponent "
           "tells recursive sums from pairwise ones before users do",
    .source = "Higham, Accuracy and Stability, 2nd ed., 4.2 and 4.6: the "
              "exponents by least squares; each output by its bound",
    .wild = "PaddlePaddle/Paddle#71057: batch norm of randn + 100 in one pass "
            "missed by more than 1e-3",
    .applies = applies,
    .plan = plan,
    .check = check,
};
