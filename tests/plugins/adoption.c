/* A library on its way to adoption, for test_waivers and test_baseline: RMS
 * norms that are right, right but less accurate than in the build before
 * (ADOPTION_WORSE), wrong in every output, and ending the process. */
#include <math.h>
#include <stdlib.h>

#include <normgate/impl.h>

static int in_float(const ng_call *call)
{
    const float *gamma = call->gamma;
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = (const float *)call->x + row * call->n;
        float *y = (float *)call->y + row * call->n;
        float sum = 0;
        for (size_t i = 0; i < call->n; i++)
            sum += x[i] * x[i];
        float rstd = 1 / sqrtf(sum / (float)call->n + (float)call->eps);
        for (size_t i = 0; i < call->n; i++)
            y[i] = x[i] * rstd * gamma[i];
    }
    return NG_DONE;
}

static int in_double(const ng_call *call)
{
    const float *gamma = call->gamma;
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = (const float *)call->x + row * call->n;
        float *y = (float *)call->y + row * call->n;
        double sum = 0;
        for (size_t i = 0; i < call->n; i++)
            sum += (double)x[i] * x[i];
        double rstd =
            1 / sqrt(sum / (double)call->n + (double)(float)call->eps);
        for (size_t i = 0; i < call->n; i++)
            y[i] = (float)(x[i] * rstd * gamma[i]);
    }
    return NG_DONE;
}

static int wrong(const ng_call *call)
{
    for (size_t i = 0; i < call->rows * call->n; i++)
        ((float *)call->y)[i] = 12345;
    return NG_DONE;
}

static int crash(const ng_call *call)
{
    (void)call;
    abort();
}

#ifdef ADOPTION_WORSE
#define MOVED in_float
#else
#define MOVED in_double
#endif

#define CONTRACT "op=rms_norm dtype=f32 eps_dtype=f32"

NG_LIBRARY("adoption", {"moved", CONTRACT, MOVED, __FILE__, __LINE__},
           {"same", CONTRACT, in_float, __FILE__, __LINE__},
#ifndef ADOPTION_WORSE
           {"extra", CONTRACT, in_float, __FILE__, __LINE__},
#endif
           {"wrong", CONTRACT, wrong, __FILE__, __LINE__},
           {"crash", CONTRACT, crash, __FILE__, __LINE__})
