/* judge: gates a kernel by the outputs that it left in a folder of `gen`. It is
 * check on that folder, with the settings that the folder was made for. */
#include "adoption.h"
#include "command.h"
#include "gate.h"
#include "outputs.h"
#include "print.h"
#include "provenance.h"

#include <normgate/offline.h>
#include <stdio.h>
#include <string.h>

typedef struct judge_words {
    const char *json;
    ng_outputs outputs;
    ng_adoption adoption;
    bool quiet, verbose;
} judge_words;

/* Another version has other cases, or makes other inputs of them. */
static ng_status check_version(const ng_offline *about, const char *folder,
                               ng_error *error)
{
    ng_record run;
    ng_arena arena = {0};
    ng_gate_options options;
    ng_provenance(&run, &arena, 0, NULL);
    ng_arena_release(&arena);
    if (strcmp(run.version, about->version) != 0)
        return ng_fail(error, ng_status_cannot_load,
                       "%.300s was made by normgate %s, this is %s: make it "
                       "again, or judge it with that version",
                       folder, about->version, run.version);
    if (ng_gate_read(about->profile, NULL, &options, NULL) != ng_status_ok)
        return ng_fail(error, ng_status_cannot_load,
                       "%.300s: its profile '%s' is not known", folder,
                       about->profile);
    return ng_status_ok;
}

/* The folder's settings, by way of a subject that is opened for them alone. */
static ng_status read_about(ng_offline *about, const char *spec,
                            const char *folder, ng_error *error)
{
    const ng_subject_options defaults = {0};
    ng_subject *subject;
    ng_status status = ng_subject_open(&subject, spec, &defaults, error);
    if (status != ng_status_ok)
        return status;
    *about = *ng_subject_offline(subject);
    ng_subject_close(subject);
    return check_version(about, folder, error);
}

static int run_check(const judge_words *w, char *spec, const ng_offline *about)
{
    char seed[24], quiet[] = "--quiet", verbose[] = "--verbose";
    char *words[2 * (NG_OUTPUT_COUNT + 4 + NG_ADOPTION_OPTIONS) + 4] = {
        (char[]){"check"}, spec};
    char names[NG_OUTPUT_COUNT + 4][24];
    int count = 2, named = 0;
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)about->seed);
    const struct {
        const char *name, *value;
    } options[] = {
        {"profile", about->profile},
        {"seed", seed},
        {"property", about->property[0] != '\0' ? about->property : NULL},
        {"json", w->json},
    };
    for (size_t i = 0; i < 4 + NG_OUTPUT_COUNT; i++) {
        const char *name =
            i < 4 ? options[i].name : ng_output_name((ng_output_kind)(i - 4));
        const char *value = i < 4 ? options[i].value : w->outputs.path[i - 4];
        if (value == NULL)
            continue;
        snprintf(names[named], sizeof names[named], "--%s", name);
        words[count++] = names[named++];
        words[count++] = (char *)(uintptr_t)value;
    }
    count = ng_adoption_words(&w->adoption, words, count);
    if (w->quiet)
        words[count++] = quiet;
    if (w->verbose)
        words[count++] = verbose;
    return ng_command_find("check")->run(count, words);
}

static void describe(const ng_offline *about)
{
    puts("");
    ng_print(stdout,
             "%zu calls made elsewhere, profile %s, seed %llu; not tried:",
             about->calls, about->profile, (unsigned long long)about->seed);
    for (size_t i = 0, shown = 0; ng_properties[i] != NULL; i++) {
        if (ng_properties[i]->process)
            ng_print(stdout, "%s %s", shown++ > 0 ? "," : "",
                     ng_properties[i]->name);
    }
    puts("");
}

static int judge(int count, char **words)
{
    judge_words w = {0};
    ng_arena arena = {0};
    ng_offline about;
    ng_error error;
    ng_option options[3 + NG_OUTPUT_COUNT + NG_ADOPTION_OPTIONS] = {
        {"json", &w.json, NULL},
        {"quiet", NULL, &w.quiet},
        {"verbose", NULL, &w.verbose},
    };
    size_t used = ng_outputs_options(&w.outputs, options, 3);
    used = ng_adoption_options(&w.adoption, options, used);
    if (!ng_options_take(&count, words, options, used))
        return ng_exit_usage;
    if (count != 2 || words[1][0] == '\0') {
        fputs("normgate judge: give one folder that `normgate gen` made\n",
              stderr);
        return ng_exit_usage;
    }
    char *spec = ng_arena_text(&arena, "files:%s", words[1]);
    ng_status status =
        spec != NULL ? read_about(&about, spec, words[1], &error)
                     : ng_fail(&error, ng_status_no_memory, "out of memory");
    int code = status == ng_status_ok ? run_check(&w, spec, &about)
                                      : ng_exit_error(status, &error);
    if (status == ng_status_ok && !w.quiet)
        describe(&about);
    ng_arena_release(&arena);
    return code;
}

const ng_command ng_command_judge = {
    .name = "judge",
    .usage = "judge DIR",
    .help = "gates that kernel by the outputs it left in the folder",
    .run = judge,
};
