/* Moments: the normalized values of a centred set have the sum 0, the sum of
 * squares n var/(var + eps), and none exceeds sqrt(n - 1). The errors that all
 * elements share, of the mean and of rstd, nearly cancel in one of the two
 * sums, so these are sharper than the elements' own bounds. BOUNDS.md, Moments,
 * derives every line. */
#include "judge.h"
#include "plan.h"

#include <float.h>
#include <math.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "unit"},   {"normal", NAN, 1, "unit"},
    {"normal", NAN, 0, "unit"},        {"offset", 10, NG_EPS, "unit"},
    {"offset", 100, NG_EPS, "unit"},   {"integers", 7, 1, "unit"},
    {"two_valued", 3, NG_EPS, "unit"}, {"outlier", 100, NG_EPS, "unit"},
    {"near_eps", 1, 1e-3, "unit"},
};

static const ng_plan_size sizes[] = {
    {3, 3, ng_gate},     {2, 16, ng_smoke},  {2, 61, ng_gate},
    {2, 256, ng_gate},   {1, 1024, ng_gate}, {1, 4099, ng_gate},
    {1, 65537, ng_deep},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

/* Sums over one set. The factor of x_hat, 1, or 2 under 1 + gamma, is exact. */
typedef struct sums {
    long double y, y_abs, exact, exact_square; /* of y and of exact y */
    long double square;
    long double own, cross; /* sum t, sum 2|a| t + t^2 */
    double exact_largest;
    double excess; /* the worst |y| - t beyond what an element may be, over */
    size_t at;     /* the bound of that element */
    double got_at, bound_at;
} sums;

/* t: what the bound of an element leaves when the errors that the whole set
 * shares, of the mean and of rstd, are taken out of it. The subtraction itself
 * costs a few units of the double's last place. */
static double own_error(const ng_judged *judged, const ng_set_bound *bound,
                        const ng_conditions *c, double factor)
{
    double m = bound->mean / c->scale;
    double x_hat = fabs(judged->x - c->mean) / c->scale;
    double common = factor * ((x_hat + m) * bound->scale + m);
    return fmax(0, judged->bound - common) + 8 * DBL_EPSILON * judged->bound;
}

/* False: some element is not judged, and the set is left out. */
static bool add_up(sums *s, const ng_standard *standard,
                   const ng_tensor *tensor, size_t set, double factor)
{
    const ng_set_bound *bound = &standard->set[set];
    const ng_conditions *c = ng_exact_conditions(standard->exact, set);
    size_t n = ng_view_n(&standard->problem->view);
    *s = (sums){0};
    for (size_t i = 0; i < n; i++) {
        ng_judged judged;
        ng_judge_output(&judged, standard, tensor, ng_tensor_y, set, i);
        if (!judged.judged || judged.point.kind != ng_kind_value)
            return false;
        double exact = ldexp(judged.point.high, judged.point.exponent);
        double t = own_error(&judged, bound, c, factor);
        double a = factor * (fabs(judged.x - c->mean) + bound->mean) /
                   c->scale * (1 + bound->scale);
        s->y += judged.got;
        s->y_abs += fabs(judged.got);
        s->square += (long double)judged.got * judged.got;
        s->exact += exact;
        s->exact_square += (long double)exact * exact;
        s->exact_largest = fmax(s->exact_largest, fabs(exact));
        s->own += t;
        s->cross += (2 * a + t) * t;
        if (i == 0 || !(fabs(judged.got) - judged.bound <= s->excess)) {
            s->excess = fabs(judged.got) - judged.bound;
            s->at = i;
            s->got_at = judged.got;
            s->bound_at = judged.bound;
        }
    }
    return true;
}

/* One claim of one set as an output like any other. */
static bool put(ng_finding *finding, size_t set, size_t i, double got,
                double want, double error, double bound)
{
    ng_judged judged = {.role = ng_tensor_y,
                        .set = set,
                        .i = i,
                        .x = NAN,
                        .got = got,
                        .bound = bound,
                        .error = isnan(error) ? INFINITY : error,
                        .judged = true};
    judged.point =
        (ng_point){.kind = ng_kind_value, .high = want, .rounded = want};
    judged.ratio = judged.error > 0 ? judged.error / bound : 0;
    ng_finding_merge(finding, &judged);
    return judged.ratio <= 1;
}

/* The reference must hold what it claims of the kernel: our own fault. */
static bool reference_holds(const sums *s, const ng_conditions *c,
                            double factor, ng_finding *finding)
{
    double x_hat = c->scale > 0 ? c->deviation / c->scale : 0;
    long double want =
        (long double)factor * factor * c->divisor * x_hat * x_hat;
    bool sum = true;
    if (c->mean != 0) /* centred, else conditions have no mean */
        sum = fabsl(s->exact) <= 4 * c->n * DBL_EPSILON * s->exact_largest;
    if (sum && fabsl(s->exact_square - want) <= 0x1p-36L * want)
        return true;
    ng_finding_fail(finding, NG_ERROR,
                    "normgate's own exact values of a set have the sum %Lg and "
                    "the squares %Lg, not %Lg",
                    s->exact, s->exact_square, want);
    return false;
}

/* The three claims of one set; false: one does not hold. */
static bool judge_set(const sums *s, const ng_standard *standard, size_t set,
                      double factor, ng_finding *finding)
{
    const ng_contract *contract = standard->problem->contract;
    const ng_set_bound *bound = &standard->set[set];
    const ng_conditions *c = ng_exact_conditions(standard->exact, set);
    bool centred = contract->centred == ng_centred_yes;
    double m = bound->mean / c->scale, r = bound->scale, n = c->n;
    double want = (double)s->exact_square;
    /* Our own sums: of n terms, of exact values rounded to double. */
    long double ours = n * LDBL_EPSILON + 4 * (long double)DBL_EPSILON;
    double shared = factor * factor *
                    ((2 * r + r * r) * want / (factor * factor) +
                     (1 + r) * (1 + r) * n * m * m);
    double squares = (double)(shared + s->cross + ours * (s->square + want));
    double error = fabs((double)(s->square - s->exact_square));
    bool square_holds =
        put(finding, set, 0, (double)s->square, want, error, squares);
    bool sum_holds = true, size_holds;
    if (centred) {
        double own =
            (double)(factor * n * m * (1 + r) + s->own + ours * s->y_abs);
        sum_holds =
            put(finding, set, 0, (double)s->y, 0, fabs((double)s->y), own);
    }
    /* Samuelson's inequality: d_i^2 <= (n - 1)/n sum d^2. */
    double limit =
        sqrt(want * (centred ? (n - 1) / n : 1)) * (1 + 8 * DBL_EPSILON);
    size_holds = put(finding, set, s->at, s->got_at, limit,
                     fabs(s->got_at) - limit, s->bound_at);
    if (!square_holds && finding->verdict == NG_PASS)
        ng_finding_fail(finding, NG_FAIL,
                        "the squares of set %zu add up to %.9g, not to "
                        "%.9g +- %.2g: rstd is off",
                        set, (double)s->square, want, squares);
    else if (!sum_holds && finding->verdict == NG_PASS)
        ng_finding_fail(finding, NG_FAIL,
                        "the normalized values of set %zu add up to %.9g, not "
                        "to 0: the mean is off",
                        set, (double)s->y);
    else if (!size_holds && finding->verdict == NG_PASS)
        ng_finding_fail(finding, NG_FAIL,
                        "a normalized value of set %zu is beyond "
                        "sqrt(%s): %.9g",
                        set, centred ? "n - 1" : "n", s->got_at);
    return square_holds && sum_holds && size_holds;
}

/* Where outputs are outside their own bounds too, they tell the cause. */
static void explain(ng_trial *trial, const ng_call_state *call,
                    ng_finding *finding)
{
    ng_finding outputs;
    ng_finding_init(&outputs);
    if (ng_trial_judge(trial, call, &outputs) && outputs.wrong > 0) {
        ng_diagnose(trial, call, &outputs);
        ng_finding_fail(finding, NG_FAIL, "%s", outputs.cause);
    }
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    ng_call_state call;
    ng_standard standard;
    ng_error error;
    const ng_contract *contract = trial->contract;
    double factor = contract->affine == ng_affine_one_plus_gamma ? 2 : 1;
    if (!ng_trial_prepare(trial, test, &call, finding) ||
        !ng_trial_call(trial, test, &call, finding))
        return;
    if (!ng_standard_make(&standard, &trial->arena, &call.problem, &error)) {
        ng_finding_fail(finding, NG_ERROR, "%.390s", error.text);
        return;
    }
    for (size_t set = 0; set < ng_view_sets(&call.problem.view); set++) {
        sums s;
        const ng_conditions *c = ng_exact_conditions(standard.exact, set);
        if (!add_up(&s, &standard, &call.tensor[ng_tensor_y], set, factor))
            continue;
        if (!reference_holds(&s, c, factor, finding))
            return;
        judge_set(&s, &standard, set, factor, finding);
    }
    if (finding->verdict == NG_FAIL)
        explain(trial, &call, finding);
}

const ng_property ng_property_moments = {
    .name = "moments",
    .claim = "the normalized values of a set have the sum 0 (where centred) "
             "and the sum of squares n var/(var + eps), and none exceeds "
             "sqrt(n - 1)",
    .why = "a biased mean or rstd hides inside the bounds of single elements "
           "where data are ill conditioned, and scales every layer after it",
    .source = "definition of mean and variance; Samuelson 1968 for the largest "
              "deviation; bounds: BOUNDS.md, Moments",
    .wild = "triton-lang/triton#9838: padded lanes added (B-n)*mean^2 to the "
            "variance, so that the squares of y did not add up to n",
    .applies = ng_applies_forward,
    .plan = plan,
    .check = check,
};
