/* The crew's members are forked; each takes the next unit from a shared
 * counter and writes its records into a file of its own, as JSON lines. */
#include "crew.h"
#include "interrupt.h"
#include "progress.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where the records of a unit lie; set by the member that does it. */
typedef struct place {
    atomic_int state;
    int member;
    ng_status status;
    long begin, end; /* the end once it is done */
    ng_error error;
} place;

enum { place_waits, place_begun, place_done };

typedef struct board {
    atomic_size_t next;
    place place[];
} board;

typedef struct crew {
    board *board;
    size_t size; /* bytes of the board */
    unsigned jobs;
    pid_t process[NG_CREW_MAX];
    FILE *file[NG_CREW_MAX];
} crew;

typedef struct file_sink {
    ng_sink sink;
    FILE *file;
} file_sink;

static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    return ng_record_write(record, ((file_sink *)sink)->file, error);
}

static ng_status do_unit(const ng_crew_work *work, size_t i, ng_sink *sink,
                         ng_error *error)
{
    ng_sink *counted = ng_progress_unit(work->progress, i, sink);
    ng_status status = work->unit(work->user, i, counted, error);
    ng_progress_unit_end(work->progress);
    return status;
}

static _Noreturn void member_main(const crew *c, unsigned member,
                                  const ng_crew_work *work, pid_t parent)
{
    file_sink out = {{put}, c->file[member]};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it died before it could take this process along */
    /* By the line: what is found is handed on before its unit ends. */
    setvbuf(out.file, NULL, _IOLBF, 1 << 16);
    for (;;) {
        size_t i = atomic_fetch_add(&c->board->next, 1);
        if (i >= work->count)
            _exit(0);
        place *p = &c->board->place[i];
        p->member = (int)member;
        p->begin = ftell(out.file);
        atomic_store(&p->state, place_begun);
        p->status = do_unit(work, i, &out.sink, &p->error);
        p->end = ftell(out.file);
        if (fflush(out.file) != 0 || p->begin < 0 || p->end < 0)
            p->status = ng_fail(&p->error, ng_status_fault,
                                "a temporary file cannot be written: %s",
                                strerror(errno));
        atomic_store(&p->state, place_done);
    }
}

static ng_status hire(crew *c, const ng_crew_work *work, unsigned jobs,
                      ng_error *error)
{
    c->size = sizeof(board) + work->count * sizeof(place);
    c->board = mmap(NULL, c->size, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c->board == MAP_FAILED)
        return ng_fail(error, ng_status_fault, "mmap: %s", strerror(errno));
    for (; c->jobs < jobs; c->jobs++) {
        c->file[c->jobs] = tmpfile();
        if (c->file[c->jobs] == NULL)
            return ng_fail(error, ng_status_fault, "no temporary file: %s",
                           strerror(errno));
        fflush(NULL);
        pid_t parent = getpid(), process = fork();
        if (process == 0)
            member_main(c, c->jobs, work, parent);
        if (process < 0) {
            fclose(c->file[c->jobs]);
            return ng_fail(error, ng_status_fault, "fork: %s", strerror(errno));
        }
        c->process[c->jobs] = process;
    }
    return ng_status_ok;
}

static void stop(crew *c)
{
    for (unsigned j = 0; j < c->jobs; j++) {
        if (c->process[j] > 0) {
            kill(c->process[j], SIGKILL);
            waitpid(c->process[j], NULL, 0);
        }
        c->process[j] = 0;
    }
}

static void dismiss(crew *c)
{
    stop(c);
    for (unsigned j = 0; j < c->jobs; j++)
        fclose(c->file[j]);
    if (c->board != MAP_FAILED)
        munmap(c->board, c->size);
}

/* A member that has gone before all units are taken did not end by itself. */
static bool all_alive(crew *c, size_t count)
{
    for (unsigned j = 0; j < c->jobs; j++) {
        int status;
        if (c->process[j] <= 0 ||
            waitpid(c->process[j], &status, WNOHANG) != c->process[j])
            continue;
        c->process[j] = 0;
        if (status != 0 || atomic_load(&c->board->next) < count)
            return false;
    }
    return true;
}

