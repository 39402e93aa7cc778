/* Side by side, the accuracy atlas: for every op, pass and dtype what each
 * subject makes of it. All numbers are of the exact value, so they compare. */
#include "atlas.h"

#include <math.h>
#include <string.h>

enum { CASES_SHOWN_MAX = 6, LACKS_SHOWN = 24 };

typedef struct lack {
    const ng_record *row; /* names the op, pass and dtype */
    uint32_t subjects;    /* a bit for each that has no kernel */
} lack;

typedef struct compare {
    ng_page *page;
    ng_atlas atlas;
    lack *lacks;
    size_t lack_count;
} compare;

/* The case without its op, pass and dtype, which name the row. */
static const char *inputs_of(const ng_record *record)
{
    const char *blank = strchr(record->test, ' ');
    return blank != NULL ? blank + 1 : record->test;
}

static void write_numbers(ng_buffer *out, const ng_atlas_cell *c)
{
    ng_buffer_add(out, "<b>");
    ng_buffer_short(out, c->ulp);
    ng_buffer_add(out, "</b>");
    if (!isnan(c->p99)) {
        bool over = isinf(c->p99); /* in the last bin, which has no end */
        ng_buffer_add(out,
                      over ? "<small>p99&nbsp;over&nbsp;" : "<small>p99&nbsp;");
        ng_buffer_short(out, over ? ng_histogram_edge(NG_HISTOGRAM_BINS - 2)
                                  : c->p99);
        ng_buffer_add(out, "</small>");
    }
    if (!isnan(c->ratio)) {
        ng_buffer_add(out, "<small>of&nbsp;bound&nbsp;");
        ng_buffer_short(out, c->ratio);
        ng_buffer_add(out, "</small>");
    }
}

static void write_cell(const compare *a, const ng_atlas_cell *c)
{
    ng_buffer *out = a->page->out;
    if (c->checks == 0) {
        ng_buffer_add(out, "<td class=\"none\">no kernel</td>");
        return;
    }
    ng_buffer_format(out, "<td%s", c->findings > 0 ? " class=\"fail\"" : "");
    if (c->worst != NULL) {
        ng_buffer_add(out, " title=\"");
        ng_buffer_excerpt(out, c->worst->test, 300);
        ng_buffer_add(out, "\"");
    }
    ng_buffer_add(out, ">");
    if (c->judged == 0)
        ng_buffer_add(out, "not judged");
    else if (isnan(c->ulp))
        ng_buffer_add(out, "not measured");
    else
        write_numbers(out, c);
    if (c->findings > 0)
        ng_buffer_format(out, "<small>✗&nbsp;%zu&nbsp;finding%s</small>",
                         c->findings, c->findings == 1 ? "" : "s");
    if (c->best)
        ng_buffer_add(out, "<small class=\"pass\">▾&nbsp;best</small>");
    if (c->last)
        ng_buffer_add(out, "<small class=\"warn\">▴&nbsp;worst</small>");
    if (c->worst != NULL &&
        (a->atlas.subject_count <= CASES_SHOWN_MAX || c->last)) {
        ng_buffer_add(out, "<small class=\"case\">");
        ng_buffer_excerpt(out, inputs_of(c->worst), 120);
        ng_buffer_add(out, "</small>");
    }
    ng_buffer_add(out, "</td>");
}

static void write_row(const compare *a, const ng_record *first,
                      const ng_atlas_cell *cells)
{
    ng_buffer *out = a->page->out;
    ng_buffer_add(out, "<tr><th scope=\"row\"><b>");
    ng_buffer_name(out, first->op[0] ? first->op : "–");
    ng_buffer_add(out, "</b><small>");
    ng_buffer_name(out, first->pass);
    ng_buffer_add(out, " ");
    ng_buffer_name(out, first->dtype);
    ng_buffer_add(out, "</small></th>");
    for (size_t s = 0; s < a->atlas.subject_count; s++)
        write_cell(a, &cells[s]);
    ng_buffer_add(out, "</tr>\n");
}

static void note_lacks(compare *a, const ng_record *first,
                       const ng_atlas_cell *cells)
{
    uint32_t subjects = 0;
    /* The second bound is for compilers that cannot know the first. */
    for (size_t s = 0; s < a->atlas.subject_count && s < NG_ATLAS_SUBJECTS_MAX;
         s++)
        subjects |= (uint32_t)(cells[s].checks == 0) << s;
    if (subjects != 0)
        a->lacks[a->lack_count++] = (lack){first, subjects};
}

