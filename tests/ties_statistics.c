/* Ties of mean, var and the running statistics. */
#include "ties.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Dyadic where n is a power of two, or n - 1 is: all in units of 2^-30. */
void tie_of_statistics(slow_random *random, call *t, tally *total)
{
    static const size_t sizes[] = {2, 4, 8, 2, 3, 5, 9};
    char text[200];
    bool unbiased = slow_below(random, 2), old = slow_below(random, 2);
    size_t n = sizes[unbiased ? 0 : slow_below(random, 3)];
    snprintf(text, sizeof text, "dtype=f32 stats=%s momentum=%s running_var=%s",
             slow_below(random, 2) ? "bf16" : "f16", old ? "old" : "new",
             unbiased ? "unbiased" : "biased");
    tie_contract(t, FAMILY_BATCH, "forward", text);
    tie_size_call(random, t, n, 1);
    int shift = slow_int(random, 1, 4);
    int64_t share = slow_int(random, 0, 1 << shift); /* of the new value */
    int64_t rest = ((int64_t)1 << shift) - share;
    t->test.momentum = ldexp((double)(old ? rest : share), -shift);
    t->test.eps = 0.5;
    int spread = 1 << slow_int(random, 1, 9);
    for (size_t c = 0; c < t->test.C; c++) {
        int64_t sum = 0, squares = 0, size = (int64_t)n;
        int mean = slow_int(random, -255, 255);
        int var = slow_int(random, 0, 255);
        for (size_t i = 0; i < n; i++) {
            int x = slow_int(random, -spread, spread);
            t->value[ng_tensor_x][ng_view_index(&t->view, c, i)] = x;
            sum += x;
            squares += (int64_t)x * x;
        }
        int64_t spread2 = size * squares - sum * sum; /* n^2 var */
        int64_t by = unbiased ? 2 : size * size;      /* n (n - 1): n = 2 */
        int64_t unit = (int64_t)1 << 30;
        t->value[ng_tensor_running_mean][c] = mean;
        t->value[ng_tensor_running_var][c] = var;
        t->value[ng_tensor_gamma][c] = t->value[ng_tensor_beta][c] = 1;
        t->want[ng_tensor_mean][c] =
            (wanted){true, (wide)sum * (unit / size), -30, 0};
        t->want[ng_tensor_var][c] =
            (wanted){true, (wide)spread2 * (unit / (size * size)), -30, 0};
        t->want[ng_tensor_running_mean][c] = (wanted){
            true, (wide)rest * mean * unit + share * (wide)sum * (unit / size),
            -30 - shift, 0};
        t->want[ng_tensor_running_var][c] = (wanted){
            true, (wide)rest * var * unit + share * (wide)spread2 * (unit / by),
            -30 - shift, 0};
    }
    tie_judge(t, total);
}
