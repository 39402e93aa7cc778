/* Runs that do not end well, killed, told to end, out of space: what an earlier
 * run left is intact, what this one found can be read, no process survives. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "program.h"

#define EARLIER "of an earlier run\n"
#define CHECK "check builtin:two_pass --no-score --json f.jsonl --html f.html "

static pid_t start(const char *jobs)
{
    put("f.jsonl", EARLIER);
    put("f.html", EARLIER);
    unlink("f.jsonl.partial");
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        int to = open("told.txt", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(to, STDOUT_FILENO);
        dup2(to, STDERR_FILENO);
        execl(NORMGATE_PROGRAM, "normgate", "check", "builtin:two_pass",
              "--no-score", "--json", "f.jsonl", "--html", "f.html", "--jobs",
              jobs, (char *)NULL);
        _exit(127);
    }
    return process;
}

static void sleep_ms(long ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Until the run has stored that many bytes: what came before is start-up. */
static void await_bytes(off_t bytes)
{
    struct stat info;
    for (int i = 0; i < 6000; i++, sleep_ms(5))
        if (stat("f.jsonl.partial", &info) == 0 && info.st_size >= bytes)
            return;
    fail_msg("the run stores nothing");
}

/* Orphans come to this process (PR_SET_CHILD_SUBREAPER): all must end soon. */
static void assert_no_survivors(void)
{
    for (int i = 0; i < 1000; i++, sleep_ms(5)) {
        pid_t ended;
        do
            ended = waitpid(-1, NULL, WNOHANG);
        while (ended > 0);
        if (ended < 0)
            return; /* no child is left */
    }
    fail_msg("processes of the run are still there");
}

static void assert_earlier_files(void)
{
    char *json = slurp("f.jsonl"), *html = slurp("f.html");
    assert_string_equal(json, EARLIER);
    assert_string_equal(html, EARLIER);
    free(json);
    free(html);
}

/* What is left makes a page that says how far it goes. */
static void assert_partial_reports(void)
{
    assert_run("report f.jsonl.partial --html p.html", 4);
    assert_has(out, "INCOMPLETE");
    assert_has(err, "did not come to its end");
    char *html = page("p.html");
    assert_has(html, "<title>INCOMPLETE");
    assert_has(html, "builtin:two_pass");
    free(html);
}

static void test_killed_runs(void **state)
{
    static const struct {
        const char *jobs;
        off_t bytes;
        long more_ms;
    } rows[] = {{"1", 1, 3},       {"1", 100000, 17}, {"1", 700000, 61},
                {"2", 100000, 29}, {"2", 900000, 7},  {"3", 400000, 43}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status;
        pid_t process = start(rows[i].jobs);
        await_bytes(rows[i].bytes);
        sleep_ms(rows[i].more_ms);
        kill(process, SIGKILL);
        assert_int_equal(waitpid(process, &status, 0), process);
        assert_true(WIFSIGNALED(status));
        assert_no_survivors();
        assert_earlier_files();
        if (rows[i].bytes > 1)
            assert_partial_reports();
    }
}

static void test_told_to_end(void **state)
{
    static const struct {
        int signal;
        const char *jobs;
    } rows[] = {{SIGINT, "1"}, {SIGTERM, "1"}, {SIGHUP, "1"}, {SIGINT, "2"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int status;
        pid_t process = start(rows[i].jobs);
        await_bytes(300000);
        kill(process, rows[i].signal);
        assert_int_equal(waitpid(process, &status, 0), process);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 128 + rows[i].signal);
        assert_no_survivors();
        assert_earlier_files();
        char *told = slurp("told.txt");
        assert_has(told, "INCOMPLETE");
        assert_has(told, "ends after the check at hand");
        assert_has(told, "f.jsonl.partial: `normgate report`");
        free(told);
        /* the last record is whole */
        char *partial = slurp("f.jsonl.partial");
        assert_true(partial != NULL && partial[strlen(partial) - 1] == '\n');
        free(partial);
        assert_partial_reports();
    }
}

