/* Buffer: text that grows, and the ways in which untrusted text enters it. */
#ifndef NORMGATE_REPORTS_BUFFER_H
#define NORMGATE_REPORTS_BUFFER_H

#include <normgate/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* After a failed allocation every call does nothing; check once at the end. */
typedef struct ng_buffer {
    char *data;
    size_t size, capacity;
    bool failed;
} ng_buffer;

void ng_buffer_free(ng_buffer *buffer);

void ng_buffer_add(ng_buffer *buffer, const char *text);
void ng_buffer_format(ng_buffer *buffer, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* Forgets what came after the first `size` bytes. */
void ng_buffer_cut(ng_buffer *buffer, size_t size);

/* Characters shown of one text, in markup bytes: enough for the longest replay
 * command, and a hostile record cannot fill the page. */
enum { NG_TEXT_MAX = 12000, NG_NAME_SHOWN_MAX = 160 };

/* Untrusted text, made printable: blanks for white space, U+2400 pictures for
 * control characters, U+FFFD for invalid bytes, for characters that XML 1.0
 * forbids and for those that reorder a line of text. */
void ng_buffer_plain(ng_buffer *buffer, const char *text, size_t limit);

/* The same with & < > " ' as references: for HTML and XML. */
void ng_buffer_markup(ng_buffer *buffer, const char *text);

/* Its first `limit` characters. */
void ng_buffer_excerpt(ng_buffer *buffer, const char *text, size_t limit);

/* A name in HTML that may break after _ : / . = in a narrow column. */
void ng_buffer_name(ng_buffer *buffer, const char *text);

/* Untrusted text inside a line of Markdown, in or beside HTML: it shows as it
 * is, and nothing in it works: no emphasis, code, table cell, link, tag, entity
 * or heading, nor what a site adds to Markdown: mentions (@), references (#1),
 * emoji (:x:) and bare addresses, which a zero-width space takes apart. */
void ng_buffer_markdown(ng_buffer *buffer, const char *text, size_t limit);

/* A fenced block of untrusted text, in one line, with its fence longer than any
 * run of backticks in it. `language` is trusted. */
void ng_buffer_fenced(ng_buffer *buffer, const char *language,
                      const char *text);

void ng_buffer_count(ng_buffer *buffer, uint64_t count); /* 18,240 */
void ng_buffer_of(ng_buffer *buffer, uint64_t part,
                  uint64_t whole);                     /* 3 of 1,204 */
void ng_buffer_short(ng_buffer *buffer, double value); /* 0.61, 1.2e7 */

ng_status ng_buffer_status(const ng_buffer *buffer, ng_error *error);

/* To a terminal or what stands for it. */
ng_status ng_buffer_print(const ng_buffer *buffer, FILE *file, ng_error *error);

#endif
