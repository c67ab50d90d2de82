/* What a network is made of. Seen by the core's own files only. */

#ifndef NR_NET_H
#define NR_NET_H

#include "host.h"
#include "encode/encoding.h"
#include "encode/series.h"
#include "model/plan.h"

/* ------------------------------ Arrays ----------------------------------- */

/* An array of floats that is never changed once others may see it, and goes
 * with its last holder. Sixteen more floats may be read behind its end. */
typedef struct nr_array {
    atomic_size_t refs;
    size_t n;
    float *data; /* aligned to a cache line */
    _Atomic(float *) interleaved; /* weights, as members.c has them; NULL: not made */
} nr_array;

nr_array *nr_array_new(size_t n); /* zeroed; NULL: out of memory */
nr_array *nr_array_hold(nr_array *array);
void nr_array_drop(nr_array *array);

/* ------------------------------ Datasets --------------------------------- */

/* Samples lie in chunks of about 16 KB that clones share. A chunk that has
 * other holders is copied before it is written. */
typedef struct nr_chunk {
    atomic_size_t refs;
    size_t cap; /* rows; bytes of records of any length */
    float rows[];
} nr_chunk;

typedef struct nr_dataset {
    nr_chunk **chunks;
    size_t nchunks;
    size_t capchunks;
} nr_dataset;

/* ------------------------------ Header ----------------------------------- */

typedef struct nr_random {
    uint64_t s[6];
} nr_random;

static inline bool nr_random_same(const nr_random *a, const nr_random *b) {
    uint64_t other = 0;
    for (int i = 0; i < 6; i++) other |= a->s[i] ^ b->s[i];
    return !other;
}

typedef enum nr_ending {
    NR_ENDED_NOT, /* never trained */
    NR_ENDED_CYCLES,
    NR_ENDED_TIME,
    NR_ENDED_AUTOSTOP,
    NR_ENDED_STOP,
    NR_ENDED_DIVERGED,
    NR_ENDED_MEMORY, /* there was too little: it failed */
    NR_ENDINGS
} nr_ending;

extern const char *const nr_ending_words[NR_ENDINGS + 1]; /* NULL at the end */

typedef struct nr_statistics {
    uint64_t steps, cycles, ms;
    double train_error, test_error, class_errors;
    bool overfitting;
    nr_ending ending;
} nr_statistics;

/* How samples lie: rows of floats, or records of any length. */
typedef enum nr_record_kind { NR_FIXED, NR_VARIABLE } nr_record_kind;

/* What the last training of a network with fields has chosen, of which the header
 * alone can tell. */
typedef struct nr_learned {
    uint64_t params; /* of a member */
    size_t nlayers;  /* 0: nothing yet */
    uint32_t layers[NR_MAX_LAYERS];
    size_t nrecurrent; /* layers that read sequences */
    uint32_t recurrent[NR_MAX_RECURRENT];
} nr_learned;

/* What is counted of the losses of samples before they are kept (drift.c). */
typedef struct nr_scored {
    uint64_t revision; /* of the weights that they were scored by */
    uint64_t scored, late, sum; /* how many; of late; the test's sum */
    uint64_t alarm; /* after so many it was raised; 0: it was not */
} nr_scored;

typedef struct nr_header {
    uint64_t id, revision, resets;
    nr_kind kind;
    size_t nlayers;
    uint32_t layers[NR_MAX_LAYERS];
    nr_options options;
    uint64_t maxlen[2], len[2];
    nr_record_kind records;
    uint64_t maxbytes, bytes[2]; /* of a dataset's records of any length */
    uint64_t steps; /* of a series, at most; 0: samples are no series */
    uint64_t rounded; /* numbers of observed samples: nr_exactness */
    uint64_t observed; /* samples, all that ever were */
    uint64_t fresh, ordered; /* TRAINEVERY's: new samples, trainings */
    uint64_t coalesced;      /* of those, for which no order was placed */
    nr_scored losses;
    nr_random random;
    bool trained; /* false: the weights follow from seed and resets */
    nr_statistics stats;
    uint64_t schema_revision; /* grows with every change of the fields, and where
                                 samples are dropped */
    uint64_t trainings; /* that have ended, whatever came of them */
    char last_training[NR_OUTCOME_TEXT]; /* what came of the last: outcome.c */
    nr_recurrent recurrent; /* of a network behind one with fields */
    nr_learned learned;     /* of that one: how the one behind it is made */
    nr_bytes schema; /* of a header that was read, until it is assembled */
} nr_header;

