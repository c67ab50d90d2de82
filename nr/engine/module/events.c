/* What happens to keys behind the commands' back.
 *
 * RENAME, MOVE and SWAPDB take a network elsewhere: its training goes with it.
 * That it was deleted, overwritten, evicted or has expired needs no event, for
 * its box is freed then; only FLUSHALL may free it later, on another thread.
 *
 * COPY and RESTORE make a network with another's id. Ids are never used twice,
 * and replicas must have the same: so it gets a new one that is replicated as
 * such, behind the command and not before it, hence by a timer of no time,
 * which runs before the command's reply is sent. Replicating from within the
 * notification would put it first in the stream of some servers. */

#include <string.h>

#include "../core/internal.h"
#include "module.h"

typedef struct place {
    rm_string *key;
    int db;
} place;

void nr_identify(rm_ctx *ctx, rm_string *key, nr_box *box) {
    const int loading = RM_FLAG_LOADING | RM_FLAG_ASYNC_LOADING;
    int flags = rm.GetContextFlags(ctx);
    if (!box->borrowed || !(flags & RM_FLAG_MASTER) || flags & loading)
        return;
    uint64_t id = nr_new_id();
    nr_net_name(box->net, id);
    box->borrowed = false;
    nr_replicate_id(ctx, key, id);
}

static void identify_later(rm_ctx *ctx, void *data) {
    place *p = data;
    rm.SelectDb(ctx, p->db);
    rm_key *key = rm.OpenKey(ctx, p->key, RM_READ);
    nr_box *box = nr_box_in(key);
    if (box) nr_identify(ctx, p->key, box);
    if (key) rm.CloseKey(key);
    rm.FreeString(NULL, p->key);
    nr_release(p);
}

static void schedule(rm_ctx *ctx, rm_string *key) {
    size_t len;
    const char *text = rm.StringPtrLen(key, &len);
    place *p = nr_alloc(sizeof *p);
    if (!p) return; /* NR.TRAIN does it, at the latest */
    p->key = rm.CreateString(NULL, text, len);
    p->db = rm.GetSelectedDb(ctx);
    rm.CreateTimer(ctx, 0, identify_later, p);
}

static int on_key(rm_ctx *ctx, int type, const char *event, rm_string *name) {
    (void)type;
    bool moved = !strcmp(event, "rename_to") || !strcmp(event, "move_to");
    bool made = !strcmp(event, "copy_to") || !strcmp(event, "restore");
    if (!moved && !made) return RM_OK;
    rm_key *key = rm.OpenKey(ctx, name, RM_READ);
    nr_box *box = nr_box_in(key);
    if (box && moved && box->job) nr_job_moved(ctx, name, box);
    if (box && made && box->borrowed) schedule(ctx, name);
    if (key) rm.CloseKey(key);
    return RM_OK;
}

static void on_flush(rm_ctx *ctx, rm_event event, uint64_t sub, void *data) {
    (void)ctx, (void)event;
    if (sub == RM_FLUSHDB_START) nr_jobs_flush(((rm_flush *)data)->db);
}

static void on_swap(rm_ctx *ctx, rm_event event, uint64_t sub, void *data) {
    (void)ctx, (void)event, (void)sub;
    nr_jobs_swap(((rm_swap *)data)->first, ((rm_swap *)data)->second);
}

int nr_events_subscribe(rm_ctx *ctx) {
    rm_event flush = {RM_EVENT_FLUSHDB, 1}, swap = {RM_EVENT_SWAPDB, 1};
    bool ok =
        rm.SubscribeToKeyspaceEvents(ctx, RM_NOTIFY_GENERIC, on_key) ==
            RM_OK &&
        rm.SubscribeToServerEvent(ctx, flush, on_flush) == RM_OK &&
        rm.SubscribeToServerEvent(ctx, swap, on_swap) == RM_OK;
    return ok ? RM_OK : RM_ERR;
}
