/* Slow reference: see slow_reference.h for what is computed and why its
 * precision suffices. Slow and plain on purpose. */
#include "slow_reference.h"

#include <math.h>

const slow_format slow_f16 = {11, -14, 15};
const slow_format slow_bf16 = {8, -126, 127};
const slow_format slow_f32 = {24, -126, 127};
const slow_format slow_f64 = {53, -1022, 1023};

const slow_format *slow_format_of(ng_dtype dtype)
{
    switch (dtype) {
    case ng_f16: return &slow_f16;
    case ng_bf16: return &slow_bf16;
    case ng_f32: return &slow_f32;
    default: return &slow_f64;
    }
}

size_t slow_count(const slow_input *input)
{
    return input->N * input->C * input->H * input->W;
}

size_t slow_params(const slow_input *input)
{
    if (input->norm == SLOW_IMAGE_LAYER)
        return input->C * input->H * input->W;
    return input->C;
}

static size_t offset_of(const slow_input *input, size_t n, size_t c, size_t h,
                        size_t w)
{
    size_t C = input->C, H = input->H, W = input->W;
    if (input->channels_last)
        return ((n * H + h) * W + w) * C + c;
    return ((n * C + c) * H + h) * W + w;
}

static size_t set_at(const slow_input *input, size_t n, size_t c, size_t h,
                     size_t w)
{
    switch (input->norm) {
    case SLOW_LAYER: return n;
    case SLOW_BATCH: return c;
    case SLOW_GROUP: return n * input->groups + c / (input->C / input->groups);
    case SLOW_INSTANCE: return n * input->C + c;
    case SLOW_IMAGE_LAYER: return n;
    case SLOW_CHANNEL_LAYER: return (n * input->H + h) * input->W + w;
    }
    abort();
}

static size_t param_at(const slow_input *input, size_t n, size_t c, size_t h,
                       size_t w)
{
    if (input->norm != SLOW_IMAGE_LAYER)
        return c;
    return offset_of(input, n, c, h, w) - offset_of(input, n, 0, 0, 0);
}

/* Widens [*low, *high) to the exponents of value's lowest and highest bit. */
static void span(double value, int *low, int *high)
{
    if (!isfinite(value))
        abort(); /* the caller promised finite inputs */
    if (value == 0)
        return;
    int exponent;
    double fraction = fabs(frexp(value, &exponent));
    int lowest = exponent;
    while (fraction != 0) {
        fraction *= 2;
        lowest--;
        if (fraction >= 1)
            fraction -= 1;
    }
    if (exponent > *high)
        *high = exponent;
    if (lowest < *low)
        *low = lowest;
}

static long range_of(const slow_input *input)
{
    int low = 0, high = 1; /* 1 is an input too: gamma may be absent */
    size_t count = slow_count(input), params = slow_params(input);
    for (size_t i = 0; i < count; i++)
        span(input->x[i], &low, &high);
    for (size_t k = 0; k < params; k++) {
        if (input->gamma != NULL)
            span(input->gamma[k], &low, &high);
        if (input->beta != NULL)
            span(input->beta[k], &low, &high);
    }
    span(input->eps, &low, &high);
    long range = high - low;
    while (count > 1) {
        range++;
        count /= 2;
    }
    return range;
}

static void set_init(slow_set *set, mpfr_prec_t precision)
{
    set->n = 0;
    set->zero = false;
    mpfr_inits2(precision, set->mean, set->mean_abs, set->deviation,
                set->root_mean_square, set->scale, set->rstd, set->mean_x,
                set->var, (mpfr_ptr)0);
    mpfr_set_zero(set->mean, 1);
    mpfr_set_zero(set->mean_abs, 1);
    mpfr_set_zero(set->deviation, 1);
    mpfr_set_zero(set->root_mean_square, 1);
}

static void set_clear(slow_set *set)
{
    mpfr_clears(set->mean, set->mean_abs, set->deviation, set->root_mean_square,
                set->scale, set->rstd, set->mean_x, set->var, (mpfr_ptr)0);
}

/* v / (n - ddof), where n - ddof = 0 leaves v, which is 0 then. */
static void divide(mpfr_ptr v, const slow_set *set, int ddof)
{
    size_t divisor = set->n - (size_t)ddof;
    if (divisor != 0)
        mpfr_div_ui(v, v, divisor, MPFR_RNDN);
}

