/* Op: a normalization as geometry and defaults. No arithmetic lives here: the
 * exact result is one function of (contract, case). */
#ifndef NORMGATE_OP_H
#define NORMGATE_OP_H

#include <normgate/case.h>
#include <normgate/view.h>

typedef struct ng_op {
    const char *name;
    const char *formula;  /* in the field's symbols, for people */
    const char *defaults; /* contract fields that follow from the op */
    /* The partition of a case of this op. */
    ng_view (*plan)(const ng_case *test);
    /* Elements of gamma and of beta. */
    size_t (*params)(const ng_case *test);
} ng_op;

extern const ng_op *const ng_ops[]; /* NULL at the end */
const ng_op *ng_op_find(const char *name);

#endif
