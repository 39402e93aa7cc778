/* Command: one verb of the command line. */
#ifndef NORMGATE_COMMAND_H
#define NORMGATE_COMMAND_H

#include <normgate/status.h>

#include <stdbool.h>
#include <stddef.h>

/* Exit codes, a stable interface. */
enum ng_exit {
    ng_exit_holds = 0,
    ng_exit_wrong = 1,       /* something is wrong with the subject */
    ng_exit_usage = 2,       /* or an input that cannot be read */
    ng_exit_cannot_load = 3, /* the subject */
    ng_exit_nothing = 4,     /* nothing was checked, or not to the end */
    ng_exit_fault = 5,       /* normgate's own */
    ng_exit_signal = 128,    /* and its number: told to end before the work was
                                done, as shells count it */
};

typedef struct ng_command {
    const char *name;
    const char *usage; /* its name and what it takes besides options */
    const char *help;
    int (*run)(int count, char **words); /* words[0] is the command */
} ng_command;

extern const ng_command *const ng_commands[];        /* NULL at the end */
const ng_command *ng_command_find(const char *name); /* or NULL */

/* The program as it was called, for commands that users copy. */
extern const char *ng_program;

/* An option `--name VALUE` (or `--name=VALUE`) or, without a place for text, a
 * switch. */
typedef struct ng_option {
    const char *name;
    const char **text; /* where the value goes; NULL: a switch */
    bool *on;
} ng_option;

/* Takes the options out of `words`, which keeps the positional words. False:
 * the error is printed, or what --help asked for. Every command calls it before
 * anything else. An option has its row in options.def. */
bool ng_options_take(int *count, char **words, const ng_option *options,
                     size_t option_count);

/* Prints "normgate: ..." on stderr; returns the exit code of the status. */
int ng_exit_error(ng_status status, const ng_error *error);
int ng_exit_of(ng_status status);

bool ng_glob_match(const char *glob, const char *text); /* NULL: all */

/* Whether the word is builtin:GLOB, which may be several subjects. */
bool ng_is_builtin_glob(const char *subject);

/* Quotes a word for a POSIX shell. */
void ng_shell_quote(char *to, size_t size, const char *word);

#endif
