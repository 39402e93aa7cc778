/* Baseline: how accurate each kernel was, kept in a file beside its source, so
 * that it does not get worse unseen. docs/adoption.md has the format. */
#ifndef NORMGATE_BASELINE_H
#define NORMGATE_BASELINE_H

#include <normgate/arena.h>
#include <normgate/status.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NG_BASELINE_SCHEMA "normgate-baseline/1"

enum {
    NG_BASELINE_MAX = 200000,
    NG_BASELINE_BYTES_MAX = 64 << 20,
    NG_BASELINE_TEXT_MAX = 256,
};

/* What was measured of a kernel by a property. */
typedef struct ng_measured {
    double error_ulp; /* largest; INFINITY where NaN came for a number */
    double p99_ulp;   /* of all outputs together, up to its histogram's bin;
                         NAN: no histogram */
    double ratio;     /* largest error / bound */
    uint64_t cases;
} ng_measured;

typedef struct ng_baseline_entry {
    const char *kernel, *op, *pass, *dtype, *property;
    ng_measured measured;
} ng_baseline_entry;

typedef struct ng_baseline {
    const char *version; /* of the normgate that wrote it */
    const char *profile;
    uint64_t seed;
    double factor;
    const ng_baseline_entry *entry; /* rising, no two of a name */
    size_t count;
} ng_baseline;

/* The order of the file: by kernel, op, pass, dtype, property. */
int ng_baseline_order(const ng_baseline_entry *a, const ng_baseline_entry *b);

/* A file that is not there is ng_status_nothing_checked, and only that. */
ng_status ng_baseline_read(ng_baseline *baseline, ng_arena *arena,
                           const char *path, ng_error *error);

/* The same entries make the same bytes. */
ng_status ng_baseline_write(const ng_baseline *baseline, FILE *file,
                            ng_error *error);

/* As a number comes back from the file, which keeps six digits. */
double ng_baseline_kept(double value);

/* How many times larger one of the three is now. */
typedef struct ng_growth {
    const char *what, *unit; /* "largest error", " ulp" */
    double before, now;
    double times; /* 1: as before */
} ng_growth;

typedef struct ng_growths {
    ng_growth most, least; /* of the three */
} ng_growths;

/* From `before` to `now`. Half an ulp is the error of a correctly rounded
 * result: what stays below it is no growth, and what comes from below it is
 * measured from there. */
ng_growths ng_baseline_growth(const ng_measured *before,
                              const ng_measured *now);

#endif
