/* sources: c/ws/ libs: */
/* The WebSocket server over loopback with threads as clients: frames in every cut, what the protocol forbids, receivers that
 * stall, a source that outruns, connections that come and go while broadcasts run, and closing with everything in flight. */
#include "ws_client.h"

/* ---- an owner that accepts everyone and echoes ---- */

struct owner {
    struct pb_ws *s;
    uint32_t closed, code, requests;
    double newest;
};

static void serve(struct owner *o) {
    struct pb_ws_event events[EVENTS];
    pb_ws_rearm(o->s);
    const uint32_t count = pb_ws_take(o->s, events, EVENTS);
    for (uint32_t i = 0; i < count; i++) {
        const struct pb_ws_event *e = &events[i];
        if (e->kind == PB_WS_REQUEST) {
            o->requests++;
            o->newest = e->connection;
            if (e->flags & 1) pb_ws_accept(o->s, e->connection, MAX_MESSAGE);
            else pb_ws_respond(o->s, e->connection, "HTTP/1.1 200 OK\r\n", 17, "hello", 5);
        } else if (e->kind == PB_WS_BINARY) {
            CHECK(pb_ws_send_message(o->s, e->connection, e->message, PB_WS_DELIVERY_STATE) == 0);
        } else if (e->kind == PB_WS_TEXT) {
            const struct ws_message *m = (const struct ws_message *)(uintptr_t)e->message; /* NOLINT */
            pb_ws_send(o->s, e->connection, m + 1, e->size, 1);
        } else if (e->kind == PB_WS_CLOSED) {
            o->closed++;
            o->code = e->size;
        }
    }
    pb_ws_flush(o->s);
    if (!count) poll(NULL, 0, 1);
}

static int join(struct owner *o) {
    const int fd = dial(o->s);
    ask(fd, "/x");
    while (!readable(fd)) serve(o);
    skip_head(fd);
    return fd;
}

static void echo(struct owner *o) {
    static const uint32_t sizes[] = {0, 1, 125, 126, 127, 1000, 65535, 65536, MAX_MESSAGE};
    static uint8_t data[MAX_MESSAGE], wire[MAX_MESSAGE * 8], back[1 << 20];
    for (uint32_t i = 0; i < MAX_MESSAGE; i++) data[i] = (uint8_t)(i * 13);
    const int fd = join(o);
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = frame(wire, 0x82, data, sizes[i]);
        for (size_t at = 0; at < size;) { /* in uneven pieces, the first ones single bytes */
            const size_t part = at < 20 ? 1 : size - at < 4099 ? size - at : 4099;
            put(fd, wire + at, part);
            at += part;
            if (at % 3 == 0) serve(o);
        }
        while (!readable(fd)) serve(o);
        uint64_t got;
        for (int turn = 0; turn < 50; turn++) serve(o);
        CHECK(next_frame(fd, back, &got) == WS_BINARY && got == sizes[i] && memcmp(back, data, got) == 0);
    }
    /* 1-byte fragments of a text, a ping and an empty fragment among them. */
    size_t at = 0;
    const char *text = "h\xc3\xa9llo";
    for (uint32_t i = 0; i < 6; i++) at += frame(wire + at, (uint8_t)(i == 0 ? 0x01 : 0x00), (const uint8_t *)text + i, 1);
    at += frame(wire + at, 0x89, (const uint8_t *)"ping", 4);
    at += frame(wire + at, 0x00, NULL, 0);
    at += frame(wire + at, 0x80, NULL, 0);
    put(fd, wire, at);
    uint64_t got;
    while (!readable(fd)) serve(o);
    CHECK(next_frame(fd, back, &got) == WS_PONG && got == 4 && memcmp(back, "ping", 4) == 0);
    while (!readable(fd)) serve(o);
    CHECK(next_frame(fd, back, &got) == WS_TEXT && got == 6 && memcmp(back, text, 6) == 0);
    /* The peer's close is echoed, and nothing follows. */
    const uint32_t before = o->closed;
    at = frame(wire, 0x88, (const uint8_t *)"\x0b\xb9 bye", 6);
    put(fd, wire, at);
    CHECK(next_frame(fd, back, &got) == WS_CLOSE && got == 2 && back[0] == 0x0b && back[1] == 0xb9);
    CHECK(next_frame(fd, back, &got) == -1);
    close(fd);
    while (o->closed == before) serve(o);
    CHECK(o->code == 3001);
}

