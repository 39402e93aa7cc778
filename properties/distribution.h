/* Distribution: what the elements of a tensor look like before the norm and
 * after it. */
#ifndef NORMGATE_DISTRIBUTION_H
#define NORMGATE_DISTRIBUTION_H

#include "trial.h"

enum { NG_DISTRIBUTION_BINS = 24 };

typedef struct ng_distribution {
    double mean, std, min, max, median; /* std divides by the count */
    /* By equal bins from min to max, each with its lower end, the last with
     * both; all in the first where min is max. */
    double bins[NG_DISTRIBUTION_BINS];
} ng_distribution;

/* False: fewer values than bins, or one that is not finite. Works in place. */
bool ng_distribution_of(ng_distribution *distribution, double *values,
                        size_t count);

/* x and y of a call that was answered (dy and dx of a gradient pass), as the
 * columns `before`, `after`, `before_bins` and `after_bins`; none where one of
 * the two has no distribution. */
void ng_distribution_columns(ng_trial *trial, const ng_call_state *call,
                             ng_finding *finding);

#endif
