/* Contract: each field that a kernel declares beside what was measured about
 * it. Kernels that declare the same and kept or broke the same share a table. */
#include "panel.h"

#include <math.h>
#include <string.h>

enum { FIELDS_MAX = 64, EVIDENCE_MAX = 4 };

/* What tells whether a field is as declared. `sweep`: growth along this column
 * alone. */
static const struct evidence {
    const char *field, *properties[EVIDENCE_MAX], *sweep;
} evidence[] = {
    {"centred", {"shift", "moments"}, ""},
    {"divisor", {"moments", "accuracy"}, ""},
    {"eps_place", {"epsilon"}, ""},
    {"eps_dtype", {"epsilon"}, ""},
    {"affine", {"accuracy", "constant"}, ""},
    {"round_xhat", {"rounding"}, ""},
    {"round_rstd", {"rounding"}, ""},
    {"round_residual", {"rounding"}, ""},
    {"momentum", {"running"}, ""},
    {"running", {"running"}, ""},
    {"running_var", {"running"}, ""},
    {"param", {"rounding"}, ""},
    {"stats", {"rounding", "accuracy"}, ""},
    {"compute", {"rounding", "accuracy"}, ""},
    {"subnormals", {"range", "scale"}, ""},
    {"summation", {"growth", "sizes", "accuracy"}, "n"},
    {"block", {"growth"}, "n"},
    {"param_summation", {"growth"}, "n"},
    {"variance", {"growth", "shift", "moments"}, "offset"},
    {"affine_eval", {"growth", "accuracy"}, "offset"},
    {"one_value", {"degenerate"}, ""},
    {"no_rows", {"degenerate"}, ""},
    {"saved", {"accuracy"}, ""},
    {"backward_stats", {"gradient", "jacobian"}, ""},
    {"residual", {"accuracy", "finite_difference"}, ""},
    {"layout", {"layouts"}, ""},
    {"in_place", {"call_contract"}, ""},
    {"nullable", {"call_contract"}, ""},
    {"alignment", {"call_contract"}, ""},
    {"reentrant", {"threads"}, ""},
    {"deterministic", {"repeat"}, ""},
    {"batch_invariant", {"repeat", "permutation"}, ""},
    {"thread_invariant", {"threads"}, ""},
    {"min_abs", {"range"}, ""},
    {"max_abs", {"range"}, ""},
    {"max_n", {"sizes"}, ""},
    /* what the kernel computes at all */
    {"", {"accuracy", "exhaustive", "identities", "degenerate"}, ""},
};
enum { FIELDS = sizeof evidence / sizeof evidence[0] };

/* Named by a row of its own, or by the map of the range section. */
static const char *const kind_fields[] = {"op", "pass", "dtype", NULL};
static const char *const no_measure[] = {"range", "wild", NULL};

/* One property over the kernels of a group. */
typedef struct finding {
    size_t judged, wrong;
    double ratio;                  /* NAN: none */
    const ng_record *wrong_record; /* the first */
    double least_exponent, most_exponent, bound_exponent;
    double least_share, most_share;
    double calls, differing, compared;
} finding;

static bool is_one_of(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static const struct evidence *find_evidence(const char *field)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (strcmp(evidence[i].field, field) == 0)
            return &evidence[i];
    return NULL;
}

/* --- what was measured -------------------------------------------------------- */

static void add_columns(finding *f, const ng_columns *columns)
{
    double exponent = ng_columns_first(columns, "error_exponent");
    double share = ng_columns_first(columns, "share");
    double differing = ng_columns_first(columns, "differing");
    double compared = ng_columns_first(columns, "compared");
    f->least_exponent = fmin(f->least_exponent, exponent);
    f->most_exponent = fmax(f->most_exponent, exponent);
    f->bound_exponent =
        fmax(f->bound_exponent, ng_columns_first(columns, "bound_exponent"));
    f->least_share = fmin(f->least_share, share);
    f->most_share = fmax(f->most_share, share);
    if (differing >= 0 && differing <= compared) {
        f->calls += fmax(ng_columns_first(columns, "calls"), 0);
        f->differing += differing;
        f->compared += compared;
    }
}

