/* Kernels that are right when they are called in the one usual way, and each
 * wrong in one other; beside kernels that are right in all of them. What
 * normgate says of each is checked by test_calls.c. */
#include <math.h>
#include <normgate/impl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static float sum_of_squares(const float *x, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

static float rstd_of(const ng_call *call, const float *x)
{
    float sum = sum_of_squares(x, call->n);
    return 1 / sqrtf(sum / (float)call->n + (float)call->eps);
}

static void scale_row(const ng_call *call, size_t row, const float *x,
                      float rstd)
{
    const float *gamma = call->gamma;
    float *y = (float *)call->y + row * call->n;
    for (size_t i = 0; i < call->n; i++)
        y[i] = x[i] * rstd * gamma[i];
}

static const float *row_of(const ng_call *call, size_t row)
{
    return (const float *)call->x + row * call->n;
}

static int plain(const ng_call *call)
{
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = row_of(call, row);
        scale_row(call, row, x, rstd_of(call, x));
    }
    return NG_DONE;
}

/* --- wrong ------------------------------------------------------------------ */

/* Reads x once more after it wrote y. */
static int rereads(const ng_call *call)
{
    const float *gamma = call->gamma;
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = row_of(call, row);
        float *y = (float *)call->y + row * call->n;
        for (size_t i = 0; i < call->n; i++)
            y[i] = x[i] * gamma[i];
        float rstd = rstd_of(call, x);
        for (size_t i = 0; i < call->n; i++)
            y[i] = x[i] * gamma[i] * rstd;
    }
    return NG_DONE;
}

/* The vector loop of another address leaves eps out. */
static int by_address(const ng_call *call)
{
    ng_call other = *call;
    if ((uintptr_t)call->x % 256 == 64)
        other.eps = 0.25;
    return plain(&other);
}

/* A maximum with what is there: right over NaN, and over zeros sometimes. */
static int maximum(const ng_call *call)
{
    float *keep = malloc(call->rows * call->n * sizeof *keep + 1);
    float *y = call->y;
    if (keep == NULL)
        return NG_BROKEN;
    memcpy(keep, y, call->rows * call->n * sizeof *keep);
    plain(call);
    for (size_t i = 0; i < call->rows * call->n; i++)
        y[i] = fmaxf(y[i], keep[i]);
    free(keep);
    return NG_DONE;
}

/* Right where the outputs were cleared before. */
static int adds(const ng_call *call)
{
    float *keep = malloc(call->rows * call->n * sizeof *keep + 1);
    float *y = call->y;
    if (keep == NULL)
        return NG_BROKEN;
    memcpy(keep, y, call->rows * call->n * sizeof *keep);
    plain(call);
    for (size_t i = 0; i < call->rows * call->n; i++)
        y[i] += keep[i];
    free(keep);
    return NG_DONE;
}

/* The first call of a process works with what is not yet there. */
static int wrong_once(const ng_call *call)
{
    static int called;
    ng_call other = *call;
    if (!called)
        other.eps += 0.25;
    called = 1;
    return plain(&other);
}

static float scratch[1 << 16];

/* Copies each row into memory that all callers share. */
static int static_scratch(const ng_call *call)
{
    for (size_t row = 0; row < call->rows; row++) {
        memcpy(scratch, row_of(call, row), call->n * sizeof(float));
        scale_row(call, row, scratch, rstd_of(call, scratch));
    }
    return NG_DONE;
}

/* The statistic of a row waits in one static variable. */
static int static_rstd(const ng_call *call)
{
    static volatile float rstd;
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = row_of(call, row), *gamma = call->gamma;
        float *y = (float *)call->y + row * call->n;
        rstd = rstd_of(call, x);
        for (size_t i = 0; i < call->n; i++)
            y[i] = x[i] * rstd * gamma[i];
    }
    return NG_DONE;
}

/* A table that the first call fills, marked as full before it is. */
static int unlocked_table(const ng_call *call)
{
    static volatile int full;
    static volatile float table[1 << 18];
    if (!full) {
        full = 1;
        for (size_t i = 0; i < 1 << 18; i++)
            table[i] = 1;
    }
    ng_call scaled = *call;
    scaled.eps = call->eps * (double)table[(1 << 18) - 1] +
                 (table[(1 << 18) - 1] == 1 ? 0 : 0.25);
    return plain(&scaled);
}

