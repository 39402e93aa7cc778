/* Hostile text at a terminal: subjects, workers, files and words whose names
 * and messages hold escape sequences, control and bidirectional characters,
 * broken UTF-8 and new lines. What the program prints can do nothing but be
 * read. And its help, which must name every option. */
#include <normgate/utf8.h>

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "program.h"

#define EVIL                                                                   \
    "\x1b[2J\a\r\nPASS\n\b\x7f\xe2\x80\xae\xc2\x9b"                            \
    "31m\xff\xc0\xaf\xed\xa0\x80\xe2\x80\xa8"

enum { WORDS_MAX = 16, LONG = 100000 };

static char *output; /* of the last run, stdout and stderr */

/* By their numbers, not by the function that the program asks. */
static bool is_harmful(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) ||
           c == 0x061C || c == 0x200E || c == 0x200F || c == 0x2028 ||
           c == 0x2029 || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

static void assert_harmless(const char *text)
{
    for (const char *at = text; *at != '\0';) {
        const char *begin = at;
        uint32_t c = ng_utf8_next(&at);
        bool broken =
            c == NG_UTF8_REPLACEMENT && strncmp(begin, "\xef\xbf\xbd", 3) != 0;
        if (broken || is_harmful(c))
            fail_msg("byte 0x%02x at %td of the output", (unsigned char)*begin,
                     begin - text);
    }
    /* A line of its own is what EVIL tries to write. */
    assert_null(strstr(text, "\nPASS\n\x08"));
}

/* Runs the program with these words, as they are; its exit code. */
static int run_words(const char *const *words)
{
    char *argument[WORDS_MAX] = {(char[]){NORMGATE_PROGRAM}};
    size_t count = 1;
    for (; words[count - 1] != NULL; count++) {
        assert_true(count < WORDS_MAX - 1);
        argument[count] = (char *)(uintptr_t)words[count - 1];
    }
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        int file = open("output.txt", O_CREAT | O_TRUNC | O_WRONLY, 0600);
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(file, 1);
        dup2(file, 2);
        execv(argument[0], argument);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 5);
    free(output);
    output = slurp("output.txt");
    assert_non_null(output);
    assert_harmless(output);
    return WEXITSTATUS(status);
}

#define RUN(...) run_words((const char *const[]){__VA_ARGS__, NULL})

static char *long_text(void)
{
    char *text = malloc(LONG + sizeof EVIL);
    assert_non_null(text);
    for (size_t used = 0; used < LONG; used += sizeof EVIL - 1)
        memcpy(text + used, EVIL, sizeof EVIL);
    return text;
}

static void words_are_harmless(void **unused)
{
    char *endless = long_text();
    const char *const evil[] = {EVIL, endless, EVIL " " EVIL, "--" EVIL};
    (void)unused;
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++) {
        const char *const rows[][8] = {
            {evil[i]},
            {"explain", evil[i]},
            {"list", evil[i]},
            {"score", evil[i], "--profile", "none"},
            {"replay", evil[i]},
            {"replay", "rms_norm/forward/f32 rows=1 n=1", evil[i]},
            {"replay", "rms_norm/forward/f32 rows=1 n=1", "builtin:two_pass",
             "--kernel", evil[i]},
            {"check", evil[i]},
            {"check", "builtin:two_pass", "--property", evil[i]},
            {"check", "builtin:two_pass", "--profile", evil[i]},
            {"check", "builtin:two_pass", "--seed", evil[i]},
            {"check", "builtin:two_pass", "--timeout", evil[i]},
            {"check", "builtin:two_pass", "--kernel", evil[i]},
            {"check", "builtin:two_pass", "--html", evil[i], "--json",
             "no/such"},
            {"check", "worker:", evil[i]},
            {"gen", "op=rms_norm dtype=f32", "--out", "g", "--kernel", evil[i]},
            {"gen", evil[i], "--out", "g"},
            {"judge", evil[i]},
            {"reference", evil[i], "--x", "no.npy", "--out", "r"},
            {"reference", "op=rms_norm dtype=f32", "--x", evil[i], "--out",
             "r"},
        };
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            int code = run_words(rows[k]);
            if (code == 0 || code == 1 || code == 5)
                fail_msg("row %zu: exit %d: %s", k, code, output);
            if (lines_of(output) > 2 && code != 4)
                fail_msg("row %zu: more than a line: %s", k, output);
        }
    }
    free(endless);
    assert_int_equal(RUN("score", EVIL), 4);
}

/* A library whose path is hostile, and so its spec in records, in replay
 * commands and in errors. */
