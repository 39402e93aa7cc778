/* View: index arithmetic of reduction sets. */
#include <normgate/view.h>

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
    return (size_t)index;
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

ng_view ng_view_rows(size_t rows, size_t n)
{
    return (ng_view){
        .set = {{1, 0, 0}, {rows, (ptrdiff_t)n, 0}},
        .element = {{1, 0, 0}, {n, 1, 1}},
    };
}
