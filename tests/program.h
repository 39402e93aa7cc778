/* The program as a user runs it, in a folder of its own: for suites that ask
 * for exit codes, output and files. */
#ifndef NORMGATE_TESTS_PROGRAM_H
#define NORMGATE_TESTS_PROGRAM_H

#include <stdbool.h>

extern char *out, *err; /* of the last run */

/* The whole file, or NULL; the caller's to free. */
char *slurp(const char *name);
void put(const char *name, const char *text);

/* Runs one command of a shell in the folder; 128 and more: a signal. */
int shell(const char *command);

/* Runs normgate with these words and asks for its exit code. */
void assert_run(const char *words, int code);

/* The same, with one line on stderr that holds `reason`. */
void assert_error(const char *words, int code, const char *reason);

/* Setup and teardown of a group: the folder. */
int program_enter(void **state);
int program_leave(void **state);

#endif