/* Where the next sample of a full dataset will go, drawn ahead so that its place
 * is on its way to the cache. It follows from the generator's state alone. */
typedef struct nr_foresight {
    bool known;
    nr_dataset_id which; /* that was asked for */
    uint64_t len[2];     /* of the datasets, which may be emptied */
    nr_random before, after;
    uint64_t place;
} nr_foresight;

/* The initial weights of a network and its clones: whoever needs them first
 * makes them for all. */
typedef struct nr_draft {
    atomic_size_t refs;
    _Atomic(nr_array *) weights; /* NULL: not made yet */
} nr_draft;

/* So many rows go one by one, more of them in panels: see run.c. */
enum { NR_FEW_ROWS = 6 };

/* How a network is run, by its header: worked out once and not for each row,
 * which may take less time than that. */
typedef struct nr_runner {
    const uint32_t *layers; /* the header's */
    size_t nlayers, members, params; /* params: of a member */
    nr_head head;
    int hidden, last; /* an nr_activation or NR_NOT_ACTIVATED */
    size_t inputs_floats, each; /* multiples of 16 that hold any layer's units */
    size_t groups, group; /* of members interleaved, 0: none; floats for any layer's
                             units of one */
} nr_runner;

typedef struct nr_kept nr_kept; /* parts.c */

struct nr_net {
    nr_header h;
    nr_plan *plan; /* of every member */
    nr_runner runner;
    size_t params, row; /* row: floats; 0: records of any length */
    uint32_t per; /* rows of a full chunk */
    _Atomic(nr_array *) weights;
    _Atomic(nr_draft *) draft; /* NULL: trained, or without clones */
    nr_array *history; /* of the last training; NULL: none */
    nr_array *findings[NR_FINDINGS]; /* of it, too */
    nr_kept *kept;     /* the parts that are neither of these nor samples */
    nr_dataset data[2];
    /* Of a network with fields; NULL: its inputs and outputs are numbers in
     * their order. The others are NULL, too, until it is trained: `inner` is
     * a network without fields, to which the encoding gives columns. */
    nr_schema *schema;
    nr_encoding *encoding;
    nr_net *inner;
    nr_foresight next;
    nr_sequences *sequences; /* that its rows have numbers of; or NULL */
    bool weighed; /* behind each row lies what the sample counts: learner.c */
    double extent; /* how many inputs L2 is to count: learner.c; 0: all */
    bool partial; /* assembled without its samples */
    bool raised; /* an alarm, by the samples that are counted next */
};

static inline size_t nr_inputs(const nr_net *net) { return net->h.layers[0]; }
static inline size_t nr_outputs(const nr_net *net) {
    return net->h.layers[net->h.nlayers - 1];
}

/* ------------------------- The array of weights -------------------------- */

/* First the factors: inputs are taken as (x - in_shift) * in_scale; a
 * regressor's outputs are y * out_scale + out_shift (out_scale 0: always the
 * same), a classifier's logits are multiplied by out_scale. They lie with the
 * weights because they are one with them: neither makes sense with another
 * generation of the other. Then member by member what its plan says. */
typedef struct nr_factors {
    float *in_shift, *in_scale, *out_shift, *out_scale;
    float *layers;
} nr_factors;

size_t nr_weights_len(const nr_header *h);
/* Where a member's weights begin, behind the factors. */
static inline size_t nr_member_at(const nr_net *net, size_t member) {
    return member * net->params;
}
static inline nr_factors nr_factors_of(const nr_header *h, float *weights) {
    size_t in = h->layers[0], out = h->layers[h->nlayers - 1];
    return (nr_factors){
        .in_shift = weights,
        .in_scale = weights + in,
        .out_shift = weights + 2 * in,
        .out_scale = weights + 2 * in + out,
        .layers = weights + 2 * (in + out),
    };
}

/* The weights, made now where the network was never trained. Safe in threads;
 * NULL, with err written: out of memory, or a network without its weights.
 * Borrowed: valid as long as the net is unchanged. */
const nr_array *nr_weights_make(const nr_net *net, nr_error *err);
static inline const nr_array *nr_net_ready(const nr_net *net, nr_error *err) {
    nr_net *self = (nr_net *)net; /* C11 has no const atomic_load */
    const nr_array *have = atomic_load(&self->weights);
    return have ? have : nr_weights_make(net, err);
}
bool nr_net_made(const nr_net *net); /* there they are already */
bool nr_net_interleaved(const nr_net *net); /* and so are those interleaved */
void nr_net_forget(nr_net *net);     /* drops them */

