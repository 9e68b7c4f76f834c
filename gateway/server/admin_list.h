/*
 * admin_list.h - every operation of /admin/v1; define OP and include.
 *
 * OP(method, path, changes, run, help)   run: admin_<run>(), in the file of its noun
 */
OP("GET", "/teams", false, teams_list, "all teams")
OP("POST", "/teams", true, teams_create, "makes a team: {name}")
OP("GET", "/keys", false, keys_list, "all keys, without their secrets")
OP("POST", "/keys", true, keys_create, "makes a key: {team, models, name, tags, metadata, expires, secret}")
OP("GET", "/keys/{}", false, keys_show, "one key, without its secret")
OP("POST", "/keys/{}/revoke", true, keys_revoke, "ends a key")
OP("POST", "/keys/{}/rotate", true, keys_rotate, "gives a key another secret: {secret}")
OP("GET", "/report/{}", false, report, "a report of cost, usage or latency: {by, from, to}")
OP("POST", "/flush", false, ledger_flush, "commits what is queued")
OP("GET", "/ledger/head", false, ledger_head, "the last row's seq and mac, and what is queued")
OP("GET", "/ledger/verify", false, ledger_verify, "checks the chain and the tables")
OP("POST", "/ledger/rebuild", true, ledger_rebuild, "makes the tables anew from the ledger")
OP("POST", "/ledger/prune", true, ledger_prune, "lets go of rows: {before}")
OP("GET", "/usage/{}", false, usage, "what a key has spent")
OP("POST", "/explain", false, explain, "what would happen to a request: {body, key, endpoint}")
OP("GET", "/policies", false, policies, "what policies apply to a request: {team, key, model, prompt}, or {policy}")
OP("POST", "/policies/scan", false, policies_scan, "what they find in a text: {text, direction, policy, team, key, model, prompt}")
OP("GET", "/openapi.json", false, openapi, "this list, as an OpenAPI document")
OP("POST", "/reload", true, reload, "reads the config again")
#undef OP
