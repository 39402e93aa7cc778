/* Files that are there whole or not at all. */
#include <normgate/report.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 100 };

static ng_status unwritable(ng_error *error, const char *path, int reason)
{
    return ng_fail(error, ng_status_bad_input,
                   "%.400s: cannot be written: %s; name a file in a folder "
                   "that exists, is writable and has space",
                   path, strerror(reason));
}

/* 0 or errno. */
static int write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, data, size);
        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

static int write_and_close(int file, const char *data, size_t size, bool sync)
{
    int reason = write_all(file, data, size);
    if (reason == 0 && sync && fsync(file) != 0)
        reason = errno;
    if (close(file) != 0 && reason == 0)
        reason = errno;
    return reason;
}

/* A new file beside `path`, made under the umask as `path` would be. */
static int open_beside(char *beside, size_t size, const char *path)
{
    int file = -1;
    for (int i = 0; i < TRIES && file < 0; i++) {
        snprintf(beside, size, "%s.%ld-%d.part", path, (long)getpid(), i);
        file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file < 0 && errno != EEXIST)
            break;
    }
    return file;
}

static int replace(const char *path, char *beside, size_t beside_size,
                   const char *data, size_t size)
{
    int file = open_beside(beside, beside_size, path);
    if (file < 0)
        return errno;
    int reason = write_and_close(file, data, size, true);
    if (reason == 0 && rename(beside, path) != 0)
        reason = errno;
    if (reason != 0)
        unlink(beside);
    return reason;
}

/* /dev/stdout, /proc/self/fd/3: what somebody holds open keeps its file. */
static bool is_open(const char *path)
{
    return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
}

ng_status ng_report_write_file(const char *path, const char *data, size_t size,
                               ng_error *error)
{
    struct stat there;
    bool exists = stat(path, &there) == 0;
    int reason;
    if (strcmp(path, "-") == 0) { /* behind what was printed so far */
        reason =
            fflush(stdout) == 0 ? write_all(STDOUT_FILENO, data, size) : errno;
    } else if (exists && (!S_ISREG(there.st_mode) || is_open(path))) {
        int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        reason = file < 0 ? errno : write_and_close(file, data, size, false);
    } else { /* a link leads to its target, which is replaced */
        char *real = exists ? realpath(path, NULL) : strdup(path);
        size_t beside_size = real ? strlen(real) + 64 : 0;
        char *beside = real ? malloc(beside_size) : NULL;
        reason = beside ? replace(real, beside, beside_size, data, size)
                 : real ? ENOMEM
                        : errno;
        free(beside);
        free(real);
    }
    return reason == 0 ? ng_status_ok : unwritable(error, path, reason);
}
