/* The I/O threads: accepting (the first one, listen.c), reading, and going on with writing when a socket has become writable.
 * A thread reads into one buffer of its own, so that a connection at rest holds none. */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ws.h"

enum { EVENTS = 256 };
#define LISTENER UINT64_MAX
#define WAKE (UINT64_MAX - 1)

/* ---- requests ---- */

static void answer_error(struct ws_conn *c, uint32_t status) {
    ws_lock(c->server);
    if (c->phase == WS_HEAD) {
        ws_conn_answer_error(c, status);
        if (c->phase == WS_ANSWER) ws_write(c);
    }
    ws_unlock(c->server);
}

static void end_by_peer(struct ws_conn *c) {
    ws_lock(c->server);
    if (c->phase == WS_LINGER) {
        c->phase = WS_DEAD;
        ws_conn_retire(c);
    } else {
        ws_conn_over(c, c->phase == WS_CLOSING ? c->close_code : 1006, false);
    }
    ws_unlock(c->server);
}

/* Tells TypeScript of a request whose head and body are there. */
static void hand_over_request(struct ws_conn *c, const struct ws_request *request, uint32_t head_bytes) {
    struct pb_ws *s = c->server;
    const uint32_t remote = (uint32_t)strlen(c->remote);
    const uint32_t head = remote + 1 + request->text_bytes;
    struct ws_message *m = ws_message_new(&s->pool, head + request->body_bytes);
    if (!m) {
        answer_error(c, 503);
        return;
    }
    memcpy(ws_payload(m), c->remote, remote);
    ws_payload(m)[remote] = '\n';
    memcpy(ws_payload(m) + remote + 1, request->text, request->text_bytes);
    memcpy(ws_payload(m) + head, c->head + head_bytes, request->body_bytes);
    m->size = head + request->body_bytes;
    c->head_used = head_bytes + request->body_bytes;
    c->request_keep_alive = request->keep_alive;
    c->request_is_head = request->is_head;
    if (request->upgrade) memcpy(c->accept, request->accept, sizeof c->accept);
    ws_lock(s);
    if (c->phase == WS_HEAD && ws_event_put(c, PB_WS_REQUEST, m, m->size, head, request->upgrade ? 1 : 0)) {
        c->phase = WS_WAITING;
        c->known = true;
        c->deadline_ms = ws_now_ms() + s->settings.answer_timeout_ms;
        ws_conn_pend(c, false);
        ws_conn_interest(c);
    } else {
        ws_unref(s, m);
    }
    ws_unlock(s);
}

/* Looks at what is there of a request. Returns false when more must come. */
static bool try_request(struct ws_conn *c) {
    const int32_t end = ws_head_end(c->head, c->head_have, &c->head_searched);
    if (end == 0 && c->head_have < WS_HEAD_BYTES) return false;
    if (end <= 0 || end > WS_HEAD_BYTES) {
        answer_error(c, end < 0 ? 400 : 431);
        return true;
    }
    struct ws_request request;
    ws_head_parse(c->head, (uint32_t)end, &request);
    if (!request.refusal && request.body_bytes > c->server->settings.body_bytes) request.refusal = 413;
    if (request.refusal) {
        answer_error(c, request.refusal);
        return true;
    }
    const uint32_t whole = (uint32_t)end + request.body_bytes;
    if (c->head_have < whole) {
        c->head_searched = (uint32_t)end - 1; /* finds the same end again */
        if (c->head_room >= whole) return false;
        uint8_t *larger = realloc(c->head, whole);
        if (!larger) {
            answer_error(c, 503);
            return true;
        }
        c->head = larger;
        c->head_room = whole;
        return false;
    }
    hand_over_request(c, &request, (uint32_t)end);
    return true;
}

/* The request that was answered goes from the front of what was read. */
static void forget_request(struct ws_conn *c) {
    if (!c->head_used) return;
    c->head_have -= c->head_used;
    memmove(c->head, c->head + c->head_used, c->head_have);
    c->head_searched = c->head_used = 0;
}

static void read_request(struct ws_conn *c) {
    /* The next one may be here before the errand that looks for it. */
    if (c->head) forget_request(c);
    if (!c->head) {
        c->head = malloc(WS_HEAD_BYTES);
        c->head_room = WS_HEAD_BYTES;
        c->head_have = c->head_searched = c->head_used = 0;
        if (!c->head) {
            end_by_peer(c);
            return;
        }
        ws_lock(c->server);
        c->begun = true;
        ws_unlock(c->server);
    }
    const ssize_t got = recv(c->fd, c->head + c->head_have, c->head_room - c->head_have, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        end_by_peer(c);
        return;
    }
    c->head_have += (uint32_t)got;
    try_request(c);
}

/* A kept connection: what came after the request before may be the next one already. */
static void next_request(struct ws_conn *c) {
    if (!c->head) return;
    forget_request(c);
    if (c->head_have) {
        try_request(c);
        return;
    }
    free(c->head);
    c->head = NULL;
    ws_lock(c->server);
    c->begun = false;
    ws_unlock(c->server);
}

/* ---- frames ---- */

