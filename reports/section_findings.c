/* Findings: what is wrong with each kernel, said once, and below it each
 * property that fails so, by its smallest failing case, with the numbers to
 * look at and the command that repeats it. */
#include "diagnosis.h"
#include "page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void write_dot(ng_buffer *out)
{
    ng_buffer_add(out, " · ");
}

static bool is_used(const ng_page *page, const char *id)
{
    for (size_t i = 0; i < page->anchor_count; i++)
        if (strcmp(page->anchors[i].id, id) == 0)
            return true;
    return false;
}

/* A further subject's kernel of the same name gets "-2" and so on. */
static const char *add_anchor(ng_page *page, const ng_row *row,
                              const char *property, const ng_cell *cell)
{
    ng_record names;
    char hash[NG_RECORD_ID_SIZE];
    ng_anchor *anchor = &page->anchors[page->anchor_count];
    ng_record_init(&names, "check");
    names.kernel = row->kernel;
    names.property = property;
    ng_record_id(&names, hash);
    snprintf(anchor->id, sizeof anchor->id, "f-%s", hash);
    for (unsigned n = 2; is_used(page, anchor->id); n++)
        snprintf(anchor->id, sizeof anchor->id, "f-%s-%u", hash, n);
    anchor->cell = cell;
    page->anchor_count++;
    return anchor->id;
}

static const char *ies(size_t count)
{
    return count == 1 ? "y" : "ies";
}

/* How many properties fail so and how far; of the kernel's first diagnosis
 * also where the kernel comes from and what it declares. */
static void write_meta(ng_page *page, const ng_row *row, const ng_diagnosis *d,
                       bool first)
{
    ng_buffer *out = page->out;
    const ng_record *record = d->cells[0]->score.smallest_wrong;
    ng_buffer_add(out, "<p class=\"meta\"><b>");
    ng_buffer_count(out, d->count);
    ng_buffer_format(out, " propert%s</b> fail%s so", ies(d->count),
                     d->count == 1 ? "s" : "");
    if (!isnan(d->ratio)) {
        ng_buffer_add(out, ", largest error / bound <b>");
        ng_buffer_short(out, d->ratio);
        ng_buffer_add(out, "</b>");
    }
    if (first) {
        write_dot(out);
        ng_buffer_name(out, row->subject);
    }
    if (first && record->contract[0]) {
        write_dot(out);
        ng_buffer_name(out, record->contract);
    }
    if (first && record->file[0]) {
        write_dot(out);
        ng_buffer_name(out, record->file);
        ng_buffer_format(out, ":%llu", (unsigned long long)record->line);
    }
    ng_buffer_add(out, "</p>\n");
}

/* What the smallest failing case measured in words, and what names it in every
 * run: for `normgate report`, a waiver or an issue. */
