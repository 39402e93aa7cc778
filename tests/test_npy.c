/* The .npy reader against files spelled out byte by byte from the format's
 * description, and against NumPy itself; hostile files are refused. */
#include <normgate/case.h>
#include <normgate/npy.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "program.h"

static ng_arena arena;
static ng_error error;
static ng_npy array;

/* A file in memory: magic, version, header without padding, elements. */
typedef struct image {
    unsigned char bytes[1024];
    size_t size;
} image;

static image image_of(int version, const char *header, const void *data,
                      size_t size)
{
    image im = {{0}, 0};
    size_t length = strlen(header), width = version == 1 ? 2 : 4;
    memcpy(im.bytes, "\x93NUMPY", 6);
    im.bytes[6] = (unsigned char)version;
    for (size_t i = 0; i < width; i++)
        im.bytes[8 + i] = (unsigned char)(length >> 8 * i);
    memcpy(im.bytes + 8 + width, header, length);
    memcpy(im.bytes + 8 + width + length, data, size);
    im.size = 8 + width + length + size;
    return im;
}

static ng_status parse(const image *im, ng_npy_bits bits)
{
    memset(&error, 0, sizeof error);
    return ng_npy_parse(&array, &arena, "it.npy", im->bytes, im->size, bits,
                        &error);
}

static ng_status parse_text(const char *header, const void *data, size_t size)
{
    image im = image_of(1, header, data, size);
    return parse(&im, ng_npy_bits_bf16);
}

/* One line that names the file and says why and what to do. */
static void assert_refused(ng_status status, const char *reason)
{
    if (status != ng_status_bad_input || strstr(error.text, reason) == NULL ||
        strstr(error.text, ".npy") == NULL || strchr(error.text, '\n') != NULL)
        fail_msg("no '%s': status %d, '%s'", reason, (int)status, error.text);
}

/* Elements as bytes, least significant first: 1, 2, 3, ... in each format. */
static const unsigned char f2[] = {0, 0x3c, 0, 0x40, 0, 0x42};
static const unsigned char f4[] = {0, 0, 0x80, 0x3f, 0, 0, 0,    0x40,
                                   0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40,
                                   0, 0, 0xa0, 0x40, 0, 0, 0xc0, 0x40};
static const unsigned char f8[] = {0, 0, 0, 0, 0, 0, 0xf0, 0x3f,
                                   0, 0, 0, 0, 0, 0, 0,    0x40};
static const unsigned char bf16[] = {0x80, 0x3f, 0, 0x40, 0x40, 0x40};
static const unsigned char f4_big[] = {0x3f, 0x80, 0, 0, 0x40, 0, 0, 0};
static const unsigned char u2_big[] = {0x3f, 0x80, 0x40, 0};

static void assert_counts_up(ng_dtype dtype, size_t count)
{
    assert_int_equal(array.dtype, dtype);
    assert_int_equal(array.count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(ng_dtype_get(dtype, array.data, i) == (double)(i + 1));
}

static void test_dtypes(void **state)
{
    (void)state;
    static const struct {
        const char *descr;
        const void *data;
        size_t size;
        ng_dtype dtype;
        size_t count;
    } rows[] = {
        {"<f2", f2, sizeof f2, ng_f16, 3},
        {"<f4", f4, 12, ng_f32, 3},
        {"<f8", f8, sizeof f8, ng_f64, 2},
        {"<u2", bf16, sizeof bf16, ng_bf16, 3},
        {"<V2", bf16, sizeof bf16, ng_bf16, 3},
        {"|V2", bf16, sizeof bf16, ng_bf16, 3},
        {">f4", f4_big, sizeof f4_big, ng_f32, 2},
        {">u2", u2_big, sizeof u2_big, ng_bf16, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char header[128];
        snprintf(header, sizeof header,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (%zu,), }",
                 rows[i].descr, rows[i].count);
        ng_status status = parse_text(header, rows[i].data, rows[i].size);
        if (status != ng_status_ok)
            fail_msg("%s: %s", rows[i].descr, error.text);
        assert_counts_up(rows[i].dtype, rows[i].count);
        assert_int_equal(array.rank, 1);
        assert_int_equal(array.shape[0], rows[i].count);
    }
}

static void test_bits_only_where_asked(void **state)
{
    (void)state;
    static const char *const descr[] = {"<u2", ">u2", "<V2", "|V2"};
    for (size_t i = 0; i < 4; i++) {
        char header[128];
        snprintf(header, sizeof header,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (3,), }",
                 descr[i]);
        image im = image_of(1, header, bf16, sizeof bf16);
        assert_refused(parse(&im, ng_npy_bits_refused), descr[i]);
    }
}

