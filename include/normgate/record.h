/* Record: the stored line of one check. Reports are made from records alone,
 * and a record is repeated from its case line alone. */
#ifndef NORMGATE_RECORD_H
#define NORMGATE_RECORD_H

#include <normgate/arena.h>
#include <normgate/intern.h>
#include <normgate/status.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define NG_RECORD_SCHEMA "normgate-record/1"

typedef struct ng_record {
#define NG_TEXT(name, meaning) const char *name;
#define NG_REAL(name, meaning) double name;
#define NG_COUNT(name, meaning) uint64_t name;
#include <normgate/record.def>
#undef NG_TEXT
#undef NG_REAL
#undef NG_COUNT
} ng_record;

/* All text "", all reals NAN, all counts 0, the schema set. */
void ng_record_init(ng_record *record, const char *kind);

/* The id of a check: FNV-1a, 64 bits, of what names it in every run. */
enum { NG_RECORD_ID_SIZE = 17 };
void ng_record_id(const ng_record *record, char id[NG_RECORD_ID_SIZE]);

/* One line of JSON; empty fields are left out. */
ng_status ng_record_write(const ng_record *record, FILE *file, ng_error *error);

/* Reads one line; its text lives in the arena. Unknown fields are ignored, so
 * that older reports read newer records; a wrong type is an error. */
ng_status ng_record_read(ng_record *record, ng_arena *arena, const char *line,
                         ng_error *error);

/* Copies of the record's texts, each distinct one once. */
ng_status ng_record_keep(ng_record *record, ng_intern *texts, ng_error *error);

/* Records of one or many files. */
typedef struct ng_record_list {
    ng_record *records; /* by malloc */
    size_t count, room;
} ng_record_list;

ng_status ng_record_list_add(ng_record_list *list, const ng_record *record,
                             ng_error *error);

/* Appends all records of a file that ng_record_write made; "-" is the standard
 * input. A last line cut short by a crash is dropped and *complete is false, as
 * it is where a run has no `end` record. */
ng_status ng_record_list_load(ng_record_list *list, ng_intern *texts,
                              const char *path, bool *complete,
                              ng_error *error);

void ng_record_list_free(ng_record_list *list);

/* The same of one file, all in the arena. */
ng_status ng_records_load(const char *path, ng_arena *arena,
                          ng_record **records, size_t *count, bool *complete,
                          ng_error *error);

#endif
