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
 * notification would put it first in the stream of some servers.
 *
 * Valkey 8.1 leaves the client that moves or copies a key in the database that
 * the event is of, when any module listens: its next command, and MOVE itself on
 * replicas, would go there. So it is put back where it was: a move tells where
 * from before it tells where to, and a copy to another database is noted before
 * it runs, or is queued by MULTI. (One transaction that copies to a database from
 * two others is left: it is noted once.) */

#include <string.h>
#include <strings.h>

#include "module.h"

typedef struct place {
    struct place *next;
    rm_string *key;
    int db;
} place;

static place *places; /* of networks that need an id; a timer runs for them */

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

static void identify_all(rm_ctx *ctx, void *unused) {
    (void)unused;
    if (rm.AvoidReplicaTraffic()) { /* see training.c */
        rm.CreateTimer(ctx, NR_PAUSE_MS, identify_all, NULL);
        return;
    }
    while (places) {
        place *p = places;
        places = p->next;
        rm.SelectDb(ctx, p->db);
        rm_key *key = rm.OpenKey(ctx, p->key, RM_READ);
        nr_box *box = nr_box_in(key);
        if (box) nr_identify(ctx, p->key, box);
        if (key) rm.CloseKey(key);
        rm.FreeString(NULL, p->key);
        nr_release(p);
    }
}

static void schedule(rm_ctx *ctx, rm_string *key) {
    size_t len;
    const char *text = rm.StringPtrLen(key, &len);
    place *p = nr_alloc(sizeof *p);
    if (!p) return; /* NR.TRAIN does it, at the latest */
    if (!places) rm.CreateTimer(ctx, 0, identify_all, NULL);
    p->key = rm.CreateString(NULL, text, len);
    p->db = rm.GetSelectedDb(ctx);
    p->next = places;
    places = p;
}

static void on_network_key(rm_ctx *ctx, const char *event, rm_string *name) {
    if (strcmp(event, "rename_to") != 0 && strcmp(event, "move_to") != 0 &&
        strcmp(event, "copy_to") != 0 && strcmp(event, "restore") != 0)
        return;
    rm_key *key = rm.OpenKey(ctx, name, RM_READ);
    nr_box *box = nr_box_in(key);
    if (box && box->job) nr_job_moved(ctx, name, box);
    if (box && box->borrowed) schedule(ctx, name);
    if (key) rm.CloseKey(key);
}

/* ========================= The client's database ========================= */

/* By client and target: from where a COPY goes to another database. */
static struct {
    uint64_t client;
    int from, to;
} copies[64];
enum { COPIES = sizeof copies / sizeof *copies };

/* A client in MULTI, and the database that it will be in when what it queues
 * now is executed. */
static struct {
    uint64_t client;
    int db;
} queued;

static size_t copy_place(uint64_t client, int to) {
    return (client * 31 + (uint64_t)to) % COPIES;
}

static void forget_copies(uint64_t client) {
    for (size_t i = 0; i < COPIES; i++)
        if (copies[i].client == client) copies[i].client = 0;
}

/* A number behind a command's name; -1: another thing, or nothing. */
static int argument(rm_filtered *command, int at) {
    long long number = -1;
    const rm_string *text = rm.CommandFilterArgGet(command, at);
    bool is_db = text && rm.StringToLongLong(text, &number) == RM_OK &&
                 number >= 0 && number <= INT32_MAX;
    return is_db ? (int)number : -1;
}

/* COPY source destination DB n, or without the last two. */
static void note_copy(rm_filtered *command, uint64_t id) {
    rm_client client = {.version = 1};
    if (rm.GetClientInfoById(&client, id) != RM_OK) return;
    bool in_multi = client.flags & RM_CLIENT_MULTI;
    if (!in_multi) forget_copies(id);
    int to = argument(command, 4);
    if (to < 0) to = argument(command, 5); /* behind REPLACE */
    if (to < 0) return;
    size_t i = copy_place(id, to);
    copies[i].client = id;
    copies[i].to = to;
    copies[i].from =
        in_multi && queued.client == id ? queued.db : (int)client.db;
}

