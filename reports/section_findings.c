/* Findings: each failing (kernel, property) once, by its smallest failing
 * case, with the numbers to look at and the command that repeats it. */
#include "page.h"

#include <math.h>
#include <string.h>

static void write_dot(ng_buffer *out)
{
    ng_buffer_add(out, " · ");
}

static void write_meta(ng_page *page, const ng_row *row, const ng_cell *cell)
{
    ng_buffer *out = page->out;
    const ng_record *record = cell->score.smallest_wrong;
    ng_buffer_add(out, "<p class=\"meta\"><b>");
    ng_buffer_count(out, cell->score.wrong);
    ng_buffer_add(out, " of ");
    ng_buffer_count(out, cell->score.judged);
    ng_buffer_add(out, " cases</b>");
    if (!isnan(cell->score.ratio)) {
        ng_buffer_add(out, ", largest error / bound <b>");
        ng_buffer_short(out, cell->score.ratio);
        ng_buffer_add(out, "</b>");
    }
    write_dot(out);
    ng_buffer_name(out, row->subject);
    if (record->contract[0]) {
        write_dot(out);
        ng_buffer_name(out, record->contract);
    }
    if (record->file[0]) {
        write_dot(out);
        ng_buffer_name(out, record->file);
        ng_buffer_format(out, ":%llu", (unsigned long long)record->line);
    }
    ng_buffer_add(out, "</p>\n");
}

static void write_number(ng_buffer *out, const char *name, const char *note,
                         int digits, double value)
{
    ng_buffer_format(out,
                     "<tr><th scope=\"row\">%s<small>%s</small></th><td>%.*g"
                     "</td><td>%a</td></tr>\n",
                     name, note, digits, value, value);
}

static void write_measure(ng_buffer *out, const char *name, const char *note,
                          double value)
{
    if (isnan(value))
        return;
    ng_buffer_format(out, "<tr><th scope=\"row\">%s<small>%s</small></th><td>",
                     name, note);
    ng_buffer_short(out, value);
    ng_buffer_add(out, "</td><td></td></tr>\n");
}

static void write_numbers(ng_page *page, const ng_record *record)
{
    ng_buffer *out = page->out;
    int digits = strcmp(record->dtype, "f64") == 0 ? 17 : 9;
    if (!record->worst_tensor[0])
        return;
    ng_buffer_add(out, "<div class=\"scroll\"><table class=\"numbers\">"
                       "<caption>Its worst output: <code>");
    ng_buffer_markup(out, record->worst_tensor);
    ng_buffer_format(out, "[%llu][%llu]</code></caption>\n",
                     (unsigned long long)record->worst_set,
                     (unsigned long long)record->worst_element);
    ng_buffer_add(out, "<thead><tr><th scope=\"col\">Value</th>"
                       "<th scope=\"col\">Decimal</th>"
                       "<th scope=\"col\">Hexadecimal</th></tr></thead>"
                       "<tbody>\n");
    if (!isnan(record->x))
        write_number(out, "x", "the input there", digits, record->x);
    write_number(out, "got", "what the kernel returned", digits, record->got);
    if (!isnan(record->exact))
        write_number(out, "exact", "the real value, to double", 17,
                     record->exact);
    if (!isnan(record->rounded))
        write_number(out, "rounded", "exact, in the output’s dtype", digits,
                     record->rounded);
    write_measure(out, "error", "in ulp of exact", record->error_ulp);
    write_measure(out, "bound", "allowed, absolute", record->bound);
    write_measure(out, "ratio", "error / bound", record->ratio);
    ng_buffer_add(out, "</tbody></table></div>\n");
}

static void write_line(ng_page *page, const char *title, const char *class,
                       const char *text)
{
    if (!text[0])
        return;
    ng_buffer_format(page->out,
                     "<div class=\"line\"><h4>%s</h4><pre class=\"%s\"><code>",
                     title, class);
    ng_buffer_markup(page->out, text);
    ng_buffer_add(page->out, "</code></pre></div>\n");
}

static void write_title(ng_page *page, const ng_row *row, const char *property)
{
    ng_buffer_add(page->out, " <code>");
    ng_buffer_name(page->out, row->kernel);
    ng_buffer_add(page->out, "</code> <span class=\"property\">");
    ng_buffer_name(page->out, property);
    ng_buffer_add(page->out, "</span></h3>\n");
}

