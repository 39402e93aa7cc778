/* The floating-point environment of a thread, as far as it changes results. */
#ifndef NORMGATE_FPENV_H
#define NORMGATE_FPENV_H

#include <stddef.h>
#include <stdint.h>

typedef struct fp_state {
    uint64_t control; /* MXCSR or FPCR without the sticky exception flags */
    int rounding;
} fp_state;

fp_state fp_get(void);
void fp_set(fp_state state);

/* What `after` changes in `before`, in words; 0 if nothing. */
int fp_changes(fp_state before, fp_state after, char *words, size_t size);

#endif
