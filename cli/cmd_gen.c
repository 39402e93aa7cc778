/* gen: writes every call that the gate would make of a kernel with this
 * contract, for a kernel that runs elsewhere. The gate's own loop runs over a
 * subject that writes what it is asked and answers with the exact outputs,
 * correctly rounded: so each property goes the way that a right kernel has. */
#include "command.h"
#include "gate.h"
#include "print.h"
#include "provenance.h"

#include <errno.h>
#include <math.h>
#include <normgate/generator.h>
#include <normgate/offline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a right kernel returns where the exact result is `point`. */
static double answer_of(const ng_point *point)
{
    return point->kind == ng_kind_nan || point->kind == ng_kind_nonfinite ||
                   point->kind == ng_kind_undefined
               ? NAN
               : point->rounded;
}

static void fill(const ng_exact *exact, const ng_view *view, ng_role role,
                 const ng_tensor *tensor)
{
    bool element = ng_role_extent(role) == ng_per_element;
    size_t sets = element ? ng_view_sets(view) : tensor->count;
    size_t n = element ? ng_view_n(view) : 1;
    for (size_t set = 0; set < sets; set++) {
        for (size_t i = 0; i < n; i++) {
            ng_point point;
            ng_exact_at(exact, role, set, i, &point);
            ng_dtype_set(tensor->dtype, tensor->data,
                         element ? ng_view_index(view, set, i) : set,
                         answer_of(&point));
        }
    }
}

/* What a call updates holds its old values until all outputs are computed. */
static bool take_old(ng_arena *arena, const ng_tensor *tensor,
                     const void **values)
{
    size_t size = ng_format_of(tensor->dtype)->size;
    if (tensor->use != ng_update)
        return true;
    void *copy = ng_arena_alloc(arena, tensor->count, size);
    *values = copy;
    if (copy != NULL)
        memcpy(copy, tensor->data, tensor->count * size);
    return copy != NULL;
}

static ng_status answer_from(ng_arena *arena, const ng_request *request,
                             const ng_contract *contract, ng_error *error)
{
    const ng_tensor *tensor = request->tensor;
    ng_problem problem = {.contract = contract,
                          .view = ng_case_view(request->test, contract),
                          .eps = request->test->eps,
                          .momentum = request->test->momentum,
                          .batches = request->test->batches};
    ng_problem_attach(&problem, tensor);
    if (!take_old(arena, &tensor[ng_tensor_running_mean],
                  &problem.running_mean) ||
        !take_old(arena, &tensor[ng_tensor_running_var], &problem.running_var))
        return ng_fail(error, ng_status_no_memory, "out of memory");
    const ng_exact *exact = ng_exact_compute(arena, &problem, error);
    if (exact == NULL)
        return ng_status_fault;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        if (tensor[role].data != NULL && tensor[role].use != ng_input &&
            ng_exact_has(exact, role))
            fill(exact, &problem.view, role, &tensor[role]);
    }
    return ng_status_ok;
}

static ng_status answer(const ng_request *request, const ng_contract *contract,
                        ng_error *error)
{
    ng_arena arena = {0};
    ng_status status = answer_from(&arena, request, contract, error);
    ng_arena_release(&arena);
    return status;
}

/* The records say nothing about a kernel; but where even exact outputs do not
 * pass, the cases behind them are not in the folder. */
typedef struct watch {
    ng_sink sink;
    size_t wrong;
    char first[NG_CASE_TEXT_MAX], cause[400];
} watch;

static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    watch *w = (watch *)sink;
    ng_verdict verdict = NG_PASS;
    (void)error;
    ng_verdict_parse(record->verdict, &verdict);
    if (ng_verdict_wrong(verdict) && w->wrong++ == 0) {
        snprintf(w->first, sizeof w->first, "%s %s", record->property,
                 record->test);
        snprintf(w->cause, sizeof w->cause, "%s", record->cause);
    }
    return ng_status_ok;
}

typedef struct gen_words {
    const char *out, *kernel, *profile, *seed;
    bool quiet;
    char contract[4096], name[64];
    ng_gate_options gate;
    ng_offline about;
} gen_words;

/* The fields may come as one word or as several. */
static ng_status join(gen_words *w, int count, char **words, ng_error *error)
{
    size_t used = 0;
    for (int i = 1; i < count; i++) {
        int length = snprintf(w->contract + used, sizeof w->contract - used,
                              "%s%s", i > 1 ? " " : "", words[i]);
        used += (size_t)length;
        if (used >= sizeof w->contract)
            return ng_fail(error, ng_status_bad_input,
                           "the contract has more than %zu characters",
                           sizeof w->contract - 1);
    }
    return ng_status_ok;
}

/* One that the contract explains: batch_norm_backward_bf16. */
static ng_status name_kernel(gen_words *w, ng_error *error)
{
    ng_contract contract;
    ng_status status = ng_contract_parse(&contract, w->contract, error);
    if (status != ng_status_ok)
        return status;
    bool forward = strcmp(contract.pass, "forward") == 0;
    snprintf(w->name, sizeof w->name, "%.20s%s%.20s_%s", contract.op,
             forward ? "" : "_", forward ? "" : contract.pass,
             ng_format_of(ng_contract_storage(&contract))->name);
    if (w->kernel == NULL)
        w->kernel = w->name;
    return ng_status_ok;
}

