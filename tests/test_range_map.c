/* Range maps: the limits that the page tells are those of the records, and no
 * failure is drawn as accurate. */
#include "report_records.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "page_text.h"

/* States by a letter: a accurate, c close, i inaccurate, z zero, n not finite,
 * F failing and finite, N failing and not; a blank: not measured. */
typedef struct strip {
    double eps, offset;
    const char *states; /* from 2^-10 on, a binade each */
} strip;

enum { LOWEST = -10, PLACES_MAX = 200 };

typedef struct places {
    ng_record records[PLACES_MAX];
    char columns[PLACES_MAX][160];
    size_t count;
} places;

static void add_strips(places *p, const char *kernel, const strip *strips,
                       size_t count)
{
    for (size_t s = 0; s < count; s++) {
        for (size_t k = 0; strips[s].states[k]; k++) {
            char state = strips[s].states[k];
            if (state == ' ')
                continue;
            bool fails = state == 'F' || state == 'N', inside = state == 'a';
            ng_record *record = &p->records[p->count];
            char *columns = p->columns[p->count++];
            *record = check(kernel, "range",
                            fails                    ? "FAIL"
                            : inside || state == 'c' ? "PASS"
                                                     : "SKIP",
                            fails ? 3 : 0.5);
            record->got = state == 'N' ? NAN : 1;
            snprintf(columns, 160,
                     "scale=%d; offset=%g; eps=%g; outputs=48; outside=%d; "
                     "infinite=%d; zero=%d; error=%s",
                     LOWEST + (int)k, strips[s].offset, strips[s].eps,
                     inside || fails ? 0 : 48, state == 'n' ? 5 : 0,
                     state == 'z'   ? 48
                     : state == 'i' ? 3
                                    : 0,
                     state == 'c'   ? "0.015"
                     : state == 'n' ? "inf"
                                    : "0.9");
            record->columns = columns;
        }
    }
}

static void range_limits_are_those_of_the_records(void **unused)
{
    static const strip strips[] = {
        {1e-5, 0, "aaaaaaaaaaacczznn"},
        {1e-5, 12, "aaaaaaaaaczzzznn"},
        {0, 0, "nnncaaaaaaaiiiiii"},
        {0, 12, "nnncaaaaaaaiiiiii"},
    };
    static places p;
    (void)unused;
    p.count = 0;
    add_strips(&p, "first", strips, 4);
    add_strips(&p, "second", strips, 4);
    char *range = section(p.records, p.count, "range");
    assert_int_equal(occurrences(range, "<figure"), 1);
    assert_non_null(strstr(range, "first, second</figcaption>"));
    assert_non_null(strstr(
        range, "eps = 1e-05: accurate from 2⁻¹⁰ to 2⁰, finite to 2⁴; at "
               "|mean|/σ = 2¹² accurate from 2⁻¹⁰ to 2⁻², finite to 2³.<br/>"));
    assert_non_null(strstr(range, "eps = 0: accurate from 2⁻⁶ to 2⁰, finite "
                                  "from 2⁻⁷ to 2⁶.</p>"));
    /* A symbol a run that is wide enough, strip by strip. */
    assert_non_null(strstr(range, ">✓≈0∞✓≈0∞∞≈✓~∞≈✓~</text>"));
    free(range);
}

static void failing_maps_stand_first(void **unused)
{
    static const strip good[] = {{1e-5, 0, "aaaaaaaaaa"}};
    static const strip bad[] = {{1e-5, 0, "aaaaaFFNNN"}};
    static places p;
    (void)unused;
    p.count = 0;
    add_strips(&p, "good", good, 1);
    add_strips(&p, "bad", bad, 1);
    char *range = section(p.records, p.count, "range");
    assert_int_equal(occurrences(range, "<figure"), 2);
    assert_true(strstr(range, "bad") < strstr(range, "good"));
    assert_non_null(strstr(range, "accurate from 2⁻¹⁰ to 2⁻⁶, finite to 2⁻⁴."));
    assert_non_null(
        strstr(range, "accurate from 2⁻¹⁰ to 2⁻¹, finite throughout."));
    free(range);
}

/* A cell that is waived, or fails in one of two records, is no good cell; a
 * crash has no place, and is told. */
static void no_failure_is_drawn_as_accurate(void **unused)
{
    static const strip good[] = {{1e-5, 0, "aaaa"}};
    static const strip bad[] = {{1e-5, 0, "FFFF"}};
    static places p;
    (void)unused;
    p.count = 0;
    add_strips(&p, "twice", good, 1);
    add_strips(&p, "twice", bad, 1);
    char *range = section(p.records, p.count, "range");
    has(range, "accurate nowhere");
    free(range);
    for (size_t i = 4; i < 8; i++)
        p.records[i].verdict = "WAIVED";
    range = section(p.records, p.count, "range");
    has(range, "accurate nowhere");
    free(range);
    p.records[7].verdict = "CRASH";
    p.records[7].columns = "";
    range = section(p.records, p.count, "range");
    has(range, "1 failing checks have no place on the map");
    free(range);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_limits_are_those_of_the_records),
        cmocka_unit_test(failing_maps_stand_first),
        cmocka_unit_test(no_failure_is_drawn_as_accurate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
