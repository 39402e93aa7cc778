/* The child side of a forked subject. */
#include "child.h"
#include "fpenv.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Only the two pipes and stderr stay open; what the subject prints goes to
 * stderr, where it cannot be taken for our output. */
static void close_files(int *orders_out, int *replies_out)
{
    /* Above the three that are replaced, which a caller may have closed. */
    int orders = fcntl(*orders_out, F_DUPFD_CLOEXEC, 3);
    int replies = fcntl(*replies_out, F_DUPFD_CLOEXEC, 3);
    *orders_out = orders;
    *replies_out = replies;
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    int first = orders < replies ? orders : replies;
    int second = orders < replies ? replies : orders;
    if (first > 3)
        close_range(3, (unsigned)first - 1, 0);
    if (second > first + 1)
        close_range((unsigned)first + 1, (unsigned)second - 1, 0);
    close_range((unsigned)second + 1, ~0u, 0);
}

static bool send_kernel(int replies, const ng_kernel *kernel)
{
    char payload[WIRE_MAX];
    const char *texts[] = {kernel->name, kernel->contract,
                           kernel->file != NULL ? kernel->file : ""};
    size_t used = 0;
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(texts[i]) + 1;
        if (length > sizeof payload / 4)
            return false;
        memcpy(payload + used, texts[i], length);
        used += length;
    }
    memcpy(payload + used, &kernel->line, sizeof kernel->line);
    return wire_send(replies, wire_kernel, payload, used + sizeof kernel->line);
}

static void fail(int replies, const char *words)
{
    wire_send(replies, wire_failed, words, strlen(words));
    _exit(0);
}

/* The kernels of the built-in, or of the library once it is loaded. */
static const ng_kernel *load(const ng_subject *subject, int replies,
                             uint32_t *count)
{
    char words[1024];
    ng_library library;
    void *handle;
    if (subject->builtin != NULL) {
        *count = (uint32_t)subject_builtin_kernels(subject);
        wire_send(replies, wire_library, subject->builtin->name,
                  strlen(subject->builtin->name));
        return subject->builtin->kernels;
    }
    fp_state before = fp_get();
    bool opened =
        library_open(&library, subject->target, &handle, words, sizeof words);
    fp_state after = fp_get();
    fp_set(before);
    if (!opened)
        fail(replies, words);
    if (fp_changes(before, after, words, sizeof words))
        wire_send(replies, wire_breach, words, strlen(words));
    const char *name = library.name != NULL ? library.name : "";
    wire_send(replies, wire_library, name, strnlen(name, TEXT_MAX));
    *count = library.kernel_count;
    return library.kernels;
}

/* For the time of a call nothing of the shared memory can be touched but the
 * tensors, and inputs can only be read: a write that leaps over a guard page
 * ends as surely as one that lands on it. */
static void protect(unsigned char *memory, const layout *where)
{
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const span *s = &where->tensor[role];
        int access = s->written ? PROT_READ | PROT_WRITE : PROT_READ;
        if (s->present)
            mprotect(memory + s->body, s->body_end - s->body, access);
    }
}

void child_run(const ng_kernel *kernel, const ng_call *call, unsigned half,
               call_reply *reply)
{
    char words[TEXT_MAX];
    fp_state before = fp_get();
    errno = 0;
    reply->result[half] = kernel->run(call);
    fp_state after = fp_get();
    fp_set(before);
    /* The first of many rounds that leaves it changed is enough. */
    if (fp_changes(before, after, words, sizeof words))
        memcpy(reply->fp_words[half], words, sizeof words);
}

static void answer(const ng_subject *subject, const ng_kernel *kernels,
                   const call_order *order, int replies)
{
    ng_call call[2];
    call_reply reply = {0};
    const layout *first = &order->place[0].where;
    unsigned char *memory = first->far ? subject->far_memory : subject->memory;
    mprotect(subject->memory, layout_capacity(), PROT_NONE);
    if (subject->far_memory != NULL)
        mprotect(subject->far_memory, layout_far_capacity(), PROT_NONE);
    for (unsigned k = 0; k < order->count; k++) {
        const call_place *place = &order->place[k];
        call[k] = place->call;
        call[k].kernel = kernels[place->kernel].name;
        call[k].op = place->op;
        call[k].pass = place->pass;
        subject_place_call(&call[k], memory, &place->where);
        protect(memory, &place->where);
    }
    if (order->count == 2)
        child_together(kernels, order, call, memory, &reply);
    else
        child_run(&kernels[order->place[0].kernel], &call[0], 0, &reply);
    wire_send(replies, wire_reply, &reply, sizeof reply);
}

void child_main(ng_subject *subject, int orders, int replies)
{
    subject_detach(subject);
    close_files(&orders, &replies);
    fault_watch(subject->fault);
    uint32_t count = 0;
    const ng_kernel *kernels = load(subject, replies, &count);
    for (uint32_t k = 0; k < count; k++) {
        if (!send_kernel(replies, &kernels[k]))
            fail(replies, "a kernel's name, contract or file is too long");
    }
    wire_send(replies, wire_ready, "", 0);
    static call_order order;
    while (wire_read(orders, &order, sizeof order, INFINITY) == wire_ok)
        answer(subject, kernels, &order, replies);
    _exit(0);
}
