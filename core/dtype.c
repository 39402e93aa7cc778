/* Dtype: the table of formats and what follows from their numbers. */
#include <normgate/dtype.h>

#include <math.h>
#include <string.h>

#define NG_DTYPE(name) extern const ng_format ng_format_##name;
#include <normgate/dtypes.def>
#undef NG_DTYPE

static const ng_format *const formats[] = {
#define NG_DTYPE(name) &ng_format_##name,
#include <normgate/dtypes.def>
#undef NG_DTYPE
};

const ng_format *ng_format_of(ng_dtype dtype)
{
    return formats[dtype];
}

bool ng_dtype_parse(const char *name, ng_dtype *dtype)
{
    for (size_t i = 0; i < NG_DTYPE_COUNT; i++) {
        if (strcmp(name, formats[i]->name) == 0) {
            *dtype = (ng_dtype)i;
            return true;
        }
    }
    return false;
}

double ng_dtype_get(ng_dtype dtype, const void *array, size_t i)
{
    const ng_format *format = formats[dtype];
    return format->decode((const unsigned char *)array + i * format->size);
}

void ng_dtype_set(ng_dtype dtype, void *array, size_t i, double value)
{
    const ng_format *format = formats[dtype];
    format->encode((unsigned char *)array + i * format->size, value);
}

uint64_t ng_dtype_bits(ng_dtype dtype, const void *array, size_t i)
{
    size_t size = formats[dtype]->size;
    const unsigned char *element = (const unsigned char *)array + i * size;
    uint64_t bits = 0;
    if (size == 2) {
        uint16_t narrow;
        memcpy(&narrow, element, sizeof narrow);
        bits = narrow;
    } else if (size == 4) {
        uint32_t middle;
        memcpy(&middle, element, sizeof middle);
        bits = middle;
    } else {
        memcpy(&bits, element, sizeof bits);
    }
    return bits;
}

double ng_dtype_round(ng_dtype dtype, double value)
{
    unsigned char element[8];
    formats[dtype]->encode(element, value);
    return formats[dtype]->decode(element);
}

double ng_dtype_u(ng_dtype dtype)
{
    return ldexp(1, -formats[dtype]->p);
}

double ng_dtype_max(ng_dtype dtype)
{
    const ng_format *format = formats[dtype];
    return ldexp(2 - ldexp(1, 1 - format->p), format->emax);
}

double ng_dtype_min(ng_dtype dtype)
{
    return ldexp(1, formats[dtype]->emin);
}

double ng_dtype_ulp(ng_dtype dtype, double value)
{
    const ng_format *format = formats[dtype];
    int exponent = format->emin;
    if (isinf(value))
        exponent = format->emax;
    else if (value != 0) {
        frexp(value, &exponent);
        exponent--;
    }
    if (exponent < format->emin)
        exponent = format->emin;
    if (exponent > format->emax)
        exponent = format->emax;
    return ldexp(1, exponent - format->p + 1);
}
