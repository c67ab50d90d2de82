/* Whether the first layer works on lists, whatever the samples are: listing.c
 * is the core's train/listing.c with this in the place of the decision. */

#ifndef TEST_LISTING_H
#define TEST_LISTING_H

typedef enum listing { BY_SAMPLES, NEVER_LISTS, ALWAYS_LISTS } listing;

extern listing forced_listing; /* BY_SAMPLES until a test says otherwise */

#endif
