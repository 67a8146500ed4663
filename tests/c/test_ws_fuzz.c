/* sources: c/ws/ libs: */
/* Seeded fuzz of the WebSocket server over loopback: honest clients whose messages come in any cut, down to 1-byte fragments and
 * single bytes, get each back whole; hostile ones send noise, cut-off and damaged requests and frames, lengths that lie, and
 * vanish, and get well-formed answers or an end; memory is flat. PB_FUZZ_SECONDS and PB_FUZZ_SEED make it longer or another. */
#include <errno.h>

#include "ws_client.h"

enum { ROUNDS = 400, LARGE = 4000, WIRE = 65536, BACK = 1 << 20 };

static uint64_t state;
static uint8_t wire[WIRE], back[BACK];

static uint32_t below(uint32_t n) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)((state >> 11) % n);
}

/* The owner: accepts all upgrades with a small limit, echoes, answers what is no upgrade. */
static void serve(struct pb_ws *s, int patience_ms) {
    struct pb_ws_event events[EVENTS];
    pb_ws_rearm(s);
    const uint32_t count = pb_ws_take(s, events, EVENTS);
    for (uint32_t i = 0; i < count; i++) {
        const struct pb_ws_event *e = &events[i];
        const struct ws_message *m = (const struct ws_message *)(uintptr_t)e->message; /* NOLINT */
        if (e->kind == PB_WS_REQUEST) {
            if (e->flags & 1) pb_ws_accept(s, e->connection, LARGE);
            else pb_ws_respond(s, e->connection, "HTTP/1.1 200 OK\r\n", 17, "hello", 5);
        } else if (e->kind == PB_WS_BINARY) {
            CHECK(e->size <= LARGE && pb_ws_send_message(s, e->connection, e->message, PB_WS_DELIVERY_STATE) == 0);
        } else if (e->kind == PB_WS_TEXT) {
            CHECK(e->size <= LARGE && ws_valid_utf8((const uint8_t *)(m + 1), e->size));
            pb_ws_send(s, e->connection, m + 1, e->size, 1);
        }
    }
    pb_ws_flush(s);
    if (!count && patience_ms) poll(NULL, 0, patience_ms);
}

static size_t masked(uint8_t *to, uint8_t first, const uint8_t *data, size_t size) {
    const size_t all = frame(to, first, data, size), head = all - size;
    uint8_t *mask = to + head - 4;
    for (int i = 0; i < 4; i++) mask[i] = (uint8_t)below(256);
    for (size_t i = 0; i < size; i++) to[head + i] = data[i] ^ mask[i & 3];
    return all;
}

/* A message in random fragments with pings between them. */
static size_t cut_up(uint8_t *to, const uint8_t *data, uint32_t size) {
    const uint32_t largest = below(3) ? 1 + below(size + 1) : 1;
    size_t at = 0;
    uint32_t done = 0;
    for (bool first = true, last = false; !last; first = false) {
        const uint32_t part = size - done < largest ? size - done : below(8) ? largest : 0;
        last = done + part == size && below(4);
        at += masked(to + at, (uint8_t)((last ? 0x80 : 0) | (first ? WS_BINARY : WS_CONTINUATION)), data + done, part);
        done += part;
        if (!last && !below(5)) at += masked(to + at, 0x80 | WS_PING, data, below(size < 125 ? size + 1 : 126));
    }
    return at;
}

/* Sends in pieces while the server works; false when it has hung up. */
static bool drip(struct pb_ws *s, int fd, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t part = below(4) ? 1 + below(2000) : 1;
        if (part > size - at) part = size - at;
        const ssize_t sent = send(fd, wire + at, part, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent > 0) at += (size_t)sent;
        if (sent < 0 || !below(16)) serve(s, 0);
    }
    return true;
}

