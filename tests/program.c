/* Running the program. */
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

char *out, *err;

static char folder[] = "/tmp/normgate-test-XXXXXX";

char *slurp(const char *name)
{
    FILE *file = fopen(name, "rb");
    if (file == NULL)
        return NULL;
    size_t size = 0, room = (size_t)1 << 23;
    char *text = malloc(room);
    assert_non_null(text);
    size = fread(text, 1, room - 1, file);
    assert_true(size < room - 1);
    text[size] = '\0';
    fclose(file);
    return text;
}

void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

int shell(const char *command)
{
    char line[4096];
    int length =
        snprintf(line, sizeof line,
                 "( %s ) >stdout.txt 2>stderr.txt </dev/null", command);
    assert_true(length > 0 && (size_t)length < sizeof line);
    int status = system(line);
    free(out);
    free(err);
    out = slurp("stdout.txt");
    err = slurp("stderr.txt");
    assert_non_null(out);
    assert_non_null(err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void assert_run(const char *words, int code)
{
    char command[2048];
    snprintf(command, sizeof command, "'%s' %s", NORMGATE_PROGRAM, words);
    int got = shell(command);
    if (got != code)
        fail_msg("normgate %s: exit %d, not %d\n%s%s", words, got, code, out,
                 err);
}

void assert_error(const char *words, int code, const char *reason)
{
    assert_run(words, code);
    size_t length = strlen(err);
    if (strncmp(err, "normgate", 8) != 0 || length < 10 ||
        strchr(err, '\n') != err + length - 1 || strstr(err, reason) == NULL)
        fail_msg("normgate %s: no single line with '%s': '%s'", words, reason,
                 err);
}

int program_enter(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

int program_leave(void **state)
{
    char command[64];
    (void)state;
    free(out);
    free(err);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return chdir("/") != 0 || system(command) != 0;
}
