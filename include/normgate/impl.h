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
 * otherwise. Inputs are read-only memory: writing to one ends the process. */
typedef struct ng_call {
    size_t size;        /* of this struct, as the caller knows it */
    const char *kernel; /* name of the kernel, as its descriptor gives it */
    const char *op;     /* "layer_norm", "rms_norm" */
    const char *pass;   /* "forward" */
    double eps;         /* the exact value the user gave */
    size_t rows;        /* reduction sets */
    size_t n;           /* elements of each set */
    const void *x;      /* [rows][n], dtype of the contract */
    const void *gamma;  /* [n], NULL when the contract's affine has none */
    const void *beta;   /* [n], NULL likewise */
    void *y;            /* [rows][n] */
    void *mean;         /* [rows], NULL unless the contract saves it */
    void *rstd;         /* [rows], NULL likewise */
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