/* What the members of a crew had done is not lost: with the first kernel slow
 * to end, kernels beyond it are in the file. */
static void test_crews_keep_what_they_found(void **state)
{
    int status;
    (void)state;
    pid_t process = start("3");
    await_bytes(200000);
    kill(process, SIGTERM);
    assert_int_equal(waitpid(process, &status, 0), process);
    char *partial = slurp("f.jsonl.partial");
    assert_non_null(partial);
    size_t kernels = 0;
    for (const char *at = partial, *last = ""; at != NULL && *at != '\0';) {
        const char *name = strstr(at, "\"kernel\":\"");
        if (name == NULL)
            break;
        size_t length = strcspn(name + 10, "\"");
        kernels += strncmp(name, last, length + 11) != 0;
        last = name;
        at = name + length;
    }
    assert_true(kernels >= 3);
    free(partial);
}

/* A second signal ends the run at once, as it would have without normgate. */
static void test_told_twice(void **state)
{
    int status;
    (void)state;
    pid_t process = start("1");
    await_bytes(100000);
    kill(process, SIGSTOP); /* both come before it can act on the first */
    kill(process, SIGINT);
    kill(process, SIGTERM);
    kill(process, SIGCONT);
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_no_survivors();
    assert_earlier_files();
    assert_partial_reports();
}

static void assert_out_of_space(const char *command)
{
    int code = shell("%s", command);
    if (code != 2)
        fail_msg("%s: exit %d\n%s%s", command, code, out, err);
    assert_true(strncmp(err, "normgate: ", 10) == 0);
    assert_earlier_files();
}

static void test_full_disks(void **state)
{
    char command[1024];
    (void)state;
    put("f.jsonl", EARLIER);
    put("f.html", EARLIER);
    /* 64 blocks of 512 bytes, or of 1024 in some shells */
    snprintf(command, sizeof command,
             "ulimit -f 64; '%s' " CHECK "--profile smoke", NORMGATE_PROGRAM);
    assert_out_of_space(command);
    assert_has(err, "File too large");
    assert_partial_reports();
    snprintf(command, sizeof command,
             "'%s' check builtin:welford --profile smoke --json /dev/full",
             NORMGATE_PROGRAM);
    assert_out_of_space(command);
    assert_has(err, "No space left");
    /* a page that does not fit leaves the one that was there */
    snprintf(command, sizeof command,
             "ulimit -f 8; '%s' report f.jsonl.partial --html f.html",
             NORMGATE_PROGRAM);
    assert_out_of_space(command);
    assert_has(err, "f.html: cannot be written");
    assert_int_equal(shell("ls f.html.*"), 2);
}

static void test_full_file_system(void **state)
{
    char command[1024];
    (void)state;
    assert_int_equal(mkdir("disk", 0777), 0);
    if (mount("none", "disk", "tmpfs", 0, "size=64k") != 0)
        skip(); /* for root alone */
    assert_int_equal(chdir("disk"), 0);
    put("f.jsonl", EARLIER);
    put("f.html", EARLIER);
    snprintf(command, sizeof command,
             "'%s' " CHECK
             "--profile smoke 2>../e; c=$?; cat ../e >&2; exit $c",
             NORMGATE_PROGRAM);
    int code = system(command);
    char *told = slurp("../e");
    assert_int_equal(WEXITSTATUS(code), 2);
    assert_has(told, "No space left");
    free(told);
    assert_earlier_files();
    put("f.html", ""); /* room for nothing but what is there */
    assert_int_equal(chdir(".."), 0);
    assert_run("report disk/f.jsonl.partial --html p.html", 4);
    assert_int_equal(umount("disk"), 0);
}

/* Orphans of a killed run come to this process. */
static int enter(void **state)
{
    return program_enter(state) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_runs),
        cmocka_unit_test(test_told_to_end),
        cmocka_unit_test(test_crews_keep_what_they_found),
        cmocka_unit_test(test_told_twice),
        cmocka_unit_test(test_full_disks),
        cmocka_unit_test(test_full_file_system),
    };
    return cmocka_run_group_tests(tests, enter, program_leave);
}
