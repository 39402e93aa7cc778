/* Kernels that break one rule of a call each, beside two that keep them all.
 * What normgate says of each is checked by test_subjects.c. */
#define _GNU_SOURCE /* gettid */
#include <fenv.h>
#include <math.h>
#include <normgate/impl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int good(const ng_call *call)
{
    const float *gamma = call->gamma;
    for (size_t row = 0; row < call->rows; row++) {
        const float *x = (const float *)call->x + row * call->n;
        float *y = (float *)call->y + row * call->n, sum = 0;
        for (size_t i = 0; i < call->n; i++)
            sum += x[i] * x[i];
        float rstd = 1 / sqrtf(sum / (float)call->n + (float)call->eps);
        for (size_t i = 0; i < call->n; i++)
            y[i] = x[i] * rstd * gamma[i];
    }
    return NG_DONE;
}

static int prints(const ng_call *call)
{
    puts("{\"done\":1}"); /* looks like a message, must not be taken for one */
    fflush(stdout);
    return good(call);
}

static int loops(const ng_call *call)
{
    for (volatile size_t i = call->n; i > 0;)
        i = call->n;
    return NG_DONE;
}

static int exits(const ng_call *call)
{
    (void)call;
    exit(0);
}

static int aborts(const ng_call *call)
{
    (void)call;
    abort();
}

static int null_pointer(const ng_call *call)
{
    volatile float *nothing = NULL;
    (void)call;
    *nothing = 1;
    return NG_DONE;
}

/* An aligned vector store, as -march builds make it, to y + 1. */
static int misaligned(const ng_call *call)
{
#if defined(__SSE2__)
    volatile char *place = (char *)call->y + sizeof(float);
    __asm__ volatile("movaps %%xmm0, (%0)" : : "r"(place) : "memory");
#endif
    return good(call);
}

static int deep(volatile int depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return depth == 0 ? 0 : deep(depth - 1) + frame[0];
}

static int out_of_stack(const ng_call *call)
{
    volatile int depth = 1 << 20;
    return deep(depth) == 1 ? NG_BROKEN : good(call);
}

static int sends_signal(const ng_call *call)
{
    raise(SIGSEGV);
    return good(call);
}

/* What it leaves behind keeps the pipes to normgate open. */
static int leaves_child(const ng_call *call)
{
    (void)call;
    if (fork() == 0) {
        sleep(60);
        _exit(0);
    }
    abort();
}

/* Of a thread that is not the process's first: the process goes on without. */
static int ends_thread(const ng_call *call)
{
    if (gettid() != getpid())
        pthread_exit(NULL);
    return good(call);
}

static int hungry(const ng_call *call)
{
    (void)call;
    for (;;) {
        char *block = malloc(64 << 20);
        memset(block, 1, 64 << 20); /* NULL once the limit is reached */
    }
}

static int scribbles(const ng_call *call)
{
    good(call);
    ((float *)(uintptr_t)call->x)[0] = 7;
    return NG_DONE;
}

static int overruns(const ng_call *call)
{
    good(call);
    ((float *)call->y)[call->rows * call->n] = 7;
    return NG_DONE;
}

static int underruns(const ng_call *call)
{
    good(call);
    ((float *)call->y)[-1] = 7;
    return NG_DONE;
}

static int reads_past(const ng_call *call)
{
    volatile float beyond = ((const float *)call->x)[call->rows * call->n + 64];
    (void)beyond;
    return good(call);
}

static int skips_last(const ng_call *call)
{
    const float poison = ((const float *)call->y)[call->rows * call->n - 1];
    good(call);
    ((float *)call->y)[call->rows * call->n - 1] = poison;
    return NG_DONE;
}

static int rounds(const ng_call *call)
{
    good(call);
    fesetround(FE_UPWARD);
    return NG_DONE;
}

static int refuses(const ng_call *call)
{
    (void)call;
    return NG_NOT_ACCEPTED;
}

static int unsupported(const ng_call *call)
{
    (void)call;
    return NG_NOT_SUPPORTED;
}

static int breaks(const ng_call *call)
{
    (void)call;
    return NG_BROKEN;
}

static int odd_result(const ng_call *call)
{
    good(call);
    return 42;
}

#define CONTRACT "op=rms_norm dtype=f32 eps_dtype=f32"
NG_LIBRARY("hostile", {"good", CONTRACT, good, NULL, 0},
           {"prints", CONTRACT, prints, NULL, 0},
           {"loops", CONTRACT, loops, NULL, 0},
           {"exits", CONTRACT, exits, NULL, 0},
           {"aborts", CONTRACT, aborts, NULL, 0},
           {"null_pointer", CONTRACT, null_pointer, NULL, 0},
           {"misaligned", CONTRACT, misaligned, NULL, 0},
           {"out_of_stack", CONTRACT, out_of_stack, NULL, 0},
           {"sends_signal", CONTRACT, sends_signal, NULL, 0},
           {"leaves_child", CONTRACT, leaves_child, NULL, 0},
           {"ends_thread", CONTRACT, ends_thread, NULL, 0},
           {"hungry", CONTRACT, hungry, NULL, 0},
           {"scribbles", CONTRACT, scribbles, NULL, 0},
           {"overruns", CONTRACT, overruns, NULL, 0},
           {"underruns", CONTRACT, underruns, NULL, 0},
           {"reads_past", CONTRACT, reads_past, NULL, 0},
           {"skips_last", CONTRACT, skips_last, NULL, 0},
           {"rounds", CONTRACT, rounds, NULL, 0},
           {"refuses", CONTRACT, refuses, NULL, 0},
           {"unsupported", CONTRACT, unsupported, NULL, 0},
           {"breaks", CONTRACT, breaks, NULL, 0},
           {"odd_result", CONTRACT, odd_result, NULL, 0})
