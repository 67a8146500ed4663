/* The WebSocket server as TypeScript sees it: opening, answers to requests, single orders, statistics, the end.
 * It decides nothing: who may connect, what a path means and who gets which message is TypeScript's. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ws.h"

static void or_else(uint32_t *value, uint32_t usual) {
    if (*value == 0) *value = usual;
}

static void fill_in(struct pb_ws_settings *settings) {
    or_else(&settings->threads, 1);
    or_else(&settings->connections, 20000);
    or_else(&settings->pending, 1024);
    or_else(&settings->head_timeout_ms, 10000);
    or_else(&settings->answer_timeout_ms, 30000);
    or_else(&settings->close_timeout_ms, 3000);
    or_else(&settings->body_bytes, 65536);
    or_else(&settings->queue_messages, 16384);
    or_else(&settings->queue_bytes, 192u << 20);
    or_else(&settings->copied_bytes, 1u << 20);
    or_else(&settings->source_messages, 256);
    or_else(&settings->source_bytes, 1u << 20);
    or_else(&settings->memory_mib, 256);
    or_else(&settings->send_buffer_bytes, 1);
    if (settings->threads > WS_MAX_THREADS) settings->threads = WS_MAX_THREADS;
    if (settings->connections > WS_MAX_CONNECTIONS - 1) settings->connections = WS_MAX_CONNECTIONS - 1;
}

/* A descriptor a connection, as far as the system allows this process. */
static void raise_descriptors(uint32_t connections) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = (rlim_t)connections + 512;
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

struct pb_ws *pb_ws_open(const char *address, uint32_t port, const struct pb_ws_settings *settings, pb_wake_fn wake, char *error,
                         uint32_t error_size) {
    struct pb_ws *s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
    if (!s) {
        pb_error(error, error_size, "out of memory");
        return NULL;
    }
    memset(s, 0, sizeof *s);
    s->settings = *settings;
    fill_in(&s->settings);
    s->listener = s->spare_fd = -1;
    s->waker.fn = wake;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->written, NULL);
    for (uint32_t i = 0; i < WS_MAX_THREADS; i++) s->io[i] = (struct ws_io){.server = s, .epoll = -1, .wake = -1};
    const uint32_t count = s->settings.connections;
    s->conns = calloc(count, sizeof *s->conns);
    s->free_slots = malloc(count * sizeof *s->free_slots);
    if (!ws_pool_open(&s->pool, s->settings.memory_mib) || !s->conns || !s->free_slots) {
        pb_error(error, error_size, "out of memory");
        goto fail;
    }
    for (uint32_t i = 0; i < count; i++) s->free_slots[s->free_count++] = count - 1 - i;
    raise_descriptors(count);
    if (!ws_listen(s, address, port, error, error_size)) goto fail;
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (uint32_t i = 0; i < s->settings.threads; i++)
        if (!ws_io_start(&s->io[i])) {
            pb_error(error, error_size, "cannot start a thread for connections: %s", strerror(errno));
            goto fail;
        }
    return s;
fail:
    pb_ws_close(s);
    return NULL;
}

uint32_t pb_ws_port(struct pb_ws *s) { return s->port; }

void *pb_ws_arena(struct pb_ws *s) { return s->pool.arena; }

void pb_ws_rearm(struct pb_ws *s) { pb_waker_arm(&s->waker); }

/* Plain bytes, for HTTP. NULL when there is no memory. */
static struct ws_message *plain(struct pb_ws *s, const void *head, uint32_t head_size, const char *more, const void *body,
                                uint32_t body_size) {
    const uint32_t more_size = (uint32_t)strlen(more);
    struct ws_message *m = ws_message_new(&s->pool, head_size + more_size + body_size);
    if (!m) return NULL;
    memcpy(ws_payload(m), head, head_size);
    memcpy(ws_payload(m) + head_size, more, more_size);
    if (body_size) memcpy(ws_payload(m) + head_size + more_size, body, body_size);
    m->size = head_size + more_size + body_size;
    return m;
}

void pb_ws_accept(struct pb_ws *s, double connection, uint32_t max_message_bytes) {
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ";
    ws_lock(s);
    struct ws_conn *c = ws_conn_of(s, connection);
    if (c && c->phase == WS_WAITING && c->accept[0]) {
        struct ws_message *m = plain(s, head, sizeof head - 1, c->accept, "\r\n\r\n", 4);
        if (m && ws_push(c, m, WS_CONTROL)) {
            c->phase = WS_OPEN;
            c->deadline_ms = 0;
            c->in.max_message = max_message_bytes;
            ws_write(c); /* at once: nothing may overtake it */
            if (c->phase == WS_OPEN) ws_conn_resume(c);
        } else {
            ws_conn_over(c, 1006, false);
        }
        if (m) ws_unref(s, m);
    }
    ws_unlock(s);
}

