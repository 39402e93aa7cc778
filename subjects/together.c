/* Two calls at once, in the forked child: what one call does to the other
 * shows in the other's outputs.
 *
 * Each call has its thread. Each runs alone first; then come rounds in which
 * both start together, and rounds in which one is stopped in the middle by a
 * signal while the other runs from its begin to its end. The second kind does
 * not depend on how many processors are free. A kernel that holds a lock while
 * it is stopped only makes the other wait: the stop ends by itself. */
#include "child.h"
#include "wire.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The longest stop: a right kernel with a lock costs it in full. */
#define STOP_S 0.005

enum plan {
    run_first,  /* the first call alone */
    run_second, /* the second */
    run_both,
    run_inside, /* the second in the middle of the first */
    run_end,
};

typedef struct lane {
    struct two *two;
    unsigned number;
    const ng_kernel *kernel;
    const ng_call *call;
    size_t bytes;                  /* of all that the call writes */
    unsigned char *before, *alone; /* it, before a call and after one alone */
} lane;

typedef struct two {
    lane lane[2];
    const call_order *order;
    unsigned char *memory;
    call_reply *reply;
    pthread_barrier_t begin, end;
    enum plan plan;
    double alone_s;     /* what the first call takes alone */
    double stop_at;     /* as a part of that */
    atomic_uint ready;  /* lanes that are about to call */
    atomic_bool inside; /* the first lane is in its call */
    atomic_bool stopped, first_done, second_done;
} two;

/* A signal handler has no argument of ours. */
static two *current;

/* In the first lane's thread, in the middle of its call. */
static void on_stop(int number)
{
    int error = errno;
    (void)number;
    if (!atomic_load(&current->inside) ||
        atomic_exchange(&current->stopped, true))
        return;
    double limit = wire_now() + STOP_S;
    while (!atomic_load(&current->second_done) && wire_now() < limit)
        sched_yield();
    errno = error;
}

static int stop_signal(void)
{
    return SIGRTMAX - 3;
}

/* Both are past this at nearly the same time: a barrier of the system wakes
 * one long before the other. */
static void meet(two *t)
{
    atomic_fetch_add(&t->ready, 1);
    double limit = wire_now() + STOP_S;
    while (atomic_load(&t->ready) < 2 && wire_now() < limit)
        sched_yield();
}

/* Copies what the call writes to `store` (out), from it, or compares. */
enum traffic { save, restore, compare };
static bool move(const two *t, const lane *l, unsigned char *store,
                 enum traffic way)
{
    const layout *where = &t->order->place[l->number].where;
    bool equal = true;
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const span *s = &where->tensor[role];
        if (!s->present || !s->written)
            continue;
        unsigned char *tensor = t->memory + s->data;
        if (way == save)
            memcpy(store, tensor, s->bytes);
        else if (way == restore)
            memcpy(tensor, store, s->bytes);
        else
            equal = equal && memcmp(store, tensor, s->bytes) == 0;
        store += s->bytes;
    }
    return equal;
}

static struct timespec timespec_of(double seconds)
{
    long whole = (long)seconds;
    return (struct timespec){whole,
                             1 + (long)((seconds - (double)whole) * 1e9)};
}

/* A timer that sends this thread the signal, again and again: it may first come
 * between two calls. */
static bool arm(timer_t *timer, double seconds)
{
    enum { BETWEEN_NS = 20000 };
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                             .sigev_signo = stop_signal()};
    event._sigev_un._tid = gettid();
    const struct itimerspec when = {.it_value = timespec_of(seconds),
                                    .it_interval.tv_nsec = BETWEEN_NS};
    if (timer_create(CLOCK_MONOTONIC, &event, timer) != 0)
        return false;
    timer_settime(*timer, 0, &when, NULL);
    return true;
}

/* Calls the first until the signal stops it in the middle: a short call may be
 * over before the timer is, and is then made again. */
static void run_stopped(lane *l)
{
    two *t = l->two;
    timer_t timer;
    double at = t->alone_s * t->stop_at, limit = wire_now() + at + STOP_S;
    bool armed = arm(&timer, at);
    for (;;) {
        atomic_store(&t->inside, true);
        child_run(l->kernel, l->call, l->number, t->reply);
        atomic_store(&t->inside, false);
        if (!armed || t->order->cold || atomic_load(&t->stopped) ||
            wire_now() > limit)
            break;
        move(t, l, l->before, restore);
    }
    if (armed)
        timer_delete(timer);
    /* The second need not wait for a stop that did not come. */
    atomic_store(&t->first_done, true);
}

static void run(lane *l)
{
    two *t = l->two;
    if (t->plan == run_inside && l->number == 0) {
        run_stopped(l);
        return;
    }
    if (t->plan == run_inside) {
        while (!atomic_load(&t->stopped) && !atomic_load(&t->first_done))
            sched_yield();
        if (atomic_load(&t->stopped))
            t->reply->overlapped++;
    }
    if (t->plan == run_both)
        meet(t);
    double start = wire_now();
    child_run(l->kernel, l->call, l->number, t->reply);
    if (t->plan == run_first)
        t->alone_s = wire_now() - start;
    if (l->number == 1)
        atomic_store(&t->second_done, true);
}