static void before_command(rm_filtered *command) {
    size_t len;
    const rm_string *name = rm.CommandFilterArgGet(command, 0);
    const char *text = name ? rm.StringPtrLen(name, &len) : NULL;
    if (!text || len < 4 || len > 6) return;
    uint64_t id = rm.CommandFilterGetClientId(command);
    if (len == 4 && strncasecmp(text, "copy", 4) == 0) {
        note_copy(command, id);
    } else if (len == 5 && strncasecmp(text, "multi", 5) == 0) {
        forget_copies(id);
        if (queued.client == id) queued.client = 0;
    } else if (len == 6 && strncasecmp(text, "select", 6) == 0) {
        queued.client = id; /* outside of MULTI nobody looks at it */
        queued.db = argument(command, 1);
    }
}

static bool leaves_clients_elsewhere(rm_ctx *ctx) {
    if (!rm.ServerInfoGetFieldC || !rm.CommandFilterGetClientId ||
        !rm.GetClientInfoById)
        return false;
    rm_server_info *info = rm.GetServerInfo(ctx, "server");
    const char *version = rm.ServerInfoGetFieldC(info, "valkey_version");
    bool does = version && strncmp(version, "8.1.", 4) == 0;
    rm.FreeServerInfo(ctx, info);
    return does;
}

static bool elsewhere; /* whether this server does */

static void put_client_back(rm_ctx *ctx, const char *event) {
    static int from;
    uint64_t id = rm.GetClientId(ctx);
    if (strcmp(event, "move_from") == 0) from = rm.GetSelectedDb(ctx);
    if (strcmp(event, "move_to") == 0) rm.SelectDb(ctx, from);
    if (strcmp(event, "copy_to") != 0) return;
    int to = rm.GetSelectedDb(ctx);
    size_t i = copy_place(id, to);
    if (copies[i].client == id && copies[i].to == to)
        rm.SelectDb(ctx, copies[i].from);
}

static int on_key(rm_ctx *ctx, int type, const char *event, rm_string *name) {
    (void)type;
    on_network_key(ctx, event, name);
    if (elsewhere) put_client_back(ctx, event);
    return RM_OK;
}

/* ============================== Subscribing ============================== */

static void on_flush(rm_ctx *ctx, rm_event event, uint64_t sub, void *data) {
    (void)ctx, (void)event;
    if (sub == RM_FLUSHDB_START) nr_jobs_flush(((rm_flush *)data)->db,
                      "its network was deleted or replaced");
}

static void on_swap(rm_ctx *ctx, rm_event event, uint64_t sub, void *data) {
    (void)ctx, (void)event, (void)sub;
    const rm_swap *swap = data;
    nr_jobs_swap(swap->first, swap->second);
    for (place *p = places; p; p = p->next)
        p->db = p->db == swap->first    ? swap->second
                : p->db == swap->second ? swap->first
                                        : p->db;
}

/* A replica has what its master trained, and trains nothing itself. */
static void on_role(rm_ctx *ctx, rm_event event, uint64_t sub, void *data) {
    (void)ctx, (void)event, (void)data;
    if (sub == RM_ROLE_REPLICA)
        nr_jobs_flush(-1, "the server became a replica");
}

int nr_events_subscribe(rm_ctx *ctx) {
    elsewhere = leaves_clients_elsewhere(ctx);
    if (elsewhere) rm.RegisterCommandFilter(ctx, before_command, 0);
    rm_event flush = {RM_EVENT_FLUSHDB, 1}, swap = {RM_EVENT_SWAPDB, 1};
    rm_event role = {RM_EVENT_ROLE, 1};
    bool ok =
        rm.SubscribeToKeyspaceEvents(ctx, RM_NOTIFY_GENERIC, on_key) ==
            RM_OK &&
        rm.SubscribeToServerEvent(ctx, flush, on_flush) == RM_OK &&
        rm.SubscribeToServerEvent(ctx, swap, on_swap) == RM_OK &&
        rm.SubscribeToServerEvent(ctx, role, on_role) == RM_OK;
    return ok ? RM_OK : RM_ERR;
}
