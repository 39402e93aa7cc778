/* Libraries that go wrong before any call; one is built per case, with
 * -DAT_LOAD_<CASE>. */
#include <normgate/impl.h>
#include <stdlib.h>
#include <unistd.h>

static int run(const ng_call *call)
{
    (void)call;
    return NG_DONE;
}

#if defined(AT_LOAD_EXITS)
__attribute__((constructor)) static void at_load(void)
{
    exit(0);
}
#elif defined(AT_LOAD_HANGS)
__attribute__((constructor)) static void at_load(void)
{
    for (;;)
        pause();
}
#elif defined(AT_LOAD_FAST_MATH) && defined(__SSE2__)
#include <xmmintrin.h>
/* What gcc's crtfastmath.o does in a library linked with -ffast-math; done by
 * hand, since not every compiler links it into shared libraries. */
__attribute__((constructor)) static void at_load(void)
{
    _mm_setcsr(_mm_getcsr() | 0x8040);
}
#endif

#if defined(AT_LOAD_OTHER_ABI)
static const ng_kernel kernels[] = {{"k", "op=rms_norm", run, NULL, 0}};
NG_DESCRIPTOR = {99, sizeof(ng_library), sizeof(ng_kernel), 1, "x", kernels};
#elif defined(AT_LOAD_NO_KERNELS)
static const ng_kernel kernels[] = {{"k", "op=rms_norm", run, NULL, 0}};
NG_DESCRIPTOR = {NG_ABI_VERSION, sizeof(ng_library), sizeof(ng_kernel), 0, "x",
                 kernels};
#elif defined(AT_LOAD_NULL_KERNEL)
static const ng_kernel kernels[] = {{"k", NULL, run, NULL, 0}};
NG_DESCRIPTOR = {NG_ABI_VERSION, sizeof(ng_library), sizeof(ng_kernel), 1, "x",
                 kernels};
#elif defined(AT_LOAD_BAD_CONTRACT)
NG_LIBRARY("x", {"k", "op=rms_norm eps_plac=outside", run, NULL, 0})
#elif defined(AT_LOAD_ESCAPES)
NG_LIBRARY("x", {"k", "op=rms_norm \033[31mred=1", run, NULL, 0})
#elif defined(AT_LOAD_GROWN)
/* Made with a header of the same ABI whose structs have members to come. */
static const struct {
    ng_kernel known;
    void *more;
} kernels[] = {{{"k", "op=rms_norm", run, NULL, 0}, NULL},
               {{"l", "op=rms_norm", run, NULL, 0}, NULL}};
NG_DESCRIPTOR = {
    NG_ABI_VERSION,   sizeof(ng_library) + 8, sizeof kernels[0], 2, "x",
    &kernels[0].known};
#elif defined(AT_LOAD_BAD_NAME)
NG_LIBRARY("x", {"k\033[31m<b>", "op=rms_norm", run, NULL, 0})
#elif defined(AT_LOAD_NO_DESCRIPTOR)
int (*keep)(const ng_call *call) = run;
#else
NG_LIBRARY("x", {"k", "op=rms_norm dtype=f32", run, NULL, 0})
#endif
