/* Built-ins and shared libraries: a forked child behind two pipes. */
#include "child.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static ng_status spawn(ng_subject *subject, ng_error *error)
{
    int orders[2], replies[2];
    ng_status status = subject_map_memory(subject, false, error);
    if (status != ng_status_ok)
        return status;
    if (subject->fault == NULL) {
        void *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE),
                          PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                          -1, 0);
        if (page == MAP_FAILED)
            return ng_fail(error, ng_status_fault, "mmap: %s",
                           strerror(errno));
        subject->fault = page;
    }
    *subject->fault = (fault){0};
    if (pipe2(orders, O_CLOEXEC) != 0)
        return ng_fail(error, ng_status_fault, "pipe: %s", strerror(errno));
    if (pipe2(replies, O_CLOEXEC) != 0) {
        close(orders[0]);
        close(orders[1]);
        return ng_fail(error, ng_status_fault, "pipe: %s", strerror(errno));
    }
    /* A child that calls exit() flushes the buffers it inherited: leave it
     * none, or our files would get their last lines twice. */
    fflush(NULL);
    subject->process = fork();
    if (subject->process == 0)
        child_main(subject, orders[0], replies[1]);
    close(orders[0]);
    close(replies[1]);
    subject->to = orders[1];
    subject->from = replies[0];
    if (subject->process < 0)
        return ng_fail(error, ng_status_fault, "fork: %s", strerror(errno));
    setpgid(subject->process, subject->process);
    return ng_status_ok;
}

/* A kernel message: three texts, then the line number. */
static ng_status take_kernel(ng_subject *subject, const wire_head *head,
                             const char *payload, ng_error *error)
{
    const char *text[3], *end = payload + head->length;
    const char *next = payload;
    int line = 0;
    for (size_t i = 0; i < 3; i++) {
        text[i] = next;
        next = memchr(next, '\0', (size_t)(end - next));
        if (next == NULL)
            return ng_fail(error, ng_status_cannot_load,
                           "%.300s sends a malformed kernel", subject->spec);
        next++;
    }
    if ((size_t)(end - next) == sizeof line)
        memcpy(&line, next, sizeof line);
    return subject->known ? ng_status_ok
                          : subject_add_kernel(subject, text[0], text[1],
                                               text[2], line, error);
}

static ng_status load_ended(ng_subject *subject, wire_end end, ng_error *error)
{
    char words[128];
    if (end == wire_late) {
        subject_kill(subject);
        subject_reap(subject, words, sizeof words);
        return ng_fail(error, ng_status_cannot_load,
                       "%.300s did not finish loading within %g s",
                       subject->spec,
                       subject->options.start_s > 0 ? subject->options.start_s
                                                    : 120);
    }
    if (end == wire_garbage)
        subject_kill(subject);
    subject_reap(subject, words, sizeof words);
    return ng_fail(error, ng_status_cannot_load,
                   "%.300s ended while it was being loaded: it %s",
                   subject->spec, words);
}

static ng_status start(ng_subject *subject, ng_error *error)
{
    static char payload[WIRE_MAX + 1];
    double deadline = subject_start_deadline(subject);
    ng_status status = spawn(subject, error);
    size_t count = 0;
    while (status == ng_status_ok) {
        wire_head head;
        wire_end end = wire_receive(subject->from, &head, payload, deadline);
        if (end != wire_ok)
            return load_ended(subject, end, error);
        if (head.kind == wire_kernel) {
            status = take_kernel(subject, &head, payload, error);
            count++;
        } else if (head.kind == wire_library) {
            subject_clean_text(subject->name, sizeof subject->name, payload,
                               strlen(payload));
        } else if (head.kind == wire_breach) {
            char clean[120];
            subject_clean_text(clean, sizeof clean, payload, strlen(payload));
            snprintf(subject->breach, sizeof subject->breach,
                     "loading the library leaves %s, for every thread and "
                     "library of the process; it is linked with -ffast-math "
                     "or the like", clean);
        } else if (head.kind == wire_failed) {
            char clean[400];
            subject_clean_text(clean, sizeof clean, payload, strlen(payload));
            return ng_fail(error, ng_status_cannot_load,
                           "cannot load %.200s: %s", subject->spec, clean);
        } else {
            break;
        }
    }
    if (status == ng_status_ok && subject->known)
        status = subject_check_kernels(subject, count, error);
    return status;
}

