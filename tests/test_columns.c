/* Columns: what is added is read back to the digits that are kept, a text that
 * is none is refused whatever its size; and the ids of records, which name a
 * check in every run. */
#include <normgate/columns.h>
#include <normgate/record.h>

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

static ng_status read_text(ng_columns *columns, ng_arena *arena,
                           const char *text)
{
    ng_error error = {.text = ""};
    ng_status status = ng_columns_read(columns, arena, text, &error);
    if (status != ng_status_ok) {
        assert_int_equal(columns->count, 0);
        assert_non_null(strstr(error.text, "are no columns"));
    }
    return status;
}

static void test_text(void **state)
{
    static const double n[] = {16, 64}, error[] = {1e-7, INFINITY, -INFINITY};
    static const double odd[] = {NAN, -0.0, -NAN, 0x1p53, 5e-324, -1.5};
    char text[NG_COLUMNS_TEXT_MAX] = "";
    (void)state;
    assert_true(ng_columns_add(text, sizeof text, "n", n, 2));
    assert_string_equal(text, "n=16 64");
    assert_true(ng_columns_add(text, sizeof text, "error", error, 3));
    assert_string_equal(text, "n=16 64; error=1e-07 inf -inf");
    assert_true(ng_columns_add(text, sizeof text, "none_2", NULL, 0));
    assert_true(ng_columns_add(text, sizeof text, "odd", odd, 6));
    assert_string_equal(text,
                        "n=16 64; error=1e-07 inf -inf; none_2=; odd=nan -0 "
                        "nan 9007199254740992 4.94066e-324 -1.5");
}

static void test_reading(void **state)
{
    ng_arena arena = {0};
    ng_columns columns;
    (void)state;
    assert_int_equal(read_text(&columns, &arena, ""), ng_status_ok);
    assert_int_equal(columns.count, 0);
    assert_true(isnan(ng_columns_first(&columns, "n")));
    assert_int_equal(read_text(&columns, &arena,
                               "n=16 64 +1.; e=; f_2=nan inf -inf .5e-3 -0"),
                     ng_status_ok);
    assert_int_equal(columns.count, 3);
    ng_column n = ng_columns_find(&columns, "n");
    assert_int_equal(n.count, 3);
    assert_true(n.values[0] == 16 && n.values[1] == 64 && n.values[2] == 1);
    assert_int_equal(ng_columns_find(&columns, "e").count, 0);
    assert_true(isnan(ng_columns_first(&columns, "e")));
    ng_column f = ng_columns_find(&columns, "f_2");
    assert_int_equal(f.count, 5);
    assert_true(isnan(f.values[0]) && f.values[1] == INFINITY &&
                f.values[2] == -INFINITY && f.values[3] == 0.0005 &&
                f.values[4] == 0 && signbit(f.values[4]));
    assert_int_equal(ng_columns_find(&columns, "f").count, 0);
    assert_int_equal(ng_columns_find(&columns, "").count, 0);
    /* Of two columns of one name the first counts, and both are there. */
    assert_int_equal(read_text(&columns, &arena, "a=1; a=2 3; b=4"),
                     ng_status_ok);
    assert_int_equal(columns.count, 3);
    assert_true(ng_columns_first(&columns, "a") == 1);
    assert_true(ng_columns_first(&columns, "b") == 4);
    /* Too small for a double is zero, and no harm. */
    assert_int_equal(read_text(&columns, &arena, "a=1e-999"), ng_status_ok);
    assert_true(ng_columns_first(&columns, "a") == 0);
    ng_arena_release(&arena);
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ *state >> 29;
}

/* Counts come back whole, other numbers to half a unit of the sixth digit. */
static void test_round_trip(void **state)
{
    ng_arena arena = {0};
    uint64_t seed = 1;
    (void)state;
    for (size_t round = 0; round < 3000; round++) {
        char text[200] = "";
        double values[4];
        ng_columns columns;
        for (size_t i = 0; i < 4; i++) {
            uint64_t bits = draw(&seed);
            memcpy(&values[i], &bits, sizeof bits);
            if (round % 3 == 0)
                values[i] = (double)(int64_t)(bits >> (11 + bits % 50));
        }
        assert_true(ng_columns_add(text, sizeof text, "v", values, 4));
        assert_int_equal(read_text(&columns, &arena, text), ng_status_ok);
        ng_column v = ng_columns_find(&columns, "v");
        assert_int_equal(v.count, 4);
        for (size_t i = 0; i < 4; i++) {
            double was = values[i], is = v.values[i];
            double near = 5.0000001e-6 * fabs(was) + 5e-324;
            bool same = was == is || (isnan(was) && isnan(is));
            bool whole = fabs(was) <= 0x1p53 && fmod(was, 1) == 0;
            if (!same && (whole || !(fabs(is - was) <= near)))
                fail_msg("%.17g became %.17g in \"%s\"", was, is, text);
        }
        ng_arena_release(&arena);
    }
}

