/* The tally: what passes, what is caught, and that nothing is no pass. */
#include "report_records.h"

#include <normgate/report.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void the_tally_follows_its_rules(void **unused)
{
    const ng_record records[] = {
        check("good", "shift", "PASS", 0.5),
        check("good", "scale", "SKIP", NAN),
        check("waived", "shift", "WAIVED", 7),
        check("waived", "scale", "PASS", 0.25),
        check("idle", "shift", "UNSUPPORTED", NAN),
        check("bad", "shift", "PASS", 0.1),
        check("bad", "scale", "CRASH", NAN),
        check("newer", "scale", "UNHEARD_OF", NAN),
        seeded("caught", "shift", "FAIL"),
        seeded("caught", "scale", "FAIL"),
        seeded("elsewhere", "shift", "PASS"),
        seeded("elsewhere", "scale", "FAIL"),
        seeded("survivor", "shift", "PASS"),
    };
    ng_tally t;
    (void)unused;
    assert_int_equal(ng_tally_records(&t, records, 13, NULL), ng_status_ok);
    assert_int_equal(t.subjects, 1);
    assert_int_equal(t.kernels, 5);
    assert_int_equal(t.kernels_passing, 2);
    assert_int_equal(t.kernels_failing, 2);
    assert_int_equal(t.kernels_idle, 1);
    assert_int_equal(t.seeded, 3);
    assert_int_equal(t.caught, 1);
    assert_int_equal(t.caught_elsewhere, 1);
    assert_int_equal(t.cases, 10);
    assert_int_equal(t.cases_wrong, 2);
    assert_int_equal(t.cases_seeded, 5);
    assert_int_equal(t.cases_left_out, 2);
    assert_int_equal(t.cases_waived, 1);
    assert_int_equal(t.elements, 4 * 13);
    assert_true(t.worst_ratio == 0.5);
    assert_ptr_equal(t.first_wrong, &records[6]);
}

static ng_outcome outcome(const ng_record *records, size_t count, bool complete)
{
    ng_tally t;
    assert_int_equal(ng_tally_records(&t, records, count, NULL), ng_status_ok);
    return ng_tally_outcome(&t, complete);
}

static void nothing_is_no_pass(void **unused)
{
    const ng_record pass = check("a", "shift", "PASS", 0.5);
    const ng_record skip = check("a", "shift", "SKIP", NAN);
    const ng_record fail = check("a", "shift", "FAIL", INFINITY);
    const ng_record caught = seeded("b", "shift", "FAIL");
    const ng_record missed = seeded("b", "shift", "PASS");
    (void)unused;
    assert_int_equal(outcome(&pass, 1, true), ng_outcome_pass);
    assert_int_equal(outcome(&pass, 1, false), ng_outcome_incomplete);
    assert_int_equal(outcome(&pass, 0, true), ng_outcome_nothing);
    assert_int_equal(outcome(&skip, 1, true), ng_outcome_nothing);
    const ng_record idle[] = {pass, check("b", "shift", "SKIP", NAN)};
    assert_int_equal(outcome(idle, 2, true), ng_outcome_nothing);
    assert_int_equal(outcome(&fail, 1, true), ng_outcome_fail);
    assert_int_equal(outcome(&fail, 1, false), ng_outcome_fail);
    assert_int_equal(outcome(&caught, 1, true), ng_outcome_pass);
    assert_int_equal(outcome(&missed, 1, true), ng_outcome_fail);
    assert_int_equal(outcome(&missed, 1, false), ng_outcome_incomplete);
}

static ng_record told(const char *kind, const char *state, const char *verdict)
{
    ng_record record;
    ng_record_init(&record, kind);
    record.state = state;
    record.verdict = verdict;
    return record;
}

static void waivers_and_baselines_are_counted(void **unused)
{
    ng_record records[] = {
        check("waived", "shift", "WAIVED", 7),
        told("waiver", "used", ""),
        told("waiver", "expired", ""),
        told("waiver", "unused", ""),
        told("waiver", "of a newer one", ""),
        told("baseline", "better", "PASS"),
        told("baseline", "new", "PASS"),
        told("baseline", "gone", "PASS"),
        told("baseline", "accepted", "WAIVED"),
        told("baseline", "unchanged", "PASS"),
        told("baseline", "worse", "FAIL"),
        told("baseline", "of a newer one", ""),
    };
    ng_tally t;
    (void)unused;
    records[9].entries = 40;
    assert_int_equal(ng_tally_records(&t, records, 12, NULL), ng_status_ok);
    assert_int_equal(t.kernels_waived, 1);
    assert_int_equal(t.kernels_passing + t.kernels_idle, 0);
    assert_int_equal(t.waivers, 4);
    assert_int_equal(t.waivers_used, 1);
    assert_int_equal(t.waivers_unused, 1);
    assert_int_equal(t.waivers_expired, 1);
    assert_int_equal(t.baseline_better, 1);
    assert_int_equal(t.baseline_new, 1);
    assert_int_equal(t.baseline_gone, 1);
    assert_int_equal(t.baseline_accepted, 1);
    assert_int_equal(t.baseline_unchanged, 40);
    assert_int_equal(t.baseline_worse, 2); /* no verdict is no pass */
    assert_ptr_equal(t.first_worse, &records[10]);
    assert_int_equal(outcome(records, 12, true), ng_outcome_fail);
    assert_int_equal(outcome(records, 12, false), ng_outcome_fail);
    assert_int_equal(outcome(records, 10, true), ng_outcome_pass);
    assert_int_equal(outcome(records, 10, false), ng_outcome_incomplete);
    assert_int_equal(outcome(records + 1, 9, true), ng_outcome_nothing);
}

static void undecided_never_comes_round(void **unused)
{
    ng_record records[] = {check("a", "shift", "PASS", 0.5),
                           check("a", "scale", "PASS", 0.5)};
    ng_tally t;
    (void)unused;
    records[0].undecided = UINT64_MAX;
    records[1].undecided = 1;
    assert_int_equal(ng_tally_records(&t, records, 2, NULL), ng_status_ok);
    assert_true(t.undecided > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tally_follows_its_rules),
        cmocka_unit_test(nothing_is_no_pass),
        cmocka_unit_test(waivers_and_baselines_are_counted),
        cmocka_unit_test(undecided_never_comes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
