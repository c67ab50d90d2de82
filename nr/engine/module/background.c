/* What would hold the server up, done by threads.
 *
 * That is a run of a large network or of many rows, the first one of a network
 * whose weights are not made yet, a large dump, NR.IMPORTANCE, a long reply:
 * they are executed on clones of their networks, and their replies written,
 * while their clients wait and nobody else does. And weights that are replaced
 * are freed; a network that is deleted is not, for that is the server's to
 * choose (UNLINK, lazyfree-lazy-*).
 *
 * A command that changes nothing replies what it would have replied when it
 * came; those that write are in writing.c. In MULTI, in scripts and wherever
 * else a client cannot be blocked, the command is executed at once. */

#include "background.h"

#include <pthread.h>
#include <string.h>


static const double MUCH = 2e6; /* multiply-adds: about a millisecond */
enum { LARGE = 4 << 20 };        /* bytes: about as long to give back */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static nr_task *first, **last = &first; /* in line */
static nr_task *waited;                 /* the main thread's list */
static long long most_threads, threads, idle;

/* One that takes long leaves another thread to the others. */
void nr_background_begin(long long most) { most_threads = most > 1 ? most : 2; }

/* ========================= Memory they will take ========================= */

/* Two threads would make the same weights twice over. */
static void make_weights(nr_task *t) {
    static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
    nr_error err; /* it is told again by what wants the weights */
    pthread_mutex_lock(&making);
    nr_net_prepare(t->net, &err);
    pthread_mutex_unlock(&making);
    pthread_mutex_lock(&mutex);
    t->bytes -= t->kept;
    pthread_mutex_unlock(&mutex);
}

uint64_t nr_tasks_reserved(void) {
    uint64_t bytes = 0;
    pthread_mutex_lock(&mutex);
    for (const nr_task *t = waited; t; t = t->older) bytes += t->bytes;
    pthread_mutex_unlock(&mutex);
    return bytes;
}

bool nr_tasks_make(const nr_net *net) {
    nr_shape shape;
    const nr_task *t = waited;
    nr_net_shape(net, &shape);
    while (t && !(t->kept && t->id == shape.id &&
                  t->revision == shape.revision))
        t = t->older;
    return t != NULL;
}

/* ============================ A task and its client ====================== */

/* In the server's main thread, if a client waited for it. */
static void task_free(rm_ctx *ctx, void *data) {
    (void)ctx;
    nr_task *t = data;
    pthread_mutex_lock(&mutex);
    nr_task **at = &waited;
    while (*at && *at != t) at = &(*at)->older;
    if (*at) *at = t->older;
    pthread_mutex_unlock(&mutex);
    nr_net_free(t->net);
    nr_command_release(&t->cmd);
    nr_buf_free(&t->reply);
    nr_buf_free(&t->header);
    for (int i = 0; i < t->argc; i++) rm.FreeString(NULL, t->argv[i]);
    nr_release(t->argv);
    nr_release(t);
}

static bool hold_arguments(nr_task *t, rm_string **argv, int argc) {
    size_t n = (size_t)argc, each = sizeof *t->argv + sizeof *t->words;
    t->argv = nr_alloc(n * (each + sizeof *t->lens));
    if (!t->argv) return false;
    t->words = (const char **)(t->argv + n);
    t->lens = (size_t *)(t->words + n);
    for (; t->argc < argc; t->argc++) {
        const char *text = rm.StringPtrLen(argv[t->argc], NULL);
        if (t->cmd.blob && (const unsigned char *)text == t->cmd.blob)
            t->blob = t->argc;
        t->argv[t->argc] = rm.HoldString(NULL, argv[t->argc]);
    }
    return true;
}

nr_task *nr_task_new(rm_string **argv, int argc, nr_command *cmd, int flags) {
    nr_task *t = nr_alloc(sizeof *t);
    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    t->cmd = *cmd;
    if (!hold_arguments(t, argv, argc)) {
        nr_release(t);
        return NULL;
    }
    t->resp3 = flags & RM_FLAG_RESP3;
    if (cmd->values == cmd->few) t->cmd.values = t->cmd.few;
    cmd->values = NULL;
    t->at_end = &t->behind;
    return t;
}

void nr_task_refresh(nr_task *t) {
    for (int i = 0; i < t->argc; i++)
        t->words[i] = rm.StringPtrLen(t->argv[i], &t->lens[i]);
    t->cmd.argv = t->words, t->cmd.arglen = t->lens;
    if (!t->blob) return;
    t->cmd.blob = (const unsigned char *)t->words[t->blob];
    t->cmd.bloblen = t->lens[t->blob];
}

/* What went well has been told by the thread; errors count in the server's
 * statistics, which is for the main thread. */
static int reply(rm_ctx *ctx, rm_string **argv, int argc) {
    (void)argv, (void)argc;
    const nr_task *t = rm.GetBlockedClientPrivateData(ctx);
    if (t->status != NR_OK) return nr_reply_error(ctx, &t->err);
    return t->reply.len ? nr_reply(ctx, t->cmd.verb, &t->reply) : RM_OK;
}

