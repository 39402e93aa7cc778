/* Panel: what the sections per kernel share: which kernels they show, the
 * check that speaks for several, and kernels of equal findings as one. */
#ifndef NORMGATE_REPORTS_PANEL_H
#define NORMGATE_REPORTS_PANEL_H

#include "page.h"

#include <normgate/columns.h>

/* A kernel that is wrong on purpose only where no other was checked: its
 * failures would hide those that matter. */
bool ng_panel_shows(const ng_page *page, const ng_row *row);

/* Wrong before right, then the larger error / bound; NULL is least. */
bool ng_panel_worse(const ng_record *a, const ng_record *b);

/* The columns of a record, none where its text is not of that form. */
ng_columns ng_panel_columns(ng_arena *arena, const ng_record *record);

/* The value of a field in the text of a contract, in the page's arena; NULL
 * where the field is not named. */
const char *ng_panel_field(const ng_page *page, const char *contract,
                           const char *field);

/* The next field of a contract, as "name" and "name=value" in the page's arena;
 * where it ends, or NULL: there is none. Far too long ones are cut. */
const char *ng_panel_next_field(const ng_page *page, const char *at,
                                const char **name, const char **text);

/* Words of a record, escaped; far too long ones are cut. */
void ng_panel_words(ng_page *page, const char *text);

/* A number; NaN is a dash. */
void ng_panel_number(ng_page *page, double value);

typedef struct ng_panel_item {
    const ng_row *row;
    const char *key; /* kernels with equal keys are shown as one */
    bool failing;
    size_t group; /* of ng_panel_group() */
} ng_panel_item;

/* An item for each kernel that is shown; NULL and page->out->failed when
 * memory is out. */
ng_panel_item *ng_panel_items(ng_page *page);

/* Sorts the items: failing groups first, else as on the page; those of a group
 * stand together. */
void ng_panel_group(ng_panel_item *items, size_t count);

/* Items from the first on that are of its group. */
size_t ng_panel_size(const ng_panel_item *items, size_t count);

/* Names of a group's kernels. */
void ng_panel_kernels(ng_page *page, const ng_panel_item *items, size_t count);

#endif
