/* Reads, writes and messages. */
#include "wire.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

double wire_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static wire_end wait_readable(int fd, double deadline)
{
    for (;;) {
        double left = deadline - wire_now();
        if (left <= 0)
            return wire_late;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, left > 1000 ? 1000000 : (int)ceil(left * 1e3));
        if (ready > 0)
            return wire_ok;
        if (ready < 0 && errno != EINTR)
            return wire_closed;
    }
}

wire_end wire_read_some(int fd, void *bytes, size_t room, size_t *used,
                        double deadline)
{
    for (;;) {
        wire_end end = wait_readable(fd, deadline);
        if (end != wire_ok)
            return end;
        ssize_t got = read(fd, bytes, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return wire_closed;
        *used += (size_t)got;
        return wire_ok;
    }
}

wire_end wire_read(int fd, void *bytes, size_t count, double deadline)
{
    size_t used = 0;
    wire_end end = wire_ok;
    while (used < count && end == wire_ok)
        end = wire_read_some(fd, (unsigned char *)bytes + used, count - used,
                             &used, deadline);
    return end;
}

/* A reader that is gone gives EPIPE, whatever the process does with SIGPIPE. */
static ssize_t write_quietly(int fd, const void *bytes, size_t count)
{
    sigset_t signal, waiting, before;
    sigemptyset(&signal);
    sigaddset(&signal, SIGPIPE);
    sigpending(&waiting);
    pthread_sigmask(SIG_BLOCK, &signal, &before);
    ssize_t put = write(fd, bytes, count);
    int error = errno;
    if (put < 0 && error == EPIPE && !sigismember(&waiting, SIGPIPE))
        sigtimedwait(&signal, NULL, &(struct timespec){0, 0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return put;
}

bool wire_write(int fd, const void *bytes, size_t count)
{
    const unsigned char *from = bytes;
    while (count > 0) {
        ssize_t put = write_quietly(fd, from, count);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        from += put;
        count -= (size_t)put;
    }
    return true;
}

wire_end wire_receive(int fd, wire_head *head, char *payload, double deadline)
{
    wire_end end = wire_read(fd, head, sizeof *head, deadline);
    if (end != wire_ok)
        return end;
    if (head->length > WIRE_MAX)
        return wire_garbage;
    payload[head->length] = '\0';
    return wire_read(fd, payload, head->length, deadline);
}

bool wire_send(int fd, wire_kind kind, const void *payload, size_t length)
{
    wire_head head = {(uint32_t)kind, (uint32_t)length};
    return length <= WIRE_MAX && wire_write(fd, &head, sizeof head) &&
           wire_write(fd, payload, length);
}
