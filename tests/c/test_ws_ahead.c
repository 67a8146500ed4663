/* sources: c/ws/ libs: */
/* Messages that go ahead of TypeScript: members come and go at any moment, and each gets every message after its catch-up
 * exactly once and in order, also where some messages are TypeScript's to decide; and who lagged again is told of again. */
#include "ws_client.h"

enum { MEMBERS = 8, TURNS = 6, MESSAGES = 6000, NUMBER_AT = 20, LARGEST = 1500, DELTA = 3, ASKED = 9, KEYFRAME = 1, SHORT = 17 };

static uint8_t rules[WS_AHEAD_RULES];
static atomic_uint present; /* members in their first turn, so that the source starts when all have joined */

static void make_rules(void) {
    memset(rules, PB_WS_RULE_ASK, sizeof rules);
    memset(rules + (DELTA << 8), PB_WS_RULE_LOOK, 256);
    memset(rules + (KEYFRAME << 8), PB_WS_DELIVERY_KEYFRAME, 256);
    memset(rules + 65536, PB_WS_DELIVERY_DROPPABLE, 256);
}

static uint32_t body(uint8_t *data, uint32_t n) {
    const uint32_t size = NUMBER_AT + 4 + n * 37 % (LARGEST - NUMBER_AT - 4);
    data[0] = n % 97 == 0 ? ASKED : DELTA;
    memcpy(data + NUMBER_AT, &n, 4);
    return size;
}

static void *send_all(void *argument) {
    struct pb_ws *s = argument;
    static uint8_t data[LARGEST], wire[LARGEST + 14];
    const int fd = dial(s);
    ask(fd, "/source");
    skip_head(fd);
    while (atomic_load(&present) < MEMBERS) poll(NULL, 0, 1);
    for (uint32_t n = 1; n <= MESSAGES; n++) {
        put(fd, wire, frame(wire, 0x82, data, body(data, n)));
        if (n % 500 == 0) poll(NULL, 0, 3);
    }
    put(fd, wire, frame(wire, 0x88, (const uint8_t *)"\x03\xe8", 2));
    uint64_t size;
    CHECK(next_frame(fd, data, &size) == WS_CLOSE);
    close(fd);
    return NULL;
}

struct member {
    pthread_t thread;
    struct pb_ws *s;
    uint32_t index, seen;
};

static void *follow(void *argument) {
    struct member *m = argument;
    static _Thread_local uint8_t data[1 << 20], wanted[LARGEST];
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uint64_t size;
        uint32_t last;
        const int fd = dial(m->s);
        ask(fd, "/member");
        skip_head(fd);
        CHECK(next_frame(fd, data, &size) == WS_TEXT && size == 4);
        memcpy(&last, data, 4);
        if (turn == 0) atomic_fetch_add(&present, 1);
        const uint32_t patience = turn + 1 == TURNS ? UINT32_MAX : 100 + m->index * 111;
        for (uint32_t i = 0; i < patience && next_frame(fd, data, &size) == WS_BINARY; i++) {
            const uint32_t whole = body(wanted, ++last);
            if (size != whole || memcmp(data + NUMBER_AT, wanted + NUMBER_AT, 4) != 0)
                fprintf(stderr, "member %u, turn %u: no message %u\n", m->index, turn, last);
            CHECK(size == whole && data[0] == wanted[0] && memcmp(data + NUMBER_AT, wanted + NUMBER_AT, 4) == 0);
            m->seen++;
        }
        close(fd);
        if (turn + 1 == TURNS) CHECK(last == MESSAGES);
    }
    return NULL;
}

