/* Interrupt: a run that is told to end (Ctrl-C, a CI system's time limit) ends
 * after the check at hand and says what it found so far. */
#ifndef NORMGATE_INTERRUPT_H
#define NORMGATE_INTERRUPT_H

#include <normgate/status.h>

#include <stdbool.h>

/* From now on the first SIGINT, SIGTERM or SIGHUP is remembered; a second one
 * ends the process as it would have. */
void ng_interrupt_watch(void);

/* The signal that came, or 0. */
int ng_interrupt_signal(void);

/* The status of a run that was told to end; ok while it was not. */
ng_status ng_interrupt_status(ng_error *error);

#endif