/* Gives messages to TypeScript, in order, before anything that ended the connection. Those that TypeScript has said beforehand
 * how to deal with go to their receivers first. Returns false when nothing more is to be read. */
static bool hand_over(struct ws_conn *c, struct ws_arrived *arrived, bool ended) {
    struct pb_ws *s = c->server;
    ws_lock(s);
    for (uint32_t i = 0; i < arrived->count; i++) {
        struct ws_message *m = arrived->messages[i];
        const bool is_text = arrived->opcodes[i] == WS_TEXT;
        m->came_us = arrived->came_us;
        /* Gives up the lock, so what follows is looked at after it, and in one go. */
        if (c->forward) ws_write_large_batch(s, c->forward);
        const int32_t how = ws_ahead_how(c, m, is_text);
        const uint32_t kind = is_text ? PB_WS_TEXT : PB_WS_BINARY, group = how >= 0 ? c->forward->id : 0;
        if (c->phase == WS_OPEN && ws_event_put(c, kind, m, m->size, group, 0)) {
            s->stats.messages_in++;
            s->stats.bytes_in += m->size;
            if (how >= 0) ws_ahead_send(c, m, (uint32_t)how);
        } else {
            ws_unref(s, m);
        }
    }
    arrived->count = 0;
    if (ended) {
        ws_frames_ended(c);
        ws_write_dirty(s);
    } else if (c->phase == WS_OPEN && ws_source_full(c)) {
        c->reading_paused = true;
        ws_conn_interest(c);
    }
    const bool goes_on = !ended && !c->reading_paused;
    ws_unlock(s);
    return goes_on;
}

/* After a read: what went ahead is written, and told of. */
static void end_read(struct ws_conn *c) {
    struct pb_ws *s = c->server;
    ws_lock(s);
    if (c->waiting_ahead) {
        ws_write_dirty(s);
        ws_ahead_ring(c);
    }
    /* Pings are answered at once, though nothing else may be written for a while. */
    if (c->dirty && c->own_count) ws_write(c);
    ws_unlock(s);
}

/* Returns false when nothing more is to be read. */
static bool feed(struct ws_conn *c, const uint8_t *bytes, size_t size) {
    struct ws_arrived arrived;
    enum ws_parse result = WS_FULL;
    bool goes_on = true;
    arrived.count = 0;
    arrived.came_us = (uint32_t)pb_monotonic_us();
    for (size_t at = 0; result == WS_FULL;) {
        size_t eaten = 0;
        result = ws_frames_parse(c, bytes + at, size - at, &eaten, &arrived);
        at += eaten;
        if (arrived.count || result == WS_ENDED) goes_on = hand_over(c, &arrived, result == WS_ENDED);
    }
    return goes_on;
}

/* What the client sent right behind its upgrade request. */
static bool feed_rest(struct ws_conn *c) {
    if (!c->head) return true;
    uint8_t *head = c->head;
    c->head = NULL;
    const bool more = c->head_have == c->head_used || feed(c, head + c->head_used, c->head_have - c->head_used);
    free(head);
    return more;
}

