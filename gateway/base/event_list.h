/*
 * event_list.h - everything the gateway logs, one line each.
 *
 * EVENT(name, level, help)
 */
EVENT(start, INFO, "the gateway is listening")
EVENT(stop, INFO, "the gateway is shutting down, or has stopped")
EVENT(request, INFO, "an exchange ended; one line per request")
EVENT(retry, WARN, "an upstream failed and is asked again, or the next one is")
EVENT(budget, WARN, "a budget has come to 80 or 95 % of its window, or was closed")
EVENT(breaker, WARN, "an upstream has failed too often and is left alone")
EVENT(key_rests, WARN,
      "an upstream turned one of several keys down; others have its turns for a while")
EVENT(escalate, INFO, "a cascade's answer was not good enough, and the next target is asked")
EVENT(reload, INFO, "the config was read again, or refused")
EVENT(admin, INFO, "something was changed by a command or over /admin/v1")
EVENT(rollout, WARN, "a rollout began, changed its share, or was paused, promoted or rolled back")
EVENT(orphan, WARN, "a request of an earlier run never settled; its bound is booked")
EVENT(store, ERROR, "the ledger could not be written")
EVENT(warning, WARN, "something the operator should know")
EVENT(log_lost, WARN, "lines were dropped because the log could not be written fast enough")
#undef EVENT