/* Reads until `wanted` bytes are there or the end; returns how many. */
static size_t collect(struct pb_ws *s, int fd, size_t wanted, uint32_t patience_ms) {
    size_t have = 0;
    const uint64_t end = ws_now_ms() + patience_ms;
    while (have < wanted && ws_now_ms() < end) {
        const ssize_t got = recv(fd, back + have, wanted - have, MSG_DONTWAIT);
        if (got > 0) have += (size_t)got;
        else if (got == 0 || errno != EAGAIN) break;
        else serve(s, 1);
    }
    return have;
}

static int enter(struct pb_ws *s) {
    const int fd = dial(s);
    ask(fd, "/x");
    while (!readable(fd)) serve(s, 1);
    skip_head(fd);
    return fd;
}

/* Length of the frame at `at`, or 0 when it is none of a server's, or cut off. */
static size_t frame_at(size_t at, size_t have, int *opcode, size_t *head) {
    if (have - at < 2 || (back[at] & 0x70) || back[at + 1] & 0x80) return 0;
    uint64_t size = back[at + 1];
    *head = size < 126 ? 2 : size == 126 ? 4 : 10;
    if (have - at < *head) return 0;
    if (size >= 126) {
        size = 0;
        for (size_t i = 2; i < *head; i++) size = size << 8 | back[at + i];
    }
    *opcode = back[at] & 0x0f;
    return size <= have - at - *head ? *head + size : 0;
}

static void honest(struct pb_ws *s) {
    static uint8_t data[LARGE];
    const int fd = enter(s);
    for (uint32_t round = 0; round < 3; round++) {
        const uint32_t size = below(3) ? below(300) : below(LARGE);
        for (uint32_t i = 0; i < size; i++) data[i] = (uint8_t)below(256);
        CHECK(drip(s, fd, cut_up(wire, data, size < 2000 ? size : 2000)));
        size_t at = 0, have = 0, head = 0;
        int opcode = WS_PONG;
        /* Answers to pings may come first. */
        while (opcode == WS_PONG) {
            size_t whole = 0;
            while (!(whole = frame_at(at, have, &opcode, &head))) {
                const ssize_t got = recv(fd, back + have, sizeof back - have, MSG_DONTWAIT);
                CHECK(got != 0 && (got > 0 || errno == EAGAIN));
                if (got > 0) have += (size_t)got;
                else serve(s, 1);
            }
            if (opcode != WS_PONG) CHECK(opcode == WS_BINARY && whole - head == (size < 2000 ? size : 2000) && memcmp(back + at + head, data, whole - head) == 0);
            at += whole;
        }
        CHECK(at == have || back[at] == (0x80 | WS_PONG));
        /* What may still come are answers to pings; the next round must not take them for its own. */
        while (collect(s, fd, sizeof back, 5)) {}
    }
    close(fd);
}

static size_t noise(uint8_t *to, size_t size) {
    for (size_t i = 0; i < size; i++) to[i] = (uint8_t)below(256);
    return size;
}

