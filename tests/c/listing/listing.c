#include "listing.h"

listing forced_listing;

#define NR_LISTS_NEVER (forced_listing == NEVER_LISTS)
#define NR_LISTS_ALWAYS (forced_listing == ALWAYS_LISTS)
#include "train/listing.c"