static void write_head(const compare *a)
{
    ng_buffer_format(
        a->page->out,
        "<p>Largest error and 99th percentile of the outputs%s, in ulp of the "
        "exact value, the largest error / bound, and the input that gave the "
        "largest error; each kernel met the cases of its own contract. Best "
        "and worst are by p99, since hard inputs make large errors in every "
        "kernel, and by the largest error where p99 does not tell.</p>\n"
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"group\" "
        "aria-label=\"Side by side\"><table class=\"matrix atlas\">"
        "<caption>Error in ulp by op, pass and dtype: largest, p99, findings, "
        "worst input</caption>\n<thead><tr><th scope=\"col\">Op</th>",
        a->atlas.ordinary ? " of normal inputs" : "");
    for (size_t s = 0; s < a->atlas.subject_count; s++) {
        ng_buffer_add(a->page->out, "<th scope=\"col\" title=\"");
        ng_buffer_excerpt(a->page->out, a->atlas.subject[s], 300);
        ng_buffer_add(a->page->out, "\">");
        ng_buffer_name(a->page->out,
                       a->atlas.name[s][0] ? a->atlas.name[s] : "(not named)");
        ng_buffer_add(a->page->out, "</th>");
    }
    ng_buffer_add(a->page->out, "</tr></thead>\n<tbody>\n");
}

static void write_rows(compare *a)
{
    ng_atlas_cell cells[NG_ATLAS_SUBJECTS_MAX];
    size_t left_out = 0;
    write_head(a);
    for (size_t i = 0; i < a->atlas.count;) {
        const ng_record *first = a->atlas.sorted[i];
        i = ng_atlas_row(&a->atlas, i, cells);
        note_lacks(a, first, cells);
        if (ng_page_full(a->page))
            left_out++;
        else
            write_row(a, first, cells);
    }
    ng_buffer_add(a->page->out, "</tbody></table></div>\n");
    ng_page_left_out(a->page, left_out, "rows");
    ng_page_left_out(a->page, a->atlas.subjects_left_out,
                     "subjects (choose with --subject)");
}

static void write_lack(const compare *a, size_t subject)
{
    ng_buffer *out = a->page->out;
    size_t lacking = 0;
    for (size_t i = 0; i < a->lack_count; i++)
        lacking += a->lacks[i].subjects >> subject & 1;
    if (lacking == 0)
        return;
    ng_buffer_add(out, "<li><b>");
    ng_buffer_name(out, a->atlas.name[subject]);
    ng_buffer_format(out, "</b> has no kernel for %zu of %zu: ", lacking,
                     a->atlas.row_count);
    for (size_t i = 0, shown = 0; i < a->lack_count; i++) {
        const ng_record *row = a->lacks[i].row;
        if ((a->lacks[i].subjects >> subject & 1) == 0)
            continue;
        if (shown++ == LACKS_SHOWN) {
            ng_buffer_format(out, ", and %zu more", lacking - LACKS_SHOWN);
            break;
        }
        ng_buffer_add(out, shown > 1 ? ", " : "");
        ng_buffer_excerpt(out, row->op, 40);
        ng_buffer_add(out, " ");
        ng_buffer_excerpt(out, row->pass, 40);
        ng_buffer_add(out, " ");
        ng_buffer_excerpt(out, row->dtype, 40);
    }
    ng_buffer_add(out, "</li>\n");
}

/* Numbers of different inputs do not compare. */
static void write_warning(const compare *a)
{
    const ng_record *first = NULL;
    bool differ = false;
    for (size_t i = 0; i < a->page->count; i++) {
        const ng_record *run = &a->page->records[i];
        if (strcmp(run->kind, "run") != 0)
            continue;
        if (first == NULL)
            first = run;
        differ = differ || strcmp(first->profile, run->profile) != 0 ||
                 first->seed != run->seed;
    }
    if (differ)
        ng_buffer_add(a->page->out,
                      "<p class=\"note warn\">The runs differ in profile or "
                      "seed, so the subjects met different inputs: compare "
                      "their largest errors with care.</p>\n");
}

void ng_section_compare(ng_page *page)
{
    compare a = {.page = page};
    bool good = ng_atlas_make(&a.atlas, page) == ng_status_ok;
    if (good && a.atlas.subject_count < 2)
        return;
    a.lacks = ng_arena_alloc(page->arena, a.atlas.row_count, sizeof *a.lacks);
    if (!good || a.lacks == NULL) {
        page->out->failed = true;
        return;
    }
    write_warning(&a);
    write_rows(&a);
    if (a.lack_count == 0)
        return;
    ng_buffer_add(page->out,
                  "<h3>Kernels that are not everywhere</h3>\n<ul>\n");
    for (size_t s = 0; s < a.atlas.subject_count; s++)
        write_lack(&a, s);
    ng_buffer_add(page->out, "</ul>\n");
}
