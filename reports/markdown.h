/* Markdown: what its parts are made from, and the pieces that they share. */
#ifndef NORMGATE_REPORTS_MARKDOWN_H
#define NORMGATE_REPORTS_MARKDOWN_H

#include "document.h"

/* The tables of kernels: those that do not pass, and those that do, folded.
 * From `full` bytes of the document on rows are only counted. */
void ng_markdown_kernels(const ng_document *m, size_t full);

/* The tables of what was waived and of what moved against the baseline, folded;
 * `full` as above. */
void ng_markdown_waivers(const ng_document *m, size_t full);
void ng_markdown_baseline(const ng_document *m, size_t full);

/* What changed since an earlier run, and several subjects side by side; nothing
 * where there is no such. */
void ng_markdown_changes(const ng_document *m, size_t full);
void ng_markdown_compare(const ng_document *m, size_t full);

/* <code>name</code> */
void ng_markdown_name(ng_buffer *out, const char *text);

/* Nothing of NAN. */
void ng_markdown_number(ng_buffer *out, double value);

/* "12 more WHAT: ...", a paragraph; nothing of 0. */
void ng_markdown_more(ng_buffer *out, size_t count, const char *what);

#endif