/* The course of the last training: the number of its points, four floats each
 * (cycle, training error, testing error, classification errors in per cent,
 * the last two NaN where nothing was tested), then the report (report.c): up to
 * so many classes it holds who was taken for whom, behind a head of scores. */
enum { NR_MAX_CONFUSION = 100, NR_REPORT_HEAD = 5 };
size_t nr_report_len(const nr_header *h); /* floats */
bool nr_history_sound(const nr_net *net, const nr_array *history);
bool nr_finding_sound(const nr_net *net, nr_finding which, const nr_array *found);

/* counts.c: a count of samples among floats, exact up to NR_MAX_SAMPLES; and back. */
float nr_count_store(double count);
double nr_count_read(float stored);

/* ------------------------------ Residuals -------------------------------- */

/* How far a regressor was off on the testing samples: how many of them were
 * measured, then for each output the absolute errors, largest first. All of the
 * largest are there, of smaller ones fewer and fewer, so that a share of any size
 * is known to within a part of 128 of itself (residuals.c). */
enum {
    NR_MOST_INTERVALS = 4096, /* outputs */
    NR_MOST_MEASURED = 1 << 22 /* errors of all outputs, before they are thinned */
};
/* Some training samples that NR.EXPLAIN goes by (train/background.c): so many rows
 * of inputs, as long as they are no more floats than that. */
enum { NR_BACKGROUND_ROWS = 64, NR_MOST_BACKGROUND = 1 << 18 };
bool nr_background_sound(const nr_net *net, const nr_array *background);
size_t nr_residuals_kept(size_t samples, size_t outputs); /* of each output */
/* Those to keep of n that are sorted, largest first. */
void nr_residuals_thin(const float *sorted, size_t n, size_t outputs,
                       float *kept);
bool nr_residuals_sound(const nr_net *net, const nr_array *residuals);
/* What at least (n + 1) p of them, and one more, do not exceed; 0: n are too few
 * for that. */
double nr_residuals_least(double p); /* so few do */
size_t nr_residuals_samples(const nr_array *residuals);
double nr_residual(const nr_array *residuals, size_t outputs, size_t output,
                   double p);

/* ------------------------------- Parts ----------------------------------- */

nr_net *nr_net_new(const nr_header *header); /* header must be sound */
void nr_net_choose(nr_header *h, bool members, bool activation);
void nr_net_take_schema(nr_net *net, nr_schema *schema);
/* Of a header with sequences: whether such a network may exist. */
nr_status nr_recurrent_check(const nr_header *h, nr_error *err);
/* recurrent.c: as msgpack; reading fills the header's, and holds it to what the
 * encoding's fields are. */
bool nr_recurrent_put(const nr_recurrent *r, nr_buf *out);
bool nr_recurrent_get(nr_cursor *c, const nr_encoding *e, nr_header *h);
/* Takes what a training has made of a network with fields; both may be NULL. */
void nr_net_take_inner(nr_net *net, nr_encoding *encoding, nr_net *inner);


/* header.c */
bool nr_header_put(const nr_header *h, const nr_schema *schema,
                   nr_buf *out);
nr_status nr_header_get(nr_cursor *c, nr_header *h, nr_error *err);
nr_status nr_format_check(uint64_t format, nr_error *err); /* none to come */
nr_status nr_header_check(const nr_header *h, nr_error *err); /* all together */

/* parts.c: NULL is no part at all. */
/* In place of its own; from NULL: none. */
void nr_findings_hold(nr_net *net, const nr_net *from);
void nr_background_drop(nr_net *net);
nr_kept *nr_kept_hold(nr_kept *kept);
void nr_kept_drop(nr_kept *kept);
size_t nr_kept_count(const nr_kept *kept);
nr_bytes nr_kept_bytes(const nr_kept *kept); /* as they are written */
nr_status nr_kept_load(nr_bytes bytes, nr_kept **out, nr_error *err);
nr_bytes nr_net_part(const nr_net *net, const char *word); /* its bytes */
bool nr_part_get(nr_cursor *c, nr_bytes *name, uint64_t *version,
                 nr_bytes *data);
bool nr_part_put(nr_buf *out, nr_bytes name, uint64_t version, nr_bytes data);
bool nr_same_name(nr_bytes name, const char *word);

/* learned.c: lists of units, and what NR.INFO tells of the network behind one with
 * fields (NULL: nothing). */
bool nr_units_put(nr_buf *out, const uint32_t *units, size_t n);
bool nr_units_get(nr_cursor *c, size_t least, size_t most, uint32_t *units,
                  size_t *n);
