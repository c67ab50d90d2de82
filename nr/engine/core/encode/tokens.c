/* Words of a text.
 *
 * Which characters are letters, and what they are in lower case, is said here
 * by a few ranges. The C library's functions go by the host's locale and a full
 * table of Unicode changes every year: with either, the same samples would
 * come to other networks. */

#include "encode/tokens.h"

/* Decodes one character of sound UTF-8. */
static uint32_t decode(const unsigned char **at) {
    const unsigned char *p = *at;
    int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
    uint32_t code = more == 0 ? *p : (uint32_t)*p & (0x3fu >> more);
    for (int i = 1; i <= more; i++) code = code << 6 | (p[i] & 0x3f);
    *at = p + more + 1;
    return code;
}

static bool within(uint32_t c, uint32_t first, uint32_t last) {
    return c >= first && c <= last;
}

/* Chinese characters and the kana: no blanks between words. */
static bool stands_alone(uint32_t c) {
    return within(c, 0x3041, 0x30ff) || within(c, 0x3400, 0x4dbf) ||
           within(c, 0x4e00, 0x9fff) || within(c, 0xf900, 0xfaff) ||
           within(c, 0x20000, 0x3134f);
}

static bool is_letter(uint32_t c) {
    if (c < 0x80)
        return within(c, '0', '9') || within(c, 'a', 'z') ||
               within(c, 'A', 'Z');
    if (c < 0xc0) return c == 0xaa || c == 0xb5 || c == 0xba;
    if (c == 0xd7 || c == 0xf7) return false; /* times and divided by */
    return !within(c, 0x2000, 0x2bff) && /* punctuation and signs */
           !within(c, 0x3000, 0x3040) && !within(c, 0xd800, 0xf8ff) &&
           !within(c, 0xfe00, 0xfe6f) && !within(c, 0xff00, 0xff0f) &&
           !within(c, 0x1f000, 0x1faff) && c < 0xe0000;
}

static uint32_t lower(uint32_t c) {
    if (within(c, 'A', 'Z')) return c + 32;
    if (c < 0xc0) return c;
    if (within(c, 0xc0, 0xde)) return c == 0xd7 ? c : c + 32;
    if (within(c, 0x100, 0x137) || within(c, 0x14a, 0x177)) return c | 1;
    if (within(c, 0x139, 0x148) || within(c, 0x179, 0x17e))
        return c + (c & 1);
    if (c == 0x178) return 0xff;
    if (within(c, 0x391, 0x3a9)) return c + 32;  /* Greek */
    if (within(c, 0x400, 0x40f)) return c + 80;  /* Cyrillic */
    if (within(c, 0x410, 0x42f)) return c + 32;
    if (within(c, 0x460, 0x481) || within(c, 0x48a, 0x4bf) ||
        within(c, 0x4d0, 0x52f))
        return c | 1;
    if (within(c, 0x531, 0x556)) return c + 48;  /* Armenian */
    if (within(c, 0x1e00, 0x1e95) || within(c, 0x1ea0, 0x1eff)) return c | 1;
    return c;
}

/* Appends a character, unless it does not fit any more. */
static void keep(nr_tokens *t, uint32_t c) {
    size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    if (t->n + more + 1 > NR_LONGEST_WORD) return;
    for (size_t i = more; i > 0; i--, c >>= 6)
        t->word[t->n + i] = (char)(0x80 | (c & 0x3f));
    t->word[t->n] = (char)(lead[more] | c);
    t->n += more + 1;
}

bool nr_tokens_next(nr_tokens *t) {
    t->n = 0;
    while (t->at < t->end) {
        const unsigned char *before = t->at;
        uint32_t c = decode(&t->at);
        bool alone = stands_alone(c);
        if (t->n && (alone || !is_letter(c))) {
            t->at = alone ? before : t->at;
            return true;
        }
        if (!is_letter(c)) continue;
        keep(t, lower(c));
        if (alone) return true;
    }
    return t->n > 0;
}

nr_status nr_words(const char *text, size_t len, nr_buf *out, nr_error *err) {
    const unsigned char *at = (const unsigned char *)text;
    nr_tokens tokens = {.at = at, .end = at + len};
    while (nr_tokens_next(&tokens))
        if (!nr_buf_append(out, " ", 1) ||
            !nr_buf_append(out, tokens.word, tokens.n))
            return nr_nomem(err);
    return NR_OK;
}
