/* normgate report as a user meets it, and the runs that it is for: those that
 * were killed, told to end or ran out of space, shards, several subjects, and
 * two runs of one. */
#include <normgate/record.h>

#include <fcntl.h>
#include <math.h>
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

#include "markup.h"

static char folder[] = "/tmp/normgate-report-XXXXXX";
static char *out, *err; /* of the last run */

static char *slurp(const char *name)
{
    struct stat info;
    FILE *file = fopen(name, "rb");
    if (file == NULL || fstat(fileno(file), &info) != 0)
        return NULL;
    char *text = calloc((size_t)info.st_size + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)info.st_size, file), info.st_size);
    fclose(file);
    return text;
}

static void put(const char *name, const void *text, size_t size)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Exit code of a shell's command; 128: a signal ended it. */
static int shell(const char *command)
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
    assert_true(out != NULL && err != NULL);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void assert_run(const char *words, int code)
{
    char command[2048];
    snprintf(command, sizeof command, "'%s' %s", NORMGATE_PROGRAM, words);
    int got = shell(command);
    if (got != code)
        fail_msg("normgate %s: exit %d, not %d\n%s%s", words, got, code, out,
                 err);
}

static void assert_has(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("no '%s' in: %.3000s", part, text != NULL ? text : "(none)");
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' in: %.3000s", part, text);
}

/* A page that is well formed; the caller frees it. */
static char *page(const char *name)
{
    char *html = slurp(name);
    assert_non_null(html);
    const char *fault = markup_fault(html);
    if (fault != NULL)
        fail_msg("%s is not well formed: %.200s", name, fault);
    return html;
}

/* --- forged records ------------------------------------------------------ */

static void write_record(FILE *file, const ng_record *record)
{
    ng_record copy = *record;
    char id[NG_RECORD_ID_SIZE];
    if (strcmp(copy.kind, "check") == 0) {
        ng_record_id(&copy, id);
        copy.id = id;
    }
    assert_int_equal(ng_record_write(&copy, file, NULL), ng_status_ok);
}

static FILE *begin(const char *name, const char *profile, uint64_t seed)
{
    FILE *file = fopen(name, "wb");
    ng_record run;
    assert_non_null(file);
    ng_record_init(&run, "run");
    run.profile = profile;
    run.seed = seed;
    run.version = "0.1.0";
    write_record(file, &run);
    return file;
}

static void finish(FILE *file)
{
    ng_record last;
    ng_record_init(&last, "end");
    write_record(file, &last);
    assert_int_equal(fclose(file), 0);
}

typedef struct forged {
    const char *subject, *kernel, *property, *test, *verdict;
    double ulp;
    const char *histogram;
} forged;

static void forge(FILE *file, const forged *f)
{
    ng_record record;
    ng_record_init(&record, "check");
    record.subject = f->subject;
    record.kernel = f->kernel;
    record.contract = "op=layer_norm";
    record.op = "layer_norm";
    record.pass = "forward";
    record.dtype = strstr(f->kernel, "f64") != NULL ? "f64" : "f32";
    record.property = f->property;
    record.test = f->test;
    record.verdict = f->verdict;
    record.histogram = f->histogram != NULL ? f->histogram : "";
    record.error_ulp = f->ulp;
    record.ratio = strcmp(f->verdict, "FAIL") == 0 ? 7 : 0.5;
    record.elements = 4;
    record.proved_exact = 4;
    write_record(file, &record);
}

static void forge_file(const char *name, const forged *rows, size_t count)
{
    FILE *file = begin(name, "smoke", 1);
    for (size_t i = 0; i < count; i++)
        forge(file, &rows[i]);
    finish(file);
}

/* --- runs that do not end well -------------------------------------------- */

#define EARLIER "of an earlier run\n"
#define CHECK "check builtin:two_pass --no-score --json f.jsonl --html f.html "

static pid_t start(const char *jobs)
{
    put("f.jsonl", EARLIER, strlen(EARLIER));
    put("f.html", EARLIER, strlen(EARLIER));
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

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
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
    int code = shell(command);
    if (code != 2)
        fail_msg("%s: exit %d\n%s%s", command, code, out, err);
    assert_true(strncmp(err, "normgate: ", 10) == 0);
    assert_earlier_files();
}

