/* The zoo: one norm of every op and pass, right in every step (two passes,
 * recursive sums, the textbook arithmetic) but one, where the bug named departs
 * from it. A gate that lets one of these pass does not see that kind of error.
 *
 * Here is what does not depend on the type of the arithmetic; zoo_backward.inc
 * with what it includes is read for float and for double. Under
 * NG_ZOO_TWINS every bug is left out: the departure is the bug and no other. */
#include "zoo.h"

#include "geometry.h"
#include "promises.h"

#include <normgate/dtype.h>

#include <fenv.h>
#include <float.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h> /* sqrt in the type of its argument: no silent double */
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* One call of one kernel. */
struct task {
    enum bug bug;
    enum op op;
    ng_dtype dtype;
    const char *fields; /* of the contract, beside op, pass and dtype */
    ng_call call;
    struct geometry shape;
    bool training;
    size_t calls; /* before this one, over all bugs */
};

/* What no tensor shows is read where it is declared. */
static bool declares(const struct task *task, const char *field)
{
    return strstr(task->fields, field) != NULL;
}

static bool is_centred(const struct task *task)
{
    return task->op != rms_norm && task->op != l2_norm;
}

static bool is_backward(const struct task *task)
{
    return task->call.dy != NULL;
}

static size_t threads(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    int count = text != NULL ? atoi(text) : 1;
    return count > 1 ? (size_t)count : 1;
}

/* The elements of a set that its sums take: `count` of them, from `from` on. */
static size_t first_summed(const struct task *task)
{
    size_t n = task->shape.n;
    switch (task->bug) {
    case bug_order_by_call: return task->calls % n;
    case bug_batch_dependent: return task->call.rows > 1 ? n / 2 : 0;
    case bug_threads_order: return n / threads() * (threads() - 1);
    default: return 0;
    }
}

static size_t count_summed(const struct task *task)
{
    size_t n = task->shape.n;
    switch (task->bug) {
    case bug_tail_dropped: return n - n % 8;
    case bug_l2_tail: return n - n % 4;
    case bug_band_dropped: return n > 256 && n < 512 ? 256 : n;
    case bug_block_dropped: return n > 1024 ? n - n % 1024 : n;
    default: return n;
    }
}

/* Elements before the first address that 16 divides. */
static size_t misaligned(const struct task *task, size_t set)
{
    size_t size = ng_format_of(task->dtype)->size;
    size_t at = (size_t)(uintptr_t)task->call.x +
                geometry_index(&task->shape, set, 0) * size;
    return (16 - at % 16) % 16 / size;
}

/* Parameter of element i. */
static size_t param_of(const struct task *task, size_t set, size_t i)
{
    size_t first = geometry_param(&task->shape, set);
    size_t place = i / task->shape.cell, C = task->call.C;
    switch (task->bug) {
    case bug_gamma_by_group: return set % task->call.num_groups;
    case bug_groups_interleaved:
        return first + place * task->shape.element[0].gamma;
    case bug_gamma_wraps: return (first + place) % 128;
    case bug_one_group_over_batch: return (first + place) % C;
    case bug_channels_last_tail:
        return first + place < C - C % 4 ? first + place : 0;
    default: return first + place;
    }
}

/* Where element i of x lies. */
static size_t index_of(const struct task *task, size_t set, size_t i)
{
    size_t index = geometry_index(&task->shape, set, i);
    size_t n = task->shape.n;
    if (task->bug == bug_offset_32_bits)
        index = (uint32_t)index;
    if (task->bug == bug_row_padded)
        index = (set * ((n + 3) / 4 * 4) + i) % (task->shape.sets * n);
    return index;
}

/* The bugs that do not wait for the arithmetic. */
static void misbehave(const struct task *task)
{
    const ng_call *call = &task->call;
    volatile int *volatile nowhere = NULL;
    volatile unsigned char *input = (unsigned char *)(uintptr_t)call->x;
    if (task->bug == bug_spins && call->n == 13)
        for (;;)
            ;
    if (task->bug == bug_crashes && call->n == 127)
        *nowhere = 0;
    if (task->bug == bug_exits && call->n == 31)
        exit(0);
    if (task->bug == bug_writes_input) {
        unsigned char kept = input[0];
        input[0] = (unsigned char)~kept;
        input[0] = kept;
    }
    if (task->bug == bug_y_cleared && call->y != NULL)
        memset(call->y, 0,
               call->rows * call->n * ng_format_of(task->dtype)->size);
}

/* The modes of the processor that are left behind. */
static void leave_modes(const struct task *task)
{
    if (task->bug == bug_fpenv_left)
        fesetround(FE_TOWARDZERO);
    if (task->bug == bug_ftz_left) {
#if defined(__SSE__)
        _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
#else
        fesetround(FE_UPWARD); /* the nearest that C has */
#endif
    }
}

