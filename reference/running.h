/* Running statistics, exact: rationals num/den after any sequence of calls. */
#ifndef NORMGATE_RUNNING_H
#define NORMGATE_RUNNING_H

#include "dyadic.h"

#include <normgate/contract.h>

/* num/den, den > 0 */
typedef struct rational {
    dyadic num;
    mpz_t den;
} rational;

void rational_init(rational *r); /* 0 */
void rational_clear(rational *r);
void rational_set_double(rational *r, double value);
void rational_add(rational *to, const rational *a, const rational *b);
void rational_mul(rational *to, const rational *a, const rational *b);
/* Takes common factors out of num and den. */
void rational_reduce(rational *r);

/* state := (1 - momentum) state + momentum value, as the contract's momentum
 * means it; `batches` were seen before (cumulative: weight 1/(batches + 1)). */
void running_step(rational *state, const rational *value,
                  const ng_contract *contract, double momentum,
                  uint64_t batches);

#endif