/* What the relay's core does: a catch-up of what it has seen, then the group; each message is broadcast. */
static void everyone_once(uint32_t threads, bool urgent) {
    struct pb_ws *s = open_server((struct pb_ws_settings){.threads = threads, .memory_mib = 32, .source_messages = 64});
    const uint32_t group = pb_ws_group_open(s, 1u << 20, 1u << 30);
    struct member members[MEMBERS];
    struct pb_ws_event events[EVENTS];
    pthread_t source;
    double from = 0, joined[MEMBERS * TURNS];
    uint32_t newest = 0, ahead = 0, ended = 0, member_count = 0, seed = 7;
    atomic_store(&present, 0);
    CHECK(pthread_create(&source, NULL, send_all, s) == 0);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        members[i] = (struct member){.s = s, .index = i};
        CHECK(pthread_create(&members[i].thread, NULL, follow, &members[i]) == 0);
    }
    /* Whoever has not come by the source's end still gets its turn. */
    while (!ended || member_count < MEMBERS * TURNS) {
        seed = seed * 1103515245 + 12345;
        pb_ws_rearm(s);
        const uint32_t count = pb_ws_take(s, events, 1 + (seed >> 16) % EVENTS);
        for (uint32_t i = 0; i < count; i++) {
            const struct pb_ws_event *e = &events[i];
            const uint8_t *bytes = (const uint8_t *)(uintptr_t)e->message + WS_MESSAGE_HEAD; /* NOLINT */
            if (e->kind == PB_WS_REQUEST && memmem(bytes, e->size, "/source", 7)) {
                pb_ws_accept(s, from = e->connection, MAX_MESSAGE);
                pb_ws_forward(s, from, group, rules, urgent);
            } else if (e->kind == PB_WS_REQUEST) {
                pb_ws_accept(s, e->connection, MAX_MESSAGE);
                pb_ws_send(s, e->connection, &newest, 4, 1);
                CHECK(pb_ws_group_join(s, group, e->connection) == 0);
                CHECK(member_count < MEMBERS * TURNS);
                joined[member_count++] = e->connection;
            } else if (e->kind == PB_WS_BINARY) {
                uint32_t number;
                memcpy(&number, bytes + NUMBER_AT, 4);
                CHECK(number == ++newest);
                ahead += e->head_size == group;
                CHECK(pb_ws_broadcast(s, group, e->message, PB_WS_DELIVERY_DROPPABLE) == 0);
            } else if (e->kind == PB_WS_CLOSED && e->connection == from) {
                ended++;
            }
        }
        pb_ws_flush(s);
        if (!count || seed >> 16 & 1) poll(NULL, 0, 1);
    }
    for (uint32_t i = 0; i < member_count; i++) pb_ws_end(s, joined[i], 1000, "", 0);
    pb_ws_flush(s);
    pthread_join(source, NULL);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        pthread_join(members[i].thread, NULL);
        seen += members[i].seen;
    }
    struct pb_ws_stats stats;
    pb_ws_stats(s, &stats);
    CHECK(newest == MESSAGES && ahead > MESSAGES / 10 && seen >= MESSAGES && stats.left_out == 0);
    pb_ws_close(s);
}

static double accept_next(struct pb_ws *s) {
    for (;;) {
        struct pb_ws_event event;
        if (pb_ws_take(s, &event, 1) && event.kind == PB_WS_REQUEST) {
            pb_ws_accept(s, event.connection, MAX_MESSAGE);
            return event.connection;
        }
        poll(NULL, 0, 1);
    }
}

static void await_messages(struct pb_ws *s, uint32_t count) {
    for (struct pb_ws_stats stats = {0}; stats.messages_in < count; poll(NULL, 0, 1)) pb_ws_stats(s, &stats);
}

