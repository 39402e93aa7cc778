/* Workers: any program that reads and writes JSON lines; the tensors lie in a
 * file that both map (docs/worker-protocol.md). */
#include "internal.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20, PROTOCOL = 1 };

/* In the new process: pipes on 0 and 1, stderr into a file. */
static void become_worker(const ng_subject *subject, int in, int out,
                          int errors)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    subject_detach(subject);
    /* Above the three that are replaced, which a caller may have closed. */
    in = fcntl(in, F_DUPFD, 3);
    out = fcntl(out, F_DUPFD, 3);
    errors = fcntl(errors, F_DUPFD, 3);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    close_range(3, ~0u, 0);
    /* What it prints on stderr is kept in memory: not without a limit. */
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){1u << 30, 1u << 30});
    execl("/bin/sh", "sh", "-c", subject->target, (char *)NULL);
    _exit(127);
}

static void forget_file(ng_subject *subject)
{
    if (subject->memory_path[0] != '\0')
        unlink(subject->memory_path);
    subject->memory_path[0] = '\0';
}

/* A file that a worker can open by its name. normgate never maps it: a worker
 * that truncates it would end normgate too. Its name goes with the first
 * answer, by when the worker has opened it, so that nothing is left behind if
 * normgate is killed later. */
static ng_status make_file(ng_subject *subject, ng_error *error)
{
    const char *folders[] = {"/dev/shm", getenv("TMPDIR"), "/tmp"};
    forget_file(subject);
    if (subject->memory_file >= 0)
        close(subject->memory_file);
    subject->memory_file = -1;
    for (size_t i = 0; subject->memory_file < 0 && i < 3; i++) {
        if (folders[i] == NULL || strlen(folders[i]) > 40)
            continue;
        snprintf(subject->memory_path, sizeof subject->memory_path,
                 "%s/normgate-XXXXXX", folders[i]);
        subject->memory_file = mkostemp(subject->memory_path, O_CLOEXEC);
    }
    if (subject->memory_file < 0)
        subject->memory_path[0] = '\0';
    if (subject->memory_file < 0 ||
        ftruncate(subject->memory_file, (off_t)layout_capacity()) != 0)
        return ng_fail(error, ng_status_fault,
                       "no file in /dev/shm, $TMPDIR or /tmp for the worker's "
                       "tensors: %s",
                       strerror(errno));
    return ng_status_ok;
}

static ng_status spawn(ng_subject *subject, ng_error *error)
{
    int orders[2], replies[2];
    ng_status status = subject_map_memory(subject, error);
    if (status == ng_status_ok)
        status = make_file(subject, error);
    if (status != ng_status_ok)
        return status;
    if (subject->errors >= 0)
        close(subject->errors);
    subject->errors = memfd_create("normgate-stderr", MFD_CLOEXEC);
    if (subject->errors < 0 || pipe2(orders, O_CLOEXEC) != 0)
        return ng_fail(error, ng_status_fault, "pipe: %s", strerror(errno));
    if (pipe2(replies, O_CLOEXEC) != 0) {
        close(orders[0]);
        close(orders[1]);
        return ng_fail(error, ng_status_fault, "pipe: %s", strerror(errno));
    }
    fcntl(subject->errors, F_SETFL, O_APPEND); /* trim_errors() empties it */
    fflush(NULL);
    subject->process = fork();
    if (subject->process == 0)
        become_worker(subject, orders[0], replies[1], subject->errors);
    close(orders[0]);
    close(replies[1]);
    subject->to = orders[1];
    subject->from = replies[0];
    if (subject->process < 0)
        return ng_fail(error, ng_status_fault, "fork: %s", strerror(errno));
    setpgid(subject->process, subject->process);
    /* A worker that does not read must not keep normgate waiting. */
    fcntl(subject->to, F_SETFL, O_NONBLOCK);
    return ng_status_ok;
}

/* The last line that the worker printed on stderr, " (stderr: ...)" or "". */
static void last_error_line(const ng_subject *subject, char *words, size_t size)
{
    char tail[2048];
    words[0] = '\0';
    off_t length = lseek(subject->errors, 0, SEEK_END);
    off_t from = length > (off_t)sizeof tail ? length - (off_t)sizeof tail : 0;
    ssize_t got = pread(subject->errors, tail, sizeof tail, from);
    while (got > 0 && (tail[got - 1] == '\n' || tail[got - 1] == ' '))
        got--;
    ssize_t begin = got;
    while (begin > 0 && tail[begin - 1] != '\n')
        begin--;
    if (got <= begin)
        return;
    char clean[200];
    subject_clean_text(clean, sizeof clean, tail + begin,
                       (size_t)(got - begin));
    snprintf(words, size, " (stderr: %s)", clean);
}

