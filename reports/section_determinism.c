/* Determinism: which equal bits each kernel promises, against the outputs that
 * differed between calls that should agree. */
#include "panel.h"

#include <math.h>
#include <string.h>

static const char *const promises[] = {"deterministic", "batch_invariant",
                                       "thread_invariant"};
enum { PROMISES = sizeof promises / sizeof promises[0] };

/* A property and the promises under which its bits are judged. */
typedef struct aspect {
    const char *property, *title;
    unsigned promised; /* a bit for each of the promises */
} aspect;

static const aspect aspects[] = {
    {"repeat", "Same call again, other batch", 1 | 2},
    {"threads", "Two calls at once, thread counts", 4},
    {"permutation", "Sets in another order", 2},
    {"containment", "NaN and Inf in other sets", 2},
    {"layouts", "Other layout in memory", 0},
    {"call_contract", "Other addresses and pointers", 0},
};
enum { ASPECTS = sizeof aspects / sizeof aspects[0] };

typedef struct measured {
    size_t judged; /* cases */
    double calls, differing, compared;
    double counts; /* of threads, that were compared */
} measured;

/* No count of a record is negative or not a number. */
static double counted(const ng_columns *columns, const char *name)
{
    double value = ng_columns_first(columns, name);
    return value >= 0 && value <= 0x1p53 ? value : NAN;
}

/* Of one kernel. */
static measured measure(const ng_cell *cell)
{
    measured sum = {.judged = cell ? cell->score.judged : 0};
    for (size_t i = 0; cell && i < cell->record_count; i++) {
        ng_arena arena = {0};
        ng_columns columns = ng_panel_columns(&arena, cell->records[i]);
        double calls = counted(&columns, "calls");
        double differing = counted(&columns, "differing");
        double compared = counted(&columns, "compared");
        sum.counts += fmax(counted(&columns, "counts"), 0); /* NaN is 0 */
        if (calls > 0 && differing <= compared) {
            sum.calls += calls;
            sum.differing += differing;
            sum.compared += compared;
        }
        ng_arena_release(&arena);
    }
    return sum;
}

/* Of kernels that agree. */
static measured measure_all(const ng_panel_item *items, size_t count,
                            const char *property)
{
    measured sum = {0};
    for (size_t i = 0; i < count; i++) {
        measured one = measure(ng_row_cell(items[i].row, property));
        sum.judged += one.judged;
        sum.calls += one.calls;
        sum.differing += one.differing;
        sum.compared += one.compared;
        sum.counts += one.counts;
    }
    return sum;
}

static void write_count(ng_page *page, double count)
{
    ng_buffer_count(page->out, (uint64_t)fmin(count, 0x1p63));
}

static void write_differing(ng_page *page, const measured *m)
{
    write_count(page, m->differing);
    ng_buffer_add(page->out, " of ");
    write_count(page, m->compared);
    ng_buffer_add(page->out, " outputs differed");
}

/* "held in 12 calls", or the cases where calls were not counted. */
static void write_held(ng_page *page, const measured *m)
{
    double count = m->calls > 0 ? m->calls : (double)m->judged;
    ng_buffer_add(page->out, "held in ");
    write_count(page, count);
    ng_buffer_add(page->out, m->calls > 0 ? " call" : " case");
    ng_buffer_add(page->out, count == 1 ? "" : "s");
}

/* The cause says so: a wrong result alone breaks no promise of bits. */
static bool breaks_promise(const ng_cell *cell)
{
    for (size_t i = 0; i < cell->record_count; i++)
        if (ng_verdict_wrong(ng_record_verdict(cell->records[i])) &&
            strstr(cell->records[i]->cause, "the contract promises "))
            return true;
    return false;
}

static void write_wrong(ng_page *page, const ng_cell *cell, const measured *m,
                        bool promised)
{
    bool broken = promised && breaks_promise(cell);
    if (broken) {
        ng_buffer_add(page->out, "✗&nbsp;promised, broken: ");
        write_differing(page, m);
    } else {
        ng_buffer_format(page->out, "✗&nbsp;%zu of %zu cases wrong",
                         cell->score.wrong, cell->score.judged);
    }
    ng_buffer_add(page->out, "<small>");
    if (broken) {
        ng_panel_words(page, cell->score.first_wrong->cause);
    } else if (m->differing > 0) {
        ng_buffer_add(page->out, "results, and ");
        write_differing(page, m);
    } else {
        ng_buffer_add(page->out, "results, not bits");
    }
    ng_buffer_add(page->out, "</small>");
}

/* Equal, or at least right. */
static void write_right(ng_page *page, const aspect *a, unsigned kept,
                        const measured *m)
{
    bool differs = m->differing > 0;
    if (differs && strcmp(a->property, "threads") == 0) {
        write_differing(page, m);
        ng_buffer_add(page->out,
                      "<small>between calls at once, of which nothing is "
                      "promised; each result is right</small>");
        return;
    }
    if (kept != 0 && strcmp(a->property, "threads") == 0 && m->counts == 0) {
        write_held(page, m);
        ng_buffer_add(page->out, "<small>at once; thread counts, whose bits "
                                 "are promised, were not compared</small>");
        return;
    }
    if (kept != 0 && kept == a->promised)
        ng_buffer_add(page->out, differs ? "promised, yet " : "promised, ");
    else if (kept != 0)
        ng_buffer_add(page->out, "promised in part, ");
    else if (a->promised != 0)
        ng_buffer_add(page->out,
                      differs ? "not promised: " : "not promised, yet ");
    if (!differs) {
        write_held(page, m);
        return;
    }
    write_differing(page, m);
    ng_buffer_add(page->out, "<small>each result is right</small>");
}

