/* Markup: whether a page or an XML file is well formed, in a strict reading
 * that holds for both. */
#ifndef NORMGATE_TESTS_MARKUP_H
#define NORMGATE_TESTS_MARKUP_H

/* NULL when every tag is closed in order, every attribute quoted, every `<`
 * and `&` of the text escaped, and every character one that XML 1.0 allows;
 * else where the first fault is. */
const char *markup_fault(const char *text);

#endif
