/* The forked child: loads the library, then answers calls until it dies. */
#ifndef NORMGATE_CHILD_H
#define NORMGATE_CHILD_H

#include "internal.h"

/* One call, as the parent lays it out. */
typedef struct call_place {
    size_t kernel;
    ng_call call; /* its numbers; the child fills in the pointers */
    char op[NG_NAME_MAX], pass[NG_NAME_MAX];
    layout where;
} call_place;

typedef struct call_order {
    unsigned count; /* calls: 1, or 2 at once */
    call_place place[2];
    bool cold; /* two calls: as in ng_together */
    double seconds;
    unsigned rounds;
} call_order;

typedef struct call_reply {
    int result[2];
    char fp_words[2][TEXT_MAX]; /* "" or how the environment was left changed */
    unsigned tried, overlapped, differ;
} call_reply;

/* Never returns. */
void child_main(ng_subject *subject, int orders, int replies)
    __attribute__((noreturn));

/* Runs the call of a kernel; what it returned and did to the environment goes
 * into the reply's half. */
void child_run(const ng_kernel *kernel, const ng_call *call, unsigned half,
               call_reply *reply);

/* Two calls at once, each in a thread of its own, again and again. */
void child_together(const ng_kernel *kernels, const call_order *order,
                    const ng_call call[2], unsigned char *memory,
                    call_reply *reply);

#endif
