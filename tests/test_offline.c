/* Offline: what judge says about outputs that came back in files is what check
 * says about the same kernel called directly; and every way in which a folder
 * may be wrong is named. The author's run is a program of its own kind: it
 * reads the manifest and the arrays, and knows nothing else of normgate. */
#include <normgate/builtin.h>
#include <normgate/npy.h>
#include <normgate/property.h>
#include <normgate/record.h>

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "program.h"

#define PROGRAM "'" NORMGATE_PROGRAM "' "

/* Told in one line on stderr, and nothing on stdout. */
static void assert_refused(const char *words, int code, const char *reason)
{
    assert_error(words, code, reason);
    assert_string_equal(out, "");
}

/* ---- the author's side ---- */

static ng_dtype dtype_named(const char *name)
{
    ng_dtype dtype;
    assert_true(ng_dtype_parse(name, &dtype));
    return dtype;
}

static size_t integer(const json_t *call, const char *key)
{
    return (size_t)json_integer_value(json_object_get(call, key));
}

typedef struct arrays {
    void *data[NG_TENSOR_COUNT];
} arrays;

static void path_of(char *path, size_t size, const json_t *call,
                    const json_t *array)
{
    snprintf(path, size, "calls/calls/%s/%s",
             json_string_value(json_object_get(call, "id")),
             json_string_value(json_object_get(array, "file")));
}

static size_t shape_of(const json_t *array, size_t shape[3])
{
    size_t i, count = 1;
    const json_t *size;
    json_array_foreach(json_object_get(array, "shape"), i, size)
    {
        shape[i] = (size_t)json_integer_value(size);
        count *= shape[i];
    }
    return count;
}

static void load_inputs(const json_t *call, ng_arena *arena, arrays *all)
{
    const char *name;
    json_t *array;
    json_object_foreach(json_object_get(call, "inputs"), name, array)
    {
        ng_npy read;
        ng_error error;
        ng_role role;
        char path[256];
        size_t shape[3];
        path_of(path, sizeof path, call, array);
        assert_true(ng_role_parse(name, &role));
        if (ng_npy_read(&read, arena, path, ng_npy_bits_bf16, &error) !=
            ng_status_ok)
            fail_msg("%s", error.text);
        assert_int_equal(read.count, shape_of(array, shape));
        assert_int_equal(read.rank,
                         json_array_size(json_object_get(array, "shape")));
        all->data[role] = read.data;
    }
}

/* Where a call's first element lies in the memory of its array. */
static void *first_of(const json_t *call, const arrays *all, ng_role role,
                      ng_dtype dtype)
{
    char *data = all->data[role];
    return data != NULL && ng_role_extent(role) == ng_per_element
               ? data + integer(call, "start") * ng_format_of(dtype)->size
               : data;
}

/* Fresh memory for outputs; what is updated is so in place. */
static void make_outputs(const json_t *call, ng_arena *arena, arrays *all)
{
    const char *name;
    json_t *array;
    json_object_foreach(json_object_get(call, "outputs"), name, array)
    {
        ng_role role;
        size_t shape[3], count = shape_of(array, shape);
        assert_true(ng_role_parse(name, &role));
        if (all->data[role] == NULL)
            all->data[role] = ng_arena_alloc(arena, count, sizeof(double));
    }
}

static void save_outputs(const json_t *call, const arrays *all)
{
    const char *name;
    json_t *array;
    json_object_foreach(json_object_get(call, "outputs"), name, array)
    {
        ng_role role;
        ng_error error;
        char path[256];
        size_t shape[3];
        shape_of(array, shape);
        path_of(path, sizeof path, call, array);
        assert_true(ng_role_parse(name, &role));
        ng_dtype dtype =
            dtype_named(json_string_value(json_object_get(array, "dtype")));
        if (ng_npy_write(path, dtype,
                         json_array_size(json_object_get(array, "shape")),
                         shape, all->data[role], &error) != ng_status_ok)
            fail_msg("%s", error.text);
    }
}

