/* Histogram: how many outputs erred by how many units in the last place. Its
 * bins are the same in every record, so that histograms add up. */
#ifndef NORMGATE_HISTOGRAM_H
#define NORMGATE_HISTOGRAM_H

#include <normgate/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bin 0: no error. Bin b, 1 to 61, holds errors up to ng_histogram_edge(b), in
 * ulp: 2^-6 = 1/64, then two bins a binade, 3 * 2^-7, 2^-5, ... to 2^24. The
 * last holds what is larger: wrong in every digit, infinite or NaN. */
enum { NG_HISTOGRAM_BINS = 63, NG_HISTOGRAM_TEXT_MAX = 1536 };

typedef struct ng_histogram {
    uint64_t count[NG_HISTOGRAM_BINS];
} ng_histogram;

/* The largest error of the bin; INFINITY for the last. */
double ng_histogram_edge(size_t bin);
size_t ng_histogram_bin(double error_ulp);
void ng_histogram_add(ng_histogram *histogram, double error_ulp);
void ng_histogram_merge(ng_histogram *to, const ng_histogram *from);
uint64_t ng_histogram_total(const ng_histogram *histogram);

/* The least edge that `share` (0 to 1) of the outputs do not exceed: 0.5 is the
 * median, rounded up to its bin's edge. NAN of an empty histogram. */
double ng_histogram_quantile(const ng_histogram *histogram, double share);

/* "0:118 13:40 14:3": the filled bins in rising order, "" for none. The text
 * of records; reading it checks all of that, and adds up to 2^64 - 1. */
void ng_histogram_print(const ng_histogram *histogram, char *text, size_t size);
ng_status ng_histogram_parse(ng_histogram *histogram, const char *text,
                             ng_error *error);

#endif
