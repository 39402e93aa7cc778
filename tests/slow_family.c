/* Slow family: see slow_family.h for what is computed and why its precision
 * suffices. Slow and plain on purpose. */
#include "slow_family.h"

#include <math.h>

/* What one set has while it is worked on. */
typedef struct set_work {
    size_t n, divisor;
    mpfr_t mean, var, rstd, slope; /* slope: d rstd / d var */
    bool zero;                     /* the denominator is 0, or var is 0/0 */
    bool kink;                     /* rstd has no derivative */
} set_work;

typedef struct work {
    const family_input *in;
    family_output *out;
    mpfr_prec_t precision;
    mpfr_t *x, *d; /* per element: what is normalized; x - mean */
    set_work *set;
} work;

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (memory == NULL)
        abort();
    return memory;
}

static bool gradient(const family_input *in)
{
    return in->pass == FAMILY_BACKWARD || in->pass == FAMILY_INFERENCE_BACKWARD;
}

static bool training(const family_input *in)
{
    return in->pass == FAMILY_FORWARD || in->pass == FAMILY_BACKWARD;
}

size_t family_sets(const family_input *in)
{
    switch (in->op) {
    case FAMILY_BATCH: return in->C;
    case FAMILY_GROUP: return in->N * in->groups;
    case FAMILY_INSTANCE: return in->N * in->C;
    default: return in->N;
    }
}

size_t family_set_at(const family_input *in, size_t n, size_t c, size_t s)
{
    (void)s;
    switch (in->op) {
    case FAMILY_BATCH: return c;
    case FAMILY_GROUP: return n * in->groups + c / (in->C / in->groups);
    case FAMILY_INSTANCE: return n * in->C + c;
    default: return n;
    }
}

static size_t place_of(const family_input *in, size_t n, size_t c, size_t s)
{
    return in->start + n * in->step[0] + c * in->step[1] + s * in->step[2];
}

static size_t number_of(const family_input *in, size_t n, size_t c, size_t s)
{
    return (n * in->C + c) * in->S + s;
}

/* Widens [*low, *high) to the exponents of value's lowest and highest bit. */
static void span(double value, int *low, int *high)
{
    int exponent;
    if (!isfinite(value))
        abort(); /* the caller promised finite inputs */
    if (value == 0)
        return;
    int64_t bits = (int64_t)ldexp(fabs(frexp(value, &exponent)), 53);
    if (exponent > *high)
        *high = exponent;
    for (exponent -= 53; bits % 2 == 0; bits /= 2)
        exponent++;
    if (exponent < *low)
        *low = exponent;
}

static void span_all(const double *values, size_t count, int *low, int *high)
{
    for (size_t i = 0; values != NULL && i < count; i++)
        span(values[i], low, high);
}

static long range_of(const family_input *in)
{
    int low = 0, high = 1; /* 1 is an input too: gamma may be absent */
    size_t sets = family_sets(in), count = in->N * in->C * in->S;
    const double *arrays[] = {in->x, in->residual, in->dy, in->dh};
    for (size_t n = 0; n < in->N; n++)
        for (size_t c = 0; c < in->C; c++)
            for (size_t s = 0; s < in->S; s++)
                for (int a = 0; a < 4; a++)
                    if (arrays[a] != NULL)
                        span(arrays[a][place_of(in, n, c, s)], &low, &high);
    span_all(in->gamma, in->C, &low, &high);
    span_all(in->beta, in->C, &low, &high);
    span_all(in->mean, sets, &low, &high);
    span_all(in->rstd, sets, &low, &high);
    span_all(in->running_mean, in->C, &low, &high);
    span_all(in->running_var, in->C, &low, &high);
    span(in->eps, &low, &high);
    span(in->momentum, &low, &high);
    long range = high - low + (in->rule == FAMILY_CUMULATIVE ? 64 : 0);
    for (; count > 1; count /= 2)
        range++;
    return range;
}

static family_value *values_new(size_t count, mpfr_prec_t precision)
{
    family_value *values = zeroed(count, sizeof *values);
    for (size_t i = 0; i < count; i++) {
        mpfr_init2(values[i].value, precision);
        mpfr_init2(values[i].size, 64);
        mpfr_set_zero(values[i].value, 1);
        mpfr_set_zero(values[i].size, 1);
        values[i].undefined = true;
    }
    return values;
}

