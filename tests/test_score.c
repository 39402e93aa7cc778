/* The kill score and the crew: what a pass is worth, told from the zoo; and
 * several processes that give the records of one, in its order. */
#include <normgate/arena.h>
#include <normgate/record.h>
#include <normgate/report.h>
#include <normgate/verdict.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program.h"

typedef struct loaded {
    ng_arena arena;
    ng_record *records;
    size_t count;
    bool complete;
} loaded;

static loaded load(const char *path)
{
    loaded l = {.records = NULL};
    ng_error error;
    if (ng_records_load(path, &l.arena, &l.records, &l.count, &l.complete,
                        &error) != ng_status_ok)
        fail_msg("%s", error.text);
    return l;
}

/* Seconds apart, which no two runs share. */
static void assert_same_record(const ng_record *a, const ng_record *b)
{
#define NG_TEXT(name, meaning)                                                 \
    if (strcmp(#name, "command") != 0 && strcmp(#name, "time") != 0)           \
        assert_string_equal(a->name, b->name);
#define NG_REAL(name, meaning)                                                 \
    if (strcmp(#name, "seconds") != 0)                                         \
        assert_true(a->name == b->name || (isnan(a->name) && isnan(b->name)));
#define NG_COUNT(name, meaning) assert_int_equal(a->name, b->name);
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
}

static void a_crew_gives_the_records_of_one(void **state)
{
    (void)state;
    /* threads notes how many rounds its time allowed */
    const char *subject = "check 'builtin:*' --op rms_norm --pass forward "
                          "--dtype f32 --property '[!t]*' --profile smoke "
                          "--json ";
    char words[512];
    snprintf(words, sizeof words, "%s one.jsonl --jobs 1", subject);
    int code = run(words);
    snprintf(words, sizeof words, "%s crew.jsonl --jobs 3", subject);
    assert_int_equal(run(words), code);
    loaded one = load("one.jsonl"), crew = load("crew.jsonl");
    assert_true(one.complete && crew.complete);
    assert_int_equal(one.count, crew.count);
    assert_true(one.count > 100);
    for (size_t i = 0; i < one.count; i++)
        assert_same_record(&one.records[i], &crew.records[i]);
    ng_arena_release(&one.arena);
    ng_arena_release(&crew.arena);
}

/* Whether it was caught or not, and by which property. */
static void assert_named_by_bug(const ng_record *score)
{
    char id[NG_RECORD_ID_SIZE];
    ng_record bug;
    ng_record_init(&bug, "check");
    bug.kernel = score->kernel;
    bug.op = "layer_norm";
    bug.pass = "forward";
    bug.dtype = "f32";
    bug.property = score->seeded_bug;
    ng_record_id(&bug, id);
    assert_string_equal(score->id, id);
}

/* A subject that cannot load, and a bug that hangs, in a crew. */
static void a_crew_tells_what_goes_wrong(void **state)
{
    (void)state;
    assert_run("check ./none.so --jobs 2", 3);
    assert_run("check builtin:welford --jobs 0", 2);
    assert_run("check builtin:welford --jobs 65", 2);
    assert_run("check builtin:welford --jobs two", 2);
    assert_run("check builtin:bug.crashes --property sizes --jobs 2", 1);
}

static void a_run_says_what_it_is_worth(void **state)
{
    (void)state;
    const char *kernel = "check builtin:welford --kernel layer_norm_f32 ";
    char words[512];
    snprintf(words, sizeof words,
             "%s --property epsilon --json score.jsonl --jobs 2", kernel);
    assert_run(words, 0);
    assert_has(out, "kill score ");
    loaded l = load("score.jsonl");
    bool eps_outside = false, tail_survives = false;
    for (size_t i = 0; i < l.count; i++) {
        const ng_record *r = &l.records[i];
        if (strcmp(r->kind, "score") != 0)
            continue;
        assert_string_equal(r->op, "layer_norm");
        assert_string_equal(r->pass, "forward");
        assert_string_equal(r->dtype, "f32");
        assert_string_not_equal(r->note, "");
        assert_named_by_bug(r);
        if (strcmp(r->subject, "builtin:bug.eps_outside") == 0)
            eps_outside = strcmp(r->verdict, "FAIL") == 0 &&
                          strcmp(r->property, "epsilon") == 0;
        /* The property epsilon has no case in which n = 31 exits. */
        if (strcmp(r->subject, "builtin:bug.exits") == 0)
            tail_survives = strcmp(r->verdict, "PASS") == 0;
    }
    assert_true(eps_outside && tail_survives);
    ng_tally tally;
    assert_int_equal(ng_tally_records(&tally, l.records, l.count, NULL),
                     ng_status_ok);
    assert_true(tally.scored > tally.scored_caught);
    assert_true(tally.scored_caught > 3);
    /* A survivor is no failure of the kernel. */
    assert_int_equal(ng_tally_outcome(&tally, true), ng_outcome_pass);
    assert_int_equal(tally.seeded, 0);
    ng_arena_release(&l.arena);
    snprintf(words, sizeof words, "%s --property epsilon --no-score", kernel);
    assert_run(words, 0);
    assert_lacks(out, "kill score ");
}

static void the_command_tells_of_a_class(void **state)
{
    (void)state;
    assert_run("score rms_norm/forward/f32 --jobs 2", 0);
    assert_has(out, "rms_norm");
    assert_run("score layer_norm/forward/f32 --property negation", 1);
    assert_has(out, "SURVIVED bug.block_dropped");
    assert_run("score layer_norm/forward/f31", 4);
    assert_run("score a/b/c/d", 2);
    assert_run("score", 2);
    assert_run("score rms_norm --profile fast", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crew_gives_the_records_of_one),
        cmocka_unit_test(a_crew_tells_what_goes_wrong),
        cmocka_unit_test(a_run_says_what_it_is_worth),
        cmocka_unit_test(the_command_tells_of_a_class),
    };
    return cmocka_run_group_tests(tests, program_enter, program_leave);
}
