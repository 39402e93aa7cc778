/* dump_reports RECORDS BASE: the reports of a records file, as BASE.xml
 * (JUnit), BASE.md (Markdown) and BASE.txt (annotations), for the tests in
 * Python that read them. */
#include <normgate/report.h>

#include <stdio.h>

typedef ng_status report(const ng_record *, size_t, bool, const char *,
                         ng_error *);

static const struct {
    const char *suffix;
    report *write;
} files[] = {{"xml", ng_report_junit},
             {"md", ng_report_markdown},
             {"txt", ng_report_annotations}};

int main(int count, char **words)
{
    ng_arena arena = {0};
    ng_error error = {{0}};
    ng_record *records;
    size_t record_count;
    bool complete;
    char path[4096];
    if (count != 3) {
        fputs("usage: dump_reports RECORDS BASE\n", stderr);
        return 2;
    }
    ng_status status = ng_records_load(words[1], &arena, &records,
                                       &record_count, &complete, &error);
    for (size_t i = 0;
         status == ng_status_ok && i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s.%s", words[2], files[i].suffix);
        status = files[i].write(records, record_count, complete, path, &error);
    }
    if (status != ng_status_ok)
        fprintf(stderr, "%s\n", error.text);
    ng_arena_release(&arena);
    return status == ng_status_ok ? 0 : 1;
}
