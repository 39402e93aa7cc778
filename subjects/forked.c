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
    ng_status status = subject_map_memory(subject, error);
    if (status != ng_status_ok)
        return status;
    if (subject->fault == NULL) {
        void *page =
            mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            return ng_fail(error, ng_status_fault, "mmap: %s", strerror(errno));
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
    if (end == wire_late && subject_is_dead(subject))
        end = wire_closed;
    if (end == wire_late) {
        subject_kill(subject);
        subject_reap(subject, words, sizeof words);
        return ng_fail(
            error, ng_status_cannot_load,
            "%.300s did not finish loading within %g s", subject->spec,
            subject->options.start_s > 0 ? subject->options.start_s : 120);
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
            subject_load_breach(subject, payload);
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

static void ended(ng_subject *subject, wire_end end, const layout *where,
                  const ng_request *request, ng_reply *reply)
{
    char words[128];
    /* A child of the child may hold the pipe open past its end. */
    if (end == wire_late && subject_is_dead(subject))
        end = wire_closed;
    if (end == wire_late) {
        subject_kill(subject);
        subject_reap(subject, words, sizeof words);
        reply->verdict = NG_HANG;
        double limit = subject->options.timeout_s;
        snprintf(reply->message, sizeof reply->message, "no answer within %g s",
                 limit > 0 ? limit : 10);
        return;
    }
    if (end == wire_garbage)
        subject_kill(subject);
    subject_reap(subject, words, sizeof words);
    reply->verdict = NG_CRASH;
    fault_describe(subject->fault, subject->memory, where, request,
                   reply->message, sizeof reply->message);
    if (reply->message[0] == '\0')
        snprintf(reply->message, sizeof reply->message, "%s inside a call",
                 words);
}

static void call(ng_subject *subject, const ng_request *request,
                 ng_reply *reply)
{
    static call_order order; /* large; nothing of it outlives the call */
    static char payload[WIRE_MAX + 1];
    const ng_case *test = request->test;
    double alignment = subject->kernels[request->kernel].contract.alignment;
    if (!subject_ensure_running(subject, reply))
        return;
    memset(&order, 0, sizeof order);
    if (!layout_make(&order.where, request, (size_t)alignment, true)) {
        snprintf(reply->message, sizeof reply->message,
                 "the case is larger than the subject's memory");
        return;
    }
    order.kernel = request->kernel;
    subject_fill_call(&order.call, request);
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
