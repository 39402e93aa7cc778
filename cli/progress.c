/* The live line and the verbose lines of a run. */
#include "progress.h"

#include <stdio.h>
#include <string.h>

static void show(ng_progress *p, const ng_record *record)
{
    double now = ng_seconds();
    if (!p->live || now - p->shown < 0.1)
        return;
    p->shown = now;
    fprintf(stderr, "\r\033[K%zu checks, %zu findings, %.0f s: %.30s %.30s %s",
            p->checks, p->findings, now - p->begin, record->subject,
            record->kernel, record->property);
    fflush(stderr);
}

static void tell(const ng_record *record)
{
    if (strcmp(record->kind, "check") == 0 ||
        strcmp(record->kind, "score") == 0)
        printf("%-11s %-7.3g %s %s %s  %s\n", record->verdict, record->ratio,
               record->subject, record->kernel, record->property, record->test);
}

static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    ng_progress *p = (ng_progress *)sink;
    ng_verdict verdict = NG_PASS;
    ng_verdict_parse(record->verdict, &verdict);
    p->checks++;
    p->findings += ng_verdict_wrong(verdict) && record->seeded_bug[0] == '\0';
    show(p, record);
    if (p->verbose)
        tell(record);
    return p->next->put(p->next, record, error);
}

void ng_progress_init(ng_progress *progress, ng_sink *next, bool live,
                      bool verbose)
{
    *progress = (ng_progress){.sink = {put},
                              .next = next,
                              .live = live,
                              .verbose = verbose,
                              .begin = ng_seconds()};
}

void ng_progress_end(ng_progress *progress)
{
    if (progress->live)
        fputs("\r\033[K", stderr);
    progress->live = false;
}
