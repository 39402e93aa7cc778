/* Runs the files of corpus folders through a fuzz target, as an ordinary test
 * that needs no libFuzzer: every input that was ever found stays tried. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { FILE_MAX = 1 << 20 };

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(FILE_MAX);
    if (file == NULL || bytes == NULL) {
        perror(path);
        return 0;
    }
    size_t count = fread(bytes, 1, FILE_MAX, file);
    fclose(file);
    fprintf(stderr, "%s (%zu bytes)\n", path, count);
    LLVMFuzzerTestOneInput(bytes, count);
    free(bytes);
    return 1;
}

static int run_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    int files = 0;
    if (directory == NULL)
        return run_file(folder);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        files += run_file(path);
    }
    closedir(directory);
    return files;
}

int main(int count, char **words)
{
    int files = 0;
    for (int i = 1; i < count; i++)
        files += run_folder(words[i]);
    printf("%d inputs replayed\n", files);
    return files > 0 ? 0 : 1; /* an empty corpus proves nothing */
}
