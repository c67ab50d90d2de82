/* See beam.h. */

#include <math.h>
#include <string.h>

#include "float_mode.h"
#include "functions.h"
#include "run/beam.h"

enum { SOME_STEPS = 64, SPARE = 20 };

/* ================================= Search ================================ */

/* A sequence that has ended, behind the beginning of a lane at a step. */
typedef struct ending {
    double score;
    size_t step, lane;
} ending;

typedef struct candidate {
    double score;
    size_t lane;
    uint32_t id;
} candidate;

/* What became of each lane at a step: which one it was, and its symbol. */
typedef struct trace {
    uint8_t from[NR_LANES];
    uint32_t ids[NR_LANES];
} trace;

typedef struct search {
    const nr_beam *of;
    nr_translator s;
    float *memory;
    size_t n, symbols;
    trace *steps;
    size_t cap, at; /* steps there is memory for, and have been */
    double score[NR_LANES];
    uint32_t before[NR_LANES];
    size_t alive[NR_LANES], ended[NR_LANES], most[NR_LANES]; /* by input */
    ending endings[NR_LANES]; /* of each input so many as it is wide */
    bool finite;
} search;

static nr_status begin(search *s, const nr_beam *b, const nr_phrase *in,
                       size_t n, nr_error *err) {
    nr_phrase lanes[NR_LANES];
    size_t places = 1;
    *s = (search){.of = b, .n = n, .symbols = b->plan->ops[1].out, .finite = true};
    for (size_t i = 0; i < n; i++) {
        if (in[i].n > places) places = in[i].n;
        s->alive[i] = 1;
        s->most[i] = b->length ? b->length : 2 * in[i].n + SPARE;
        for (size_t h = 0; h < b->width; h++) lanes[i * b->width + h] = in[i];
    }
    for (size_t l = 0; l < NR_LANES; l++) s->before[l] = NR_END_SYMBOL;
    s->memory = nr_alloc_lines(nr_translator_floats(b->plan, places, 0),
                               sizeof(float));
    if (!s->memory) return nr_nomem(err);
    nr_translator_make(&s->s, b->k, b->plan, places, 0, s->memory);
    nr_translator_read(&s->s, b->w, lanes, n * b->width);
    return NR_OK;
}

/* A lane's logarithm of what the exponentials of its sums come to. */
static double log_sum(const search *s, size_t lane) {
    const float *y = s->s.y + lane;
    double most = (double)y[0], sum = 0;
    for (size_t i = 1; i < s->symbols; i++)
        if ((double)y[i * NR_LANES] > most) most = (double)y[i * NR_LANES];
    for (size_t i = 0; i < s->symbols; i++)
        sum += nr_exp((double)y[i * NR_LANES] - most);
    return most + nr_log(sum);
}

/* Puts one among the best; they come in the order in which ties are decided. */
static void consider(candidate *best, size_t *n, size_t width, candidate c) {
    size_t at = *n;
    if (at == width && !(c.score > best[at - 1].score)) return;
    if (at == width) at--;
    for (; at && c.score > best[at - 1].score; at--) best[at] = best[at - 1];
    best[at] = c;
    if (*n < width) ++*n;
}

/* What is told is never the unknown symbol, nor nothing at all. */
static size_t find_best(search *s, size_t input, candidate *best) {
    size_t n = 0, width = s->of->width;
    for (size_t h = 0; h < s->alive[input]; h++) {
        size_t lane = input * width + h;
        double all = log_sum(s, lane);
        s->finite = s->finite && isfinite(all);
        for (size_t i = s->at ? NR_END_SYMBOL : NR_OWN_SYMBOLS; i < s->symbols; i++)
            consider(best, &n, width,
                     (candidate){s->score[lane] - all +
                                     (double)s->s.y[i * NR_LANES + lane],
                                 lane, (uint32_t)i});
    }
    return n;
}

