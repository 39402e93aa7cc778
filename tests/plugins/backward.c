/* Backward passes of layer norm, RMS norm and batch norm in f32, right and
 * wrong in one thing each. Which property kills which is checked by
 * test_backward_properties.c. */
#include <normgate/impl.h>

#include <math.h>
#include <stdbool.h>

/* What is wrong; 0: nothing. */
typedef enum mistake {
    RIGHT,
    NO_MEAN,       /* the mean of g is not subtracted */
    NO_SLOPE,      /* the term of x_hat is missing */
    GAMMA_OUTSIDE, /* gamma multiplies dx, not dy */
    GAMMA_TWICE,   /* gamma stands twice in the term of x_hat */
    OTHER_EPS,     /* eps is 1e-5, whatever was given */
    CLIPPED,       /* dy is clipped to 6 */
    ABSOLUTE,      /* |x_hat| for x_hat in dx */
    LAST_ROW,      /* dgamma of the last row alone */
    EXCHANGED,     /* dgamma and dbeta */
    BATCH,         /* inference by batch statistics */
    WITH_X,        /* inference adds a trace of x to dx */
    NAN_AT_ZERO,   /* 0/0 where dy vanishes */
    SIGNED,        /* dgamma of a row has the sign of its sum of dy */
    LESS_ONE,      /* the variance of n - 1 values, in the backward pass */
} mistake;

/* A set: n elements, `step` apart within runs of `run`, those `jump` apart. */
typedef struct set {
    const float *x, *dy;
    float *dx;
    size_t n, run, step, jump;
} set;

static size_t place(const set *s, size_t i)
{
    return i / s->run * s->jump + i % s->run * s->step;
}

static float clipped(float dy, mistake wrong)
{
    return wrong == CLIPPED ? fmaxf(-6, fminf(6, dy)) : dy;
}

static double gamma_of(const float *gamma, size_t i, mistake wrong)
{
    return gamma != NULL && wrong != GAMMA_OUTSIDE ? (double)gamma[i] : 1;
}

typedef struct moments {
    double mean, rstd, a1, a2;
} moments;

/* `gamma_step` 0: one gamma for the whole set. */
static moments moments_of(const ng_call *call, const set *s, const float *gamma,
                          size_t gamma_step, bool centred, mistake wrong)
{
    moments m = {0, 0, 0, 0};
    double n = (double)s->n, squares = 0, weight = 0;
    double eps = wrong == OTHER_EPS ? 1e-5 : call->eps;
    for (size_t i = 0; centred && i < s->n; i++)
        m.mean += (double)s->x[place(s, i)] / n;
    for (size_t i = 0; i < s->n; i++) {
        double d = (double)s->x[place(s, i)] - m.mean;
        squares += d * d;
    }
    m.rstd = 1 / sqrt(squares / (wrong == LESS_ONE ? n - 1 : n) + eps);
    for (size_t i = 0; i < s->n; i++) {
        size_t at = place(s, i);
        double w = gamma_of(gamma, i * gamma_step, wrong);
        double dy = (double)clipped(s->dy[at], wrong);
        double x_hat = ((double)s->x[at] - m.mean) * m.rstd;
        m.a1 += centred && wrong != NO_MEAN ? w * dy / n : 0;
        m.a2 += (wrong == GAMMA_TWICE ? w * w : w) * dy * x_hat / n;
        weight += dy * dy;
    }
    if (wrong == NO_SLOPE)
        m.a2 = 0;
    if (wrong == NAN_AT_ZERO)
        m.a2 *= weight / weight;
    return m;
}

static void gradient_of(const ng_call *call, const set *s, const float *gamma,
                        size_t gamma_step, bool centred, mistake wrong)
{
    moments m = moments_of(call, s, gamma, gamma_step, centred, wrong);
    for (size_t i = 0; i < s->n; i++) {
        size_t at = place(s, i);
        double w = gamma_of(gamma, i * gamma_step, wrong);
        double x_hat = ((double)s->x[at] - m.mean) * m.rstd;
        if (wrong == ABSOLUTE)
            x_hat = fabs(x_hat);
        double dx = m.rstd * (w * (double)clipped(s->dy[at], wrong) - m.a1 -
                              x_hat * m.a2);
        if (wrong == GAMMA_OUTSIDE)
            dx *= (double)gamma[i * gamma_step];
        s->dx[at] = (float)dx;
    }
}

static int rows(const ng_call *call, bool centred, mistake wrong)
{
    size_t n = call->n;
    for (size_t row = 0; row < call->rows; row++) {
        set s = {(const float *)call->x + row * n,
                 (const float *)call->dy + row * n,
                 (float *)call->dx + row * n,
                 n,
                 n,
                 1,
                 0};
        gradient_of(call, &s, call->gamma, 1, centred, wrong);
    }
    for (size_t i = 0; i < n; i++) {
        double dgamma = 0, dbeta = 0;
        for (size_t row = 0; row < call->rows; row++) {
            set s = {(const float *)call->x + row * n,
                     (const float *)call->dy + row * n,
                     NULL,
                     n,
                     n,
                     1,
                     0};
            moments m = moments_of(call, &s, call->gamma, 1, centred, wrong);
            double dy = (double)s.dy[i];
            double sum = 0;
            for (size_t k = 0; wrong == SIGNED && k < n; k++)
                sum += (double)s.dy[k];
            double sign = sum < 0 ? -1 : 1;
            if (wrong == LAST_ROW)
                dgamma = 0;
            dgamma += sign * dy * ((double)s.x[i] - m.mean) * m.rstd;
            dbeta += dy;
        }
        ((float *)call->dgamma)[i] =
            (float)(wrong == EXCHANGED ? dbeta : dgamma);
        if (call->dbeta != NULL)
            ((float *)call->dbeta)[i] =
                (float)(wrong == EXCHANGED ? dgamma : dbeta);
    }
    return NG_DONE;
}

