/* What would hold the server up, done by threads.
 *
 * That is a run of a large network or of many rows, the first one of a network
 * whose weights are not made yet, a large dump, NR.IMPORTANCE: they are executed
 * on clones of their networks, while their clients wait and nobody else does.
 * And weights that are replaced are freed; a network that is deleted is not, for
 * that is the server's to choose (UNLINK, lazyfree-lazy-*).
 *
 * Only commands that change nothing come here, so a client sees what it would
 * have seen; in MULTI, in scripts and wherever else it cannot be blocked, the
 * command is executed at once. */

#include <pthread.h>
#include <string.h>

#include "../core/msgpack.h"
#include "module.h"

static const double MUCH = 2e6; /* multiply-adds: about a millisecond */
enum { LARGE = 4 << 20 };        /* bytes: about as long to give back */

typedef struct task {
    struct task *next;
    rm_blocked *client; /* NULL: the network is to be freed, that is all */
    bool gone;          /* the client */
    nr_net *net;        /* a clone */
    bool training;
    struct task *older;    /* among those of which clients wait */
    uint64_t id, revision; /* of the network */
    uint64_t bytes, kept;  /* that are reserved for it, and for its weights */
    bool makes;            /* weights, or another task does and it waits */
    nr_command cmd;
    rm_string *blob; /* keeps the command's; NULL: it has none */
    nr_status status;
    nr_buf reply;
    nr_error err;
} task;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static task *first, **last = &first; /* in line */
static task *waited;                 /* the main thread's list */
static long long most_threads, threads, idle;

/* One that takes long leaves another thread to the others. */
void nr_background_begin(long long most) { most_threads = most > 1 ? most : 2; }

/* Two threads would make the same weights twice over. */
static void make_weights(task *t) {
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
    for (const task *t = waited; t; t = t->older) bytes += t->bytes;
    pthread_mutex_unlock(&mutex);
    return bytes;
}

bool nr_tasks_make(const nr_net *net) {
    nr_shape shape;
    const task *t = waited;
    nr_net_shape(net, &shape);
    while (t && !(t->kept && t->id == shape.id &&
                  t->revision == shape.revision))
        t = t->older;
    return t != NULL;
}

/* In the server's main thread, if it has a string or a client. */
static void task_free(rm_ctx *ctx, void *data) {
    (void)ctx;
    task *t = data;
    pthread_mutex_lock(&mutex);
    task **at = &waited;
    while (*at && *at != t) at = &(*at)->older;
    if (*at) *at = t->older;
    pthread_mutex_unlock(&mutex);
    nr_net_free(t->net);
    nr_command_release(&t->cmd);
    nr_buf_free(&t->reply);
    if (t->blob) rm.FreeString(NULL, t->blob);
    nr_release(t);
}

static void work(void) {
    for (;;) {
        pthread_mutex_lock(&mutex);
        idle++;
        while (!first) pthread_cond_wait(&more, &mutex);
        idle--;
        task *t = first;
        first = t->next;
        if (!first) last = &first;
        bool gone = t->gone;
        pthread_mutex_unlock(&mutex);
        if (!t->client) {
            task_free(NULL, t);
            continue;
        }
        if (!gone && t->makes) make_weights(t);
        if (!gone)
            t->status = nr_net_execute(t->net, &t->cmd, t->training, &t->reply,
                                       &t->err);
        nr_net_free(t->net); /* the last of it, if it was deleted meanwhile */
        t->net = NULL;
        rm.UnblockClient(t->client, t);
    }
}

static void on_disconnect(rm_ctx *ctx, rm_blocked *client) {
    (void)ctx;
    pthread_mutex_lock(&mutex);
    for (task *t = first; t; t = t->next)
        if (t->client == client) t->gone = true;
    pthread_mutex_unlock(&mutex);
}

static int reply(rm_ctx *ctx, rm_string **argv, int argc) {
    (void)argv, (void)argc;
    const task *t = rm.GetBlockedClientPrivateData(ctx);
    return t->status == NR_OK ? nr_reply(ctx, &t->reply)
                              : nr_reply_error(ctx, &t->err);
}

/* Takes the command's values along; its blob lies in the last argument. */
static task *task_new(const nr_box *box, nr_command *cmd, rm_string *blob,
                      nr_cost cost, bool scarce) {
    nr_shape shape;
    task *t = nr_alloc(sizeof *t);
    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    t->net = scarce ? nr_net_sparing(box->net) : nr_net_clone(box->net);
    if (!t->net) {
        nr_release(t);
        return NULL;
    }
    nr_net_shape(t->net, &shape);
    t->id = shape.id, t->revision = shape.revision;
    t->bytes = cost.bytes;
    t->kept = scarce ? 0 : cost.kept;
    t->makes = !scarce && (cost.kept || nr_tasks_make(box->net));
    t->training = box->job != NULL;
    t->cmd = *cmd;
    if (cmd->values == cmd->few) t->cmd.values = t->cmd.few;
    cmd->values = NULL;
    if (cmd->blob) t->blob = rm.HoldString(NULL, blob);
    return t;
}

/* A thread for one more task: a new one where none is idle. */
static bool have_thread(void) {
    static const nr_routine worker = {work};
    if (!first && idle > 0) return true;
    if (threads < most_threads && nr_thread_start(&worker)) threads++;
    return threads > 0;
}

static void enqueue(task *t) {
    *last = t;
    last = &t->next;
    pthread_cond_signal(&more);
}

/* Once a command has returned, the server gives back the surplus of those of
 * its arguments that were kept, which moves them. The timer comes after. */
static void on_returned(rm_ctx *ctx, void *data) {
    (void)ctx;
    task *t = data;
    t->cmd.blob =
        (const unsigned char *)rm.StringPtrLen(t->blob, &t->cmd.bloblen);
    pthread_mutex_lock(&mutex);
    enqueue(t);
    pthread_mutex_unlock(&mutex);
}

bool nr_background(rm_ctx *ctx, const nr_box *box, nr_command *cmd,
                   rm_string *blob, nr_cost cost, bool scarce) {
    const int cannot = RM_FLAG_LUA | RM_FLAG_MULTI | RM_FLAG_DENY_BLOCKING;
    if (cost.work < MUCH || rm.GetContextFlags(ctx) & cannot) return false;
    pthread_mutex_lock(&mutex);
    task *t = have_thread() ? task_new(box, cmd, blob, cost, scarce) : NULL;
    if (t) {
        t->client = rm.BlockClient(ctx, reply, NULL, task_free, 0);
        rm.SetDisconnectCallback(t->client, on_disconnect);
        t->older = waited;
        waited = t;
        if (t->blob)
            rm.CreateTimer(ctx, 0, on_returned, t);
        else
            enqueue(t);
    }
    pthread_mutex_unlock(&mutex);
    return t != NULL;
}

void nr_background_free(nr_net *net) {
    task *t = NULL;
    if (net && nr_net_memory(net) >= LARGE) {
        pthread_mutex_lock(&mutex);
        if (have_thread()) t = nr_alloc(sizeof *t);
        if (t) {
            memset(t, 0, sizeof *t);
            t->net = net;
            enqueue(t);
        }
        pthread_mutex_unlock(&mutex);
    }
    if (!t) nr_net_free(net);
}
