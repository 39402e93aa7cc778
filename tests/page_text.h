/* Page text: what the reports write of some records, and what stands in a
 * section of the page. Include <cmocka.h> first. */
#ifndef NORMGATE_TESTS_PAGE_TEXT_H
#define NORMGATE_TESTS_PAGE_TEXT_H

#include <normgate/record.h>

/* Any of ng_report_html(), ng_report_junit(), ... */
typedef ng_status report(const ng_record *, size_t, bool, const char *,
                         ng_error *);

/* What the report writes, all of these to be freed; its folder's only file. */
char *written(report *write, const ng_record *records, size_t count,
              bool complete);

/* The same, well formed. */
char *written_markup(report *write, const ng_record *records, size_t count,
                     bool complete);

/* What is told at the end of a run, of which `html` is the page. */
char *summary(const ng_record *records, size_t count, bool complete,
              const char *html, bool colour);

/* The page of a complete run. */
char *render(const ng_record *records, size_t count);

/* One section of it, "" where it is left out. */
char *section(const ng_record *records, size_t count, const char *name);

void has(const char *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void lacks(const char *text, const char *unwanted);
void before(const char *text, const char *first, const char *second);
size_t occurrences(const char *text, const char *what);

ng_record measured(const char *kernel, const char *property,
                   const char *verdict, const char *columns);

#endif
