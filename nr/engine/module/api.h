/* The part of the server's module API that this module uses.
 *
 * Redis' own redismodule.h is not shipped: it changed its licence on the way, is
 * three thousand lines, and takes all names it knows whether they are used or
 * not. The API is an ABI of names and C types, fetched from the server at load;
 * this is the list of those that are needed. What is marked optional came after
 * Redis 6.2 and may be NULL. Valkey gives the same names. */

#ifndef NR_MODULE_API_H
#define NR_MODULE_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct RedisModuleCtx rm_ctx;
typedef struct RedisModuleKey rm_key;
typedef struct RedisModuleString rm_string;
typedef struct RedisModuleType rm_type;
typedef struct RedisModuleIO rm_io;
typedef struct RedisModuleDigest rm_digest;
typedef struct RedisModuleBlockedClient rm_blocked;
typedef struct RedisModuleScanCursor rm_cursor;
typedef struct RedisModuleDefragCtx rm_defrag;
typedef struct RedisModuleUser rm_user;
typedef struct RedisModuleCommand rm_command;
typedef struct RedisModuleServerInfoData rm_server_info;
typedef struct RedisModuleInfoCtx rm_info;
typedef struct RedisModuleCallReply rm_call_reply;
typedef struct RedisModuleCommandFilter rm_filter;
typedef struct RedisModuleCommandFilterCtx rm_filtered;

enum { RM_OK = 0, RM_ERR = 1, RM_APIVER = 1 };
enum { RM_READ = 1, RM_WRITE = 2 };
enum { RM_KEYTYPE_EMPTY = 0 };
enum {
    RM_FLAG_LUA = 1 << 0,
    RM_FLAG_MULTI = 1 << 1,
    RM_FLAG_MASTER = 1 << 2,
    RM_FLAG_MAXMEMORY = 1 << 8, /* there is a limit, and it holds here */
    RM_FLAG_EVICT = 1 << 9,
    RM_FLAG_OOM = 1 << 10,
    RM_FLAG_REPLICATED = 1 << 12, /* the command came from the master */
    RM_FLAG_LOADING = 1 << 13,
    RM_FLAG_DENY_BLOCKING = 1 << 21,
    RM_FLAG_RESP3 = 1 << 22,
    RM_FLAG_ASYNC_LOADING = 1 << 23,
};
enum { RM_NOTIFY_GENERIC = 1 << 2, RM_NOTIFY_MODULE = 1 << 13 };
enum { RM_HANDLE_IO_ERRORS = 1 };
enum { RM_EVENT_ROLE = 0, RM_EVENT_FLUSHDB = 2, RM_EVENT_SWAPDB = 11 };
enum { RM_ROLE_REPLICA = 1, RM_FLUSHDB_START = 0 };
#define RM_WRONGTYPE \
    "WRONGTYPE Operation against a key holding the wrong kind of value"

#define RM_OOM \
    "OOM command not allowed when used memory > 'maxmemory'."

typedef int (*rm_handler)(rm_ctx *, rm_string **argv, int argc);

typedef struct rm_event {
    uint64_t id, version;
} rm_event;
typedef void (*rm_event_fn)(rm_ctx *, rm_event, uint64_t sub, void *data);

/* Version 1. */
enum { RM_CLIENT_MULTI = 1 << 5 };

typedef struct rm_client {
    uint64_t version, flags, id;
    char address[46];
    uint16_t port, db;
} rm_client;

typedef struct rm_flush {
    uint64_t version;
    int32_t sync, db; /* -1: all */
} rm_flush;

typedef struct rm_swap {
    uint64_t version;
    int32_t first, second;
} rm_swap;

/* Version 3, of Redis 6.2; later ones only add to it. */
typedef struct rm_methods {
    uint64_t version;
    void *(*rdb_load)(rm_io *, int encver);
    void (*rdb_save)(rm_io *, void *value);
    void (*aof_rewrite)(rm_io *, rm_string *key, void *value);
    size_t (*mem_usage)(const void *value);
    void (*digest)(rm_digest *, void *value);
    void (*free)(void *value);
    void *aux_load, *aux_save;
    int aux_save_triggers;
    size_t (*free_effort)(rm_string *key, const void *value);
    void (*unlink)(rm_string *key, const void *value);
    void *(*copy)(rm_string *from, rm_string *to, const void *value);
    int (*defrag)(rm_defrag *, rm_string *key, void **value);
} rm_methods;

/* What SetCommandInfo takes: a key at a fixed place, or a range of them. */
enum {
    RM_KEY_RO = 1 << 0,
    RM_KEY_RW = 1 << 1,
    RM_KEY_ACCESS = 1 << 4,
    RM_KEY_UPDATE = 1 << 5,
};
enum { RM_SEARCH_INDEX = 2, RM_FIND_RANGE = 2 };

