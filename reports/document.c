/* The frame of reports. */
#include "document.h"
#include "tally.h"

ng_status ng_document_make(const ng_record *records, size_t count,
                           bool complete, const char *path,
                           void (*write)(const ng_document *document),
                           ng_error *error)
{
    ng_arena arena = {0};
    ng_buffer out = {0};
    ng_grid grid;
    ng_tally tally;
    ng_findings findings;
    ng_status status =
        ng_grid_make(&grid, &arena, records, count, ng_by_property, error);
    if (status == ng_status_ok)
        status = ng_findings_make(&findings, &arena, &grid, records, count,
                                  complete, error);
    if (status == ng_status_ok) {
        const ng_document document = {
            .out = &out,
            .arena = &arena,
            .records = records,
            .count = count,
            .complete = complete,
            .grid = &grid,
            .tally = &tally,
            .findings = &findings,
            .ordinary = ng_records_ordinary(records, count),
        };
        ng_tally_grid(&tally, &grid, records, count);
        write(&document);
        status = ng_buffer_status(&out, error);
    }
    if (status == ng_status_ok)
        status = ng_report_write_file(path, out.size > 0 ? out.data : "",
                                      out.size, error);
    ng_buffer_free(&out);
    ng_arena_release(&arena);
    return status;
}