static void finish_statistics(slow_set *set, const slow_input *input)
{
    mpfr_t v;
    mpfr_init2(v, mpfr_get_prec(set->mean));
    mpfr_set(set->var, set->deviation, MPFR_RNDN); /* its square so far */
    mpfr_set(v, set->var, MPFR_RNDN);
    mpfr_sqrt(set->deviation, v, MPFR_RNDN);
    switch (input->place) {
    case SLOW_INSIDE:
        mpfr_add_d(v, v, input->eps, MPFR_RNDN);
        mpfr_sqrt(set->scale, v, MPFR_RNDN);
        break;
    case SLOW_OUTSIDE:
        mpfr_add_d(set->scale, set->deviation, input->eps, MPFR_RNDN);
        break;
    case SLOW_MAX_VAR:
        if (mpfr_cmp_d(v, input->eps) < 0)
            mpfr_set_d(v, input->eps, MPFR_RNDN);
        mpfr_sqrt(set->scale, v, MPFR_RNDN);
        break;
    case SLOW_NONE: mpfr_sqrt(set->scale, v, MPFR_RNDN); break;
    }
    set->zero = mpfr_zero_p(set->scale) != 0;
    if (!set->zero)
        mpfr_ui_div(set->rstd, 1, set->scale, MPFR_RNDN);
    mpfr_clear(v);
}

void slow_forward(slow_output *output, const slow_input *input)
{
    size_t N = input->N, C = input->C, H = input->H, W = input->W;
    size_t count = slow_count(input);
    long range = range_of(input);
    mpfr_prec_t precision = 2000 + 12 * range;
    output->precision = precision;
    output->tie_bits = 1000 + 9 * range;
    output->count = count;
    output->set_of = calloc(count + 1, sizeof *output->set_of);
    output->y = calloc(count + 1, sizeof *output->y);
    output->y_size = calloc(count + 1, sizeof *output->y_size);
    if (output->set_of == NULL || output->y == NULL || output->y_size == NULL)
        abort();
    output->sets = 0;

    mpfr_t d;
    mpfr_init2(d, precision);
    for (size_t n = 0; n < N; n++)
        for (size_t c = 0; c < C; c++)
            for (size_t h = 0; h < H; h++)
                for (size_t w = 0; w < W; w++) {
                    size_t s = set_at(input, n, c, h, w);
                    output->set_of[offset_of(input, n, c, h, w)] = s;
                    if (s >= output->sets)
                        output->sets = s + 1;
                }
    output->set = calloc(output->sets + 1, sizeof *output->set);
    if (output->set == NULL)
        abort();
    for (size_t s = 0; s < output->sets; s++)
        set_init(&output->set[s], precision);

    for (size_t i = 0; i < count; i++) {
        slow_set *set = &output->set[output->set_of[i]];
        set->n++;
        mpfr_add_d(set->mean, set->mean, input->x[i], MPFR_RNDN);
        mpfr_add_d(set->mean_abs, set->mean_abs, fabs(input->x[i]), MPFR_RNDN);
    }
    for (size_t s = 0; s < output->sets; s++) {
        slow_set *set = &output->set[s];
        mpfr_div_ui(set->mean, set->mean, set->n, MPFR_RNDN);
        mpfr_div_ui(set->mean_abs, set->mean_abs, set->n, MPFR_RNDN);
        mpfr_set(set->mean_x, set->mean, MPFR_RNDN);
        if (!input->centred)
            mpfr_set_zero(set->mean, 1);
    }
    for (size_t i = 0; i < count; i++) {
        slow_set *set = &output->set[output->set_of[i]];
        mpfr_set_d(d, input->x[i], MPFR_RNDN);
        mpfr_sqr(d, d, MPFR_RNDN);
        mpfr_add(set->root_mean_square, set->root_mean_square, d, MPFR_RNDN);
        mpfr_d_sub(d, input->x[i], set->mean, MPFR_RNDN);
        mpfr_sqr(d, d, MPFR_RNDN);
        mpfr_add(set->deviation, set->deviation, d, MPFR_RNDN);
    }
    for (size_t s = 0; s < output->sets; s++) {
        slow_set *set = &output->set[s];
        mpfr_div_ui(set->root_mean_square, set->root_mean_square, set->n,
                    MPFR_RNDN);
        mpfr_sqrt(set->root_mean_square, set->root_mean_square, MPFR_RNDN);
        divide(set->deviation, set, input->ddof);
        finish_statistics(set, input);
    }

    for (size_t n = 0; n < N; n++)
        for (size_t c = 0; c < C; c++)
            for (size_t h = 0; h < H; h++)
                for (size_t w = 0; w < W; w++) {
                    size_t i = offset_of(input, n, c, h, w);
                    size_t k = param_at(input, n, c, h, w);
                    const slow_set *set = &output->set[output->set_of[i]];
                    mpfr_ptr y = output->y[i], size = output->y_size[i];
                    mpfr_init2(y, precision);
                    mpfr_init2(size, 64);
                    if (set->zero)
                        continue; /* NaN */
                    mpfr_d_sub(y, input->x[i], set->mean, MPFR_RNDN);
                    mpfr_mul(y, y, set->rstd, MPFR_RNDN);
                    mpfr_set_ui(d, 1, MPFR_RNDN);
                    if (input->gamma != NULL)
                        mpfr_set_d(d, input->gamma[k], MPFR_RNDN);
                    if (input->gamma != NULL && input->one_plus)
                        mpfr_add_ui(d, d, 1, MPFR_RNDN);
                    mpfr_mul(y, y, d, MPFR_RNDN);
                    mpfr_abs(size, y, MPFR_RNDU);
                    if (input->beta != NULL) {
                        double beta = input->beta[k];
                        if (mpfr_cmp_d(size, fabs(beta)) < 0)
                            mpfr_set_d(size, fabs(beta), MPFR_RNDU);
                        mpfr_add_d(y, y, beta, MPFR_RNDN);
                    }
                }
    mpfr_clear(d);
}