static void fill_call(ng_call *to, const json_t *call, const arrays *all,
                      ng_dtype dtype)
{
    const json_t *stride = json_object_get(call, "stride");
    void *data[NG_TENSOR_COUNT];
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++)
        data[role] = first_of(call, all, role, dtype);
    *to = (ng_call){
        .size = sizeof *to,
        .op = json_string_value(json_object_get(call, "op")),
        .pass = json_string_value(json_object_get(call, "pass")),
        .eps = json_number_value(json_object_get(call, "eps")),
        .momentum = json_number_value(json_object_get(call, "momentum")),
        .batches = integer(call, "batches"),
        .rows = integer(call, "rows"),
        .n = integer(call, "n"),
        .N = integer(call, "N"),
        .C = integer(call, "C"),
        .spatial = integer(call, "spatial"),
        .num_groups = integer(call, "num_groups"),
        .x = data[ng_tensor_x],
        .residual = data[ng_tensor_residual],
        .dy = data[ng_tensor_dy],
        .dh = data[ng_tensor_dh],
        .gamma = data[ng_tensor_gamma],
        .beta = data[ng_tensor_beta],
        .y = data[ng_tensor_y],
        .h = data[ng_tensor_h],
        .mean = data[ng_tensor_mean],
        .rstd = data[ng_tensor_rstd],
        .var = data[ng_tensor_var],
        .running_mean = data[ng_tensor_running_mean],
        .running_var = data[ng_tensor_running_var],
        .dx = data[ng_tensor_dx],
        .dresidual = data[ng_tensor_dresidual],
        .dgamma = data[ng_tensor_dgamma],
        .dbeta = data[ng_tensor_dbeta],
    };
    for (size_t i = 0; i < 3; i++)
        to->stride[i] = json_integer_value(json_array_get(stride, i));
}

static json_t *manifest_of(void)
{
    json_error_t reason;
    json_t *manifest = json_load_file("calls/manifest.json", 0, &reason);
    if (manifest == NULL)
        fail_msg("manifest: line %d: %s", reason.line, reason.text);
    return manifest;
}

/* Runs a built-in's kernel over the folder `calls`; returns how many. */
static size_t run_elsewhere(const ng_kernel *kernel)
{
    size_t i, count = 0;
    const json_t *call;
    json_t *manifest = manifest_of();
    ng_contract contract;
    assert_int_equal(ng_contract_parse(&contract, kernel->contract, NULL),
                     ng_status_ok);
    json_array_foreach(json_object_get(manifest, "calls"), i, call)
    {
        ng_arena arena = {0};
        arrays all = {{0}};
        ng_call c;
        char path[64];
        load_inputs(call, &arena, &all);
        make_outputs(call, &arena, &all);
        fill_call(&c, call, &all, ng_contract_storage(&contract));
        c.kernel = kernel->name;
        int result = kernel->run(&c);
        snprintf(path, sizeof path, "calls/calls/%s/%s",
                 json_string_value(json_object_get(call, "id")),
                 result == NG_NOT_SUPPORTED ? "unsupported" : "refused");
        assert_true(result != NG_BROKEN);
        if (result == NG_DONE)
            save_outputs(call, &all);
        else
            put(path, "");
        count++;
        ng_arena_release(&arena);
    }
    json_decref(manifest);
    return count;
}

static const ng_builtin *builtin_named(const char *name)
{
    for (size_t i = 0; i < ng_builtin_count(); i++) {
        if (strcmp(ng_builtin_at(i)->name, name) == 0)
            return ng_builtin_at(i);
    }
    fail_msg("no built-in %s", name);
    return NULL;
}

/* The built-in's first kernel of that op, pass, dtype, layout and update of
 * running statistics. */
static const ng_kernel *kernel_of(const ng_builtin *builtin, const char *text)
{
    ng_contract wanted, contract;
    assert_int_equal(ng_contract_parse(&wanted, text, NULL), ng_status_ok);
    for (size_t k = 0; k < builtin->kernel_count; k++) {
        const ng_kernel *kernel = &builtin->kernels[k];
        assert_int_equal(ng_contract_parse(&contract, kernel->contract, NULL),
                         ng_status_ok);
        if (strcmp(contract.op, wanted.op) == 0 &&
            strcmp(contract.pass, wanted.pass) == 0 &&
            ng_contract_storage(&contract) == ng_contract_storage(&wanted) &&
            contract.layout == wanted.layout &&
            contract.running == wanted.running)
            return kernel;
    }
    fail_msg("%s has no kernel of %s", builtin->name, text);
    return NULL;
}

