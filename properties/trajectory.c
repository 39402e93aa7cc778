/* Running statistics over a sequence, as columns. */
#include "trajectory.h"

#include <math.h>

bool ng_trajectory_keeps(size_t step, size_t steps)
{
    const size_t gaps = NG_TRAJECTORY_POINTS - 1;
    if (steps <= NG_TRAJECTORY_POINTS || step <= 1)
        return true;
    /* The points divide the steps between the first and the last. */
    return (step - 1) * gaps / (steps - 1) != (step - 2) * gaps / (steps - 1);
}

void ng_trajectory_add(ng_trajectory *trajectory, size_t step,
                       const double got[2], const long double closed[2],
                       const long double bound[2])
{
    size_t at = trajectory->count;
    if (at == NG_TRAJECTORY_POINTS)
        return;
    trajectory->count++;
    trajectory->step[at] = (double)step;
    for (int k = 0; k < 2; k++) {
        trajectory->got[k][at] = got[k];
        trajectory->closed[k][at] = (double)closed[k];
        trajectory->bound[k][at] = (double)bound[k];
        /* Taken here: columns keep six digits of the two. */
        trajectory->error[k][at] = (double)fabsl(got[k] - closed[k]);
    }
}

void ng_trajectory_columns(const ng_trajectory *trajectory, ng_finding *finding)
{
    static const char *const names[2][4] = {
        {"mean", "closed_mean", "bound_mean", "error_mean"},
        {"var", "closed_var", "bound_var", "error_var"},
    };
    size_t count = trajectory->count;
    if (count == 0)
        return;
    ng_finding_column(finding, "step", trajectory->step, count);
    for (int k = 0; k < 2; k++) {
        ng_finding_column(finding, names[k][0], trajectory->got[k], count);
        ng_finding_column(finding, names[k][1], trajectory->closed[k], count);
        ng_finding_column(finding, names[k][2], trajectory->bound[k], count);
        ng_finding_column(finding, names[k][3], trajectory->error[k], count);
    }
}
