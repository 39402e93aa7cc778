/* The lines of --verbose. */
#include "verbose.h"
#include "print.h"

#include <math.h>
#include <string.h>

/* A seeded bug of the score is no check of the subject: grep tells them apart. */
static const char *word_of(const ng_record *record)
{
    ng_verdict verdict = NG_PASS;
    if (strcmp(record->kind, "score") != 0)
        return record->verdict;
    ng_verdict_parse(record->verdict, &verdict);
    return ng_verdict_wrong(verdict) ? "caught" : "survived";
}

static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    ng_verbose *v = (ng_verbose *)sink;
    bool score = strcmp(record->kind, "score") == 0;
    char ratio[24] = "-";
    if (score || strcmp(record->kind, "check") == 0) {
        if (!isnan(record->ratio))
            snprintf(ratio, sizeof ratio, "%.3g", record->ratio);
        ng_print(stdout, "%-11s %9s %8.3f  %-24s %-17s  %s%s%s",
                 word_of(record), ratio, record->seconds, record->kernel,
                 record->property[0] != '\0' ? record->property : "-",
                 record->test, record->test[0] != '\0' ? "  " : "",
                 record->subject);
        ng_print_line(stdout, "%s%s", record->cause[0] != '\0' ? ": " : "",
                      record->cause);
    }
    return v->next->put(v->next, record, error);
}

void ng_verbose_init(ng_verbose *verbose, ng_sink *next)
{
    *verbose = (ng_verbose){.sink = {put}, .next = next};
}
