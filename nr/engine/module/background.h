/* What background.c and writing.c share: commands that threads execute. */

#ifndef NR_MODULE_BACKGROUND_H
#define NR_MODULE_BACKGROUND_H

#include "module.h"

typedef struct nr_task nr_task;
struct nr_task {
    nr_delivery delivery; /* first: a write comes back to the main thread */
    nr_task *next;        /* in line */
    rm_blocked *client;   /* NULL: the network is to be freed, that is all */
    void (*work)(nr_task *);
    bool gone, resp3; /* the client; its protocol */
    nr_net *net;      /* a clone */
    bool training;
    nr_task *older;        /* among those of which clients wait */
    uint64_t id, revision; /* of the network */
    uint64_t bytes, kept;  /* that are reserved for it, and for its weights */
    bool makes;            /* weights, or another task does and it waits */
    nr_command cmd;
    rm_string **argv;   /* as many as the command points to, held */
    const char **words; /* the same as bytes */
    size_t *lens;
    int argc, blob; /* blob: which of them is the command's, 0: none */
    nr_status status;
    nr_buf reply; /* empty: it has been sent */
    nr_error err;

    /* Writes only. */
    int db, tries;
    nr_buf header;             /* the network's, when the clone was made */
    nr_task *writing;          /* the main thread's list */
    nr_task *behind, **at_end; /* tasks that wait for this one to end */
};

/* MULTI, scripts, and whoever else cannot be made to wait. */
enum { NR_NOT_BLOCKED = RM_FLAG_LUA | RM_FLAG_MULTI | RM_FLAG_DENY_BLOCKING };

/* Takes the command's values along, and hold of its arguments. NULL: out of
 * memory. */
nr_task *nr_task_new(rm_string **argv, int argc, nr_command *cmd, int flags);
void nr_task_refresh(nr_task *t); /* looks where the arguments lie now */
void nr_task_block(nr_task *t, rm_ctx *ctx); /* its client, until it replies */
void nr_task_line(rm_ctx *ctx, nr_task *t);  /* to be worked on by a thread */
bool nr_task_threads(void);                  /* there is one */

#endif