/* Does not bear another call meanwhile. */
static int dies_in_company(const ng_call *call)
{
    static int inside;
    volatile float *nothing = NULL;
    if (__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) > 1)
        *nothing = 1;
    int result = plain(call);
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    return result;
}

/* As many partial sums as threads. */
static int by_threads(const ng_call *call)
{
    const char *text = getenv("OMP_NUM_THREADS");
    size_t count = text != NULL ? (size_t)atoi(text) : 1;
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = row_of(call, row);
        float sum = 0;
        for (size_t k = 0; k < count; k++) {
            size_t begin = call->n * k / count;
            size_t end = call->n * (k + 1) / count;
            sum += sum_of_squares(x + begin, end - begin);
        }
        scale_row(call, row, x,
                  1 / sqrtf(sum / (float)call->n + (float)call->eps));
    }
    return NG_DONE;
}

/* gamma*x_hat at an index of 32 bits. */
static int index_32(const ng_call *call)
{
    const float *gamma = call->gamma;
    for (int row = 0; row < (int)call->rows; row++) {
        float sum = 0;
        for (int i = 0; i < (int)call->n; i++) {
            int at = (int)((unsigned)row * (unsigned)call->stride[0] +
                           (unsigned)i * (unsigned)call->stride[1]);
            float x = ((const float *)call->x)[at];
            sum += x * x;
        }
        float rstd = 1 / sqrtf(sum / (float)call->n + (float)call->eps);
        for (int i = 0; i < (int)call->n; i++) {
            int at = (int)((unsigned)row * (unsigned)call->stride[0] +
                           (unsigned)i * (unsigned)call->stride[1]);
            ((float *)call->y)[at] =
                ((const float *)call->x)[at] * rstd * gamma[i];
        }
    }
    return NG_DONE;
}

/* An index of unsigned 32 bits wraps round at the third row only. */
static int index_u32(const ng_call *call)
{
    const float *gamma = call->gamma;
    for (uint32_t row = 0; row < call->rows; row++) {
        float sum = 0;
        uint32_t begin = row * (uint32_t)call->stride[0];
        const float *x = (const float *)call->x + begin;
        float *y = (float *)call->y + begin;
        ptrdiff_t step = call->stride[1];
        for (ptrdiff_t i = 0; i < (ptrdiff_t)call->n; i++)
            sum += x[i * step] * x[i * step];
        float rstd = 1 / sqrtf(sum / (float)call->n + (float)call->eps);
        for (ptrdiff_t i = 0; i < (ptrdiff_t)call->n; i++)
            y[i * step] = x[i * step] * rstd * gamma[i];
    }
    return NG_DONE;
}

/* Another order of the sum where there are several rows. */
static int by_rows(const ng_call *call)
{
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = row_of(call, row);
        size_t half = call->rows > 1 ? call->n / 2 : 0;
        float sum =
            sum_of_squares(x, half) + sum_of_squares(x + half, call->n - half);
        scale_row(call, row, x,
                  1 / sqrtf(sum / (float)call->n + (float)call->eps));
    }
    return NG_DONE;
}

/* Another order of the sum in the last row. */
static int by_place(const ng_call *call)
{
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = row_of(call, row);
        size_t half = row == call->rows / 2 && row > 0 ? call->n / 2 : 0;
        float sum =
            sum_of_squares(x, half) + sum_of_squares(x + half, call->n - half);
        scale_row(call, row, x,
                  1 / sqrtf(sum / (float)call->n + (float)call->eps));
    }
    return NG_DONE;
}

/* A NaN anywhere sends the whole batch another way. */
static int by_mates(const ng_call *call)
{
    int slow = 0;
    for (size_t i = 0; i < call->rows * call->n; i++)
        slow |= isnan(((const float *)call->x)[i]);
    if (!slow)
        return plain(call);
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = row_of(call, row);
        double sum = 0;
        for (size_t i = 0; i < call->n; i++)
            sum += (double)x[i] * (double)x[i];
        scale_row(call, row, x,
                  1 / sqrtf((float)(sum / (double)call->n) + (float)call->eps));
    }
    return NG_DONE;
}

