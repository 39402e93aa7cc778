/* Dtype: the binary floating-point formats of arrays, decoded exactly to
 * double and encoded to nearest even (IEEE 754-2019, 3.3 and 4.3.1). */
#ifndef NORMGATE_DTYPE_H
#define NORMGATE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ng_dtype {
#define NG_DTYPE(name) ng_##name,
#include <normgate/dtypes.def>
#undef NG_DTYPE
    NG_DTYPE_COUNT
} ng_dtype;

typedef struct ng_format {
    const char *name;
    size_t size;    /* bytes of an element */
    int p;          /* significand bits with the hidden one */
    int emin, emax; /* least and greatest exponent of a normal 1.f * 2^e */
    /* The exact value of the element at `bits`. */
    double (*decode)(const void *element);
    /* Nearest even with subnormals and overflow to Inf; NaN stays NaN. */
    void (*encode)(void *element, double value);
} ng_format;

const ng_format *ng_format_of(ng_dtype dtype);
bool ng_dtype_parse(const char *name, ng_dtype *dtype);

/* Element `i` of an array; `set` rounds to nearest even. */
double ng_dtype_get(ng_dtype dtype, const void *array, size_t i);
void ng_dtype_set(ng_dtype dtype, void *array, size_t i, double value);

/* Element `i` as its bit pattern, zero-extended. */
uint64_t ng_dtype_bits(ng_dtype dtype, const void *array, size_t i);

double ng_dtype_round(ng_dtype dtype, double value); /* to the format */
double ng_dtype_u(ng_dtype dtype);                   /* unit roundoff 2^-p */
double ng_dtype_max(ng_dtype dtype);                 /* largest finite value */
double ng_dtype_min(ng_dtype dtype); /* smallest positive normal value */

/* 2^(max(e, emin) - p + 1) with 2^e <= |value| < 2^(e+1): the unit in the last
 * place at the exact value; e is capped at emax. */
double ng_dtype_ulp(ng_dtype dtype, double value);

#endif