static void values_free(family_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mpfr_clear(values[i].value);
        mpfr_clear(values[i].size);
    }
    free(values);
}

static void output_init(family_output *out, const family_input *in)
{
    long range = range_of(in);
    size_t count = in->N * in->C * in->S, sets = family_sets(in);
    mpfr_prec_t precision = 2000 + 40 * range;
    *out = (family_output){
        .count = count,
        .sets = sets,
        .params = in->C,
        .precision = precision,
        .tie_bits = 1000 + 36 * range,
        .y = values_new(count, precision),
        .h = values_new(count, precision),
        .dx = values_new(count, precision),
        .mean = values_new(sets, precision),
        .rstd = values_new(sets, precision),
        .var = values_new(sets, precision),
        .dgamma = values_new(in->C, precision),
        .dbeta = values_new(in->C, precision),
        .running_mean = values_new(in->C, precision),
        .running_var = values_new(in->C, precision),
    };
}

void family_clear(family_output *out)
{
    values_free(out->y, out->count);
    values_free(out->h, out->count);
    values_free(out->dx, out->count);
    values_free(out->mean, out->sets);
    values_free(out->rstd, out->sets);
    values_free(out->var, out->sets);
    values_free(out->dgamma, out->params);
    values_free(out->dbeta, out->params);
    values_free(out->running_mean, out->params);
    values_free(out->running_var, out->params);
}

/* Adds a term to an output and remembers the largest. */
static void add_term(family_value *to, mpfr_srcptr term)
{
    to->undefined = false;
    mpfr_add(to->value, to->value, term, MPFR_RNDN);
    if (mpfr_cmpabs(term, to->size) > 0)
        mpfr_abs(to->size, term, MPFR_RNDU);
}

static void add_double(family_value *to, double value)
{
    mpfr_t term;
    mpfr_init2(term, 53);
    mpfr_set_d(term, value, MPFR_RNDN);
    add_term(to, term);
    mpfr_clear(term);
}

/* |value| < |size| * 2^-bits */
static bool negligible(mpfr_srcptr value, mpfr_srcptr size, long bits)
{
    if (mpfr_zero_p(value))
        return true;
    return !mpfr_zero_p(size) &&
           mpfr_get_exp(value) < mpfr_get_exp(size) - bits;
}

/* h, what is normalized, and its rounding where the contract has one. */
static void load_x(work *w)
{
    const family_input *in = w->in;
    for (size_t n = 0; n < in->N; n++)
        for (size_t c = 0; c < in->C; c++)
            for (size_t s = 0; s < in->S; s++) {
                size_t i = number_of(in, n, c, s), at = place_of(in, n, c, s);
                mpfr_set_d(w->x[i], in->x[at], MPFR_RNDN);
                if (gradient(in) || in->residual == NULL)
                    continue;
                mpfr_add_d(w->x[i], w->x[i], in->residual[at], MPFR_RNDN);
                family_value *h = &w->out->h[i];
                add_double(h, in->x[at]);
                add_double(h, in->residual[at]);
                slow_rounding how;
                double rounded = family_round(w->out, h, in->storage, &how);
                if (in->round_residual)
                    mpfr_set_d(w->x[i], isinf(rounded) ? 0 : rounded,
                               MPFR_RNDN);
                w->out->beyond |= in->round_residual && isinf(rounded);
            }
}