/* Where several promises are checked at once, the cause names the broken one:
 * "..., though the contract promises batch_invariant=yes". */
static bool blames_another(const ng_record *record, const char *field)
{
    const char *named = strstr(record->cause, "contract promises ");
    if (named == NULL || field[0] == '\0')
        return false;
    named += strlen("contract promises ");
    return strncmp(named, field, strlen(field)) != 0;
}

static void add_record(finding *f, const ng_record *record,
                       const struct evidence *e, const char *sweep)
{
    ng_arena arena = {0};
    ng_columns columns = ng_panel_columns(&arena, record);
    ng_score one;
    ng_score_init(&one);
    ng_score_add(&one, record);
    if (one.judged > 0 && (sweep[0] == '\0' || columns.count == 0 ||
                           ng_columns_find(&columns, sweep).count > 0)) {
        f->judged++;
        f->ratio = fmax(f->ratio, record->ratio);
        if (one.wrong > 0 && !blames_another(record, e->field)) {
            f->wrong++;
            if (f->wrong_record == NULL)
                f->wrong_record = record;
        }
        add_columns(f, &columns);
    }
    ng_arena_release(&arena);
}

static finding measure(const ng_panel_item *items, size_t count,
                       const struct evidence *e, const char *property)
{
    const char *sweep = strcmp(property, "growth") == 0 ? e->sweep : "";
    finding f = {.ratio = NAN,
                 .least_exponent = NAN,
                 .most_exponent = NAN,
                 .bound_exponent = NAN,
                 .least_share = NAN,
                 .most_share = NAN};
    for (size_t i = 0; i < count; i++) {
        const ng_cell *cell = ng_row_cell(items[i].row, property);
        for (size_t k = 0; cell && k < cell->record_count; k++)
            add_record(&f, cell->records[k], e, sweep);
    }
    return f;
}

static void write_span(ng_page *page, double least, double most)
{
    ng_buffer_short(page->out, least);
    if (most > least) {
        ng_buffer_add(page->out, " to ");
        ng_buffer_short(page->out, most);
    }
}

static void write_numbers(ng_page *page, const finding *f, const char *sweep)
{
    ng_buffer *out = page->out;
    if (isfinite(f->ratio) && f->calls == 0) {
        ng_buffer_add(out, ", ");
        ng_buffer_short(out, f->ratio);
        ng_buffer_add(out, " of the bound");
    }
    if (!isnan(f->least_exponent)) {
        ng_buffer_format(out, "; error grows as %s to the power ",
                         strcmp(sweep, "offset") == 0 ? "|mean|/sigma" : "n");
        write_span(page, f->least_exponent, f->most_exponent);
        if (!isnan(f->bound_exponent)) {
            ng_buffer_add(out, ", its bound up to ");
            ng_buffer_short(out, f->bound_exponent);
        }
    }
    if (!isnan(f->least_share)) {
        ng_buffer_add(out, "; ");
        write_span(page, 100 * f->least_share, 100 * f->most_share);
        ng_buffer_add(out, "&nbsp;% of outputs correctly rounded");
    }
    if (f->calls > 0) {
        ng_buffer_add(out, "; ");
        ng_buffer_count(out, (uint64_t)fmin(f->differing, 0x1p63));
        ng_buffer_add(out, " of ");
        ng_buffer_count(out, (uint64_t)fmin(f->compared, 0x1p63));
        ng_buffer_add(out, " outputs differed in ");
        ng_buffer_count(out, (uint64_t)fmin(f->calls, 0x1p63));
        ng_buffer_add(out, " calls");
    }
}

