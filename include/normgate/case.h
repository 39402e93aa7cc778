/* Case: one immutable input, as a canonical line of text that anyone can read,
 * store and replay:
 *
 *   layer_norm/forward/f32 rows=3 n=1021 eps=0x1.4f8b58p-17 gen=offset:10000
 *   affine=random seed=42                                      (on one line)
 *
 *   batch_norm/backward/bf16 N=8 C=3 spatial=49 eps=0x1p-17 gen=normal
 *   affine=random dy=normal seed=7
 *
 * The tensors follow from it: `gen` names an input family, `affine` one for
 * gamma and beta, `dy` one for the gradient of y, and the choices come from
 * `seed` or from `bytes` (hex). */
#ifndef NORMGATE_CASE_H
#define NORMGATE_CASE_H

#include <normgate/dtype.h>
#include <normgate/source.h>
#include <normgate/status.h>

enum {
    NG_NAME_MAX = 40,         /* op, pass, generator names with the NUL */
    NG_CASE_BYTES_MAX = 4096, /* choices carried by a case */
    NG_CASE_TEXT_MAX = 2 * NG_CASE_BYTES_MAX + 512,
};
/* Elements of one tensor, 128 MiB in f64, so that no line of text can
 * make the harness allocate without limit. */
#define NG_CASE_ELEMENTS_MAX ((size_t)1 << 24)

typedef struct ng_case {
    char op[NG_NAME_MAX];
    char pass[NG_NAME_MAX]; /* of passes.def */
    ng_dtype dtype;         /* storage of x and y */
    size_t rows, n;         /* reduction sets and elements of each, of any op */
    /* Sizes of a channel op's x, [N][C][spatial]: batch norm, group norm,
     * instance norm. Row ops leave them 0. */
    size_t N, C, spatial, num_groups;
    size_t gap, step, start;  /* layout=strided: elements left out after each
                                 row or channel, stride of the innermost axis
                                 [1], elements before the first */
    double eps;               /* >= 0, finite */
    double momentum;          /* of running statistics */
    uint64_t batches;         /* seen before this one: cumulative momentum */
    char gen[NG_NAME_MAX];    /* input family */
    double gen_arg;           /* its argument; NAN when it has none */
    char affine[NG_NAME_MAX]; /* parameter family: unit, random, ... */
    char dy[NG_NAME_MAX];     /* family of dy: normal, ones, ... */
    uint64_t seed;            /* used when byte_count is SIZE_MAX */
    size_t byte_count;        /* SIZE_MAX: seeded */
    uint8_t bytes[NG_CASE_BYTES_MAX];
} ng_case;

typedef struct ng_pass_info {
    const char *name, *meaning;
    bool training, gradient;
} ng_pass_info;

extern const ng_pass_info ng_passes[];              /* a NULL name at the end */
const ng_pass_info *ng_pass_find(const char *name); /* NULL: unknown */

/* A seeded case of one set of one element: what every field defaults to. */
void ng_case_init(ng_case *test, const char *op, ng_dtype dtype);

/* The canonical line, without a newline; `size` >= NG_CASE_TEXT_MAX. */
void ng_case_print(const ng_case *test, char *text, size_t size);

/* Accepts fields in any order, each once; reals in decimal or hex. What it
 * accepts, print writes canonically and parse reads back equal. */
ng_status ng_case_parse(ng_case *test, const char *text, ng_error *error);

/* The stream of choices of the case; it borrows the case's bytes. */
void ng_case_source(const ng_case *test, ng_source *source);

#endif
