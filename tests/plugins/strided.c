/* Kernels that follow the strides of a call, and others that break one rule of
 * them each. All write -x where they write. What normgate says of each is
 * checked by test_subjects.c. */
#include <normgate/impl.h>

typedef struct walk {
    size_t size[3];
    ptrdiff_t stride[3];
} walk;

static walk walk_of(const ng_call *call)
{
    walk w = {{call->rows, call->n, 1},
              {call->stride[0], call->stride[1], call->stride[2]}};
    if (call->C > 0) {
        w.size[0] = call->N;
        w.size[1] = call->C;
        w.size[2] = call->spatial;
    }
    return w;
}

/* Leaves out the last `left` elements. */
static int negate(const ng_call *call, size_t left)
{
    walk w = walk_of(call);
    size_t count = w.size[0] * w.size[1] * w.size[2];
    for (size_t k = 0; k + left < count; k++) {
        size_t c = k % w.size[2], b = k / w.size[2] % w.size[1];
        size_t a = k / w.size[2] / w.size[1];
        ptrdiff_t at = (ptrdiff_t)a * w.stride[0] + (ptrdiff_t)b * w.stride[1] +
                       (ptrdiff_t)c * w.stride[2];
        ((float *)call->y)[at] = -((const float *)call->x)[at];
    }
    return NG_DONE;
}

static int good(const ng_call *call)
{
    return negate(call, 0);
}

static int skips_last(const ng_call *call)
{
    return negate(call, 1);
}

/* As if there were no strides. */
static int dense(const ng_call *call)
{
    for (size_t i = 0; i < call->rows * call->n; i++)
        ((float *)call->y)[i] = -1;
    return NG_DONE;
}

static int writes_gap(const ng_call *call)
{
    ((float *)call->y)[1] = 7;
    return good(call);
}

static int writes_row_end(const ng_call *call)
{
    ((float *)call->y)[call->n] = 7;
    return good(call);
}

static int writes_before(const ng_call *call)
{
    ((float *)call->y)[-1] = 7;
    return good(call);
}

static int updates_mean(const ng_call *call)
{
    for (size_t c = 0; c < call->C; c++)
        ((float *)call->running_mean)[c] += 0.5f;
    return good(call);
}

#define CONTRACT "op=rms_norm dtype=f32 layout=strided"
NG_LIBRARY("strided", {"good", CONTRACT, good, NULL, 0},
           {"skips_last", CONTRACT, skips_last, NULL, 0},
           {"dense", CONTRACT, dense, NULL, 0},
           {"writes_gap", CONTRACT, writes_gap, NULL, 0},
           {"writes_row_end", CONTRACT, writes_row_end, NULL, 0},
           {"writes_before", CONTRACT, writes_before, NULL, 0},
           {"updates_mean", CONTRACT, updates_mean, NULL, 0})
