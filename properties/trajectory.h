/* Trajectory: a running statistic of one channel over a sequence of steps,
 * beside its closed form, at steps spread evenly over the sequence. */
#ifndef NORMGATE_TRAJECTORY_H
#define NORMGATE_TRAJECTORY_H

#include "trial.h"

enum { NG_TRAJECTORY_POINTS = 60 };

/* The mean and the variance: as the kernel returned it, the closed form, how
 * far apart they may be. */
typedef struct ng_trajectory {
    size_t count;
    double step[NG_TRAJECTORY_POINTS];
    double got[2][NG_TRAJECTORY_POINTS];
    double closed[2][NG_TRAJECTORY_POINTS];
    double bound[2][NG_TRAJECTORY_POINTS];
    double error[2][NG_TRAJECTORY_POINTS];
} ng_trajectory;

/* Whether step number `step` (from 1) of so many is kept: the first, the last
 * and NG_TRAJECTORY_POINTS in all, or every one of fewer. */
bool ng_trajectory_keeps(size_t step, size_t steps);

/* Appends a step; [0] is of the mean, [1] of the variance. */
void ng_trajectory_add(ng_trajectory *trajectory, size_t step,
                       const double got[2], const long double closed[2],
                       const long double bound[2]);

void ng_trajectory_columns(const ng_trajectory *trajectory,
                           ng_finding *finding);

#endif