static void write_finding(ng_page *page, const ng_row *row, const ng_cell *cell)
{
    const ng_record *smallest = cell->score.smallest_wrong;
    const ng_record *first = cell->score.first_wrong;
    ng_verdict verdict = ng_record_verdict(smallest);
    ng_buffer_format(page->out, "<article class=\"finding\" id=\"f%zu\"><h3>",
                     (size_t)(cell - page->properties->cells));
    page->last_finding = cell;
    ng_page_tag(page, verdict);
    write_title(page, row, cell->name);
    ng_buffer_add(page->out, "<p class=\"cause\">");
    ng_buffer_markup(page->out, smallest->cause[0] ? smallest->cause
                                                   : ng_verdict_text(verdict));
    ng_buffer_add(page->out, "</p>\n");
    write_meta(page, row, cell);
    write_line(page, "Repeat the smallest failing case", "replay",
               smallest->replay);
    write_numbers(page, smallest);
    if (!strstr(smallest->replay, smallest->test))
        write_line(page, "Smallest failing case", "", smallest->test);
    if (first != smallest)
        write_line(page, "First failing case", "", first->test);
    ng_buffer_add(page->out, "</article>\n");
}

/* A seeded bug that its named property let through. */
static void write_survivor(ng_page *page, const ng_row *row)
{
    const ng_cell *named = ng_row_cell(row, row->seeded_bug);
    ng_buffer_add(page->out, "<article class=\"finding\"><h3><span class=\""
                             "tag fail\">✗&nbsp;survived</span>");
    write_title(page, row, row->seeded_bug);
    ng_buffer_add(page->out, "<p class=\"cause\">This kernel is wrong on "
                             "purpose, and the property that must fail ");
    if (named)
        ng_buffer_format(page->out, "held in all %zu of its judged cases",
                         named->score.judged);
    else
        ng_buffer_add(page->out, "was not run on it");
    ng_buffer_add(page->out, row->score.wrong > 0
                                 ? ". Other properties failed; that does not "
                                   "show that this one works.</p>"
                                 : ". No other property failed either.</p>");
    ng_buffer_add(page->out, "</article>\n");
}

/* Writes the row's findings if there is room, and counts those left out. */
static size_t write_row(ng_page *page, const ng_row *row)
{
    size_t left_out = 0;
    if (row->seeded_bug[0]) {
        if (ng_row_caught(row))
            return 0;
        if (ng_page_full(page))
            return 1;
        write_survivor(page, row);
        return 0;
    }
    for (size_t i = 0; i < row->cell_count; i++) {
        if (row->cells[i].score.wrong == 0)
            continue;
        if (ng_page_full(page))
            left_out++;
        else
            write_finding(page, row, &row->cells[i]);
    }
    return left_out;
}

static void write_counts(ng_page *page)
{
    const ng_tally *tally = page->tally;
    const ng_grid *grid = page->properties;
    uint64_t failed = 0, survived = tally->seeded - tally->caught;
    for (size_t i = 0; i < grid->cell_count; i++)
        failed += !grid->rows[grid->cells[i].kernel].seeded_bug[0] &&
                  grid->cells[i].score.wrong > 0;
    ng_buffer_add(page->out, "<p>");
    if (failed > 0) {
        ng_buffer_count(page->out, failed);
        ng_buffer_format(page->out, " failing propert%s in ",
                         failed == 1 ? "y" : "ies");
        ng_buffer_count(page->out, tally->kernels_failing);
        ng_buffer_format(page->out, " kernel%s. ",
                         tally->kernels_failing == 1 ? "" : "s");
    }
    if (survived > 0) {
        ng_buffer_count(page->out, survived);
        ng_buffer_format(page->out,
                         " planted bug%s that the gate let through. ",
                         survived == 1 ? "" : "s");
    }
    if (failed + survived == 0)
        ng_buffer_add(page->out, tally->cases > 0
                                     ? "None: no judged case failed."
                                     : "None, as nothing was judged.");
    ng_buffer_add(page->out, "</p>\n");
}

void ng_section_findings(ng_page *page)
{
    size_t left_out = 0;
    write_counts(page);
    for (size_t i = 0; i < page->properties->row_count; i++)
        left_out += write_row(page, &page->properties->rows[i]);
    ng_page_left_out(page, left_out, "findings");
}
