/* Fuzz target: the .npy parser takes any bytes without fault, and an array
 * that it accepts is written to a file that reads back equal. */
#include <normgate/npy.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void round_trip(const ng_npy *array, ng_arena *arena)
{
    ng_npy again;
    ng_error error;
    char path[64];
    FILE *file = tmpfile();
    if (file == NULL)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
    require(ng_npy_write(path, array->dtype, array->rank, array->shape,
                         array->data, &error) == ng_status_ok,
            "an array that was read is not written");
    require(ng_npy_read(&again, arena, path, ng_npy_bits_bf16, &error) ==
                ng_status_ok,
            "an array that was written is not read");
    fclose(file);
    size_t size = array->count * ng_format_of(array->dtype)->size;
    require(again.dtype == array->dtype && again.rank == array->rank &&
                again.count == array->count &&
                memcmp(again.shape, array->shape, sizeof again.shape) == 0 &&
                memcmp(again.data, array->data, size) == 0,
            "an array does not round-trip");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    ng_arena arena = {0};
    ng_npy array;
    ng_error error;
    size_t product;
    if (ng_npy_parse(&array, &arena, "fuzz", bytes, count, ng_npy_bits_bf16,
                     &error) == ng_status_ok) {
        require(ng_npy_count(array.rank, array.shape, &product) &&
                    product == array.count,
                "the count is not the product of the shape");
        round_trip(&array, &arena);
        ng_npy plain;
        bool number = ng_npy_parse(&plain, &arena, "fuzz", bytes, count,
                                   ng_npy_bits_refused, &error) == ng_status_ok;
        require(number == (array.dtype != ng_bf16),
                "bits that are refused are read, or numbers are not");
    }
    ng_arena_release(&arena);
    return 0;
}
