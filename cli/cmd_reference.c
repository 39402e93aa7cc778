/* reference: the correctly rounded outputs of a call, from .npy files to .npy
 * files: the oracle for people who need no gate. */
#include "command.h"
#include "print.h"

#include <normgate/npy.h>
#include <normgate/oracle.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The numbers of the command line, as text. */
typedef struct numbers {
    const char *eps, *momentum, *batches, *groups, *axes;
} numbers;

/* What the command line says. */
typedef struct words {
    const char *contract, *out;
    const char *file[NG_TENSOR_COUNT]; /* by role; NULL: not given */
    char option[NG_TENSOR_COUNT][24];  /* its name: running-mean */
    numbers number;
} words;

enum { OPTIONS_MAX = NG_TENSOR_COUNT + 8, PATH_LENGTH = 4096 };

static ng_status read_real(double *value, const char *option, const char *text,
                           ng_error *error)
{
    char *end;
    if (text == NULL)
        return ng_status_ok;
    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(*value))
        return ng_fail(error, ng_status_bad_input,
                       "--%s %.40s is no finite number", option, text);
    return ng_status_ok;
}

static ng_status read_count(uint64_t *value, uint64_t least, uint64_t most,
                            const char *option, const char *text,
                            ng_error *error)
{
    char *end;
    if (text == NULL)
        return ng_status_ok;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
        *value < least || *value > most)
        return ng_fail(error, ng_status_bad_input,
                       "--%s %.40s is no whole number from %llu to %llu",
                       option, text, (unsigned long long)least,
                       (unsigned long long)most);
    return ng_status_ok;
}

static ng_status read_numbers(ng_oracle_call *call, const numbers *text,
                              ng_error *error)
{
    uint64_t groups = 0, axes = 0;
    ng_status status = read_real(&call->eps, "eps", text->eps, error);
    if (status == ng_status_ok)
        status = read_real(&call->momentum, "momentum", text->momentum, error);
    if (status == ng_status_ok)
        status = read_count(&call->batches, 0, UINT64_MAX, "batches",
                            text->batches, error);
    if (status == ng_status_ok)
        status = read_count(&groups, 1, NG_CASE_ELEMENTS_MAX, "num-groups",
                            text->groups, error);
    if (status == ng_status_ok)
        status =
            read_count(&axes, 1, NG_NPY_RANK_MAX, "axes", text->axes, error);
    call->num_groups = (size_t)groups;
    call->axes = (size_t)axes;
    return status;
}

/* 16-bit integers are bf16 where the contract has bf16 at all; where it has
 * not, they are named as what they are. */
static ng_npy_bits bits_of(const ng_contract *contract, ng_role role)
{
    return ng_contract_dtype(contract, role) == ng_bf16 ? ng_npy_bits_bf16
                                                        : ng_npy_bits_refused;
}

static ng_status read_arrays(ng_oracle_call *call, const words *w,
                             ng_arena *arena, ng_error *error)
{
    ng_contract contract;
    ng_status status = ng_contract_parse(&contract, w->contract, error);
    for (ng_role role = 0; role < NG_TENSOR_COUNT && status == ng_status_ok;
         role++) {
        if (w->file[role] != NULL)
            status = ng_npy_read(&call->input[role], arena, w->file[role],
                                 bits_of(&contract, role), error);
    }
    return status;
}

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* The files of an output; the last two only where they say something. */
static const char *const suffixes[] = {"", "_high", "_low", "_exponent",
                                       "_kind"};
enum { SUFFIXES = sizeof suffixes / sizeof suffixes[0] };

/* FOLDER/NAME<suffix>.npy */
static ng_status path_of(char path[PATH_LENGTH], const words *w, ng_role role,
                         const char *suffix, ng_error *error)
{
    int length = snprintf(path, PATH_LENGTH, "%s/%s%s.npy", w->out,
                          ng_role_name(role), suffix);
    if (length > 0 && length < PATH_LENGTH)
        return ng_status_ok;
    return ng_fail(error, ng_status_bad_input,
                   "--out %.80s... is too long; name a shorter folder", w->out);
}

/* Running statistics bear one name in and out. */
static ng_status spare_inputs(const words *w, ng_role output, ng_error *error)
{
    char path[PATH_LENGTH];
    for (size_t i = 0; i < SUFFIXES; i++) {
        ng_status status = path_of(path, w, output, suffixes[i], error);
        if (status != ng_status_ok)
            return status;
        for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
            if (w->file[role] != NULL && same_file(path, w->file[role]))
                return ng_fail(error, ng_status_bad_input,
                               "%.300s is an input and would be replaced; "
                               "name another folder with --out",
                               path);
        }
    }
    return ng_status_ok;
}

/* Small whole numbers as f64, which every reader of the files knows. */
static double *reals_of(const ng_oracle_output *output, bool kind,
                        ng_arena *arena)
{
    size_t count = output->rounded.count;
    double *reals = ng_arena_alloc(arena, count, sizeof *reals);
    for (size_t i = 0; reals != NULL && i < count; i++)
        reals[i] = kind ? (double)output->kind[i] : (double)output->exponent[i];
    return reals;
}