/* 1/n, kept by the number of elements. */
static int cached_shape(const ng_call *call)
{
    static size_t elements;
    static float n;
    if (elements != call->rows * call->n) {
        elements = call->rows * call->n;
        n = (float)call->n;
    }
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = row_of(call, row);
        float sum = sum_of_squares(x, call->n);
        scale_row(call, row, x, 1 / sqrtf(sum / n + (float)call->eps));
    }
    return NG_DONE;
}

/* gamma, kept by its address and length. */
static int cached_gamma(const ng_call *call)
{
    static const void *from;
    static size_t n;
    static float gamma[1 << 16];
    if (from != call->gamma || n != call->n) {
        from = call->gamma;
        n = call->n;
        memcpy(gamma, call->gamma, n * sizeof *gamma);
    }
    ng_call own = *call;
    own.gamma = gamma;
    return plain(&own);
}

/* --- right in every way ----------------------------------------------------- */

/* Layer norm over any strides; NULL where the contract allows it. */
static int layer_norm(const ng_call *call)
{
    const float *gamma = call->gamma, *beta = call->beta;
    ptrdiff_t step = call->stride[1];
    for (size_t row = 0; row < call->rows; row++) {
        const float *x =
            (const float *)call->x + (ptrdiff_t)row * call->stride[0];
        float *y = (float *)call->y + (ptrdiff_t)row * call->stride[0];
        float sum = 0, squares = 0;
        for (ptrdiff_t i = 0; i < (ptrdiff_t)call->n; i++)
            sum += x[i * step];
        float mean = sum / (float)call->n;
        for (ptrdiff_t i = 0; i < (ptrdiff_t)call->n; i++) {
            float c = x[i * step] - mean;
            squares += c * c;
        }
        float rstd = 1 / sqrtf(squares / (float)call->n + (float)call->eps);
        for (ptrdiff_t i = 0; i < (ptrdiff_t)call->n; i++) {
            float value = (x[i * step] - mean) * rstd;
            value = gamma != NULL ? value * gamma[i] : value;
            y[i * step] = beta != NULL ? value + beta[i] : value;
        }
        if (call->mean != NULL)
            ((float *)call->mean)[row] = mean;
        if (call->rstd != NULL)
            ((float *)call->rstd)[row] = rstd;
    }
    return NG_DONE;
}

/* The same without a look at `mean`. */
static int writes_mean(const ng_call *call)
{
    for (size_t row = 0; row < call->rows; row++)
        ((volatile float *)call->mean)[row] = 0;
    return layer_norm(call);
}

/* The same without a look at `gamma`. */
static int reads_gamma(const ng_call *call)
{
    volatile float first = ((const float *)call->gamma)[0];
    (void)first;
    return layer_norm(call);
}

/* 0 where it was not asked for the mean. */
static int other_path(const ng_call *call)
{
    ng_call other = *call;
    if (call->mean == NULL)
        other.eps += 0.25;
    return layer_norm(&other);
}

/* Backward of RMS norm over any strides, dx in the place of dy too. */
static int rms_backward(const ng_call *call)
{
    const float *gamma = call->gamma;
    ptrdiff_t step = call->stride[1];
    float *dgamma = call->dgamma, *dx = call->dx;
    for (size_t i = 0; dgamma != NULL && i < call->n; i++)
        dgamma[i] = 0;
    for (size_t row = 0; row < call->rows; row++) {
        ptrdiff_t begin = (ptrdiff_t)row * call->stride[0];
        const float *x = (const float *)call->x + begin;
        const float *dy = (const float *)call->dy + begin;
        float squares = 0, dot = 0;
        for (ptrdiff_t i = 0; i < (ptrdiff_t)call->n; i++)
            squares += x[i * step] * x[i * step];
        float rstd = 1 / sqrtf(squares / (float)call->n + (float)call->eps);
        for (ptrdiff_t i = 0; i < (ptrdiff_t)call->n; i++) {
            float g = dy[i * step] * (gamma != NULL ? gamma[i] : 1);
            dot += g * (x[i * step] * rstd);
        }
        for (ptrdiff_t i = 0; i < (ptrdiff_t)call->n; i++) {
            float x_hat = x[i * step] * rstd, d = dy[i * step];
            float g = d * (gamma != NULL ? gamma[i] : 1);
            if (dgamma != NULL)
                dgamma[i] += d * x_hat;
            if (dx != NULL)
                dx[begin + i * step] =
                    rstd * (g - x_hat * (dot / (float)call->n));
        }
    }
    return NG_DONE;
}

