/* Histograms of errors in ulp. */
#include <normgate/histogram.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LAST = NG_HISTOGRAM_BINS - 1, LOWEST = -6 };

/* Odd bins end at powers of two, even ones half way (1.5 times one). */
double ng_histogram_edge(size_t bin)
{
    if (bin == 0)
        return 0;
    if (bin >= LAST)
        return INFINITY;
    int binade = LOWEST + ((int)bin - 1) / 2;
    return ldexp(bin % 2 == 1 ? 1 : 1.5, binade);
}

size_t ng_histogram_bin(double error_ulp)
{
    if (error_ulp == 0)
        return 0;
    if (!(error_ulp <= ng_histogram_edge(LAST - 1)))
        return LAST; /* NaN too */
    if (error_ulp <= ng_histogram_edge(1))
        return 1;
    int exponent;
    double fraction = frexp(error_ulp, &exponent); /* in [0.5, 1) */
    int binade = exponent - 1 - LOWEST;            /* error = 2 f * 2^(e - 1) */
    size_t bin = (size_t)(2 * binade + 1);
    return fraction == 0.5 ? bin : fraction <= 0.75 ? bin + 1 : bin + 2;
}

void ng_histogram_add(ng_histogram *histogram, double error_ulp)
{
    histogram->count[ng_histogram_bin(error_ulp)]++;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void ng_histogram_merge(ng_histogram *to, const ng_histogram *from)
{
    for (size_t i = 0; i < NG_HISTOGRAM_BINS; i++)
        to->count[i] = sum(to->count[i], from->count[i]);
}

uint64_t ng_histogram_total(const ng_histogram *histogram)
{
    uint64_t total = 0;
    for (size_t i = 0; i < NG_HISTOGRAM_BINS; i++)
        total = sum(total, histogram->count[i]);
    return total;
}

double ng_histogram_quantile(const ng_histogram *histogram, double share)
{
    uint64_t total = ng_histogram_total(histogram), seen = 0;
    /* A share such as 0.07 is a little more as a double: of 100, 7 are meant. */
    double wanted = ceil(share * (double)total * (1 - 0x1p-50));
    if (total == 0)
        return NAN;
    for (size_t i = 0; i < LAST; i++) {
        seen = sum(seen, histogram->count[i]);
        if (seen > 0 && (double)seen >= wanted)
            return ng_histogram_edge(i);
    }
    return INFINITY;
}

void ng_histogram_print(const ng_histogram *histogram, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < NG_HISTOGRAM_BINS; i++) {
        if (histogram->count[i] == 0 || used >= size)
            continue;
        int length = snprintf(text + used, size - used, "%s%zu:%" PRIu64,
                              used > 0 ? " " : "", i, histogram->count[i]);
        used += (size_t)length;
    }
}

/* A whole number without sign or leading zero; NULL: there is none. */
static const char *read_count(const char *text, uint64_t *count)
{
    const char *at = text;
    *count = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (*count > (UINT64_MAX - digit) / 10)
            return NULL;
        *count = *count * 10 + digit;
    }
    return at == text || (text[0] == '0' && at > text + 1) ? NULL : at;
}

ng_status ng_histogram_parse(ng_histogram *histogram, const char *text,
                             ng_error *error)
{
    uint64_t bin, count;
    const char *at = text;
    *histogram = (ng_histogram){{0}};
    for (uint64_t next = 0; *at != '\0'; next = bin + 1) {
        const char *end = read_count(at, &bin);
        if (end == NULL || *end != ':' || bin < next ||
            bin >= NG_HISTOGRAM_BINS)
            break;
        end = read_count(end + 1, &count);
        if (end == NULL || count == 0 ||
            (*end == ' ' ? end[1] == '\0' : *end != '\0'))
            break;
        histogram->count[bin] = count;
        at = end + (*end == ' ');
    }
    if (*at == '\0')
        return ng_status_ok;
    return ng_fail(error, ng_status_bad_input,
                   "\"%.60s\" is no histogram: expected BIN:COUNT pairs, bins "
                   "rising from 0 to %d",
                   text, NG_HISTOGRAM_BINS - 1);
}
