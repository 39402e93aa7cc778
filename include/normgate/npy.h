/* Npy: arrays as files of NumPy (.npy, format versions 1.0, 2.0 and 3.0;
 * NumPy Enhancement Proposal 1 and numpy.lib.format).
 *
 * Read: <f2 f16, <f4 f32, <f8 f64, each also big-endian ('>'); bf16, which
 * NumPy does not have, as its bits: <u2 or >u2, or V2 as ml_dtypes writes it.
 * C and Fortran order, up to 8 axes, up to NG_CASE_ELEMENTS_MAX elements.
 * Written: version 1.0, C order; bf16 as its bits, u2. */
#ifndef NORMGATE_NPY_H
#define NORMGATE_NPY_H

#include <normgate/arena.h>
#include <normgate/dtype.h>
#include <normgate/status.h>

enum { NG_NPY_RANK_MAX = 8 };

/* A dense array in C order and in the machine's byte order. */
typedef struct ng_npy {
    ng_dtype dtype;
    size_t rank;                   /* axes; 0: one number */
    size_t shape[NG_NPY_RANK_MAX]; /* elements along each axis */
    size_t count;                  /* elements in all: the shape's product */
    void *data;                    /* never NULL in what was read */
} ng_npy;

/* What 16-bit integers (u2) and 16-bit opaque values (V2) are. */
typedef enum ng_npy_bits {
    ng_npy_bits_refused, /* no numbers of ours: bad_input */
    ng_npy_bits_bf16,    /* the bits of bf16 */
} ng_npy_bits;

/* The array in the file `path`, its data in the arena. bad_input: the file
 * cannot be read, is no .npy file, or holds something else, less or more than
 * one array as above; the error names the file, the reason and the mend. */
ng_status ng_npy_read(ng_npy *array, ng_arena *arena, const char *path,
                      ng_npy_bits bits, ng_error *error);

/* The same from memory; `name` stands for the file in errors. */
ng_status ng_npy_parse(ng_npy *array, ng_arena *arena, const char *name,
                       const void *bytes, size_t size, ng_npy_bits bits,
                       ng_error *error);

/* Writes a dense array in C order; the file is there whole or not at all.
 * bad_input: more than NG_NPY_RANK_MAX axes or NG_CASE_ELEMENTS_MAX elements,
 * or the file cannot be written. */
ng_status ng_npy_write(const char *path, ng_dtype dtype, size_t rank,
                       const size_t *shape, const void *data, ng_error *error);

/* The shape as Python writes it, "(3, 4)"; `size` of 128 holds any. */
void ng_npy_shape_text(char *text, size_t size, size_t rank,
                       const size_t *shape);

/* The product of the shape. False: more axes than NG_NPY_RANK_MAX, or more
 * than NG_CASE_ELEMENTS_MAX elements along the axes that are not empty. */
bool ng_npy_count(size_t rank, const size_t *shape, size_t *count);

#endif
