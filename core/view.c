/* View: index arithmetic of reduction sets. */
#include <normgate/view.h>

#include <stdbool.h>

size_t ng_view_sets(const ng_view *view)
{
    return view->set[0].count * view->set[1].count;
}

size_t ng_view_n(const ng_view *view)
{
    return view->element[0].count * view->element[1].count;
}

size_t ng_view_index(const ng_view *view, size_t set, size_t i)
{
    const ng_axis *s = view->set, *e = view->element;
    ptrdiff_t index = (ptrdiff_t)(set / s[1].count) * s[0].stride +
                      (ptrdiff_t)(set % s[1].count) * s[1].stride +
                      (ptrdiff_t)(i / e[1].count) * e[0].stride +
                      (ptrdiff_t)(i % e[1].count) * e[1].stride;
    return view->start + (size_t)index;
}

size_t ng_view_param(const ng_view *view, size_t set, size_t i)
{
    const ng_axis *s = view->set, *e = view->element;
    ptrdiff_t index = (ptrdiff_t)(set / s[1].count) * s[0].param +
                      (ptrdiff_t)(set % s[1].count) * s[1].param +
                      (ptrdiff_t)(i / e[1].count) * e[0].param +
                      (ptrdiff_t)(i % e[1].count) * e[1].param;
    return (size_t)index;
}

void ng_view_sets_of(const ng_view *view, size_t param, size_t *first,
                     size_t *step)
{
    const ng_axis *s = view->set;
    bool inner = s[0].param == 0 && s[1].param == 1 && param < s[1].count;
    *first = inner ? param : 0;
    *step = inner ? s[1].count : 1;
}

/* Axes that gamma does not see have a zero step; the others number it. */
size_t ng_view_params(const ng_view *view)
{
    const ng_axis *axes[] = {&view->set[0], &view->set[1], &view->element[0],
                             &view->element[1]};
    size_t params = 1;
    for (size_t a = 0; a < 4; a++) {
        if (axes[a]->param != 0)
            params *= axes[a]->count;
    }
    return params;
}

size_t ng_view_extent(const ng_view *view)
{
    const ng_axis *axes[] = {&view->set[0], &view->set[1], &view->element[0],
                             &view->element[1]};
    size_t last = view->start;
    for (size_t a = 0; a < 4; a++) {
        if (axes[a]->count == 0)
            return view->start;
        last += (axes[a]->count - 1) * (size_t)axes[a]->stride;
    }
    return last + 1;
}

ng_view ng_view_rows(size_t rows, size_t n)
{
    return (ng_view){
        .set = {{1, 0, 0}, {rows, (ptrdiff_t)n, 0}},
        .element = {{1, 0, 0}, {n, 1, 1}},
    };
}
