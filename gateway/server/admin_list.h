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
OP("GET", "/rollouts", false, rollouts_list, "all rollouts, the oldest first")
OP("POST", "/rollouts", true, rollouts_start,
   "begins a rollout, or its next stage: {name, canary, share}; name: a prompt, or model:NAME")
OP("GET", "/rollouts/{}", false, rollouts_show, "the newest of a name: its evidence, each arm with intervals")
OP("GET", "/rollouts/{}/replay", false, rollouts_replay, "its verdict and log E anew from the rows")
OP("POST", "/rollouts/{}/promote", true, rollouts_promote, "everybody gets the canary")
OP("POST", "/rollouts/{}/pause", true, rollouts_pause, "everybody gets control; POST /rollouts goes on")
OP("POST", "/rollouts/{}/rollback", true, rollouts_rollback,
   "everybody gets control, for ever; of one that was promoted: as before it")
OP("GET", "/prompts", false, prompts_list, "all prompts, with their labels")
OP("GET", "/prompts/show", false, prompts_show, "one version of a prompt: ?name=&version=, a number or label")
OP("GET", "/prompts/versions", false, prompts_versions, "all versions of a prompt: ?name=")
OP("GET", "/prompts/diff", false, prompts_diff, "what differs between two versions: ?name=&from=&to=")
OP("GET", "/prompts/status", false, prompts_status, "the files of prompts.dir, and which versions they are")
OP("POST", "/prompts", true, prompts_push, "makes a version of a file: {source, file}")
OP("POST", "/prompts/inbox", true, prompts_inbox, "makes versions of what is new in prompts.dir")
OP("POST", "/prompts/render", false, prompts_render, "the messages of a version: {name, version, variables, messages}")
OP("POST", "/prompts/label", true, prompts_label, "moves a label: {name, label, version, expect}")
OP("POST", "/prompts/rollback", true, prompts_rollback, "production goes back to the version it had before: {name}")
OP("GET", "/report/{}", false, report, "a report of cost, usage or latency: {by, from, to}")
OP("POST", "/flush", false, ledger_flush, "commits what is queued")
OP("GET", "/ledger/head", false, ledger_head, "the last row's seq and mac, and what is queued")
OP("GET", "/ledger/verify", false, ledger_verify, "checks the chain and the tables")
OP("POST", "/ledger/rebuild", true, ledger_rebuild, "makes the tables anew from the ledger")
OP("POST", "/ledger/prune", true, ledger_prune, "lets go of rows: {before}")
OP("GET", "/upstreams", false, upstreams_list, "every upstream: its breaker, latency, errors, and how its keys are")
OP("GET", "/usage/{}", false, usage, "what a key has spent")
OP("POST", "/explain", false, explain, "what would happen to a request: {body, key, endpoint}")
OP("GET", "/openapi.json", false, openapi, "this list, as an OpenAPI document")
OP("POST", "/reload", true, reload, "reads the config again")
#undef OP
