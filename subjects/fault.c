/* The handler and its words. */
#include "fault.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

enum access {
    access_unknown,
    access_read,
    access_write,
    access_no_address, /* the processor does not say where */
    access_none,       /* the signal was sent; nothing was accessed */
};

/* A signal handler has no argument of ours: the one global of the child. */
static fault *last_words;

static enum access access_of(const siginfo_t *info, const void *context)
{
    if (info->si_code <= 0)
        return access_none;
#if defined(__x86_64__)
    /* A misaligned vector or a non-canonical address comes without one. */
    if (info->si_code == SI_KERNEL)
        return access_no_address;
    const ucontext_t *machine = context;
    bool write = (machine->uc_mcontext.gregs[REG_ERR] & 2) != 0;
    return write ? access_write : access_read;
#else
    (void)context;
    return access_unknown;
#endif
}

/* The thread whose fault ends the process; 0 before. */
static atomic_int ending;

static void on_signal(int number, siginfo_t *info, void *context)
{
    int none = 0, thread = gettid();
    if (!atomic_compare_exchange_strong(&ending, &none, thread) &&
        none != thread)
        for (;;) /* another thread's fault was first: it ends us all */
            sched_yield();
    last_words->error_number = errno;
    last_words->address = (uintptr_t)info->si_addr;
    last_words->access = (int)access_of(info, context);
    last_words->signal = number;
    /* The same fault again now ends us. SA_RESETHAND would reset the signal
     * before the words are written, and a fault of a second thread would end us
     * without them. A signal that was sent, by abort() or raise(), has to be
     * sent again. */
    signal(number, SIG_DFL);
    if (info->si_code <= 0)
        raise(number);
}

void fault_watch(fault *shared)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    static char own_stack[1 << 16]; /* a kernel may have used up the other */
    const stack_t stack = {.ss_sp = own_stack, .ss_size = sizeof own_stack};
    sigaltstack(&stack, NULL);
    last_words = shared;
    last_words->stack = (uintptr_t)&stack;
    struct sigaction action = {.sa_sigaction = on_signal};
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
    /* Whatever normgate itself blocks, a kernel starts with nothing blocked. */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The stack grows downward from where the handlers were set up. */
static bool outgrew_stack(uintptr_t address, uintptr_t stack)
{
    enum { SLACK = 1 << 20 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return false;
    return address < stack && stack - address + SLACK > limit.rlim_cur &&
           stack - address < limit.rlim_cur + SLACK;
}

static void describe_access(const fault *f, const unsigned char *memory,
                            const layout *where, const ng_request *request,
                            char *words, size_t size)
{
    uintptr_t begin = (uintptr_t)memory, address = f->address;
    int access = f->access;
    const char *verb = access == access_write  ? "wrote"
                       : access == access_read ? "read"
                                               : "went";
    if (access == access_none)
        snprintf(words, size,
                 "the signal was sent, by raise() or from outside");
    else if (access == access_no_address)
        snprintf(words, size,
                 "a misaligned vector access, or a pointer that is none");
    else if (address >= begin && address < begin + where->end)
        layout_describe(where, request, verb, address - begin, words, size);
    else if (address < 4096)
        snprintf(words, size, "followed a null pointer");
    else if (outgrew_stack(address, f->stack))
        snprintf(words, size, "ran out of stack");
    else
        snprintf(words, size, "%s at address %#llx, outside every tensor", verb,
                 (unsigned long long)address);
}

void fault_describe(const fault *shared, const unsigned char *memory,
                    const layout *where, const ng_request *request, char *words,
                    size_t size)
{
    const fault f = *shared; /* the subject may still write to it */
    char place[160] = "";
    const char *name = "";
    switch (f.signal) {
    case SIGSEGV:
    case SIGBUS:
        name = f.signal == SIGSEGV ? "SIGSEGV: " : "SIGBUS: ";
        describe_access(&f, memory, where, request, place, sizeof place);
        break;
    case SIGFPE: name = "SIGFPE: a division by zero, or a trap"; break;
    case SIGILL:
        name = "SIGILL: an instruction that this processor does not have";
        break;
    case SIGABRT: name = "aborted"; break;
    default: words[0] = '\0'; return;
    }
    snprintf(words, size, "%s%s%s", name, place,
             f.error_number == ENOMEM
                 ? ", after an allocation failed (out of memory)"
                 : "");
}