static void forbidden(struct owner *o) {
    static const struct {
        const char *bytes;
        uint32_t size, code;
    } cases[] = {
        {"\xc2\x80\0\0\0\0", 6, 1002},                         /* reserved bit */
        {"\x82\x01x", 3, 1002},                                /* not masked */
        {"\x83\x80\0\0\0\0", 6, 1002},                         /* reserved opcode */
        {"\x8b\x80\0\0\0\0", 6, 1002},                         /* reserved control opcode */
        {"\x09\x80\0\0\0\0", 6, 1002},                         /* fragmented ping */
        {"\x89\xfe\x00\x7e\0\0\0\0", 8, 1002},                 /* long ping */
        {"\x80\x80\0\0\0\0", 6, 1002},                         /* continues nothing */
        {"\x02\x80\0\0\0\0\x82\x80\0\0\0\0", 12, 1002},        /* a second message inside the first */
        {"\x82\xfe\x00\x05\0\0\0\0", 8, 1002},                 /* length not minimal */
        {"\x82\xff\x00\0\0\0\0\0\xff\xff\0\0\0\0", 14, 1002},  /* length not minimal */
        {"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, 1002},      /* length with its highest bit */
        {"\x82\xff\0\0\0\0\0\x01\x86\xa1\0\0\0\0", 14, 1009},  /* one more than allowed */
        {"\x82\xff\0\0\0\xff\0\0\0\0\0\0\0\0", 14, 1009},      /* a lie */
        {"\x81\x82\0\0\0\0\xc3\x28", 8, 1007},
        {"\x88\x81\0\0\0\0x", 7, 1002},                        /* half a code */
        {"\x88\x82\0\0\0\0\x03\xed", 8, 1002},                 /* 1005 is never sent */
        {"\x88\x83\0\0\0\0\x03\xe8\xff", 9, 1007},
    };
    uint8_t back[256];
    uint64_t got;
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t before = o->closed;
        const int fd = join(o);
        put(fd, cases[i].bytes, cases[i].size);
        const int opcode = next_frame(fd, back, &got);
        if (opcode != WS_CLOSE || (uint32_t)(back[0] << 8 | back[1]) != cases[i].code)
            fprintf(stderr, "case %u: opcode %d, code %d\n", i, opcode, back[0] << 8 | back[1]);
        CHECK(opcode == WS_CLOSE && (uint32_t)(back[0] << 8 | back[1]) == cases[i].code);
        CHECK(next_frame(fd, back, &got) == -1);
        close(fd);
        while (o->closed == before) serve(o);
        CHECK(o->code == cases[i].code);
    }
    /* Fragments add up. */
    static uint8_t wire[MAX_MESSAGE + 100], data[MAX_MESSAGE];
    const int fd = join(o);
    put(fd, wire, frame(wire, 0x02, data, MAX_MESSAGE - 1));
    put(fd, wire, frame(wire, 0x00, data, 1));
    put(fd, wire, frame(wire, 0x80, data, 1));
    CHECK(next_frame(fd, back, &got) == WS_CLOSE && (back[0] << 8 | back[1]) == 1009);
    close(fd);
}

static void plain_http(struct owner *o) {
    char text[512] = "";
    const int fd = dial(o->s);
    static const char two[] = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    put(fd, two, sizeof two - 1);
    const uint32_t before = o->requests;
    while (o->requests < before + 2) serve(o);
    size_t have = 0;
    ssize_t got;
    while ((got = recv(fd, text + have, sizeof text - 1 - have, 0)) > 0) have += (size_t)got;
    text[have] = 0;
    const char *second = strstr(text + 1, "HTTP/1.1 200");
    CHECK(strstr(text, "keep-alive") && second && strstr(second, "connection: close") && strstr(second, "hello"));
    close(fd);
    const int bad = dial(o->s);
    put(bad, "GET / HTTP/1.1\n\n", 16);
    have = 0;
    while ((got = recv(bad, text + have, sizeof text - 1 - have, 0)) > 0) have += (size_t)got;
    text[have] = 0;
    CHECK(strncmp(text, "HTTP/1.1 400 ", 13) == 0 && strstr(text, "\"error\""));
    close(bad);
}

/* ---- fan-out under load ---- */

enum { RECEIVERS = 12, MESSAGES = 3000, BODY = 700 };
static atomic_uint reading; /* receivers at work, so that the source starts when all have joined */

struct receiver {
    pthread_t thread;
    struct pb_ws *s;
    uint32_t index, last, count;
};