static void read_frames(struct ws_conn *c) {
    struct ws_io *io = c->io;
    bool goes_on = feed_rest(c);
    /* Where much has come there may be more by now, and a larger batch costs each receiver no more calls. */
    for (size_t all = 0; goes_on && all < WS_BATCH_BYTES;) {
        const ssize_t got = recv(c->fd, io->scratch, WS_READ_BYTES, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (got <= 0) {
            end_by_peer(c);
            break;
        }
        goes_on = feed(c, io->scratch, (size_t)got) && got >= WS_READ_MORE;
        all += (size_t)got;
    }
    end_read(c);
}

static void throw_away(struct ws_conn *c) {
    const ssize_t got = recv(c->fd, c->io->scratch, WS_READ_BYTES, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) end_by_peer(c);
}

/* ---- the loop ---- */

static void on_ready(struct pb_ws *s, uint64_t id, uint32_t events) {
    struct ws_conn *c = &s->conns[id & (WS_MAX_CONNECTIONS - 1)];
    ws_lock(s);
    /* The slot may have been freed, or freed and used again, by what came before in this round. */
    const bool valid = c->id == id && c->phase != WS_UNUSED && c->phase != WS_DEAD;
    if (valid && (events & (EPOLLERR | EPOLLHUP)) && !(events & EPOLLIN)) {
        if (c->phase == WS_LINGER) c->phase = WS_DEAD, ws_conn_retire(c);
        else ws_conn_over(c, c->phase == WS_CLOSING ? c->close_code : 1006, false);
        ws_unlock(s);
        return;
    }
    if (valid && events & EPOLLOUT) ws_write(c);
    enum ws_phase phase = valid ? c->phase : WS_DEAD;
    if (phase == WS_OPEN && (c->reading_paused || ws_source_full(c))) {
        c->reading_paused = true;
        ws_conn_interest(c);
        phase = WS_DEAD;
    }
    if (phase == WS_CLOSING && c->close_received) phase = WS_DEAD;
    ws_unlock(s);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    if (phase == WS_HEAD) read_request(c);
    else if (phase == WS_OPEN || phase == WS_CLOSING) read_frames(c);
    else if (phase == WS_LINGER) throw_away(c);
}

static void pass_deadlines(struct pb_ws *s) {
    const uint64_t now = ws_now_ms();
    for (uint32_t i = 0; i < s->high_slot; i++) {
        struct ws_conn *c = &s->conns[i];
        if (c->phase == WS_UNUSED || c->phase == WS_DEAD || !c->deadline_ms || now < c->deadline_ms) continue;
        c->deadline_ms = 0;
        switch (c->phase) {
        case WS_HEAD:
            /* Nothing sent at all is an idle connection; it ends without a word. */
            if (c->begun) ws_conn_answer_error(c, 408);
            else ws_conn_over(c, 1006, false);
            break;
        case WS_WAITING: ws_conn_answer_error(c, 503); break;
        case WS_LINGER:
            c->phase = WS_DEAD;
            ws_conn_retire(c);
            break;
        default: ws_conn_over(c, c->phase == WS_CLOSING ? c->close_code : 1006, false);
        }
        if (c->phase == WS_ANSWER) ws_write(c);
    }
}

/* What other threads have left for this one. */
static void do_errands(struct ws_io *io) {
    struct pb_ws *s = io->server;
    ws_lock(s);
    io->woken = false;
    while (io->resumed) {
        struct ws_conn *c = io->resumed;
        io->resumed = c->next_resumed;
        c->resuming = false;
        const enum ws_phase phase = c->phase;
        ws_unlock(s);
        if (phase == WS_HEAD) next_request(c);
        else if (phase == WS_OPEN) feed_rest(c), end_read(c);
        ws_lock(s);
    }
    struct ws_conn *retired = io->retired;
    io->retired = NULL;
    while (retired) {
        struct ws_conn *c = retired;
        retired = c->next_retired;
        c->retiring = false;
        if (!c->writing && !c->resuming) ws_conn_free(c); /* who writes retires it again */
    }
    if (s->stop_listening && io == s->io && s->listener >= 0) {
        close(s->listener);
        s->listener = -1;
    }
    ws_unlock(s);
}

/* How long the leading thread may sleep. With the lock held. */
static int next_wait_ms(struct pb_ws *s, bool pool_busy) {
    const int32_t left_us = s->ahead_waits ? ws_ahead_patience_us(s) : WS_TICK_MS * 1000;
    if (left_us <= 0) s->ring_due = true;
    else if (left_us < WS_TICK_MS * 1000) return left_us / 1000 + 1;
    return s->stats.connections == 0 && !pool_busy ? -1 : WS_TICK_MS;
}

static void *run(void *argument) {
    struct ws_io *io = argument;
    struct pb_ws *s = io->server;
    const bool leads = io == s->io;
    bool pool_busy = true;
    uint64_t next_tick = ws_now_ms() + WS_TICK_MS;
    uint32_t ticks = 0;
    for (;;) {
        struct epoll_event events[EVENTS];
        ws_lock(s);
        const bool stopping = s->stopping;
        const int patience_ms = leads ? next_wait_ms(s, pool_busy) : -1;
        ws_unlock(s);
        if (stopping) return NULL;
        const int count = epoll_wait(io->epoll, events, EVENTS, patience_ms);
        for (int i = 0; i < count; i++) {
            const uint64_t id = events[i].data.u64;
            if (id == LISTENER) {
                ws_accept_some(s);
            } else if (id == WAKE) {
                uint64_t value;
                (void)!read(io->wake, &value, sizeof value);
            } else {
                on_ready(s, id, events[i].events);
            }
        }
        if (leads && ws_now_ms() >= next_tick) {
            next_tick = ws_now_ms() + WS_TICK_MS;
            ws_lock(s);
            pass_deadlines(s);
            ws_unlock(s);
            if (++ticks % 4 == 0) pool_busy = ws_pool_tick(&s->pool);
        }
        do_errands(io);
    }
}

bool ws_io_start(struct ws_io *io) {
    struct pb_ws *s = io->server;
    io->scratch = malloc(WS_READ_BYTES);
    io->epoll = epoll_create1(EPOLL_CLOEXEC);
    io->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!io->scratch || io->epoll < 0 || io->wake < 0) return false;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE};
    if (epoll_ctl(io->epoll, EPOLL_CTL_ADD, io->wake, &event) != 0) return false;
    event.data.u64 = LISTENER;
    if (io == s->io && epoll_ctl(io->epoll, EPOLL_CTL_ADD, s->listener, &event) != 0) return false;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    io->started = pthread_create(&io->thread, NULL, run, io) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (io->started) pthread_setname_np(io->thread, "pb-websocket");
    return io->started;
}

void ws_io_stop(struct ws_io *io) {
    if (io->started) {
        const uint64_t one = 1;
        (void)!write(io->wake, &one, sizeof one);
        pthread_join(io->thread, NULL);
    }
    if (io->wake >= 0) close(io->wake);
    if (io->epoll >= 0) close(io->epoll);
    free(io->scratch);
}
