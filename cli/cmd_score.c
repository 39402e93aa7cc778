/* score: what a green verdict of a class of kernels is worth. */
#include "command.h"
#include "print.h"
#include "score.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bugs tried and caught, those of one op, pass and dtype together. */
typedef struct row {
    char op[NG_NAME_MAX], pass[NG_NAME_MAX], dtype[8];
    size_t tried, caught;
} row;

typedef struct table {
    ng_sink sink;
    row *rows;
    size_t count, tried, caught;
    bool verbose;
} table;

static row *row_of(table *t, const ng_record *record)
{
    for (size_t i = 0; i < t->count; i++) {
        row *r = &t->rows[i];
        if (strcmp(r->op, record->op) == 0 &&
            strcmp(r->pass, record->pass) == 0 &&
            strcmp(r->dtype, record->dtype) == 0)
            return r;
    }
    row *grown = realloc(t->rows, (t->count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    t->rows = grown;
    row *r = &t->rows[t->count++];
    *r = (row){.tried = 0};
    snprintf(r->op, sizeof r->op, "%s", record->op);
    snprintf(r->pass, sizeof r->pass, "%s", record->pass);
    snprintf(r->dtype, sizeof r->dtype, "%s", record->dtype);
    return r;
}

static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    table *t = (table *)sink;
    row *r = row_of(t, record);
    bool caught = strcmp(record->verdict, "PASS") != 0 &&
                  strcmp(record->verdict, "SKIP") != 0;
    if (r == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    r->tried++;
    r->caught += caught;
    t->tried++;
    t->caught += caught;
    if (!caught || t->verbose)
        ng_print_line(
            stdout, "%-8s %s %s/%s/%s %s%s: %s", caught ? "caught" : "SURVIVED",
            record->subject + strlen("builtin:"), record->op, record->pass,
            record->dtype, caught ? "by " : "",
            caught ? record->property : record->seeded_bug, record->note);
    return ng_status_ok;
}

/* "layer_norm/forward/f32", of which later parts may be left out. */
static bool split(char *text, ng_score_class *class)
{
    const char **part[] = {&class->op, &class->pass, &class->dtype};
    size_t count = 0;
    for (char *word = text; word != NULL; count++) {
        if (count == 3)
            return false;
        char *slash = strchr(word, '/');
        if (slash != NULL)
            *slash++ = '\0';
        *part[count] = word;
        word = slash;
    }
    return true;
}

static int score(int count, char **words)
{
    ng_gate_options gate = {0};
    const char *seed = NULL, *profile = NULL, *jobs = NULL;
    table t = {.sink = {put}};
    const ng_option options[] = {
        {"property", &gate.property, NULL},
        {"profile", &profile, NULL},
        {"seed", &seed, NULL},
        {"jobs", &jobs, NULL},
        {"verbose", NULL, &t.verbose},
    };
    ng_error error;
    ng_score_class class = {NULL, NULL, NULL};
    unsigned crew = 1;
    if (!ng_options_take(&count, words, options,
                         sizeof options / sizeof options[0]))
        return ng_exit_usage;
    if (count != 2 || !split(words[1], &class)) {
        fputs("normgate score: give one class of kernels, for example "
              "layer_norm/forward/f32, rms_norm or '*/backward/bf16'\n",
              stderr);
        return ng_exit_usage;
    }
    ng_status status = ng_gate_read(profile, seed, &gate, &error);
    if (status == ng_status_ok)
        status = ng_jobs_parse(jobs, &crew, &error);
    if (status == ng_status_ok)
        status = ng_score_run(&class, 1, &gate, crew, &t.sink, &error);
    for (size_t i = 0; i < t.count; i++)
        ng_print_line(stdout,
                      "%-14s %-18s %-5s %3zu of %3zu seeded bugs caught",
                      t.rows[i].op, t.rows[i].pass, t.rows[i].dtype,
                      t.rows[i].caught, t.rows[i].tried);
    free(t.rows);
    if (status != ng_status_ok)
        return ng_exit_error(status, &error);
    if (t.tried == 0) {
        fputs("normgate score: no seeded bug is of that class; `normgate list "
              "ops` shows the ops and passes\n",
              stderr);
        return ng_exit_nothing;
    }
    ng_print_line(stdout, "profile %s: %zu of %zu",
                  ng_profile_name(gate.profile), t.caught, t.tried);
    return t.caught == t.tried ? ng_exit_holds : ng_exit_wrong;
}

const ng_command ng_command_score = {
    .name = "score",
    .usage = "score OP[/PASS[/DTYPE]]",
    .help = "which seeded bugs a gate of such kernels would have caught",
    .run = score,
};
