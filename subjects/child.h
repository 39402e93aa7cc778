/* The forked child: loads the library, then answers calls until it dies. */
#ifndef NORMGATE_CHILD_H
#define NORMGATE_CHILD_H

#include "internal.h"

/* One call, as the parent lays it out. */
typedef struct call_order {
    size_t kernel;
    ng_call call; /* its numbers; the child fills in the pointers */
    char op[NG_NAME_MAX], pass[NG_NAME_MAX];
    layout where;
} call_order;

typedef struct call_reply {
    int result;
    char fp_words[TEXT_MAX]; /* "" or how the environment was left changed */
} call_reply;

/* Never returns. */
void child_main(ng_subject *subject, int orders, int replies)
    __attribute__((noreturn));

#endif