typedef struct rm_keyspec {
    const char *notes;
    uint64_t flags;
    int begin_search;
    union {
        struct {
            int pos;
        } index;
        struct {
            const char *keyword;
            int from;
        } keyword;
    } begin;
    int find_keys;
    union {
        struct {
            int last, step, limit;
        } range;
        struct {
            int num, first, step;
        } keynum;
    } find;
} rm_keyspec;

typedef struct rm_info_version {
    int version;
    size_t history, keyspec, arg; /* sizes */
} rm_info_version;

typedef enum rm_arg_type {
    RM_ARG_STRING,
    RM_ARG_INTEGER,
    RM_ARG_DOUBLE,
    RM_ARG_KEY,
    RM_ARG_PATTERN,
    RM_ARG_UNIX_TIME,
    RM_ARG_PURE_TOKEN,
} rm_arg_type;

enum { RM_ARG_OPTIONAL = 1 << 0, RM_ARG_MULTIPLE = 1 << 1 };

/* An array of them ends with one that has no name. */
typedef struct rm_arg {
    const char *name;
    rm_arg_type type;
    int keyspec; /* of a key: which it is; -1 */
    const char *token, *summary, *since;
    int flags;
    const char *deprecated_since;
    struct rm_arg *parts;
    const char *shown; /* servers before 7.2 show its name */
} rm_arg;

typedef struct rm_command_info {
    const rm_info_version *version;
    const char *summary, *complexity, *since;
    void *history;
    const char *tips;
    int arity;
    rm_keyspec *keys;
    rm_arg *args;
} rm_command_info;

/* X(result, name, arguments) */
#define RM_API(X)                                                            \
    X(void *, Alloc, (size_t))                                               \
    X(void *, Realloc, (void *, size_t))                                     \
    X(void, Free, (void *))                                                  \
    X(void, SetModuleAttribs, (rm_ctx *, const char *, int, int))            \
    X(void, SetModuleOptions, (rm_ctx *, int))                               \
    X(int, CreateCommand,                                                    \
      (rm_ctx *, const char *, rm_handler, const char *, int, int, int))     \
    X(rm_type *, CreateDataType,                                             \
      (rm_ctx *, const char *, int, const rm_methods *))                     \
    X(int, GetContextFlags, (rm_ctx *))                                      \
    X(void, Log, (rm_ctx *, const char *, const char *, ...))                \
    X(void, LogIOError, (rm_io *, const char *, const char *, ...))          \
    X(void, GetRandomBytes, (unsigned char *, size_t))                       \
    X(int, GetSelectedDb, (rm_ctx *))                                        \
    X(int, SelectDb, (rm_ctx *, int))                                        \
    X(rm_key *, OpenKey, (rm_ctx *, rm_string *, int))                       \
    X(void, CloseKey, (rm_key *))                                            \
    X(int, KeyType, (rm_key *))                                              \
    X(rm_type *, ModuleTypeGetType, (rm_key *))                              \
    X(void *, ModuleTypeGetValue, (rm_key *))                                \
    X(int, ModuleTypeSetValue, (rm_key *, rm_type *, void *))                \
    X(int, UnlinkKey, (rm_key *))                                            \
    X(long long, GetExpire, (rm_key *))                                      \
    X(rm_string *, CreateString, (rm_ctx *, const char *, size_t))           \
    X(rm_string *, HoldString, (rm_ctx *, rm_string *))                      \
    X(void, FreeString, (rm_ctx *, rm_string *))                             \
    X(const char *, StringPtrLen, (const rm_string *, size_t *))             \
    X(int, StringToLongLong, (const rm_string *, long long *))               \
    X(int, ReplyWithError, (rm_ctx *, const char *))                         \
    X(int, ReplyWithSimpleString, (rm_ctx *, const char *))                  \
    X(int, ReplyWithStringBuffer, (rm_ctx *, const char *, size_t))          \
    X(int, ReplyWithLongLong, (rm_ctx *, long long))                         \
    X(int, ReplyWithDouble, (rm_ctx *, double))                              \
    X(int, ReplyWithArray, (rm_ctx *, long))                                 \
    X(int, ReplyWithNull, (rm_ctx *))                                        \
    X(int, Replicate, (rm_ctx *, const char *, const char *, ...))           \
    X(int, ReplicateVerbatim, (rm_ctx *))                                    \
    X(void, SaveUnsigned, (rm_io *, uint64_t))                               \
    X(uint64_t, LoadUnsigned, (rm_io *))                                     \
    X(float, LoadFloat, (rm_io *))                                           \
    X(void, SaveStringBuffer, (rm_io *, const char *, size_t))               \
    X(char *, LoadStringBuffer, (rm_io *, size_t *))                         \
    X(int, IsIOError, (rm_io *))                                             \
    X(rm_ctx *, GetContextFromIO, (rm_io *))                                 \
    X(void, EmitAOF, (rm_io *, const char *, const char *, ...))             \
    X(void, DigestAddStringBuffer, (rm_digest *, const char *, size_t))      \
    X(void, DigestEndSequence, (rm_digest *))                                \
    X(rm_blocked *, BlockClient,                                             \
      (rm_ctx *, rm_handler, rm_handler, void (*)(rm_ctx *, void *),         \
       long long))                                                           \
    X(int, UnblockClient, (rm_blocked *, void *))                            \
    X(void *, GetBlockedClientPrivateData, (rm_ctx *))                       \
    X(void, SetDisconnectCallback,                                           \
      (rm_blocked *, void (*)(rm_ctx *, rm_blocked *)))                      \
    X(rm_ctx *, GetThreadSafeContext, (rm_blocked *))                        \
    X(rm_ctx *, GetDetachedThreadSafeContext, (rm_ctx *))                    \
    X(void, FreeThreadSafeContext, (rm_ctx *))                               \
    X(void, ThreadSafeContextLock, (rm_ctx *))                               \
    X(void, ThreadSafeContextUnlock, (rm_ctx *))                             \
    X(int, AvoidReplicaTraffic, (void))                                      \
    X(uint64_t, CreateTimer,                                                 \
      (rm_ctx *, long long, void (*)(rm_ctx *, void *), void *))             \
    X(int, SubscribeToKeyspaceEvents,                                        \
      (rm_ctx *, int, int (*)(rm_ctx *, int, const char *, rm_string *)))    \
    X(int, NotifyKeyspaceEvent, (rm_ctx *, int, const char *, rm_string *))  \
    X(int, SubscribeToServerEvent, (rm_ctx *, rm_event, rm_event_fn))        \
    X(float, GetUsedMemoryRatio, (void))                                     \
    X(unsigned long long, GetClientId, (rm_ctx *))                           \
    X(rm_call_reply *, Call, (rm_ctx *, const char *, const char *, ...))    \
    X(size_t, CallReplyLength, (rm_call_reply *))                            \
    X(rm_call_reply *, CallReplyArrayElement, (rm_call_reply *, size_t))     \
    X(const char *, CallReplyStringPtr, (rm_call_reply *, size_t *))         \
    X(void, FreeCallReply, (rm_call_reply *))                                \
    X(rm_server_info *, GetServerInfo, (rm_ctx *, const char *))             \
    X(unsigned long long, ServerInfoGetFieldUnsigned,                        \
      (rm_server_info *, const char *, int *))                               \
    X(void, FreeServerInfo, (rm_ctx *, rm_server_info *))                    \
    X(int, RegisterInfoFunc, (rm_ctx *, void (*)(rm_info *, int crash)))     \
    X(int, InfoAddSection, (rm_info *, const char *))                        \
    X(int, InfoAddFieldULongLong,                                            \
      (rm_info *, const char *, unsigned long long))                         \
    X(int, InfoAddFieldCString, (rm_info *, const char *, const char *))     \
    X(rm_cursor *, ScanCursorCreate, (void))                                 \
    X(void, ScanCursorDestroy, (rm_cursor *))                                \
    X(int, Scan,                                                             \
      (rm_ctx *, rm_cursor *,                                                \
       void (*)(rm_ctx *, rm_string *, rm_key *, void *), void *))           \
    X(void *, DefragAlloc, (rm_defrag *, void *))

