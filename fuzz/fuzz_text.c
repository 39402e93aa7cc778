/* Fuzz target: the parsers of case lines, contracts and records take any text
 * without fault, and what a case or contract parser accepts prints to a line
 * that parses back to the same line. */
#include <normgate/case.h>
#include <normgate/contract.h>
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
    free(text);
    return 0;
}