/* ---- as check ---- */

static void generate(const ng_kernel *kernel, const char *options)
{
    assert_int_equal(shell("rm -rf calls"), 0);
    int code = shell(PROGRAM "gen '%s' --kernel %s --out calls %s",
                     kernel->contract, kernel->name, options);
    if (code != 0)
        fail_msg("gen: %s%s", out, err);
}

typedef struct records {
    ng_arena arena;
    ng_record *record;
    size_t count;
} records;

static void load(records *all, const char *path)
{
    bool complete;
    ng_error error;
    *all = (records){0};
    if (ng_records_load(path, &all->arena, &all->record, &all->count, &complete,
                        &error) != ng_status_ok)
        fail_msg("%s", error.text);
    assert_true(complete);
}

/* The next check, past those of properties that are not tried offline. */
static const ng_record *next_check(const records *all, size_t *at)
{
    while (*at < all->count) {
        const ng_record *record = &all->record[(*at)++];
        if (strcmp(record->kind, "check") == 0 &&
            !ng_property_find(record->property)->process)
            return record;
    }
    return NULL;
}

static void assert_equal_real(double a, double b, const char *name,
                              const ng_record *record)
{
    if (a != b && !(isnan(a) && isnan(b)))
        fail_msg("%s of %s %s: %a, not %a", name, record->property,
                 record->test, b, a);
}

/* Who wrote a folder cannot be called again, which tells causes apart: a cause
 * that was found without is one all the same. */
static bool both_told(const char *a, const char *b)
{
    return a[0] != '\0' && b[0] != '\0';
}

/* Nor are there rows beyond 2^31 elements in a folder, to compare with. */
static bool without_far_call(const char *name, const char *judged,
                             const ng_record *record)
{
    return strcmp(name, "columns") == 0 && judged[0] == '\0' &&
           strcmp(record->property, "layouts") == 0;
}

static void assert_equal_text(const char *a, const char *b, const char *name,
                              const ng_record *record)
{
    if (strcmp(name, "subject") != 0 && strcmp(name, "replay") != 0 &&
        strcmp(name, "file") != 0 && strcmp(a, b) != 0 &&
        !(strcmp(name, "cause") == 0 && both_told(a, b)) &&
        !without_far_call(name, b, record))
        fail_msg("%s of %s %s: '%s', not '%s'", name, record->property,
                 record->test, b, a);
}

static void assert_equal_count(uint64_t a, uint64_t b, const char *name,
                               const ng_record *record)
{
    if (strcmp(name, "line") != 0 && a != b)
        fail_msg("%s of %s %s: %llu, not %llu", name, record->property,
                 record->test, (unsigned long long)b, (unsigned long long)a);
}