static void write_foot(ng_page *page, const ng_record *record, const char *id)
{
    ng_buffer *out = page->out;
    if (record->note[0]) {
        ng_buffer_add(out, "<p class=\"said\"><b>Measured</b> ");
        ng_buffer_markup(out, record->note);
        ng_buffer_add(out, "</p>\n");
    }
    ng_buffer_format(out,
                     "<p class=\"meta\"><a class=\"here\" href=\"#%s\">Link to "
                     "this finding</a>",
                     id);
    if (record->id[0]) {
        write_dot(out);
        ng_buffer_add(out, "id of this check in every run: <code>");
        ng_buffer_name(out, record->id);
        ng_buffer_add(out, "</code>");
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
    ng_buffer_format(out, "[%llu][%llu]</code>",
                     (unsigned long long)record->worst_set,
                     (unsigned long long)record->worst_element);
    if (record->wrong > 0) {
        ng_buffer_add(out, "; outside the bound: ");
        ng_buffer_count(out, record->wrong);
        ng_buffer_add(out, " of ");
        ng_buffer_count(out, record->elements);
        ng_buffer_add(out, " outputs");
    }
    ng_buffer_add(out, "</caption>\n");
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
    write_measure(out, "bound", "allowed, absolute", record->bound);
    write_measure(out, "ratio", "error / bound", record->ratio);
    /* Some properties, as moments, measure none: their 0 is no error. */
    if (record->error_ulp > 0 || !(record->ratio > 0))
        write_measure(out, "ulp", "largest error of all its outputs",
                      record->error_ulp);
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

/* A property in one line: its verdict, name, cases and number. */
static void write_summary(ng_page *page, const ng_cell *cell)
{
    ng_buffer *out = page->out;
    ng_buffer_add(out, "<summary>");
    ng_page_tag(page, ng_record_verdict(cell->score.smallest_wrong));
    ng_buffer_add(out, " <span class=\"property\">");
    ng_buffer_name(out, cell->name);
    ng_buffer_add(out, "</span> <span class=\"score\"><span><b>");
    ng_buffer_count(out, cell->score.wrong);
    ng_buffer_add(out, "</b> of ");
    ng_buffer_count(out, cell->score.judged);
    ng_buffer_add(out,
                  cell->score.judged == 1 ? " case</span>" : " cases</span>");
    if (!isnan(cell->score.ratio)) {
        ng_buffer_add(out, " <span>error / bound <b>");
        ng_buffer_short(out, cell->score.ratio);
        ng_buffer_add(out, "</b></span>");
    }
    ng_buffer_add(out, "</span></summary>\n");
}

/* The id stands inside of what is folded: a link to it unfolds it. */
static void write_finding(ng_page *page, const ng_row *row, const ng_cell *cell,
                          const char *said, bool open)
{
    const ng_record *smallest = cell->score.smallest_wrong;
    const ng_record *first = cell->score.first_wrong;
    const char *id = add_anchor(page, row, cell->name, cell);
    ng_buffer_format(page->out, "<article class=\"finding\"><details%s>",
                     open ? " open=\"\"" : "");
    write_summary(page, cell);
    ng_buffer_format(page->out, "<div class=\"case\" id=\"%s\">\n", id);
    if (smallest->cause[0] && strcmp(smallest->cause, said) != 0) {
        ng_buffer_add(page->out, "<p class=\"said\">");
        ng_buffer_markup(page->out, smallest->cause);
        ng_buffer_add(page->out, "</p>\n");
    }
    write_line(page, "Repeat the smallest failing case", "replay",
               smallest->replay);
    write_numbers(page, smallest);
    if (!strstr(smallest->replay, smallest->test))
        write_line(page, "Smallest failing case", "", smallest->test);
    if (first != smallest)
        write_line(page, "First failing case", "", first->test);
    write_foot(page, smallest, id);
    ng_buffer_add(page->out, "</div></details></article>\n");
}

static void open_diagnosis(ng_page *page, const ng_row *row, const char *tag)
{
    ng_buffer_add(page->out, "<article class=\"diagnosis\"><h3>");
    ng_buffer_add(page->out, tag);
    ng_buffer_add(page->out, " <code>");
    ng_buffer_name(page->out, row->kernel[0] ? row->kernel : "(no name)");
    ng_buffer_add(page->out, "</code></h3>\n<p class=\"cause\">");
}

/* The kernel's first finding stands open, the others are folded. Returns how
 * many there was no room for. */
static size_t write_diagnosis(ng_page *page, const ng_row *row,
                              const ng_diagnosis *d, bool first)
{
    if (ng_page_full(page))
        return d->count;
    size_t i = 0;
    open_diagnosis(page, row, "");
    ng_buffer_markup(page->out, d->text);
    ng_buffer_add(page->out, "</p>\n");
    write_meta(page, row, d, first);
    for (; i < d->count && !ng_page_full(page); i++)
        write_finding(page, row, d->cells[i], d->text, first && i == 0);
    ng_buffer_add(page->out, "</article>\n");
    return d->count - i;
}

/* A seeded bug that its named property let through. */
static void write_survivor(ng_page *page, const ng_row *row)
{
    const ng_cell *named = ng_row_cell(row, row->seeded_bug);
    const char *id = add_anchor(page, row, row->seeded_bug, named);
    open_diagnosis(page, row,
                   "<span class=\"tag fail\">✗&nbsp;survived</span>");
    ng_buffer_format(page->out, "<span id=\"%s\">", id);
    ng_buffer_add(page->out, "This kernel is wrong on purpose, and the "
                             "property that must fail, ");
    ng_buffer_name(page->out, row->seeded_bug);
    if (named)
        ng_buffer_format(page->out, ", held in %zu of %zu judged cases",
                         named->score.judged - named->score.wrong,
                         named->score.judged);
    else
        ng_buffer_add(page->out, ", was not run on it");
    ng_buffer_add(page->out, row->score.wrong > 0
                                 ? ". Other properties failed; that does not "
                                   "show that this one works.</span></p>"
                                 : ". No other property failed either.</span>"
                                   "</p>");
    ng_buffer_add(page->out, "</article>\n");
}

/* Writes the row's findings if there is room, and counts those left out. */
static size_t write_row(ng_page *page, const ng_row *row)
{
    size_t left_out = 0, count;
    if (row->seeded_bug[0]) {
        if (ng_row_caught(row))
            return 0;
        if (ng_page_full(page))
            return 1;
        write_survivor(page, row);
        return 0;
    }
    ng_diagnosis *found = ng_diagnoses_make(&count, page->arena, row);
    page->out->failed = page->out->failed || !found;
    for (size_t i = 0; found && i < count; i++)
        left_out += write_diagnosis(page, row, &found[i], i == 0);
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
        ng_buffer_format(page->out, " failing propert%s in ", ies(failed));
        ng_buffer_count(page->out, tally->kernels_failing);
        ng_buffer_format(page->out, " kernel%s. ",
                         tally->kernels_failing == 1 ? "" : "s");
    }
    if (survived > 0) {
        ng_buffer_count(page->out, survived);
        ng_buffer_format(page->out, " seeded bug%s that the gate let through. ",
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
    const ng_grid *grid = page->properties;
    size_t left_out = 0;
    write_counts(page);
    page->anchors = ng_arena_alloc(
        page->arena, grid->cell_count + grid->row_count, sizeof *page->anchors);
    if (page->anchors == NULL) {
        page->out->failed = true;
        return;
    }
    for (size_t i = 0; i < grid->row_count; i++)
        left_out += write_row(page, &grid->rows[i]);
    ng_page_left_out(page, left_out, "findings");
}
