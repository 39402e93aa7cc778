/* JSON files that people write and keep: bounded, and every complaint about one
 * names the file, the reason and the mend. */
#ifndef NORMGATE_CORE_JSON_FILE_H
#define NORMGATE_CORE_JSON_FILE_H

#include <normgate/arena.h>
#include <normgate/status.h>

#include <jansson.h>
#include <stddef.h>

typedef struct ng_json_limits {
    size_t bytes;
    const char *mend; /* "docs/adoption.md shows one" */
} ng_json_limits;

/* The object that is the whole file: a key twice, a NUL byte, invalid UTF-8 and
 * anything after it are errors. Released by json_decref(). A file that is not
 * there is ng_status_nothing_checked, and only that. */
ng_status ng_json_load(json_t **object, const char *path,
                       const ng_json_limits *limits, ng_error *error);

enum { NG_JSON_SHOWN = 64 };
/* The beginning of an untrusted text, fit for a terminal. */
const char *ng_json_shown(char shown[NG_JSON_SHOWN], const char *text);

/* A copy that lives in the arena; NULL: out of memory. */
const char *ng_json_keep(ng_arena *arena, const json_t *text);

#endif