static void end_one(search *s, size_t input, double score, size_t step,
                    size_t lane) {
    size_t at = s->ended[input], width = s->of->width;
    ending *all = s->endings + input * width;
    if (at == width && !(score > all[at - 1].score)) return;
    if (at == width) at--;
    for (; at && score > all[at - 1].score; at--) all[at] = all[at - 1];
    all[at] = (ending){score, step, lane};
    if (s->ended[input] < width) s->ended[input]++;
}

static bool is_over(const search *s, size_t input) {
    size_t width = s->of->width, ended = s->ended[input];
    const ending *all = s->endings + input * width;
    return ended == width &&
           !(s->score[input * width] > all[ended - 1].score);
}

/* The beginnings of an input behind a step. */
static void go_on(search *s, size_t input, trace *to) {
    candidate best[NR_LANES];
    size_t width = s->of->width, n = find_best(s, input, best), alive = 0;
    for (size_t i = 0; i < n; i++) {
        size_t lane = input * width + alive;
        if (best[i].id == NR_END_SYMBOL) {
            end_one(s, input, best[i].score, s->at, best[i].lane);
            continue;
        }
        to->from[lane] = (uint8_t)best[i].lane;
        to->ids[lane] = s->before[lane] = best[i].id;
        s->score[lane] = best[i].score;
        alive++;
    }
    s->alive[input] = alive;
    if (!alive) return;
    if (s->at + 1 == s->most[input])
        for (size_t h = 0; h < alive; h++)
            end_one(s, input, s->score[input * width + h], s->at + 1,
                    input * width + h);
    if (s->at + 1 == s->most[input] || is_over(s, input)) s->alive[input] = 0;
}

static bool grow(search *s) {
    if (s->at < s->cap) return true;
    size_t cap = s->cap ? 2 * s->cap : SOME_STEPS;
    trace *steps = nr_resize(s->steps, cap * sizeof *steps);
    if (!steps) return false;
    s->steps = steps;
    s->cap = cap;
    return true;
}

static nr_status run(search *s, nr_error *err) {
    bool more = true;
    for (; more; s->at++) {
        if (!grow(s)) return nr_nomem(err);
        trace *to = &s->steps[s->at];
        for (size_t l = 0; l < NR_LANES; l++)
            to->from[l] = (uint8_t)l, to->ids[l] = NR_END_SYMBOL;
        nr_translator_step(&s->s, s->of->w, s->at, s->before);
        more = false;
        for (size_t i = 0; i < s->n; i++) {
            if (s->alive[i]) go_on(s, i, to);
            more = more || s->alive[i];
        }
        nr_translator_move(&s->s, s->at, to->from);
        if (!s->finite)
            return nr_fail(err, "ERR the outputs are no finite numbers");
    }
    return NR_OK;
}

/* ================================= Results =============================== */

static bool take(const search *s, const ending *e, nr_telling *to) {
    size_t lane = e->lane;
    to->ids = nr_alloc((e->step + 1) * sizeof *to->ids);
    to->n = e->step;
    to->log_probability = e->score;
    if (!to->ids) return false;
    for (size_t i = e->step; i-- > 0; lane = s->steps[i].from[lane])
        to->ids[i] = s->steps[i].ids[lane];
    return true;
}

void nr_tellings_free(nr_telling *found, size_t n) {
    for (size_t i = 0; i < n; i++) nr_release(found[i].ids);
}

NOINLINE nr_status search_all(const nr_beam *b, const nr_phrase *in, size_t n,
                              nr_telling *found, size_t *count, nr_error *err) {
    search s;
    nr_status status = begin(&s, b, in, n, err);
    for (size_t i = 0; i < n * b->width; i++) found[i] = (nr_telling){0};
    if (status == NR_OK) status = run(&s, err);
    for (size_t i = 0; i < n && status == NR_OK; i++) {
        count[i] = s.ended[i];
        for (size_t h = 0; h < count[i] && status == NR_OK; h++)
            if (!take(&s, &s.endings[i * b->width + h], &found[i * b->width + h]))
                status = nr_nomem(err);
    }
    if (status != NR_OK) nr_tellings_free(found, n * b->width);
    nr_release_lines(s.memory);
    nr_release(s.steps);
    return status;
}

