/* Figures: the numbers that the page shows of histograms and sweeps are those of
 * the records, computed here once more and otherwise. */
#include "report_records.h"

#include <inttypes.h>
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

enum { BINS = 63, TEXT = 2000 };

/* The largest error of a bin, as the format tells it: 1/64 ulp, then two bins a
 * binade, up to 2^24. */
static double edge(size_t bin)
{
    double at = 1.0 / 64;
    if (bin == 0 || bin == BINS - 1)
        return bin == 0 ? 0 : INFINITY;
    for (size_t i = 1; i < bin; i++)
        at *= i % 2 == 1 ? 1.5 : 4.0 / 3;
    return at;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

typedef struct spread {
    uint64_t bins[BINS];
    double largest;
    char text[2][TEXT]; /* of two records */
} spread;

static void draw_spread(spread *s, uint64_t *state)
{
    *s = (spread){.largest = NAN};
    for (int part = 0; part < 2; part++) {
        size_t used = 0, first = next_random(state) % 20,
               last = first + 1 + next_random(state) % 30;
        if (next_random(state) % 4 == 0)
            last = BINS - 1;
        for (size_t b = first; b <= last; b++) {
            uint64_t count = b == first || next_random(state) % 3
                                 ? 1 + next_random(state) % (1u << b % 12)
                                 : 0;
            if (count == 0)
                continue;
            s->bins[b] += count;
            used += (size_t)snprintf(s->text[part] + used, TEXT - used,
                                     "%s%zu:%" PRIu64, used > 0 ? " " : "", b,
                                     count);
        }
    }
    s->largest = (double)next_random(state) / 1000;
}

/* The errors one by one, each at its bin's upper end; the caller frees them. */
static double *unfold(const spread *s, size_t *count)
{
    *count = 0;
    for (size_t b = 0; b < BINS; b++)
        *count += s->bins[b];
    double *errors = calloc(*count, sizeof *errors);
    size_t used = 0;
    assert_non_null(errors);
    for (size_t b = 0; b < BINS; b++)
        for (uint64_t k = 0; k < s->bins[b]; k++)
            errors[used++] = edge(b);
    return errors;
}

/* The text of a cell, without tags, from `at`, which moves past it. */
static void read_cell(const char **at, char text[200])
{
    const char *begin = strstr(*at, "<td>") + 4, *end = strstr(begin, "</td>");
    size_t used = 0;
    bool tag = false;
    for (const char *c = begin; c < end && used < 199; c++) {
        tag = tag || *c == '<';
        if (!tag)
            text[used++] = *c;
        tag = tag && *c != '>';
    }
    text[used] = '\0';
    *at = end;
}

static void assert_quantile(const char *cell, double expected)
{
    const char *digits = cell + strcspn(cell, "0123456789");
    double shown = strtod(digits, NULL);
    if (expected == 0)
        assert_string_equal(cell, "0");
    else if (isinf(expected))
        assert_true(strncmp(cell, "&gt;", 4) == 0 &&
                    fabs(shown / 0x1p24 - 1) < 0.01);
    else
        assert_true(strncmp(cell, "≤", 3) == 0 &&
                    fabs(shown / expected - 1) < 0.05);
}

static void assert_row(const char *html, const char *kernel, const spread *s)
{
    char cell[200], wanted[40];
    const char *at = strstr(html, kernel);
    size_t count, right = 0;
    double *errors = unfold(s, &count);
    assert_non_null(at);
    read_cell(&at, cell); /* the strip */
    read_cell(&at, cell);
    assert_quantile(cell, errors[(count + 1) / 2 - 1]);
    read_cell(&at, cell);
    assert_quantile(cell, errors[(99 * count + 99) / 100 - 1]);
    read_cell(&at, cell);
    assert_true(fabs(strtod(cell, NULL) / s->largest - 1) < 0.05);
    read_cell(&at, cell);
    while (right < count && errors[right] <= 0.5)
        right++;
    double share = 100.0 * (double)right / (double)count;
    double shown = strtod(cell, NULL);
    assert_true(shown <= share + 1e-9 && shown > share - 0.1001);
    assert_true((shown == 100) == (right == count));
    read_cell(&at, cell);
    snprintf(wanted, sizeof wanted, "%zu", count);
    for (char *comma; (comma = strchr(cell, ',')) != NULL;)
        memmove(comma, comma + 1, strlen(comma));
    assert_string_equal(cell, wanted);
    free(errors);
}

static void errors_in_ulp_are_those_of_the_records(void **unused)
{
    enum { KERNELS = 60 };
    static spread spreads[KERNELS];
    static char names[KERNELS][16];
    ng_record records[2 * KERNELS];
    uint64_t state = 1;
    (void)unused;
    for (size_t i = 0; i < KERNELS; i++) {
        snprintf(names[i], sizeof names[i], "k%zuq", i);
        draw_spread(&spreads[i], &state);
        for (size_t part = 0; part < 2; part++) {
            ng_record *record = &records[2 * i + part];
            *record = check(names[i], part ? "shift" : "scale", "PASS", 0.5);
            record->histogram = spreads[i].text[part];
            record->error_ulp = part ? spreads[i].largest : 0.001;
        }
    }
    char *errors = section(records, 2 * KERNELS, "errors");
    for (size_t i = 0; i < KERNELS; i++)
        assert_row(errors, names[i], &spreads[i]);
    free(errors);
}

static void many_kernels_are_shown_by_op_and_dtype(void **unused)
{
    enum { KERNELS = 260 };
    static char names[KERNELS][16];
    static const char *const dtypes[] = {"f32", "bf16"};
    ng_record records[KERNELS];
    spread s[2] = {{.largest = 7}, {.largest = 9}};
    (void)unused;
    for (size_t i = 0; i < KERNELS; i++) {
        snprintf(names[i], sizeof names[i], "k%zu", i);
        records[i] = check(names[i], "shift", "PASS", 0.5);
        records[i].dtype = dtypes[i % 2];
        records[i].histogram = i % 2 ? "11:3 12:1" : "0:5 62:1";
        records[i].error_ulp = i % 2 ? 9 : 7;
    }
    s[0].bins[0] = 5 * KERNELS / 2;
    s[0].bins[62] = KERNELS / 2;
    s[1].bins[11] = 3 * KERNELS / 2;
    s[1].bins[12] = KERNELS / 2;
    char *errors = section(records, KERNELS, "errors");
    assert_int_equal(occurrences(errors, "130 kernels"), 2);
    assert_row(errors, " f32</b>", &s[0]);
    assert_row(errors, " bf16</b>", &s[1]);
    free(errors);
}

static void seeded_bugs_and_broken_histograms_are_in_no_row(void **unused)
{
    ng_record records[] = {check("right", "shift", "PASS", 0.5),
                           check("right", "scale", "PASS", 0.5),
                           seeded("mistaken", "shift", "FAIL")};
    spread s = {.largest = 0.25};
    (void)unused;
    records[0].histogram = "9:4";
    records[1].histogram = "9:4 8:1";
    records[2].histogram = "62:4";
    records[0].error_ulp = 0.25;
    s.bins[9] = 4;
    char *errors = section(records, 3, "errors");
    assert_row(errors, "right", &s);
    assert_null(strstr(errors, "mistaken"));
    assert_non_null(strstr(errors, "1 histograms could not be read"));
    free(errors);
    records[0].histogram = records[2].histogram = "";
    errors = section(records, 3, "errors");
    assert_true(!errors || !strstr(errors, "<table"));
    free(errors);
}

/* By least squares, from the logarithms. */
static double slope(const double *x, const double *y, size_t count)
{
    double sx = 0, sy = 0, xx = 0, xy = 0, m = (double)count;
    for (size_t i = 0; i < count; i++) {
        sx += log(x[i]);
        sy += log(y[i]);
        xx += log(x[i]) * log(x[i]);
        xy += log(x[i]) * log(y[i]);
    }
    return (m * xy - sx * sy) / (m * xx - sx * sx);
}

/* The slope of a drawn line, in decades of y a binade of x times log2(10). */
static double drawn_slope(const char *figure, const char *line, double decades,
                          double binades)
{
    double first[2], last[2] = {NAN, NAN};
    char *at = strstr(strstr(figure, line), "d=\"M");
    assert_non_null(at);
    first[0] = strtod(at + 4, &at);
    first[1] = strtod(at, &at);
    while (*at == 'L') {
        last[0] = strtod(at + 1, &at);
        last[1] = strtod(at, &at);
    }
    /* The axes reach from 56 to 340 and from 30 to 170. */
    double rise = (first[1] - last[1]) / 140 * decades * log2(10);
    return rise / ((last[0] - first[0]) / 284 * binades);
}

static void sweeps_are_those_of_the_records(void **unused)
{
    const double n[] = {16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
    double error[9], bound[9];
    char columns[TEXT] = "n=", wanted[200];
    size_t used = 2;
    ng_record records[3];
    (void)unused;
    for (size_t i = 0; i < 9; i++) {
        error[i] = 1.1e-7 * pow(n[i], 0.5);
        bound[i] = 1.3e-7 * n[i];
        used += (size_t)snprintf(columns + used, TEXT - used, "%s%g",
                                 i ? " " : "", n[i]);
    }
    for (int k = 0; k < 2; k++) {
        used += (size_t)snprintf(columns + used, TEXT - used,
                                 "; %s=", k ? "bound" : "error");
        for (size_t i = 0; i < 9; i++)
            used += (size_t)snprintf(columns + used, TEXT - used, "%s%.6g",
                                     i ? " " : "", (k ? bound : error)[i]);
    }
    snprintf(columns + used, TEXT - used,
             "; error_exponent=%.6g; bound_exponent=%.6g", slope(n, error, 9),
             slope(n, bound, 9));
    records[0] = check("good", "growth", "PASS", 0.5);
    records[1] = check("poor", "growth", "PASS", 0.5);
    records[2] = check("poor", "shift", "FAIL", 5);
    records[0].columns = records[1].columns = columns;
    char *growth = section(records, 3, "growth");
    assert_int_equal(occurrences(growth, "<figure"), 2);
    assert_non_null(strstr(growth, "error, as n^0.50<"));
    assert_non_null(strstr(growth, "bound, as n^1.00<"));
    assert_true(strstr(growth, "poor") < strstr(growth, "good"));
    for (size_t i = 0; i < 9; i++) {
        snprintf(wanted, sizeof wanted,
                 "<tr><td>%g</td><td>%.6g</td><td>%.6g</td></tr>", n[i],
                 error[i], bound[i]);
        assert_non_null(strstr(growth, wanted));
    }
    /* 4.4e-7 to 5.3e-4: the axis has decades -7 to -3; n 2^4 to 2^12. */
    assert_true(fabs(drawn_slope(growth, "line c0", 4, 8) - 0.5) < 0.01);
    assert_true(fabs(drawn_slope(growth, "line c1", 4, 8) - 1) < 0.01);
    free(growth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_in_ulp_are_those_of_the_records),
        cmocka_unit_test(many_kernels_are_shown_by_op_and_dtype),
        cmocka_unit_test(seeded_bugs_and_broken_histograms_are_in_no_row),
        cmocka_unit_test(sweeps_are_those_of_the_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
