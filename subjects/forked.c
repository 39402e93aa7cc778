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

/* Of two calls, the one in whose memory the fault's address lies. */
static unsigned place_of_fault(const ng_subject *subject,
                               const call_order *order)
{
    uintptr_t address = subject->fault->address;
    uintptr_t second = (uintptr_t)subject->memory + order->place[1].where.begin;
    return order->count == 2 && address >= second &&
           address < (uintptr_t)subject->memory + order->place[1].where.end;
}

static void ended(ng_subject *subject, wire_end end, const call_order *order,
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
    unsigned k = place_of_fault(subject, order);
    const layout *where = &order->place[k].where;
    fault_describe(subject->fault,
                   where->far ? subject->far_memory : subject->memory, where,
                   &request[k], reply->message, sizeof reply->message);
    if (reply->message[0] == '\0')
        snprintf(reply->message, sizeof reply->message, "%s inside a call",
                 words);
}

static bool make_place(const ng_subject *subject, const ng_request *request,
                       size_t begin, call_place *place)
{
    const ng_case *test = request->test;
    double alignment = subject->kernels[request->kernel].contract.alignment;
    if (!layout_make(&place->where, request, (size_t)alignment, true, begin))
        return false;
    place->kernel = request->kernel;
    subject_fill_call(&place->call, request, &place->where);
    memcpy(place->op, test->op, sizeof place->op);
    memcpy(place->pass, test->pass, sizeof place->pass);
    return true;
}

/* Sends the order and waits; false: the first reply says what happened. */
static bool exchange(ng_subject *subject, const call_order *order,
                     const ng_request *request, double deadline,
                     call_reply *back, ng_reply *reply)
{
    static char payload[WIRE_MAX + 1];
    wire_head head = {0};
    wire_end end = wire_closed;
    if (wire_write(subject->to, order, sizeof *order))
        end = wire_receive(subject->from, &head, payload, deadline);
    if (end == wire_ok &&
        (head.kind != wire_reply || head.length != sizeof *back))
        end = wire_garbage;
    if (end != wire_ok) {
        ended(subject, end, order, request, reply);
        return false;
    }
    memcpy(back, payload, sizeof *back);
    return true;
}

/* What the child says of one call, and what its memory shows. */
static void take_reply(const ng_subject *subject, const call_order *order,
                       unsigned k, const ng_request *request,
                       const call_reply *back, ng_reply *reply)
{
    const layout *where = &order->place[k].where;
    subject_read_result(back->result[k], reply);
    if (reply->verdict != NG_PASS)
        return;
    size_t length = strnlen(back->fp_words[k], TEXT_MAX);
    if (length > 0) {
        char clean[160];
        subject_clean_text(clean, sizeof clean, back->fp_words[k], length);
        reply->breaches |= ng_breach_fpenv;
        snprintf(reply->message, sizeof reply->message, "the call left %s",
                 clean);
    }
    layout_collect(where->far ? subject->far_memory : subject->memory, where,
                   request, reply);
}

/* A child forked before there was far memory does not have it. */
static bool ensure_far(ng_subject *subject, ng_reply *reply)
{
    char words[128];
    if (subject->far_memory != NULL)
        return true;
    if (!subject_map_far(subject)) {
        reply->verdict = NG_UNSUPPORTED;
        snprintf(reply->message, sizeof reply->message,
                 "no addresses for tensors beyond 2^31 elements here");
        return false;
    }
    if (subject->process > 0) {
        subject_kill(subject);
        subject_reap(subject, words, sizeof words);
    }
    return true;
}

static void call(ng_subject *subject, const ng_request *request,
                 ng_reply *reply)
{
    static call_order order; /* large; nothing of it outlives the call */
    call_reply back;
    if (request->manner.far && !ensure_far(subject, reply))
        return;
    if (!subject_ensure_running(subject, reply))
        return;
    memset(&order, 0, sizeof order);
    order.count = 1;
    if (!make_place(subject, request, 0, &order.place[0])) {
        snprintf(reply->message, sizeof reply->message,
                 "the case is larger than the subject's memory");
        return;
    }
    bool far = order.place[0].where.far;
    layout_fill(far ? subject->far_memory : subject->memory,
                &order.place[0].where, request);
    if (exchange(subject, &order, request, subject_call_deadline(subject),
                 &back, reply))
        take_reply(subject, &order, 0, request, &back, reply);
    /* Whatever a stray index has touched. */
    if (far)
        madvise(subject->far_memory, layout_far_capacity(), MADV_REMOVE);
}

static void together(ng_subject *subject, const ng_request request[2],
                     ng_together *how, ng_reply reply[2])
{
    static call_order order;
    call_reply back;
    char words[128];
    if (how->cold && subject->process > 0) {
        subject_kill(subject);
        subject_reap(subject, words, sizeof words);
    }
    if (!subject_ensure_running(subject, &reply[0]))
        return;
    memset(&order, 0, sizeof order);
    order.count = 2;
    order.cold = how->cold;
    order.seconds = how->seconds;
    order.rounds = how->rounds;
    if (!make_place(subject, &request[0], 0, &order.place[0]) ||
        !make_place(subject, &request[1], order.place[0].where.end,
                    &order.place[1])) {
        snprintf(reply[0].message, sizeof reply[0].message,
                 "the case is larger than the subject's memory");
        return;
    }
    for (unsigned k = 0; k < 2; k++)
        layout_fill(subject->memory, &order.place[k].where, &request[k]);
    double deadline = subject_call_deadline(subject) + how->seconds;
    if (!exchange(subject, &order, request, deadline, &back, &reply[0])) {
        reply[1] = reply[0];
        return;
    }
    how->tried = back.tried;
    how->overlapped = back.overlapped;
    how->differ = back.differ != 0;
    for (unsigned k = 0; k < 2; k++)
        take_reply(subject, &order, k, &request[k], &back, &reply[k]);
}

static void stop(ng_subject *subject)
{
    char words[128];
    if (subject->process <= 0)
        return;
    subject_kill(subject);
    subject_reap(subject, words, sizeof words);
}

const transport forked_transport = {start, call, stop, together, true};
