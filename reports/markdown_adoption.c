/* Waivers and the baseline as tables of Markdown. */
#include "adoption.h"
#include "markdown.h"

#include <string.h>

static void write_cell(ng_buffer *out, const char *text)
{
    ng_buffer_markdown(out, text, NG_NAME_SHOWN_MAX);
    ng_buffer_add(out, " | ");
}

/* What the record is about, and what became of it. */
static void write_head(ng_buffer *out, const ng_record *record)
{
    ng_buffer_add(out, "| ");
    ng_markdown_name(out, record->kernel);
    ng_buffer_add(out, " | ");
    ng_markdown_name(out, record->property);
    ng_buffer_add(out, " | ");
    write_cell(out, record->state);
}

static void write_number(ng_buffer *out, double value)
{
    ng_markdown_number(out, value);
    ng_buffer_add(out, " | ");
}

static void write_waiver(ng_buffer *out, const ng_record *record)
{
    write_head(out, record);
    write_cell(out, record->waived);
    ng_buffer_count(out, record->cases);
    ng_buffer_add(out, " | ");
    write_cell(out, record->expires);
    ng_buffer_markdown(out, record->waiver, 400);
    ng_buffer_add(out, " | ");
    ng_buffer_markdown(out, record->cause, 400);
    ng_buffer_add(out, " |\n");
}

void ng_markdown_waivers(const ng_document *m, size_t full)
{
    size_t left_out = 0;
    if (m->tally->waivers == 0)
        return;
    ng_buffer_add(m->out,
                  "\n<details>\n<summary>Waivers</summary>\n\n"
                  "| Kernel | Property | State | Waives | Cases | Until | "
                  "Reason | To do |\n"
                  "|---|---|---|---|--:|---|---|---|\n");
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->records[i].kind, "waiver") != 0)
            continue;
        if (m->out->size > full)
            left_out++;
        else
            write_waiver(m->out, &m->records[i]);
    }
    ng_markdown_more(m->out, left_out, "waivers");
    ng_buffer_add(m->out, "\n</details>\n");
}

static void write_entry(ng_buffer *out, const ng_record *record)
{
    write_head(out, record);
    write_number(out, record->baseline_error_ulp);
    write_number(out, record->error_ulp);
    write_number(out, record->baseline_ratio);
    write_number(out, record->ratio);
    ng_buffer_markdown(out, record->cause, 400);
    ng_buffer_add(out, " |\n");
}

void ng_markdown_baseline(const ng_document *m, size_t full)
{
    size_t shown = 0, left_out = 0;
    for (size_t i = 0; i < m->count; i++) {
        const ng_record *record = &m->records[i];
        if (strcmp(record->kind, "baseline") != 0 ||
            strcmp(record->state, "unchanged") == 0)
            continue;
        if (shown++ == 0)
            ng_buffer_add(m->out,
                          "\n<details>\n<summary>What moved against the "
                          "baseline</summary>\n\n"
                          "| Kernel | Property | State | Error in ulp: before "
                          "| now | Error/bound: before | now | What moved |\n"
                          "|---|---|---|--:|--:|--:|--:|---|\n");
        if (m->out->size > full)
            left_out++;
        else
            write_entry(m->out, record);
    }
    if (shown == 0)
        return;
    ng_markdown_more(m->out, left_out, "entries");
    ng_buffer_add(m->out, "\n</details>\n");
}