static void a_subject_of_a_hostile_name_is_harmless(void **unused)
{
    static const char name[] = "./" EVIL ".so";
    static const char line[] = "rms_norm/forward/f32 rows=2 n=9 seed=1";
    (void)unused;
    assert_int_equal(
        symlink(NORMGATE_BINARY_DIR "/tests/plugins/hostile.so", name), 0);
    assert_int_equal(RUN("check", name, "--profile", "smoke", "--property",
                         "accuracy", "--kernel", "skips_last", "--json",
                         "r.jsonl", "--html", EVIL ".html"),
                     1);
    assert_non_null(strstr(output, "FAIL skips_last"));
    assert_non_null(strstr(output, "\xe2\x90\x9b[2J")); /* a picture of ESC */
    assert_true(lines_of(output) <= 15);
    assert_int_equal(RUN("check", name, "--verbose", "--profile", "smoke",
                         "--property", "growth", "--kernel", "[bo]*"),
                     1);
    assert_int_equal(RUN("replay", line, name, "--kernel", "skips*"), 1);
    assert_non_null(strstr(output, "<-- wrong"));
    assert_int_equal(RUN("replay", line, name, "--kernel", EVIL), 4);
    assert_int_equal(RUN("check", "./" EVIL "absent.so"), 3);
    FILE *file = fopen(EVIL ".case", "w");
    assert_non_null(file);
    assert_true(fputs("rms_norm/forward/f32 " EVIL "=1\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN("replay", EVIL ".case", name), 2);
    static const char *const at_load[] = {"bad_name", "escapes"};
    for (size_t i = 0; i < 2; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/tests/plugins/at_load_%s.so",
                 NORMGATE_BINARY_DIR, at_load[i]);
        assert_int_equal(RUN("check", path), 3);
        assert_int_equal(lines_of(output), 1);
    }
    assert_int_equal(RUN("report", "r.jsonl", "--html", EVIL ".html"), 1);
    assert_int_equal(RUN("report", EVIL ".case"), 2);
    assert_int_equal(RUN("report", "r.jsonl", "r.jsonl", "--diff"), 1);
}

#define ESCAPES "\\u001b[2J\\u0007\\r\\n\\u009b\\u202e"

static void files_of_hostile_text_are_harmless(void **unused)
{
    static const char *const files[] = {
        EVIL,
        "{\"waivers\": [{\"kernel\": \"" ESCAPES "*\", \"property\": \"*\", "
        "\"reason\": \"" ESCAPES "\"}]}",
        "{\"waivers\": [], \"" ESCAPES "\": 1}",
        "{\"" ESCAPES "\": \"" ESCAPES "\"}",
        "{\"kind\":\"check\",\"schema\":\"normgate-record/1\",\"subject\":"
        "\"" ESCAPES "\",\"kernel\":\"" ESCAPES "\",\"op\":\"" ESCAPES
        "\",\"pass\":\"forward\",\"dtype\":\"f32\",\"property\":\"" ESCAPES
        "\",\"test\":\"" ESCAPES "\",\"verdict\":\"FAIL\",\"cause\":\"" ESCAPES
        "\",\"replay\":\"" ESCAPES "\"}\n",
    };
    (void)unused;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        FILE *file = fopen(EVIL ".json", "w");
        assert_non_null(file);
        assert_true(fputs(files[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        RUN("check", "builtin:two_pass", "--profile", "smoke", "--kernel",
            "rms_norm_f32", "--property", "growth", "--waivers", EVIL ".json");
        assert_true(lines_of(output) <= 15);
        RUN("check", "builtin:two_pass", "--profile", "smoke", "--kernel",
            "rms_norm_f32", "--property", "growth", "--baseline", EVIL ".json");
        assert_true(lines_of(output) <= 15);
        RUN("report", EVIL ".json");
        assert_true(lines_of(output) <= 16);
    }
    assert_non_null(strstr(output, "\xe2\x90\x9b[2J")); /* the record's text */
}

static void a_folder_of_a_hostile_name_is_harmless(void **unused)
{
    (void)unused;
    assert_int_equal(RUN("gen", "op=rms_norm dtype=f32", "--out", EVIL,
                         "--property", "growth", "--profile", "smoke"),
                     0);
    assert_int_equal(RUN("judge", EVIL), 1);
    assert_int_equal(RUN("judge", EVIL, "--verbose"), 1);
    FILE *file = fopen(EVIL "/manifest.json", "w");
    assert_non_null(file);
    assert_true(fputs("{\"normgate\": \"\\u001b[2J\\n" EVIL "\"}", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN("judge", EVIL), 3);
    assert_int_equal(lines_of(output), 1);
}

static void a_worker_that_writes_escapes_is_harmless(void **unused)
{
    static const char *const cases[] = {"refuses", "name",     "raw",
                                        "garbage", "stderr",   "bytes",
                                        "kernel",  "contract", "key"};
    (void)unused;
    if (NORMGATE_PYTHON[0] != '/')
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char spec[2048];
        snprintf(spec, sizeof spec,
                 "worker:'%s' '%s/tests/workers/escapes.py' %s",
                 NORMGATE_PYTHON, NORMGATE_SOURCE_DIR, cases[i]);
        assert_int_not_equal(RUN("check", spec, "--profile", "smoke",
                                 "--property", "growth", "--verbose"),
                             0);
        assert_true(lines_of(output) <= 40);
        assert_int_not_equal(
            RUN("replay", "rms_norm/forward/f32 rows=2 n=9 seed=1", spec), 0);
    }
}

/* Every option of --help, in docs/cli.md below the heading of its command. */
static void check_options(const char *docs, const char *command)
{
    char heading[64], *help = strdup(output);
    assert_non_null(help);
    snprintf(heading, sizeof heading, "\n## normgate %s ", command);
    const char *begin = strstr(docs, heading);
    const char *end = begin ? strstr(begin + 4, "\n## ") : NULL;
    if (begin == NULL)
        fail_msg("docs/cli.md has no heading '%s'", heading);
    assert_non_null(end);
    char *section = strndup(begin, (size_t)(end - begin));
    assert_non_null(section);
    const char *options = strstr(help, "\noptions:\n");
    for (const char *at = options; at && (at = strstr(at, "\n  --")); at++) {
        char name[64];
        snprintf(name, sizeof name, "--%.*s", (int)strcspn(at + 5, " \n"),
                 at + 5);
        char first[80];
        snprintf(first, sizeof first, "`%s", name);
        if (strstr(section, first) == NULL)
            fail_msg("docs/cli.md does not name %s of %s", name, command);
        if (strstr(help, name) > options)
            fail_msg("the usage of %s does not name %s", command, name);
    }
    /* and the other way round */
    for (const char *at = section; (at = strstr(at, "`--")) != NULL; at++) {
        char name[64];
        snprintf(name, sizeof name, "\n  %.*s ",
                 (int)strspn(at + 1, "-abcdefghijklmnopqrstuvwxyz"), at + 1);
        if (options == NULL || strstr(options, name) == NULL)
            fail_msg("%s takes no %s", command, name + 3);
    }
    free(section);
    free(help);
}

static void the_help_names_every_option(void **unused)
{
    char *docs = slurp(NORMGATE_SOURCE_DIR "/docs/cli.md"), commands[4096];
    (void)unused;
    assert_int_equal(RUN("help"), 0);
    snprintf(commands, sizeof commands, "%s", output);
    size_t count = 0;
    for (const char *at = commands; (at = strstr(at, "\n  normgate ")); at++) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 12, " \n"),
                 at + 12);
        assert_int_equal(RUN(name, "--help"), 0);
        for (const char *line = output; *line != '\0';) {
            size_t length = strcspn(line, "\n");
            if (length >= 80)
                fail_msg("%s --help: %.*s", name, (int)length, line);
            line += length + 1;
        }
        if (strstr(output, "(not described)") != NULL)
            fail_msg("an option of %s has no row in cli/options.def", name);
        check_options(docs, name);
        count++;
    }
    assert_true(count >= 8);
    for (const char *line = commands; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        assert_true(length < 80);
        line += length + 1;
    }
    assert_int_equal(RUN("check", "--quiet", "--help", "--bogus"), 0);
    assert_non_null(strstr(output, "options:"));
    free(docs);
}

