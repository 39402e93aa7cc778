/* Reports of forged records as text. */
#include "markup.h"
#include "report_records.h"

#include <normgate/report.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "page_text.h"
#include "program.h"

char *written(report *write, const ng_record *records, size_t count,
              bool complete)
{
    char folder[] = "/tmp/normgate-report-XXXXXX", path[sizeof folder + 8];
    ng_error error = {{0}};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out", folder);
    if (write(records, count, complete, path, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    char *text = slurp(path);
    assert_non_null(text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    return text;
}

char *written_markup(report *write, const ng_record *records, size_t count,
                     bool complete)
{
    char *text = written(write, records, count, complete);
    const char *fault = markup_fault(text);
    if (fault)
        fail_msg("not well formed: %.200s", fault);
    return text;
}

char *summary(const ng_record *records, size_t count, bool complete,
              const char *html, bool colour)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    assert_int_equal(
        ng_report_summary(records, count, complete, html, file, colour, NULL),
        ng_status_ok);
    fclose(file);
    return text;
}

char *render(const ng_record *records, size_t count)
{
    return written_markup(ng_report_html, records, count, true);
}

char *section(const ng_record *records, size_t count, const char *name)
{
    char open[64], *page = render(records, count);
    snprintf(open, sizeof open, "<section id=\"%s\"", name);
    char *from = strstr(page, open);
    char *to = from ? strstr(from, "</section>") : NULL;
    char *text = calloc(to ? (size_t)(to - from) + 1 : 1, 1);
    assert_non_null(text);
    if (to)
        memcpy(text, from, (size_t)(to - from));
    free(page);
    return text;
}

void has(const char *text, const char *format, ...)
{
    char wanted[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    if (!strstr(text, wanted))
        fail_msg("\"%s\" is not in\n%s", wanted, text);
}

void lacks(const char *text, const char *unwanted)
{
    if (strstr(text, unwanted))
        fail_msg("\"%s\" is in\n%s", unwanted, text);
}

void before(const char *text, const char *first, const char *second)
{
    has(text, "%s", first);
    has(text, "%s", second);
    if (strstr(text, first) > strstr(text, second))
        fail_msg("\"%s\" comes after \"%s\" in\n%s", first, second, text);
}

size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        count++;
    return count;
}

ng_record measured(const char *kernel, const char *property,
                   const char *verdict, const char *columns)
{
    ng_record record = check(kernel, property, verdict, 0.5);
    record.columns = columns;
    return record;
}
