/* The C ABI of a kernel under test. A shared library that exports one
 * descriptor can be gated without rebuilding normgate:
 *
 *     static int my_norm(const ng_call *call) { ...; return NG_DONE; }
 *     NG_LIBRARY("mine", {"rms_norm_f32", "op=rms_norm dtype=f32", my_norm})
 *
 * C11 or C++; needs nothing but this header. */
#ifndef NORMGATE_IMPL_H
#define NORMGATE_IMPL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised only when an old library could be misread; new members go at the end
 * of a struct, whose `size` tells how far its maker knew it. */
#define NG_ABI_VERSION 1u

enum {
    NG_DONE = 0,          /* every output is written */
    NG_NOT_SUPPORTED = 1, /* the kernel does not claim this case */
    NG_NOT_ACCEPTED = 2,  /* the arguments are invalid, nothing was done */
    NG_BROKEN = 3,        /* the kernel failed */
};

/* One call. Tensors are dense and row-major unless the contract declares
 * otherwise. Inputs are read-only memory: writing to one ends the process. A
 * tensor that the contract does not have is NULL.
 *
 * SHAPE is [rows][n] for layer_norm, rms_norm, l2_norm and [N][C][spatial] for
 * batch_norm, group_norm, instance_norm ([N][spatial][C] under
 * layout=channels_last). gamma, beta, dgamma, dbeta are [n] or [C]; mean, rstd
 * and var have one element per reduction set: [rows], [C] for batch_norm,
 * [N][num_groups], [N][C].
 *
 * What a contract may promise of a call beside its numbers:
 *
 *   nullable=outputs  Any output but y, and but the running statistics, may be
 *                     NULL: it is not wanted, the others are. In a backward
 *                     pass at least one is wanted.
 *   nullable=all      So may gamma, which is then 1 (under one_plus_gamma too:
 *                     x_hat is not scaled; dgamma is NULL with it), and beta,
 *                     which is then 0. x, residual, dy, dh and given statistics
 *                     never are.
 *   in_place=yes      y may be x, and dx may be dy: the same address, and the
 *                     same strides. The memory is then not read-only; no other
 *                     two tensors ever share any.
 *   reentrant=yes     The default. Two threads may call at once, each with
 *                     tensors of its own, from the first call of the process
 *                     on. A lock inside the kernel is one way to bear it.
 *   alignment=A       The memory of every tensor begins at a multiple of A
 *                     bytes, and at any such one. Under layout=strided only the
 *                     first element does.
 *   layout=strided    Any positive strides, also of more than 2^31 elements.
 *
 * Outputs hold anything before a call. The rounding mode and FTZ/DAZ are the
 * same after a call as before it. */
typedef struct ng_call {
    size_t size;        /* of this struct, as the caller knows it */
    const char *kernel; /* name of the kernel, as its descriptor gives it */
    const char *op;     /* "layer_norm", "batch_norm", ... */
    const char *pass;   /* "forward", "inference", "backward",
                           "inference_backward" */
    double eps;         /* the exact value the user gave */
    size_t rows;        /* reduction sets, of any op */
    size_t n;           /* elements of each set */
    const void *x;      /* SHAPE, dtype of the contract; in the backward pass
                           of a fused residual the sum h */
    const void *gamma;  /* NULL when the contract's affine has none */
    const void *beta;   /* NULL likewise, and in backward passes */
    void *y;            /* SHAPE */
    void *mean;         /* output of saved=..., input of backward_stats=saved */
    void *rstd;         /* output of saved=mean_rstd, input likewise */
    size_t N, C, spatial, num_groups; /* 0 for the row ops */
    ptrdiff_t stride[3];  /* of x and all of its SHAPE, in elements: along N, C,
                            spatial, or along rows and n */
    double momentum;      /* of the running statistics */
    uint64_t batches;     /* seen before this call: momentum=cumulative */
    const void *residual; /* SHAPE: residual=sum */
    const void *dy;       /* SHAPE: backward passes */
    const void *dh;       /* SHAPE: backward with residual=sum */
    void *h;              /* SHAPE: x + residual, residual=sum */
    void *var;            /* output of saved=mean_var */
    void *running_mean;   /* [C]: updated by forward (running=update), */
    void *running_var;    /* [C]: read-only input of the inference passes */
    void *dx;             /* SHAPE */
    void *dresidual;      /* SHAPE: residual=sum */
    void *dgamma;         /* NULL when the contract's affine has no gamma */
    void *dbeta;          /* NULL when it has no beta */
} ng_call;

typedef struct ng_kernel {
    const char *name; /* unique in the library; letters, digits, _ - . */
    const char
        *contract; /* "op=rms_norm dtype=f32 ...": `normgate list contracts` */
    int (*run)(const ng_call *call);
    const char *file; /* optional: where the kernel's source stands */
    int line;
} ng_kernel;

typedef struct ng_library {
    uint32_t abi;         /* NG_ABI_VERSION */
    uint32_t size;        /* sizeof(ng_library) */
    uint32_t kernel_size; /* sizeof(ng_kernel) */
    uint32_t kernel_count;
    const char *name;
    const ng_kernel *kernels;
} ng_library;

#if defined(_WIN32)
#define NG_EXPORT __declspec(dllexport)
#else
#define NG_EXPORT __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
#define NG_DESCRIPTOR extern "C" NG_EXPORT const ng_library normgate_library
#else
#define NG_DESCRIPTOR NG_EXPORT const ng_library normgate_library
#endif

/* Defines the exported descriptor from the kernels {name, contract, run}. */
#define NG_LIBRARY(library_name, ...)                                          \
    static const ng_kernel ng_library_kernels[] = {__VA_ARGS__};               \
    NG_DESCRIPTOR = {NG_ABI_VERSION,                                           \
                     (uint32_t)sizeof(ng_library),                             \
                     (uint32_t)sizeof(ng_kernel),                              \
                     (uint32_t)(sizeof(ng_library_kernels) /                   \
                                sizeof(ng_library_kernels[0])),                \
                     library_name,                                             \
                     ng_library_kernels};

#ifdef __cplusplus
}
#endif
#endif
