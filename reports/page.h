/* Page: what each section of the HTML report is made from, and the pieces that
 * several of them share. */
#ifndef NORMGATE_REPORTS_PAGE_H
#define NORMGATE_REPORTS_PAGE_H

#include "buffer.h"
#include "grid.h"

#include <normgate/report.h>

/* The HTML id of a finding: of its kernel and property alone, so that a link to
 * it outlives the run. */
typedef struct ng_anchor {
    const ng_cell *cell; /* NULL: of a seeded bug whose property was not run */
    char id[32];
} ng_anchor;

typedef struct ng_page {
    ng_buffer *out;
    ng_arena *arena;
    const ng_record *records;
    size_t count;
    bool complete;
    const ng_grid *properties; /* kernels by properties */
    const ng_tally *tally;
    ng_anchor *anchors; /* of the findings that the page has */
    size_t anchor_count;
    bool ordinary; /* errors in ulp are of normal inputs (grid.h) */
    size_t full;   /* bytes of the page at which its section is */
} ng_page;

#define NG_SECTION(name, title, kib) void ng_section_##name(ng_page *page);
#include "sections.def"
#undef NG_SECTION

/* Whether the section has used what sections.def gives it. */
bool ng_page_full(const ng_page *page);
void ng_page_left_out(ng_page *page, size_t count, const char *what);

/* The CSS class, the symbol and the word of a verdict. */
const char *ng_verdict_class(ng_verdict verdict);
const char *ng_verdict_symbol(ng_verdict verdict);
const char *ng_verdict_word(ng_verdict verdict);

/* <span class="tag pass">symbol word</span> */
void ng_page_tag(ng_page *page, ng_verdict verdict);

/* The row that names a subject, above its kernels. */
void ng_page_subject(ng_page *page, const ng_row *row, size_t columns);

/* The <th> of a kernel with its op and dtype. */
void ng_page_kernel(ng_page *page, const ng_row *row);

/* The id of a cell's finding, or NULL: the page has none. */
const char *ng_page_anchor(const ng_page *page, const ng_cell *cell);

/* style.css and page.js, embedded by cmake/embed.cmake, and the SHA-256 of the
 * script as a Content-Security-Policy names it. */
extern const char ng_report_css[];
extern const char ng_report_js[];
extern const char ng_report_js_hash[];

#endif