/* The bugs that take the wrong elements. */
static void lay_out(struct task *task)
{
    ng_call *call = &task->call;
    enum op op = task->op;
    if (task->bug == bug_channels_read_first) {
        call->stride[0] = (ptrdiff_t)(call->C * call->spatial);
        call->stride[1] = (ptrdiff_t)call->spatial;
        call->stride[2] = 1;
    }
    if (task->bug == bug_gap_ignored)
        call->stride[0] = (ptrdiff_t)call->n * call->stride[1];
    if (task->bug == bug_instance_over_batch)
        op = batch_norm;
    task->shape = geometry_of(op, call);
    if (task->bug == bug_groups_interleaved) {
        ptrdiff_t groups = (ptrdiff_t)call->num_groups;
        task->shape.set[1].x = call->stride[1];
        task->shape.set[1].gamma = 1;
        task->shape.element[0].x = groups * call->stride[1];
        task->shape.element[0].gamma = call->num_groups;
    }
    if (task->bug == bug_one_group_over_batch && call->num_groups == 1) {
        task->shape.set[0].count = 1; /* examples as if more channels */
        task->shape.element[0].count *= call->N;
        task->shape.sets = 1;
        task->shape.n *= call->N;
    }
}

/* One value has no variance: training on it is refused, as one_value says. */
static bool refuses(const struct task *task)
{
    return (task->op == batch_norm || task->op == instance_norm) &&
           task->training && task->shape.sets > 0 && task->shape.n == 1 &&
           !declares(task, "one_value=biased");
}

#define PASTE(a, b) a##_##b
#define EXPAND_PASTE(a, b) PASTE(a, b)
#define TYPED(name) EXPAND_PASTE(name, REAL)
#define HAS(id) (job->task.bug == bug_##id)

#define REAL float
#include "zoo_backward.inc"
#undef REAL

#define REAL double
#include "zoo_backward.inc"
#undef REAL

static int norm(const ng_call *call, enum bug bug, enum op op, ng_dtype dtype,
                const char *fields)
{
    static size_t calls;
    struct task task = {.bug = bug,
                        .op = op,
                        .dtype = dtype,
                        .fields = fields,
                        .call = *call,
                        .calls = calls++};
#ifdef NG_ZOO_TWINS
    task.bug = bug_none;
#endif
    task.training = strncmp(call->pass, "inference", 9) != 0;
    lay_out(&task);
    if (refuses(&task))
        return NG_NOT_ACCEPTED;
    if (task.bug == bug_no_rows_unwritten && call->rows == 0)
        return NG_DONE;
    if (task.shape.sets > 0 && task.shape.n > 0)
        misbehave(&task);
    int result = dtype == ng_f64 ? norm_double(&task) : norm_float(&task);
    leave_modes(&task);
    return result;
}

/* K(dtype, ...) for each dtype in which it is a bug, beside its own. */
#define OTHERS_ALL_f32(K, ...)                                                 \
    K(f64, __VA_ARGS__) OTHERS_NARROW_f32(K, __VA_ARGS__)
#define OTHERS_ALL_bf16(K, ...)                                                \
    K(f16, __VA_ARGS__) OTHERS_WIDE_f16(K, __VA_ARGS__)
#define OTHERS_ALL_f16(K, ...)                                                 \
    K(bf16, __VA_ARGS__) OTHERS_WIDE_f16(K, __VA_ARGS__)
#define OTHERS_BROAD_f32(K, ...) K(f64, __VA_ARGS__) K(bf16, __VA_ARGS__)
#define OTHERS_WIDE_f32(K, ...) K(f64, __VA_ARGS__)
#define OTHERS_WIDE_f16(K, ...) K(f32, __VA_ARGS__) K(f64, __VA_ARGS__)
#define OTHERS_NARROW_f32(K, ...) K(bf16, __VA_ARGS__) K(f16, __VA_ARGS__)
#define OTHERS_NARROW_bf16(K, ...) K(f16, __VA_ARGS__)
#define OTHERS_ONLY_f16(K, ...)
#define OTHERS_ONLY_f64(K, ...)

#define NAME_forward
#define NAME_inference "_inference"
#define NAME_backward "_backward"
#define NAME_inference_backward "_inference_backward"
#define SAVED_forward " saved=mean_rstd"
#define SAVED_inference
#define SAVED_backward
#define SAVED_inference_backward

#define RUN(dtype, id, op, fields)                                             \
    static int run_##id##_##dtype(const ng_call *call)                         \
    {                                                                          \
        return norm(call, bug_##id, op, ng_##dtype, fields);                   \
    }
#define CONTRACT(dtype, op, pass, fields)                                      \
    "op=" #op " pass=" #pass " dtype=" #dtype " " fields SAVED_##pass          \
        " summation=recursive variance=two_pass" PROMISES
#define KERNEL(dtype, id, op, pass, fields)                                    \
    {#op NAME_##pass "_" #dtype, CONTRACT(dtype, op, pass, fields),            \
     run_##id##_##dtype, "impls/zoo.def", __LINE__},
#define NG_BUG(id, op, pass, dtype, dtypes, class, fields, ...)                \
    RUN(dtype, id, op, fields)                                                 \
    OTHERS_##dtypes##_##dtype(                                                 \
        RUN, id, op, fields) static const ng_kernel kernels_##id[] = {         \
        KERNEL(dtype, id, op, pass, fields)                                    \
            OTHERS_##dtypes##_##dtype(KERNEL, id, op, pass, fields)};
#include "zoo.def"
#undef NG_BUG

const ng_builtin ng_zoo[] = {
#define NG_BUG(id, op, pass, dtype, dtypes, class, fields, killed_by, cause,   \
               claim)                                                          \
    {"bug." #id,   claim, #killed_by,                                          \
     kernels_##id, 1,     sizeof kernels_##id / sizeof kernels_##id[0],        \
     #class,       cause},
#include "zoo.def"
#undef NG_BUG
};