/* Redis 7.0, but for the categories, which are 7.2's and 7.4's. */
#define RM_API_OPTIONAL(X)                                                   \
    X(rm_string *, GetClientUserNameById, (rm_ctx *, uint64_t))              \
    X(int, GetClientInfoById, (void *, uint64_t))                            \
    X(rm_filter *, RegisterCommandFilter,                                    \
      (rm_ctx *, void (*)(rm_filtered *), int))                              \
    X(const rm_string *, CommandFilterArgGet, (rm_filtered *, int))          \
    X(unsigned long long, CommandFilterGetClientId, (rm_filtered *))         \
    X(const char *, ServerInfoGetFieldC, (rm_server_info *, const char *))   \
    X(void *, TryAlloc, (size_t))                                            \
    X(int, ReplyWithMap, (rm_ctx *, long))                                   \
    X(int, EventLoopAddOneShot, (void (*)(void *), void *))                  \
    X(rm_command *, GetCommand, (rm_ctx *, const char *))                    \
    X(int, SetCommandInfo, (rm_command *, const rm_command_info *))          \
    X(rm_string *, GetCurrentUserName, (rm_ctx *))                           \
    X(rm_user *, GetModuleUserFromUserName, (rm_string *))                   \
    X(void, FreeModuleUser, (rm_user *))                                     \
    X(int, ACLCheckKeyPermissions, (rm_user *, rm_string *, int))            \
    X(int, AddACLCategory, (rm_ctx *, const char *))                         \
    X(int, SetCommandACLCategories, (rm_command *, const char *))

typedef struct rm_api {
#define RM_MEMBER(result, name, arguments) result(*name) arguments;
    RM_API(RM_MEMBER)
    RM_API_OPTIONAL(RM_MEMBER)
#undef RM_MEMBER
} rm_api;

extern rm_api rm;

/* Fetches all of it: the name of the first function that the server lacks
 * though it is needed, or NULL. */
const char *rm_fetch(rm_ctx *ctx);

#endif
