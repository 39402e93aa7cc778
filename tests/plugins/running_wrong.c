/* Batch and layer norms that are right but for one thing each, for
 * test_running_property: what is wrong shows over several calls, beside other
 * samples, or in sets of one element and of none. */
#include <math.h>
#include <normgate/impl.h>
#include <stdbool.h>
#include <string.h>

enum fault {
    none,
    /* training */
    old_weight,
    cumulative,
    biased_of_one, /* these four are right for what they declare */
    skip_one,
    y_of_momentum,
    y_of_state,
    state_in_bf16,
    state_kept_inside,
    zero_momentum_unset,
    nothing_divided,
    one_divided,
    skip_decays,
    nan_dropped,
    nan_spreads,
    stops_counting,
    eval_freezes,
    /* inference */
    odd_samples_folded,
    statistics_cached,
    batch_when_many,
    nan_of_channel,
    trained_gradient,
    /* one element and none */
    mean_rounded,
    zero_is_unset,
    least_left_over,
    sums_left,
    divides_by_rows,
    eps_left_out,
};

static bool frozen;

static float in_bf16(float value)
{
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

static float x_of(const ng_call *call, const void *from, size_t c, size_t i)
{
    return (
        (const float *)from)[(i / call->spatial * call->C + c) * call->spatial +
                             i % call->spatial];
}

static void put(const ng_call *call, void *to, size_t c, size_t i, float value)
{
    ((float *)to)[(i / call->spatial * call->C + c) * call->spatial +
                  i % call->spatial] = value;
}

static void moments(const ng_call *call, size_t c, float *mean, float *var)
{
    size_t n = call->N * call->spatial;
    *mean = *var = 0;
    for (size_t i = 0; i < n; i++)
        *mean += x_of(call, call->x, c, i);
    *mean /= (float)n;
    for (size_t i = 0; i < n; i++) {
        float d = x_of(call, call->x, c, i) - *mean;
        *var += d * d;
    }
    *var /= (float)n;
}

static float blend(const ng_call *call, enum fault fault, float old, float now)
{
    static unsigned long calls;
    float w = (float)call->momentum;
    if (fault == old_weight)
        w = 1 - w;
    if (fault == cumulative)
        w = 1 / ((float)call->batches + 1);
    if (fault == zero_momentum_unset && w == 0)
        w = 0.1f;
    if (fault == eval_freezes && frozen)
        w = 0;
    if (fault == stops_counting && ++calls > 20000)
        return old;
    if (fault == nan_dropped && isnan(old))
        return now;
    float state = (1 - w) * old + w * now;
    return fault == state_in_bf16 ? in_bf16(state) : state;
}

static float outputs(const ng_call *call, enum fault fault, size_t c,
                     float mean, float var)
{
    size_t n = call->N * call->spatial;
    const float *gamma = call->gamma, *beta = call->beta;
    float rstd = 1 / sqrtf(var + (float)call->eps), more = 0;
    if (fault == y_of_momentum)
        more = 1e-3f * (float)call->momentum;
    if (fault == y_of_state)
        more = 1e-3f * ((const float *)call->running_mean)[c];
    for (size_t i = 0; i < n; i++) {
        float d = x_of(call, call->x, c, i) - mean;
        put(call, call->y, c, i, d * rstd * gamma[c] + beta[c] + more);
    }
    return rstd;
}

static int forward(const ng_call *call, enum fault fault)
{
    static float kept[2][64];
    static size_t channels;
    size_t n = call->N * call->spatial;
    float *state[2] = {call->running_mean, call->running_var};
    if (n == 0) {
        for (size_t c = 0; fault == nothing_divided && c < call->C; c++)
            state[0][c] = NAN;
        return NG_DONE;
    }
    bool one = n == 1;
    if (one && fault != biased_of_one && fault != skip_one &&
        fault != skip_decays && fault != one_divided)
        return NG_NOT_ACCEPTED;
    bool spoiled = false;
    for (size_t c = 0; c < call->C; c++) {
        float mean, var, now;
        moments(call, c, &mean, &var);
        spoiled |= isnan(mean);
        outputs(call, fault, c, mean, var);
        now = one && fault == biased_of_one ? var
                                            : var * (float)n / (float)(n - 1);
        if (fault == state_kept_inside && c < 64) {
            if (channels != call->C)
                for (size_t k = 0; k < call->C && k < 64; k++)
                    for (int s = 0; s < 2; s++)
                        kept[s][k] = state[s][k];
            channels = call->C;
            state[0][c] = kept[0][c];
            state[1][c] = kept[1][c];
        }
        state[0][c] = blend(call, fault, state[0][c],
                            spoiled && fault == nan_spreads ? NAN : mean);
        if (!one || (fault != skip_one && fault != skip_decays))
            state[1][c] = blend(call, fault, state[1][c], now);
        if (one && fault == skip_decays)
            state[1][c] *= 1 - 0x1p-23f;
        if (fault == state_kept_inside && c < 64) {
            kept[0][c] = state[0][c];
            kept[1][c] = state[1][c];
        }
    }
    frozen = false;
    return NG_DONE;
}

/* y, or dx from dy. */
static int inference(const ng_call *call, enum fault fault)
{
    static float cache[2][64];
    static size_t cached[2];
    size_t n = call->N * call->spatial;
    const float *gamma = call->gamma, *beta = call->beta;
    bool again = cached[0] == call->C && cached[1] == n;
    if (fault == eval_freezes)
        frozen = true;
    for (size_t c = 0; c < call->C; c++) {
        float mean = ((const float *)call->running_mean)[c];
        float var = ((const float *)call->running_var)[c];
        /* A folded convolution is not folded anew for the same first gamma. */
        if (fault == statistics_cached && c < 64) {
            static float key[64];
            again = again && key[c] == gamma[c];
            key[c] = gamma[c];
            if (again) {
                mean = cache[0][c];
                var = cache[1][c];
            }
            cache[0][c] = mean;
            cache[1][c] = var;
        }
        if (fault == batch_when_many && call->N > 1)
            moments(call, c, &mean, &var);
        float rstd = 1 / sqrtf(var + (float)call->eps), sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += x_of(call, call->x, c, i);
        for (size_t i = 0; i < n; i++) {
            float d = x_of(call, call->x, c, i) - mean;
            float y = d * rstd * gamma[c] + beta[c];
            if (fault == odd_samples_folded && i / call->spatial % 2 == 1)
                y = d * (rstd * gamma[c]) + beta[c];
            if (fault == nan_of_channel && isnan(sum))
                y = NAN;
            put(call, call->y, c, i, y);
        }
    }
    cached[0] = call->C;
    cached[1] = n;
    return NG_DONE;
}

static int inference_backward(const ng_call *call, enum fault fault)
{
    size_t n = call->N * call->spatial;
    const float *gamma = call->gamma;
    for (size_t c = 0; c < call->C; c++) {
        float mean = ((const float *)call->running_mean)[c], g = 0, gx = 0;
        float var = ((const float *)call->running_var)[c];
        float rstd = 1 / sqrtf(var + (float)call->eps);
        for (size_t i = 0; i < n; i++) {
            float dy = x_of(call, call->dy, c, i);
            g += dy;
            gx += dy * ((x_of(call, call->x, c, i) - mean) * rstd);
        }
        ((float *)call->dgamma)[c] = gx;
        ((float *)call->dbeta)[c] = g;
        float less = fault == trained_gradient ? g / (float)n : 0;
        for (size_t i = 0; i < n; i++)
            put(call, call->dx, c, i,
                gamma[c] * (x_of(call, call->dy, c, i) - less) * rstd);
    }
    return NG_DONE;
}

/* Layer norm of rows, or its gradient. */
static int layer(const ng_call *call, enum fault fault)
{
    size_t n = call->n;
    volatile size_t rows = call->rows; /* or the compiler sees through it */
    const float *gamma = call->gamma, *beta = call->beta;
    if (fault == divides_by_rows && call->n / rows > (size_t)1 << 40)
        return NG_BROKEN;
    for (size_t row = 0; row < rows && n > 0; row++) {
        const float *x = (const float *)call->x + row * n;
        float mean = 0, var = 0, above = 0;
        for (size_t i = 0; i < n; i++)
            mean += x[i];
        mean = n == 1 && fault == mean_rounded ? mean * (1 - 0x1p-24f)
                                               : mean / (float)n;
        for (size_t i = 0; i < n; i++)
            var += (x[i] - mean) * (x[i] - mean);
        var /= (float)n;
        if (fault == eps_left_out && var == 0)
            above = NAN;
        float rstd = 1 / sqrtf(var + (float)call->eps);
        for (size_t i = 0; i < n; i++) {
            float scale = gamma[i];
            if (fault == zero_is_unset && scale == 0)
                scale = 1;
            ((float *)call->y)[row * n + i] =
                (x[i] - mean) * rstd * scale + beta[i] + above;
        }
    }
    return NG_DONE;
}

static int layer_backward(const ng_call *call, enum fault fault)
{
    size_t n = call->n;
    const float *gamma = call->gamma;
    float *dgamma = call->dgamma, *dbeta = call->dbeta;
    if (fault != sums_left || call->rows > 0)
        for (size_t i = 0; i < n; i++)
            dgamma[i] = dbeta[i] = 0;
    for (size_t row = 0; row < call->rows && n > 0; row++) {
        const float *x = (const float *)call->x + row * n;
        const float *dy = (const float *)call->dy + row * n;
        float mean = 0, var = 0, g = 0, gx = 0;
        for (size_t i = 0; i < n; i++)
            mean += x[i];
        mean /= (float)n;
        for (size_t i = 0; i < n; i++)
            var += (x[i] - mean) * (x[i] - mean);
        float rstd = 1 / sqrtf(var / (float)n + (float)call->eps);
        for (size_t i = 0; i < n; i++) {
            float x_hat = (x[i] - mean) * rstd;
            dgamma[i] += dy[i] * x_hat;
            dbeta[i] += dy[i];
            g += gamma[i] * dy[i];
            gx += gamma[i] * dy[i] * x_hat;
        }
        for (size_t i = 0; i < n; i++) {
            float x_hat = (x[i] - mean) * rstd;
            float dx =
                (gamma[i] * dy[i] - g / (float)n - x_hat * (gx / (float)n)) *
                rstd;
            ((float *)call->dx)[row * n + i] =
                dx + (fault == least_left_over ? 0x1p-149f : 0);
        }
    }
    return NG_DONE;
}

#define F32 " dtype=f32 eps_dtype=f32 batch_invariant=yes "
#define TRAIN "op=batch_norm" F32
#define EVAL "op=batch_norm pass=inference" F32
#define EVAL_BACKWARD "op=batch_norm pass=inference_backward" F32
#define LAYER "op=layer_norm" F32
#define LAYER_BACKWARD "op=layer_norm pass=backward" F32

/* KERNEL(name, function, fault, contract) */
#define KERNELS                                                                \
    KERNEL(right, forward, none, TRAIN)                                        \
    KERNEL(right_inference, inference, none, EVAL)                             \
    KERNEL(right_inference_backward, inference_backward, none, EVAL_BACKWARD)  \
    KERNEL(right_old, forward, old_weight, TRAIN "momentum=old")               \
    KERNEL(right_cumulative, forward, cumulative, TRAIN "momentum=cumulative") \
    KERNEL(right_biased_of_one, forward, biased_of_one,                        \
           TRAIN "one_value=biased")                                           \
    KERNEL(right_skip_one, forward, skip_one, TRAIN "one_value=skip")          \
    KERNEL(right_layer, layer, none, LAYER)                                    \
    KERNEL(right_layer_backward, layer_backward, none, LAYER_BACKWARD)         \
    KERNEL(old_for_new, forward, old_weight, TRAIN)                            \
    KERNEL(biased_for_unbiased, forward, none, TRAIN "running_var=biased")     \
    KERNEL(y_of_momentum, forward, y_of_momentum, TRAIN)                       \
    KERNEL(y_of_state, forward, y_of_state, TRAIN)                             \
    KERNEL(state_in_bf16, forward, state_in_bf16, TRAIN)                       \
    KERNEL(state_kept_inside, forward, state_kept_inside, TRAIN)               \
    KERNEL(zero_momentum_unset, forward, zero_momentum_unset, TRAIN)           \
    KERNEL(nothing_divided, forward, nothing_divided, TRAIN)                   \
    KERNEL(one_divided, forward, one_divided, TRAIN)                           \
    KERNEL(skip_decays, forward, skip_decays, TRAIN "one_value=skip")          \
    KERNEL(nan_dropped, forward, nan_dropped, TRAIN)                           \
    KERNEL(nan_spreads, forward, nan_spreads, TRAIN)                           \
    KERNEL(stops_counting, forward, stops_counting, TRAIN)                     \
    KERNEL(freezes, forward, eval_freezes, TRAIN)                              \
    KERNEL(freezes_inference, inference, eval_freezes, EVAL)                   \
    KERNEL(folded, forward, none, TRAIN)                                       \
    KERNEL(folded_at_odd_inference, inference, odd_samples_folded, EVAL)       \
    KERNEL(cached, forward, none, TRAIN)                                       \
    KERNEL(cached_inference, inference, statistics_cached, EVAL)               \
    KERNEL(batch_when_many, inference, batch_when_many, EVAL)                  \
    KERNEL(nan_of_channel, inference, nan_of_channel, EVAL)                    \
    KERNEL(trained_gradient, inference_backward, trained_gradient,             \
           EVAL_BACKWARD)                                                      \
    KERNEL(mean_rounded, layer, mean_rounded, LAYER)                           \
    KERNEL(zero_is_unset, layer, zero_is_unset, LAYER)                         \
    KERNEL(divides_by_rows, layer, divides_by_rows, LAYER)                     \
    KERNEL(eps_left_out, layer, eps_left_out, LAYER)                           \
    KERNEL(least_left_over, layer_backward, least_left_over, LAYER_BACKWARD)   \
    KERNEL(sums_left, layer_backward, sums_left, LAYER_BACKWARD)

#define KERNEL(name, function, fault, contract)                                \
    static int run_##name(const ng_call *call)                                 \
    {                                                                          \
        return function(call, fault);                                          \
    }
KERNELS
#undef KERNEL
#define KERNEL(name, function, fault, contract)                                \
    {#name, contract, run_##name, __FILE__, __LINE__},
NG_LIBRARY("running_wrong", KERNELS)
