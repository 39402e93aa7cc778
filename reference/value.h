/* Value: one output of the exact result at any precision. It exists so that the
 * forward reference can be differentiated: central differences of it need a
 * thousand bits and more. */
#ifndef NORMGATE_VALUE_H
#define NORMGATE_VALUE_H

#include <mpfr.h>
#include <normgate/reference.h>

/* The output that ng_exact_compute() rounds, at the precision of `value`,
 * through the same sums and surds; indices as for ng_exact_at(). The error is a
 * few units of the last place of the terms that cancel in it. False: the pass
 * has no such output, the decision table has it, or there is no memory; also
 * for round_residual=yes, where y is a step function of x. */
bool reference_value(const ng_problem *problem, ng_role role, size_t set,
                     size_t i, mpfr_t value);

#endif
