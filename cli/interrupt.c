/* The handler does what POSIX allows a handler to do, and no more. */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t came;
static volatile sig_atomic_t watcher; /* members of a crew stay silent */

static void remember(int number)
{
    static const char words[] = "\nnormgate: ends after the check at hand; "
                                "once more to end at once\n";
    int reason = errno;
    came = number;
    if (watcher == (sig_atomic_t)getpid() &&
        write(STDERR_FILENO, words, sizeof words - 1) < 0) {
        /* nobody reads it; the run ends all the same */
    }
    errno = reason;
}

void ng_interrupt_watch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    watcher = (sig_atomic_t)getpid();
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action = {.sa_handler = remember}, was;
        sigemptyset(&action.sa_mask);
        action.sa_flags = (int)(SA_RESTART | SA_RESETHAND);
        /* What the caller ignores (nohup) stays ignored. */
        if (sigaction(numbers[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

int ng_interrupt_signal(void)
{
    return (int)came;
}

ng_status ng_interrupt_status(ng_error *error)
{
    if (came == 0)
        return ng_status_ok;
    return ng_fail(error, ng_status_interrupted, "told to end by signal %d",
                   (int)came);
}
