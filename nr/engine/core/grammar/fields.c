/* NR.FIELDS key [ADD field:kind ...] [DROP field ...]
 *
 * A field may have the name of either word. A description has a colon and a name
 * has none, so what follows a word tells what it is. */

#include <string.h>

#include "grammar/syntax.h"

enum { ADD, DROP };

static const char *const words[] = {"ADD", "DROP", NULL};

static bool is_described(nr_text text) {
    return text.n && memchr(text.s, ':', text.n) != NULL;
}

/* Which of the words an argument is; -1: a field. Behind DROP, it is one where
 * what follows is a field to add. */
static int word_at(const nr_parser *p, size_t i, int behind) {
    int word = nr_find_word(nr_argument(p, i), words);
    if (behind != DROP || word < 0) return word;
    bool adds = i + 1 < p->argc && is_described(nr_argument(p, i + 1));
    return word == ADD && adds ? ADD : -1;
}

static nr_status take_fields(nr_parser *p, int word) {
    nr_command *cmd = p->cmd;
    if (cmd->count[word])
        return nr_syntax_error(p, "%s is given twice", words[word]);
    cmd->first[word] = ++p->at;
    for (; p->at < p->argc && word_at(p, p->at, word) < 0; p->at++) {}
    cmd->count[word] = p->at - cmd->first[word];
    if (cmd->count[word]) return NR_OK;
    return nr_syntax_error(p, word == ADD ? "ADD takes field:kind ..."
                                          : "DROP takes field ...");
}

nr_status nr_fields_parse(nr_parser *p) {
    nr_status status = NR_OK;
    p->at = 2;
    while (p->at < p->argc && status == NR_OK) {
        nr_text text = nr_argument(p, p->at);
        int word = word_at(p, p->at, -1);
        char quoted[NR_QUOTED];
        if (word < 0)
            return nr_syntax_error(p, "ADD field:kind ... or DROP field ... is "
                                      "needed, not '%s'",
                                   nr_quote(quoted, sizeof quoted, text.s,
                                            text.n));
        status = take_fields(p, word);
    }
    return status;
}
