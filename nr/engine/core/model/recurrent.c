/* How the sequences of a network are read, as a part of what is kept:
 * [cell, [units of a layer ...], [[symbols, width] of a field ...]]. */

#include "model/net.h"

/* In doubles, which hold products that no integer would. */
static double count_step_params(const nr_recurrent *r) {
    double params = 0, gates = r->cell == NR_LSTM ? 4 : 3;
    for (size_t f = 0; f < r->fields; f++) {
        double in = r->of[f].width;
        if (r->of[f].symbols) params += in * (1 + (double)r->of[f].symbols);
        for (size_t l = 0; l < r->layers; in = r->units[l++])
            params += gates * r->units[l] * (2 + in + r->units[l]);
    }
    return params;
}

nr_status nr_recurrent_check(const nr_header *h, nr_error *err) {
    double params = count_step_params(&h->recurrent) *
                    (double)h->options.members;
    if (params <= NR_MAX_PARAMS / 2) return NR_OK;
    return nr_fail(err, "ERR too many parameters of recurrent layers: %.0f, at "
                        "most %u: give them fewer units",
                   params, NR_MAX_PARAMS / 2);
}

/* =============================== As msgpack ============================== */

bool nr_recurrent_put(const nr_recurrent *r, nr_buf *out) {
    bool ok = nr_put_array(out, 3) && nr_put_uint(out, r->cell) &&
              nr_put_array(out, r->layers);
    for (size_t l = 0; l < r->layers && ok; l++)
        ok = nr_put_uint(out, r->units[l]);
    ok = ok && nr_put_array(out, r->fields);
    for (size_t f = 0; f < r->fields && ok; f++)
        ok = nr_put_array(out, 2) && nr_put_uint(out, r->of[f].symbols) &&
             nr_put_uint(out, r->of[f].width);
    return ok;
}

static bool get_layers(nr_cursor *c, nr_recurrent *r) {
    uint64_t units;
    if (!nr_get_array(c, &r->layers) || !r->layers ||
        r->layers > NR_MAX_RECURRENT)
        return false;
    for (size_t l = 0; l < r->layers; l++) {
        if (!nr_get_uint(c, &units) || !units || units > NR_MAX_UNITS)
            return false;
        r->units[l] = (uint32_t)units;
    }
    return true;
}

/* A generator's: all of its symbols but the unknown one. */
static bool get_generated(nr_cursor *c, const nr_encoding *e, nr_recurrent *r) {
    uint64_t symbols, width;
    size_t two;
    if (!nr_get_array(c, &two) || two != 2 || !nr_get_uint(c, &symbols) ||
        !nr_get_uint(c, &width) || width != r->units[r->layers - 1])
        return false;
    r->of[0].symbols = (uint32_t)symbols;
    r->of[0].width = (uint32_t)width;
    return symbols == e->classes.n - 1;
}

/* From one sequence to another: what reads on and back, by the input's symbols, and
 * what tells; and the one layer between these and the symbols (translator.h). */
static bool get_translated(nr_cursor *c, const nr_encoding *e, nr_header *h) {
    nr_recurrent *r = &h->recurrent;
    uint64_t symbols, width;
    size_t two, read = e->codes[0].terms.n ? e->codes[0].terms.n : 1;
    for (size_t f = 0; f < r->fields; f++) {
        size_t known = f + 1 < r->fields ? read : e->classes.n - 1;
        if (!nr_get_array(c, &two) || two != 2 || !nr_get_uint(c, &symbols) ||
            !nr_get_uint(c, &width) || !width || width > NR_MAX_UNITS ||
            symbols != known)
            return false;
        r->of[f].symbols = (uint32_t)symbols;
        r->of[f].width = (uint32_t)width;
    }
    return h->nlayers == 3 && h->layers[1] == r->units[r->layers - 1] &&
           h->options.activation == NR_TANH && h->options.members == 1;
}

/* A step's numbers are the field's; of symbols, those that the encoding knows,
 * and at least one. */
static bool get_field(nr_cursor *c, const nr_code *code,
                      struct nr_recurrent_field *of) {
    uint64_t symbols, width;
    size_t two, known = code->terms.n ? code->terms.n : 1;
    if (!nr_get_array(c, &two) || two != 2 || !nr_get_uint(c, &symbols) ||
        !nr_get_uint(c, &width) || !width || width > NR_MAX_VECTOR ||
        symbols > NR_MAX_SYMBOLS)
        return false;
    of->symbols = (uint32_t)symbols;
    of->width = (uint32_t)width;
    return code->field->size ? !symbols && width == code->field->size
                             : symbols == known;
}

bool nr_recurrent_get(nr_cursor *c, const nr_encoding *e, nr_header *h) {
    nr_recurrent *r = &h->recurrent;
    uint64_t cell;
    size_t three, fields, f = 0;
    if (!nr_get_array(c, &three) || three != 3 || !nr_get_uint(c, &cell) ||
        cell > NR_GRU || !get_layers(c, r) || !nr_get_array(c, &fields) ||
        fields > NR_MAX_SEQUENCES)
        return false;
    r->cell = (nr_cell)cell;
    r->fields = fields;
    if (nr_schema_translates(e->schema))
        return fields == NR_TRANSLATING && get_translated(c, e, h);
    if (fields != nr_sequence_fields(e->schema)) return false;
    if (!e->schema->inputs) return fields == 1 && get_generated(c, e, r);
    for (size_t i = 0; i < e->schema->inputs; i++)
        if (e->schema->fields[i].kind == NR_FIELD_SEQUENCE &&
            !get_field(c, &e->codes[i], &r->of[f++]))
            return false;
    return true;
}
