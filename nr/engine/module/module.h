/* What the files of the module share.
 *
 * The module is glue: commands, replies, training and the serialised form are
 * the core's. A key holds a box, the box a network and, while it is trained, a
 * job. All of it belongs to the server's main thread; only training.c has
 * anything that other threads touch, and a mutex for it. */

#ifndef NR_MODULE_H
#define NR_MODULE_H

#include "../core/host.h"
#include "api.h"

typedef struct nr_job nr_job;

typedef struct nr_box {
    nr_net *net;
    nr_job *job;   /* NULL: not in training */
    bool borrowed; /* the id is another network's: see events.c */
} nr_box;

extern rm_type *nr_type;

/* module.c: bytes that the server may have, 0: not known. */
uint64_t nr_memory(rm_ctx *ctx);
/* Whether it may take so many more of them now. */
bool nr_has_memory(rm_ctx *ctx, uint64_t bytes);

nr_box *nr_box_new(nr_net *net); /* takes the net; NULL: out of memory */
void nr_box_free(void *box);
/* The network under a key that is open; NULL where it holds none. */
nr_box *nr_box_in(rm_key *key);
uint64_t nr_new_id(void);

/* type.c */
int nr_type_create(rm_ctx *ctx);
/* The core's dump of a network without its samples. */
nr_status nr_dump_bare(const nr_net *net, nr_buf *dump, nr_error *err);
/* The same, for saving: does not return without it. */
void nr_dump_to_save(rm_io *io, const nr_net *net, nr_buf *dump);

/* legacy.c: the network of Neural Redis' own encoding, NULL: damaged. */
nr_net *nr_legacy_load(rm_io *io);

/* reply.c: a msgpack reply of the core's as one of the server's. */
int nr_reply(rm_ctx *ctx, nr_verb verb, const nr_buf *reply);
/* The same in a thread, which cannot ask for the protocol's version. */
void nr_reply_in(rm_ctx *ctx, nr_verb verb, const nr_buf *reply, bool resp3);
/* Whether the server is to write a reply's doubles, whatever the protocol. */
bool nr_typed_by_the_server(const nr_net *net, const nr_command *cmd);
int nr_reply_error(rm_ctx *ctx, const nr_error *err);

/* describe.c: what servers from 7.0 on tell clients of a command. */
void nr_describe(rm_ctx *ctx, const char *name, const nr_spec *spec);

/* commands.c */
int nr_commands_create(rm_ctx *ctx);
/* NR.RESTORE, its dump being loaded: takes the net. */
nr_status nr_restore(rm_ctx *ctx, rm_key *key, rm_string **argv,
                     const nr_command *cmd, nr_net *net, nr_error *err);

/* replay.c: NR.REPLAY, how replicas and the AOF get what chance or a training
 * decided. `key` is where the network is, in the context's database. */
int nr_replay(rm_ctx *ctx, rm_string **argv, int argc);
/* order.c: NR.ORDER, by which workers outside carry trainings out. */
int nr_order(rm_ctx *ctx, rm_string **argv, int argc);
nr_status nr_replicate_put(rm_ctx *ctx, rm_string *key, const nr_box *box,
                           nr_error *err);
void nr_replicate_id(rm_ctx *ctx, rm_string *key, uint64_t id);
void nr_replicate_told(rm_ctx *ctx, rm_string *key, const char *told);
/* Counts trainings that TRAINEVERY asked for and that got no order of their own. */
void nr_replicate_coalesced(rm_ctx *ctx, rm_string *key, nr_box *box,
                            uint64_t n);
void nr_aof_rewrite(rm_io *aof, rm_string *key, void *box);

/* keys.c: commands on many keys. */
int nr_list(rm_ctx *ctx, rm_string **argv, const nr_command *cmd);

/* acl.c: what the user may do. Of a command: where the server cannot say so;
 * its name is in lower case, its categories end with NULL. */
bool nr_may_read(rm_ctx *ctx, rm_string *key);
bool nr_may_run(rm_ctx *ctx, const char *command,
                const char *const *categories);

/* events.c */
int nr_events_subscribe(rm_ctx *ctx);
/* Gives the network an id of its own if it came with another's. */
void nr_identify(rm_ctx *ctx, rm_string *key, nr_box *box);

/* threads.c */
typedef struct nr_routine {
    void (*run)(void);
} nr_routine;
bool nr_thread_start(const nr_routine *routine); /* must stay where it is */

/* What a thread has done is delivered in the main one, in a context of which
 * changes are replicated. */
typedef struct nr_delivery {
    void (*deliver)(rm_ctx *ctx, struct nr_delivery *delivery);
} nr_delivery;
int nr_deliveries_begin(rm_ctx *ctx);
void nr_deliver(nr_delivery *delivery);   /* in the main thread */
void nr_hand_over(nr_delivery *delivery); /* any thread */

/* background.c: executes a command that is much work in a thread, and replies
 * from there; false: the caller should do it itself. `scarce`: nothing is to be
 * kept. */
void nr_background_begin(long long threads);
bool nr_background(rm_ctx *ctx, const nr_box *box, rm_string **argv, int argc,
                   nr_command *cmd, nr_cost cost, bool scarce);
void nr_background_free(nr_net *net); /* any thread */
/* writing.c: the same for NR.OBSERVE and NR.RESTORE. */
bool nr_write(rm_ctx *ctx, rm_string **argv, int argc, nr_command *cmd);
uint64_t nr_tasks_reserved(void);     /* bytes that they will take */
bool nr_tasks_make(const nr_net *net); /* one of them makes its weights */

/* How long to wait until looking again whether clients are still paused. */
enum { NR_PAUSE_MS = 10 };

/* training.c. Those with a box are no-ops where it is not in training. */
void nr_trainings_begin(long long threads);
nr_status nr_job_start(rm_ctx *ctx, rm_string *key, nr_box *box,
                       const nr_command *cmd, nr_error *err);
/* Samples were added: orders the training that they have made due, unless one
 * stands. `ordered` is nr_net_ordered of before. On the master alone: replicas
 * and the AOF count, and order nothing. */
void nr_job_due(rm_ctx *ctx, rm_string *key, nr_box *box, uint64_t ordered);
bool nr_job_stop(nr_box *box);
/* Keeps nothing, and tells those who wait why; any thread. */
void nr_job_drop(nr_box *box, const char *why);
int nr_job_list(rm_ctx *ctx);               /* replies */
uint64_t nr_jobs_reserved(void);            /* bytes that they will take */
void nr_job_moved(rm_ctx *ctx, rm_string *key, nr_box *box);
void nr_job_adopted(nr_box *box);           /* the box lies elsewhere now */
void nr_jobs_swap(int first, int second);   /* databases */
void nr_jobs_flush(int db, const char *why); /* -1: all */

/* status.c: the module's section of INFO. */
void nr_tell_info(rm_info *info, int crash);

/* waiting.c: replies, at once or when the training has ended. */
int nr_job_wait(rm_ctx *ctx, rm_string *key, nr_box *box, uint64_t ms);

#endif
