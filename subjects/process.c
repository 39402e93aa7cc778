/* The process of a subject: its limits, its memory, its end. */
#include "internal.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif

double subject_start_deadline(const ng_subject *subject)
{
    double limit = subject->options.start_s;
    return wire_now() + (limit > 0 ? limit : 120);
}

double subject_call_deadline(const ng_subject *subject)
{
    double limit = subject->options.timeout_s;
    return wire_now() + (limit > 0 ? limit : 10);
}

#ifndef ADDRESS_SANITIZER /* its shadow is larger than any limit */
/* What this process has already: it inherits normgate's own memory. */
static rlim_t data_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %*u %*u %*u %*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void limit_memory(const ng_subject *subject)
{
    size_t bytes = subject->options.memory_bytes;
    /* A kernel needs little beyond its tensors, which are shared memory and do
     * not count; a framework reserves gigabytes before it does anything. */
    rlim_t usual = (rlim_t)1
                   << (subject->transport == &worker_transport ? 34 : 30);
    rlim_t limit = data_bytes() + (bytes > 0 ? bytes : usual);
    setrlimit(RLIMIT_DATA, &(struct rlimit){limit, limit});
}
#endif

/* In the words of OpenMP, MKL, OpenBLAS, Rayon, Numba, NumExpr, Accelerate. */
static void set_threads(unsigned count)
{
    static const char *const names[] = {
        "OMP_NUM_THREADS",       "MKL_NUM_THREADS",   "OPENBLAS_NUM_THREADS",
        "RAYON_NUM_THREADS",     "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS"};
    char text[16];
    if (count == 0)
        return;
    snprintf(text, sizeof text, "%u", count);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        setenv(names[i], text, 1);
    /* As many as were asked for, also where there are fewer processors. */
    setenv("OMP_DYNAMIC", "false", 1);
    setenv("MKL_DYNAMIC", "false", 1);
    unsetenv("OMP_THREAD_LIMIT");
}

void subject_detach(const ng_subject *subject)
{
    /* What normgate handles or ignores, a kernel meets as in its own process. */
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGXFSZ};
    for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++)
        signal(handled[i], SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    set_threads(subject->options.threads);
#ifdef ADDRESS_SANITIZER
    (void)subject;
#else
    limit_memory(subject);
#endif
    /* If the machine itself runs short, this process goes first. */
    int file = open("/proc/self/oom_score_adj", O_WRONLY);
    if (file >= 0) {
        if (write(file, "1000", 4) != 4) {
            /* allowed to fail: the limit above still holds */
        }
        close(file);
    }
}

ng_status subject_map_memory(ng_subject *subject, ng_error *error)
{
    if (subject->memory != NULL)
        return ng_status_ok;
    void *memory = mmap(NULL, layout_capacity(), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return ng_fail(error, ng_status_fault,
                       "no shared memory for the subject: %s", strerror(errno));
    subject->memory = memory;
    return ng_status_ok;
}

bool subject_map_far(ng_subject *subject)
{
    if (subject->far_memory != NULL)
        return true;
    void *memory = mmap(NULL, layout_far_capacity(), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    subject->far_memory = memory;
    return true;
}

void subject_kill(ng_subject *subject)
{
    if (subject->process > 0)
        kill(-subject->process, SIGKILL);
}

bool subject_is_dead(const ng_subject *subject)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)subject->process, &info,
                  WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == subject->process;
}

static void describe_end(const ng_subject *subject, int state, char *words,
                         size_t size)
{
    int number = WIFSIGNALED(state) ? WTERMSIG(state) : 0;
    /* The shell that runs a worker's command passes a signal on as 128 + n. */
    if (subject->transport == &worker_transport && WIFEXITED(state) &&
        WEXITSTATUS(state) > 128 && sigabbrev_np(WEXITSTATUS(state) - 128))
        number = WEXITSTATUS(state) - 128;
    if (number == SIGKILL)
        snprintf(words, size,
                 "was killed by SIGKILL (from outside, or out of memory)");
    else if (number != 0)
        snprintf(words, size, "was killed by SIG%s", sigabbrev_np(number));
    else
        snprintf(words, size, "called exit(%d)", WEXITSTATUS(state));
}

int subject_reap(ng_subject *subject, char *words, size_t size)
{
    int state = 0;
    if (subject->process <= 0) {
        snprintf(words, size, "it is not running");
        return 0;
    }
    /* Its pipe is closed, so it is ending; give it a second, then insist. */
    double deadline = wire_now() + 1;
    while (!subject_is_dead(subject) && wire_now() < deadline)
        usleep(1000);
    bool ended = subject_is_dead(subject);
    /* Before it is reaped: until then nobody else can have its number. */
    kill(-subject->process, SIGKILL);
    while (waitpid(subject->process, &state, 0) < 0 && errno == EINTR)
        continue;
    if (ended)
        describe_end(subject, state, words, size);
    else
        snprintf(words, size, "closed its pipe to normgate and went on");
    subject->process = -1;
    close(subject->to);
    close(subject->from);
    subject->to = subject->from = -1;
    return WIFSIGNALED(state) ? WTERMSIG(state) : 0;
}

bool subject_ensure_running(ng_subject *subject, ng_reply *reply)
{
    ng_error error;
    char words[128];
    if (subject->process > 0 && !subject_is_dead(subject))
        return true;
    /* A kill from outside, or by the end of the thread that started it, says
     * nothing of the subject; any other end was its own. */
    if (subject->process > 0 &&
        subject_reap(subject, words, sizeof words) != SIGKILL) {
        reply->verdict = NG_CRASH;
        snprintf(reply->message, sizeof reply->message,
                 "%s after the previous call", words);
        return false;
    }
    if (subject->transport->start(subject, &error) == ng_status_ok)
        return true;
    snprintf(reply->message, sizeof reply->message, "%.310s", error.text);
    subject_kill(subject);
    subject_reap(subject, words, sizeof words);
    return false;
}
