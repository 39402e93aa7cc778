/* The crew's members are forked; each takes the next unit from a shared
 * counter and writes its records into a file of its own, as JSON lines. */
#include "crew.h"
#include "progress.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where the records of a unit lie; set by the member that did it. */
typedef struct place {
    atomic_int done;
    int member;
    ng_status status;
    long begin, end;
    ng_error error;
} place;

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
                                  const ng_crew_work *work)
{
    file_sink out = {{put}, c->file[member]};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        size_t i = atomic_fetch_add(&c->board->next, 1);
        if (i >= work->count)
            _exit(0);
        place *p = &c->board->place[i];
        p->member = (int)member;
        p->begin = ftell(out.file);
        p->status = do_unit(work, i, &out.sink, &p->error);
        p->end = ftell(out.file);
        if (fflush(out.file) != 0 || p->begin < 0 || p->end < 0)
            p->status = ng_fail(&p->error, ng_status_fault,
                                "a temporary file cannot be written: %s",
                                strerror(errno));
        atomic_store(&p->done, 1);
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
        pid_t process = fork();
        if (process == 0)
            member_main(c, c->jobs, work);
        if (process < 0) {
            fclose(c->file[c->jobs]);
            return ng_fail(error, ng_status_fault, "fork: %s", strerror(errno));
        }
        c->process[c->jobs] = process;
    }
    return ng_status_ok;
}

static void dismiss(crew *c)
{
    for (unsigned j = 0; j < c->jobs; j++) {
        if (c->process[j] > 0) {
            kill(c->process[j], SIGKILL);
            waitpid(c->process[j], NULL, 0);
        }
        fclose(c->file[j]);
    }
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

static ng_status await(crew *c, size_t i, size_t count, ng_error *error)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    place *p = &c->board->place[i];
    while (!atomic_load(&p->done)) {
        if (!all_alive(c, count) && !atomic_load(&p->done))
            return ng_fail(error, ng_status_fault,
                           "a process of normgate ended before its work did");
        nanosleep(&pause, NULL);
    }
    if (p->status != ng_status_ok)
        *error = p->error;
    return p->status;
}

/* Hands on the records of a unit, line by line. */
static ng_status pass_on(FILE *file, const place *p, ng_sink *sink,
                         ng_error *error)
{
    size_t size = (size_t)(p->end - p->begin);
    char *text = malloc(size + 1);
    ng_status status = ng_status_ok;
    if (text == NULL)
        return ng_fail(error, ng_status_no_memory, "no memory for records");
    if (pread(fileno(file), text, size, p->begin) != (ssize_t)size)
        status =
            ng_fail(error, ng_status_fault,
                    "a temporary file cannot be read: %s", strerror(errno));
    text[size] = '\0';
    for (char *line = text; status == ng_status_ok && line < text + size;) {
        char *end = strchr(line, '\n');
        ng_arena texts = {0};
        ng_record record;
        *end = '\0';
        status = ng_record_read(&record, &texts, line, error);
        if (status == ng_status_ok)
            status = sink->put(sink, &record, error);
        ng_arena_release(&texts);
        line = end + 1;
    }
    free(text);
    return status;
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
        status = await(&c, i, work->count, error);
        if (status == ng_status_ok) {
            const place *p = &c.board->place[i];
            status = pass_on(c.file[p->member], p, sink, error);
        }
    }
    dismiss(&c);
    ng_progress_end(work->progress);
    return status;
}
