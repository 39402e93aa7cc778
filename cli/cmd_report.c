/* report: pages and a verdict from the records of earlier runs: one of them,
 * many subjects side by side, or what changed between two. */
#include "command.h"
#include "gather.h"
#include "outputs.h"
#include "print.h"

#include <normgate/report.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct report_words {
    ng_outputs outputs;
    ng_gather_filter filter;
    bool diff, quiet;
} report_words;

/* The run that the verdict is of: the later one of two, else all. */
static bool is_complete(const ng_gather *g, bool diff)
{
    bool complete = true;
    for (size_t i = diff ? 1 : 0; i < g->file_count; i++)
        complete = complete && g->files[i].complete;
    return complete;
}

static void name_incomplete(const ng_gather *g)
{
    size_t named = 0;
    for (size_t i = 0; i < g->file_count; i++) {
        const ng_gather_file *file = &g->files[i];
        if (file->complete)
            continue;
        if (named++ == 5) {
            fputs("normgate: and more files\n", stderr);
            return;
        }
        ng_print_line(
            stderr,
            "normgate: %.400s %s, so there is no verdict on the whole of "
            "it",
            file->path,
            file->begin == file->end
                ? "has no records"
                : "is of a run that did not come to its end");
    }
}

static ng_status write_all(const report_words *w, const ng_gather *g, bool diff,
                           bool complete, ng_error *error)
{
    const ng_record *records = g->list.records;
    bool colour = ng_print_colours(stdout);
    ng_status status =
        ng_outputs_write(&w->outputs, records, g->list.count, complete, error);
    if (status == ng_status_ok && !w->quiet)
        status = ng_report_summary(records, g->list.count, complete,
                                   w->outputs.path[ng_output_html], stdout,
                                   colour, error);
    if (status == ng_status_ok && !w->quiet && diff)
        status =
            ng_report_changes(records, g->list.count, stdout, colour, error);
    return status;
}

static int report_files(const report_words *w, ng_gather *g, ng_error *error)
{
    bool diff = w->diff || ng_gather_is_diff(g);
    bool complete = is_complete(g, diff);
    ng_status status = ng_status_ok;
    if (diff)
        ng_report_mark_before(g->list.records, g->files[0].end);
    else
        status = ng_gather_label(g, error);
    if (status == ng_status_ok)
        status = write_all(w, g, diff, complete, error);
    if (status != ng_status_ok)
        return ng_exit_error(status, error);
    name_incomplete(g);
    int code = ng_outputs_exit(g->list.records, g->list.count, complete, error);
    if (code == ng_exit_nothing && complete)
        fputs("normgate: nothing was checked: no check of the records matches "
              "the options, or none was judged\n",
              stderr);
    return code;
}

static bool take_options(report_words *w, int *count, char **words)
{
    ng_option options[8 + NG_OUTPUT_COUNT] = {
        {"op", &w->filter.op, NULL},
        {"pass", &w->filter.pass, NULL},
        {"dtype", &w->filter.dtype, NULL},
        {"kernel", &w->filter.kernel, NULL},
        {"property", &w->filter.property, NULL},
        {"subject", &w->filter.subject, NULL},
        {"diff", NULL, &w->diff},
        {"quiet", NULL, &w->quiet},
    };
    size_t used = ng_outputs_options(&w->outputs, options, 8);
    if (!ng_options_take(count, words, options, used))
        return false;
    if (*count < 2)
        fputs("normgate report: give files that `normgate check --json` "
              "wrote\n",
              stderr);
    else if (w->diff && *count != 3)
        fputs("normgate report: --diff wants two files, the earlier one "
              "first\n",
              stderr);
    else
        return true;
    return false;
}

/* A page never takes the place of the records that it is made of. */
static ng_status probe_files(const report_words *w, int count, char **paths,
                             ng_error *error)
{
    ng_status status = ng_outputs_probe(&w->outputs, error);
    for (int i = 0; i < count && status == ng_status_ok; i++) {
        const ng_named_file records = {"RECORDS", paths[i]};
        status = ng_outputs_apart(&w->outputs, &records, 1, error);
    }
    return status;
}

static int report(int count, char **words)
{
    report_words w = {0};
    ng_gather gather = {0};
    ng_error error;
    if (!take_options(&w, &count, words))
        return ng_exit_usage;
    ng_status status = probe_files(&w, count - 1, words + 1, &error);
    if (status == ng_status_ok)
        status = ng_gather_load(&gather, words + 1, (size_t)count - 1,
                                &w.filter, &error);
    int code = status == ng_status_ok ? report_files(&w, &gather, &error)
                                      : ng_exit_error(status, &error);
    ng_gather_free(&gather);
    return code;
}

const ng_command ng_command_report = {
    .name = "report",
    .usage = "report RECORDS...",
    .help = "makes pages of stored records: one run, many subjects side by "
            "side, or what changed between two runs",
    .run = report,
};
