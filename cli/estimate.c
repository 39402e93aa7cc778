/* The time left and the line that tells it. */
#include "estimate.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Before so many seconds, or so much of the work, a guess would jump. */
static const double least_seconds = 3, least_fraction = 0.01;

/* Within how many seconds the estimate follows the measured pace: sooner where
 * the end is near. */
static double patience(double pace)
{
    return fmax(0.5, fmin(pace / 2, 4));
}

void ng_estimate_init(ng_estimate *estimate, double now)
{
    *estimate = (ng_estimate){.begin = now, .last = now, .left = NAN};
}

double ng_estimate_left(ng_estimate *estimate, double now, double fraction)
{
    double elapsed = now - estimate->begin, step = now - estimate->last;
    if (!(elapsed >= least_seconds) || !(fraction >= least_fraction))
        return NAN;
    if (fraction > 1)
        fraction = 1;
    double pace = elapsed * (1 - fraction) / fraction;
    estimate->last = now;
    if (isnan(estimate->left)) {
        estimate->left = pace;
    } else {
        double expected = fmax(estimate->left - step, 0);
        estimate->left =
            expected + (1 - exp(-step / patience(pace))) * (pace - expected);
    }
    return estimate->left;
}

/* 12 s, 3:05, 2:03:00 */
static void put_time(char *text, size_t size, double seconds)
{
    unsigned long whole = seconds < 0     ? 0
                          : seconds > 1e6 ? 1000000
                                          : (unsigned long)seconds;
    if (whole < 60)
        snprintf(text, size, "%lu s", whole);
    else if (whole < 3600)
        snprintf(text, size, "%lu:%02lu", whole / 60, whole % 60);
    else
        snprintf(text, size, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60,
                 whole % 60);
}

/* The pieces of the line, in their order on it. */
typedef enum piece {
    piece_bar,
    piece_part,
    piece_cases,
    piece_findings,
    piece_worst,
    piece_elapsed,
    piece_left,
    piece_running,
    PIECES
} piece;

enum { BAR = 20, LONG_CASE = 2, GAP = 2 };

typedef struct pieces {
    char text[PIECES][128];
} pieces;

static void put_bar(char *text, double fraction)
{
    size_t full = (size_t)(fraction * BAR + 0.5);
    text[0] = '[';
    memset(text + 1, '-', BAR);
    memset(text + 1, '#', full);
    memcpy(text + 1 + BAR, "]", 2);
}

static void fill(pieces *all, const ng_glance *g)
{
    char time[32];
    size_t size = sizeof all->text[0];
    const char *gap = g->property[0] != '\0' ? " " : "";
    double fraction = g->fraction >= 0 ? fmin(g->fraction, 1) : 0;
    put_bar(all->text[piece_bar], fraction);
    snprintf(all->text[piece_part], size, "%s: %d%%", g->phase,
             (int)(fraction * 100));
    snprintf(all->text[piece_cases], size, "%zu case%s", g->cases,
             g->cases == 1 ? "" : "s");
    snprintf(all->text[piece_findings], size, "%zu finding%s", g->findings,
             g->findings == 1 ? "" : "s");
    if (!isnan(g->worst))
        snprintf(all->text[piece_worst], size, "worst %.3g", g->worst);
    put_time(time, sizeof time, g->elapsed);
    snprintf(all->text[piece_elapsed], size, "%s", time);
    put_time(time, sizeof time, g->left);
    if (!isnan(g->left))
        snprintf(all->text[piece_left], size, "%s left", time);
    put_time(time, sizeof time, g->since);
    if (g->kernel[0] != '\0' && g->since >= LONG_CASE)
        snprintf(all->text[piece_running], size, "%s in %.40s%s%.30s", time,
                 g->kernel, gap, g->property);
    else if (g->kernel[0] != '\0')
        snprintf(all->text[piece_running], size, "%.40s%s%.30s", g->kernel, gap,
                 g->property);
}

size_t ng_estimate_line(char line[NG_LINE_MAX], size_t width,
                        const ng_glance *glance)
{
    /* What matters most comes first; a case that keeps the run waiting more
     * than one that will be over in a moment. */
    static const piece order[2][PIECES] = {
        {piece_part, piece_left, piece_findings, piece_cases, piece_worst,
         piece_elapsed, piece_running, piece_bar},
        {piece_part, piece_left, piece_running, piece_findings, piece_cases,
         piece_worst, piece_elapsed, piece_bar},
    };
    pieces all = {0};
    bool taken[PIECES] = {false};
    size_t room = width < NG_LINE_MAX ? width : NG_LINE_MAX, used = 0;
    fill(&all, glance);
    for (size_t i = 0; i < PIECES; i++) {
        piece p = order[glance->since >= LONG_CASE][i];
        size_t need = strlen(all.text[p]);
        need += used > 0 ? GAP : 0;
        if (all.text[p][0] == '\0' || used + need >= room)
            continue;
        taken[p] = true;
        used += need;
    }
    line[0] = '\0';
    for (size_t p = 0; p < PIECES; p++) {
        if (taken[p])
            snprintf(line + strlen(line), NG_LINE_MAX - strlen(line), "%s%s",
                     line[0] != '\0' ? "  " : "", all.text[p]);
    }
    for (char *c = line; *c != '\0'; c++)
        *c = *c >= ' ' && *c <= '~' ? *c : '?';
    return strlen(line);
}