/* The fault that the child's handler left, in words. */
static void describe_fault(const ng_subject *subject, const layout *where,
                           const ng_request *request, const char *ended,
                           ng_reply *reply)
{
    const fault *f = subject->fault;
    uintptr_t begin = (uintptr_t)subject->memory;
    bool ours = f->address >= begin && f->address < begin + where->end;
    char place[128] = "";
    if (f->signal == SIGABRT || f->signal == 0)
        place[0] = '\0';
    else if (ours)
        layout_describe(where, request, f->address - begin, place,
                        sizeof place);
    else if (f->address < 4096)
        snprintf(place, sizeof place, "followed a null pointer");
    else
        snprintf(place, sizeof place, "went to address %#llx, outside every tensor",
                 (unsigned long long)f->address);
    const char *abbreviation = f->signal != 0 ? sigabbrev_np(f->signal) : NULL;
    if (abbreviation == NULL)
        snprintf(reply->message, sizeof reply->message, "%s inside a call",
                 ended);
    else
        snprintf(reply->message, sizeof reply->message, "%s%s%s%s%s",
                 f->signal == SIGABRT ? "aborted" : "SIG",
                 f->signal == SIGABRT ? "" : abbreviation,
                 place[0] != '\0' ? ": " : "", place,
                 f->error_number == ENOMEM
                     ? ", after an allocation failed (out of memory)"
                     : "");
}

static void ended(ng_subject *subject, wire_end end, const layout *where,
                  const ng_request *request, ng_reply *reply)
{
    char words[128];
    if (end == wire_late) {
        subject_kill(subject);
        subject_reap(subject, words, sizeof words);
        reply->verdict = NG_HANG;
        double limit = subject->options.timeout_s;
        snprintf(reply->message, sizeof reply->message,
                 "no answer within %g s", limit > 0 ? limit : 10);
        return;
    }
    if (end == wire_garbage)
        subject_kill(subject);
    subject_reap(subject, words, sizeof words);
    reply->verdict = NG_CRASH;
    describe_fault(subject, where, request, words, reply);
}

static bool ensure_running(ng_subject *subject, ng_reply *reply)
{
    ng_error error;
    if (subject->process > 0 || start(subject, &error) == ng_status_ok)
        return true;
    snprintf(reply->message, sizeof reply->message, "%.310s", error.text);
    return false;
}

static void call(ng_subject *subject, const ng_request *request,
                 ng_reply *reply)
{
    static call_order order; /* large; nothing of it outlives the call */
    static char payload[WIRE_MAX + 1];
    const ng_case *test = request->test;
    double alignment =
        subject->kernels[request->kernel].contract.alignment;
    if (!ensure_running(subject, reply))
        return;
    memset(&order, 0, sizeof order);
    if (!layout_make(&order.where, request, (size_t)alignment)) {
        snprintf(reply->message, sizeof reply->message,
                 "the case is larger than the subject's memory");
        return;
    }
    order.kernel = request->kernel;
    order.rows = test->rows;
    order.n = test->n;
    order.eps = test->eps;
    memcpy(order.op, test->op, sizeof order.op);
    memcpy(order.pass, test->pass, sizeof order.pass);
    layout_fill(subject->memory, &order.where, request);
    double deadline = subject_call_deadline(subject);
    wire_head head = {0};
    wire_end end = wire_closed;
    if (wire_write(subject->to, &order, sizeof order))
        end = wire_receive(subject->from, &head, payload, deadline);
    if (end == wire_ok &&
        (head.kind != wire_reply || head.length != sizeof(call_reply)))
        end = wire_garbage;
    if (end != wire_ok) {
        ended(subject, end, &order.where, request, reply);
        return;
    }
    call_reply back;
    memcpy(&back, payload, sizeof back);
    back.fp_words[sizeof back.fp_words - 1] = '\0';
    subject_read_result(back.result, reply);
    if (reply->verdict != NG_PASS)
        return;
    if (back.fp_words[0] != '\0') {
        char clean[160];
        subject_clean_text(clean, sizeof clean, back.fp_words,
                           strlen(back.fp_words));
        reply->breaches |= ng_breach_fpenv;
        snprintf(reply->message, sizeof reply->message, "the call left %s",
                 clean);
    }
    layout_collect(subject->memory, &order.where, request, reply);
}

static void stop(ng_subject *subject)
{
    char words[128];
    if (subject->process <= 0)
        return;
    subject_kill(subject);
    subject_reap(subject, words, sizeof words);
}

const transport forked_transport = {start, call, stop};
