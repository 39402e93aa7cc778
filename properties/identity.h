/* Identity: two calls whose exact outputs are the same but for a factor. */
#ifndef NORMGATE_IDENTITY_H
#define NORMGATE_IDENTITY_H

#include "trial.h"

/* For each output a power of two with a sign, by which the second call's is to
 * be multiplied to give the first's; 0: the identity does not speak of it. */
typedef struct ng_identity {
    double factor[NG_TENSOR_COUNT];
} ng_identity;

/* Fails when an output of the two calls differs by more than the two bounds
 * together (BOUNDS.md, "Identities"), then judges the second call by itself:
 * an identity also holds of two results that are wrong alike. The claim is
 * what a difference says. */
void ng_identity_check(ng_trial *trial, const ng_call_state *a,
                       const ng_call_state *b, const ng_identity *identity,
                       const char *claim, ng_finding *finding);

/* Multiplies an input of the call by a power of two, or by -1; nothing is
 * done where the call has no such input. False: some element does not keep all
 * its bits. */
bool ng_identity_multiply(ng_call_state *call, ng_role role, double factor);

/* Adds c, likewise. */
bool ng_identity_add(ng_call_state *call, ng_role role, double c);

#endif
