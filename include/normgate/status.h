/* Status: whether the harness could do its own work, with words for people. */
#ifndef NORMGATE_STATUS_H
#define NORMGATE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ng_status {
#define NG_STATUS(name, message) ng_status_##name,
#include <normgate/status.def>
#undef NG_STATUS
} ng_status;

/* One line that names the argument, the reason and the mend. */
typedef struct ng_error {
    char text[768];
} ng_error;

/* The fixed message of a status; never NULL. */
const char *ng_status_text(ng_status status);

/* Writes the printf-style line into *error (NULL allowed) and returns
 * `status`, so that a failing function ends `return ng_fail(...)`. */
ng_status ng_fail(ng_error *error, ng_status status, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

#ifdef __cplusplus
}
#endif
#endif