/* Writes dx before it has read all of dy. */
static int backward_rereads(const ng_call *call)
{
    for (size_t row = 0; call->dx != NULL && row < call->rows; row++)
        for (size_t i = 0; i < call->n; i++)
            ((float *)call->dx)[(ptrdiff_t)row * call->stride[0] +
                                (ptrdiff_t)i * call->stride[1]] = 0;
    return rms_backward(call);
}

/* A scratch buffer that callers share one after the other. */
static int locked_scratch(const ng_call *call)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    int result = static_scratch(call);
    pthread_mutex_unlock(&lock);
    return result;
}

/* Other bits from call to call, all of them right; nothing else is promised. */
static int alternates(const ng_call *call)
{
    static unsigned number;
    unsigned odd = __atomic_add_fetch(&number, 1, __ATOMIC_SEQ_CST) % 2;
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = row_of(call, row);
        size_t half = odd ? call->n / 2 : 0;
        float sum =
            sum_of_squares(x, half) + sum_of_squares(x + half, call->n - half);
        scale_row(call, row, x,
                  1 / sqrtf(sum / (float)call->n + (float)call->eps));
    }
    return NG_DONE;
}

#define RMS "op=rms_norm dtype=f32 eps_dtype=f32"
#define LAYER                                                                  \
    "op=layer_norm dtype=f32 eps_dtype=f32 saved=mean_rstd layout=strided "
#define BACK "op=rms_norm pass=backward dtype=f32 eps_dtype=f32 layout=strided "
#define SAME "deterministic=yes batch_invariant=yes thread_invariant=yes "
#define ALL "nullable=all in_place=yes " SAME
NG_LIBRARY("calls", {"plain", RMS, plain, NULL, 0},
           {"rereads", RMS " in_place=yes", rereads, NULL, 0},
           {"by_address", RMS, by_address, NULL, 0},
           {"by_address_128", RMS " alignment=128", by_address, NULL, 0},
           {"maximum", RMS, maximum, NULL, 0}, {"adds", RMS, adds, NULL, 0},
           {"wrong_once", RMS, wrong_once, NULL, 0},
           {"static_scratch", RMS, static_scratch, NULL, 0},
           {"static_scratch_said", RMS " reentrant=no", static_scratch, NULL,
            0},
           {"static_rstd", RMS, static_rstd, NULL, 0},
           {"unlocked_table", RMS, unlocked_table, NULL, 0},
           {"dies_in_company", RMS, dies_in_company, NULL, 0},
           {"by_threads", RMS " thread_invariant=yes", by_threads, NULL, 0},
           {"by_threads_said", RMS, by_threads, NULL, 0},
           {"index_32", RMS " layout=strided", index_32, NULL, 0},
           {"index_u32", RMS " layout=strided", index_u32, NULL, 0},
           {"by_rows", RMS " batch_invariant=yes", by_rows, NULL, 0},
           {"by_rows_said", RMS, by_rows, NULL, 0},
           {"by_place", RMS " batch_invariant=yes", by_place, NULL, 0},
           {"by_mates", RMS " batch_invariant=yes", by_mates, NULL, 0},
           {"cached_shape", RMS, cached_shape, NULL, 0},
           {"cached_gamma", RMS, cached_gamma, NULL, 0},
           {"layer_norm", LAYER ALL, layer_norm, NULL, 0},
           {"writes_mean", LAYER "nullable=outputs", writes_mean, NULL, 0},
           {"reads_gamma", LAYER "nullable=all", reads_gamma, NULL, 0},
           {"reads_gamma_said", LAYER "nullable=outputs", reads_gamma, NULL, 0},
           {"other_path", LAYER "nullable=outputs", other_path, NULL, 0},
           {"rms_backward", BACK ALL, rms_backward, NULL, 0},
           {"backward_rereads", BACK ALL, backward_rereads, NULL, 0},
           {"locked_scratch", RMS " " SAME, locked_scratch, NULL, 0},
           {"alternates", RMS, alternates, NULL, 0})