/* Hands on the whole lines of [*at, end) of the file; *at is then behind the
 * last of them. */
static ng_status pass_on(FILE *file, long *at, long end, ng_sink *sink,
                         ng_error *error)
{
    const long begin = *at;
    size_t size = (size_t)(end - begin);
    char *text = malloc(size + 1);
    ng_status status = ng_status_ok;
    if (text == NULL)
        return ng_fail(error, ng_status_no_memory, "no memory for records");
    if (pread(fileno(file), text, size, begin) != (ssize_t)size)
        status =
            ng_fail(error, ng_status_fault,
                    "a temporary file cannot be read: %s", strerror(errno));
    text[size] = '\0';
    char *line = text, *stop = NULL;
    bool told = false; /* to end: what is here already is handed on */
    while (status == ng_status_ok && (stop = strchr(line, '\n')) != NULL) {
        ng_arena texts = {0};
        ng_record record;
        *stop = '\0';
        status = ng_record_read(&record, &texts, line, error);
        if (status == ng_status_ok)
            status = sink->put(sink, &record, error);
        told = told || status == ng_status_interrupted;
        if (status == ng_status_interrupted)
            status = ng_status_ok;
        ng_arena_release(&texts);
        line = stop + 1;
        *at = begin + (line - text);
    }
    free(text);
    return status == ng_status_ok && told ? ng_status_interrupted : status;
}

/* Where a unit's records end by now. */
static long end_of(const crew *c, place *p)
{
    struct stat file;
    if (atomic_load(&p->state) == place_done)
        return p->end;
    return fstat(fileno(c->file[p->member]), &file) == 0 ? (long)file.st_size
                                                         : p->begin;
}

/* Hands on the records of a unit as they come, until it is done. */
static ng_status follow(crew *c, size_t i, long *at, size_t count,
                        ng_sink *sink, ng_error *error)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    place *p = &c->board->place[i];
    for (*at = -1;;) {
        bool alive = all_alive(c, count);
        int state = atomic_load(&p->state);
        long end = state == place_waits ? -1 : end_of(c, p);
        if (state != place_waits && *at < 0)
            *at = p->begin;
        ng_status status = ng_interrupt_status(error);
        if (status == ng_status_ok && end > *at)
            status = pass_on(c->file[p->member], at, end, sink, error);
        if (status != ng_status_ok)
            return status;
        if (state == place_done)
            break;
        if (!alive)
            return ng_fail(error, ng_status_fault,
                           "a process of normgate ended before its work did");
        nanosleep(&pause, NULL);
    }
    if (p->status != ng_status_ok)
        *error = p->error;
    return p->status;
}

/* The run was told to end: what the members have found beyond unit i, of which
 * all up to `at` was handed on, is not lost. */
static void salvage(crew *c, size_t i, long at, size_t count, ng_sink *sink)
{
    ng_error ignored;
    stop(c);
    for (; i < count; i++, at = -1) {
        place *p = &c->board->place[i];
        if (atomic_load(&p->state) == place_waits)
            continue;
        long from = at < 0 ? p->begin : at, end = end_of(c, p);
        if (end > from)
            pass_on(c->file[p->member], &from, end, sink, &ignored);
    }
}

ng_status ng_crew_run(const ng_crew_work *work, unsigned jobs, ng_sink *sink,
                      ng_error *error)
{
    ng_status status = ng_status_ok;
    ng_progress_begin(work->progress, work->phase, work->count);
    if (jobs <= 1) {
        for (size_t i = 0; i < work->count && status == ng_status_ok; i++)
            status = do_unit(work, i, sink, error);
        ng_progress_end(work->progress);
        return status;
    }
    crew c = {.board = MAP_FAILED};
    status = hire(&c, work, jobs, error);
    for (size_t i = 0; i < work->count && status == ng_status_ok; i++) {
        long at;
        status = follow(&c, i, &at, work->count, sink, error);
        if (status == ng_status_interrupted)
            salvage(&c, i, at, work->count, sink);
    }
    dismiss(&c);
    ng_progress_end(work->progress);
    return status;
}