/* Batch norm with running statistics held fixed. */
static int held(const ng_call *call, mistake wrong)
{
    for (size_t c = 0; c < call->C; c++) {
        float gamma = ((const float *)call->gamma)[c];
        double mean = (double)((const float *)call->running_mean)[c];
        double var = (double)((const float *)call->running_var)[c];
        double rstd = 1 / sqrt(var + call->eps), dgamma = 0, dbeta = 0;
        set s = {(const float *)call->x + c * call->spatial,
                 (const float *)call->dy + c * call->spatial,
                 (float *)call->dx + c * call->spatial,
                 call->n,
                 call->spatial,
                 1,
                 call->C * call->spatial};
        if (wrong == BATCH)
            gradient_of(call, &s, &gamma, 0, true, wrong);
        for (size_t i = 0; i < s.n; i++) {
            size_t at = place(&s, i);
            double dy = (double)s.dy[at], x = (double)s.x[at];
            dgamma += dy * (x - mean) * rstd;
            dbeta += dy;
            if (wrong != BATCH)
                s.dx[at] = (float)((double)gamma * rstd * dy +
                                   (wrong == WITH_X ? 1e-3 * x : 0));
        }
        ((float *)call->dgamma)[c] = (float)dgamma;
        ((float *)call->dbeta)[c] = (float)dbeta;
    }
    return NG_DONE;
}

static int layer_norm_forward(const ng_call *call)
{
    size_t n = call->n;
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = (const float *)call->x + row * n;
        double mean = 0, var = 0;
        for (size_t i = 0; i < n; i++)
            mean += (double)x[i] / (double)n;
        for (size_t i = 0; i < n; i++)
            var += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
        for (size_t i = 0; i < n; i++)
            ((float *)call->y)[row * n + i] =
                (float)(((double)x[i] - mean) / sqrt(var + call->eps) *
                            (double)((const float *)call->gamma)[i] +
                        (double)((const float *)call->beta)[i]);
    }
    return NG_DONE;
}

/* mean(x^2) - mean(x)^2 in f32: what growth sees first. */
static int one_pass(const ng_call *call)
{
    size_t n = call->n;
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = (const float *)call->x + row * n;
        float sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++) {
            sum += x[i];
            squares += x[i] * x[i];
        }
        float mean = sum / (float)n, var = squares / (float)n - mean * mean;
        float rstd = 1 / sqrtf(fmaxf(var, 0) + (float)call->eps);
        for (size_t i = 0; i < n; i++)
            ((float *)call->y)[row * n + i] =
                (x[i] - mean) * rstd * ((const float *)call->gamma)[i] +
                ((const float *)call->beta)[i];
    }
    return NG_DONE;
}

#define ROWS(name, centred, wrong)                                             \
    static int name(const ng_call *call)                                       \
    {                                                                          \
        return rows(call, centred, wrong);                                     \
    }
ROWS(right, true, RIGHT)
ROWS(no_mean, true, NO_MEAN)
ROWS(no_slope, true, NO_SLOPE)
ROWS(gamma_outside, true, GAMMA_OUTSIDE)
ROWS(other_eps, true, OTHER_EPS)
ROWS(clips, true, CLIPPED)
ROWS(absolute, true, ABSOLUTE)
ROWS(last_row, true, LAST_ROW)
ROWS(exchanged, true, EXCHANGED)
ROWS(nan_at_zero, true, NAN_AT_ZERO)
ROWS(signs, true, SIGNED)
ROWS(less_one, true, LESS_ONE)
ROWS(rms_right, false, RIGHT)
ROWS(rms_gamma_twice, false, GAMMA_TWICE)
ROWS(rms_no_slope, false, NO_SLOPE)

static int held_right(const ng_call *call)
{
    return held(call, RIGHT);
}

static int held_batch(const ng_call *call)
{
    return held(call, BATCH);
}

static int held_with_x(const ng_call *call)
{
    return held(call, WITH_X);
}

/* Sums in double may pass for any order in f32. */
#define LAYER "op=layer_norm pass=backward dtype=f32"
#define RMS "op=rms_norm pass=backward dtype=f32"
#define HELD "op=batch_norm pass=inference_backward dtype=f32"
NG_LIBRARY(
    "backward",
    {"forward", "op=layer_norm dtype=f32", layer_norm_forward, NULL, 0},
    {"one_pass", "op=layer_norm dtype=f32 centred=yes", one_pass, NULL, 0},
    {"right", LAYER, right, NULL, 0}, {"no_mean", LAYER, no_mean, NULL, 0},
    {"no_slope", LAYER, no_slope, NULL, 0},
    {"gamma_outside", LAYER, gamma_outside, NULL, 0},
    {"other_eps", LAYER, other_eps, NULL, 0}, {"clips", LAYER, clips, NULL, 0},
    {"absolute", LAYER, absolute, NULL, 0},
    {"last_row", LAYER, last_row, NULL, 0},
    {"exchanged", LAYER, exchanged, NULL, 0},
    {"nan_at_zero", LAYER, nan_at_zero, NULL, 0},
    {"signs", LAYER, signs, NULL, 0}, {"less_one", LAYER, less_one, NULL, 0},
    {"rms_right", RMS, rms_right, NULL, 0},
    {"rms_gamma_twice", RMS, rms_gamma_twice, NULL, 0},
    {"rms_no_slope", RMS, rms_no_slope, NULL, 0},
    {"held_right", HELD, held_right, NULL, 0},
    {"held_batch", HELD, held_batch, NULL, 0},
    {"held_with_x", HELD, held_with_x, NULL, 0})