/* What an output's file holds; NULL: nothing. */
static const void *data_of(const ng_oracle_output *output, size_t suffix,
                           ng_arena *arena, bool *enough)
{
    const void *const plain[] = {output->rounded.data, output->high,
                                 output->low};
    if (suffix < 3)
        return plain[suffix];
    bool kind = suffix == 4;
    if (kind ? output->kind == NULL : output->exponent == NULL)
        return NULL;
    const double *reals = reals_of(output, kind, arena);
    *enough = reals != NULL;
    return reals;
}

static ng_status write_output(const words *w, const ng_oracle_output *output,
                              ng_arena *arena, ng_error *error)
{
    char path[PATH_LENGTH];
    ng_status status = ng_status_ok;
    for (size_t i = 0; i < SUFFIXES && status == ng_status_ok; i++) {
        bool enough = true;
        const void *data = data_of(output, i, arena, &enough);
        status = path_of(path, w, output->role, suffixes[i], error);
        if (!enough)
            status = ng_fail(error, ng_status_no_memory, "out of memory");
        if (status != ng_status_ok)
            break;
        if (data != NULL)
            status = ng_npy_write(path, i == 0 ? output->rounded.dtype : ng_f64,
                                  output->rounded.rank, output->rounded.shape,
                                  data, error);
        else
            remove(path); /* of an earlier run: it must not pass for this */
    }
    return status;
}

static void show_output(const ng_oracle_output *output)
{
    char shape[128];
    ng_npy_shape_text(shape, sizeof shape, output->rounded.rank,
                      output->rounded.shape);
    ng_print(stdout, "%s %s %s", ng_role_name(output->role),
             ng_format_of(output->rounded.dtype)->name, shape);
    for (ng_level level = 0; level < NG_LEVEL_COUNT; level++)
        ng_print(stdout, " %s %zu", ng_level_name(level),
                 output->levels[level]);
    puts("");
}

static ng_status write_outputs(const words *w, const ng_oracle *oracle,
                               ng_arena *arena, ng_error *error)
{
    ng_status status = ng_status_ok;
    if (mkdir(w->out, 0777) != 0 && errno != EEXIST)
        return ng_fail(error, ng_status_bad_input,
                       "--out %.300s cannot be made: %s; name a folder in one "
                       "that exists",
                       w->out, strerror(errno));
    for (size_t i = 0; i < oracle->count && status == ng_status_ok; i++)
        status = spare_inputs(w, oracle->output[i].role, error);
    for (size_t i = 0; i < oracle->count && status == ng_status_ok; i++) {
        status = write_output(w, &oracle->output[i], arena, error);
        if (status == ng_status_ok)
            show_output(&oracle->output[i]);
    }
    return status;
}

static int answer(const words *w)
{
    ng_arena arena = {0};
    ng_error error;
    ng_oracle_call call;
    ng_oracle oracle = {0};
    ng_oracle_call_init(&call, w->contract);
    ng_status status = read_numbers(&call, &w->number, &error);
    if (status == ng_status_ok)
        status = read_arrays(&call, w, &arena, &error);
    if (status == ng_status_ok)
        status = ng_oracle_compute(&oracle, &arena, &call, &error);
    if (status == ng_status_ok)
        status = write_outputs(w, &oracle, &arena, &error);
    size_t undecided = ng_oracle_undecided(&oracle);
    ng_arena_release(&arena);
    if (status == ng_status_ok && undecided > 0)
        status = ng_fail(&error, ng_status_fault,
                         "%zu elements were not decided and are NaN; please "
                         "report the inputs",
                         undecided);
    return status == ng_status_ok ? ng_exit_holds
                                  : ng_exit_error(status, &error);
}

/* Every role has an option, so that one that the pass has no use for is named
 * as such and not as unknown. */
static size_t list_options(ng_option *options, words *w)
{
    const ng_option fixed[] = {
        {"out", &w->out, NULL},
        {"eps", &w->number.eps, NULL},
        {"momentum", &w->number.momentum, NULL},
        {"batches", &w->number.batches, NULL},
        {"num-groups", &w->number.groups, NULL},
        {"axes", &w->number.axes, NULL},
    };
    size_t count = sizeof fixed / sizeof fixed[0];
    memcpy(options, fixed, sizeof fixed);
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        snprintf(w->option[role], sizeof w->option[role], "%s",
                 ng_role_name(role));
        for (char *c = w->option[role]; *c != '\0'; c++)
            *c = *c == '_' ? '-' : *c;
        options[count++] = (ng_option){w->option[role], &w->file[role], NULL};
    }
    return count;
}

static int reference(int count, char **arguments)
{
    words w = {0};
    ng_option options[OPTIONS_MAX];
    size_t option_count = list_options(options, &w);
    if (!ng_options_take(&count, arguments, options, option_count))
        return ng_exit_usage;
    if (count != 2 || w.out == NULL) {
        fputs("normgate reference: give one contract in quotes, --x FILE.npy "
              "and --out FOLDER\n",
              stderr);
        return ng_exit_usage;
    }
    w.contract = arguments[1];
    return answer(&w);
}

const ng_command ng_command_reference = {
    .name = "reference",
    .usage = "reference CONTRACT --x FILE.npy --out DIR",
    .help = "the exact outputs for given arrays, correctly rounded, as .npy "
            "files",
    .run = reference,
};
