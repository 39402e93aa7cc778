/* What changed between two runs, at a terminal. */
#include "buffer.h"
#include "diff.h"

#include <normgate/report.h>

#include <math.h>
#include <string.h>

enum { SHOWN = 4, NAME_WIDTH = 60 };

void ng_diff_totals(ng_buffer *out, const ng_diff *diff)
{
    const struct {
        size_t count;
        const char *what;
    } parts[] = {
        {diff->broken, " newly fail"},
        {diff->unjudged, " no longer judged"},
        {diff->fixed, " fixed"},
        {diff->worse, " less accurate"},
        {diff->better, " more accurate"},
        {diff->still_wrong, " fail as before"},
        {diff->added, " new"},
        {diff->gone, " gone"},
    };
    size_t shown = 0;
    ng_buffer_add(out, "of ");
    ng_buffer_count(out, diff->pairs);
    ng_buffer_add(out, " checks in both runs: ");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].count == 0)
            continue;
        ng_buffer_add(out, shown++ > 0 ? ", " : "");
        ng_buffer_count(out, parts[i].count);
        ng_buffer_add(out, parts[i].what);
    }
    ng_buffer_add(out, shown > 0 ? "" : "none");
}

static void write_settings(ng_buffer *out, const ng_diff *diff)
{
    const ng_record *before = diff->run[0], *now = diff->run[1];
    if (!diff->earlier_complete)
        ng_buffer_add(out, "  warning: the earlier run did not come to its "
                           "end; checks that it lacks count as new\n");
    else if (before && now &&
             (strcmp(before->profile, now->profile) != 0 ||
              before->seed != now->seed))
        ng_buffer_add(out, "  warning: the runs differ in profile or seed, so "
                           "most checks are in one of them only\n");
}

static void write_change(ng_buffer *out, const ng_change *change, bool colour)
{
    const char *class = ng_change_class(change->kind);
    const char *on = class[0] == 'f'   ? "\033[1;31m"
                     : class[0] == 'p' ? "\033[1;32m"
                                       : "\033[1;33m";
    ng_buffer_format(out, "  %s%s%s  ", colour ? on : "",
                     ng_change_word(change), colour ? "\033[0m" : "");
    ng_buffer_plain(out, change->first->kernel, NAME_WIDTH);
    ng_buffer_add(out, ", ");
    ng_buffer_plain(out, change->first->property, NAME_WIDTH);
    if (!isnan(change->ulp[0]) && !isnan(change->ulp[1])) {
        ng_buffer_add(out, ": largest error ");
        ng_buffer_short(out, change->ulp[0]);
        ng_buffer_add(out, " ulp, now ");
        ng_buffer_short(out, change->ulp[1]);
    }
    ng_buffer_add(out, "\n");
}

ng_status ng_report_changes(const ng_record *records, size_t count, FILE *file,
                            bool colour, ng_error *error)
{
    ng_arena arena = {0};
    ng_buffer out = {0};
    ng_diff diff;
    ng_status status = ng_diff_make(&diff, &arena, records, count, error);
    if (status == ng_status_ok) {
        size_t listed = diff.count - diff.kinds[ng_change_none];
        ng_buffer_add(&out, "\nchanges  ");
        ng_diff_totals(&out, &diff);
        ng_buffer_add(&out, "\n");
        write_settings(&out, &diff);
        for (size_t i = 0; i < listed && i < SHOWN; i++)
            write_change(&out, &diff.changes[i], colour);
        if (listed > SHOWN)
            ng_buffer_format(&out,
                             "  and %zu more of a kernel's property; "
                             "--html shows them\n",
                             listed - SHOWN);
        status = ng_buffer_print(&out, file, error);
    }
    ng_buffer_free(&out);
    ng_arena_release(&arena);
    return status;
}
