/* The kernels of a run as tables of Markdown, with the errors of their outputs
 * where the records have histograms. */
#include "markdown.h"

#include <normgate/histogram.h>

#include <math.h>
#include <string.h>

/* Kernels with seeded bugs are no rows: the verdict counts them. */
static bool passes(const ng_row *row)
{
    return row->score.wrong == 0 && row->score.judged > 0;
}

/* The kernel's errors in ulp, and the largest; a histogram that cannot be read
 * is left out. */
static double merge_errors(ng_histogram *sum, const ng_row *row, bool ordinary)
{
    double largest = NAN;
    *sum = (ng_histogram){{0}};
    for (size_t i = 0; i < row->cell_count; i++) {
        const ng_cell *cell = &row->cells[i];
        for (size_t k = 0; k < cell->record_count; k++) {
            const ng_record *record = cell->records[k];
            ng_histogram one;
            if (!ng_record_tells_ulp(record, ordinary))
                continue;
            if (!isnan(record->error_ulp) && !(record->error_ulp <= largest))
                largest = record->error_ulp;
            if (record->histogram[0] &&
                ng_histogram_parse(&one, record->histogram, NULL) ==
                    ng_status_ok)
                ng_histogram_merge(sum, &one);
        }
    }
    return largest;
}

/* An edge of a bin, which the quantile does not exceed: it may be larger than
 * the largest error. */
static void write_quantile(ng_buffer *out, const ng_histogram *errors,
                           double share)
{
    double edge = ng_histogram_quantile(errors, share);
    ng_buffer_add(out, isinf(edge) ? " | > " : edge > 0 ? " | ≤ " : " | ");
    ng_markdown_number(
        out, isinf(edge) ? ng_histogram_edge(NG_HISTOGRAM_BINS - 2) : edge);
}

static void write_row(const ng_document *m, const ng_row *row)
{
    ng_buffer *out = m->out;
    const ng_record *first = row->score.first;
    ng_histogram errors;
    double largest = merge_errors(&errors, row, m->ordinary);
    ng_buffer_add(out, row->score.wrong > 0 ? "| ❌ "
                       : passes(row)        ? "| ✅ "
                                            : "| ⚠️ ");
    ng_markdown_name(out, row->kernel);
    ng_buffer_add(out, " | ");
    ng_buffer_markdown(out, first->op, NG_NAME_SHOWN_MAX);
    ng_buffer_add(out, " ");
    ng_buffer_markdown(out, first->pass, NG_NAME_SHOWN_MAX);
    ng_buffer_add(out, " ");
    ng_buffer_markdown(out, first->dtype, NG_NAME_SHOWN_MAX);
    ng_buffer_add(out, " | ");
    ng_buffer_count(out, row->score.judged);
    ng_buffer_add(out, " | ");
    ng_buffer_count(out, row->score.wrong);
    if (row->score.waived > 0) {
        ng_buffer_add(out, " (");
        ng_buffer_count(out, row->score.waived);
        ng_buffer_add(out, " waived)");
    }
    ng_buffer_add(out, " | ");
    ng_markdown_number(out, row->score.ratio);
    write_quantile(out, &errors, 0.5);
    write_quantile(out, &errors, 0.99);
    ng_buffer_add(out, " | ");
    ng_markdown_number(out, largest);
    ng_buffer_add(out, " |\n");
}

static void write_subject(const ng_document *m, const ng_row *row)
{
    ng_buffer *out = m->out;
    ng_buffer_add(out, "\n");
    ng_markdown_name(out, row->subject);
    ng_buffer_format(out,
                     "\n\n| Kernel | Op, pass, dtype | Cases | Wrong | "
                     "Largest error/bound | Error in ulp%s: median | p99 | "
                     "Largest |\n"
                     "|---|---|--:|--:|--:|--:|--:|--:|\n",
                     m->ordinary ? ", normal inputs" : "");
}

static size_t count_rows(const ng_document *m, bool passing)
{
    size_t count = 0;
    for (size_t i = 0; i < m->grid->row_count; i++)
        count += !m->grid->rows[i].seeded_bug[0] &&
                 passes(&m->grid->rows[i]) == passing;
    return count;
}

/* A table for each subject, since rows of one are adjacent. */
static void write_rows(const ng_document *m, bool passing, size_t full)
{
    const ng_record *subject = NULL;
    size_t left_out = 0;
    for (size_t i = 0; i < m->grid->row_count; i++) {
        const ng_row *row = &m->grid->rows[i];
        if (row->seeded_bug[0] || passes(row) != passing)
            continue;
        if (m->out->size > full) {
            left_out++;
            continue;
        }
        if (row->subject_first != subject)
            write_subject(m, row);
        subject = row->subject_first;
        write_row(m, row);
    }
    ng_markdown_more(m->out, left_out, "kernels");
}

void ng_markdown_kernels(const ng_document *m, size_t full)
{
    size_t passing = count_rows(m, true), others = count_rows(m, false);
    if (others > 0) {
        ng_buffer_add(m->out, "\n### Kernels that do not pass\n");
        write_rows(m, false, full);
    }
    if (passing > 0) {
        ng_buffer_add(m->out, "\n<details>\n<summary>Kernels that pass (");
        ng_buffer_count(m->out, passing);
        ng_buffer_add(m->out, ")</summary>\n");
        write_rows(m, true, full);
        ng_buffer_add(m->out, "\n</details>\n");
    }
}
