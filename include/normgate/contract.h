/* Contract: what a kernel promises. A kernel is judged against the contract it
 * declares, never against one library's habits.
 *
 * Text form, as kernels write it and reports show it:
 *   "op=layer_norm dtype=bf16 summation=lanes block=8 saved=mean_rstd"
 * `preset=NAME` sets several fields at once, those in which that library's op
 * differs (presets.def); fields that follow it override it. */
#ifndef NORMGATE_CONTRACT_H
#define NORMGATE_CONTRACT_H

#include <normgate/case.h>
#include <normgate/dtype.h>
#include <normgate/status.h>
#include <normgate/tensor.h>

/* Every value of every field: ng_eps_place_inside, ng_eps_place_outside, ...
 * One numbering over all fields, so that a value also names its field. */
#define NG_FIELD(name, meaning)
#define NG_VALUE(field, value) ng_##field##_##value,
#define NG_NUMBER(name, initial, meaning)
enum ng_contract_value {
#include <normgate/contract.def>
    NG_CONTRACT_VALUE_COUNT
};
#undef NG_FIELD
#undef NG_VALUE
#undef NG_NUMBER

typedef struct ng_contract {
    char op[NG_NAME_MAX];
    char pass[NG_NAME_MAX];
    char preset[NG_NAME_MAX];
/* Each field holds one of its own values above. */
#define NG_FIELD(name, meaning) unsigned char name;
#define NG_VALUE(field, value)
#define NG_NUMBER(name, initial, meaning) double name;
#include <normgate/contract.def>
#undef NG_FIELD
#undef NG_VALUE
#undef NG_NUMBER
} ng_contract;

enum { NG_CONTRACT_TEXT_MAX = 1024 };

/* The preset `pytorch` for `op`: forward, f32, recursive sums, two passes. */
ng_status ng_contract_init(ng_contract *contract, const char *op,
                           ng_error *error);
ng_status ng_contract_parse(ng_contract *contract, const char *text,
                            ng_error *error);
/* Only the fields that differ from the op's defaults, in canonical order. */
void ng_contract_print(const ng_contract *contract, char *text, size_t size);

/* The dtype fields with `same` resolved. */
ng_dtype ng_contract_storage(const ng_contract *contract);
ng_dtype ng_contract_param(const ng_contract *contract);
ng_dtype ng_contract_stats(const ng_contract *contract);
ng_dtype ng_contract_compute(const ng_contract *contract);

/* Dtype of a role's elements under the contract. */
ng_dtype ng_contract_dtype(const ng_contract *contract, ng_role role);

/* eps as the contract uses it: rounded to eps_dtype. */
double ng_contract_eps(const ng_contract *contract, double eps);

/* Sets one field from text; false if there is no such field or value. */
bool ng_contract_set(ng_contract *contract, const char *field,
                     const char *value);

/* For help: calls `row` once per field. */
void ng_contract_fields(void (*row)(const char *field, const char *values,
                                    const char *meaning, void *user),
                        void *user);

/* What one preset says of one op (presets.def). */
typedef struct ng_preset {
    const char *name, *op;
    const char *fields;   /* text of a contract */
    const char *document; /* the public document that states it */
    const char *note;     /* what no field can say; may be empty */
} ng_preset;

extern const ng_preset ng_presets[]; /* a NULL name at the end */

#endif