static void test_versions_and_spelling(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }    \n",
        "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}",
        "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(2,3)}",
        " { 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) "
        "} \n",
    };
    for (size_t i = 0; i < 4; i++) {
        for (int version = 1; version <= 3; version++) {
            image im = image_of(version, headers[i], f4, sizeof f4);
            if (parse(&im, ng_npy_bits_refused) != ng_status_ok)
                fail_msg("%s: %s", headers[i], error.text);
            assert_counts_up(ng_f32, 6);
            assert_int_equal(array.rank, 2);
            assert_int_equal(array.shape[0], 2);
            assert_int_equal(array.shape[1], 3);
        }
    }
}

/* [[1, 2, 3], [4, 5, 6]] lies by columns; then three axes, by the definition:
 * the first index moves fastest. */
static void test_fortran_order(void **state)
{
    (void)state;
    static const int columns[] = {1, 4, 2, 5, 3, 6};
    float lying[24];
    for (size_t i = 0; i < 6; i++)
        lying[i] = (float)columns[i];
    assert_int_equal(
        parse_text("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}",
                   lying, 24),
        ng_status_ok);
    assert_counts_up(ng_f32, 6);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j++)
            for (size_t k = 0; k < 4; k++)
                lying[i + 2 * (j + 3 * k)] = (float)(1 + k + 4 * (j + 3 * i));
    assert_int_equal(parse_text("{'descr': '<f4', 'fortran_order': True, "
                                "'shape': (2, 3, 4)}",
                                lying, sizeof lying),
                     ng_status_ok);
    assert_counts_up(ng_f32, 24);
    assert_int_equal(
        parse_text("{'descr': '>f4', 'fortran_order': True, 'shape': (2,)}",
                   f4_big, 8),
        ng_status_ok);
    assert_counts_up(ng_f32, 2);
}

static void test_ranks_and_empty(void **state)
{
    (void)state;
    assert_int_equal(
        parse_text("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", f4,
                   4),
        ng_status_ok);
    assert_int_equal(array.rank, 0);
    assert_counts_up(ng_f32, 1);
    assert_int_equal(parse_text("{'descr': '<f4', 'fortran_order': False, "
                                "'shape': (1, 1, 2, 1, 1, 1, 1, 1)}",
                                f4, 8),
                     ng_status_ok);
    assert_int_equal(array.rank, 8);
    assert_counts_up(ng_f32, 2);
    assert_int_equal(parse_text("{'descr': '<f4', 'fortran_order': True, "
                                "'shape': (3, 0, 2)}",
                                f4, 0),
                     ng_status_ok);
    assert_int_equal(array.count, 0);
    assert_non_null(array.data);
}