/* One line without its newline. Reads byte-wise from a buffer that belongs to
 * this exchange alone: a worker answers one message at a time. */
static wire_end read_line(ng_subject *subject, char *line, size_t *length,
                          double deadline)
{
    size_t used = 0;
    for (;;) {
        wire_end end = wire_read_some(subject->from, line + used,
                                      LINE_MAX_BYTES - used, &used, deadline);
        if (end != wire_ok)
            return end;
        char *newline = memchr(line, '\n', used);
        if (newline != NULL) {
            *newline = '\0';
            *length = (size_t)(newline - line);
            /* More than one line for one message breaks the protocol. */
            return newline + 1 == line + used ? wire_ok : wire_garbage;
        }
        if (used == LINE_MAX_BYTES) {
            line[80] = '\0';
            *length = 80;
            return wire_garbage;
        }
    }
}

static wire_end receive(ng_subject *subject, json_t **message, char *shown,
                        size_t size, double deadline)
{
    size_t length = 0;
    char *line = malloc(LINE_MAX_BYTES + 1);
    *message = NULL;
    shown[0] = '\0';
    if (line == NULL)
        return wire_closed;
    wire_end end = read_line(subject, line, &length, deadline);
    if (end == wire_ok || end == wire_garbage)
        subject_clean_text(shown, size, line, length);
    if (end == wire_ok) {
        *message = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(*message)) {
            json_decref(*message);
            *message = NULL;
            end = wire_garbage;
        }
    }
    free(line);
    return end;
}

static bool send_message(const ng_subject *subject, json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(message);
    if (text == NULL)
        return false;
    bool sent = wire_write(subject->to, text, strlen(text)) &&
                wire_write(subject->to, "\n", 1);
    free(text);
    return sent;
}

