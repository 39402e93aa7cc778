/* Page text: the HTML report of some records, and what stands in a section. */
#ifndef NORMGATE_TESTS_PAGE_TEXT_H
#define NORMGATE_TESTS_PAGE_TEXT_H

#include "markup.h"
#include "report_records.h"

#include <normgate/report.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The page, well formed. The caller frees it. */
static inline char *render(const ng_record *records, size_t count)
{
    char path[] = "/tmp/normgate-panels-XXXXXX";
    ng_error error = {{0}};
    int file = mkstemp(path);
    assert_true(file >= 0);
    if (ng_report_html(records, count, true, path, &error) != ng_status_ok)
        fail_msg("%s", error.text);
    close(file);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    size_t size = (size_t)ftell(in);
    rewind(in);
    char *text = calloc(size + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, size, in), size);
    fclose(in);
    unlink(path);
    const char *fault = markup_fault(text);
    if (fault)
        fail_msg("not well formed: %.200s", fault);
    return text;
}

/* One section of it, "" where it is left out. The caller frees it. */
static inline char *section(const ng_record *records, size_t count,
                            const char *name)
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

static inline void has(const char *text, const char *format, ...)
{
    char wanted[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    if (!strstr(text, wanted))
        fail_msg("\"%s\" is not in\n%s", wanted, text);
}

static inline void lacks(const char *text, const char *unwanted)
{
    if (strstr(text, unwanted))
        fail_msg("\"%s\" is in\n%s", unwanted, text);
}

static inline void before(const char *text, const char *first,
                          const char *second)
{
    has(text, "%s", first);
    has(text, "%s", second);
    if (strstr(text, first) > strstr(text, second))
        fail_msg("\"%s\" comes after \"%s\" in\n%s", first, second, text);
}

static inline size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        count++;
    return count;
}

static inline ng_record measured(const char *kernel, const char *property,
                                 const char *verdict, const char *columns)
{
    ng_record record = check(kernel, property, verdict, 0.5);
    record.columns = columns;
    return record;
}

#endif