static void test_full_disks(void **state)
{
    char command[1024];
    (void)state;
    put("f.jsonl", EARLIER, strlen(EARLIER));
    put("f.html", EARLIER, strlen(EARLIER));
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
    put("f.jsonl", EARLIER, strlen(EARLIER));
    put("f.html", EARLIER, strlen(EARLIER));
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
    put("f.html", "", 0); /* room for nothing but what is there */
    assert_int_equal(chdir(".."), 0);
    assert_run("report disk/f.jsonl.partial --html p.html", 4);
    assert_int_equal(umount("disk"), 0);
}

static void test_partial_is_named(void **state)
{
    (void)state;
    put("g.jsonl.partial", "", 0);
    unlink("g.jsonl");
    assert_run("report g.jsonl", 2);
    assert_has(err, "g.jsonl.partial: give that file");
    unlink("g.jsonl.partial");
    assert_run("report g.jsonl", 2);
    assert_has(err, "No such file");
}

/* --- files of any kind ------------------------------------------------------ */

static const forged one[] = {
    {"s", "k_f32", "accuracy", "c n=1", "PASS", 0.5, NULL}};

static void test_truncated_anywhere(void **state)
{
    (void)state;
    forge_file("whole.jsonl", one, 1);
    char *text = slurp("whole.jsonl");
    size_t size = strlen(text), complete = 0;
    for (size_t n = 0; n <= size; n++) {
        put("cut.jsonl", text, n);
        bool whole = n + 1 >= size; /* the newline adds nothing */
        assert_run("report cut.jsonl", whole ? 0 : 4);
        assert_has(out, whole ? "PASS\n" : "INCOMPLETE");
        complete += whole;
    }
    assert_int_equal(complete, 2);
    free(text);
}

#define SCHEMA "\"schema\":\"" NG_RECORD_SCHEMA "\""
#define RUN "{\"kind\":\"run\"," SCHEMA "}\n"
#define END "{\"kind\":\"end\"," SCHEMA "}\n"

static void test_hostile_files(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *reason;
    } rows[] = {
        {"", 4, "has no records"},
        {"\n\n", 4, "has no records"},
        {"\x7f"
         "ELF\x02\x01\n",
         2, "h.jsonl:1: not a JSON object"},
        {"\xff\xfe\n", 2, "h.jsonl:1: not a JSON object"},
        {"[1]\n", 2, "h.jsonl:1: not a normgate record"},
        {RUN "{\"kind\":\"check\",\"schema\":\"normgate-record/2\"}\n", 2,
         "h.jsonl:2: field \"schema\" is not"},
        {RUN "{\"kind\":\"check\"," SCHEMA ",\"ratio\":[]}\n", 2,
         "h.jsonl:2: field \"ratio\" is not a number"},
        {RUN END, 4, "nothing was checked"},
        {END RUN, 4, "did not come to its end"},
        {RUN RUN END END, 4, "did not come to its end"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put("h.jsonl", rows[i].text, strlen(rows[i].text));
        assert_run("report h.jsonl --html h.html", rows[i].code);
        assert_has(err, rows[i].reason);
        assert_true(lines_of(err) == 1);
    }
    size_t size = (size_t)3 << 20;
    char *wide = malloc(size);
    assert_non_null(wide);
    memset(wide, 'x', size);
    put("h.jsonl", wide, size);
    assert_run("report h.jsonl", 2);
    assert_has(err, "longer than 1 MiB");
    memset(wide, '\0', size);
    put("h.jsonl", wide, size);
    assert_run("report h.jsonl", 2);
    assert_has(err, "NUL");
    free(wide);
    assert_run("report .", 2);
    assert_has(err, "is a folder");
    assert_run("report", 2);
    assert_has(err, "give files");
    assert_run("report whole.jsonl --diff", 2);
    assert_has(err, "--diff wants two files");
    assert_run("report whole.jsonl --html nowhere/h.html", 2);
    assert_has(err, "cannot write nowhere/h.html");
}

