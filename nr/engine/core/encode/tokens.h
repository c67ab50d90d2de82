/* Words of a text. */

#ifndef NR_TOKENS_H
#define NR_TOKENS_H

#include "grammar/syntax.h"

enum { NR_LONGEST_WORD = 64 }; /* bytes; the rest of a longer one is cut */

/* Reads a text word by word: runs of letters and digits in lower case, and each
 * character of scripts that put no blanks between words. */
typedef struct nr_tokens {
    const unsigned char *at, *end; /* UTF-8 */
    char word[NR_LONGEST_WORD];
    size_t n; /* bytes of the word at hand */
} nr_tokens;

bool nr_tokens_next(nr_tokens *tokens); /* false: there are no more */

#endif
