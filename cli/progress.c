/* The live line. The shared memory holds plain atomic numbers: a process that
 * is killed while it writes them leaves nothing locked. */
#define _GNU_SOURCE /* close_range */
#include "progress.h"
#include "estimate.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WHOLE = 1 << 20, UNKNOWN_WIDTH = 80 };

/* One unit of work. Texts are the constants and kernel names of the process
 * that runs it: copied, and read while they may change, so cut and cleaned. */
typedef struct place {
    atomic_uint share; /* done, of WHOLE */
    atomic_bool running;
    _Atomic double since; /* when its present case began */
    char kernel[64], property[32];
} place;

typedef struct ng_board {
    atomic_size_t cases, findings;
    _Atomic double worst;
    char phase[24];
    size_t units;
    place place[];
} ng_board;

static const char erase[] = "\r\033[K";

void ng_progress_init(ng_progress *progress, bool live)
{
    *progress = (ng_progress){.live = live, .begin = ng_seconds()};
}

static size_t columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return UNKNOWN_WIDTH;
    return size.ws_col;
}

static void draw(const ng_progress *p, ng_estimate *estimate)
{
    const ng_board *board = p->board;
    double now = ng_seconds();
    uint64_t share = 0;
    const place *longest = NULL;
    for (size_t i = 0; i < board->units; i++) {
        const place *at = &board->place[i];
        share += atomic_load(&at->share);
        if (atomic_load(&at->running) &&
            (longest == NULL ||
             atomic_load(&at->since) < atomic_load(&longest->since)))
            longest = at;
    }
    ng_glance glance = {
        .phase = board->phase,
        .fraction = (double)share / WHOLE / (double)board->units,
        .cases = atomic_load(&board->cases),
        .findings = atomic_load(&board->findings),
        .worst = atomic_load(&board->worst),
        .elapsed = now - p->begin,
    };
    char kernel[sizeof longest->kernel] = "", line[NG_LINE_MAX + 8];
    char property[sizeof longest->property] = "";
    if (longest != NULL) {
        memcpy(kernel, longest->kernel, sizeof kernel - 1);
        memcpy(property, longest->property, sizeof property - 1);
        glance.since = now - atomic_load(&longest->since);
    }
    glance.kernel = kernel;
    glance.property = property;
    glance.left = ng_estimate_left(estimate, now, glance.fraction);
    line[0] = '\r';
    size_t length = 1 + ng_estimate_line(line + 1, columns(), &glance);
    memcpy(line + length, "\033[K", 3);
    if (write(STDERR_FILENO, line, length + 3) < 0)
        _exit(1);
}

/* Ends with the run, whatever ends that; the run's own files are not kept
 * open. Signals are the run's to answer. */
static _Noreturn void paint(const ng_progress *p, pid_t run)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    ng_estimate estimate;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close_range(STDERR_FILENO + 1, ~0u, 0);
    ng_estimate_init(&estimate, ng_seconds());
    while (getppid() == run) {
        draw(p, &estimate);
        nanosleep(&pause, NULL);
    }
    _exit(0);
}

void ng_progress_begin(ng_progress *progress, const char *phase, size_t units)
{
    if (progress == NULL || !progress->live || units == 0)
        return;
    ng_board *before = progress->board;
    size_t size = sizeof(ng_board) + units * sizeof(place),
           old = progress->size;
    ng_board *board = mmap(NULL, size, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ng_progress_end(progress);
    if (board == MAP_FAILED) /* the run is worth more than the line */
        return;
    atomic_store(&board->cases, before ? atomic_load(&before->cases) : 0);
    atomic_store(&board->findings, before ? atomic_load(&before->findings) : 0);
    atomic_store(&board->worst, before ? atomic_load(&before->worst) : NAN);
    if (before != NULL)
        munmap(before, old);
    snprintf(board->phase, sizeof board->phase, "%s", phase);
    board->units = units;
    progress->board = board;
    progress->size = size;
    pid_t run = getpid();
    fflush(NULL);
    progress->painter = fork();
    if (progress->painter == 0)
        paint(progress, run);
}

void ng_progress_end(ng_progress *progress)
{
    if (progress == NULL || progress->painter <= 0)
        return;
    kill(progress->painter, SIGKILL);
    while (waitpid(progress->painter, NULL, 0) < 0 && errno == EINTR)
        ;
    progress->painter = 0;
    fputs(erase, stderr);
    fflush(stderr);
}

static void note_worst(ng_board *board, double ratio)
{
    double worst = atomic_load(&board->worst);
    while ((isnan(worst) || ratio > worst) &&
           !atomic_compare_exchange_weak(&board->worst, &worst, ratio))
        ;
}

/* A record ends one case and begins the next. */
static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    ng_progress *p = (ng_progress *)((char *)sink - offsetof(ng_progress, tap));
    place *at = &p->board->place[p->unit];
    ng_verdict verdict = NG_PASS;
    ng_status status = p->next->put(p->next, record, error);
    bool check = strcmp(record->kind, "check") == 0;
    if (check && record->seeded_bug[0] == '\0') {
        ng_verdict_parse(record->verdict, &verdict);
        atomic_fetch_add(&p->board->findings, ng_verdict_wrong(verdict));
        if (!isnan(record->ratio))
            note_worst(p->board, record->ratio);
    }
    atomic_fetch_add(&p->board->cases, check);
    p->done += p->done < p->cases;
    if (p->properties > 0 && p->cases > 0) {
        double part = (double)p->done / (double)p->cases;
        double done = ((double)p->property - 1 + part) / (double)p->properties;
        atomic_store(&at->share, (unsigned)(done * WHOLE));
    }
    atomic_store(&at->since, ng_seconds());
    return status;
}

ng_sink *ng_progress_unit(ng_progress *progress, size_t unit, ng_sink *sink)
{
    if (progress == NULL || progress->painter <= 0)
        return sink;
    progress->unit = unit;
    progress->next = sink;
    progress->tap = (ng_sink){put};
    return &progress->tap;
}

void ng_progress_unit_end(ng_progress *progress)
{
    if (progress == NULL || progress->painter <= 0)
        return;
    place *at = &progress->board->place[progress->unit];
    atomic_store(&at->running, false);
    atomic_store(&at->share, WHOLE);
}

void ng_progress_kernel(ng_progress *progress, const char *kernel,
                        size_t properties)
{
    if (progress == NULL || progress->painter <= 0)
        return;
    place *at = &progress->board->place[progress->unit];
    progress->properties = properties;
    progress->property = progress->cases = progress->done = 0;
    snprintf(at->kernel, sizeof at->kernel, "%s", kernel);
    atomic_store(&at->since, ng_seconds());
    atomic_store(&at->running, true);
}

void ng_progress_property(ng_progress *progress, const char *property,
                          size_t cases)
{
    if (progress == NULL || progress->painter <= 0)
        return;
    place *at = &progress->board->place[progress->unit];
    progress->property++;
    progress->cases = cases;
    progress->done = 0;
    snprintf(at->property, sizeof at->property, "%s", property);
}
