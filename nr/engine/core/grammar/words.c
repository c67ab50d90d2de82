/* Words and what messages do with them: finding, quoting, guessing.
 *
 * A message quotes what the user wrote, which may be any bytes of any length:
 * an escape sequence that takes a terminal over, half a UTF-8 character, a
 * megabyte. So quoting is one function, with no way around it. */

#include <stdio.h>
#include <string.h>

#include "grammar/syntax.h"

const char *const nr_kind_words[] = {"CLASSIFIER", "REGRESSOR",
                                      "FORECASTER", "GENERATOR", NULL};
const char *const nr_dataset_words[] = {"TRAIN", "TEST", NULL};

/* toupper goes by the locale of the host: Turkish has another I. */
static char upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool nr_same_word(nr_text text, const char *word) {
    for (size_t i = 0; i < text.n; i++)
        if (!word[i] || upper(text.s[i]) != word[i]) return false;
    return !word[text.n];
}

int nr_find_word(nr_text text, const char *const *words) {
    for (int i = 0; words[i]; i++)
        if (nr_same_word(text, words[i])) return i;
    return -1;
}

bool nr_put_lower(nr_buf *out, const char *word) {
    char lower[32];
    size_t i = 0;
    for (; word[i] && i < sizeof lower - 1; i++) {
        bool capital = word[i] >= 'A' && word[i] <= 'Z';
        lower[i] = (char)(capital ? word[i] + ('a' - 'A') : word[i]);
    }
    lower[i] = '\0';
    return nr_put_str(out, lower);
}

const char *nr_quote(char *out, size_t cap, const char *bytes, size_t len) {
    static const char hex[] = "0123456789abcdef";
    size_t used = 0, whole = 0; /* whole: after it there is room for "..." */
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char piece[4] = {(char)c};
        size_t n = 1;
        if (c < ' ' || c > '~') {
            memcpy(piece, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
            n = 4;
        }
        if (used + n >= cap) {
            memcpy(out + whole, "...", 4);
            return out;
        }
        memcpy(out + used, piece, n);
        used += n;
        if (used + 4 <= cap) whole = used;
    }
    out[used] = '\0';
    return out;
}

/* ---------------------------------- UTF-8 --------------------------------- */

/* How many bytes follow a first one; -1: it begins no character. Sets the range
 * of the second byte: neither longer forms than needed, nor surrogates, nor
 * numbers beyond U+10FFFF are characters. */
static int utf8_more(unsigned char c, unsigned char *low, unsigned char *high) {
    *low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    *high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (c < 0x80) return 0;
    if (c < 0xc2 || c > 0xf4) return -1;
    return c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

bool nr_utf8(nr_text text) {
    for (size_t i = 0; i < text.n;) {
        unsigned char low, high;
        int more = utf8_more((unsigned char)text.s[i++], &low, &high);
        if (more < 0 || (size_t)more > text.n - i) return false;
        for (; more > 0; more--, low = 0x80, high = 0xbf) {
            unsigned char c = (unsigned char)text.s[i++];
            if (c < low || c > high) return false;
        }
    }
    return true;
}

/* ------------------------------- Guessing -------------------------------- */

enum { LONGEST = 24 }; /* of the words that are compared */

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* How many letters to insert, delete, replace or swap with their neighbour:
 * Damerau's distance, no letter edited twice. */
static size_t distance(nr_text a, const char *b, size_t nb) {
    size_t row[3][LONGEST + 1]; /* of this letter, the one before, and before */
    for (size_t j = 0; j <= nb; j++) row[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *now = row[i % 3];
        const size_t *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            char c = upper(a.s[i - 1]);
            now[j] = least(least(last[j], now[j - 1]) + 1,
                           last[j - 1] + (c != b[j - 1]));
            if (i > 1 && j > 1 && c == b[j - 2] &&
                upper(a.s[i - 2]) == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[a.n % 3][nb];
}

void nr_guess_try(nr_guess *guess, nr_text text, const char *word) {
    size_t n = strlen(word);
    if (text.n > LONGEST || n > LONGEST) return;
    size_t d = distance(text, word, n);
    if (d * 3 > n) return; /* one letter in three */
    if (guess->word && guess->distance <= d) return;
    guess->word = word;
    guess->distance = d;
}

const char *nr_guess_text(nr_guess *guess) {
    guess->text[0] = '\0';
    if (guess->word)
        snprintf(guess->text, sizeof guess->text, ", did you mean %s?",
                 guess->word);
    return guess->text;
}