/* Sums over the sets: mean, then the squares of the distances from it. */
static void load_moments(work *w)
{
    const family_input *in = w->in;
    mpfr_t t;
    mpfr_init2(t, w->precision);
    for (size_t n = 0; n < in->N; n++)
        for (size_t c = 0; c < in->C; c++)
            for (size_t s = 0; s < in->S; s++) {
                set_work *set = &w->set[family_set_at(in, n, c, s)];
                set->n++;
                mpfr_add(set->mean, set->mean, w->x[number_of(in, n, c, s)],
                         MPFR_RNDN);
            }
    for (size_t k = 0; k < w->out->sets; k++)
        mpfr_div_ui(w->set[k].mean, w->set[k].mean, w->set[k].n, MPFR_RNDN);
    for (size_t n = 0; n < in->N; n++)
        for (size_t c = 0; c < in->C; c++)
            for (size_t s = 0; s < in->S; s++) {
                set_work *set = &w->set[family_set_at(in, n, c, s)];
                size_t i = number_of(in, n, c, s);
                mpfr_set(w->d[i], w->x[i], MPFR_RNDN);
                if (in->centred)
                    mpfr_sub(w->d[i], w->x[i], set->mean, MPFR_RNDN);
                mpfr_sqr(t, w->d[i], MPFR_RNDN);
                mpfr_add(set->var, set->var, t, MPFR_RNDN);
            }
    mpfr_clear(t);
}

/* The larger of v and limit; sets `kink` where they are equal. */
static void larger(work *w, set_work *set, mpfr_ptr v, double limit,
                   bool *clamped)
{
    mpfr_t t;
    mpfr_init2(t, w->precision);
    mpfr_sub_d(t, v, limit, MPFR_RNDN);
    set->kink = negligible(t, v, w->out->tie_bits) || mpfr_zero_p(t);
    *clamped = mpfr_sgn(t) < 0;
    if (*clamped || set->kink)
        mpfr_set_d(v, limit, MPFR_RNDN);
    mpfr_clear(t);
}

/* rstd and its derivative after the variance. */
static void load_scale(work *w, set_work *set)
{
    const family_input *in = w->in;
    mpfr_t sigma, scale;
    bool flat = false;
    mpfr_inits2(w->precision, sigma, scale, (mpfr_ptr)0);
    mpfr_sqrt(sigma, set->var, MPFR_RNDN);
    mpfr_set(scale, set->var, MPFR_RNDN);
    switch (in->place) {
    case FAMILY_INSIDE:
        mpfr_add_d(scale, scale, in->eps, MPFR_RNDN);
        mpfr_sqrt(scale, scale, MPFR_RNDN);
        break;
    case FAMILY_OUTSIDE: mpfr_add_d(scale, sigma, in->eps, MPFR_RNDN); break;
    case FAMILY_MAX_VAR:
        larger(w, set, scale, in->eps, &flat);
        mpfr_sqrt(scale, scale, MPFR_RNDN);
        break;
    case FAMILY_MAX_NORM:
        mpfr_set(scale, sigma, MPFR_RNDN);
        larger(w, set, scale, in->eps, &flat);
        break;
    default: mpfr_set(scale, sigma, MPFR_RNDN);
    }
    set->zero |= mpfr_zero_p(scale) != 0;
    mpfr_set_zero(set->slope, 1);
    if (!set->zero) {
        mpfr_ui_div(set->rstd, 1, scale, MPFR_RNDN);
        mpfr_sqr(set->slope, set->rstd, MPFR_RNDN); /* 1/scale^2 */
        if (in->place == FAMILY_OUTSIDE && mpfr_zero_p(sigma))
            set->kink = true; /* the root at 0 */
        else if (in->place == FAMILY_OUTSIDE)
            mpfr_div(set->slope, set->slope, sigma, MPFR_RNDN);
        else
            mpfr_mul(set->slope, set->slope, set->rstd, MPFR_RNDN);
        mpfr_div_si(set->slope, set->slope, -2, MPFR_RNDN);
        if (flat)
            mpfr_set_zero(set->slope, 1);
    }
    mpfr_clears(sigma, scale, (mpfr_ptr)0);
}

static void put(family_value *to, mpfr_srcptr value)
{
    mpfr_set_zero(to->value, 1);
    add_term(to, value);
}

static void load_training(work *w, set_work *set, size_t number)
{
    const family_input *in = w->in;
    set->divisor = in->divisor == FAMILY_ONE ? 1
                   : in->divisor == FAMILY_N ? set->n
                                             : set->n - 1;
    set->zero = set->divisor == 0;
    if (!set->zero)
        mpfr_div_ui(set->var, set->var, set->divisor, MPFR_RNDN);
    load_scale(w, set);
    if (gradient(in))
        return;
    put(&w->out->mean[number], set->mean);
    if (set->divisor != 0)
        put(&w->out->var[number], set->var);
    if (!set->zero)
        put(&w->out->rstd[number], set->rstd);
}

