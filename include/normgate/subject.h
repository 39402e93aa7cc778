/* Subject: an implementation under test, run where it can only hurt itself.
 *
 *   builtin:NAME           a kernel of impls/
 *   path/to/library.so     a shared library with <normgate/impl.h>'s descriptor
 *   worker:'command args'  any program that speaks docs/worker-protocol.md
 *
 * Each runs in a supervised process of its own. A crash, exit(), hang or lack
 * of memory is a reply, and the next call starts a fresh process. */
#ifndef NORMGATE_SUBJECT_H
#define NORMGATE_SUBJECT_H

#include <normgate/case.h>
#include <normgate/contract.h>
#include <normgate/status.h>
#include <normgate/tensor.h>
#include <normgate/verdict.h>

typedef struct ng_subject_options {
    double timeout_s;    /* of one call; 0: 10 s */
    double start_s;      /* to load or to say hello; 0: 120 s */
    size_t memory_bytes; /* private data of its process; 0: 1 GiB, of a
                            worker 16 GiB */
    bool in_process;     /* for fuzzing: no process, no guard pages */
    bool every_dtype;    /* a seeded bug in every dtype, not its own alone */
    unsigned threads;    /* told to OpenMP and its like; 0: nothing is said */
} ng_subject_options;

typedef struct ng_kernel_info {
    const char *name;
    const char *contract_text;
    ng_contract contract;
    bool seeded_bug;       /* wrong on purpose */
    const char *killed_by; /* the property that must catch it; NULL if right */
    const char *defect;    /* what is wrong with it, in words */
    const char *file;      /* NULL or the kernel's source */
    int line;
} ng_kernel_info;

/* Broken rules of the call, found around it. */
enum {
    ng_breach_input = 1,     /* an input was changed */
    ng_breach_outside = 2,   /* memory outside an output was written */
    ng_breach_unwritten = 4, /* an element of an output was never written */
    ng_breach_fpenv = 8,     /* rounding mode or FTZ/DAZ was left changed */
};

/* The manner of a call, beside its data; all zero: the ordinary one. A tensor
 * of the contract whose data is NULL is passed as NULL. */
typedef struct ng_manner {
    bool guard_before; /* the buffers begin, not end, at the guard page */
    bool in_place;     /* y in the memory of x, dx in that of dy */
    bool huge_before;  /* outputs hold a large number before the call, not a
                          NaN; that each is written is then not looked at */
    bool far;          /* the outermost axis of more than one step moves by
                          more than 2^31 elements: layout=strided */
    size_t skew;       /* bytes, a multiple of the contract's alignment: the
                          k-th tensor of the call (from 1) lies k times that
                          away from its guard page */
} ng_manner;

typedef struct ng_request {
    size_t kernel;
    const ng_case *test;               /* op, pass, sizes, eps, momentum */
    ng_tensor tensor[NG_TENSOR_COUNT]; /* inputs are read, outputs filled */
    ptrdiff_t stride[3]; /* of x and its like: ng_case_strides() */
    size_t start;        /* elements before their first */
    ng_manner manner;
} ng_request;

typedef struct ng_reply {
    ng_verdict verdict; /* PASS: it answered, and the outputs are filled */
    unsigned breaches;
    char message[320]; /* what happened, in words; "" when nothing did */
} ng_reply;

/* Two calls at once, by two threads. */
typedef struct ng_together {
    bool cold;       /* as the first calls of a fresh process, once, the second
                        begun so many `seconds` after the first, which is
                        stopped meanwhile (0: both begin together); else, after
                        each alone, again and again: */
    double seconds;  /* for this long, */
    unsigned rounds; /* or so often, */
    /* or until outputs differ in their bits from those of the calls alone: */
    bool differ;
    unsigned tried, overlapped; /* rounds; with one call begun and finished
                                   in the middle of the other */
} ng_together;

typedef struct ng_subject ng_subject;

/* Loads the subject and reads its kernels. NG cannot_load: error says why. */
ng_status ng_subject_open(ng_subject **subject, const char *spec,
                          const ng_subject_options *options, ng_error *error);
void ng_subject_close(ng_subject *subject);

/* The same subject once more, in a process of its own, under a thread count. */
ng_status ng_subject_again(ng_subject **opened, const ng_subject *subject,
                           unsigned threads, ng_error *error);

const char *ng_subject_spec(const ng_subject *subject);
const char *ng_subject_name(const ng_subject *subject);
size_t ng_subject_kernel_count(const ng_subject *subject);
const ng_kernel_info *ng_subject_kernel(const ng_subject *subject, size_t i);

/* What loading it did to the process (FTZ/DAZ, rounding mode), or NULL. */
const char *ng_subject_load_breach(const ng_subject *subject);

void ng_subject_call(ng_subject *subject, const ng_request *request,
                     ng_reply *reply);

/* Whether its kernels can be called in this manner, or by two threads. */
bool ng_subject_can(const ng_subject *subject, const ng_manner *manner);
bool ng_subject_can_together(const ng_subject *subject);

/* Fills both requests' outputs from the last round. The requests are of the
 * ordinary manner. */
void ng_subject_call_together(ng_subject *subject, const ng_request request[2],
                              ng_together *together, ng_reply reply[2]);

/* Whether the element has the bits that outputs are filled with before a call:
 * a NaN that no arithmetic gives. */
bool ng_subject_unwritten(const ng_tensor *tensor, size_t i);

/* Calls `row` for every built-in whose name matches the glob. */
size_t ng_builtin_match(const char *glob,
                        void (*row)(const char *name, const char *claim,
                                    const char *killed_by, void *user),
                        void *user);

#endif
