/* Evidence: which properties tell of which field, and what they measured. */
#include "evidence.h"

#include <math.h>
#include <string.h>

enum { EVIDENCE_MAX = 4 };

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

/* One property over the kernels of a group. */
typedef struct finding {
    size_t judged, wrong;
    size_t elsewhere;    /* failures that break another promise */
    size_t unequal;      /* of the wrong ones those that the bits fail, or
                            that gave no result */
    double ratio;        /* NAN: none */
    const ng_cell *cell; /* the first that fails */
    double least_exponent, most_exponent, bound_exponent;
    double least_share, most_share;
    double calls, differing, compared;
} finding;

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

static const char promised[] = "contract promises ";

/* Where several promises are checked at once, the cause names the broken one:
 * "..., though the contract promises batch_invariant=yes". */
static bool blames_another(const ng_record *record, const char *field)
{
    const char *named = strstr(record->cause, promised);
    if (named == NULL || field[0] == '\0')
        return false;
    named += strlen(promised);
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
        if (one.wrong > 0 && blames_another(record, e->field)) {
            f->elsewhere++;
        } else if (one.wrong > 0) {
            f->wrong++;
            f->unequal += strstr(record->cause, promised) != NULL ||
                          ng_record_verdict(record) != NG_FAIL;
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
        if (cell && cell->score.wrong > 0 && f.cell == NULL)
            f.cell = cell;
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

static void write_differing(ng_page *page, const finding *f)
{
    ng_buffer *out = page->out;
    ng_buffer_count(out, (uint64_t)fmin(f->differing, 0x1p63));
    ng_buffer_add(out, " of ");
    ng_buffer_count(out, (uint64_t)fmin(f->compared, 0x1p63));
    ng_buffer_add(out, " outputs differed in ");
    ng_buffer_count(out, (uint64_t)fmin(f->calls, 0x1p63));
    ng_buffer_add(out, f->calls == 1 ? " call" : " calls");
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
        write_differing(page, f);
    }
}

static void write_cases(ng_page *page, size_t wrong, size_t judged)
{
    if (wrong > 0) {
        ng_buffer_count(page->out, wrong);
        ng_buffer_add(page->out, " of ");
    }
    ng_buffer_count(page->out, judged);
    ng_buffer_add(page->out, judged == 1 ? " case" : " cases");
}

/* The name of a property that fails leads to its finding. */
static void write_name(ng_page *page, const finding *f, const char *property)
{
    bool fails = f->cell && f->wrong + f->elsewhere > 0;
    const char *id = fails ? ng_page_anchor(page, f->cell) : NULL;
    if (id)
        ng_buffer_format(page->out, "<a href=\"#%s\"><b>%s</b></a> ", id,
                         property);
    else
        ng_buffer_format(page->out, "<b>%s</b> ", property);
}

/* Of a promise of equal bits: a wrong result of equal bits breaks another, and
 * calls at once say nothing of thread counts. False: there is no more to say
 * than of other fields. */
static bool write_bits(ng_page *page, const finding *f, const char *property,
                       const char *field)
{
    ng_buffer *out = page->out;
    bool threads = strcmp(field, "thread_invariant") == 0;
    if (!threads && strcmp(field, "deterministic") != 0 &&
        strcmp(field, "batch_invariant") != 0)
        return false;
    bool kept = f->wrong > 0 && f->unequal == 0;
    bool at_once = f->wrong == 0 && threads;
    if (!kept && (f->calls == 0 || !(at_once || f->elsewhere > 0)))
        return false;
    ng_buffer_add(out, "<div>");
    write_name(page, f, property);
    if (f->calls > 0)
        write_differing(page, f);
    else
        ng_buffer_add(out, "bits not compared");
    if (kept) {
        ng_buffer_add(out, "; results wrong in ");
        write_cases(page, f->wrong, f->judged);
    } else if (f->differing > 0) {
        ng_buffer_add(out, at_once ? " at once, of which this promises nothing"
                                   : ", which breaks another promise");
    }
    ng_buffer_add(out, "</div>");
    return true;
}

/* false: nothing to write. */
static bool write_finding(ng_page *page, const finding *f, const char *property,
                          const struct evidence *e)
{
    if (f->judged == 0)
        return false;
    if (write_bits(page, f, property, e->field))
        return true;
    ng_buffer_add(page->out,
                  f->wrong > 0 ? "<div class=\"fail\">✗&nbsp;" : "<div>");
    write_name(page, f, property);
    ng_buffer_add(page->out, f->wrong > 0 ? "failed in " : "held in ");
    write_cases(page, f->wrong, f->judged);
    write_numbers(page, f, e->sweep);
    ng_buffer_add(page->out, "</div>");
    return true;
}

void ng_evidence_write(ng_page *page, const ng_panel_item *items, size_t count,
                       const char *field)
{
    const struct evidence *e = find_evidence(field);
    bool any = false;
    for (size_t i = 0; e && i < EVIDENCE_MAX && e->properties[i]; i++) {
        finding f = measure(items, count, e, e->properties[i]);
        any = write_finding(page, &f, e->properties[i], e) || any;
    }
    if (!any)
        ng_buffer_add(page->out,
                      "<span class=\"none\">not measured in this run</span>");
}

const char *ng_evidence_state(const ng_row *row, const char *field)
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
