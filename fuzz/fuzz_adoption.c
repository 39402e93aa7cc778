/* Fuzz target: the readers of waivers and of baselines take any file without
 * fault. A waiver that is accepted names a kernel, a property and a reason and
 * waives a wrong verdict; a baseline that is accepted is written to bytes that
 * read back to the same bytes. */
#include <normgate/baseline.h>
#include <normgate/verdict.h>
#include <normgate/waivers.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { PATH = 64 };

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* A file of these bytes, and the path that opens it; NULL: none can be made. */
static FILE *file_of(const void *bytes, size_t count, char path[PATH])
{
    FILE *file = tmpfile();
    if (file == NULL)
        return NULL;
    if (fwrite(bytes, 1, count, file) != count || fflush(file) != 0) {
        fclose(file);
        return NULL;
    }
    snprintf(path, PATH, "/proc/self/fd/%d", fileno(file));
    return file;
}

static void check_waiver(const ng_waiver *waiver)
{
    ng_verdict verdict;
    ng_record passed;
    require(waiver->kernel[0] != '\0' && waiver->property[0] != '\0' &&
                waiver->reason[0] != '\0',
            "a waiver names no kernel, property or reason");
    require(ng_verdict_parse(waiver->verdict, &verdict) &&
                ng_verdict_wrong(verdict),
            "a waiver waives what is not wrong");
    require(waiver->expires[0] == '\0' || ng_date_valid(waiver->expires),
            "a waiver ends on no day");
    require(waiver->max_ratio >= 1, "a waiver's max_ratio is below the bound");
    ng_record_init(&passed, "check");
    passed.kernel = passed.property = "k";
    ng_waiver_names(waiver, &passed);
    passed.verdict = "PASS";
    require(!ng_waiver_covers(waiver, &passed), "a pass is waived");
    passed.verdict = "FAIL";
    require(!ng_waiver_covers(waiver, &passed) || waiver->max_ratio > 1e308,
            "a ratio that is not known is within max_ratio");
}

static void try_waivers(const char *path, ng_arena *arena)
{
    ng_waivers waivers;
    ng_error error;
    if (ng_waivers_read(&waivers, arena, path, &error) != ng_status_ok)
        return;
    for (size_t i = 0; i < waivers.count; i++)
        check_waiver(&waivers.waiver[i]);
}

static char *written(const ng_baseline *baseline, size_t *size)
{
    char *text = NULL;
    ng_error error;
    FILE *file = open_memstream(&text, size);
    require(file != NULL, "no memory");
    require(ng_baseline_write(baseline, file, &error) == ng_status_ok,
            "a baseline that was read is not written");
    require(fclose(file) == 0, "no memory");
    return text;
}

static void try_baseline(const char *path, ng_arena *arena)
{
    ng_baseline first, second;
    ng_error error;
    char again[PATH];
    size_t size, size_again;
    if (ng_baseline_read(&first, arena, path, &error) != ng_status_ok)
        return;
    require(first.factor >= 1 && first.factor <= 1000, "a factor beyond all");
    for (size_t i = 1; i < first.count; i++)
        require(ng_baseline_order(&first.entry[i - 1], &first.entry[i]) < 0,
                "entries do not rise");
    char *text = written(&first, &size);
    FILE *file = file_of(text, size, again);
    if (file != NULL) {
        require(ng_baseline_read(&second, arena, again, &error) == ng_status_ok,
                "a baseline that was written is not read");
        char *twice = written(&second, &size_again);
        require(size == size_again && memcmp(text, twice, size) == 0,
                "a baseline does not round-trip");
        free(twice);
        fclose(file);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    ng_arena arena = {0};
    char path[PATH];
    FILE *file = file_of(bytes, count, path);
    if (file == NULL)
        return 0;
    try_waivers(path, &arena);
    try_baseline(path, &arena);
    fclose(file);
    ng_arena_release(&arena);
    return 0;
}
