/* Jacobian: all of it from one call, whose sets hold the same x and whose dy
 * are the unit vectors; its singular values by LAPACK. With P = dy/dx of the
 * bare norm, 1/s (I - 11'/n - x_hat x_hat' (1 - share)/|x_hat|^2), the share
 * that eps leaves being eps/(var + eps), all singular values are 1/s but
 *   0 along 1 (where the norm centres) and share/s along x_hat.
 * gamma multiplies P: sigma_k lies between min|gamma| and max|gamma| times that
 * (Ostrowski). By Weyl the outputs' bounds B move no singular value by more
 * than |B|, Frobenius. */
#include "backward.h"
#include "plan.h"
#include "spectrum.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ng_plan_row rows[] = {
    {"normal", NAN, NG_EPS, "unit"},
    {"near_eps", 1, 1e-3, "unit"},
    {"offset", 10, 0, "unit"},
    {"normal", NAN, 1, "random"},
};

/* As many sets as elements. */
static const ng_plan_size sizes[] = {
    {8, 8, ng_smoke},
    {24, 24, ng_gate},
    {48, 48, ng_deep},
};

static bool plan(const ng_trial *trial, size_t i, ng_case *test)
{
    return ng_plan_cross(trial, i, rows, sizeof rows / sizeof rows[0], sizes,
                         sizeof sizes / sizeof sizes[0], test);
}

void ng_unit_gradients(ng_call_state *call)
{
    const ng_view *view = &call->problem.view;
    size_t n = ng_view_n(view);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (call->tensor[role].use != ng_input ||
            call->tensor[role].data == NULL)
            continue;
        for (size_t set = 0; set < ng_view_sets(view); set++) {
            for (size_t i = 0; i < n; i++) {
                double value = ng_input_at(call, role, 0, i, 0);
                if (role == ng_tensor_dy)
                    value = i == set % n ? 1 : 0;
                else if (role == ng_tensor_dh)
                    value = 0;
                ng_input_set(call, role, set, i, value);
            }
        }
    }
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* On span{1, z} of a saved
 * x_hat = z, P is rstd times I less the sum of two projections, whose Gram
 * matrix is [1 a; a 1 - t] with a = 1'z/sqrt(n k), t = 1 - z'z/k. */
void ng_norm_spectrum(const ng_outcome *base, const ng_x_hat *x_hat,
                      double *values)
{
    const ng_contract *contract = base->call.problem.contract;
    const ng_conditions *c = ng_exact_conditions(base->standard.exact, 0);
    bool training = ng_is_training(contract);
    bool centred = contract->centred == ng_centred_yes && training;
    size_t n = x_hat->n;
    double rstd = x_hat->rstd[0], t = ng_eps_share(&base->standard, 0), a = 0;
    for (size_t i = 0; i < n; i++)
        values[i] = rstd;
    if (ng_uses_saved(contract)) {
        ng_inner left = {0}, sum = {0};
        ng_inner_add(&left, c->divisor, 1, 0);
        for (size_t i = 0; i < n; i++) {
            ng_inner_add(&left, -x_hat->high[i], x_hat->high[i], 0);
            ng_inner_add(&left, -2 * x_hat->high[i], x_hat->low[i], 0);
            ng_inner_add(&sum, 1, x_hat->high[i], 0);
            ng_inner_add(&sum, 1, x_hat->low[i], 0);
        }
        t = ng_inner_value(&left) / c->divisor;
        if (centred)
            a = ng_inner_value(&sum) / sqrt((double)n * c->divisor);
    }
    /* one element leaves no direction beside 1; no spread, none along x_hat */
    if (centred && n > 1) {
        values[0] = rstd * fabs(t / 2 + hypot(t / 2, a));
        values[1] = rstd * fabs(t / 2 - hypot(t / 2, a));
    } else if (centred) {
        values[0] = 0;
    } else if (training) {
        values[0] = rstd * fabs(t);
    }
    qsort(values, n, sizeof *values, descending);
}

/* min and max of |factor|. */
static void factor_range(const ng_call_state *call, size_t n, double *least,
                         double *most)
{
    *least = INFINITY;
    *most = 0;
    for (size_t i = 0; i < n; i++) {
        ng_factor factor = ng_factor_at(call, 0, i);
        double size = fabs(factor.gamma + factor.one);
        *least = fmin(*least, size);
        *most = fmax(*most, size);
    }
}

/* The judged matrix, column k the dx of dy = e_k, and |B|; false: some entry is
 * outside the domain. */
