/* Provenance of a run. */
#include "provenance.h"
#include "command.h"

#include <fenv.h>
#include <normgate/reference.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static const char *processor(ng_arena *arena)
{
    char line[512];
    const char *name = "unknown processor";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            name = ng_arena_text(arena, "%s", colon + 2);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
    return name;
}

static const char *machine(ng_arena *arena)
{
    struct utsname system;
    if (uname(&system) != 0)
        return processor(arena);
    return ng_arena_text(arena, "%s, %s %s %s", processor(arena),
                         system.sysname, system.release, system.machine);
}

/* The control register of floating-point arithmetic, without the flags that
 * arithmetic itself sets. */
static const char *control_register(ng_arena *arena)
{
#if defined(__x86_64__)
    return ng_arena_text(arena, ", MXCSR %#x", _mm_getcsr() & ~0x3fu);
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return ng_arena_text(arena, ", FPCR 0x%llx", (unsigned long long)control);
#else
    (void)arena;
    return "";
#endif
}

static const char *fpenv(ng_arena *arena)
{
    /* The reference relies on both; main() would be the wrong place to mend
     * them silently, so they are reported. */
    volatile double least = 0x1p-1074;
    bool nearest = fegetround() == FE_TONEAREST;
    bool keeps = least * 1.0 != 0;
    return ng_arena_text(arena, "%s%s",
                         nearest && keeps
                             ? "round to nearest, subnormals kept"
                             : "NOT the default: results may be wrong",
                         control_register(arena));
}

static const char *command(ng_arena *arena, int count, char **words)
{
    char quoted[2048];
    const char *text = ng_program;
    for (int i = 0; i < count; i++) {
        ng_shell_quote(quoted, sizeof quoted, words[i]);
        text = ng_arena_text(arena, "%s %s", text, quoted);
    }
    return text;
}

void ng_provenance(ng_record *record, ng_arena *arena, int count, char **words)
{
    char now[32] = "";
    time_t seconds = time(NULL);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) != NULL)
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &utc);
    ng_record_init(record, "run");
    record->version = NORMGATE_VERSION;
    record->build = NORMGATE_BUILD;
    record->machine = machine(arena);
    record->libraries = ng_arena_text(arena, "%s", ng_reference_libraries());
    record->fpenv = fpenv(arena);
    record->command = command(arena, count, words);
    record->time = ng_arena_text(arena, "%s", now);
}
