/* The records of a run. */
#include "store.h"
#include "interrupt.h"
#include "print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ng_status put(ng_sink *sink, const ng_record *record, ng_error *error)
{
    ng_store *store = (ng_store *)sink;
    ng_record_list list = {store->records, store->count, store->room};
    ng_record kept = *record;
    store->texts.arena = &store->arena; /* wherever the store lives by now */
    ng_status status = ng_record_keep(&kept, &store->texts, error);
    if (status == ng_status_ok)
        status = ng_record_list_add(&list, &kept, error);
    store->records = list.records;
    store->count = list.count;
    store->room = list.room;
    if (status == ng_status_ok && store->stream != NULL)
        status = ng_record_write(record, store->stream, error);
    /* What ended by itself was not interrupted. */
    if (status == ng_status_ok && strcmp(record->kind, "end") != 0)
        status = ng_interrupt_status(error);
    return status;
}

void ng_store_init(ng_store *store)
{
    *store = (ng_store){.sink = {put}};
}

ng_status ng_store_open(ng_store *store, const char *path, ng_error *error)
{
    struct stat file;
    if (strcmp(path, "-") == 0) {
        store->path = ng_arena_text(&store->arena, "stdout");
        store->stream = fdopen(dup(STDOUT_FILENO), "w");
        if (store->path == NULL || store->stream == NULL)
            return ng_fail(error, ng_status_bad_input,
                           "cannot write to stdout: %s; name a file",
                           strerror(errno));
        setvbuf(store->stream, NULL, _IOLBF, 1 << 16);
        return ng_status_ok;
    }
    bool exists = stat(path, &file) == 0;
    char *real = exists ? realpath(path, NULL) : NULL;
    store->path =
        ng_arena_text(&store->arena, "%s", real != NULL ? real : path);
    free(real);
    if (store->path != NULL && (!exists || S_ISREG(file.st_mode)))
        store->partial =
            ng_arena_text(&store->arena, "%s.partial", store->path);
    if (store->path == NULL)
        return ng_fail(error, ng_status_no_memory, "out of memory");
    store->stream =
        fopen(store->partial != NULL ? store->partial : store->path, "w");
    if (store->stream == NULL)
        return ng_fail(error, ng_status_bad_input,
                       "cannot write %.400s: %s; give --json a file in a "
                       "directory that exists and may be written",
                       path, strerror(errno));
    /* By the line: what a killed run found is in its file. */
    setvbuf(store->stream, NULL, _IOLBF, 1 << 16);
    return ng_status_ok;
}

ng_status ng_store_close(ng_store *store, ng_error *error)
{
    if (store->stream == NULL)
        return ng_status_ok;
    bool written = fflush(store->stream) == 0;
    if (store->partial != NULL)
        written &= fsync(fileno(store->stream)) == 0;
    written &= fclose(store->stream) == 0;
    store->stream = NULL;
    if (written && store->partial != NULL)
        written = rename(store->partial, store->path) == 0;
    if (written)
        return ng_status_ok;
    return ng_fail(error, ng_status_bad_input,
                   "cannot write %.400s: %s; what was written is in %.400s",
                   store->path, strerror(errno),
                   store->partial != NULL ? store->partial : store->path);
}

void ng_store_free(ng_store *store)
{
    if (store->stream != NULL) {
        fclose(store->stream);
        if (store->partial != NULL && store->count > 1) /* more than `run` */
            ng_print_line(stderr,
                          "normgate: the run did not come to its end; its "
                          "records so far are in %s: `normgate report` reads "
                          "them",
                          store->partial);
        else if (store->partial != NULL)
            remove(store->partial);
    }
    free(store->records);
    ng_intern_free(&store->texts);
    ng_arena_release(&store->arena);
}