/* Why no usable hello came. */
static ng_status no_hello(ng_subject *subject, wire_end end, const char *shown,
                          ng_error *error)
{
    char words[128], last[256];
    if (end == wire_late && subject_is_dead(subject))
        end = wire_closed;
    if (end != wire_closed)
        subject_kill(subject);
    subject_reap(subject, words, sizeof words);
    last_error_line(subject, last, sizeof last);
    if (end == wire_late)
        return ng_fail(error, ng_status_cannot_load,
                       "%.160s said no hello in time%s", subject->spec, last);
    if (end == wire_garbage)
        return ng_fail(error, ng_status_cannot_load,
                       "%.160s does not speak the worker protocol: it printed "
                       "'%.80s'%s; a worker answers in JSON lines "
                       "(docs/worker-protocol.md)",
                       subject->spec, shown, last);
    if (strcmp(words, "called exit(127)") == 0)
        return ng_fail(error, ng_status_cannot_load,
                       "cannot run the command of %.160s%s", subject->spec,
                       last);
    return ng_fail(error, ng_status_cannot_load,
                   "%.160s ended before it said hello: it %s%s", subject->spec,
                   words, last);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static ng_status take_kernels(ng_subject *subject, const json_t *hello,
                              ng_error *error)
{
    const json_t *list = json_object_get(hello, "kernels"), *kernel;
    size_t k;
    if (!json_is_array(list) || json_array_size(list) > KERNELS_MAX)
        return ng_fail(error, ng_status_cannot_load,
                       "%.200s: its hello has no list 'kernels' of at most %d",
                       subject->spec, KERNELS_MAX);
    if (subject->known)
        return subject_check_kernels(subject, json_array_size(list), error);
    json_array_foreach(list, k, kernel)
    {
        json_int_t line = json_integer_value(json_object_get(kernel, "line"));
        ng_status status = subject_add_kernel(
            subject, text_of(kernel, "name"), text_of(kernel, "contract"),
            text_of(kernel, "file"), line > 0 && line < 1 << 30 ? (int)line : 0,
            error);
        if (status != ng_status_ok)
            return status;
    }
    return ng_status_ok;
}

static ng_status greet(ng_subject *subject, ng_error *error)
{
    char shown[96];
    json_t *hello;
    ng_status status = ng_status_ok;
    double deadline = subject_start_deadline(subject);
    json_t *message =
        json_pack("{s:i, s:s, s:I}", "hello", PROTOCOL, "memory",
                  subject->memory_path, "bytes", (json_int_t)layout_capacity());
    wire_end end = wire_closed;
    send_message(subject, message); /* a dead worker shows in the read */
    end = receive(subject, &hello, shown, sizeof shown, deadline);
    if (end != wire_ok)
        return no_hello(subject, end, shown, error);
    json_t *version = json_object_get(hello, "normgate");
    if (!json_is_integer(version)) {
        json_decref(hello);
        return no_hello(subject, wire_garbage, shown, error);
    }
    if (json_integer_value(version) != PROTOCOL)
        status = ng_fail(error, ng_status_cannot_load,
                         "%.200s speaks version %lld of the worker protocol, "
                         "this normgate version %d; update its client",
                         subject->spec, (long long)json_integer_value(version),
                         PROTOCOL);
    const char *name = text_of(hello, "name");
    subject_clean_text(subject->name, sizeof subject->name, name, strlen(name));
    if (status == ng_status_ok)
        status = take_kernels(subject, hello, error);
    json_decref(hello);
    return status;
}

static ng_status start(ng_subject *subject, ng_error *error)
{
    ng_status status = spawn(subject, error);
    return status == ng_status_ok ? greet(subject, error) : status;
}

static const char *use_name(ng_use use)
{
    return use == ng_input ? "input" : use == ng_output ? "output" : "update";
}

/* The sizes and numbers of a case. */
static json_t *case_message(const ng_request *request)
{
    const ng_case *test = request->test;
    json_t *message = json_pack(
        "{s:s, s:s, s:I, s:I, s:f, s:[I,I,I]}", "op", test->op, "pass",
        test->pass, "rows", (json_int_t)test->rows, "n", (json_int_t)test->n,
        "eps", test->eps, "stride", (json_int_t)request->stride[0],
        (json_int_t)request->stride[1], (json_int_t)request->stride[2]);
    if (test->C > 0) {
        json_t *sizes = json_pack(
            "{s:I, s:I, s:I, s:I, s:f, s:I}", "N", (json_int_t)test->N, "C",
            (json_int_t)test->C, "spatial", (json_int_t)test->spatial,
            "num_groups", (json_int_t)test->num_groups, "momentum",
            test->momentum, "batches", (json_int_t)test->batches);
        json_object_update_missing(message, sizes);
        json_decref(sizes);
    }
    return message;
}

static json_t *call_message(const ng_subject *subject,
                            const ng_request *request, const layout *where)
{
    json_t *tensors = json_object(), *message = case_message(request);
    json_t *null = json_array();
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const ng_tensor *tensor = &request->tensor[role];
        const span *s = &where->tensor[role];
        if (tensor->use != ng_unused && tensor->data == NULL)
            json_array_append_new(null, json_string(ng_role_name(role)));
        if (!s->present)
            continue;
        size_t skipped = s->start / ng_format_of(tensor->dtype)->size;
        json_object_set_new(tensors, ng_role_name(role),
                            json_pack("{s:I, s:I, s:s, s:s, s:b}", "offset",
                                      (json_int_t)(s->data + s->start), "count",
                                      (json_int_t)(tensor->count - skipped),
                                      "dtype",
                                      ng_format_of(tensor->dtype)->name, "use",
                                      use_name(tensor->use), "output",
                                      (int)(tensor->use != ng_input)));
    }
    if (json_array_size(null) > 0)
        json_object_set(message, "null", null);
    json_decref(null);
    json_object_set_new(message, "call",
                        json_integer((json_int_t)subject->calls));
    json_object_set_new(message, "kernel",
                        json_string(subject->kernels[request->kernel].name));
    json_object_set_new(message, "tensors", tensors);
    return message;
}

static void take_answer(ng_subject *subject, const json_t *answer,
                        const char *shown, ng_reply *reply)
{
    static const struct {
        const char *key;
        ng_verdict verdict;
    } answers[] = {
        {"done", NG_PASS},
        {"unsupported", NG_UNSUPPORTED},
        {"refused", NG_REFUSED},
        {"error", NG_ERROR},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const json_t *id = json_object_get(answer, answers[i].key);
        if (!json_is_integer(id) ||
            json_integer_value(id) != (json_int_t)subject->calls ||
            json_object_size(answer) !=
                1 + (size_t)json_is_string(json_object_get(answer, "why")))
            continue;
        const char *why = text_of(answer, "why");
        reply->verdict = answers[i].verdict;
        subject_clean_text(reply->message, sizeof reply->message, why,
                           strlen(why));
        return;
    }
    char words[128];
    subject_kill(subject);
    subject_reap(subject, words, sizeof words);
    snprintf(reply->message, sizeof reply->message,
             "answered call %llu with '%.80s', which is no answer to it",
             (unsigned long long)subject->calls, shown);
}

