/* What every built-in kernel promises beside its arithmetic: equal sets give
 * equal bits, however often, in whatever batch and on however many threads
 * they are computed. */
#ifndef NORMGATE_PROMISES_H
#define NORMGATE_PROMISES_H

#define PROMISES " deterministic=yes batch_invariant=yes thread_invariant=yes"

#endif