static void test_hostile_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header, *reason;
    } rows[] = {
        {"", "dictionary"},
        {"[1, 2]", "dictionary"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)",
         "dictionary"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (6,)}",
         "dictionary"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x",
         "follows"},
        {"{'descr': '<f4', 'fortran_order': False}", "missing"},
        {"{'descr': '<f4', 'shape': (6,)}", "missing"},
        {"{'fortran_order': False, 'shape': (6,)}", "missing"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': "
         "(6,)}",
         "twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}",
         "unknown"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}",
         "descr"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}",
         "fortran_order"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 6}", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': "
         "(1,1,1,1,1,1,1,1,6)}",
         "axes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': "
         "(4294967296, 4294967296)}",
         "2^24"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': "
         "(99999999999999999999999999999999999999,)}",
         "2^24"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': "
         "(0, 9999999999, 9999999999)}",
         "2^24"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (16777217,)}",
         "2^24"},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (6,)}", "<i4"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (6,)}", "|O"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,)}", "<c8"},
        {"{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", "<f16"},
        {"{'descr': '>V2', 'fortran_order': False, 'shape': (12,)}", ">V2"},
        {"{'descr': '', 'fortran_order': False, 'shape': (6,)}", "''"},
        {"{'descr': 'f4', 'fortran_order': False, 'shape': (6,)}", "'f4'"},
        {"{'descr': '<f4\\n', 'fortran_order': False, 'shape': (6,)}", "descr"},
        {"{'descr': '<f4<f4<f4<f4<f4<f4', 'fortran_order': False, 'shape': "
         "(6,)}",
         "descr"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(parse_text(rows[i].header, f4, sizeof f4),
                       rows[i].reason);
}

#define GOOD "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"

/* Cut anywhere, or lengthened, the file is refused. */
static void test_truncated_and_surplus(void **state)
{
    (void)state;
    for (int version = 1; version <= 3; version++) {
        image im = image_of(version, GOOD, f4, sizeof f4);
        size_t whole = im.size;
        for (im.size = 0; im.size < whole; im.size++) {
            /* A copy that ends where the file does, for the sanitizer. */
            unsigned char *copy = malloc(im.size + (im.size == 0));
            assert_non_null(copy);
            memcpy(copy, im.bytes, im.size);
            ng_status status = ng_npy_parse(&array, &arena, "it.npy", copy,
                                            im.size, ng_npy_bits_bf16, &error);
            free(copy);
            assert_refused(status, "it.npy");
        }
        im.size = whole + 1;
        assert_refused(parse(&im, ng_npy_bits_bf16), "one array a file");
    }
    image im = image_of(1, GOOD, f4, sizeof f4);
    im.bytes[9] = 0xff; /* a header longer than the file */
    assert_refused(parse(&im, ng_npy_bits_bf16), "ends within");
    im = image_of(2, GOOD, f4, sizeof f4);
    memset(im.bytes + 8, 0xff, 4);
    assert_refused(parse(&im, ng_npy_bits_bf16), "ends within");
    im = image_of(1, GOOD, f4, sizeof f4);
    im.bytes[6] = 4;
    assert_refused(parse(&im, ng_npy_bits_bf16), "version 4.0");
    im.bytes[6] = 1;
    im.bytes[7] = 1;
    assert_refused(parse(&im, ng_npy_bits_bf16), "version 1.1");
    im.bytes[0] = 'P';
    assert_refused(parse(&im, ng_npy_bits_bf16), "is no .npy file");
}

static void test_files(void **state)
{
    (void)state;
    static const size_t shape[] = {2, 3};
    ng_npy_bits refused = ng_npy_bits_refused;
    assert_int_equal(ng_npy_write("a.npy", ng_f32, 2, shape, f4, &error),
                     ng_status_ok);
    assert_int_equal(ng_npy_read(&array, &arena, "a.npy", refused, &error),
                     ng_status_ok);
    assert_counts_up(ng_f32, 6);
    /* replaced whole, nothing left beside it */
    assert_int_equal(ng_npy_write("a.npy", ng_f64, 1, shape, f8, &error),
                     ng_status_ok);
    assert_int_equal(ng_npy_read(&array, &arena, "a.npy", refused, &error),
                     ng_status_ok);
    assert_counts_up(ng_f64, 2);
    assert_int_not_equal(system("ls | grep -q part"), 0);
    assert_refused(ng_npy_read(&array, &arena, "none.npy", refused, &error),
                   "No such file");
    assert_refused(ng_npy_write("none/a.npy", ng_f64, 1, shape, f8, &error),
                   "No such file");
    assert_int_equal(mkdir("folder.npy", 0777), 0);
    assert_refused(ng_npy_read(&array, &arena, "folder.npy", refused, &error),
                   "cannot be read");
    assert_refused(ng_npy_write("folder.npy", ng_f64, 1, shape, f8, &error),
                   "cannot be written");
    FILE *file = fopen("empty.npy", "wb");
    assert_non_null(file);
    fclose(file);
    assert_refused(ng_npy_read(&array, &arena, "empty.npy", refused, &error),
                   "is no .npy file");
    static const size_t large[] = {NG_CASE_ELEMENTS_MAX, 2};
    assert_refused(ng_npy_write("b.npy", ng_f64, 2, large, f8, &error), "2^24");
}

