/* Annotations: workflow commands of GitHub Actions, which show a finding beside
 * the line of source that it is about. One line each; whatever a record says,
 * it can neither end its own command nor begin another. */
#include "document.h"

#include <math.h>
#include <string.h>

/* GitHub shows ten errors of a step and drops the rest. */
enum { SHOWN_MAX = 10, PATH_MAX_SHOWN = 1000, LINE_MAX_SHOWN = 4000 };

/* Escaped as the workflow commands want it. */
static void add_escaped(ng_buffer *out, const ng_buffer *text, bool property)
{
    for (size_t i = 0; i < text->size; i++) {
        char c = text->data[i];
        if (c == '%' || c == '\n' || c == '\r' ||
            (property && (c == ':' || c == ',')))
            ng_buffer_format(out, "%%%02X", (unsigned)c);
        else
            ng_buffer_format(out, "%c", c);
    }
    out->failed |= text->failed;
}

static void add_property(ng_buffer *out, const char *name, const char *text,
                         size_t limit)
{
    ng_buffer plain = {0};
    ng_buffer_plain(&plain, text, limit);
    ng_buffer_format(out, "%s=", name);
    add_escaped(out, &plain, true);
    ng_buffer_free(&plain);
}

static void add_line(ng_buffer *text, const char *term, const char *value)
{
    if (!value[0])
        return;
    ng_buffer_format(text, "\n%s", term);
    ng_buffer_plain(text, value, LINE_MAX_SHOWN);
}

static void write_place(ng_buffer *out, const ng_record *record)
{
    if (!record->file[0])
        return;
    add_property(out, "file", record->file, PATH_MAX_SHOWN);
    if (record->line > 0)
        ng_buffer_format(out, ",line=%llu", (unsigned long long)record->line);
    ng_buffer_add(out, ",");
}

static void write_title(ng_buffer *out, const ng_found *found)
{
    ng_buffer title = {0};
    ng_buffer_plain(&title, found->kernel, NG_NAME_SHOWN_MAX);
    ng_buffer_format(&title, ": %s: ", ng_found_word(found));
    ng_buffer_plain(&title, found->property, NG_NAME_SHOWN_MAX);
    ng_buffer_add(out, "title=");
    add_escaped(out, &title, true);
    ng_buffer_add(out, "::");
    ng_buffer_free(&title);
}

static void write_cases(ng_buffer *text, const ng_score *score)
{
    ng_buffer_add(text, "\n");
    ng_buffer_of(text, score->wrong, score->judged);
    ng_buffer_add(text, " cases are wrong");
    if (!isnan(score->ratio)) {
        ng_buffer_add(text, ", largest error/bound ");
        ng_buffer_short(text, score->ratio);
    }
}

static void write_finding(ng_buffer *out, const ng_found *found)
{
    const ng_record *record = found->record;
    ng_buffer text = {0};
    ng_buffer_add(out, "::error ");
    write_place(out, record);
    write_title(out, found);
    if (found->kind == ng_found_survivor) {
        ng_buffer_add(out, "this kernel is wrong on purpose, and the property "
                           "that must fail held\n");
        return;
    }
    ng_buffer_plain(&text, ng_record_cause(record), LINE_MAX_SHOWN);
    if (found->score)
        write_cases(&text, found->score);
    add_line(&text, "case: ", record->test);
    add_line(&text, "replay: ", record->replay);
    add_escaped(out, &text, false);
    ng_buffer_add(out, "\n");
    ng_buffer_free(&text);
}

static void write_all(const ng_document *document)
{
    ng_buffer *out = document->out;
    const ng_findings *findings = document->findings;
    const ng_tally *tally = document->tally;
    size_t shown = 0, room = SHOWN_MAX;
    if (!document->complete) {
        ng_buffer_add(out, "::error title=normgate::the run did not come to "
                           "its end; its records have no closing line\n");
        room--;
    } else if (ng_tally_outcome(tally, true) == ng_outcome_nothing) {
        ng_buffer_format(out,
                         "::error title=normgate::%s had no case judged; "
                         "widen the filters\n",
                         tally->cases == 0 ? "the run" : "a kernel");
        room--;
    }
    for (; shown < findings->count && shown < room; shown++)
        write_finding(out, &findings->found[shown]);
    if (shown == findings->count)
        return;
    ng_buffer_add(out, "::notice title=normgate::");
    ng_buffer_count(out, findings->count - shown);
    ng_buffer_add(out, " more findings, none worse than these; the report and "
                       "the records have them\n");
}

ng_status ng_report_annotations(const ng_record *records, size_t count,
                                bool complete, const char *path,
                                ng_error *error)
{
    return ng_document_make(records, count, complete, path, write_all, error);
}