static void ended(ng_subject *subject, wire_end end, const char *shown,
                  ng_reply *reply)
{
    char words[128], last[160];
    if (end == wire_late && subject_is_dead(subject))
        end = wire_closed;
    if (end != wire_closed)
        subject_kill(subject);
    subject_reap(subject, words, sizeof words);
    last_error_line(subject, last, sizeof last);
    double limit = subject->options.timeout_s;
    reply->verdict = end == wire_late      ? NG_HANG
                     : end == wire_garbage ? NG_ERROR
                                           : NG_CRASH;
    if (end == wire_late)
        snprintf(reply->message, sizeof reply->message, "no answer within %g s",
                 limit > 0 ? limit : 10);
    else if (end == wire_garbage)
        snprintf(reply->message, sizeof reply->message,
                 "answered with '%.80s', which is no message of the protocol",
                 shown);
    else
        snprintf(reply->message, sizeof reply->message,
                 "the worker %s inside a call%s", words, last);
}

/* Copies `count` bytes of tensors to the worker's file or back. */
static bool transfer(ng_subject *subject, size_t count, bool out,
                     ng_reply *reply)
{
    char words[128];
    size_t at = 0;
    while (at < count) {
        unsigned char *bytes = subject->memory + at;
        ssize_t moved =
            out ? pwrite(subject->memory_file, bytes, count - at, (off_t)at)
                : pread(subject->memory_file, bytes, count - at, (off_t)at);
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved <= 0)
            break;
        at += (size_t)moved;
    }
    struct stat file;
    if (at == count && fstat(subject->memory_file, &file) == 0 &&
        (size_t)file.st_size == layout_capacity())
        return true;
    reply->verdict = NG_ERROR;
    if (at < count && out)
        snprintf(reply->message, sizeof reply->message,
                 "no room for %zu MiB of tensors in the shared file: %s",
                 count >> 20, strerror(errno));
    else
        snprintf(reply->message, sizeof reply->message,
                 "the worker changed the size of the shared file; open it for "
                 "reading and writing, without truncation");
    subject_kill(subject);
    subject_reap(subject, words, sizeof words);
    return false;
}

/* Only the last line is ever quoted. */
static void trim_errors(const ng_subject *subject)
{
    enum { ENOUGH = 1 << 20 };
    struct stat file;
    if (fstat(subject->errors, &file) == 0 && file.st_size > ENOUGH &&
        ftruncate(subject->errors, 0) != 0) {
        /* allowed to fail: the process has a limit for files */
    }
}

static void call(ng_subject *subject, const ng_request *request,
                 ng_reply *reply)
{
    layout where;
    char shown[96];
    json_t *answer;
    double alignment = subject->kernels[request->kernel].contract.alignment;
    if (!subject_ensure_running(subject, reply))
        return;
    if (!layout_make(&where, request, (size_t)alignment, false, 0)) {
        snprintf(reply->message, sizeof reply->message,
                 "the case is larger than the subject's memory");
        return;
    }
    layout_fill(subject->memory, &where, request);
    if (!transfer(subject, where.end, true, reply))
        return;
    subject->calls++;
    trim_errors(subject);
    double deadline = subject_call_deadline(subject);
    /* One that has ended shows in the read. */
    bool sent = send_message(subject, call_message(subject, request, &where));
    wire_end end = receive(subject, &answer, shown, sizeof shown, deadline);
    if (end == wire_ok && !sent) {
        json_decref(answer);
        end = wire_garbage;
    }
    if (end != wire_ok) {
        ended(subject, end, shown, reply);
        return;
    }
    forget_file(subject);
    take_answer(subject, answer, shown, reply);
    json_decref(answer);
    if (reply->verdict == NG_PASS && transfer(subject, where.end, false, reply))
        layout_collect(subject->memory, &where, request, reply);
}

/* Closing its input asks the worker to end; it has half a second. */
static void stop(ng_subject *subject)
{
    char words[128];
    if (subject->process <= 0)
        return;
    close(subject->to);
    subject->to = open("/dev/null", O_WRONLY | O_CLOEXEC);
    subject_reap(subject, words, sizeof words);
}

const transport worker_transport = {start, call, stop, NULL, true};
