/* Subjects: every way in which one may misbehave, at load or in a call, is
 * named for what it is, and the next call goes on in a fresh process. */
#include <normgate/op.h>
#include <normgate/subject.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 2, N = 3 };

#define PLUGINS NORMGATE_BINARY_DIR "/tests/plugins/"
#define WORKER                                                                 \
    "worker:'" NORMGATE_PYTHON "' '" NORMGATE_SOURCE_DIR                       \
    "/tests/workers/worker.py' "

static const ng_subject_options limits = {
    .timeout_s = 2, .start_s = 2, .memory_bytes = 256 << 20};
/* A loaded machine may be slow to start Python; only `silent` waits this out. */
static const ng_subject_options patient = {.timeout_s = 20, .start_s = 60};

static size_t kernel_named(const ng_subject *subject, const char *name)
{
    for (size_t k = 0; k < ng_subject_kernel_count(subject); k++) {
        if (strcmp(ng_subject_kernel(subject, k)->name, name) == 0)
            return k;
    }
    fail_msg("no kernel %s", name);
    return 0;
}

static ng_subject *opened(const char *spec, const ng_subject_options *options)
{
    ng_subject *subject;
    ng_error error;
    if (ng_subject_open(&subject, spec, options, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    return subject;
}

/* Calls one kernel on [1 2 3; 4 5 6]; y must be right where it should be. */
static void call(ng_subject *subject, const char *name, bool guard_before,
                 ng_reply *reply, float y[ROWS * N])
{
    static const float x[] = {1, 2, 3, 4, 5, 6}, gamma[] = {1, 1, 2};
    ng_case test;
    ng_case_init(&test, "rms_norm", ng_f32);
    test.rows = ROWS;
    test.n = N;
    test.eps = 0;
    ng_request request = {.kernel = kernel_named(subject, name),
                          .test = &test,
                          .stride = {N, 1, 0},
                          .manner.guard_before = guard_before};
    request.tensor[ng_tensor_x] =
        (ng_tensor){(void *)(uintptr_t)x, ROWS * N, ng_f32, ng_input};
    request.tensor[ng_tensor_gamma] =
        (ng_tensor){(void *)(uintptr_t)gamma, N, ng_f32, ng_input};
    request.tensor[ng_tensor_y] = (ng_tensor){y, ROWS * N, ng_f32, ng_output};
    ng_subject_call(subject, &request, reply);
}

/* x / sqrt(14/3): the last of the first row is 2*3/sqrt(14/3). */
static void assert_right(const float *y)
{
    assert_true(fabs(y[0] - 1 / sqrt(14.0 / 3)) < 0x1p-22);
    assert_true(fabs(y[2] - 6 / sqrt(14.0 / 3)) < 0x1p-20);
    assert_true(fabs(y[5] - 12 / sqrt(77.0 / 3)) < 0x1p-20);
}

typedef struct expectation {
    const char *kernel;
    ng_verdict verdict;
    unsigned breaches;
    const char *words; /* that the message must hold */
} expectation;

static void check_calls(const char *spec, const ng_subject_options *options,
                        const expectation *rows, size_t count)
{
    ng_subject *subject = opened(spec, options);
    for (size_t i = 0; i < count; i++) {
        ng_reply reply;
        float y[ROWS * N];
        call(subject, rows[i].kernel, false, &reply, y);
        if (reply.verdict != rows[i].verdict ||
            reply.breaches != rows[i].breaches ||
            strstr(reply.message, rows[i].words) == NULL)
            fail_msg("%s %s: %s, breaches %u: '%s'", spec, rows[i].kernel,
                     ng_verdict_name(reply.verdict), reply.breaches,
                     reply.message);
        if (reply.verdict == NG_PASS && reply.breaches == 0)
            assert_right(y);
    }
    ng_subject_close(subject);
}

/* In one subject after the other: each death is followed by a new process. */
static void test_hostile_kernels(void **state)
{
    static const expectation rows[] = {
        {"good", NG_PASS, 0, ""},
        {"prints", NG_PASS, 0, ""},
        {"exits", NG_CRASH, 0, "called exit(0) inside a call"},
        {"good", NG_PASS, 0, ""},
        {"aborts", NG_CRASH, 0, "aborted"},
        {"null_pointer", NG_CRASH, 0, "null pointer"},
        {"scribbles", NG_CRASH, 0, "wrote to its input x, element 0"},
        {"reads_past", NG_CRASH, 0, "past the end of x"},
#if defined(__SSE2__)
        {"misaligned", NG_CRASH, 0, "a misaligned vector access"},
#endif
        {"out_of_stack", NG_CRASH, 0, "ran out of stack"},
        {"sends_signal", NG_CRASH, 0, "SIGSEGV: the signal was sent"},
        {"leaves_child", NG_CRASH, 0, "aborted"},
        {"loops", NG_HANG, 0, "no answer within 2 s"},
        {"good", NG_PASS, 0, ""},
        /* 24 bytes aligned to 64: the end is a gap with a canary */
        {"overruns", NG_PASS, ng_breach_outside, "past the end of y"},
        {"underruns", NG_PASS, ng_breach_outside, "before the start of y"},
        {"skips_last", NG_PASS, ng_breach_unwritten,
         "1 of 6 elements of y were never written, the first is 5"},
        {"rounds", NG_PASS, ng_breach_fpenv, "rounding mode at upward"},
        {"refuses", NG_REFUSED, 0, "refused"},
        {"unsupported", NG_UNSUPPORTED, 0, ""},
        {"breaks", NG_ERROR, 0, "failure of its own"},
        {"odd_result", NG_ERROR, 0, "returned 42"},
        {"good", NG_PASS, 0, ""},
    };
    (void)state;
    check_calls(PLUGINS "hostile.so", &limits, rows,
                sizeof rows / sizeof rows[0]);
}

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif

static void test_memory_limit(void **state)
{
#ifdef ADDRESS_SANITIZER
    (void)state;
    skip(); /* no limit is set: the sanitizer's shadow would not fit in it */
#else
    static const expectation rows[] = {
        {"hungry", NG_CRASH, 0, "after an allocation failed (out of memory)"},
        {"good", NG_PASS, 0, ""},
    };
    /* Filling the limit takes time on a slow machine. */
    const ng_subject_options options = {.timeout_s = 60,
                                        .memory_bytes = 256 << 20};
    (void)state;
    check_calls(PLUGINS "hostile.so", &options, rows, 2);
#endif
}

static void test_guard_before(void **state)
{
    ng_subject *subject = opened(PLUGINS "hostile.so", &limits);
    ng_reply reply;
    float y[ROWS * N];
    (void)state;
    call(subject, "underruns", true, &reply, y);
    assert_int_equal(reply.verdict, NG_CRASH);
    assert_non_null(
        strstr(reply.message, "wrote one element before the start of y"));
    call(subject, "good", true, &reply, y);
    assert_int_equal(reply.verdict, NG_PASS);
    assert_int_equal(reply.breaches, 0);
    assert_right(y);
    ng_subject_close(subject);
}

static void test_fast_math_load(void **state)
{
    (void)state;
#if defined(__SSE2__)
    ng_subject *subject = opened(PLUGINS "at_load_fast_math.so", &limits);
    assert_non_null(strstr(ng_subject_load_breach(subject), "FTZ and DAZ"));
    ng_subject_close(subject);
#endif
    ng_subject *plain = opened(PLUGINS "hostile.so", &limits);
    assert_null(ng_subject_load_breach(plain));
    ng_subject_close(plain);
}

static void test_grown_descriptor(void **state)
{
    ng_subject *subject = opened(PLUGINS "at_load_grown.so", &limits);
    (void)state;
    assert_int_equal(ng_subject_kernel_count(subject), 2);
    assert_string_equal(ng_subject_kernel(subject, 1)->name, "l");
    ng_subject_close(subject);
}

static void assert_not_loaded(const char *spec,
                              const ng_subject_options *options,
                              const char *words)
{
    ng_subject *subject;
    ng_error error;
    ng_status status = ng_subject_open(&subject, spec, options, &error);
    if (status != ng_status_cannot_load || subject != NULL ||
        strstr(error.text, words) == NULL || strchr(error.text, '\n') != NULL)
        fail_msg("%s: status %d, '%s' lacks '%s'", spec, (int)status,
                 error.text, words);
}

static void test_libraries_that_cannot_load(void **state)
{
    static const struct {
        const char *file, *words;
    } rows[] = {
        {PLUGINS "at_load_exits.so", "while it was being loaded: it called "
                                     "exit(0)"},
        {PLUGINS "at_load_hangs.so", "did not finish loading within 2 s"},
        {PLUGINS "at_load_other_abi.so", "ABI version 99"},
        {PLUGINS "at_load_no_kernels.so", "declares no kernels"},
        {PLUGINS "at_load_null_kernel.so", "lacks a name, a contract"},
        {PLUGINS "at_load_bad_contract.so", "no field 'eps_plac'"},
        {PLUGINS "at_load_escapes.so", "no field '?[31mred'"},
        {PLUGINS "at_load_bad_name.so", "'k?[31m<b>' is no kernel name"},
        {PLUGINS "at_load_no_descriptor.so", "does not export"},
        {NORMGATE_SOURCE_DIR "/README.md", "no shared library"},
        {"/nonexistent/library.so", "No such file"},
        {"/", "no regular file"},
        {"builtin:no_such", "no built-in is named 'no_such'"},
        {"worker: ", "names no command"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_not_loaded(rows[i].file, &limits, rows[i].words);
}

static void test_in_process(void **state)
{
    const ng_subject_options options = {.in_process = true};
    static const expectation rows[] = {
        {"good", NG_PASS, 0, ""},
        {"rounds", NG_PASS, ng_breach_fpenv, "upward"},
        {"skips_last", NG_PASS, ng_breach_unwritten, "never written"},
        {"overruns", NG_PASS, ng_breach_outside, "past the end of y"},
    };
    (void)state;
    check_calls(PLUGINS "hostile.so", &options, rows, 4);
    ng_subject *subject = opened(PLUGINS "hostile.so", &options);
    assert_string_equal(ng_subject_name(subject), "hostile");
    ng_subject_close(subject);
    assert_not_loaded("worker:true", &options, "cannot run in this process");
    assert_not_loaded(PLUGINS "at_load_other_abi.so", &options, "ABI");
}

static void test_worker_calls(void **state)
{
    static const struct {
        const char *spec;
        expectation expected;
    } rows[] = {
        {WORKER "good", {"rms_norm", NG_PASS, 0, ""}},
        {WORKER "scribbles",
         {"rms_norm", NG_PASS, ng_breach_input, "input x, at element 0"}},
        {WORKER "overruns",
         {"rms_norm", NG_PASS, ng_breach_outside, "past the end of y"}},
        {WORKER "far",
         {"rms_norm", NG_PASS, ng_breach_outside,
          "elements past the end of y"}},
        {WORKER "truncates",
         {"rms_norm", NG_ERROR, 0, "changed the size of the shared file"}},
        {WORKER "two_answers", {"rms_norm", NG_ERROR, 0, "no answer to it"}},
        {WORKER "killed", {"rms_norm", NG_CRASH, 0, "killed by SIGKILL"}},
        {WORKER "garbage_in_call",
         {"rms_norm", NG_ERROR, 0, "Traceback: ?[31mred"}},
        {WORKER "lies", {"rms_norm", NG_ERROR, 0, "no answer to it"}},
        {WORKER "refuses", {"rms_norm", NG_REFUSED, 0, "not today"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        /* twice: after a death a new process answers, and dies again */
        expectation twice[] = {rows[i].expected, rows[i].expected};
        check_calls(rows[i].spec, &patient, twice, 2);
    }
}

static void test_workers_that_cannot_start(void **state)
{
    (void)state;
    assert_not_loaded(WORKER "dies", &patient, "(stderr: no framework here)");
    assert_not_loaded(WORKER "silent", &limits, "said no hello in time");
    assert_not_loaded(WORKER "garbage", &patient, "it printed 'hello world'");
    assert_not_loaded(WORKER "endless", &patient, "it printed 'xxx");
    assert_not_loaded(WORKER "version", &patient, "version 7");
    assert_not_loaded(WORKER "bad_contract", &patient, "dtype=f8 is not");
    assert_not_loaded(WORKER "no_list", &patient, "no list 'kernels'");
    assert_not_loaded("worker:no_such_command", &patient, "cannot run");
    assert_not_loaded("worker:true", &patient, "ended before it said hello");
}

static void test_names_are_clean(void **state)
{
    ng_subject *subject = opened(WORKER "good", &patient);
    (void)state;
    assert_string_equal(ng_subject_name(subject), "test ?[31mgood");
    ng_subject_close(subject);
}

/* --- strides ---------------------------------------------------------------- */

enum { ROOM = 256 };

/* One call of a kernel of strided.so, which writes -x wherever it writes, for
 * the case of the line under layout=strided. x counts up, its gaps are NaN. */
typedef struct strided_call {
    ng_case test;
    ng_contract contract;
    ng_tensor tensor[NG_TENSOR_COUNT];
    ng_view view;
    float x[ROOM], y[ROOM], running[2][8];
    ng_reply reply;
} strided_call;

static void call_strided(ng_subject *subject, const char *name,
                         const char *line, ng_manner manner, strided_call *to)
{
    ng_error error;
    size_t kernel = kernel_named(subject, name);
    memset(to, 0, sizeof *to);
    if (ng_case_parse(&to->test, line, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    ng_contract_init(&to->contract, to->test.op, NULL);
    ng_contract_set(&to->contract, "layout", "strided");
    ng_contract_set(&to->contract, "affine", "none");
    to->view = ng_case_view(&to->test, &to->contract);
    ng_request request = {.kernel = kernel,
                          .test = &to->test,
                          .start = to->view.start,
                          .manner = manner};
    ng_case_strides(&to->test, &to->contract, request.stride);
    ng_case_slots(&to->test, &to->contract, request.tensor);
    assert_true(request.tensor[ng_tensor_x].count <= ROOM);
    for (size_t i = 0; i < ROOM; i++)
        to->x[i] = to->y[i] = NAN;
    for (size_t set = 0; set < to->test.rows; set++)
        for (size_t i = 0; i < to->test.n; i++) {
            size_t at = ng_view_index(&to->view, set, i);
            to->x[at] = (float)(at + 1);
        }
    request.tensor[ng_tensor_x].data = to->x;
    request.tensor[ng_tensor_y].data = to->y;
    for (int k = 0; k < 2; k++) {
        ng_role role = k == 0 ? ng_tensor_running_mean : ng_tensor_running_var;
        for (size_t c = 0; c < 8; c++)
            to->running[k][c] = (float)(10 * k + (int)c);
        if (request.tensor[role].use != ng_unused)
            request.tensor[role].data = to->running[k];
    }
    ng_subject_call(subject, &request, &to->reply);
}

/* Gaps of 3 after each row; every second element; 5 elements before the first. */
static const char *const strided_lines[] = {
    "rms_norm/forward/f32 rows=3 n=4 gap=3",
    "rms_norm/forward/f32 rows=3 n=4 step=2",
    "layer_norm/forward/f32 rows=2 n=5 gap=1 step=3 start=5",
    "batch_norm/forward/f32 N=2 C=3 spatial=4 gap=2",
    "group_norm/forward/f32 N=2 C=4 spatial=3 num_groups=2 gap=1 step=2 "
    "start=7",
    "instance_norm/forward/f32 N=3 C=2 spatial=2 step=3 start=1",
};
enum { STRIDED_LINES = sizeof strided_lines / sizeof strided_lines[0] };

static void expect_reply(const strided_call *c, const char *name,
                         const char *line, unsigned breaches, const char *words)
{
    if (c->reply.verdict != NG_PASS || c->reply.breaches != breaches ||
        strstr(c->reply.message, words) == NULL)
        fail_msg("%s, %s: %s, breaches %u: '%s' lacks '%s'", name, line,
                 ng_verdict_name(c->reply.verdict), c->reply.breaches,
                 c->reply.message, words);
}

static void strided_calls(const ng_subject_options *options)
{
    ng_subject *subject = opened(PLUGINS "strided.so", options);
    for (size_t k = 0; k < STRIDED_LINES; k++)
        for (int before = 0; before < 2; before++) {
            const char *line = strided_lines[k];
            const ng_manner manner = {.guard_before = before};
            strided_call c;
            call_strided(subject, "good", line, manner, &c);
            expect_reply(&c, "good", line, 0, "");
            for (size_t set = 0; set < c.test.rows; set++)
                for (size_t i = 0; i < c.test.n; i++) {
                    size_t at = ng_view_index(&c.view, set, i);
                    assert_true(c.y[at] == -(float)(at + 1));
                }
            call_strided(subject, "dense", line, manner, &c);
            expect_reply(&c, "dense", line,
                         ng_breach_outside | ng_breach_unwritten,
                         "between the strides of y");
            call_strided(subject, "skips_last", line, manner, &c);
            expect_reply(&c, "skips_last", line, ng_breach_unwritten,
                         "of y were never written, the first is ");
            size_t last = ng_view_index(&c.view, c.test.rows - 1, c.test.n - 1);
            char words[40];
            snprintf(words, sizeof words, "the first is %zu", last);
            expect_reply(&c, "skips_last", line, ng_breach_unwritten, words);
            assert_ptr_equal(strstr(c.reply.message, "1 of "), c.reply.message);
        }
    ng_subject_close(subject);
}

static void test_strides(void **state)
{
    const ng_subject_options direct = {.in_process = true};
    (void)state;
    strided_calls(&limits);
    strided_calls(&direct);
}

/* One element between two others, just after a row, and just before the first:
 * each is found and named by its place. */
static void test_gaps(void **state)
{
    static const struct {
        const char *kernel, *line, *words;
    } rows[] = {
        {"writes_gap", "rms_norm/forward/f32 rows=3 n=4 step=2",
         "wrote 1 elements between the strides of y, the first is 1"},
        {"writes_row_end", "rms_norm/forward/f32 rows=3 n=4 gap=3",
         "wrote 1 elements between the strides of y, the first is 4"},
        {"writes_before", "rms_norm/forward/f32 rows=3 n=4 start=5",
         "wrote 1 elements between the strides of y, the first is 4"},
        {"writes_gap",
         "batch_norm/forward/f32 N=2 C=3 spatial=2 step=5 start=1",
         "wrote 1 elements between the strides of y, the first is 2"},
    };
    ng_subject *subject = opened(PLUGINS "strided.so", &limits);
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        strided_call c;
        call_strided(subject, rows[k].kernel, rows[k].line, (ng_manner){0}, &c);
        expect_reply(&c, rows[k].kernel, rows[k].line, ng_breach_outside,
                     rows[k].words);
    }
    ng_subject_close(subject);
}

/* What a call updates goes in with its values and comes back changed; it is
 * neither an input that may not change nor an output that must be written. */
static void test_updates(void **state)
{
    static const char line[] = "batch_norm/forward/f32 N=2 C=3 spatial=4";
    const ng_subject_options direct = {.in_process = true};
    (void)state;
    for (int k = 0; k < 2; k++) {
        ng_subject *subject =
            opened(PLUGINS "strided.so", k == 0 ? &limits : &direct);
        strided_call c;
        call_strided(subject, "updates_mean", line, (ng_manner){0}, &c);
        expect_reply(&c, "updates_mean", line, 0, "");
        for (int i = 0; i < 3; i++) {
            assert_true(c.running[0][i] == (float)i + 0.5f);
            assert_true(c.running[1][i] == (float)(10 + i));
        }
        ng_subject_close(subject);
    }
}

/* Other addresses, other memory, in place, far apart: the same results, in
 * normgate's own arrays. */
static void test_manners(void **state)
{
    static const ng_manner manners[] = {{.skew = 64},
                                        {.skew = 2112, .guard_before = true},
                                        {.huge_before = true},
                                        {.in_place = true},
                                        {.far = true},
                                        {.far = true, .guard_before = true},
                                        {.far = true, .in_place = true}};
    ng_subject *subject = opened(PLUGINS "strided.so", &limits);
    (void)state;
    for (size_t m = 0; m < sizeof manners / sizeof manners[0]; m++)
        for (size_t k = 0; k < STRIDED_LINES; k++) {
            strided_call c;
            assert_true(ng_subject_can(subject, &manners[m]));
            call_strided(subject, "good", strided_lines[k], manners[m], &c);
            expect_reply(&c, "good", strided_lines[k], 0, "");
            for (size_t set = 0; set < c.test.rows; set++)
                for (size_t i = 0; i < c.test.n; i++) {
                    size_t at = ng_view_index(&c.view, set, i);
                    assert_true(c.y[at] == -(float)(at + 1));
                }
        }
    ng_subject_close(subject);
}

/* What is wrong in a far call is found at its place in normgate's array; in
 * place, what lies between the strides may change as little as elsewhere. */
static void test_wrong_manners(void **state)
{
    static const char line[] = "rms_norm/forward/f32 rows=3 n=4 gap=3";
    ng_subject *subject = opened(PLUGINS "strided.so", &limits);
    strided_call c;
    (void)state;
    call_strided(subject, "skips_last", line, (ng_manner){.far = true}, &c);
    expect_reply(&c, "skips_last", line, ng_breach_unwritten,
                 "1 of 18 elements of y were never written, the first is 17");
    call_strided(subject, "dense", line, (ng_manner){.far = true}, &c);
    expect_reply(&c, "dense", line, ng_breach_unwritten, "8 of 18 elements");
    call_strided(subject, "writes_row_end", line, (ng_manner){.in_place = true},
                 &c);
    expect_reply(&c, "writes_row_end", line, ng_breach_outside,
                 "wrote 1 elements between the strides of y, the first is 4");
    ng_subject_close(subject);
    subject = opened("builtin:two_pass", &limits);
    const ng_manner far = {.far = true};
    assert_true(ng_subject_can(subject, &far));
    ng_subject_close(subject);
    const ng_subject_options direct = {.in_process = true};
    subject = opened(PLUGINS "strided.so", &direct);
    assert_false(ng_subject_can(subject, &far));
    assert_false(ng_subject_can_together(subject));
    ng_subject_close(subject);
}

/* Two calls at once, and the thread count that a process is told. */
static void test_together(void **state)
{
    static const float gamma[] = {1, 1, 2};
    static const float x[2][ROWS * N] = {{1, 2, 3, 4, 5, 6},
                                         {1, 2, 3, 4, 5, 6}};
    static const struct {
        const char *kernel;
        ng_verdict verdict;
        unsigned breaches;
        const char *words;
    } rows[] = {
        {"good", NG_PASS, 0, ""},
        {"exits", NG_CRASH, 0, "called exit(0) inside a call"},
        {"scribbles", NG_CRASH, 0, "wrote to its input x, element 0"},
        {"reads_past", NG_CRASH, 0, "past the end of x"},
        {"out_of_stack", NG_CRASH, 0, "SIGSEGV"},
        {"loops", NG_HANG, 0, "no answer within"},
#ifndef ADDRESS_SANITIZER /* it would unmap the handler's stack and end */
        {"ends_thread", NG_HANG, 0, "no answer within"},
#endif
        {"skips_last", NG_PASS, ng_breach_unwritten, "never written"},
        {"rounds", NG_PASS, ng_breach_fpenv, "upward"},
        {"refuses", NG_REFUSED, 0, "refused"},
        {"good", NG_PASS, 0, ""},
    };
    const ng_subject_options short_limit = {.timeout_s = 1, .start_s = 60};
    ng_subject *subject = opened(PLUGINS "hostile.so", &short_limit);
    (void)state;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        size_t r = i / 2;
        ng_together together = {.cold = i % 2 == 1, .rounds = 4, .seconds = 1};
        ng_request request[2];
        ng_reply reply[2];
        ng_case test;
        float y[2][ROWS * N];
        if (together.cold)
            together.seconds = 0;
        ng_case_init(&test, "rms_norm", ng_f32);
        test.rows = ROWS;
        test.n = N;
        test.eps = 0;
        for (size_t k = 0; k < 2; k++) {
            request[k] =
                (ng_request){.kernel = kernel_named(subject, rows[r].kernel),
                             .test = &test,
                             .stride = {N, 1, 0}};
            request[k].tensor[ng_tensor_x] = (ng_tensor){
                (void *)(uintptr_t)x[k], ROWS * N, ng_f32, ng_input};
            request[k].tensor[ng_tensor_gamma] =
                (ng_tensor){(void *)(uintptr_t)gamma, N, ng_f32, ng_input};
            request[k].tensor[ng_tensor_y] =
                (ng_tensor){y[k], ROWS * N, ng_f32, ng_output};
        }
        ng_subject_call_together(subject, request, &together, reply);
        for (size_t k = 0; k < 2; k++)
            if (reply[k].verdict != rows[r].verdict ||
                reply[k].breaches != rows[r].breaches ||
                strstr(reply[k].message, rows[r].words) == NULL)
                fail_msg("%s, call %zu: %s, breaches %u: '%s'", rows[r].kernel,
                         k, ng_verdict_name(reply[k].verdict),
                         reply[k].breaches, reply[k].message);
        if (rows[r].verdict == NG_PASS && rows[r].breaches == 0) {
            assert_right(y[0]);
            assert_right(y[1]);
            assert_int_equal(together.tried, together.cold ? 1 : 4);
            assert_false(together.differ);
        }
    }
    ng_subject_close(subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_kernels),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_guard_before),
        cmocka_unit_test(test_fast_math_load),
        cmocka_unit_test(test_grown_descriptor),
        cmocka_unit_test(test_libraries_that_cannot_load),
        cmocka_unit_test(test_in_process),
        cmocka_unit_test(test_worker_calls),
        cmocka_unit_test(test_workers_that_cannot_start),
        cmocka_unit_test(test_names_are_clean),
        cmocka_unit_test(test_strides),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_manners),
        cmocka_unit_test(test_wrong_manners),
        cmocka_unit_test(test_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
