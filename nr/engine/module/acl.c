/* What users may do, where the server leaves it to the module.
 *
 * Up to Redis 7.0 categories of commands (@admin, @write) never mean a module's
 * commands, only those of the server: so "+@all -@admin" lets NR.REPLAY pass,
 * which is of that category everywhere else. The module looks itself there,
 * with the rules as the server tells them. */

#include <string.h>

#include "module.h"

/* Of the user whose command this is; NULL: not known. */
static rm_string *user_name(rm_ctx *ctx) {
    return rm.GetClientUserNameById
               ? rm.GetClientUserNameById(ctx, rm.GetClientId(ctx))
               : NULL;
}

/* One rule on commands: "+@all", "-@admin", "+nr.replay". */
static bool concerns(const char *rule, size_t len, const char *command,
                     const char *const *categories) {
    if (len && *rule == '@') {
        rule++, len--;
        for (; *categories; categories++)
            if (strlen(*categories) == len &&
                memcmp(rule, *categories, len) == 0)
                return true;
        return false;
    }
    return strlen(command) == len && memcmp(rule, command, len) == 0;
}

/* The last rule that concerns the command decides. */
static bool rules_allow(const char *rules, size_t len, const char *command,
                        const char *const *categories) {
    bool allowed = false;
    const char *end = rules + len;
    while (rules < end) {
        const char *blank = memchr(rules, ' ', (size_t)(end - rules));
        const char *stop = blank ? blank : end;
        if (stop > rules && concerns(rules + 1, (size_t)(stop - rules) - 1,
                                     command, categories))
            allowed = *rules == '+';
        rules = blank ? blank + 1 : end;
    }
    return allowed;
}

/* ACL GETUSER's reply is field, value, field, value. */
static bool user_allows(rm_call_reply *told, const char *command,
                        const char *const *categories) {
    size_t n = told ? rm.CallReplyLength(told) : 0, len;
    for (size_t i = 0; i + 1 < n; i += 2) {
        const char *field = rm.CallReplyStringPtr(
            rm.CallReplyArrayElement(told, i), &len);
        if (!field || len != 8 || memcmp(field, "commands", 8) != 0) continue;
        const char *rules = rm.CallReplyStringPtr(
            rm.CallReplyArrayElement(told, i + 1), &len);
        return rules && rules_allow(rules, len, command, categories);
    }
    return false;
}

bool nr_may_run(rm_ctx *ctx, const char *command,
                const char *const *categories) {
    const int told = RM_FLAG_REPLICATED | RM_FLAG_LOADING |
                     RM_FLAG_ASYNC_LOADING;
    if (rm.SetCommandACLCategories || rm.GetContextFlags(ctx) & told)
        return true;
    rm_string *name = user_name(ctx);
    if (!name) return false;
    rm_call_reply *user = rm.Call(ctx, "ACL", "cs", "GETUSER", name);
    bool allowed = user_allows(user, command, categories);
    if (user) rm.FreeCallReply(user);
    rm.FreeString(ctx, name);
    return allowed;
}

bool nr_may_read(rm_ctx *ctx, rm_string *key) {
    if (!rm.GetCurrentUserName || !rm.GetModuleUserFromUserName ||
        !rm.FreeModuleUser || !rm.ACLCheckKeyPermissions)
        return true; /* before 7.0 */
    rm_string *name = rm.GetCurrentUserName(ctx);
    rm_user *user = name ? rm.GetModuleUserFromUserName(name) : NULL;
    bool may = !user ||
               rm.ACLCheckKeyPermissions(user, key, RM_KEY_ACCESS) == RM_OK;
    if (user) rm.FreeModuleUser(user);
    if (name) rm.FreeString(ctx, name);
    return may;
}