static void write_aspect(ng_page *page, const ng_panel_item *items,
                         size_t count, const aspect *a, unsigned yes)
{
    const ng_cell *cell = ng_row_cell(items[0].row, a->property);
    if (cell == NULL || cell->score.judged == 0) {
        ng_buffer_add(page->out, "<td class=\"none\">not measured</td>");
        return;
    }
    measured m = measure_all(items, count, a->property);
    unsigned kept = yes & a->promised;
    ng_buffer_format(page->out, "<td%s>",
                     cell->score.wrong > 0 ? " class=\"fail\"" : "");
    if (cell->score.wrong > 0)
        write_wrong(page, cell, &m, kept != 0);
    else
        write_right(page, a, kept, &m);
    ng_buffer_add(page->out, "</td>");
}

static unsigned write_promises(ng_page *page, const char *contract)
{
    unsigned yes = 0;
    ng_buffer_add(page->out, "<td class=\"declared\">");
    for (size_t i = 0; i < PROMISES; i++) {
        const char *value = ng_panel_field(page, contract, promises[i]);
        ng_buffer_format(page->out, "<div>%s: ", promises[i]);
        if (value == NULL)
            ng_buffer_add(page->out, "not declared, so no promise");
        else
            ng_panel_words(page, value);
        ng_buffer_add(page->out, "</div>");
        if (value != NULL && strcmp(value, "yes") == 0)
            yes |= 1u << i;
    }
    ng_buffer_add(page->out, "</td>");
    return yes;
}

/* What kernels of one row agree in: their promises, what was measured of them,
 * and, where that is not that all bits were equal, every number of it. "" where
 * nothing was. */
static const char *key_of(const ng_page *page, ng_panel_item *item)
{
    ng_buffer text = {0};
    ng_page apart = *page;
    bool any = false;
    apart.out = &text;
    unsigned yes = write_promises(&apart, item->row->score.first->contract);
    for (size_t i = 0; i < ASPECTS; i++) {
        const ng_cell *cell = ng_row_cell(item->row, aspects[i].property);
        bool judged = cell && cell->score.judged > 0;
        bool wrong = cell && cell->score.wrong > 0;
        measured m = measure(cell);
        any = any || judged;
        item->failing = item->failing || wrong;
        if (wrong || m.differing > 0)
            write_aspect(&apart, item, 1, &aspects[i], yes);
        else
            ng_buffer_add(&text, !judged        ? "|not measured"
                                 : m.counts > 0 ? "|held in counts of threads"
                                 : m.calls > 0  ? "|held in calls"
                                                : "|held in cases");
    }
    const char *key =
        text.failed ? NULL
                    : ng_arena_text(page->arena, "%s", any ? text.data : "");
    if (key == NULL)
        page->out->failed = true;
    ng_buffer_free(&text);
    return key ? key : "";
}

static void write_row(ng_page *page, const ng_panel_item *items, size_t count)
{
    ng_buffer_add(page->out, "<tr><th scope=\"row\">");
    ng_panel_kernels(page, items, count);
    ng_buffer_add(page->out, "</th>");
    unsigned yes = write_promises(page, items[0].row->score.first->contract);
    for (size_t i = 0; i < ASPECTS; i++)
        write_aspect(page, items, count, &aspects[i], yes);
    ng_buffer_add(page->out, "</tr>\n");
}

static void write_head(ng_page *page)
{
    ng_buffer_add(
        page->out,
        "<p>Equal bits are judged where the contract promises them; elsewhere "
        "a difference is counted, and is no failure as long as each result is "
        "right. Kernels that agree share a row, with the calls of all.</p>\n"
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\""
        "Determinism and batch invariance\"><table class=\"panel words\">\n"
        "<thead><tr><th scope=\"col\">Kernels</th>"
        "<th scope=\"col\">Declared</th>");
    for (size_t i = 0; i < ASPECTS; i++)
        ng_buffer_format(page->out,
                         "<th scope=\"col\">%s<small>%s</small></th>",
                         aspects[i].title, aspects[i].property);
    ng_buffer_add(page->out, "</tr></thead>\n<tbody>\n");
}

void ng_section_determinism(ng_page *page)
{
    const ng_grid *grid = page->properties;
    ng_panel_item *items = ng_panel_items(page);
    size_t count = 0, left_out = 0;
    for (size_t i = 0; items != NULL && i < grid->row_count; i++) {
        ng_panel_item *item = &items[count];
        if (!ng_panel_shows(page, &grid->rows[i]))
            continue;
        *item = (ng_panel_item){.row = &grid->rows[i]};
        item->key = key_of(page, item);
        count += item->key[0] != '\0';
    }
    if (count == 0)
        return;
    ng_panel_group(items, count);
    write_head(page);
    for (size_t i = 0, size; i < count; i += size) {
        size = ng_panel_size(items + i, count - i);
        if (ng_page_full(page)) {
            left_out += size;
            continue;
        }
        write_row(page, items + i, size);
    }
    ng_buffer_add(page->out, "</tbody></table></div>\n");
    ng_page_left_out(page, left_out, "kernels");
}
