/* Estimate: how long a run will still take, and the line that says so. No clock
 * and no terminal in here: time, width and numbers are given. */
#ifndef NORMGATE_ESTIMATE_H
#define NORMGATE_ESTIMATE_H

#include <stddef.h>

typedef struct ng_estimate {
    double begin, last; /* times, in seconds */
    double left;        /* as last estimated; NAN: not yet */
} ng_estimate;

void ng_estimate_init(ng_estimate *estimate, double now);

/* The seconds left when `fraction` of the work is done by `now`; NAN as long as
 * too little is known. It is smoothed over a few seconds, and grows while the
 * work stands still. */
double ng_estimate_left(ng_estimate *estimate, double now, double fraction);

/* What the live line shows. */
typedef struct ng_glance {
    const char *phase; /* what is counted by `fraction` */
    double fraction;   /* of the phase, 0 to 1 */
    size_t cases, findings;
    double worst;         /* largest error/bound; NAN: none yet */
    double elapsed, left; /* seconds; left NAN: not known */
    const char *kernel;   /* that has run the longest without an answer */
    const char *property; /* tried on it */
    double since;         /* seconds that its case has taken */
} ng_glance;

enum { NG_LINE_MAX = 256 };

/* The line in less than `width` columns of plain ASCII, whatever the names:
 * the last column stays free, where some terminals fold. What matters least
 * is left out first. Returns the columns used. */
size_t ng_estimate_line(char line[NG_LINE_MAX], size_t width,
                        const ng_glance *glance);

#endif
