/* Inputs of the comparison of the references: see reference_trial.h. */
#include "reference_trial.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

const char *const trial_dtypes[4] = {"f16", "bf16", "f32", "f64"};

static double normal(slow_random *random)
{
    double sum = 0;
    for (int k = 0; k < 6; k++)
        sum += slow_real(random);
    return sum / 1.4142135623730951;
}

void trial_fill(slow_random *random, int family, ng_dtype dtype, double *x,
                size_t count)
{
    const slow_format *f = slow_format_of(dtype);
    double largest = ng_dtype_max(dtype);
    double smallest = ldexp(1, f->emin - f->p + 1);
    double base = 3 * slow_real(random) + 4;
    double offset = exp(log(10) * slow_int(random, 0, 8)) * slow_real(random);
    base = ng_dtype_round(dtype, base);
    for (size_t i = 0; i < count; i++) {
        double v = 0;
        switch (family) {
        case NORMAL: v = normal(random); break;
        case OFFSET: v = offset + normal(random); break;
        case WIDE:
            v = slow_real(random) *
                ldexp(1, slow_int(random, f->emin - f->p, f->emax));
            break;
        case INTEGERS: v = slow_int(random, -10, 10); break;
        case CONSTANT: v = base; break;
        case NEAR_CONSTANT:
            v = base + slow_int(random, -1, 1) * ng_dtype_ulp(dtype, base);
            break;
        case OUTLIER: v = normal(random) * (i == count / 2 ? 1e4 : 1); break;
        case SUBNORMAL: v = smallest * slow_int(random, -100, 100); break;
        case NEAR_OVERFLOW:
            v = largest * (1 - 0.7 * fabs(slow_real(random)));
            if (slow_below(random, 2))
                v = -v;
            break;
        case CANCELLED: /* 0, 1, 2, ...: the mean is 1, but for a whiff */
            v = i + i % 3 >= count ? 1 : (double)(i % 3);
            if (i == 0)
                v = ldexp(slow_real(random),
                          slow_int(random, (f->emin - f->p) / 4 * 3, -10));
            break;
        default:
            v = normal(random) * ldexp(1, slow_int(random, -20, 10));
            if (slow_below(random, 8) == 0)
                v = 0;
        }
        x[i] = fmax(-largest, fmin(largest, v));
    }
}

void trial_fill_params(slow_random *random, ng_dtype dtype, double *p,
                       size_t count)
{
    uint64_t style = slow_below(random, 8);
    if (p == NULL)
        return;
    for (size_t k = 0; k < count; k++) {
        double v = normal(random);
        switch (style) {
        case 0: v = 0; break;
        case 1: v = -fabs(v); break;
        case 2: v *= ng_dtype_max(dtype) / 8; break;
        case 3: v *= ng_dtype_min(dtype); break;
        case 4: v = slow_int(random, -4, 4); break;
        case 5: v *= 1000; break;
        default: break;
        }
        p[k] = fmax(-ng_dtype_max(dtype), fmin(ng_dtype_max(dtype), v));
    }
}

double trial_random_eps(slow_random *random, const ng_contract *contract)
{
    static const double eps[] = {0, 1e-12, 1e-5, 1e-3, 1};
    uint64_t pick = slow_below(random, 9);
    if (pick < 5)
        return eps[pick];
    if (pick < 8)
        return fabs(slow_real(random)) * ldexp(1, slow_int(random, -50, 15));
    if (contract->eps_dtype == ng_eps_dtype_f16) /* ends at 65504 */
        return ldexp(1, slow_int(random, -24, 15));
    return ldexp(1,
                 slow_int(random, -300,
                          contract->eps_dtype == ng_eps_dtype_f64 ? 200 : 120));
}

/* beta = -gamma * x_hat as well as a plain loop has it: little is left of y. */
static void cancel(trial *t, double eps)
{
    double mean = 0, var = 0;
    for (size_t i = 0; i < t->in.C; i++)
        mean += t->x[i] / (double)t->in.C;
    if (t->contract.centred == ng_centred_no)
        mean = 0;
    for (size_t i = 0; i < t->in.C; i++)
        var += (t->x[i] - mean) * (t->x[i] - mean) / (double)t->in.C;
    for (size_t i = 0; i < t->in.C; i++) {
        double v = (mean - t->x[i]) / sqrt(var + eps) *
                   (t->gamma != NULL ? t->gamma[i] : 1);
        if (fabs(v) <= ng_dtype_max(ng_contract_param(&t->contract)))
            t->beta[i] = v; /* not so if NaN */
    }
}

void trial_rows(slow_random *random, const ng_contract *contract, int family,
                size_t rows, size_t n)
{
    trial t = {.in = {.norm = SLOW_LAYER, .N = rows, .C = n, .H = 1, .W = 1},
               .contract = *contract,
               .view = ng_view_rows(rows, n)};
    trial_alloc(&t, slow_below(random, 6) != 0, slow_below(random, 6) != 0);
    trial_fill(random, family, ng_contract_storage(contract), t.x, rows * n);
    trial_fill_params(random, ng_contract_param(contract), t.gamma, n);
    trial_fill_params(random, ng_contract_param(contract), t.beta, n);
    double eps = trial_random_eps(random, contract);
    if (t.beta != NULL && rows == 1 && slow_below(random, 4) == 0)
        cancel(&t, eps);
    trial_encode(&t);
    trial_check(&t, eps);
    trial_free(&t);
}

/* One row given in full; returns through trial_check(). */
void trial_row(const char *op, const char *dtype, double eps, size_t n,
               const double *x, const double *gamma, const double *beta)
{
    trial t = {.in = {.norm = SLOW_LAYER, .N = 1, .C = n, .H = 1, .W = 1},
               .view = ng_view_rows(1, n)};
    trial_contract(&t.contract, op, dtype);
    trial_alloc(&t, gamma != NULL, beta != NULL);
    memcpy(t.x, x, n * sizeof *x);
    if (gamma != NULL)
        memcpy(t.gamma, gamma, n * sizeof *x);
    if (beta != NULL)
        memcpy(t.beta, beta, n * sizeof *x);
    trial_encode(&t);
    trial_check(&t, eps);
    trial_free(&t);
}
