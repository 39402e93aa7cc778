/* Fuzz target: the parsers of case lines, contracts, records, columns and
 * histograms take any text without fault, and what a parser of cases,
 * contracts or histograms accepts prints to a line that parses back to the same
 * line. */
#include <normgate/case.h>
#include <normgate/columns.h>
#include <normgate/contract.h>
#include <normgate/histogram.h>
#include <normgate/record.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds, const char *what, const char *text)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

static void try_case(const char *text)
{
    static ng_case first, second;
    static char printed[NG_CASE_TEXT_MAX], again[NG_CASE_TEXT_MAX];
    ng_error error;
    if (ng_case_parse(&first, text, &error) != ng_status_ok)
        return;
    ng_case_print(&first, printed, sizeof printed);
    require(ng_case_parse(&second, printed, &error) == ng_status_ok,
            "a printed case does not parse", printed);
    ng_case_print(&second, again, sizeof again);
    require(strcmp(printed, again) == 0, "a case does not round-trip", printed);
}

static void try_contract(const char *text)
{
    ng_contract first, second;
    char printed[NG_CONTRACT_TEXT_MAX], again[NG_CONTRACT_TEXT_MAX];
    ng_error error;
    if (ng_contract_parse(&first, text, &error) != ng_status_ok)
        return;
    ng_contract_print(&first, printed, sizeof printed);
    require(ng_contract_parse(&second, printed, &error) == ng_status_ok,
            "a printed contract does not parse", printed);
    ng_contract_print(&second, again, sizeof again);
    require(strcmp(printed, again) == 0, "a contract does not round-trip",
            printed);
}

static void try_record(const char *text)
{
    ng_arena arena = {0};
    ng_record record;
    ng_error error;
    ng_record_read(&record, &arena, text, &error);
    ng_arena_release(&arena);
}

/* Columns that were read are written again and read back. */
static void try_columns(const char *text)
{
    static char printed[1 << 16];
    ng_arena arena = {0};
    ng_columns first, second;
    ng_error error;
    printed[0] = '\0';
    if (ng_columns_read(&first, &arena, text, &error) == ng_status_ok) {
        size_t kept = 0;
        for (size_t i = 0; i < first.count; i++)
            kept +=
                ng_columns_add(printed, sizeof printed, first.column[i].name,
                               first.column[i].values, first.column[i].count);
        require(ng_columns_read(&second, &arena, printed, &error) ==
                    ng_status_ok,
                "printed columns do not parse", printed);
        require(second.count == kept, "columns do not round-trip", printed);
    }
    ng_arena_release(&arena);
}

static void try_histogram(const char *text)
{
    ng_histogram histogram;
    char printed[NG_HISTOGRAM_TEXT_MAX];
    ng_error error;
    if (ng_histogram_parse(&histogram, text, &error) != ng_status_ok)
        return;
    ng_histogram_print(&histogram, printed, sizeof printed);
    require(strcmp(printed, text) == 0, "a histogram does not round-trip",
            text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char *text = malloc(count + 1);
    if (text == NULL)
        return 0;
    memcpy(text, bytes, count);
    text[count] = '\0';
    try_case(text);
    try_contract(text);
    try_record(text);
    try_columns(text);
    try_histogram(text);
    free(text);
    return 0;
}
