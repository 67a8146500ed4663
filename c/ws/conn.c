/* A connection's life: found by number, closed in order, over, freed. Numbers are never used again: above the slot they
 * count how often it was used. Closing is decided elsewhere; here it is carried out so that the peer can read why. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ws.h"

enum { LINGER_MS = 2000 };

struct ws_conn *ws_conn_of(struct pb_ws *s, double id) {
    if (!(id >= 0 && id < 9007199254740992.0)) return NULL;
    const uint64_t number = (uint64_t)id;
    const uint32_t slot = (uint32_t)(number & (WS_MAX_CONNECTIONS - 1));
    if (slot >= s->settings.connections) return NULL;
    struct ws_conn *c = &s->conns[slot];
    return c->id == number && c->phase != WS_UNUSED && c->phase < WS_LINGER ? c : NULL;
}

void ws_conn_interest(struct ws_conn *c) {
    uint32_t wanted = 0;
    switch (c->phase) {
    case WS_HEAD: case WS_LINGER: wanted = EPOLLIN; break;
    case WS_OPEN: wanted = c->reading_paused ? 0 : EPOLLIN; break;
    case WS_CLOSING: wanted = c->close_received ? 0 : EPOLLIN; break;
    case WS_WAITING: case WS_ANSWER: break;
    case WS_UNUSED: case WS_DEAD: return;
    }
    if (c->blocked) wanted |= EPOLLOUT;
    if (wanted == c->interest) return;
    c->interest = wanted;
    struct epoll_event event = {.events = wanted, .data.u64 = c->id};
    epoll_ctl(c->io->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

void ws_conn_pend(struct ws_conn *c, bool pending) {
    struct pb_ws *s = c->server;
    if (pending == c->pending) return;
    c->pending = pending;
    if (pending) {
        c->older = s->pending_newest;
        c->newer = NULL;
        if (c->older) c->older->newer = c;
        else s->pending_oldest = c;
        s->pending_newest = c;
        s->pending++;
    } else {
        if (c->older) c->older->newer = c->newer;
        else s->pending_oldest = c->newer;
        if (c->newer) c->newer->older = c->older;
        else s->pending_newest = c->older;
        s->pending--;
    }
}

void ws_count_refusal(struct pb_ws *s, uint32_t code) {
    struct pb_ws_stats *stats = &s->stats;
    switch (code) {
    case 400: stats->refused_400++; break;
    case 408: stats->refused_408++; break;
    case 413: stats->refused_413++; break;
    case 417: stats->refused_417++; break;
    case 426: stats->refused_426++; break;
    case 431: stats->refused_431++; break;
    case 501: stats->refused_501++; break;
    case 503: stats->refused_503++; break;
    case 505: stats->refused_505++; break;
    case 1002: stats->refused_1002++; break;
    case 1007: stats->refused_1007++; break;
    case 1009: stats->refused_1009++; break;
    case 1013: stats->refused_1013++; break;
    case 4413: stats->refused_4413++; break;
    default: break;
    }
}

void ws_conn_close(struct ws_conn *c, uint16_t code, const void *reason, uint32_t size) {
    uint8_t payload[WS_CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    if (size > WS_CONTROL_MAX - 2) size = WS_CONTROL_MAX - 2;
    if (size) memcpy(payload + 2, reason, size);
    c->close_code = code;
    ws_group_remove(c);
    /* 1005 stands for a close without a code, which is answered without one. */
    if (!ws_push_control(c, WS_CLOSE, payload, code == 1005 ? 0 : size + 2)) {
        ws_conn_over(c, code, false);
        return;
    }
    c->phase = WS_CLOSING;
    c->deadline_ms = ws_now_ms() + c->server->settings.close_timeout_ms;
    ws_conn_interest(c);
}

void ws_conn_refuse(struct ws_conn *c, uint16_t code, const char *reason) {
    ws_count_refusal(c->server, code);
    ws_queue_discard(c, false);
    /* One that breaks the protocol is not asked for its own close frame; a slow one may still answer. */
    if (code != 4413) c->close_received = true;
    ws_conn_close(c, code, reason, (uint32_t)strlen(reason));
}

void ws_conn_over(struct ws_conn *c, uint16_t code, bool linger) {
    if (c->phase >= WS_LINGER) return;
    ws_group_remove(c);
    ws_conn_pend(c, false);
    ws_queue_discard(c, false);
    if (c->known && !c->closed_told) ws_event_put(c, PB_WS_CLOSED, NULL, code, 0, 0);
    c->closed_told = true;
    c->blocked = false;
    if (linger && shutdown(c->fd, SHUT_WR) == 0) {
        c->phase = WS_LINGER;
        c->deadline_ms = ws_now_ms() + LINGER_MS;
        ws_conn_interest(c);
    } else {
        c->phase = WS_DEAD;
        ws_conn_retire(c);
    }
}

void ws_io_wake(struct ws_io *io) {
    if (io->woken) return;
    io->woken = true;
    const uint64_t one = 1;
    if (write(io->wake, &one, sizeof one) < 0) io->woken = false;
}

void ws_conn_retire(struct ws_conn *c) {
    if (c->retiring) return;
    c->retiring = true;
    c->next_retired = c->io->retired;
    c->io->retired = c;
    ws_io_wake(c->io);
}

void ws_conn_resume(struct ws_conn *c) {
    ws_conn_interest(c);
    if (c->resuming) return;
    c->resuming = true;
    c->next_resumed = c->io->resumed;
    c->io->resumed = c;
    ws_io_wake(c->io);
}

static void remove_dirty(struct ws_conn *c) {
    struct ws_conn **at = &c->server->dirty;
    while (c->dirty && *at != c) at = &(*at)->next_dirty;
    if (c->dirty) *at = c->next_dirty;
    c->dirty = false;
}

void ws_conn_free(struct ws_conn *c) {
    struct pb_ws *s = c->server;
    remove_dirty(c);
    close(c->fd);
    ws_group_remove(c);
    ws_conn_pend(c, false);
    ws_queue_free(c);
    ws_inbound_free(&s->pool, &c->in);
    free(c->head);
    c->head = NULL;
    c->phase = WS_UNUSED;
    s->free_slots[s->free_count++] = c->slot;
    s->stats.connections--;
}

void ws_conn_answer_error(struct ws_conn *c, uint32_t status) {
    char text[512];
    const char *reason = ws_reason(status);
    char body[160];
    const int body_size = snprintf(body, sizeof body, "{ \"error\": \"%u\", \"message\": \"%s\" }", status, reason);
    const int size = snprintf(text, sizeof text,
                              "HTTP/1.1 %u %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%sconnection: close\r\n\r\n%s",
                              status, reason, body_size, status == 426 ? "sec-websocket-version: 13\r\nupgrade: websocket\r\n" : "", body);
    ws_count_refusal(c->server, status);
    struct ws_message *m = ws_message_new(&c->server->pool, (uint32_t)size);
    ws_conn_pend(c, false);
    if (m) {
        memcpy(ws_payload(m), text, (size_t)size);
        m->size = (uint32_t)size;
        c->must_close_http = true;
        c->phase = WS_ANSWER;
        c->deadline_ms = ws_now_ms() + c->server->settings.close_timeout_ms;
        if (!ws_push(c, m, WS_CONTROL | WS_LAST)) ws_conn_over(c, 1006, false);
        ws_unref(c->server, m);
    } else {
        ws_conn_over(c, 1006, false);
    }
}