static bool matrix_of(const ng_outcome *base, double *a, double *bound)
{
    const ng_values *dx = &base->value[ng_tensor_dx];
    size_t n = dx->n;
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < n; i++) {
            a[i * n + k] = dx->got[k * n + i];
            sum += dx->bound[k * n + i] * dx->bound[k * n + i];
        }
    }
    *bound = sqrt(sum) * (1 + (double)(n * n) * 0x1p-52);
    return isfinite(*bound);
}

static bool finite_matrix(const double *a, size_t n, ng_finding *finding)
{
    for (size_t k = 0; k < n * n; k++) {
        if (isfinite(a[k]))
            continue;
        /* bounds are finite, and so is every right dx */
        ng_judge_identity(finding, ng_tensor_dx, k % n, k / n, a[k], 0, 1,
                          "the Jacobian's entry %zu, %zu", k / n, k % n);
        return false;
    }
    return true;
}

/* The claims about each singular value, the note and the columns; `exact` and
 * `range`, of n and 2 n, are room for them. */
static void judge(const ng_outcome *base, const ng_x_hat *x_hat,
                  const double *got, double slack, double *exact, double *range,
                  ng_finding *finding)
{
    size_t n = x_hat->n, rank = 0;
    double least, most;
    factor_range(&base->call, n, &least, &most);
    ng_norm_spectrum(base, x_hat, exact);
    /* the share of eps, rstd and the products are rounded */
    slack += 32 * 0x1p-53 * most * (exact[0] + x_hat->rstd[0]);
    for (size_t k = 0; k < n; k++) {
        double low = least * exact[k], high = most * exact[k];
        double due = fmin(fmax(got[k], low), high); /* the nearest allowed */
        rank += got[k] > slack;
        range[k] = fmax(low - slack, 0);
        range[n + k] = high + slack;
        ng_judge_identity(
            finding, ng_tensor_dx, 0, k, got[k], due, slack,
            low == high ? "the Jacobian's singular value %zu of %zu"
                        : "beyond what gamma allows, the Jacobian's singular "
                          "value %zu of %zu",
            k + 1, n);
    }
    ng_finding_column(finding, "singular", got, n);
    ng_finding_column(finding, "least", range, n);
    ng_finding_column(finding, "most", range + n, n);
    ng_finding_note(finding,
                    "Jacobian of %zu elements: rank %zu, largest singular "
                    "value %.4g (rstd*max|gamma| %.4g), the two smallest %.2g "
                    "and %.2g (exact: up to %.2g and %.2g)",
                    n, rank, got[0], x_hat->rstd[0] * most,
                    n > 1 ? got[n - 2] : NAN, got[n - 1],
                    n > 1 ? most * exact[n - 2] : NAN, most * exact[n - 1]);
}

static void check(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    enum { LONGEST = 128 };
    ng_outcome drawn = {0}, base;
    ng_x_hat x_hat;
    double entries, error;
    size_t n = test->n;
    if (n == 0 || n > LONGEST || test->rows < n)
        return;
    if (!ng_trial_prepare(trial, test, &drawn.call, finding) ||
        !ng_outcome_copy(trial, &drawn, &base, finding))
        return;
    ng_unit_gradients(&base.call);
    if (!ng_outcome_call(trial, test, &base, finding) ||
        !ng_x_hat_make(trial, &base.call, &x_hat, finding))
        return;
    double *a = ng_arena_alloc(&trial->arena, n * n + 4 * n, sizeof *a);
    if (a == NULL) {
        ng_finding_fail(finding, NG_ERROR, "no memory for the Jacobian");
        return;
    }
    if (!matrix_of(&base, a, &entries) || !finite_matrix(a, n, finding))
        return;
    if (!ng_singular_values(&trial->arena, a, n, a + n * n, &error)) {
        ng_finding_fail(finding, NG_ERROR,
                        "LAPACK found no singular values of the Jacobian");
        return;
    }
    double *values = a + n * n;
    judge(&base, &x_hat, values, entries + error, values + n, values + 2 * n,
          finding);
}

const ng_property ng_property_jacobian = {
    .name = "jacobian",
    .claim = "the Jacobian has the norm's spectrum: rstd, but 0 along 1 where "
             "it centres and rstd*eps/(var + eps) along x_hat; its norm is at "
             "most max|gamma|*rstd",
    .why = "a direction that should be flat and is not lets the scale of the "
           "weights grow; a direction lost never learns",
    .source = "exact spectrum of the derivative; Weyl and Ostrowski (Horn, "
              "Johnson, Matrix Analysis, 4.5.9, 7.3); LAPACK dgesvd, checked",
    .wild = "pytorch/xla#913: batch norm's eval backward used the gradient of "
            "batch statistics: a Jacobian of rank n - 2, not n",
    .applies = ng_applies_gradient,
    .plan = plan,
    .check = check,
};