/* false: nothing to write. */
static bool write_finding(ng_page *page, const finding *f, const char *property,
                          const char *sweep)
{
    if (f->judged == 0)
        return false;
    ng_buffer_format(page->out, "<div%s>%s<b>%s</b> ",
                     f->wrong > 0 ? " class=\"fail\"" : "",
                     f->wrong > 0 ? "✗&nbsp;" : "", property);
    if (f->wrong > 0) {
        ng_buffer_add(page->out, "failed in ");
        ng_buffer_count(page->out, f->wrong);
        ng_buffer_add(page->out, " of ");
    } else {
        ng_buffer_add(page->out, "held in ");
    }
    ng_buffer_count(page->out, f->judged);
    ng_buffer_add(page->out, f->judged == 1 ? " case" : " cases");
    write_numbers(page, f, sweep);
    const char *words = f->wrong > 0 ? f->wrong_record->cause : "";
    if (words[0]) {
        ng_buffer_add(page->out, "<small>");
        ng_panel_words(page, words);
        ng_buffer_add(page->out, "</small>");
    }
    ng_buffer_add(page->out, "</div>");
    return true;
}

/* --- a group ------------------------------------------------------------------ */

static void write_field(ng_page *page, const ng_panel_item *items, size_t count,
                        const char *field)
{
    const struct evidence *e = find_evidence(field);
    bool any = false;
    for (size_t i = 0; e && i < EVIDENCE_MAX && e->properties[i]; i++) {
        finding f = measure(items, count, e, e->properties[i]);
        any = write_finding(page, &f, e->properties[i], e->sweep) || any;
    }
    if (!any)
        ng_buffer_add(page->out,
                      "<span class=\"none\">not measured in this run</span>");
}

static void write_kind(ng_page *page, const ng_panel_item *items, size_t count)
{
    const ng_record *first = items[0].row->score.first;
    bool same = true;
    for (size_t i = 1; i < count; i++) {
        const ng_record *record = items[i].row->score.first;
        same = same && strcmp(record->op, first->op) == 0 &&
               strcmp(record->pass, first->pass) == 0 &&
               strcmp(record->dtype, first->dtype) == 0;
    }
    ng_buffer_add(page->out, "<tr><th scope=\"row\">");
    ng_buffer_name(page->out, first->op);
    ng_buffer_add(page->out, " ");
    ng_buffer_name(page->out, first->pass);
    ng_buffer_add(page->out, " ");
    ng_buffer_name(page->out, first->dtype);
    ng_buffer_add(page->out,
                  same ? "</th><td>" : "<small>and others</small></th><td>");
    write_field(page, items, count, "");
    ng_buffer_add(page->out, "</td></tr>\n");
}

/* In words, of the group's first kernel: the note of the check that comes
 * nearest to its bound. */
static void write_notes(ng_page *page, const ng_row *row)
{
    size_t shown = 0;
    for (size_t i = 0; i < row->cell_count; i++) {
        const ng_cell *cell = &row->cells[i];
        const ng_record *noted = NULL;
        if (is_one_of(no_measure, cell->name))
            continue;
        for (size_t k = 0; k < cell->record_count; k++)
            if (cell->records[k]->note[0] &&
                ng_panel_worse(cell->records[k], noted))
                noted = cell->records[k];
        if (noted == NULL)
            continue;
        if (shown++ == 0) {
            ng_buffer_add(page->out, "<tr><th scope=\"row\">Noted<small>of ");
            ng_buffer_name(page->out, row->kernel);
            ng_buffer_add(page->out, "</small></th><td>");
        }
        ng_buffer_add(page->out, "<div><b>");
        ng_buffer_name(page->out, cell->name);
        ng_buffer_add(page->out, "</b> ");
        ng_panel_words(page, noted->note);
        ng_buffer_add(page->out, "</div>");
    }
    ng_buffer_add(page->out, shown > 0 ? "</td></tr>\n" : "");
}

