/* How far an RMS norm in f32 is from the exact one, in units of the last place:
 * y = x / sqrt(mean(x^2) + eps), by libnormgate. */
#include <math.h>
#include <normgate/oracle.h>
#include <stdio.h>

enum { N = 3 };

static void rms_norm(float y[N], const float x[N], float eps)
{
    float sum = 0;
    for (int i = 0; i < N; i++)
        sum += x[i] * x[i];
    for (int i = 0; i < N; i++)
        y[i] = x[i] / sqrtf(sum / N + eps);
}

int main(void)
{
    float x[N] = {1, 2, 4}, got[N];
    ng_arena arena = {0};
    ng_oracle_call call;
    ng_oracle oracle;
    ng_error error;
    rms_norm(got, x, 1e-5f);

    ng_oracle_call_init(&call, "op=rms_norm dtype=f32 affine=none");
    call.eps = 1e-5f;
    call.input[ng_tensor_x] =
        (ng_npy){.dtype = ng_f32, .rank = 2, .shape = {1, N}, .data = x};
    if (ng_oracle_compute(&oracle, &arena, &call, &error) != ng_status_ok) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    const ng_oracle_output *y = ng_oracle_find(&oracle, ng_tensor_y);
    const float *rounded = y->rounded.data;
    for (int i = 0; i < N; i++) {
        double off = (got[i] - y->high[i]) - y->low[i];
        printf("got %.9g, exact %.17g, rounded %.9g: %.2f ulp off\n", got[i],
               y->high[i], rounded[i], off / ng_dtype_ulp(ng_f32, y->high[i]));
    }
    ng_arena_release(&arena);
    return 0;
}
