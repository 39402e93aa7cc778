/* Offline: every call of a gate run as a folder of files, for kernels that run
 * elsewhere: on a cluster, a phone, in a simulator.
 *
 *   ng_offline_create    a subject that writes each call's inputs and answers
 *                        as a right kernel would (`normgate gen`)
 *   files:FOLDER         a subject that answers with the outputs that came back
 *                        (`normgate judge`)
 *
 * docs/offline.md has the folder's form. */
#ifndef NORMGATE_OFFLINE_H
#define NORMGATE_OFFLINE_H

#include <normgate/subject.h>

/* The run that a folder is made for: gen and judge must try the same cases. */
typedef struct ng_offline {
    char version[40];   /* of the normgate that made it */
    char profile[16];   /* smoke, gate, deep */
    char property[200]; /* glob; "": all */
    uint64_t seed;
    size_t calls; /* in the folder */
    size_t files; /* written: arrays and manifest; 0 of one that was read */
    uint64_t bytes;
} ng_offline;

/* Fills the outputs of the request with what a right kernel returns. */
typedef ng_status ng_offline_answer(const ng_request *request,
                                    const ng_contract *contract,
                                    ng_error *error);

/* A subject of one kernel. The folder must not exist, or be empty. */
ng_status ng_offline_create(ng_subject **subject, const char *folder,
                            const char *kernel, const char *contract,
                            const ng_offline *about, ng_offline_answer *answer,
                            ng_error *error);

/* Makes the folder complete; without it, or when writing failed on the way
 * (which it says), the folder stays one that cannot be judged. */
ng_status ng_offline_finish(ng_subject *subject, ng_error *error);

/* NULL: the subject is called, not written or read. */
const ng_offline *ng_subject_offline(const ng_subject *subject);

#endif