static void on_disconnect(rm_ctx *ctx, rm_blocked *client) {
    (void)ctx;
    pthread_mutex_lock(&mutex);
    for (nr_task *t = first; t; t = t->next)
        if (t->client == client) t->gone = true;
    pthread_mutex_unlock(&mutex);
}

void nr_task_block(nr_task *t, rm_ctx *ctx) {
    t->client = rm.BlockClient(ctx, reply, NULL, task_free, 0);
    rm.SetDisconnectCallback(t->client, on_disconnect);
    pthread_mutex_lock(&mutex);
    t->older = waited;
    waited = t;
    pthread_mutex_unlock(&mutex);
}

/* ================================ Threads ================================ */

static nr_task *next_in_line(void) {
    pthread_mutex_lock(&mutex);
    idle++;
    while (!first) pthread_cond_wait(&more, &mutex);
    idle--;
    nr_task *t = first;
    first = t->next;
    if (!first) last = &first;
    pthread_mutex_unlock(&mutex);
    return t;
}

static void work(void) {
    for (;;) {
        nr_task *t = next_in_line();
        if (t->client)
            t->work(t);
        else
            task_free(NULL, t);
    }
}

/* A thread for one more task: a new one where none is idle. */
bool nr_task_threads(void) {
    static const nr_routine worker = {work};
    pthread_mutex_lock(&mutex);
    bool enough = !first && idle > 0;
    if (!enough && threads < most_threads && nr_thread_start(&worker))
        threads++;
    bool there = threads > 0;
    pthread_mutex_unlock(&mutex);
    return there;
}

static void enqueue(nr_task *t) {
    pthread_mutex_lock(&mutex);
    t->next = NULL;
    *last = t;
    last = &t->next;
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&mutex);
}

/* Once a command has returned, the server gives back the surplus of those of
 * its arguments that were kept, which moves them. The timer comes after. */
static void on_returned(rm_ctx *ctx, void *data) {
    (void)ctx;
    nr_task *t = data;
    nr_task_refresh(t);
    enqueue(t);
}

void nr_task_line(rm_ctx *ctx, nr_task *t) {
    rm.CreateTimer(ctx, 0, on_returned, t);
}

/* ================================= Reading =============================== */

/* The reply is written to a buffer that the server puts behind the client's
 * own, whatever its length. */
static void read_and_reply(nr_task *t) {
    pthread_mutex_lock(&mutex);
    bool gone = t->gone;
    pthread_mutex_unlock(&mutex);
    if (!gone && t->makes) make_weights(t);
    if (!gone)
        t->status = nr_net_execute(t->net, &t->cmd, t->training, &t->reply,
                                   &t->err);
    nr_net_free(t->net); /* the last of it, if it was deleted meanwhile */
    t->net = NULL;
    if (!gone && t->status == NR_OK) {
        rm_ctx *ctx = rm.GetThreadSafeContext(t->client);
        nr_reply_in(ctx, t->cmd.verb, &t->reply, t->resp3);
        rm.FreeThreadSafeContext(ctx);
    }
    nr_buf_free(&t->reply);
    rm.UnblockClient(t->client, t);
}

/* Numbers are the command's own: of its arguments the key is enough, unless a word
 * behind them is wanted. */
bool nr_background(rm_ctx *ctx, const nr_box *box, rm_string **argv, int argc,
                   nr_command *cmd, nr_cost cost, bool scarce) {
    nr_shape shape;
    if (cost.work < MUCH || nr_changes(cmd)) return false;
    int flags = rm.GetContextFlags(ctx);
    if (flags & NR_NOT_BLOCKED || !nr_task_threads()) return false;
    nr_net *net = scarce ? nr_net_sparing(box->net) : nr_net_clone(box->net);
    int held = cmd->values && !cmd->aspect ? (int)cmd->key + 1 : argc;
    nr_task *t = net ? nr_task_new(argv, held, cmd, flags) : NULL;
    if (!t) {
        nr_net_free(net);
        return false;
    }
    t->work = read_and_reply;
    t->net = net;
    t->resp3 = t->resp3 || nr_typed_by_the_server(net, &t->cmd);
    t->training = box->job != NULL;
    nr_net_shape(net, &shape);
    t->id = shape.id, t->revision = shape.revision;
    t->bytes = cost.bytes;
    t->kept = scarce ? 0 : cost.kept;
    t->makes = !scarce && (cost.kept || nr_tasks_make(box->net));
    nr_task_block(t, ctx);
    nr_task_line(ctx, t);
    return true;
}

/* ================================= Freeing =============================== */

void nr_background_free(nr_net *net) {
    nr_task *t = NULL;
    if (net && nr_net_memory(net) >= LARGE && nr_task_threads())
        t = nr_alloc(sizeof *t);
    if (!t) {
        nr_net_free(net);
        return;
    }
    memset(t, 0, sizeof *t);
    t->net = net;
    enqueue(t);
}
