/* Scores: checks added up, and the ones worth showing kept. */
#include "grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ng_score_init(ng_score *score)
{
    *score = (ng_score){.ratio = NAN, .error_ulp = NAN};
}

ng_verdict ng_record_verdict(const ng_record *record)
{
    ng_verdict verdict;
    return ng_verdict_parse(record->verdict, &verdict) ? verdict : NG_ERROR;
}

static bool is_ordinary(const ng_record *record)
{
    return strcmp(record->family, "normal") == 0 &&
           strcmp(record->property, "accuracy") == 0;
}

bool ng_records_ordinary(const ng_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(records[i].kind, "check") == 0 &&
            records[i].histogram[0] != '\0' && is_ordinary(&records[i]))
            return true;
    }
    return false;
}

bool ng_record_tells_ulp(const ng_record *record, bool ordinary)
{
    return !ordinary || is_ordinary(record);
}

bool ng_record_wrong(const ng_record *record)
{
    return record != NULL && ng_verdict_wrong(ng_record_verdict(record));
}

const char *ng_record_cause(const ng_record *record)
{
    return record->cause[0] != '\0'
               ? record->cause
               : ng_verdict_text(ng_record_verdict(record));
}

int ng_record_shape_order(const ng_record *a, const ng_record *b)
{
    int order = strcmp(a->op, b->op);
    order = order != 0 ? order : strcmp(a->pass, b->pass);
    return order != 0 ? order : strcmp(a->dtype, b->dtype);
}

/* The number behind " key=" in a case line; 1 without one. */
static double size_field(const char *test, const char *key)
{
    const char *found = strstr(test, key);
    double size = found ? strtod(found + strlen(key), NULL) : 1;
    return size >= 0 ? size : 1;
}

/* Elements of x: rows of n, or N, C and spatial. */
static double elements_of(const ng_record *record)
{
    static const char *const sizes[] = {
        " rows=", " n=", " N=", " C=", " spatial="};
    double elements = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        elements *= size_field(record->test, sizes[i]);
    return elements;
}

/* Of equal ones the first stays: properties begin with ordinary inputs. */
static bool smaller(const ng_record *a, const ng_record *b)
{
    return elements_of(a) < elements_of(b);
}

static void add_wrong(ng_score *score, const ng_record *record)
{
    score->wrong++;
    if (!score->first_wrong || record < score->first_wrong)
        score->first_wrong = record;
    if (!score->smallest_wrong || smaller(record, score->smallest_wrong))
        score->smallest_wrong = record;
}

static void add_judged(ng_score *score, const ng_record *record)
{
    score->judged++;
    if (!isnan(record->ratio) && !(record->ratio <= score->ratio)) {
        score->ratio = record->ratio;
        score->worst = record;
    }
    if (!isnan(record->error_ulp) && !(record->error_ulp <= score->error_ulp))
        score->error_ulp = record->error_ulp;
}

void ng_score_add(ng_score *score, const ng_record *record)
{
    ng_verdict verdict = ng_record_verdict(record);
    if (!score->first || record < score->first)
        score->first = record;
    if (verdict == NG_SKIP || verdict == NG_UNSUPPORTED)
        score->left_out++;
    else if (verdict == NG_WAIVED)
        score->waived++;
    else
        add_judged(score, record);
    if (ng_verdict_wrong(verdict))
        add_wrong(score, record);
}

ng_verdict ng_score_verdict(const ng_score *score)
{
    if (score->wrong > 0)
        return ng_record_verdict(score->first_wrong);
    if (score->judged > 0)
        return NG_PASS;
    if (score->waived > 0)
        return NG_WAIVED;
    return score->first ? ng_record_verdict(score->first) : NG_SKIP;
}
