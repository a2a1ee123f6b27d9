/*
 * keys.h: what a parsed xl.cfg sets.
 *
 * libxlutil answers for a key by name but has no call that lists the names.
 * So every word of the text that could be a key is put to it.
 */
#ifndef JUDGE_KEYS_H
#define JUDGE_KEYS_H

#include <stddef.h>
#include <libxlutil.h>

/*
 * Called for one key.  `list` is set for a list, `string` for anything else;
 * `string` stays valid as long as the configuration does.
 */
typedef void key_visitor(void *context, const char *key,
                         XLU_ConfigList *list, const char *string);

/*
 * In:  a configuration and the `length` bytes of text it was parsed from.
 * Out: one call of `visit` for each key set, in the order in which the words
 *      first appear in the text.
 */
void each_key(const XLU_Config *config, const char *text, size_t length,
              key_visitor *visit, void *context);

/* Like malloc and strndup, but the program ends when there is no memory. */
void *must_alloc(size_t size);
char *must_strndup(const char *text, size_t length);

#endif
