/* Rounding mode, flush to zero, subnormals are zero. */
#include "fpenv.h"

#include <fenv.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
/* Without the six exception flags; FTZ is bit 15, DAZ bit 6. */
static uint64_t control_get(void)
{
    return _mm_getcsr() & ~0x3fu;
}

static void control_set(uint64_t control)
{
    _mm_setcsr((unsigned)control);
}

static const uint64_t ftz = 1u << 15, daz = 1u << 6;
#elif defined(__aarch64__)
/* FPCR: FZ is bit 24, FZ16 bit 19. */
static uint64_t control_get(void)
{
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

static void control_set(uint64_t control)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
}

static const uint64_t ftz = 1u << 24, daz = 1u << 19;
#else
static uint64_t control_get(void)
{
    return 0;
}

static void control_set(uint64_t control)
{
    (void)control;
}

static const uint64_t ftz = 0, daz = 0;
#endif

fp_state fp_get(void)
{
    return (fp_state){control_get(), fegetround()};
}

void fp_set(fp_state state)
{
    fesetround(state.rounding);
    control_set(state.control);
}

static const char *rounding_name(int rounding)
{
    switch (rounding) {
    case FE_TONEAREST: return "to nearest";
    case FE_UPWARD: return "upward";
    case FE_DOWNWARD: return "downward";
    case FE_TOWARDZERO: return "toward zero";
    default: return "unknown";
    }
}

int fp_changes(fp_state before, fp_state after, char *words, size_t size)
{
    uint64_t set = after.control & ~before.control;
    bool flush = (set & ftz) != 0, zero = (set & daz) != 0;
    words[0] = '\0';
    if (flush || zero)
        snprintf(words, size, "%s%s%s set (subnormals are flushed to zero)",
                 flush ? "FTZ" : "", flush && zero ? " and " : "",
                 zero ? "DAZ" : "");
    else if (after.rounding != before.rounding)
        snprintf(words, size, "the rounding mode at %s",
                 rounding_name(after.rounding));
    else if (after.control != before.control)
        snprintf(words, size,
                 "the control register changed from %#llx to %#llx",
                 (unsigned long long)before.control,
                 (unsigned long long)after.control);
    return words[0] != '\0';
}