/* A text keeps its columns when another does not fit, to the last byte. */
static void test_full(void **state)
{
    static const double values[] = {1, 22, 333};
    const char *whole = "a=1; long=1 22 333";
    (void)state;
    for (size_t size = 4; size <= strlen(whole) + 3; size++) {
        char *text = malloc(size); /* of that size for the sanitizer's sake */
        assert_non_null(text);
        strcpy(text, "a=1");
        bool fits = ng_columns_add(text, size, "long", values, 3);
        assert_int_equal(fits, size > strlen(whole));
        assert_string_equal(text, fits ? whole : "a=1");
        free(text);
    }
}

static void test_names(void **state)
{
    static const char *const names[] = {
        "",
        "A",
        "a-b",
        "a b",
        "a=",
        "a;",
        "\xc3\xa9",
        "a_name_of_thirty_two_characters_", /* one too many with its NUL */
    };
    const double one = 1;
    char text[200] = "b=2";
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(ng_columns_add(text, sizeof text, names[i], &one, 1));
        assert_string_equal(text, "b=2");
    }
    assert_true(ng_columns_add(text, sizeof text,
                               "a_name_of_thirty_one_characters", &one, 1));
}

static void test_hostile_text(void **state)
{
    static const char *const texts[] = {
        " ",
        "=",
        "n",
        "=1",
        ";",
        "; ",
        " n=1",
        "n =1",
        "n= 1",
        "n=1 ",
        "n=1  2",
        "n=1;",
        "n=1; ",
        "n=1;m=2",
        "n=1 ; m=2",
        "n=1;; m=2",
        "n=; ",
        "n=1=2",
        "N=1",
        "n\xc3\xa9=1",
        "a_name_of_thirty_two_characters_=1",
        "n=0x1p3",
        "n=0X10",
        "n=1,5", /* a comma where some languages have a point */
        "n=1.000,5",
        "n=1'000",
        "n=1e",
        "n=e1",
        "n=1e+",
        "n=+",
        "n=-",
        "n=.",
        "n=--1",
        "n=1.2.3",
        "n=1e999",
        "n=-1e999",
        "n=1 1e309",
        "n=nan(1)",
        "n=nan(char)",
        "n=-nan",
        "n=+nan",
        "n=NAN",
        "n=Inf",
        "n=+inf",
        "n=infinity",
        "n=1\t2",
        "n=1\n",
        "n=<script>",
        "n=1f",
        "n=1L",
        "n=00000000000000000000000000000000000000001",
    };
    ng_arena arena = {0};
    ng_columns columns;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (read_text(&columns, &arena, texts[i]) != ng_status_bad_input)
            fail_msg("\"%s\" was read", texts[i]);
    }
    /* Cut anywhere: none, or whole columns and numbers. */
    const char *whole = "n=16 64; error=1e-07 inf; odd=-0.5 nan";
    char cut[64];
    for (size_t length = 0; length <= strlen(whole); length++) {
        snprintf(cut, sizeof cut, "%.*s", (int)length, whole);
        if (read_text(&columns, &arena, cut) == ng_status_ok && length > 0)
            assert_true(columns.count >= 1 && columns.count <= 3);
    }
    ng_arena_release(&arena);
}

