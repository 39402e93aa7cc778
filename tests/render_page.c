/* render_page RECORDS FILE: the HTML page of a record file, as report.browser
 * and report.figures get it also of records that no run would make. */
#include <normgate/report.h>

#include <stdio.h>

int main(int count, char **words)
{
    ng_arena arena = {0};
    ng_record *records;
    size_t record_count;
    bool complete;
    ng_error error = {{0}};
    if (count != 3) {
        fputs("usage: render_page RECORDS FILE\n", stderr);
        return 2;
    }
    ng_status status = ng_records_load(words[1], &arena, &records,
                                       &record_count, &complete, &error);
    if (status == ng_status_ok)
        status =
            ng_report_html(records, record_count, complete, words[2], &error);
    ng_arena_release(&arena);
    if (status == ng_status_ok)
        return 0;
    fprintf(stderr, "render_page: %s\n", error.text);
    return 1;
}
