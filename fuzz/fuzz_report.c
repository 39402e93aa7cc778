/* Fuzz target: whatever a file of records says, every report of it is made
 * without fault, and within the size that its readers take. */
#include <normgate/report.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { PATH = 64 };

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static FILE *open_path(char path[PATH])
{
    FILE *file = tmpfile();
    if (file != NULL)
        snprintf(path, PATH, "/proc/self/fd/%d", fileno(file));
    return file;
}

typedef ng_status (*report)(const ng_record *records, size_t count,
                            bool complete, const char *path, ng_error *error);

static void try_report(report make, const ng_record_list *list, bool complete,
                       off_t most)
{
    char path[PATH];
    struct stat made;
    ng_error error;
    FILE *file = open_path(path);
    if (file == NULL)
        return;
    require(make(list->records, list->count, complete, path, &error) ==
                ng_status_ok,
            "a report is not made");
    require(fstat(fileno(file), &made) == 0 && made.st_size < most,
            "a report is too long");
    fclose(file);
}

/* At most 15 lines, and no character that a terminal obeys. */
static void try_summary(const ng_record_list *list, bool complete)
{
    char *text = NULL;
    size_t size = 0, lines = 0;
    ng_error error;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL)
        return;
    require(ng_report_summary(list->records, list->count, complete, "p.html",
                              file, false, &error) == ng_status_ok,
            "the summary is not made");
    require(fclose(file) == 0, "no memory");
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n';
        require(text[i] == '\n' || (unsigned char)text[i] >= ' ',
                "a control character at the terminal");
    }
    require(lines <= 15, "the summary is longer than 15 lines");
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    ng_arena arena = {0};
    ng_intern texts = {.arena = &arena};
    ng_record_list list = {0};
    ng_error error;
    char path[PATH];
    bool complete;
    FILE *file = open_path(path);
    if (file == NULL)
        return 0;
    if (fwrite(bytes, 1, count, file) == count && fflush(file) == 0 &&
        ng_record_list_load(&list, &texts, path, &complete, &error) ==
            ng_status_ok) {
        try_report(ng_report_html, &list, complete, 2000000);
        try_report(ng_report_markdown, &list, complete, 900 * 1024);
        try_report(ng_report_junit, &list, complete, 1 << 30);
        try_report(ng_report_annotations, &list, complete, 1 << 20);
        try_summary(&list, complete);
    }
    fclose(file);
    ng_intern_free(&texts);
    ng_record_list_free(&list);
    ng_arena_release(&arena);
    return 0;
}