/* Running statistics of the channel, or mean and rstd of the set, as given. */
static void load_given(work *w, set_work *set, size_t number, size_t channel)
{
    const family_input *in = w->in;
    mpfr_set_zero(set->mean, 1);
    set->kink = set->zero = false;
    set->divisor = in->divisor == FAMILY_ONE ? 1
                   : in->divisor == FAMILY_N ? set->n
                                             : set->n - 1;
    if (!training(in)) {
        mpfr_set_d(set->mean, in->running_mean[channel], MPFR_RNDN);
        mpfr_set_d(set->var, in->running_var[channel], MPFR_RNDN);
        load_scale(w, set);
        mpfr_set_zero(set->slope, 1);
        set->kink = false;
        return;
    }
    if (in->centred)
        mpfr_set_d(set->mean, in->mean[number], MPFR_RNDN);
    mpfr_set_d(set->rstd, in->rstd[number], MPFR_RNDN);
    mpfr_sqr(set->slope, set->rstd, MPFR_RNDN);
    mpfr_mul(set->slope, set->slope, set->rstd, MPFR_RNDN);
    mpfr_div_si(set->slope, set->slope, -2, MPFR_RNDN);
    set->kink = set->divisor == 0;
}

static void load_sets(work *w)
{
    const family_input *in = w->in;
    bool given = !training(in) || (gradient(in) && in->saved);
    load_moments(w);
    for (size_t k = 0; k < w->out->sets; k++) {
        if (given)
            load_given(w, &w->set[k], k,
                       in->op == FAMILY_INSTANCE ? k % in->C : k);
        else
            load_training(w, &w->set[k], k);
    }
    for (size_t n = 0; given && n < in->N; n++)
        for (size_t c = 0; c < in->C; c++)
            for (size_t s = 0; s < in->S; s++) {
                size_t i = number_of(in, n, c, s);
                const set_work *set = &w->set[family_set_at(in, n, c, s)];
                mpfr_sub(w->d[i], w->x[i], set->mean, MPFR_RNDN);
            }
}

static void gamma_at(const family_input *in, mpfr_ptr to, size_t c)
{
    mpfr_set_ui(to, 1, MPFR_RNDN);
    if (in->gamma == NULL)
        return;
    mpfr_set_d(to, in->gamma[c], MPFR_RNDN);
    if (in->one_plus)
        mpfr_add_ui(to, to, 1, MPFR_RNDN);
}

static void compute_y(work *w)
{
    const family_input *in = w->in;
    mpfr_t t, gamma;
    mpfr_inits2(w->precision, t, gamma, (mpfr_ptr)0);
    for (size_t n = 0; n < in->N; n++)
        for (size_t c = 0; c < in->C; c++)
            for (size_t s = 0; s < in->S; s++) {
                size_t i = number_of(in, n, c, s);
                const set_work *set = &w->set[family_set_at(in, n, c, s)];
                if (set->zero)
                    continue;
                gamma_at(in, gamma, c);
                mpfr_mul(t, w->d[i], set->rstd, MPFR_RNDN);
                mpfr_mul(t, t, gamma, MPFR_RNDN);
                add_term(&w->out->y[i], t);
                if (in->beta != NULL)
                    add_double(&w->out->y[i], in->beta[c]);
            }
    mpfr_clears(t, gamma, (mpfr_ptr)0);
}

/* Adds g_j d x_hat_j/d x_i to dx_i; i and j are in the same set. */
static void add_share(work *w, const set_work *set, mpfr_srcptr g, size_t i,
                      size_t j)
{
    const family_input *in = w->in;
    mpfr_t share, t;
    mpfr_inits2(w->precision, share, t, (mpfr_ptr)0);
    mpfr_set_ui(share, i == j, MPFR_RNDN);
    if (in->centred && training(in)) {
        mpfr_set_ui(t, 1, MPFR_RNDN);
        mpfr_div_ui(t, t, set->n, MPFR_RNDN);
        mpfr_sub(share, share, t, MPFR_RNDN);
    }
    mpfr_mul(share, share, set->rstd, MPFR_RNDN);
    mpfr_mul(share, share, g, MPFR_RNDN);
    add_term(&w->out->dx[i], share);
    if (training(in)) {
        mpfr_mul(t, w->d[j], w->d[i], MPFR_RNDN);
        mpfr_mul(t, t, set->slope, MPFR_RNDN);
        mpfr_mul_ui(t, t, 2, MPFR_RNDN);
        mpfr_div_ui(t, t, set->divisor, MPFR_RNDN);
        mpfr_mul(t, t, g, MPFR_RNDN);
        add_term(&w->out->dx[i], t);
    }
    mpfr_clears(share, t, (mpfr_ptr)0);
}