/* Who joins while something is ahead gets that, and what goes ahead after it, from TypeScript and once. */
static void comes_late(void) {
    static uint8_t data[LARGEST], wire[LARGEST + 14], back[1 << 20];
    struct pb_ws *s = open_server((struct pb_ws_settings){0});
    const uint32_t group = pb_ws_group_open(s, 16, 1u << 20);
    const int from = dial(s), to = dial(s);
    ask(to, "/member");
    const double member = accept_next(s);
    skip_head(to);
    ask(from, "/source");
    pb_ws_forward(s, accept_next(s), group, rules, 0);
    skip_head(from);
    struct pb_ws_event events[EVENTS];
    CHECK(pb_ws_take(s, events, EVENTS) == 0); /* done with the requests */
    for (uint32_t n = 1; n <= 3; n++) {
        put(from, wire, frame(wire, 0x82, data, body(data, n)));
        await_messages(s, n);
        if (n == 1) CHECK(pb_ws_group_join(s, group, member) == 0);
    }
    uint32_t broadcast = 0;
    for (uint32_t count; (count = pb_ws_take(s, events, EVENTS)) > 0;)
        for (uint32_t i = 0; i < count; i++) {
            CHECK(events[i].kind == PB_WS_BINARY && events[i].head_size == group);
            CHECK(pb_ws_broadcast(s, group, events[i].message, PB_WS_DELIVERY_DROPPABLE) == 0);
            broadcast++;
        }
    CHECK(broadcast == 3);
    put(from, wire, frame(wire, 0x82, data, body(data, 4))); /* now an ordinary member, it gets this with no help */
    pb_ws_flush(s);
    for (uint32_t n = 1; n <= 4; n++) {
        uint64_t size;
        uint32_t number;
        CHECK(next_frame(to, back, &size) == WS_BINARY && size == body(data, n));
        memcpy(&number, back + NUMBER_AT, 4);
        CHECK(number == n);
    }
    close(from);
    close(to);
    pb_ws_close(s);
}

/* Left out, mended by a keyframe, left out again before anybody looked: the second time comes behind the keyframe. */
static void lags_again(void) {
    static uint8_t data[MAX_MESSAGE], wire[MAX_MESSAGE + 14];
    struct pb_ws *s = open_server((struct pb_ws_settings){.send_buffer_bytes = 8192, .source_bytes = 64u << 20, .source_messages = 1000});
    const uint32_t group = pb_ws_group_open(s, 2, 1u << 30);
    const int from = dial(s), to = dial(s), small = 4096;
    setsockopt(to, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ask(to, "/member");
    CHECK(pb_ws_group_join(s, group, accept_next(s)) == 0);
    ask(from, "/source");
    pb_ws_forward(s, accept_next(s), group, rules, 0);
    skip_head(from);
    struct pb_ws_event events[256];
    CHECK(pb_ws_take(s, events, 256) == 0); /* done with the requests */
    /* What a write has begun on cannot be taken back, so a few keyframes are needed before one makes room. */
    uint32_t sent = 0;
    for (uint32_t round = 0; round < 6; round++)
        for (uint32_t i = 0; i < 20; i++, sent++) {
            data[0] = round && i == 0 ? KEYFRAME : DELTA;
            put(from, wire, frame(wire, 0x82, data, MAX_MESSAGE));
        }
    await_messages(s, sent);
    uint32_t lagged = 0, keyframe = 0, at = 0, last_lag = 0, messages = 0;
    for (uint32_t count; (count = pb_ws_take(s, events, 256)) > 0;)
        for (uint32_t i = 0; i < count; i++, at++) {
            if (events[i].kind == PB_WS_LAGGED) lagged++, last_lag = at;
            if (events[i].kind != PB_WS_BINARY) continue;
            messages++;
            CHECK(events[i].head_size == group && pb_ws_broadcast(s, group, events[i].message, PB_WS_DELIVERY_DROPPABLE) >= 0);
            if (*((const uint8_t *)(uintptr_t)events[i].message + WS_MESSAGE_HEAD) == KEYFRAME) keyframe = at; /* NOLINT */
        }
    CHECK(messages == sent && lagged == 2 && last_lag > keyframe);
    /* One that is too short for a rule is TypeScript's, and so is what comes before TypeScript is done with it. */
    put(from, wire, frame(wire, 0x82, data, SHORT - 1));
    put(from, wire, frame(wire, 0x82, data, SHORT));
    for (uint32_t count = 0; count < 2;) {
        const uint32_t got = pb_ws_take(s, events, 256);
        for (uint32_t i = 0; i < got; i++) CHECK(events[i].kind != PB_WS_BINARY || (events[i].head_size == 0 || count == 1));
        for (uint32_t i = 0; i < got; i++) count += events[i].kind == PB_WS_BINARY;
        poll(NULL, 0, 1);
    }
    close(from);
    close(to);
    pb_ws_close(s);
}

int main(void) {
    make_rules();
    everyone_once(1, false);
    everyone_once(3, false);
    everyone_once(3, true);
    comes_late();
    lags_again();
    return 0;
}
