/* What a pass is worth: the seeded bugs of the same op, pass and dtype, and
 * whether this run's properties would have caught each. */
#include "page.h"

#include <stdlib.h>
#include <string.h>

static const char head[] =
    "<p>A kernel that passes could still have a bug that the gate does not "
    "see. So the same properties, profile and seed were tried on kernels of "
    "the same op, pass and dtype that are wrong on purpose.</p>\n";

/* Records of one op, pass and dtype together. */
typedef struct class
{
    const ng_record *first;
    size_t tried, caught;
} class;

static int by_place(const void *left, const void *right)
{
    const class *a = left, *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

static int compare(const void *left, const void *right)
{
    int order = ng_record_shape_order(((const class *)left)->first,
                                      ((const class *)right)->first);
    return order != 0 ? order : by_place(left, right);
}

static bool is_score(const ng_record *record)
{
    return strcmp(record->kind, "score") == 0;
}

/* Hostile records have as many classes as lines, so they are sorted. They
 * stand in the order in which they first occur. */
static size_t group(const ng_page *page, class *classes)
{
    size_t tried = 0, count = 0;
    for (size_t i = 0; i < page->count; i++) {
        const ng_record *record = &page->records[i];
        if (is_score(record))
            classes[tried++] = (class){record, 1, ng_record_wrong(record)};
    }
    qsort(classes, tried, sizeof *classes, compare);
    for (size_t i = 0; i < tried; i++) {
        if (count == 0 || ng_record_shape_order(classes[count - 1].first,
                                                classes[i].first) != 0) {
            classes[count++] = classes[i];
            continue;
        }
        classes[count - 1].tried++;
        classes[count - 1].caught += classes[i].caught;
    }
    qsort(classes, count, sizeof *classes, by_place);
    return count;
}

static void open_table(ng_page *page, const char *caption, const char *columns)
{
    ng_buffer_format(
        page->out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
        "aria-label=\"%s\"><table class=\"plain sortable\"><caption>%s"
        "</caption>\n<thead><tr>%s</tr></thead><tbody>\n",
        caption, caption, columns);
}

static void write_classes(ng_page *page, const class *classes, size_t count)
{
    open_table(
        page, "Kill score",
        "<th scope=\"col\">Op</th><th scope=\"col\">Pass</th>"
        "<th scope=\"col\">Dtype</th><th scope=\"col\" class=\"number\">Caught"
        "</th><th scope=\"col\" class=\"number\">Seeded bugs</th>");
    size_t i = 0;
    for (; i < count && !ng_page_full(page); i++) {
        const class *c = &classes[i];
        ng_buffer_add(page->out, "<tr><th scope=\"row\">");
        ng_buffer_name(page->out, c->first->op[0] ? c->first->op : "–");
        ng_buffer_add(page->out, "</th><td>");
        ng_buffer_name(page->out, c->first->pass);
        ng_buffer_add(page->out, "</td><td>");
        ng_buffer_name(page->out, c->first->dtype);
        ng_buffer_add(page->out, "</td><td class=\"number\">");
        ng_buffer_count(page->out, c->caught);
        ng_buffer_add(page->out, "</td><td class=\"number\">");
        ng_buffer_count(page->out, c->tried);
        ng_buffer_add(page->out, "</td></tr>\n");
    }
    ng_buffer_add(page->out, "</tbody></table></div>\n");
    ng_page_left_out(page, count - i, "classes");
}

/* Each bug that was caught, or was not; returns how many did not fit. */
static size_t write_bugs(ng_page *page, bool caught)
{
    size_t left_out = 0;
    for (size_t i = 0; i < page->count; i++) {
        const ng_record *record = &page->records[i];
        if (!is_score(record) || ng_record_wrong(record) != caught)
            continue;
        if (ng_page_full(page)) {
            left_out++;
            continue;
        }
        ng_buffer_add(page->out, "<tr><th scope=\"row\">");
        ng_buffer_name(page->out, record->subject);
        ng_buffer_add(page->out, "</th><td>");
        ng_buffer_name(page->out, record->kernel);
        ng_buffer_add(page->out,
                      caught ? "</td><td><span class=\"tag pass\">✓&nbsp;caught"
                               "</span> by "
                             : "</td><td><span class=\"tag warn\">!&nbsp;not "
                               "seen</span> ");
        ng_buffer_name(page->out, record->property);
        ng_buffer_add(page->out, "</td><td>");
        ng_buffer_markup(page->out, record->note);
        ng_buffer_add(page->out, "</td></tr>\n");
    }
    return left_out;
}

void ng_section_kill_score(ng_page *page)
{
    class *classes = ng_arena_alloc(page->arena, page->count, sizeof *classes);
    size_t count = classes != NULL ? group(page, classes) : 0;
    if (count == 0)
        return;
    ng_buffer_add(page->out, head);
    write_classes(page, classes, count);
    ng_buffer_add(page->out, "<details><summary>Every seeded bug</summary>\n");
    open_table(page, "Seeded bugs tried",
               "<th scope=\"col\">Bug</th><th scope=\"col\">Kernel</th>"
               "<th scope=\"col\">Result</th>"
               "<th scope=\"col\">What is wrong with it</th>");
    size_t left_out = write_bugs(page, false);
    left_out += write_bugs(page, true);
    ng_buffer_add(page->out, "</tbody></table></div>\n");
    ng_page_left_out(page, left_out, "seeded bugs");
    ng_buffer_add(page->out, "</details>\n");
}
