/* Proof: how the roundings of the reference were decided, from the cheapest
 * enclosure that sufficed to exact integers. */
#include "page.h"

#include <math.h>

typedef struct level {
    const char *class, *name, *how;
    uint64_t count;
} level;

static void write_proof_row(ng_buffer *out, const level *l, double whole)
{
    ng_buffer_format(out,
                     "<tr><th scope=\"row\"><i class=\"key %s\"></i>%s</th>"
                     "<td class=\"number\">",
                     l->class, l->name);
    ng_buffer_count(out, l->count);
    ng_buffer_format(
        out, "</td><td class=\"number\">%.4g&nbsp;%%</td><td>%s</td></tr>\n",
        100 * (double)l->count / whole, l->how);
}

void ng_section_proof(ng_page *page)
{
    ng_buffer *out = page->out;
    const ng_tally *t = page->tally;
    const level levels[] = {
        {"l0", "double words", "enclosure in the sum of two doubles",
         t->proved_double_word},
        {"l1", "binary128", "enclosure in 113-bit arithmetic",
         t->proved_binary128},
        {"l2", "MPFR", "enclosure at rising precision", t->proved_mpfr},
        {"l3", "integers", "exact comparison: a tie, or nearly one",
         t->proved_exact},
        {"l4", "table", "decided by rule: an input was not finite",
         t->proved_table},
        {"l5", "undecided", "not proved, and never counted as right",
         t->undecided},
    };
    enum { LEVELS = sizeof levels / sizeof levels[0] };
    double whole = 0, at = 0;
    for (size_t i = 0; i < LEVELS; i++)
        whole += (double)levels[i].count;
    if (whole == 0)
        return;
    ng_buffer_add(out,
                  "<p>Every expected output is the correctly rounded value of "
                  "the exact one; this is what proved the rounding.</p>\n"
                  "<svg class=\"proof\" viewBox=\"0 0 1000 12\" "
                  "preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for (size_t i = 0; i < LEVELS; i++) {
        if (levels[i].count == 0)
            continue;
        double width = fmax(1000 * (double)levels[i].count / whole, 3);
        ng_buffer_format(out,
                         "<rect class=\"%s\" x=\"%.1f\" width=\"%.1f\" "
                         "height=\"12\"/>",
                         levels[i].class, fmin(at, 1000 - width), width);
        at += width;
    }
    ng_buffer_add(out, "</svg>\n<div class=\"scroll\" tabindex=\"0\" "
                       "role=\"group\" aria-label=\"Roundings of the "
                       "reference\"><table class=\"plain proofs\"><caption>"
                       "Roundings of the reference</caption>\n"
                       "<thead><tr><th scope=\"col\">Proved in</th>"
                       "<th scope=\"col\" class=\"number\">Outputs</th>"
                       "<th scope=\"col\" class=\"number\">Share"
                       "</th><th scope=\"col\">How</th></tr></thead>"
                       "<tbody>\n");
    for (size_t i = 0; i < LEVELS; i++)
        write_proof_row(out, &levels[i], whole);
    ng_buffer_add(out, "</tbody></table></div>\n");
}