/* A file that has no end is not read to it. */
static void test_endless_file(void **state)
{
    (void)state;
    assert_int_equal(symlink("/dev/zero", "zero.npy"), 0);
    assert_refused(
        ng_npy_read(&array, &arena, "zero.npy", ng_npy_bits_bf16, &error),
        "longer");
}

static int python(const char *program)
{
    char command[4096];
    snprintf(command, sizeof command, "'%s' -c \"%s\"", NORMGATE_PYTHON,
             program);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* What NumPy saves is read, what is written NumPy loads. */
static void test_numpy(void **state)
{
    (void)state;
    if (NORMGATE_PYTHON[0] == '\0' || python("import numpy") != 0)
        skip();
    assert_int_equal(
        python("import numpy as np\n"
               "a = np.arange(1, 25).reshape(2, 3, 4)\n"
               "for t in ('<f2', '<f4', '<f8', '>f2', '>f4', '>f8'):\n"
               "    np.save('c' + t[1:] + t[0].replace('<', 'l').replace('>', "
               "'b'), a.astype(t))\n"
               "    np.save('f' + t[1:] + t[0].replace('<', 'l').replace('>', "
               "'b'), np.asfortranarray(a.astype(t)))\n"),
        0);
    static const ng_dtype dtypes[] = {ng_f16, ng_f32, ng_f64};
    for (size_t i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "%cf%d%c.npy", i % 2 ? 'c' : 'f',
                 2 << i / 4, i / 2 % 2 ? 'l' : 'b');
        if (ng_npy_read(&array, &arena, name, ng_npy_bits_refused, &error) !=
            ng_status_ok)
            fail_msg("%s", error.text);
        assert_int_equal(array.rank, 3);
        assert_counts_up(dtypes[i / 4], 24);
    }
    static const size_t shape[] = {1, 3}, zero[] = {2, 0};
    assert_int_equal(ng_npy_write("w2.npy", ng_f16, 2, shape, f2, &error),
                     ng_status_ok);
    assert_int_equal(ng_npy_write("w4.npy", ng_f32, 2, shape, f4, &error),
                     ng_status_ok);
    assert_int_equal(ng_npy_write("wb.npy", ng_bf16, 2, shape, bf16, &error),
                     ng_status_ok);
    assert_int_equal(ng_npy_write("w0.npy", ng_f64, 2, zero, f8, &error),
                     ng_status_ok);
    assert_int_equal(ng_npy_write("ws.npy", ng_f64, 0, zero, f8, &error),
                     ng_status_ok);
    assert_int_equal(
        python("import numpy as np\n"
               "for n, t in (('w2', 'f2'), ('w4', 'f4')):\n"
               "    a = np.load(n + '.npy')\n"
               "    assert a.dtype == t and a.tolist() == [[1, 2, 3]]\n"
               "a = np.load('wb.npy')\n"
               "assert a.dtype == 'u2'\n"
               "a = (a.astype('u4') << 16).view('f4')\n"
               "assert a.tolist() == [[1, 2, 3]]\n"
               "assert np.load('w0.npy').shape == (2, 0)\n"
               "assert np.load('ws.npy').shape == ()\n"
               "assert np.load('ws.npy') == 1\n"),
        0);
}

static int leave(void **state)
{
    ng_arena_release(&arena);
    return program_leave(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_bits_only_where_asked),
        cmocka_unit_test(test_versions_and_spelling),
        cmocka_unit_test(test_fortran_order),
        cmocka_unit_test(test_ranks_and_empty),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_truncated_and_surplus),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_endless_file),
        cmocka_unit_test(test_numpy),
    };
    return cmocka_run_group_tests(tests, program_enter, leave);
}
