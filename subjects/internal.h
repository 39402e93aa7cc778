/* What the kinds of subjects share. */
#ifndef NORMGATE_SUBJECTS_INTERNAL_H
#define NORMGATE_SUBJECTS_INTERNAL_H

#include "fault.h"
#include "layout.h"

#include <normgate/builtin.h>
#include <normgate/impl.h>
#include <normgate/subject.h>

#include <sys/types.h>

enum { KERNELS_MAX = 4096, TEXT_MAX = 256 };

/* How one kind of subject is started, called and stopped. */
typedef struct transport {
    /* Starts the process, or loads the library, and adds its kernels. */
    ng_status (*start)(ng_subject *subject, ng_error *error);
    void (*call)(ng_subject *subject, const ng_request *request,
                 ng_reply *reply);
    void (*stop)(ng_subject *subject);
    /* Two calls at once; NULL: it has no threads, and no far memory. */
    void (*together)(ng_subject *subject, const ng_request request[2],
                     ng_together *together, ng_reply reply[2]);
    bool manners; /* calls in other manners than the ordinary one */
} transport;

extern const transport forked_transport, worker_transport, direct_transport,
    files_transport;

struct ng_subject {
    char *spec, *target; /* target: the spec without its prefix */
    char name[64];
    ng_subject_options options;
    const transport *transport;
    const ng_builtin *builtin; /* NULL: a library or a worker */
    ng_kernel_info *kernels;
    size_t kernel_count;
    bool known;            /* the kernels were read before */
    char breach[TEXT_MAX]; /* of the floating-point environment, by load */
    /* the process */
    pid_t process;
    int to, from; /* pipes; -1: not running */
    int errors;   /* file that collects a worker's stderr, or -1 */
    /* memory shared with it */
    unsigned char *memory;
    unsigned char *far_memory; /* NULL until there was a far call */
    int memory_file;           /* a worker's copy of it, or -1 */
    char memory_path[64];      /* of that file, while a worker starts */
    fault *fault;              /* what the forked child's last signal was */
    uint64_t calls;
    /* a folder of calls, written or read (files.h) */
    struct files *files;
    /* a library loaded here, in-process */
    const ng_kernel *direct, *copied; /* copied: to be freed */
    void *handle;
};

/* A subject of this transport: its start() is called. The subject is closed
 * when that fails. */
ng_status subject_start(ng_subject **opened, ng_subject *subject,
                        ng_error *error);
/* An unstarted one, without a transport; NULL: memory is out. */
ng_subject *subject_new(const char *spec, const ng_subject_options *options);

/* Adds one kernel from text that may be hostile. */
ng_status subject_add_kernel(ng_subject *subject, const char *name,
                             const char *contract, const char *file, int line,
                             ng_error *error);

/* How many kernels of the subject's built-in are opened. */
size_t subject_builtin_kernels(const ng_subject *subject);

/* After a restart the kernels are sent again: they must be the same. */
ng_status subject_check_kernels(const ng_subject *subject, size_t count,
                                ng_error *error);

/* Copies text for people: printable ASCII, the rest as '?'. */
void subject_clean_text(char *to, size_t size, const char *from, size_t length);

/* What loading did to the floating-point environment, as fp_changes() says. */
void subject_load_breach(ng_subject *subject, const char *changes);

/* The process ended: waits for it and says how, in words. Returns the signal
 * that ended it, or 0. */
int subject_reap(ng_subject *subject, char *words, size_t size);
void subject_kill(ng_subject *subject);

/* Its process has ended, whoever else still holds its pipes. */
bool subject_is_dead(const ng_subject *subject);

/* Starts it again after an end. False: the reply says why not. */
bool subject_ensure_running(ng_subject *subject, ng_reply *reply);

/* Memory of layout_capacity() bytes, which forked children share. */
ng_status subject_map_memory(ng_subject *subject, ng_error *error);
/* Addresses for far calls, which children forked from now on share. */
bool subject_map_far(ng_subject *subject);

/* In the child: a process group of its own that dies with normgate, and its
 * limits. */
void subject_detach(const ng_subject *subject);
double subject_start_deadline(const ng_subject *subject);
double subject_call_deadline(const ng_subject *subject);

/* The call as a kernel sees it: its numbers, then, over memory laid out by
 * `where`, its tensors. kernel, op and pass are the caller's to set. */
void subject_fill_call(ng_call *call, const ng_request *request,
                       const layout *where);
void subject_place_call(ng_call *call, unsigned char *memory,
                        const layout *where);

/* PASS, or what the kernel's result means instead. */
void subject_read_result(int result, ng_reply *reply);

/* Opens a library here and copies its descriptor; its kernels are then an
 * array of ours, to be freed. False: why is in `words`. */
bool library_open(ng_library *library, const char *path, void **handle,
                  char *words, size_t size);

#endif
