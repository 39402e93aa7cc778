/* Check records as reports get them, of one subject with small cases. */
#ifndef NORMGATE_TESTS_REPORT_RECORDS_H
#define NORMGATE_TESTS_REPORT_RECORDS_H

#include <normgate/record.h>

static inline ng_record check(const char *kernel, const char *property,
                              const char *verdict, double ratio)
{
    ng_record record;
    ng_record_init(&record, "check");
    record.subject = "builtin:s";
    record.kernel = kernel;
    record.op = "layer_norm";
    record.pass = "forward";
    record.dtype = "f32";
    record.property = property;
    record.family = "normal";
    record.verdict = verdict;
    record.test = "layer_norm/forward/f32 rows=1 n=4 seed=1";
    record.replay = "normgate replay 'layer_norm/forward/f32 rows=1 n=4 "
                    "seed=1' builtin:s";
    record.ratio = ratio;
    record.error_ulp = ratio;
    record.elements = 4;
    record.proved_binary128 = 4;
    return record;
}

static inline ng_record seeded(const char *kernel, const char *property,
                               const char *verdict)
{
    ng_record record = check(kernel, property, verdict, 9);
    record.seeded_bug = "shift";
    return record;
}

#endif
