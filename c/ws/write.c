/* Writing: as many queued messages as fit into one sendmsg, straight from the shared memory. The lock is given up during the
 * call; entries in flight are not touched by anyone else meanwhile. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "ws.h"

static uintptr_t entry_at(const struct ws_conn *c, uint32_t index) { return c->ring[(c->first + index) & (c->ring_size - 1)]; }

static struct ws_message *message_of(uintptr_t entry) {
    return (struct ws_message *)(entry & ~(uintptr_t)WS_MARKS); /* NOLINT */
}

void ws_mark_dirty(struct ws_conn *c) {
    if (c->dirty || c->blocked) return;
    c->dirty = true;
    c->next_dirty = c->server->dirty;
    c->server->dirty = c;
}

static uint8_t *wire_of(struct ws_message *m) {
    return m->train ? ws_payload(m->train) + m->train_at : ws_payload(m) - m->framing;
}

/* What lies side by side becomes one part. Returns the bytes; `*used` counts the parts. */
static uint64_t gather(struct ws_conn *c, struct iovec *parts, uint32_t *used) {
    uint64_t bytes = 0;
    uint32_t n = 0, entries = 0;
    uint8_t *end = NULL;
    for (; entries < WS_WRITE_ENTRIES && entries < c->count && bytes < WS_WRITE_BYTES; entries++) {
        struct ws_message *m = message_of(entry_at(c, entries));
        const uint64_t skipped = entries == 0 ? c->sent : 0, size = m->framing + (uint64_t)m->size - skipped;
        uint8_t *start = wire_of(m) + skipped;
        if (start != end) {
            if (n == WS_IOV) break;
            parts[n++] = (struct iovec){start, 0};
        }
        parts[n - 1].iov_len += size;
        end = start + size;
        bytes += size;
    }
    c->in_flight = entries;
    *used = n;
    return bytes;
}

/* The last entry of a phase has left. */
static void finish(struct ws_conn *c) {
    if (c->phase == WS_CLOSING) {
        c->close_sent = true;
        if (c->close_received) ws_conn_over(c, c->close_code, true);
    } else if (c->phase == WS_ANSWER) {
        if (c->must_close_http) {
            ws_conn_over(c, 1000, true);
        } else {
            c->phase = WS_HEAD;
            c->deadline_ms = ws_now_ms() + c->server->settings.head_timeout_ms;
            ws_conn_pend(c, true);
            ws_conn_resume(c);
        }
    }
}

static void consume(struct ws_conn *c, uint64_t bytes, uint64_t now_us) {
    struct pb_ws *s = c->server;
    c->in_flight = 0;
    s->stats.bytes_out += bytes;
    c->bytes_out += bytes;
    bytes += c->sent;
    c->sent = 0;
    while (c->count) {
        const uintptr_t entry = entry_at(c, 0);
        struct ws_message *m = message_of(entry);
        const uint64_t whole = m->framing + (uint64_t)m->size;
        if (bytes < whole) break;
        bytes -= whole;
        c->first = (c->first + 1) & (c->ring_size - 1);
        c->count--;
        if (m->framing && !(entry & WS_CONTROL)) {
            s->stats.messages_out++;
            c->messages_out++;
        }
        if (entry & WS_CAST) {
            const uint32_t us = (uint32_t)now_us - m->came_us;
            s->stats.latency_count++;
            s->stats.latency_sum_us += us;
            if (c->group) ws_latency_add(&c->group->latency, us, now_us);
        }
        ws_count_out(c, entry);
        if (entry & WS_LAST) {
            finish(c);
            return;
        }
    }
    c->sent = bytes;
}

static bool may_write(const struct ws_conn *c) {
    return c->count && (c->phase == WS_OPEN || c->phase == WS_CLOSING || c->phase == WS_ANSWER);
}

void ws_write(struct ws_conn *c) {
    struct pb_ws *s = c->server;
    if (c->writing) {
        c->again = true;
        return;
    }
    c->writing = true;
    c->blocked = false;
    do {
        c->again = false;
        while (may_write(c)) {
            struct iovec parts[WS_IOV];
            uint32_t used;
            const uint64_t bytes = gather(c, parts, &used);
            const struct msghdr message = {.msg_iov = parts, .msg_iovlen = used};
            const int fd = c->fd, flags = MSG_NOSIGNAL | MSG_DONTWAIT;
            s->stats.writes++;
            ws_unlock(s);
            /* One part is the usual case, and without a list of parts a call costs the kernel less. */
            const ssize_t sent =
                used == 1 ? send(fd, parts[0].iov_base, parts[0].iov_len, flags) : sendmsg(fd, &message, flags);
            const int cause = errno;
            const uint64_t now_us = pb_monotonic_us();
            ws_lock(s);
            if (sent < 0 && cause == EINTR) {
                consume(c, 0, now_us);
                continue;
            }
            if (sent < 0 && cause != EAGAIN) {
                c->in_flight = 0;
                if (c->phase < WS_LINGER) ws_conn_over(c, c->phase == WS_CLOSING ? c->close_code : 1006, false);
                break;
            }
            consume(c, sent < 0 ? 0 : (uint64_t)sent, now_us);
            if (sent < 0 || (uint64_t)sent < bytes) {
                c->blocked = may_write(c);
                break;
            }
        }
    } while (c->again && !c->blocked && may_write(c));
    c->writing = false;
    ws_conn_interest(c);
    if (c->phase == WS_DEAD) ws_conn_retire(c);
    if (s->write_waiters) pthread_cond_broadcast(&s->written);
}

void ws_write_dirty(struct pb_ws *s) {
    s->unwritten_messages = 0;
    s->unwritten_bytes = 0;
    while (s->dirty) {
        struct ws_conn *c = s->dirty;
        s->dirty = c->next_dirty;
        c->dirty = false;
        if (!c->blocked && may_write(c)) ws_write(c);
    }
    ws_end_train(s);
}

void pb_ws_flush(struct pb_ws *s) {
    ws_lock(s);
    ws_write_dirty(s);
    ws_unlock(s);
}
