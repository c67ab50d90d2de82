/* Trainings of generators from one sequence to another.
 *
 * A step's samples are of like length, so that few steps of a panel are in vain, and a
 * panel of them is a unit of work, which threads take one each: it has a gradient of its
 * own, and those of a step are summed two and two by their numbers (sums.h), so that
 * bits do not depend on threads. */

#ifndef NR_TRANSLATE_H
#define NR_TRANSLATE_H

#include "encode/phrases.h"
#include "layers/translator.h"
#include "train/train.h"

/* What a panel of samples works with. */
typedef struct nr_booth {
    nr_translator s;
    float *g;
    uint32_t *before; /* [step][lane]: what was told before it */
    const uint32_t *samples; /* of the panel, so many */
    size_t n, steps;
    double loss;
    uint64_t symbols; /* that were told, ends among them */
} nr_booth;

struct nr_translation {
    nr_phrases phrases[2];  /* by dataset */
    uint64_t symbols[2];    /* that are told in them, ends among them */
    size_t places, told;    /* of the longest ones, with the end */
    nr_booth *booths;
    size_t nbooths, used;   /* at most, and in the step at hand */
    const nr_phrases *from; /* that this is of */
    bool learn;
    float *memory, *gradients, *packed; /* packed: the weights, by packed.h */
    uint32_t *order, *by_length; /* of training samples; of testing ones */
    uint64_t *keys;              /* to sort by */
    size_t at;                   /* in the order */
    double loss;                 /* of the cycle so far */
    float scale;                 /* of the step's gradient */
};

nr_status nr_translate_create(const nr_net *net, const nr_command *cmd,
                              nr_trainer **out, nr_error *err);
/* One step; at the end of a cycle tests, and may end the training. */
void nr_translate_batch(nr_trainer *t);
/* Some of them, as many as a fixed amount of arithmetic allows. */
void nr_translate_step(nr_trainer *t, uint64_t elapsed_ms);
/* The weights to keep, and how they do on the testing samples. */
void nr_translate_finalize(nr_trainer *t);
void nr_translate_free(nr_translation *translation);
uint64_t nr_translate_bytes(const nr_net *net);

/* Puts samples of like length next to each other. */
void nr_translate_sort(const nr_phrases *p, uint32_t *order, size_t n,
                       uint64_t *keys);

#endif
