/* Layout: where the tensors of one call lie in the memory that normgate and
 * the subject share, and what surrounds them.
 *
 * Each tensor has whole pages of its own with a guard page on both sides. It
 * ends at the following guard page as nearly as its alignment allows, or begins
 * at the one before; what is left of its pages holds a canary. Outputs are
 * poisoned with a NaN that no arithmetic makes.
 *
 * In a far call the rows lie so far apart that their memory is never touched
 * between them; normgate's own arrays stay as they are. */
#ifndef NORMGATE_LAYOUT_H
#define NORMGATE_LAYOUT_H

#include <normgate/subject.h>

typedef struct span {
    size_t body, body_end;     /* the pages, without the guards */
    size_t canary, canary_end; /* what is filled and checked around it */
    size_t data, bytes;        /* the tensor itself */
    size_t start;              /* bytes in it before the first element */
    bool present, written;     /* written: an output, or updated */
    bool shared; /* an output in the place of an input, and that input */
} span;

typedef struct layout {
    span tensor[NG_TENSOR_COUNT];
    size_t begin, end;
    ptrdiff_t stride[3]; /* as the kernel sees them */
    size_t pieces;       /* of a far tensor of x's shape; else 1 */
    bool far;
} layout;

/* Room for the largest case in every role, with its guards. */
size_t layout_capacity(void);
/* Room, of addresses, for far calls; no memory is behind most of it. */
size_t layout_far_capacity(void);

/* Lays the tensors out from `begin` on. False when they do not fit into the
 * capacity. Where nobody can protect the guard pages of a subject, they are
 * canaries too. */
bool layout_make(layout *where, const ng_request *request, size_t alignment,
                 bool guards_protected, size_t begin);

/* Copies the inputs, poisons the outputs, sets the canaries. */
void layout_fill(unsigned char *memory, const layout *where,
                 const ng_request *request);

/* Looks for unwritten outputs, broken canaries and changed inputs; adds to
 * reply->breaches and, for the first, says what in reply->message. Then copies
 * the outputs into the request's tensors. */
void layout_collect(const unsigned char *memory, const layout *where,
                    const ng_request *request, ng_reply *reply);

/* What an access at the offset did, after a verb such as "wrote": "wrote one
 * element past the end of y". */
void layout_describe(const layout *where, const ng_request *request,
                     const char *verb, size_t offset, char *words, size_t size);

#endif
