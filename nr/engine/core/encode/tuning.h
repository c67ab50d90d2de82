/* The constants of encodings that the benchmark of fields chose
 * (docs/fields-quality.md). Its study builds the core with others. */

#ifndef NR_ENCODE_TUNING_H
#define NR_ENCODE_TUNING_H

#ifndef NR_STUDY_BINS /* of a number, of equally many samples each */
#define NR_STUDY_BINS 8
#endif
#ifndef NR_STUDY_FEW_VALUES /* up to so many a number needs no bins */
#define NR_STUDY_FEW_VALUES 10
#endif
#ifndef NR_STUDY_VALUES /* up to so many a bin lies between each two */
#define NR_STUDY_VALUES 0
#endif
#ifndef NR_STUDY_BENT /* 1: deviations by quartiles, bent far out */
#define NR_STUDY_BENT 0
#endif
#ifndef NR_STUDY_FINEST /* points a circle of times has */
#define NR_STUDY_FINEST 3
#endif
#ifndef NR_STUDY_TIME_BINS /* 1: times have bins */
#define NR_STUDY_TIME_BINS 1
#endif
#ifndef NR_STUDY_TEXT /* what a text counts to L2, by the square of its length */
#define NR_STUDY_TEXT 1.0
#endif
#ifndef NR_STUDY_TEXT_TESTS /* 1: words of testing texts have columns, too */
#define NR_STUDY_TEXT_TESTS 1
#endif
#ifndef NR_STUDY_LINEAR_MEMBERS /* at least, without hidden units */
#define NR_STUDY_LINEAR_MEMBERS 4
#endif
#ifndef NR_STUDY_CATEGORIES /* that have a column each, where max=n does not say */
#define NR_STUDY_CATEGORIES 100
#endif
#ifndef NR_STUDY_OFTEN /* a category occurs, to have one */
#define NR_STUDY_OFTEN 5
#endif
#ifndef NR_STUDY_FIELDS_SCALED /* 1: columns as deviations from their means */
#define NR_STUDY_FIELDS_SCALED 0
#endif

#endif