void slow_clear(slow_output *output)
{
    for (size_t i = 0; i < output->count; i++) {
        mpfr_clear(output->y[i]);
        mpfr_clear(output->y_size[i]);
    }
    for (size_t s = 0; s < output->sets; s++)
        set_clear(&output->set[s]);
    free(output->set);
    free(output->set_of);
    free(output->y);
    free(output->y_size);
}

/* |value| < size * 2^-bits */
static bool below(mpfr_srcptr value, mpfr_srcptr size, long bits)
{
    if (mpfr_zero_p(value))
        return true;
    return !mpfr_zero_p(size) &&
           mpfr_get_exp(value) < mpfr_get_exp(size) - bits;
}

double slow_round(const slow_format *format, mpfr_srcptr value,
                  mpfr_srcptr size, long tie_bits, slow_rounding *how)
{
    *how = SLOW_EXACT;
    if (below(value, size, tie_bits))
        return 0;
    /* |value| = (k + r) 2^q with 0 <= r < 1, all exact: k fits 54 bits. */
    long exponent = mpfr_get_exp(value) - 1;
    long q =
        (exponent < format->emin ? format->emin : exponent) - format->p + 1;
    mpfr_t t, r, error;
    mpfr_init2(t, mpfr_get_prec(value));
    mpfr_init2(r, mpfr_get_prec(value));
    mpfr_init2(error, 64);
    mpfr_abs(t, value, MPFR_RNDN);
    mpfr_div_2si(t, t, q, MPFR_RNDN);
    mpfr_div_2si(error, size, q, MPFR_RNDU);
    mpfr_frac(r, t, MPFR_RNDN);
    mpfr_trunc(t, t);
    double k = exponent > format->emax ? 0 : mpfr_get_d(t, MPFR_RNDN);

    mpfr_set(t, r, MPFR_RNDN); /* distance to a representable number */
    if (mpfr_cmp_d(r, 0.5) > 0)
        mpfr_ui_sub(t, 1, r, MPFR_RNDN);
    if (!below(t, error, tie_bits))
        *how = SLOW_CLEAR;
    mpfr_sub_d(t, r, 0.5, MPFR_RNDN); /* distance to the midpoint */
    bool up = mpfr_sgn(t) > 0;
    if (below(t, error, tie_bits)) {
        *how = SLOW_TIE;
        up = fmod(k, 2) != 0;
    }
    mpfr_clears(t, r, error, (mpfr_ptr)0);

    double rounded = ldexp(k + (up ? 1 : 0), (int)q);
    if (exponent > format->emax || rounded >= ldexp(2, format->emax))
        rounded = INFINITY;
    return mpfr_signbit(value) ? -rounded : rounded;
}
