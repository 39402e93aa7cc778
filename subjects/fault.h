/* Fault: the signal that ends a forked child, left by the child's handler in
 * memory that it shares with normgate, and put into words there. */
#ifndef NORMGATE_FAULT_H
#define NORMGATE_FAULT_H

#include "layout.h"

#include <stdint.h>

/* Any value in it may be a lie of the subject, and is only shown. */
typedef struct fault {
    volatile int signal, error_number, access;
    volatile uintptr_t address, stack; /* stack: near the start of it */
} fault;

/* In the child: the signals of broken programs leave their trace in `shared`
 * and then end the process as they would have. */
void fault_watch(fault *shared);

/* What happened, over `memory` laid out by `where`; "" when no signal left a
 * trace. */
void fault_describe(const fault *shared, const unsigned char *memory,
                    const layout *where, const ng_request *request, char *words,
                    size_t size);

#endif
