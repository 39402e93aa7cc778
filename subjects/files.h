/* Files: the form of a folder of calls, which gen writes and judge reads.
 *
 * Every name below the folder is made here, from the call's number and the
 * roles of its tensors; none is taken from the manifest. */
#ifndef NORMGATE_FILES_H
#define NORMGATE_FILES_H

#include "internal.h"

#include <normgate/offline.h>
#include <stdio.h>

#define FILES_SCHEMA "normgate-offline/1"
#define FILES_MANIFEST "manifest.json"
#define FILES_PARTIAL "manifest.json.partial" /* while gen writes */
#define FILES_CALLS "calls"

enum {
    FILES_CALLS_MAX = 50000,
    FILES_ID_MAX = 8,      /* "000001" */
    FILES_NAME_MAX = 32,   /* "new_running_mean.npy" */
    FILES_SHAPE_MAX = 120, /* "f32 [65537, 3, 49]" */
};

/* What makes calls equal: pass, sizes, numbers and inputs, as FNV-1a. */
typedef struct files_key {
    uint64_t high, low;
} files_key;

typedef struct files_entry {
    files_key key;
    unsigned id; /* from 1 */
} files_entry;

typedef struct files {
    ng_offline about;
    int folder, calls;    /* open directories, or -1 */
    files_entry *entries; /* of the reader: in the order of their keys */
    size_t count, room;
    /* the writer's */
    const char *kernel, *contract; /* until it has started */
    FILE *manifest;                /* being written, or NULL */
    ng_offline_answer *answer;
    bool failed; /* error says why */
    ng_error error;
} files;

files *files_new(void);
void files_free(files *f);

files_key files_key_of(const ng_request *request);
int files_key_order(const void *a, const void *b);

bool files_is_written(const ng_tensor *tensor);

void files_id(char id[FILES_ID_MAX], unsigned number);

/* The array's file, as input or as output; what a call updates has both. */
void files_name(char name[FILES_NAME_MAX], ng_role role, bool output);

/* Sizes of the role's array: SHAPE of impl.h, or under layout=strided the
 * whole memory as one axis. Returns how many. */
size_t files_shape(const ng_subject *subject, const ng_request *request,
                   ng_role role, size_t shape[3]);
void files_shape_text(char text[FILES_SHAPE_MAX], ng_dtype dtype,
                      const size_t *shape, size_t axes);

#endif