void pb_ws_respond(struct pb_ws *s, double connection, const void *head, uint32_t head_size, const void *body, uint32_t body_size) {
    ws_lock(s);
    struct ws_conn *c = ws_conn_of(s, connection);
    if (c && c->phase == WS_WAITING) {
        char more[96];
        const bool keep = c->request_keep_alive && !s->stop_listening;
        snprintf(more, sizeof more, "content-length: %u\r\nconnection: %s\r\n\r\n", body_size, keep ? "keep-alive" : "close");
        struct ws_message *m = plain(s, head, head_size, more, body, c->request_is_head ? 0 : body_size);
        c->must_close_http = !keep;
        c->accept[0] = 0;
        if (m && ws_push(c, m, WS_CONTROL | WS_LAST)) {
            c->phase = WS_ANSWER;
            c->deadline_ms = ws_now_ms() + s->settings.head_timeout_ms;
        } else {
            ws_conn_over(c, 1006, false);
        }
        if (m) ws_unref(s, m);
    }
    ws_unlock(s);
}

void pb_ws_ping(struct pb_ws *s, double connection) {
    ws_lock(s);
    struct ws_conn *c = ws_conn_of(s, connection);
    if (c && c->phase == WS_OPEN) ws_push_control(c, WS_PING, NULL, 0);
    ws_unlock(s);
}

void pb_ws_end(struct pb_ws *s, double connection, uint32_t code, const void *reason, uint32_t reason_size) {
    ws_lock(s);
    struct ws_conn *c = ws_conn_of(s, connection);
    if (c && c->phase == WS_OPEN) ws_conn_close(c, (uint16_t)code, reason, reason_size);
    else if (c && c->phase != WS_CLOSING) ws_conn_over(c, (uint16_t)code, false);
    ws_unlock(s);
}

double pb_ws_store(struct pb_ws *s, const void *data, uint32_t size) {
    struct ws_message *m = ws_message_new(&s->pool, size);
    if (!m) return 0;
    if (size) memcpy(ws_payload(m), data, size);
    m->size = size;
    m->came_us = (uint32_t)pb_monotonic_us();
    ws_message_frame(m, WS_BINARY);
    return (double)(uintptr_t)m;
}

int32_t pb_ws_retain(struct pb_ws *s, double message) {
    ws_lock(s);
    struct ws_message *m = ws_message_of(&s->pool, message);
    if (m) m->refs++;
    ws_unlock(s);
    return m ? 0 : -1;
}

int32_t pb_ws_release(struct pb_ws *s, double message) {
    ws_lock(s);
    struct ws_message *m = ws_message_of(&s->pool, message);
    if (m) ws_unref(s, m);
    ws_unlock(s);
    return m ? 0 : -1;
}

void pb_ws_stats(struct pb_ws *s, struct pb_ws_stats *out) {
    ws_lock(s);
    *out = s->stats;
    ws_unlock(s);
    pthread_mutex_lock(&s->pool.lock);
    out->memory_used = s->pool.used_bytes;
    pthread_mutex_unlock(&s->pool.lock);
    out->memory_held = ws_pool_held(&s->pool);
}

void pb_ws_stop_listening(struct pb_ws *s) {
    ws_lock(s);
    if (!s->stop_listening) {
        s->stop_listening = true;
        if (s->listener >= 0) shutdown(s->listener, SHUT_RDWR);
        ws_io_wake(&s->io[0]);
    }
    ws_unlock(s);
}

/* A last word for those who can still take one. */
static void say_goodbye(struct pb_ws *s) {
    for (uint32_t i = 0; i < s->high_slot; i++) {
        struct ws_conn *c = &s->conns[i];
        if (c->phase == WS_OPEN) ws_conn_close(c, 1001, "shutting down", 13);
    }
    ws_write_dirty(s);
}

void pb_ws_close(struct pb_ws *s) {
    if (!s) return;
    ws_lock(s);
    say_goodbye(s);
    s->stopping = true;
    ws_unlock(s);
    for (uint32_t i = 0; i < WS_MAX_THREADS; i++) ws_io_stop(&s->io[i]);
    for (uint32_t i = 0; i < s->high_slot; i++)
        if (s->conns[i].phase != WS_UNUSED) ws_conn_free(&s->conns[i]);
    if (s->listener >= 0) close(s->listener);
    if (s->spare_fd >= 0) close(s->spare_fd);
    if (s->train) ws_message_free(&s->pool, s->train);
    for (uint32_t i = 0; i < s->group_count; i++) {
        free(s->groups[i]->members);
        free(s->groups[i]);
    }
    free(s->groups);
    free(s->events);
    free(s->taken);
    free(s->conns);
    free(s->free_slots);
    ws_pool_close(&s->pool);
    pthread_cond_destroy(&s->written);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
