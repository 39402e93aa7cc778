/* Running the program, and forging what it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "markup.h"
#include "program.h"

static char folder[] = "/tmp/normgate-program-XXXXXX";
char *out, *err;

char *slurp(const char *name)
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

void put(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

void put_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

bool exists(const char *name)
{
    struct stat info;
    return lstat(name, &info) == 0;
}

int shell(const char *format, ...)
{
    char command[4000], line[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    assert_true(length > 0 && (size_t)length < sizeof command);
    snprintf(line, sizeof line, "( %s ) >stdout.txt 2>stderr.txt </dev/null",
             command);
    int status = system(line);
    free(out);
    free(err);
    out = slurp("stdout.txt");
    err = slurp("stderr.txt");
    assert_true(out != NULL && err != NULL);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int run(const char *words)
{
    return shell("'%s' %s", NORMGATE_PROGRAM, words);
}

void assert_run(const char *words, int code)
{
    int got = run(words);
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

void assert_refusal(ng_status status, const ng_error *error, const char *file,
                    const char *what, const char *reason)
{
    if (status != ng_status_bad_input || strstr(error->text, file) == NULL ||
        strstr(error->text, reason) == NULL)
        fail_msg("%.100s: no '%s' in '%s'", what, reason, error->text);
    for (const char *c = error->text; *c != '\0'; c++)
        assert_in_range(*c, ' ', '~');
}

void assert_has(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("no '%s' in: %.3000s", part, text != NULL ? text : "(none)");
}

void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' in: %.3000s", part, text);
}

char *page(const char *name)
{
    char *html = slurp(name);
    assert_non_null(html);
    const char *fault = markup_fault(html);
    if (fault != NULL)
        fail_msg("%s is not well formed: %.200s", name, fault);
    return html;
}

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

FILE *forge_run(const char *name, const char *profile, uint64_t seed)
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

void forge_end(FILE *file)
{
    ng_record last;
    ng_record_init(&last, "end");
    write_record(file, &last);
    assert_int_equal(fclose(file), 0);
}

void forge(FILE *file, const forged *f)
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

void forge_file(const char *name, const forged *rows, size_t count)
{
    FILE *file = forge_run(name, "smoke", 1);
    for (size_t i = 0; i < count; i++)
        forge(file, &rows[i]);
    forge_end(file);
}

size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

char *part(const char *html, const char *from, const char *to)
{
    const char *begin = strstr(html, from);
    assert_non_null(begin);
    const char *end = strstr(begin, to);
    assert_non_null(end);
    char *text = strndup(begin, (size_t)(end - begin));
    assert_non_null(text);
    return text;
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