static void *receive_all(void *argument) {
    struct receiver *r = argument;
    static _Thread_local uint8_t data[1 << 20];
    uint64_t size;
    const int fd = dial(r->s);
    ask(fd, "/stream");
    skip_head(fd);
    atomic_fetch_add(&reading, 1);
    while (next_frame(fd, data, &size) == WS_BINARY) {
        uint32_t number;
        memcpy(&number, data, 4);
        CHECK(size == BODY && number > r->last);
        for (uint32_t i = 4; i < size; i++) CHECK(data[i] == (uint8_t)(number + i));
        r->last = number;
        r->count++;
        if (r->index == 1 && r->count == 500) break; /* one that goes in the midst */
    }
    close(fd);
    return NULL;
}

static void *send_all(void *argument) {
    struct pb_ws *s = argument;
    static uint8_t data[BODY], wire[BODY + 14];
    const int fd = dial(s);
    ask(fd, "/source");
    skip_head(fd);
    while (atomic_load(&reading) < RECEIVERS) poll(NULL, 0, 1);
    for (uint32_t n = 1; n <= MESSAGES; n++) {
        memcpy(data, &n, 4);
        for (uint32_t i = 4; i < BODY; i++) data[i] = (uint8_t)(n + i);
        put(fd, wire, frame(wire, 0x82, data, BODY));
    }
    put(fd, wire, frame(wire, 0x88, (const uint8_t *)"\x03\xe8", 2));
    uint64_t size;
    CHECK(next_frame(fd, data, &size) == WS_CLOSE);
    close(fd);
    return NULL;
}

static void *stats_reader(void *argument) {
    struct pb_ws *s = argument;
    for (uint32_t i = 0; i < 200; i++) {
        const int fd = dial(s);
        if (i % 2) put(fd, "GET /", 5);
        close(fd);
        poll(NULL, 0, 1);
    }
    return NULL;
}

static void fan_out(uint32_t threads) {
    struct pb_ws *s = open_server((struct pb_ws_settings){.threads = threads, .memory_mib = 16, .source_messages = 32});
    struct receiver receivers[RECEIVERS];
    pthread_t source, noise;
    struct pb_ws_event events[EVENTS];
    const uint32_t group = pb_ws_group_open(s, 1u << 20, 1u << 30);
    double from = 0, stalled = 0;
    bool ended = false;
    atomic_store(&reading, 0);
    const int idle = dial(s);
    ask(idle, "/stalled");
    for (uint32_t i = 0; i < RECEIVERS; i++) {
        receivers[i] = (struct receiver){.s = s, .index = i};
        CHECK(pthread_create(&receivers[i].thread, NULL, receive_all, &receivers[i]) == 0);
    }
    CHECK(pthread_create(&source, NULL, send_all, s) == 0 && pthread_create(&noise, NULL, stats_reader, s) == 0);
    double members[RECEIVERS];
    uint32_t joined = 0;
    while (!ended) {
        pb_ws_rearm(s);
        const uint32_t count = pb_ws_take(s, events, EVENTS);
        for (uint32_t i = 0; i < count; i++) {
            const struct pb_ws_event *e = &events[i];
            const char *head = (const char *)(uintptr_t)e->message + WS_MESSAGE_HEAD; /* NOLINT */
            if (e->kind == PB_WS_REQUEST && e->flags) {
                pb_ws_accept(s, e->connection, MAX_MESSAGE);
                const char *path = memchr(head, '/', e->size);
                CHECK(path);
                if (strncmp(path, "/source", 7) == 0) {
                    from = e->connection;
                } else {
                    if (strncmp(path, "/stalled", 8) == 0) stalled = e->connection;
                    else members[joined++] = e->connection;
                    CHECK(pb_ws_group_join(s, group, e->connection) == 0);
                }
            } else if (e->kind == PB_WS_BINARY) {
                CHECK(pb_ws_broadcast(s, group, e->message, PB_WS_DELIVERY_DROPPABLE) >= 0);
            } else if (e->kind == PB_WS_CLOSED && e->connection == from) {
                ended = true;
            }
        }
        pb_ws_flush(s);
        if (!count) poll(NULL, 0, 1);
    }
    for (uint32_t i = 0; i < joined; i++) pb_ws_end(s, members[i], 1000, "", 0);
    pb_ws_flush(s);
    pthread_join(source, NULL);
    pthread_join(noise, NULL);
    for (uint32_t i = 0; i < RECEIVERS; i++) {
        pthread_join(receivers[i].thread, NULL);
        CHECK(receivers[i].count == (i == 1 ? 500 : MESSAGES));
    }
    struct pb_ws_stats stats;
    pb_ws_stats(s, &stats);
    CHECK(stats.messages_in == MESSAGES && stalled != 0);
    pb_ws_close(s);
    close(idle);
}