static ng_status read_property(gen_words *w, ng_error *error)
{
    const char *glob = w->gate.property != NULL ? w->gate.property : "";
    bool tried = false;
    for (size_t i = 0; ng_properties[i] != NULL; i++)
        tried |= ng_glob_match(w->gate.property, ng_properties[i]->name) &&
                 !ng_properties[i]->process;
    if (!ng_gate_knows(w->gate.property))
        return ng_fail(error, ng_status_bad_input,
                       "--property %.60s matches none; `normgate list "
                       "properties` shows them",
                       glob);
    if (!tried)
        return ng_fail(error, ng_status_bad_input,
                       "--property %.60s: not tried offline; it needs the "
                       "kernel's own process",
                       glob);
    if (strlen(glob) >= sizeof w->about.property)
        return ng_fail(error, ng_status_bad_input,
                       "--property %.60s...: too long", glob);
    snprintf(w->about.property, sizeof w->about.property, "%s", glob);
    return ng_status_ok;
}

static ng_status read_words(gen_words *w, ng_error *error)
{
    if (w->out == NULL || w->out[0] == '\0')
        return ng_fail(error, ng_status_bad_input,
                       "name the folder to write: --out DIR");
    ng_status status = ng_gate_read(w->profile, w->seed, &w->gate, error);
    if (status != ng_status_ok)
        return status;
    w->about.seed = w->gate.seed;
    snprintf(w->about.profile, sizeof w->about.profile, "%s",
             ng_profile_name(w->gate.profile));
    return read_property(w, error);
}

static void describe(const gen_words *w, const ng_offline *made)
{
    ng_print_line(stdout, "%s: %zu calls, %zu files, %.1f MB", w->out,
                  made->calls, made->files, (double)made->bytes * 1e-6);
    ng_print_line(stdout, "  kernel %s: %s", w->kernel, w->contract);
    ng_print(stdout,
             "  profile %s, seed %llu; not tried offline:", made->profile,
             (unsigned long long)made->seed);
    for (size_t i = 0, shown = 0; ng_properties[i] != NULL; i++) {
        if (ng_properties[i]->process)
            ng_print(stdout, "%s %s", shown++ > 0 ? "," : "",
                     ng_properties[i]->name);
    }
    char folder[2048];
    ng_shell_quote(folder, sizeof folder, w->out);
    puts("");
    ng_print_line(stdout,
                  "  run the kernel on every call (docs/offline.md), "
                  "then: normgate judge %s",
                  folder);
}

/* The folder is complete either way: what it lacks, no kernel would have
 * reached here either. */
static int warn(const watch *seen)
{
    ng_print_line(
        stderr,
        "normgate: %zu cases fail though their outputs are exact, and end "
        "early; the first: %.600s: %s",
        seen->wrong, seen->first, seen->cause);
    return ng_exit_fault;
}

static int generate(gen_words *w, int count, char **words)
{
    ng_error error;
    ng_record run;
    ng_arena arena = {0};
    ng_subject *subject;
    static watch seen;
    seen = (watch){.sink.put = put};
    ng_provenance(&run, &arena, count, words);
    snprintf(w->about.version, sizeof w->about.version, "%s", run.version);
    ng_arena_release(&arena);
    w->gate.offline = true;
    ng_status status = ng_offline_create(
        &subject, w->out, w->kernel, w->contract, &w->about, answer, &error);
    if (status == ng_status_cannot_load)
        status = ng_status_bad_input; /* a kernel's name: a word given here */
    if (status != ng_status_ok)
        return ng_exit_error(status, &error);
    status = ng_gate_opened(subject, false, &w->gate, &seen.sink, &error);
    if (status == ng_status_ok)
        status = ng_offline_finish(subject, &error);
    ng_offline made = *ng_subject_offline(subject);
    ng_subject_close(subject);
    if (status == ng_status_ok && made.calls == 0)
        status = ng_fail(&error, ng_status_nothing_checked,
                         "no property that matches says anything about this "
                         "contract: no calls");
    if (status != ng_status_ok)
        return ng_exit_error(status, &error);
    if (!w->quiet)
        describe(w, &made);
    return seen.wrong > 0 ? warn(&seen) : ng_exit_holds;
}

static int gen(int count, char **words)
{
    static gen_words w;
    ng_error error;
    w = (gen_words){0};
    const ng_option options[] = {
        {"out", &w.out, NULL},
        {"kernel", &w.kernel, NULL},
        {"property", &w.gate.property, NULL},
        {"profile", &w.profile, NULL},
        {"seed", &w.seed, NULL},
        {"quiet", NULL, &w.quiet},
    };
    if (!ng_options_take(&count, words, options,
                         sizeof options / sizeof options[0]))
        return ng_exit_usage;
    if (count < 2) {
        fputs("normgate gen: give a contract, for example op=layer_norm "
              "dtype=f32, and --out DIR\n",
              stderr);
        return ng_exit_usage;
    }
    ng_status status = join(&w, count, words, &error);
    if (status == ng_status_ok)
        status = name_kernel(&w, &error);
    if (status == ng_status_ok)
        status = read_words(&w, &error);
    return status == ng_status_ok ? generate(&w, count, words)
                                  : ng_exit_error(status, &error);
}

const ng_command ng_command_gen = {
    .name = "gen",
    .usage = "gen CONTRACT --out DIR",
    .help = "writes the calls of a gate run, for a kernel that runs elsewhere",
    .run = gen,
};