static void compute_dx_at(work *w, size_t n, size_t c, size_t s)
{
    const family_input *in = w->in;
    size_t i = number_of(in, n, c, s), at = place_of(in, n, c, s);
    size_t number = family_set_at(in, n, c, s);
    const set_work *set = &w->set[number];
    mpfr_t g;
    if (set->zero || set->kink)
        return;
    mpfr_init2(g, w->precision);
    for (size_t m = 0; m < in->N; m++)
        for (size_t b = 0; b < in->C; b++)
            for (size_t r = 0; r < in->S; r++) {
                size_t j = number_of(in, m, b, r);
                bool linked = training(in)
                                  ? family_set_at(in, m, b, r) == number
                                  : i == j;
                if (!linked)
                    continue;
                gamma_at(in, g, b);
                mpfr_mul_d(g, g, in->dy[place_of(in, m, b, r)], MPFR_RNDN);
                add_share(w, set, g, i, j);
            }
    if (in->dh != NULL)
        add_double(&w->out->dx[i], in->dh[at]);
    mpfr_clear(g);
}

static void compute_gradients(work *w)
{
    const family_input *in = w->in;
    bool *undefined = zeroed(in->C, sizeof *undefined);
    mpfr_t t;
    mpfr_init2(t, w->precision);
    for (size_t n = 0; n < in->N; n++)
        for (size_t c = 0; c < in->C; c++)
            for (size_t s = 0; s < in->S; s++) {
                const set_work *set = &w->set[family_set_at(in, n, c, s)];
                double dy = in->dy[place_of(in, n, c, s)];
                compute_dx_at(w, n, c, s);
                add_double(&w->out->dbeta[c], dy);
                undefined[c] |= set->zero;
                if (set->zero)
                    continue;
                mpfr_mul_d(t, w->d[number_of(in, n, c, s)], dy, MPFR_RNDN);
                mpfr_mul(t, t, set->rstd, MPFR_RNDN);
                add_term(&w->out->dgamma[c], t);
            }
    for (size_t c = 0; c < in->C; c++)
        w->out->dgamma[c].undefined = undefined[c];
    mpfr_clear(t);
    free(undefined);
}

/* One step of a moving average, old to new. */
static void step(const work *w, family_value *to, double old,
                 mpfr_srcptr new_value)
{
    const family_input *in = w->in;
    mpfr_t of_old, of_new;
    mpfr_inits2(w->precision, of_old, of_new, (mpfr_ptr)0);
    mpfr_set_d(of_old, in->momentum, MPFR_RNDN);
    mpfr_d_sub(of_new, 1, of_old, MPFR_RNDN);
    if (in->rule == FAMILY_NEW)
        mpfr_swap(of_old, of_new);
    if (in->rule == FAMILY_CUMULATIVE) {
        mpfr_set_uj(of_old, in->batches, MPFR_RNDN);
        mpfr_add_ui(of_new, of_old, 1, MPFR_RNDN);
        mpfr_div(of_old, of_old, of_new, MPFR_RNDN);
        mpfr_ui_div(of_new, 1, of_new, MPFR_RNDN);
    }
    mpfr_mul_d(of_old, of_old, old, MPFR_RNDN);
    mpfr_mul(of_new, of_new, new_value, MPFR_RNDN);
    add_term(to, of_old);
    add_term(to, of_new);
    mpfr_clears(of_old, of_new, (mpfr_ptr)0);
}

/* A channel's statistic is the average over its sets: one set for batch norm,
 * one for every n in instance norm. */