/* A receiver that never reads keeps a bounded queue by each policy. */
static void stall(void) {
    struct owner o = {.s = open_server((struct pb_ws_settings){.send_buffer_bytes = 8192, .close_timeout_ms = 200})};
    const uint32_t most = 1u << 20, group = pb_ws_group_open(o.s, 4, most);
    static uint8_t data[50000];
    const int fd = join(&o), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    const double connection = o.newest, message = pb_ws_store(o.s, data, sizeof data);
    CHECK(message != 0 && pb_ws_group_join(o.s, group, connection) == 0);
    int32_t left = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        left += pb_ws_broadcast(o.s, group, message, PB_WS_DELIVERY_DROPPABLE);
        if (i % 16 == 0) pb_ws_flush(o.s);
        /* Until the kernel has refused some, eight batches more may be on their way to it. */
        CHECK(pb_ws_queued(o.s, connection) <= most + 8.0 * 256 * 1024 + sizeof data);
    }
    CHECK(left > 1500);
    CHECK(pb_ws_broadcast(o.s, group, message, PB_WS_DELIVERY_DROPPABLE) == 1);
    /* What a write has begun on at this very moment cannot be taken back, so the picture may need a second keyframe. */
    uint32_t keyframes = 0;
    do {
        CHECK(pb_ws_broadcast(o.s, group, message, PB_WS_DELIVERY_KEYFRAME) == 0 && keyframes++ < 1000);
        CHECK(pb_ws_queued(o.s, connection) <= 40.0 * sizeof data);
    } while (pb_ws_broadcast(o.s, group, message, PB_WS_DELIVERY_DROPPABLE) != 0);
    CHECK(pb_ws_queued(o.s, connection) <= 5.0 * sizeof data);
    for (left = 0; left == 0;) left = pb_ws_broadcast(o.s, group, message, PB_WS_DELIVERY_STATE);
    while (!o.closed) serve(&o);
    CHECK(o.code == 4413);
    CHECK(pb_ws_release(o.s, message) == 0 && pb_ws_release(o.s, message) == -1);
    close(fd);
    pb_ws_close(o.s);
}

/* One connection more than there may be is told so, and a place that becomes free is given again. */
static void full(void) {
    enum { PLACES = 5 };
    struct owner o = {.s = open_server((struct pb_ws_settings){.connections = PLACES, .close_timeout_ms = 100})};
    char text[512];
    int fds[PLACES];
    struct pb_ws_stats stats;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < PLACES; i++) fds[i] = join(&o);
        const int late = dial(o.s);
        CHECK(get(late, text, 12) && memcmp(text, "HTTP/1.1 503", 12) == 0);
        close(late);
        for (uint32_t i = 0; i < PLACES; i++) close(fds[i]);
        do {
            serve(&o);
            pb_ws_stats(o.s, &stats);
        } while (stats.connections);
    }
    CHECK(stats.refused_503 == 3 && stats.memory_used == 0);
    pb_ws_close(o.s);
}

/* Time-outs: a head that never ends, a request that nobody answers; and closing with everything open. */
static void times(void) {
    struct pb_ws *s = open_server((struct pb_ws_settings){.head_timeout_ms = 100, .answer_timeout_ms = 100});
    char text[512];
    const int slow = dial(s), unanswered = dial(s);
    put(slow, "GET / HT", 8);
    put(unanswered, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
    CHECK(get(slow, text, 12) && memcmp(text, "HTTP/1.1 408", 12) == 0);
    CHECK(get(unanswered, text, 12) && memcmp(text, "HTTP/1.1 503", 12) == 0);
    const int open_one = dial(s);
    ask(open_one, "/x");
    pb_ws_stop_listening(s);
    pb_ws_close(s);
    close(slow);
    close(unanswered);
    close(open_one);
}

int main(void) {
    struct owner o = {.s = open_server((struct pb_ws_settings){0})};
    echo(&o);
    forbidden(&o);
    plain_http(&o);
    pb_ws_close(o.s);
    fan_out(1);
    fan_out(3);
    stall();
    full();
    times();
    return 0;
}