nr_status nr_beam_search(const nr_beam *b, const nr_phrase *in, size_t n,
                         nr_telling *found, size_t *count, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_FLUSH);
    nr_status status = search_all(b, in, n, found, count, err);
    nr_mode_end(before);
    return status;
}

NOINLINE nr_status score(const nr_beam *b, nr_phrase in, nr_phrase told, double *sum,
                         nr_error *err) {
    search s;
    nr_status status = begin(&s, b, &in, 1, err);
    *sum = 0;
    for (size_t i = 0; i <= told.n && status == NR_OK; i++) {
        uint32_t id = i < told.n ? told.ids[i] : NR_END_SYMBOL;
        nr_translator_step(&s.s, b->w, i, s.before);
        *sum += (double)s.s.y[(size_t)id * NR_LANES] - log_sum(&s, 0);
        s.before[0] = id;
        if (!isfinite(*sum))
            status = nr_fail(err, "ERR the outputs are no finite numbers");
    }
    nr_release_lines(s.memory);
    return status;
}

nr_status nr_beam_score(const nr_beam *b, nr_phrase in, nr_phrase told,
                        double *sum, nr_error *err) {
    uint64_t before = nr_mode_begin(NR_FLUSH);
    nr_status status = score(b, in, told, sum, err);
    nr_mode_end(before);
    return status;
}

/* ================================ Measuring ============================== */

typedef struct measuring {
    nr_beam beam;
    const nr_phrases *p;
    const uint32_t *order;
    struct tally {
        size_t right, wrong, symbols;
        bool ok;
    } *tallies; /* by panel */
} measuring;

/* Outputs that are no numbers tell nothing. */
static void measure_panel(void *context, size_t unit) {
    const measuring *m = context;
    enum { EACH = NR_LANES / NR_USUAL_BEAM };
    nr_phrase in[EACH];
    nr_telling found[NR_LANES];
    size_t count[EACH], n = 0, row[NR_MOST_TRANSLATED + 1];
    struct tally *to = &m->tallies[unit];
    nr_error err;
    for (; n < EACH && unit * EACH + n < m->p->n; n++)
        in[n] = nr_phrase_of(m->p, m->order[unit * EACH + n], 0);
    *to = (struct tally){0};
    nr_status status = nr_beam_search(&m->beam, in, n, found, count, &err);
    for (size_t i = 0; i < n && status != NR_NOMEM; i++) {
        const nr_telling *best = &found[i * NR_USUAL_BEAM];
        nr_phrase told = {best->ids, status == NR_OK ? best->n : 0};
        nr_phrase right = nr_phrase_of(m->p, m->order[unit * EACH + i], 1);
        size_t off = nr_phrase_distance(told, right, row);
        to->right += off == 0;
        to->wrong += off;
        to->symbols += right.n;
    }
    if (status == NR_OK) nr_tellings_free(found, n * NR_USUAL_BEAM);
    to->ok = status != NR_NOMEM;
}

bool nr_beam_measure(nr_team *team, const nr_kernels *k, const nr_plan *plan,
                     const float *w, const nr_phrases *p, const uint32_t *order,
                     double *exact, double *errors) {
    size_t each = NR_LANES / NR_USUAL_BEAM, panels = (p->n + each - 1) / each;
    measuring m = {{k, plan, w, NR_USUAL_BEAM, 0}, p, order, NULL};
    size_t right = 0, wrong = 0, symbols = 0;
    bool ok = (m.tallies = nr_alloc(panels * sizeof *m.tallies)) != NULL;
    if (ok) nr_team_run(team, measure_panel, &m, panels);
    for (size_t i = 0; i < panels && ok; i++) {
        ok = m.tallies[i].ok;
        right += m.tallies[i].right;
        wrong += m.tallies[i].wrong;
        symbols += m.tallies[i].symbols;
    }
    nr_release(m.tallies);
    *exact = p->n ? (double)right / (double)p->n : 0;
    *errors = symbols ? (double)wrong / (double)symbols : 0;
    return ok;
}