static void *lane_main(void *argument)
{
    lane *l = argument;
    two *t = l->two;
    static unsigned char stacks[2][1 << 16];
    /* A stack for the handler of faults; a sanitizer wants its own back. */
    const stack_t own = {.ss_sp = stacks[l->number],
                         .ss_size = sizeof stacks[0]};
    stack_t was;
    sigaltstack(&own, &was);
    for (;;) {
        pthread_barrier_wait(&t->begin);
        if (t->plan == run_end)
            break;
        if (t->plan != (l->number == 0 ? run_second : run_first))
            run(l);
        pthread_barrier_wait(&t->end);
    }
    sigaltstack(&was, NULL);
    return NULL;
}

static bool lane_init(two *t, unsigned number, const ng_kernel *kernels,
                      const ng_call *call)
{
    lane *l = &t->lane[number];
    const call_place *place = &t->order->place[number];
    *l = (lane){.two = t,
                .number = number,
                .kernel = &kernels[place->kernel],
                .call = call};
    for (ng_role role = 0; role < NG_TENSOR_COUNT; role++) {
        const span *s = &place->where.tensor[role];
        if (s->present && s->written)
            l->bytes += s->bytes;
    }
    l->before = malloc(l->bytes + 1);
    l->alone = malloc(l->bytes + 1);
    if (l->before == NULL || l->alone == NULL)
        return false;
    move(t, l, l->before, save);
    return true;
}

/* One round: the outputs are as before any call, then the plan. */
static void round_of(two *t, enum plan plan)
{
    for (unsigned k = 0; k < 2 && plan != run_end; k++)
        move(t, &t->lane[k], t->lane[k].before, restore);
    atomic_store(&t->ready, 0);
    atomic_store(&t->inside, false);
    atomic_store(&t->stopped, false);
    atomic_store(&t->first_done, false);
    atomic_store(&t->second_done, false);
    t->plan = plan;
    pthread_barrier_wait(&t->begin);
    if (plan != run_end)
        pthread_barrier_wait(&t->end);
}

static bool both_done(const call_reply *reply)
{
    return reply->result[0] == NG_DONE && reply->result[1] == NG_DONE;
}

/* Each alone: the second time for the clock, without what a first call costs. */
static void alone(two *t)
{
    for (int time = 0; time < 2; time++) {
        round_of(t, run_first);
        move(t, &t->lane[0], t->lane[0].alone, save);
    }
    round_of(t, run_second);
    move(t, &t->lane[1], t->lane[1].alone, save);
}

static void rounds(two *t)
{
    call_reply *reply = t->reply;
    /* Parts of the call, spread evenly by the golden ratio, and not its ends. */
    double part = 0.5, limit = wire_now() + t->order->seconds;
    while (reply->tried < t->order->rounds && both_done(reply) &&
           !reply->differ && (reply->tried < 2 || wire_now() < limit)) {
        t->stop_at = 0.1 + 0.8 * part;
        part += 0.6180339887498949;
        part -= part >= 1;
        round_of(t, reply->tried % 2 == 0 ? run_both : run_inside);
        reply->tried++;
        for (unsigned k = 0; k < 2; k++)
            reply->differ |= !move(t, &t->lane[k], t->lane[k].alone, compare);
    }
}

static void perform(two *t)
{
    if (t->order->cold) {
        t->alone_s = t->order->seconds;
        t->stop_at = 1;
        round_of(t, t->alone_s > 0 ? run_inside : run_both);
        t->reply->tried = 1;
        return;
    }
    alone(t);
    if (both_done(t->reply))
        rounds(t);
}

void child_together(const ng_kernel *kernels, const call_order *order,
                    const ng_call call[2], unsigned char *memory,
                    call_reply *reply)
{
    static two t;
    pthread_t thread[2];
    struct sigaction action = {.sa_handler = on_stop}, was;
    t = (two){.order = order, .memory = memory, .reply = reply};
    current = &t;
    reply->result[0] = reply->result[1] = NG_BROKEN;
    if (!lane_init(&t, 0, kernels, &call[0]) ||
        !lane_init(&t, 1, kernels, &call[1]))
        abort();
    action.sa_flags = SA_RESTART;
    sigaction(stop_signal(), &action, &was);
    pthread_barrier_init(&t.begin, NULL, 3);
    pthread_barrier_init(&t.end, NULL, 3);
    for (unsigned k = 0; k < 2; k++) {
        if (pthread_create(&thread[k], NULL, lane_main, &t.lane[k]) != 0)
            abort();
    }
    perform(&t);
    round_of(&t, run_end);
    for (unsigned k = 0; k < 2; k++) {
        pthread_join(thread[k], NULL);
        free(t.lane[k].before);
        free(t.lane[k].alone);
    }
    pthread_barrier_destroy(&t.begin);
    pthread_barrier_destroy(&t.end);
    sigaction(stop_signal(), &was, NULL);
}