static void compute_running(work *w)
{
    const family_input *in = w->in;
    size_t shares = in->op == FAMILY_INSTANCE ? in->N : 1;
    mpfr_t mean, var, t;
    mpfr_inits2(w->precision, mean, var, t, (mpfr_ptr)0);
    for (size_t c = 0; c < in->C; c++) {
        size_t n = w->set[c].n;
        size_t ddof = in->unbiased ? 1 : 0;
        if (n == 1 && in->one_value == FAMILY_BIASED)
            ddof = 0;
        mpfr_set_zero(mean, 1);
        mpfr_set_zero(var, 1);
        for (size_t k = 0; k < shares; k++) {
            const set_work *set = &w->set[k * in->C + c];
            mpfr_add(mean, mean, set->mean, MPFR_RNDN);
            if (n > ddof && set->divisor > 0) { /* back to the sum, then down */
                mpfr_mul_ui(t, set->var, set->divisor, MPFR_RNDN);
                mpfr_div_ui(t, t, n - ddof, MPFR_RNDN);
                mpfr_add(var, var, t, MPFR_RNDN);
            }
        }
        mpfr_div_ui(mean, mean, shares, MPFR_RNDN);
        mpfr_div_ui(var, var, shares, MPFR_RNDN);
        step(w, &w->out->running_mean[c], in->running_mean[c], mean);
        if (n == 1 && in->one_value == FAMILY_SKIP)
            add_double(&w->out->running_var[c], in->running_var[c]);
        else if (n > ddof)
            step(w, &w->out->running_var[c], in->running_var[c], var);
    }
    mpfr_clears(mean, var, t, (mpfr_ptr)0);
}

static void work_init(work *w, const family_input *in, family_output *out)
{
    *w = (work){.in = in, .out = out, .precision = out->precision};
    w->x = zeroed(out->count, sizeof *w->x);
    w->d = zeroed(out->count, sizeof *w->d);
    w->set = zeroed(out->sets, sizeof *w->set);
    for (size_t i = 0; i < out->count; i++)
        mpfr_inits2(w->precision, w->x[i], w->d[i], (mpfr_ptr)0);
    for (size_t k = 0; k < out->sets; k++) {
        set_work *set = &w->set[k];
        mpfr_inits2(w->precision, set->mean, set->var, set->rstd, set->slope,
                    (mpfr_ptr)0);
        mpfr_set_zero(set->mean, 1);
        mpfr_set_zero(set->var, 1);
    }
}

static void work_clear(work *w)
{
    for (size_t i = 0; i < w->out->count; i++)
        mpfr_clears(w->x[i], w->d[i], (mpfr_ptr)0);
    for (size_t k = 0; k < w->out->sets; k++)
        mpfr_clears(w->set[k].mean, w->set[k].var, w->set[k].rstd,
                    w->set[k].slope, (mpfr_ptr)0);
    free(w->x);
    free(w->d);
    free(w->set);
}

void family_compute(family_output *out, const family_input *in)
{
    work w;
    output_init(out, in);
    work_init(&w, in, out);
    load_x(&w);
    load_sets(&w);
    if (gradient(in))
        compute_gradients(&w);
    else
        compute_y(&w);
    if (in->pass == FAMILY_FORWARD && in->running_mean != NULL)
        compute_running(&w);
    work_clear(&w);
}

double family_round(const family_output *out, const family_value *value,
                    const slow_format *format, slow_rounding *how)
{
    return slow_round(format, value->value, value->size, out->tie_bits, how);
}

bool family_close(const family_output *out, const family_value *value,
                  double high, double low, int exponent)
{
    if (negligible(value->value, value->size, out->tie_bits))
        return high == 0 && low == 0;
    mpfr_t got;
    mpfr_init2(got, out->precision);
    mpfr_set_d(got, high, MPFR_RNDN);
    mpfr_add_d(got, got, low, MPFR_RNDN);
    mpfr_mul_2si(got, got, exponent, MPFR_RNDN);
    mpfr_sub(got, got, value->value, MPFR_RNDN);
    bool close = mpfr_zero_p(got) ||
                 mpfr_get_exp(got) < mpfr_get_exp(value->value) - 100;
    mpfr_clear(got);
    return close;
}