static void test_hostile_names(void **state)
{
    size_t size = 200000;
    char *huge = malloc(size + 1);
    assert_non_null(huge);
    memset(huge, 'A', size);
    huge[size] = '\0';
    const forged rows[] = {
        {"<script>alert(1)</script>\033[2J", "k<b>_f32", "accuracy", "c n=1",
         "PASS", INFINITY, "0:1 99:1"},
        {huge, huge, "\"'><i>", huge, "FAIL", NAN, "no histogram"},
        {"\xe2\x80\xae"
         "evil",
         "", "", "", "", 1e308, "62:18446744073709551615"},
    };
    (void)state;
    forge_file("n.jsonl", rows, 3);
    forge_file("m.jsonl", rows, 3);
    assert_run("report n.jsonl m.jsonl --html n.html", 1);
    assert_null(strchr(out, '\033'));
    char *html = page("n.html");
    assert_lacks(html, "<script");
    assert_true(strlen(html) < 600000);
    free(html);
    assert_run("report n.jsonl m.jsonl --diff --html n.html", 1);
    assert_null(strchr(out, '\033'));
    free(page("n.html"));
    free(huge);
}

/* --- which records, and of whom --------------------------------------------- */

static void test_filters(void **state)
{
    static const forged rows[] = {
        {"s", "k_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
        {"s", "k_f64", "accuracy", "c n=1", "FAIL", 50, NULL},
        {"t", "k_f32", "shift", "c n=1", "PASS", 0.5, NULL},
    };
    (void)state;
    forge_file("r.jsonl", rows, 3);
    assert_run("report r.jsonl", 1);
    assert_run("report r.jsonl --dtype f32", 0);
    assert_lacks(out, "FAIL");
    assert_run("report r.jsonl --kernel '*f64'", 1);
    assert_run("report r.jsonl --subject t", 0);
    assert_lacks(out, "  s  ");
    assert_run("report r.jsonl --property shift", 0);
    assert_run("report r.jsonl --op batch_norm", 4);
    assert_has(err, "nothing was checked");
    assert_run("report r.jsonl --quiet --pass forward", 1);
    assert_string_equal(out, "");
    char command[512];
    snprintf(command, sizeof command, "cat r.jsonl | '%s' report -",
             NORMGATE_PROGRAM);
    assert_int_equal(shell(command), 1);
    assert_has(out, "FAIL");
}

static void test_runs_told_apart(void **state)
{
    static const forged rows[] = {
        {"s", "k_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
        {"s", "k_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
        {"t", "k_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
    };
    (void)state;
    /* shards of one run: no check in both */
    forge_file("a.jsonl", rows, 1);
    forge_file("b.jsonl", rows + 1, 2);
    assert_run("report a.jsonl b.jsonl", 0);
    assert_has(out, "  s   1 of 1 kernel   2 cases");
    /* three runs of it */
    forge_file("c.jsonl", rows, 1);
    assert_int_equal(system("mkdir -p old && cp a.jsonl old/a.jsonl"), 0);
    assert_run("report a.jsonl b.jsonl c.jsonl --html t.html", 0);
    assert_has(out, "  s (a)   1 of 1 kernel   1 case ");
    assert_has(out, "  s (c)   1 of 1 kernel   1 case ");
    assert_has(out, "  t   1 of 1 kernel   1 case ");
    char *html = page("t.html");
    assert_has(html, "Side by side");
    free(html);
    assert_run("report a.jsonl c.jsonl old/a.jsonl", 0);
    assert_has(out, "s (old/a.jsonl, file 3)");
    /* another seed is another run, also without a common check */
    FILE *file = begin("d.jsonl", "smoke", 2);
    forge(file, &rows[1]);
    finish(file);
    assert_run("report b.jsonl d.jsonl c.jsonl", 0);
    assert_has(out, "  s (d)");
}

/* --- the atlas ---------------------------------------------------------------- */

/* The part of a page between two marks, from the first `from` on. */
static char *part(const char *html, const char *from, const char *to)
{
    const char *begin = strstr(html, from);
    assert_non_null(begin);
    const char *end = strstr(begin, to);
    assert_non_null(end);
    char *text = strndup(begin, (size_t)(end - begin));
    assert_non_null(text);
    return text;
}

static void test_atlas_of_forged_records(void **state)
{
    /* 98 outputs without error, one of 12 sorts up to 2^-1 = 0.5 (bin 11 ends
     * at 2^-6 * 2^5), one up to 2^4 (bin 21): 99 of 100 are within 0.5. */
    static const forged rows[] = {
        {"s", "k_f32", "accuracy", "l/f/f32 n=1", "PASS", 0.4, "0:50 11:1"},
        {"s", "k_f32", "shift", "l/f/f32 n=2", "PASS", 13.25, "0:48 21:1"},
        {"t", "k_f32", "accuracy", "l/f/f32 n=3", "PASS", 3.125, "0:50 17:50"},
        {"t", "k_f32", "shift", "l/f/f32 n=4", "FAIL", NAN, NULL},
        {"t", "k_f32", "shift", "l/f/f32 n=5", "CRASH", NAN, NULL},
        {"t", "j_f32", "shift", "l/f/f32 n=6", "FAIL", 2.5, NULL},
        {"t", "k_f64", "shift", "l/f/f64 n=7", "PASS", 0.75, NULL},
    };
    (void)state;
    forge_file("r.jsonl", rows, sizeof rows / sizeof rows[0]);
    assert_run("report r.jsonl --html r.html", 1);
    char *html = page("r.html");
    char *f32 = part(html, "forward f32</small></th>", "</tr>");
    char *second = strstr(f32, "</td><td");
    assert_non_null(second);
    *second = '\0';
    assert_has(f32, "<b>13.2</b><small>p99&nbsp;0.5</small>");
    assert_has(f32, "best");
    assert_has(f32, "title=\"l/f/f32 n=2\"");
    assert_lacks(f32, "finding");
    second++;
    /* bin 17 ends at 2^-6 * 2^8 = 4, above the largest error of all */
    assert_has(second, "<b>3.12</b><small>p99&nbsp;3.12</small>");
    assert_has(second, "2&nbsp;findings"); /* kernels times properties */
    assert_has(second, "worst");
    free(f32);
    char *f64 = part(html, "forward f64</small></th>", "</tr>");
    assert_has(f64, "no kernel</td><td");
    assert_has(f64, "<b>0.75</b>");
    assert_lacks(f64, "p99");
    free(f64);
    assert_has(html,
               "<b>s</b> has no kernel for 1 of 2: layer_norm forward f64");
    free(html);
}

/* By a count of its own: edges by repeated doubling, quantile by walking. */
typedef struct own {
    double ulp, p99;
} own;

static own recompute(const ng_record *records, size_t count, const char *dtype)
{
    uint64_t bins[63] = {0}, total = 0, seen = 0;
    own result = {NAN, NAN};
    for (size_t i = 0; i < count; i++) {
        const ng_record *r = &records[i];
        if (strcmp(r->kind, "check") != 0 || strcmp(r->dtype, dtype) != 0 ||
            strcmp(r->pass, "forward") != 0)
            continue;
        if (strcmp(r->verdict, "SKIP") == 0 ||
            strcmp(r->verdict, "UNSUPPORTED") == 0)
            continue;
        if (r->error_ulp > result.ulp || isnan(result.ulp))
            result.ulp = isnan(r->error_ulp) ? result.ulp : r->error_ulp;
        for (const char *at = r->histogram; *at != '\0';) {
            char *end;
            unsigned long bin = strtoul(at, &end, 10);
            unsigned long long n = strtoull(end + 1, &end, 10);
            assert_true(bin < 63);
            bins[bin] += n;
            total += n;
            at = *end == ' ' ? end + 1 : end;
        }
    }
    double edge = 0;
    for (int b = 0; b < 62; b++) {
        seen += bins[b];
        if (b == 1)
            edge = 1.0 / 64;
        else if (b > 1)
            edge = b % 2 == 0 ? edge * 1.5 : edge / 1.5 * 2;
        if ((double)seen >= 0.99 * (double)total) {
            result.p99 = edge < result.ulp ? edge : result.ulp;
            return result;
        }
    }
    result.p99 = INFINITY;
    return result;
}

/* The page shows two or three digits. */
static bool shows(double shown, double value)
{
    return shown == value || fabs(shown - value) <= 0.006 * value;
}

static void test_atlas_of_real_records(void **state)
{
    static const char *const files[] = {"two_pass.jsonl", "welford.jsonl"};
    static const char *const dtypes[] = {"f32", "f64"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char words[256];
        snprintf(words, sizeof words,
                 "check builtin:%.*s --profile smoke --op layer_norm --dtype "
                 "'f[36]*' --pass forward --json %s --quiet",
                 (int)strcspn(files[i], "."), files[i], files[i]);
        assert_run(words, 0);
    }
    assert_run("report two_pass.jsonl welford.jsonl --html r.html", 0);
    char *html = page("r.html");
    for (size_t d = 0; d < 2; d++) {
        char mark[64];
        snprintf(mark, sizeof mark, "forward %s</small></th><td title",
                 dtypes[d]);
        char *row = part(html, mark, "</tr>"), *at = row;
        for (size_t i = 0; i < 2; i++) {
            ng_arena arena = {0};
            ng_record *records;
            size_t count;
            bool complete;
            assert_int_equal(ng_records_load(files[i], &arena, &records, &count,
                                             &complete, NULL),
                             ng_status_ok);
            own want = recompute(records, count, dtypes[d]);
            ng_arena_release(&arena);
            at = strstr(at, "<b>");
            assert_non_null(at);
            double ulp = strtod(at + 3, &at);
            at = strstr(at, "p99&nbsp;");
            assert_non_null(at);
            at += 9; /* "over " 2^24 where it lies in the last bin */
            bool over = strncmp(at, "over&nbsp;", 10) == 0;
            double p99 = strtod(over ? at + 10 : at, &at);
            if (isinf(want.p99))
                want.p99 = over ? 0x1p24 : NAN;
            assert_true(want.ulp > 0 && want.p99 > 0);
            assert_true(shows(ulp, want.ulp));
            assert_true(shows(p99, want.p99));
        }
        free(row);
    }
    free(html);
}

/* --- what changed ------------------------------------------------------------ */

static const forged older[] = {
    {"s", "fixed_f32", "accuracy", "c n=1", "FAIL", 90, NULL},
    {"s", "fixed_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
    {"s", "breaks_f32", "shift", "c n=1", "PASS", 0.5, NULL},
    {"s", "worse_f32", "accuracy", "c n=1", "PASS", 1, NULL},
    {"s", "worse_f32", "accuracy", "c n=2", "PASS", 2, NULL},
    {"s", "better_f32", "accuracy", "c n=1", "PASS", 8, NULL},
    {"s", "noise_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
    {"s", "noise_f32", "accuracy", "c n=2", "PASS", 100, NULL},
    {"s", "still_f32", "accuracy", "c n=1", "FAIL", 70, NULL},
    {"s", "skips_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
    {"s", "gone_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
};
static const forged newer[] = {
    {"s", "fixed_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
    {"s", "fixed_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
    {"s", "breaks_f32", "shift", "c n=1", "CRASH", NAN, NULL},
    {"s", "worse_f32", "accuracy", "c n=1", "PASS", 3, NULL},
    {"s", "worse_f32", "accuracy", "c n=2", "PASS", 2, NULL},
    {"s", "better_f32", "accuracy", "c n=1", "PASS", 2, NULL},
    {"s", "noise_f32", "accuracy", "c n=1", "PASS", 0.7, NULL},
    {"s", "noise_f32", "accuracy", "c n=2", "PASS", 110, NULL},
    {"s", "still_f32", "accuracy", "c n=1", "FAIL", 70, NULL},
    {"s", "skips_f32", "accuracy", "c n=1", "SKIP", NAN, NULL},
    {"s", "new_f32", "accuracy", "c n=1", "PASS", 0.5, NULL},
    {"s", "new_f32", "accuracy", "c n=2", "PASS", 0.5, NULL},
};
enum {
    OLDER = sizeof older / sizeof older[0],
    NEWER = sizeof newer / sizeof newer[0]
};

static void test_diff_of_forged_runs(void **state)
{
    (void)state;
    forge_file("old.jsonl", older, OLDER);
    forge_file("new.jsonl", newer, NEWER);
    /* one subject in exactly two files: a diff without being asked */
    assert_run("report old.jsonl new.jsonl --html d.html", 1);
    assert_has(out, "changes  of 10 checks in both runs: 1 newly fail, 1 no "
                    "longer judged, 1 fixed, 1 less accurate, 1 more accurate, "
                    "1 fail as before, 2 new, 1 gone\n");
    assert_has(out, "newly fails  breaks_f32, shift\n");
    assert_has(out, "less accurate  worse_f32, accuracy: largest error 2 ulp, "
                    "now 3\n");
    assert_lacks(out, "noise_f32");
    assert_lacks(out, "gone_f32");
    char *html = page("d.html");
    char *changes = part(html, "<section id=\"diff\"", "</section>");
    char *row = part(changes, "better_<wbr>f32", "</tr>");
    assert_has(row, "1 of 1</td>");
    assert_has(row, "8 → 2");
    free(row);
    row = part(changes, "fixed_<wbr>f32", "</tr>");
    assert_has(row, "1 of 2</td>");
    assert_has(row, "90 → 0.5");
    free(row);
    assert_has(changes, "newly fails</span>");
    assert_lacks(changes, "noise_");
    free(changes);
    /* the verdict is the later run's: its kernels alone */
    assert_has(html, "<title>FAIL");
    char *verdict = part(html, "Kernels that hold", "</div>");
    assert_has(verdict, "<b>5</b> of 8");
    free(verdict);
    free(html);
    /* the other way round */
    assert_run("report new.jsonl old.jsonl --diff", 1);
    assert_has(out,
               "1 newly fail, 1 fixed, 1 less accurate, 1 more accurate, ");
}

static void test_diff_warns(void **state)
{
    (void)state;
    forge_file("old.jsonl", older, OLDER);
    assert_run("report old.jsonl old.jsonl --html d.html", 1);
    assert_has(out, "changes  of 11 checks in both runs: 2 fail as before\n");
    char *html = page("d.html");
    assert_has(html, "No check changed");
    free(html);
    FILE *file = begin("new.jsonl", "gate", 7);
    for (size_t i = 0; i < OLDER; i++)
        forge(file, &older[i]);
    finish(file);
    assert_run("report old.jsonl new.jsonl --html d.html", 1);
    assert_has(out, "warning: the runs differ in profile or seed");
    html = page("d.html");
    assert_has(html, "The profiles differ");
    assert_has(html, "The seeds differ");
    char *facts = part(html, "What else differs", "</section>");
    assert_has(facts, "<td>smoke</td><td>gate</td>");
    assert_has(facts, "<td>1</td><td>7</td>");
    free(facts);
    free(html);
    /* an earlier run that was cut short is no verdict on this one */
    file = begin("cut.jsonl", "smoke", 1);
    forge(file, &one[0]);
    fclose(file);
    forge_file("new.jsonl", one, 1);
    assert_run("report cut.jsonl new.jsonl --diff", 0);
    assert_has(out, "the earlier run did not come to its end");
    assert_run("report new.jsonl cut.jsonl --diff", 4);
    assert_has(out, "INCOMPLETE");
}

static int enter(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0 ||
           prctl(PR_SET_CHILD_SUBREAPER, 1) != 0;
}

static int leave(void **state)
{
    char command[64];
    (void)state;
    free(out);
    free(err);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return chdir("/") != 0 || system(command) != 0;
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
        cmocka_unit_test(test_partial_is_named),
        cmocka_unit_test(test_truncated_anywhere),
        cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_runs_told_apart),
        cmocka_unit_test(test_atlas_of_forged_records),
        cmocka_unit_test(test_atlas_of_real_records),
        cmocka_unit_test(test_diff_of_forged_runs),
        cmocka_unit_test(test_diff_warns),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