/* Long texts take memory in proportion, and no time to speak of. */
static void test_huge_text(void **state)
{
    enum { VALUES = 1000000 };
    ng_arena arena = {0};
    ng_columns columns;
    char *text = malloc(8 * (size_t)VALUES);
    size_t used = 2;
    (void)state;
    assert_non_null(text);
    memcpy(text, "n=", 3);
    for (int i = 0; i < VALUES; i++)
        used += (size_t)sprintf(text + used, "%s%d", i > 0 ? " " : "", i);
    assert_int_equal(read_text(&columns, &arena, text), ng_status_ok);
    ng_column n = ng_columns_find(&columns, "n");
    assert_int_equal(n.count, VALUES);
    for (int i = 0; i < VALUES; i += 997)
        assert_true(n.values[i] == i);
    strcpy(text + used, " x"); /* the last of them is none */
    assert_int_equal(read_text(&columns, &arena, text), ng_status_bad_input);
    /* As many columns as a line of records has room for, all of one name. */
    enum { COLUMNS = (1 << 20) / 4 };
    for (size_t i = 0; i < COLUMNS; i++)
        memcpy(text + 4 * i, "a=; ", 4);
    text[4 * COLUMNS - 2] = '\0';
    assert_int_equal(read_text(&columns, &arena, text), ng_status_ok);
    assert_int_equal(columns.count, COLUMNS);
    memset(text, 'a', 8 * (size_t)VALUES);
    text[8 * (size_t)VALUES - 1] = '\0';
    assert_int_equal(read_text(&columns, &arena, text), ng_status_bad_input);
    free(text);
    ng_arena_release(&arena);
}

/* --- ids -------------------------------------------------------------------- */

/* FNV-1a of bytes, as its authors define it. */
static uint64_t fnv1a(const char *bytes, size_t count)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < count; i++) {
        hash ^= (unsigned char)bytes[i];
        hash *= UINT64_C(1099511628211);
    }
    return hash;
}

/* Vectors of the FNV test suite (Landon Curt Noll, draft-eastlake-fnv). */
static void test_fnv(void **state)
{
    (void)state;
    assert_true(fnv1a("", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(fnv1a("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(fnv1a("foobar", 6) == UINT64_C(0x85944171f73967e8));
    assert_true(fnv1a("", 1) == UINT64_C(0xaf63bd4c8601b7df)); /* one NUL */
    assert_true(fnv1a("foobar", 7) == UINT64_C(0x34531ca7168b8f38));
}

/* The six texts of an id, each with its NUL. */
static void test_id(void **state)
{
    static const char parts[] = "two_pass_f32\0layer_norm\0forward\0f32\0"
                                "accuracy\0layer_norm/forward/f32 rows=3";
    char id[NG_RECORD_ID_SIZE], expected[NG_RECORD_ID_SIZE];
    ng_record record;
    (void)state;
    ng_record_init(&record, "check");
    record.kernel = "two_pass_f32";
    record.op = "layer_norm";
    record.pass = "forward";
    record.dtype = "f32";
    record.property = "accuracy";
    record.test = "layer_norm/forward/f32 rows=3";
    ng_record_id(&record, id);
    snprintf(expected, sizeof expected, "%016" PRIx64,
             fnv1a(parts, sizeof parts));
    assert_string_equal(id, expected);
    /* What a run may change does not change it. */
    record.verdict = "FAIL";
    record.subject = "./build/lib.so";
    record.contract = "other";
    record.ratio = 17;
    record.seconds = 3;
    ng_record_id(&record, expected);
    assert_string_equal(id, expected);
    ng_record_init(&record, "check");
    ng_record_id(&record, id); /* six NULs */
    snprintf(expected, sizeof expected, "%016" PRIx64, fnv1a("\0\0\0\0\0", 6));
    assert_string_equal(id, expected);
}

static void test_id_differs(void **state)
{
    char ids[14][NG_RECORD_ID_SIZE];
    ng_record record;
    const char **const part[] = {&record.kernel,   &record.op,
                                 &record.pass,     &record.dtype,
                                 &record.property, &record.test};
    (void)state;
    ng_record_init(&record, "check");
    ng_record_id(&record, ids[0]);
    for (size_t i = 0; i < 6; i++)
        *part[i] = "same";
    ng_record_id(&record, ids[1]);
    for (size_t i = 0; i < 6; i++) {
        *part[i] = "other";
        ng_record_id(&record, ids[2 + i]);
        *part[i] = ""; /* and where the letters are matters */
        *part[(i + 1) % 6] = "samesame";
        ng_record_id(&record, ids[8 + i]);
        *part[i] = *part[(i + 1) % 6] = "same";
    }
    for (size_t i = 0; i < 14; i++) {
        assert_int_equal(strlen(ids[i]), 16);
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), 16);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),       cmocka_unit_test(test_reading),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_full),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_huge_text),  cmocka_unit_test(test_fnv),
        cmocka_unit_test(test_id),         cmocka_unit_test(test_id_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
