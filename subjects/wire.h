/* Wire: bounded messages between normgate and a forked subject, and reads that
 * end at a deadline. What a subject sends is hostile: every length is checked
 * before it is believed. */
#ifndef NORMGATE_WIRE_H
#define NORMGATE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_MAX = 1 << 16 }; /* bytes of one message's payload */

typedef enum wire_kind {
    wire_library, /* the library's name */
    wire_kernel,  /* name, contract, file, each with its NUL; then the line */
    wire_breach,  /* what loading did to the floating-point environment */
    wire_ready,   /* no more kernels */
    wire_failed,  /* why it cannot be loaded */
    wire_reply,   /* a struct call_reply */
} wire_kind;

typedef struct wire_head {
    uint32_t kind, length;
} wire_head;

typedef enum wire_end {
    wire_ok,
    wire_closed,  /* the other side is gone */
    wire_late,    /* the deadline has passed */
    wire_garbage, /* a message that breaks the protocol */
} wire_end;

double wire_now(void); /* monotonic seconds */

/* Reads exactly `count` bytes before the deadline (INFINITY: none). */
wire_end wire_read(int fd, void *bytes, size_t count, double deadline);

/* Reads what is there, at least a byte; adds to *used. */
wire_end wire_read_some(int fd, void *bytes, size_t room, size_t *used,
                        double deadline);

/* False when the reader is gone or, on a non-blocking pipe, does not read. */
bool wire_write(int fd, const void *bytes, size_t count);

/* One message; the payload is NUL-terminated in a buffer of WIRE_MAX + 1. */
wire_end wire_receive(int fd, wire_head *head, char *payload, double deadline);
bool wire_send(int fd, wire_kind kind, const void *payload, size_t length);

#endif
