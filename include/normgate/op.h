/* Op: a normalization as geometry and defaults. No arithmetic lives here: the
 * exact result is one function of (contract, case). */
#ifndef NORMGATE_OP_H
#define NORMGATE_OP_H

#include <normgate/case.h>
#include <normgate/contract.h>
#include <normgate/tensor.h>
#include <normgate/view.h>

/* How the op names the sizes of its input. */
typedef enum ng_shape_kind {
    ng_shape_rows,     /* rows=, n= */
    ng_shape_channels, /* N=, C=, spatial= and, where groups count, num_groups= */
} ng_shape_kind;

typedef struct ng_op {
    const char *name;
    const char *formula;  /* in the field's symbols, for people */
    const char *defaults; /* contract fields that follow from the op */
    ng_shape_kind shape;
    bool groups;  /* takes num_groups */
    bool running; /* has running statistics, and so inference */
    /* rows and n, the reduction sets and their elements, from N, C, spatial
     * and num_groups (channels only). */
    void (*complete)(ng_case *test);
    /* The inverse: some N, C, ... with test->rows sets of test->n elements. */
    void (*choose)(ng_case *test);
    /* The partition, for the strides of x along N, C, spatial, or along rows
     * and n; its start is 0. */
    ng_view (*partition)(const ng_case *test, const ptrdiff_t stride[3]);
} ng_op;

extern const ng_op *const ng_ops[]; /* NULL at the end */
const ng_op *ng_op_find(const char *name);

/* Strides of x, y and their gradients along N, C, spatial, or along rows and n
 * (the third is 0), in elements; what the case leaves between rows and
 * elements counts under layout=strided only. */
void ng_case_strides(const ng_case *test, const ng_contract *contract,
                     ptrdiff_t stride[3]);

/* Which elements of x are reduced together. */
ng_view ng_case_view(const ng_case *test, const ng_contract *contract);

/* Sets the sizes so that `rows` sets of `n` elements are reduced. */
void ng_case_reshape(ng_case *test, size_t rows, size_t n);

/* The tensors that a call of this case has under the contract: their use,
 * count and dtype; `data` is left NULL. */
void ng_case_slots(const ng_case *test, const ng_contract *contract,
                   ng_tensor slots[NG_TENSOR_COUNT]);

/* Why the contract forbids this case, in words; NULL: it does not. */
const char *ng_case_forbidden(const ng_case *test, const ng_contract *contract);

#endif
