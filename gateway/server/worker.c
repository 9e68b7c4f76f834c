#include "gateway/server/worker.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/core/notice.h"
#include "gateway/net/transport.h"
#include "gateway/server/client.h"
#include "gateway/server/visit.h"

enum {
    POOL_BYTES = 20 * 1024, /* of a connection, for its head and what it is about to send */
    NO_LIMIT = 1 << 20,     /* the gate counts connections */
};

static struct worker_slot *slot_of_pump(struct pump *p)
{
    return (struct worker_slot *)((char *)p - offsetof(struct worker_slot, pump));
}

static void daemon_has_events(struct watch *watch, uint32_t events)
{
    (void)events;
    worker_stir((struct worker_slot *)((char *)watch - offsetof(struct worker_slot, daemon_watch)));
}

static bool run_daemon(struct pump *p)
{
    struct worker_slot *w = slot_of_pump(p);
    if (!w->dirty)
        return false;
    w->dirty = false;
    MHD_run(w->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(w->daemon, &wait_ms) == MHD_YES && wait_ms == 0)
        w->dirty = true;
    return true;
}

static int64_t daemon_due_ms(struct pump *p, int64_t now_ms)
{
    return slot_of_pump(p)->dirty ? now_ms : INT64_MAX;
}

/* libmicrohttpd writes to stderr by itself, and we do not */
static void ignore(void *arg, const char *fmt, va_list ap)
{
    (void)arg, (void)fmt, (void)ap;
}

static size_t keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg, (void)connection;
    return strlen(text);
}

static bool start_daemon(struct worker_slot *w, struct err *err)
{
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME;
    w->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, visit_handle, w, MHD_OPTION_EXTERNAL_LOGGER, ignore, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT, (unsigned)NO_LIMIT,
        MHD_OPTION_NOTIFY_COMPLETED, visit_completed, w, MHD_OPTION_NOTIFY_CONNECTION, client_notify, w,
        MHD_OPTION_URI_LOG_CALLBACK, client_target, w, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!w->daemon)
        return err_set(err, ERR_internal, "libmicrohttpd cannot start");
    int fd = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    w->daemon_watch.fn = daemon_has_events;
    if (!watch_set(w->core.loop, &w->daemon_watch, fd, EPOLLIN, err))
        return false;
    w->pump = (struct pump){.run = run_daemon, .due_ms = daemon_due_ms};
    loop_add_pump(w->core.loop, &w->pump);
    return true;
}

bool worker_open(struct worker_slot *w, struct house *house, unsigned index, struct err *err)
{
    *w = (struct worker_slot){.house = house, .config = config_slot_get(&house->gateway.config)};
    w->core.gateway = &house->gateway;
    w->core.metrics = metrics_shard(house->gateway.metrics, index);
    w->core.loop = loop_new(index, err);
    if (!w->core.loop)
        return false;
    w->core.transports[TRANSPORT_http] = curl_transport_new(w->core.loop, err);
    w->core.transports[TRANSPORT_plain] = h1_transport_new(w->core.loop, house->gateway.jobs);
    w->core.transports[TRANSPORT_sim] = sim_transport_new(w->core.loop);
    return w->core.transports[TRANSPORT_http] && start_daemon(w, err);
}

void worker_close(struct worker_slot *w)
{
    listener_close(w->listener);
    listener_close(w->control);
    if (w->daemon) {
        loop_remove_pump(w->core.loop, &w->pump);
        watch_clear(w->core.loop, &w->daemon_watch, true);
        MHD_stop_daemon(w->daemon);
        client_linger_no_more(w);
    }
    notices_drop(&w->core);
    if (w->core.loop) {
        curl_transport_free(w->core.transports[TRANSPORT_http]);
        h1_transport_free(w->core.transports[TRANSPORT_plain]);
        sim_transport_free(w->core.transports[TRANSPORT_sim]);
    }
    loop_free(w->core.loop);
    config_unref(w->config);
}