static void assert_same(const ng_record *direct, const ng_record *judged)
{
#define NG_TEXT(name, meaning)                                                 \
    assert_equal_text(direct->name, judged->name, #name, direct);
#define NG_REAL(name, meaning)                                                 \
    if (strcmp(#name, "seconds") != 0)                                         \
        assert_equal_real(direct->name, judged->name, #name, direct);
#define NG_COUNT(name, meaning)                                                \
    assert_equal_count(direct->name, judged->name, #name, direct);
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
}

/* Every record but for subject, replay, seconds and the kernel's source, which
 * a folder does not have. Returns how many. */
static size_t assert_same_records(void)
{
    records direct, judged;
    size_t at = 0, other = 0, count = 0;
    load(&direct, "direct.jsonl");
    load(&judged, "judged.jsonl");
    for (const ng_record *d; (d = next_check(&direct, &at)) != NULL; count++) {
        const ng_record *j = next_check(&judged, &other);
        if (j == NULL)
            fail_msg("judge made %zu records only", count);
        else
            assert_same(d, j);
    }
    assert_null(next_check(&judged, &other));
    ng_arena_release(&direct.arena);
    ng_arena_release(&judged.arena);
    return count;
}

/* check, and gen, run elsewhere, judge. */
static void assert_as_check(const ng_builtin *builtin, const ng_kernel *kernel,
                            const char *options, int code)
{
    char words[512];
    snprintf(words, sizeof words,
             "check builtin:%s --kernel %s %s --json direct.jsonl --quiet",
             builtin->name, kernel->name, options);
    assert_run(words, code);
    generate(kernel, options);
    size_t calls = run_elsewhere(kernel);
    assert_run("judge calls --json judged.jsonl --junit j.xml --html j.html",
               code);
    size_t count = assert_same_records();
    assert_true(count > 0 && calls >= count / 2);
}

static void test_right_kernels(void **state)
{
    static const struct {
        const char *contract, *options;
    } rows[] = {
        {"op=layer_norm", "--profile gate --seed 18446744073709551615"},
        {"op=rms_norm dtype=bf16", "--profile smoke --seed 7"},
        {"op=batch_norm running=update", "--profile smoke"},
        {"op=layer_norm pass=backward", "--profile smoke"},
        {"op=layer_norm layout=strided", "--profile smoke"},
        {"op=group_norm layout=channels_last", "--profile smoke"},
    };
    const ng_builtin *two_pass = builtin_named("two_pass");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_as_check(two_pass, kernel_of(two_pass, rows[i].contract),
                        rows[i].options, 0);
        assert_true(strncmp(out, "PASS\n", 5) == 0);
        const char *left = strstr(out, "not tried: call_contract, ");
        assert_true(left != NULL && strstr(left, "repeat") != NULL);
    }
}

/* Wrong kernels take other paths through the properties, and must be told the
 * same: the cause above all. */
static void test_seeded_bugs(void **state)
{
    static const struct {
        const char *name, *cause;
    } rows[] = {
        {"bug.eps_outside", "behaves as eps added outside the square root"},
        {"bug.one_pass", "the variance cancels"},
        {"bug.shift_broken", "is not norm(x)"},
        {"bug.abs_clamp", "is not norm(x; eps)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const ng_builtin *bug = builtin_named(rows[i].name);
        assert_as_check(bug, &bug->kernels[0], "--profile smoke", 1);
        char *judged = slurp("judged.jsonl");
        if (strstr(judged, rows[i].cause) == NULL)
            fail_msg("%s: nowhere '%s'", rows[i].name, rows[i].cause);
        free(judged);
    }
}

/* A replay of a folder's finding finds it again. */
static void test_replay(void **state)
{
    (void)state;
    const ng_builtin *bug = builtin_named("bug.shift_broken");
    assert_as_check(bug, &bug->kernels[0], "--profile smoke", 1);
    records judged;
    load(&judged, "judged.jsonl");
    size_t tried = 0;
    for (size_t i = 0; i < judged.count && tried < 3; i++) {
        if (judged.record[i].replay[0] == '\0')
            continue;
        if (shell("%s", judged.record[i].replay) != 1)
            fail_msg("%s: %s%s", judged.record[i].replay, out, err);
        assert_non_null(strstr(out, judged.record[i].cause));
        tried++;
    }
    assert_true(tried > 0);
    ng_arena_release(&judged.arena);
}

/* ---- what may be wrong with a folder ---- */

/* Few calls of three rows and more, all answered. */
static void small_folder(void)
{
    const ng_builtin *two_pass = builtin_named("two_pass");
    const ng_kernel *kernel = kernel_of(two_pass, "op=rms_norm");
    generate(kernel, "--profile smoke --property negation");
    assert_true(run_elsewhere(kernel) >= 6);
    assert_run("judge calls", 0);
}

/* The records must name the file, what was expected and what was found; the
 * cases beside it are judged all the same. */
static void assert_finding(const char *words)
{
    assert_run("judge calls --json judged.jsonl", 1);
    char *judged = slurp("judged.jsonl");
    if (strstr(judged, words) == NULL)
        fail_msg("nowhere '%s':\n%s", words, judged);
    assert_non_null(strstr(judged, "\"verdict\":\"PASS\""));
    free(judged);
}

#define FIRST "calls/calls/000001/"

static void save(const char *path, ng_dtype dtype, size_t rank,
                 const size_t *shape)
{
    static const double zeros[64];
    ng_error error;
    if (ng_npy_write(path, dtype, rank, shape, zeros, &error) != ng_status_ok)
        fail_msg("%s", error.text);
}

static void test_missing_and_surplus(void **state)
{
    (void)state;
    small_folder();
    assert_int_equal(rename(FIRST "y.npy", FIRST "Y.npy"), 0);
    assert_finding("calls/000001/Y.npy is surplus: expected y.npy");
    assert_int_equal(rename(FIRST "Y.npy", "y.npy"), 0);
    assert_finding("calls/000001/y.npy is missing: expected f32 [2, 7]");
    assert_int_equal(shell("ln -s ../../../y.npy " FIRST "y.npy"), 0);
    assert_finding("calls/000001/y.npy is no regular file");
    assert_int_equal(unlink(FIRST "y.npy"), 0);
    assert_int_equal(mkfifo(FIRST "y.npy", 0600), 0);
    assert_finding("calls/000001/y.npy is no regular file");
    assert_int_equal(shell("rm -r " FIRST), 0);
    assert_finding("calls/000001 is missing: expected y.npy");
    assert_int_equal(shell("ln -s 000002 calls/calls/000001"), 0);
    assert_finding("calls/000001 is missing");
}

static void test_misshapen(void **state)
{
    static const size_t right[] = {2, 7}, turned[] = {7, 2}, longer[] = {2, 8},
                        flat[] = {14};
    (void)state;
    small_folder();
    save(FIRST "y.npy", ng_f32, 2, turned);
    assert_finding("calls/000001/y.npy is f32 [7, 2]: expected f32 [2, 7]");
    save(FIRST "y.npy", ng_f32, 2, longer);
    assert_finding("calls/000001/y.npy is f32 [2, 8]");
    save(FIRST "y.npy", ng_f32, 1, flat);
    assert_finding("calls/000001/y.npy is f32 [14]");
    save(FIRST "y.npy", ng_f64, 2, right);
    assert_finding("calls/000001/y.npy is f64 [2, 7]: expected f32 [2, 7]");
    save(FIRST "y.npy", ng_bf16, 2, right);
    assert_finding("calls/000001/y.npy is unreadable: its dtype is '<u2'");
    put(FIRST "y.npy", "no array\n");
    assert_finding("calls/000001/y.npy is unreadable: is no .npy file");
    put(FIRST "y.npy", "");
    assert_finding("calls/000001/y.npy is unreadable");
    put(FIRST "y.npy", "\x93NUMPY\x01"
                       "\x01");
    assert_finding("calls/000001/y.npy is unreadable");
    assert_int_equal(shell("truncate -s 5G " FIRST "y.npy"), 0);
    assert_finding("calls/000001/y.npy is too long or cannot be read");
    save(FIRST "y.npy", ng_f32, 2, right); /* the shape, not the values */
    assert_finding("norm(-x) is not -norm(x)");
}

static void test_nan(void **state)
{
    static const size_t shape[] = {2, 7};
    float all[14];
    ng_error error;
    (void)state;
    small_folder();
    for (size_t i = 0; i < 14; i++)
        all[i] = NAN;
    assert_int_equal(ng_npy_write(FIRST "y.npy", ng_f32, 2, shape, all, &error),
                     ng_status_ok);
    assert_finding("\"verdict\":\"FAIL\"");
}

/* Marks instead of outputs. */
static void test_marks(void **state)
{
    (void)state;
    small_folder();
    put(FIRST "unsupported", "");
    assert_finding("calls/000001/unsupported stands beside outputs");
    assert_int_equal(unlink(FIRST "y.npy"), 0);
    assert_finding("calls/000001/unsupported stands beside outputs");
    assert_int_equal(unlink(FIRST "rstd.npy"), 0);
    assert_run("judge calls --json judged.jsonl", 0);
    char *judged = slurp("judged.jsonl");
    assert_non_null(strstr(judged, "\"verdict\":\"UNSUPPORTED\""));
    assert_non_null(strstr(judged, "the kernel does not support this case"));
    free(judged);
    assert_int_equal(rename(FIRST "unsupported", FIRST "refused"), 0);
    put(FIRST "refused", "rows must be even\x1b[2J\nand more\n");
    assert_finding("rows must be even?[2J\"");
    assert_finding("\"verdict\":\"REFUSED\"");
    assert_int_equal(unlink(FIRST "refused"), 0);
    assert_int_equal(mkdir(FIRST "refused", 0700), 0);
    assert_finding("calls/000001/refused cannot be read");
}

/* Where no call of a property is in the folder, nothing was checked; check on
 * a folder must not pass what cannot be tried there. */
static void test_other_cases(void **state)
{
    (void)state;
    small_folder();
    assert_run("check files:calls --profile smoke --seed 9", 4);
    assert_run("check files:calls --profile smoke --property call_contract", 4);
    assert_run("check files:calls --profile smoke --property repeat", 4);
    assert_run("check files:calls --profile smoke --property negation", 0);
}

static void nap(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static void test_interrupted(void **state)
{
    (void)state;
    assert_int_equal(shell("rm -rf calls"), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl(NORMGATE_PROGRAM, "normgate", "gen", "op=layer_norm", "--profile",
              "deep", "--quiet", "--out", "calls", (char *)NULL);
        _exit(127);
    }
    for (size_t i = 0; i < 30000 && access("calls/calls/000003", F_OK); i++)
        nap();
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(access("calls/calls/000003", F_OK), 0);
    assert_refused("judge calls", 3,
                   "calls is incomplete: gen did not reach its end");
    assert_refused("gen op=layer_norm --out calls", 2, "calls is not empty");
}

static void test_bad_words(void **state)
{
    static const struct {
        const char *words, *reason;
        int code;
    } rows[] = {
        {"gen", "give a contract", 2},
        {"gen op=layer_norm", "--out DIR", 2},
        {"gen op=layer_norm --out", "this option needs a value", 2},
        {"gen op=no_such --out new", "unknown op 'no_such'", 2},
        {"gen dtype=f32 --out new", "op", 2},
        {"gen op=layer_norm pass=inference --out new", "no pass=inference", 2},
        {"gen op=layer_norm --out new --profile quick",
         "expected smoke, gate or deep", 2},
        {"gen op=layer_norm --out new --seed -1", "expected a whole number", 2},
        {"gen op=layer_norm --out new --kernel ../x", "is no kernel name", 2},
        {"gen op=layer_norm --out new --property no_such", "matches none", 2},
        {"gen op=layer_norm --out new --property repeat", "not tried offline",
         2},
        {"gen op=layer_norm --out file", "Not a directory", 2},
        {"gen op=layer_norm --out full", "full is not empty", 2},
        {"gen op=layer_norm --out none/new", "No such file or directory", 2},
        {"gen op=rms_norm --property shift --out new1", "no calls", 4},
        {"judge", "give one folder", 2},
        {"judge a b", "give one folder", 2},
        {"judge ''", "give one folder", 2},
        {"judge full --seed 1", "unknown option", 2},
        {"judge none", "No such file or directory", 3},
        {"judge file", "Not a directory", 3},
        {"judge full", "full has no usable manifest.json", 3},
    };
    (void)state;
    put("file", "");
    assert_int_equal(shell("mkdir -p full/calls"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(rows[i].words, rows[i].code, rows[i].reason);
    assert_int_not_equal(access("new", F_OK), 0);
}

/* The folder's manifest with one value changed. */
static void set_manifest(const json_t *manifest, const char *key, json_t *value)
{
    json_t *copy = json_deep_copy(manifest);
    if (value != NULL)
        json_object_set_new(copy, key, value);
    else
        json_object_del(copy, key);
    assert_int_equal(json_dump_file(copy, "calls/manifest.json", 0), 0);
    json_decref(copy);
}

static void set_call(const json_t *manifest, const char *key, const char *text)
{
    json_t *copy = json_deep_copy(manifest);
    json_t *call = json_array_get(json_object_get(copy, "calls"), 1);
    json_object_set_new(call, key, json_string(text));
    assert_int_equal(json_dump_file(copy, "calls/manifest.json", 0), 0);
    json_decref(copy);
}

static void test_bad_manifest(void **state)
{
    static const struct {
        const char *key, *text, *reason;
    } rows[] = {
        {"schema", "normgate-offline/2", "its schema is normgate-offline/2"},
        {"schema", NULL, "it is no manifest of calls"},
        {"normgate", "0.0.0", "was made by normgate 0.0.0"},
        {"profile", "quick", "its profile 'quick' is not known"},
        {"kernel", "../x", "is no kernel name"},
        {"kernel", "a\nb", "no plain text"},
        {"contract", "op=no_such", "unknown op"},
        {"seed", "1e3", "no plain text"},
        {"seed", "-1", "no plain text"},
        {"complete", NULL, "it is incomplete"},
        {"calls", NULL, "no list of calls"},
        {"calls", "all", "no list of calls"},
    };
    static const struct {
        const char *key, *text, *reason;
    } calls[] = {
        {"id", "../../x", "without its id and key"},
        {"id", "000003", "without its id and key"},
        {"key", "0", "without its id and key"},
        {"key", "0123456789abcdef0123456789abcdeX", "without its id and key"},
    };
    (void)state;
    small_folder();
    json_t *manifest = manifest_of();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set_manifest(manifest, rows[i].key,
                     rows[i].text != NULL ? json_string(rows[i].text) : NULL);
        assert_refused("judge calls", 3, rows[i].reason);
    }
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        set_call(manifest, calls[i].key, calls[i].text);
        assert_refused("judge calls", 3, calls[i].reason);
    }
    const json_t *first = json_array_get(json_object_get(manifest, "calls"), 0);
    set_call(manifest, "key", json_string_value(json_object_get(first, "key")));
    assert_refused("judge calls", 3, "two calls have one key");
    json_decref(manifest);
    put("calls/manifest.json", "{\"schema\":");
    assert_refused("judge calls", 3, "calls/manifest.json: line 1: ");
    put("calls/manifest.json", "[]");
    assert_refused("judge calls", 3, "it is no manifest of calls");
    assert_int_equal(shell("truncate -s 5G calls/manifest.json"), 0);
    assert_refused("judge calls", 3, "it is too large");
    assert_int_equal(shell("ln -sf ../file calls/manifest.json"), 0);
    assert_refused("judge calls", 3, "it is no regular file");
}

/* Nothing in the folder can lead out of it. */
static void test_calls_as_link(void **state)
{
    (void)state;
    small_folder();
    assert_int_equal(shell("mv calls/calls real && ln -s ../real calls/calls"),
                     0);
    assert_refused("judge calls", 3, "cannot open calls/calls");
}

/* The Python of docs/offline.md does what it says. */
static void test_document(void **state)
{
    (void)state;
    if (shell("'%s' -c 'import numpy'", NORMGATE_PYTHON) != 0)
        skip();
    char *text = slurp(NORMGATE_SOURCE_DIR "/docs/offline.md");
    char *code = strstr(text, "```python\n");
    assert_non_null(code);
    code += strlen("```python\n");
    char *end = strstr(code, "```");
    assert_non_null(end);
    *end = '\0';
    put("elsewhere.py", code);
    free(text);
    assert_int_equal(shell("rm -rf calls"), 0);
    assert_run("gen op=layer_norm dtype=f32 summation=pairwise eps_dtype=f32 "
               "--out calls --profile smoke",
               0);
    if (shell("'%s' elsewhere.py calls", NORMGATE_PYTHON) != 0)
        fail_msg("%s", err);
    assert_run("judge calls", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_kernels),
        cmocka_unit_test(test_seeded_bugs),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_missing_and_surplus),
        cmocka_unit_test(test_misshapen),
        cmocka_unit_test(test_nan),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_other_cases),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_bad_words),
        cmocka_unit_test(test_bad_manifest),
        cmocka_unit_test(test_calls_as_link),
        cmocka_unit_test(test_document),
    };
    return cmocka_run_group_tests(tests, program_enter, program_leave);
}
