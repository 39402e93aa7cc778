/* Column names: every column that a property puts on its records has a row in
 * docs/records.md. */
#include "measured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* docs/records.md has a row for the property and names each of its columns. */
static void assert_documented(const char *page, const char *property,
                              const ng_columns *columns)
{
    char quoted[NG_COLUMN_NAME_MAX + 4];
    const char *section = strstr(page, "\n## Columns by property\n");
    assert_non_null(section);
    snprintf(quoted, sizeof quoted, "`%s`", property);
    assert_non_null(strstr(section, quoted));
    if (columns->count == 0)
        fail_msg("no columns of %s", property);
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = columns->column[i].name;
        snprintf(quoted, sizeof quoted, "`%s`", name);
        if (strstr(section, quoted) == NULL)
            fail_msg("docs/records.md: no column %s of %s", name, property);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(name, columns->column[k].name);
    }
}

static void test_documentation(void **state)
{
    static const struct {
        const char *property, *line;
    } rows[] = {
        {"accuracy", "layer_norm/forward/f32 rows=3 n=16 seed=1"},
        {"growth", "layer_norm/forward/f32 rows=1 n=2048 gen=offset:4 seed=1"},
        {"growth", "layer_norm/forward/f32 rows=1 n=64 gen=offset:64 seed=1"},
        {"range", "layer_norm/forward/f32 rows=2 n=24 gen=scaled:3 seed=1"},
        {"jacobian", "layer_norm/backward/f32 rows=4 n=4 seed=1"},
        {"finite_difference", "layer_norm/backward/f32 rows=4 n=4 seed=1"},
        {"adjoint", "layer_norm/backward/f32 rows=4 n=4 seed=1"},
        {"running", "batch_norm/forward/f32 N=4 C=2 spatial=2 batches=3"},
        {"repeat", "layer_norm/forward/f32 rows=3 n=16 seed=1"},
        {"threads", "layer_norm/forward/f32 rows=3 n=16 seed=1"},
        {"layouts", "layer_norm/forward/f32 rows=3 n=5 gap=63 seed=1"},
        {"permutation", "layer_norm/forward/f32 rows=3 n=5 seed=1"},
        {"rounding", "layer_norm/forward/bf16 rows=3 n=4 seed=1"},
    };
    FILE *file = fopen(NORMGATE_SOURCE_DIR "/docs/records.md", "rb");
    static char page[1 << 16];
    (void)state;
    assert_non_null(file);
    size_t length = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    page[length] = '\0';
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        measured c;
        bool far = strcmp(rows[i].property, "layouts") == 0;
        measured_begin(&c, "builtin:two_pass",
                       far ? "layer_norm_strided_f32" : NULL, rows[i].line);
        measured_check(&c, rows[i].property);
        assert_documented(page, rows[i].property, &c.columns);
        measured_end(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