/* A command that prints by itself passes the filter by. */
static void commands_print_by_the_filter_alone(void **unused)
{
    static const char *const ways[] = {" printf(", "(printf(", "fprintf(",
                                       "putchar(", "perror("};
    DIR *cli = opendir(NORMGATE_SOURCE_DIR "/cli");
    size_t files = 0;
    (void)unused;
    assert_non_null(cli);
    for (struct dirent *entry; (entry = readdir(cli)) != NULL;) {
        const char *name = entry->d_name;
        size_t length = strlen(name);
        if (length < 3 || strcmp(name + length - 2, ".c") != 0 ||
            strcmp(name, "help.c") == 0) /* prints its own tables alone */
            continue;
        char path[1024];
        snprintf(path, sizeof path, "%s/cli/%s", NORMGATE_SOURCE_DIR, name);
        char *text = slurp(path);
        assert_non_null(text);
        for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
            if (strstr(text, ways[i]) != NULL)
                fail_msg("cli/%s: %s) is not ng_print()", name, ways[i]);
        }
        free(text);
        files++;
    }
    closedir(cli);
    assert_true(files > 10);
}

static int leave(void **state)
{
    free(output);
    return program_leave(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_harmless),
        cmocka_unit_test(a_subject_of_a_hostile_name_is_harmless),
        cmocka_unit_test(files_of_hostile_text_are_harmless),
        cmocka_unit_test(a_folder_of_a_hostile_name_is_harmless),
        cmocka_unit_test(a_worker_that_writes_escapes_is_harmless),
        cmocka_unit_test(the_help_names_every_option),
        cmocka_unit_test(commands_print_by_the_filter_alone),
    };
    return cmocka_run_group_tests(tests, program_enter, leave);
}
