/* Finding: what a check found, before and after it found something wrong. */
#include "trial.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void ng_finding_init(ng_finding *finding)
{
    *finding = (ng_finding){.verdict = NG_PASS,
                            .x = NAN,
                            .got = NAN,
                            .exact = NAN,
                            .rounded = NAN,
                            .bound = NAN};
}

void ng_finding_fail(ng_finding *finding, ng_verdict verdict,
                     const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->cause, sizeof finding->cause, format, arguments);
    va_end(arguments);
    finding->verdict = verdict;
}

void ng_finding_column(ng_finding *finding, const char *name,
                       const double *values, size_t count)
{
    ng_columns_add(finding->columns, sizeof finding->columns, name, values,
                   count);
}

void ng_finding_note(ng_finding *finding, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->note, sizeof finding->note, format, arguments);
    va_end(arguments);
}