bool nr_learned_put(const nr_learned *learned, nr_buf *out); /* or nil */
bool nr_learned_get(nr_cursor *c, nr_learned *learned);
nr_learned nr_learned_of(const nr_net *inner);

/* outcome.c */
bool nr_outcome_sound(const char *text, size_t len);
void nr_outcome_derive(nr_header *h);
void nr_outcome_set(nr_header *h, nr_outcome outcome, const char *why);

/* samples.c */
void nr_net_foresee(nr_net *net, nr_dataset_id which); /* after one sample */
bool nr_dataset_clone(nr_dataset *to, const nr_dataset *from);
void nr_dataset_free(nr_dataset *data);
bool nr_dataset_reserve(nr_dataset *data, size_t index); /* for a chunk */
void nr_dataset_swap(nr_dataset *data, size_t index, nr_chunk *chunk);
float *nr_dataset_row(const nr_net *net, nr_dataset_id which, size_t slot);
nr_status nr_dataset_load(nr_net *net, nr_dataset_id which, nr_bytes rows,
                          nr_error *err);
void nr_net_draw(nr_net *net, nr_dataset_id which, uint64_t *place);
nr_status nr_check_capacity(const nr_net *net, nr_dataset_id which,
                        nr_error *err);
void nr_net_count(nr_net *net, size_t n); /* samples that were observed */
void nr_net_clear(nr_net *net, nr_dataset_id which); /* one dataset */
size_t nr_rows_bytes(const nr_net *net, nr_dataset_id which);
nr_status nr_class_error(const nr_net *net, double id, nr_error *err);
nr_status nr_rows_check(const nr_net *net, const float *rows, size_t n,
                        nr_error *err);
nr_status nr_net_observe(nr_net *net, const float *rows, size_t n,
                         nr_dataset_id which, nr_error *err);
/* nr_net_put without scores: rows or records. */
nr_status nr_samples_put(nr_net *net, nr_bytes samples, nr_dataset_id which,
                         nr_error *err);

/* series.c: forecasters. What NR.OBSERVE adds, and the slot of the series that a
 * record or a piece is of: -1, there is none. */
nr_status nr_series_check(const nr_net *net, const nr_command *cmd,
                          nr_error *err);
long nr_series_slot(const nr_net *net, nr_bytes record);
nr_status nr_series_put_all(nr_net *net, nr_bytes pieces, nr_error *err);
static inline bool nr_is_forecaster(const nr_net *net) {
    return net->h.kind == NR_FORECASTER;
}
static inline bool nr_is_generator(const nr_net *net) {
    return net->h.kind == NR_GENERATOR;
}
static inline bool nr_is_translator(const nr_net *net) {
    return nr_is_generator(net) && nr_schema_translates(net->schema);
}
/* Of a record, as it is found in any store. */
bool nr_sample_sound(const nr_net *net, nr_bytes record);

/* records.c: networks with a schema only. */
bool nr_record_write(nr_dataset *data, size_t slot, nr_bytes record);
bool nr_record_next(nr_bytes *bytes, nr_bytes *record);
bool nr_record_put(nr_bytes record, nr_buf *out); /* behind its length */
nr_bytes nr_record_at(const nr_net *net, nr_dataset_id which, size_t slot);
void nr_record_fetch(const nr_net *net, nr_dataset_id which, size_t slot);
/* Keeps of a dataset the samples of these slots alone, in this order. */
nr_status nr_records_keep(nr_net *net, nr_dataset_id which,
                          const uint32_t *slots, size_t n, nr_error *err);
size_t nr_record_chunk_bytes(const nr_chunk *chunk);
size_t nr_records_piece(const nr_net *net, nr_dataset_id which, size_t slot,
                        nr_bytes *piece);
nr_status nr_records_append(nr_net *net, nr_dataset_id which, nr_bytes bytes,
                            nr_error *err);
nr_status nr_records_load(nr_net *net, nr_dataset_id which, nr_bytes bytes,
                          nr_error *err);

/* run.c */
nr_head nr_net_head(const nr_header *h);
void nr_net_runner(nr_net *net); /* by its header, which must not move */

/* members.c: floats that weights interleaved take, 0: the network has none. */
size_t nr_interleaved_len(const nr_net *net);

/* random.c */
void nr_random_seed(nr_random *random, uint64_t seed);
bool nr_random_sound(const nr_random *random);
uint64_t nr_random_below(nr_random *random, uint64_t n);
float nr_uniform(uint64_t bits); /* from -1 to 1 */
float nr_normal(uint64_t bits);  /* mean 0, deviation 1 */
void nr_weights_init(const nr_net *net, float *weights);

#endif
