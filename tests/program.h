/* The program as a user meets it: run in a folder of its own, with files of
 * forged records. Include <cmocka.h> first. */
#ifndef NORMGATE_TESTS_PROGRAM_H
#define NORMGATE_TESTS_PROGRAM_H

#include <normgate/record.h>

#include <stdbool.h>
#include <stddef.h>

/* Group set-up and tear-down: into a new folder, and out of it. */
int program_enter(void **state);
int program_leave(void **state);

extern char *out, *err; /* of the last run */

char *slurp(const char *name); /* NULL without the file; to be freed */
void put(const char *name, const char *text);
void put_bytes(const char *name, const void *bytes, size_t size);
size_t lines_of(const char *text);

bool exists(const char *name); /* also a link to nothing */

/* Exit code of a shell's command; 128: a signal ended it. */
int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs normgate with these words and asks for its exit code; the last also for
 * one line on stderr that holds `reason`. */
int run(const char *words);
void assert_run(const char *words, int code);
void assert_error(const char *words, int code, const char *reason);

/* A reader of `file` refused it: the error is printable and names the file and
 * the reason. */
void assert_refusal(ng_status status, const ng_error *error, const char *file,
                    const char *what, const char *reason);

void assert_has(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);

/* A page that is well formed, and what lies between the first `from` and the
 * next `to`; to be freed. */
char *page(const char *name);
char *part(const char *html, const char *from, const char *to);

typedef struct forged {
    const char *subject, *kernel, *property, *test, *verdict;
    double ulp;
    const char *histogram;
} forged;

/* A file of a run, its checks and its end. A kernel with f64 in its name is of
 * that dtype; a FAIL has ratio 7, all else 0.5. */
FILE *forge_run(const char *name, const char *profile, uint64_t seed);
void forge(FILE *file, const forged *check);
void forge_end(FILE *file);
void forge_file(const char *name, const forged *checks, size_t count);

#endif
