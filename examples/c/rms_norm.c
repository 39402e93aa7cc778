/* RMS norm in f32, one sum after the other: y = x * gamma / sqrt(ms + eps). */
#include <math.h>
#include <normgate/impl.h>

static int rms_norm(const ng_call *call)
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

NG_LIBRARY("rms_norm example",
           {"rms_norm_f32", "op=rms_norm dtype=f32 eps_dtype=f32", rms_norm,
            __FILE__, __LINE__})