/* Frames, most of them well-formed to begin with. */
static size_t hostile_frames(void) {
    static uint8_t data[LARGE + 100];
    static const uint8_t firsts[] = {0x82, 0x82, 0x82, 0x81, 0x01, 0x02, 0x80, 0x00, 0x89, 0x8a, 0x88, 0x83, 0xc2, 0x09};
    size_t at = 0;
    noise(data, sizeof data);
    for (uint32_t n = 1 + below(6); n > 0; n--) {
        const uint32_t size = below(4) ? below(130) : below(LARGE + 100);
        at += masked(wire + at, firsts[below(sizeof firsts)], data, size);
    }
    if (!below(3)) { /* a length that lies, as the first, in each of its forms */
        static const uint8_t lies[][10] = {{0x82, 0xfe, 0xff, 0xff}, {0x82, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, {0x82, 0xff, 0xff}, {0x82, 0xfe, 0, 3}, {0x89, 0xfe, 1, 0}, {0x82, 0x7f}};
        memcpy(wire, lies[below(6)], 10);
    }
    return at;
}

static size_t hostile_request(void) {
    static const char *const heads[] = {
        "GET /x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /y HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /y HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\nContent-Length: 3\r\n\r\nabc",
        "POST /y HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n : x\r\n\r\n",
    };
    const char *head = heads[below(sizeof heads / sizeof *heads)];
    const size_t size = strlen(head);
    memcpy(wire, head, size);
    return size;
}

static size_t damage(size_t size) {
    for (uint32_t n = below(6); n > 0 && size; n--) wire[below((uint32_t)size)] = below(2) ? (uint8_t)below(256) : (uint8_t)(below(2) ? 0xff : 0);
    if (!below(3)) size = below((uint32_t)size + 1);
    if (!below(4)) size += noise(wire + size, below(200));
    return size;
}

/* What came must be an answer, or frames that end with a close of a known code, or simply the end. */
static void judge(size_t have, bool is_open) {
    if (!is_open) {
        CHECK(have == 0 || (have >= 12 && memcmp(back, "HTTP/1.1 ", 9) == 0));
        return;
    }
    int opcode = 0;
    for (size_t at = 0, head = 0, whole; at < have && (whole = frame_at(at, have, &opcode, &head)) > 0; at += whole) {
        CHECK(opcode == WS_BINARY || opcode == WS_TEXT || opcode == WS_PONG || opcode == WS_CLOSE);
        if (opcode != WS_CLOSE) continue;
        const uint32_t code = whole == head ? 1005 : (uint32_t)(back[at + head] << 8 | back[at + head + 1]);
        CHECK(at + whole == have && (code == 1002 || code == 1005 || code == 1007 || code == 1009 || (code >= 1000 && code < 5000)));
    }
}

static void hostile(struct pb_ws *s) {
    const bool is_open = below(3) != 0;
    const int fd = is_open ? enter(s) : dial(s);
    const uint32_t kind = below(8);
    size_t size = kind == 0 ? noise(wire, below(3000)) : is_open ? hostile_frames() : hostile_request();
    if (below(2)) size = damage(size);
    const bool heard = drip(s, fd, size);
    /* Half of them vanish, in the midst of a frame or a request. */
    if (heard && below(2)) {
        shutdown(fd, SHUT_WR);
        const size_t have = collect(s, fd, sizeof back, 5000);
        judge(have, is_open);
    } else if (below(2)) {
        const struct linger now = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(fd);
}

static void wait_until_alone(struct pb_ws *s, struct pb_ws_stats *stats) {
    const uint64_t end = ws_now_ms() + 20000;
    do {
        serve(s, 1);
        pb_ws_stats(s, stats);
    } while ((stats->connections || stats->memory_used) && ws_now_ms() < end);
    CHECK(stats->connections == 0 && stats->memory_used == 0);
}

static uint64_t number_of(const char *name, uint64_t usual) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : usual;
}

int main(void) {
    const uint64_t seconds = number_of("PB_FUZZ_SECONDS", 0), seed = number_of("PB_FUZZ_SEED", 1), begin = ws_now_ms();
    struct pb_ws *s = open_server((struct pb_ws_settings){.memory_mib = 32, .head_timeout_ms = 300, .close_timeout_ms = 300});
    struct pb_ws_stats stats;
    state = seed * 0x9e3779b97f4a7c15u + 1;
    uint64_t rounds = 0;
    for (; seconds ? ws_now_ms() - begin < seconds * 1000 : rounds < ROUNDS; rounds++) {
        if (rounds % 8 == 0) honest(s);
        else hostile(s);
        if (rounds % 200 == 199) wait_until_alone(s, &stats);
    }
    wait_until_alone(s, &stats);
    CHECK(stats.memory_held <= 8u << 20 && stats.messages_in > rounds / 8);
    printf("%llu clients from seed %llu, %llu messages\n", (unsigned long long)rounds, (unsigned long long)seed, (unsigned long long)stats.messages_in);
    pb_ws_close(s);
    return 0;
}
