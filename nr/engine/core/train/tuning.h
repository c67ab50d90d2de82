/* The constants that the quality benchmark chose (docs/quality.md). Its ablation
 * builds the core with others. */

#ifndef NR_STUDY_H
#define NR_STUDY_H

#ifndef NR_STUDY_L2 /* per input unit and training sample, cross-entropy */
#define NR_STUDY_L2 0.2
#endif
#ifndef NR_STUDY_L2_MSE /* the same for half the squared error */
#define NR_STUDY_L2_MSE 0.03
#endif
#ifndef NR_STUDY_FEW /* samples at least, for L2: fewer are a table of truths */
#define NR_STUDY_FEW 50
#endif
#ifndef NR_STUDY_SIGMOID /* how much less for sigmoids, which want larger weights */
#define NR_STUDY_SIGMOID 8.0
#endif
#ifndef NR_STUDY_MOST_INPUTS /* per training sample, for L2: more are alike */
#define NR_STUDY_MOST_INPUTS 0.5
#endif
#ifndef NR_STUDY_SPREAD /* between the strengths of L2 that members try */
#define NR_STUDY_SPREAD 10.0
#endif
#ifndef NR_STUDY_CHANCE /* a gain that counts, by the root of testing samples */
#define NR_STUDY_CHANCE 2.0
#endif
#ifndef NR_STUDY_SMOOTHING /* of labels */
#define NR_STUDY_SMOOTHING 0.1
#endif
#ifndef NR_STUDY_STEP /* RPROP's first, in initial deviations of a layer */
#define NR_STUDY_STEP 0.01
#endif
#ifndef NR_STUDY_MOST /* RPROP's largest */
#define NR_STUDY_MOST 1.0
#endif
#ifndef NR_STUDY_BACK /* 1: RPROP+, which takes wrong steps back */
#define NR_STUDY_BACK 0
#endif
#ifndef NR_STUDY_MIN_CYCLES /* AUTOSTOP stops no sooner */
#define NR_STUDY_MIN_CYCLES 100
#endif
#ifndef NR_STUDY_PATIENCE /* cycles to wait, by those until the last progress */
#define NR_STUDY_PATIENCE 0.5
#endif
#ifndef NR_STUDY_DELTA /* what AUTOSTOP's patience takes for progress, relative */
#define NR_STUDY_DELTA 0.01
#endif
#ifndef NR_STUDY_REFIT /* 1: once more on all samples for the cycles found */
#define NR_STUDY_REFIT 1
#endif
#ifndef NR_STUDY_REFIT_L2 /* 1: which has L2 by the number of these samples */
#define NR_STUDY_REFIT_L2 1
#endif
#ifndef NR_STUDY_CALIBRATE /* 1: temperature scaling */
#define NR_STUDY_CALIBRATE 1
#endif
#ifndef NR_STUDY_FACTOR /* the logarithm of it that tables have before that */
#define NR_STUDY_FACTOR 0.2
#endif
#ifndef NR_STUDY_FACTOR_WORTH /* how far to trust it */
#define NR_STUDY_FACTOR_WORTH 100.0
#endif
#ifndef NR_STUDY_LEAST_INPUTS /* of a network whose inputs may be lists */
#define NR_STUDY_LEAST_INPUTS 64
#endif
#ifndef NR_STUDY_LEAF /* listed parts of as many blocks are worth a sum */
#define NR_STUDY_LEAF 0.125
#endif
#ifndef NR_STUDY_LISTED /* at most, in parts of all inputs; docs/speed.md */
#define NR_STUDY_LISTED 0.2
#endif
#ifndef NR_STUDY_SEQUENCE_SMOOTHING /* where there are sequences of numbers: what
                                       symbols lead to is less certain */
#define NR_STUDY_SEQUENCE_SMOOTHING 0.05
#endif
#ifndef NR_STUDY_SEQUENCE_CYCLES /* of a training that says nothing of them */
#define NR_STUDY_SEQUENCE_CYCLES 100
#endif
#ifndef NR_STUDY_FEW_TESTS /* fewer do not tell which cycle was best */
#define NR_STUDY_FEW_TESTS 200
#endif
#ifndef NR_STUDY_DROPOUT /* of last states of sequences */
#define NR_STUDY_DROPOUT 0.0
#endif
#ifndef NR_STUDY_CLIP /* the length of a gradient, with sequences */
#define NR_STUDY_CLIP 1.0
#endif

#endif