static void write_group(ng_page *page, const ng_panel_item *items, size_t count)
{
    const char *contract = items[0].row->score.first->contract;
    const char *name, *text;
    size_t fields = 0;
    ng_buffer_add(page->out, "<table class=\"contract\"><caption>");
    ng_panel_kernels(page, items, count);
    ng_buffer_add(page->out, "</caption><thead><tr><th scope=\"col\">Declared"
                             "</th><th scope=\"col\">Measured</th></tr></thead>"
                             "<tbody>\n");
    write_kind(page, items, count);
    for (const char *at = contract;
         fields < FIELDS_MAX &&
         (at = ng_panel_next_field(page, at, &name, &text));) {
        if (is_one_of(kind_fields, name))
            continue;
        fields++;
        ng_buffer_add(page->out, "<tr><th scope=\"row\">");
        ng_buffer_name(page->out, text);
        ng_buffer_add(page->out, "</th><td>");
        write_field(page, items, count, name);
        ng_buffer_add(page->out, "</td></tr>\n");
    }
    write_notes(page, items[0].row);
    ng_buffer_add(page->out, "</tbody></table>\n");
}

/* Broken, kept or not measured. */
static const char *state_of(const ng_row *row, const char *field)
{
    const struct evidence *e = find_evidence(field);
    const char *state = "?";
    for (size_t i = 0; e && i < EVIDENCE_MAX && e->properties[i]; i++) {
        const ng_cell *cell = ng_row_cell(row, e->properties[i]);
        if (cell && cell->score.wrong > 0)
            return "!";
        if (cell && cell->score.judged > 0)
            state = "+";
    }
    return state;
}

/* The declared fields, each with its state; op, pass and dtype are the kernel
 * itself and part no groups. */
static const char *key_of(const ng_page *page, const ng_row *row, bool *failing)
{
    ng_buffer key = {0};
    const char *at = row->score.first->contract, *name, *text;
    size_t fields = 0;
    ng_buffer_add(&key, state_of(row, ""));
    while (fields < FIELDS_MAX &&
           (at = ng_panel_next_field(page, at, &name, &text))) {
        if (is_one_of(kind_fields, name))
            continue;
        fields++;
        ng_buffer_add(&key, " ");
        ng_buffer_add(&key, text);
        ng_buffer_add(&key, state_of(row, name));
    }
    const char *copy =
        key.failed ? NULL : ng_arena_text(page->arena, "%s", key.data);
    *failing = copy && strchr(copy, '!') != NULL;
    if (copy == NULL)
        page->out->failed = true;
    ng_buffer_free(&key);
    return copy ? copy : "";
}

void ng_section_contract(ng_page *page)
{
    const ng_grid *grid = page->properties;
    ng_panel_item *items = ng_panel_items(page);
    size_t count = 0, left_out = 0;
    for (size_t i = 0; items != NULL && i < grid->row_count; i++) {
        const ng_row *row = &grid->rows[i];
        ng_panel_item *item = &items[count];
        if (!ng_panel_shows(page, row) || row->score.judged == 0 ||
            !row->score.first->contract[0])
            continue;
        *item = (ng_panel_item){.row = row};
        item->key = key_of(page, row, &item->failing);
        count++;
    }
    if (count == 0)
        return;
    ng_panel_group(items, count);
    ng_buffer_add(
        page->out,
        "<p>Each declared field beside the properties that would "
        "see it broken. Kernels that declare the same, and kept or "
        "broke the same, share a table, with the cases and the largest "
        "error of all of them. A field that is not listed has its default "
        "(<code>normgate list contracts</code>).</p>\n"
        "<div class=\"contracts\">\n");
    for (size_t i = 0, size; i < count; i += size) {
        size = ng_panel_size(items + i, count - i);
        if (ng_page_full(page))
            left_out += size;
        else
            write_group(page, items + i, size);
    }
    ng_buffer_add(page->out, "</div>\n");
    ng_page_left_out(page, left_out, "kernels");
}
