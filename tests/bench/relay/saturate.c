/* sources: libs: */
/* The load client of the relay bench: N receivers and one source in one epoll loop, in a process of its own.
 * usage: saturate PORT [--protocol ws|redis|nats|plain] [--host IP] [--receivers N] [--size BYTES] [--seconds S] [--warm S]
 *                 [--window MESSAGES] [--hz RATE] [--stalled N] [--source PATH] [--receive PATH] [--keyframe-every N]
 *                 [--watch PID] [--discard]
 * Without --hz the source sends as fast as it may: at most `window` messages ahead of what the slowest receiver that is not
 * stalled has seen, and never more than its socket takes (0: only the socket). With --hz it sends at that rate, after it has
 * warmed the server without pacing, so that what a compiler does in a program's first seconds is no part of the figures.
 * Each message is a ds-stream frame: 16 bytes of head with the flag KEYFRAME every so often, then a magic, a number and a
 * time in microseconds of CLOCK_MONOTONIC, zeros, and the number's complement as the last 8 bytes. Only a message of the
 * right length whose both ends are there and agree counts. Servers that pass bytes on unchanged can be compared whatever they are.
 * Stalled receivers connect and never read. --discard lets the kernel throw the zeros of large messages away unread, so that
 * the client's own copying does not limit a fast server; both ends are looked at all the same.
 * --watch tells the processor time that the process PID used while messages were counted, and its highest resident memory.
 * At the end, what is under way gets two seconds to arrive; what then is missing counts as left out.
 * Prints one line of JSON; times are of delivery, measured from the message's making just before the source's write call. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gauges.h"
#include "protocols.h"

enum { READ_BYTES = 1 << 20, STAMP_AT = 16, MAGIC = 0x70626c64, END_BYTES = 8, PLENTY = 4 << 20 };

struct settings {
    const char *host, *source, *receive, *protocol;
    uint32_t port, watch, receivers, size, window, hz, stalled, keyframe_every;
    double seconds, warm;
    bool discard;
};

struct stamp {
    uint32_t magic, padding;
    uint64_t number, sent_us;
};

struct receiver {
    int fd;
    bool stalled, open;
    uint64_t messages, bytes, last;
    uint8_t head[PROTO_HEAD_MAX + STAMP_AT + sizeof(struct stamp)];
    uint32_t head_have; /* bytes of the frame head and of the payload's start */
    uint64_t skip;      /* payload bytes to come that nobody looks at */
    struct stamp stamp; /* of the message whose end is still to come */
    uint8_t end[END_BYTES + 2];
    uint32_t end_have, end_wanted; /* 0: no message of the bench is under way */
};

static struct proto proto;
static struct settings set = {.protocol = "ws", .host = "127.0.0.1", .source = "/source/bench", .receive = "/stream/bench", .receivers = 64,
                              .size = 1024, .window = 256, .seconds = 3, .warm = 1, .keyframe_every = 60};
static struct receiver *receivers;
static uint64_t counted_messages, counted_bytes, late, broken;
static bool counting;
static uint8_t *scratch;

static void die(const char *what) {
    fprintf(stderr, "saturate: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Connected and in its role, non-blocking. `buffer`: bytes the kernel keeps for it, where that is allowed. One that stalls has
 * as little as there can be. The others have plenty: with what a kernel gives by itself it drops small messages that come while
 * the client is busy, and what then is measured is TCP's patience. */
static int upgrade(const char *path, int buffer) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)set.port)};
    inet_pton(AF_INET, set.host, &to.sin_addr);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0 && buffer < PLENTY)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!proto_open(&proto, fd, set.host, path, path == set.receive)) {
        fprintf(stderr, "saturate: %s was refused\n", path);
        exit(1);
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

/* ---- receiving ---- */

static void delivered(struct receiver *r, uint64_t at_us) {
    const uint64_t complement = ~r->stamp.number;
    if (r->stamp.magic != MAGIC || memcmp(r->end, &complement, END_BYTES) != 0 ||
        memcmp(r->end + END_BYTES, proto.tail, proto.tail_size) != 0) {
        broken++;
        return;
    }
    if (r->stamp.number <= r->last) {
        late++;
        return;
    }
    r->last = r->stamp.number;
    r->messages++;
    r->bytes += set.size;
    if (!counting) return;
    counted_messages++;
    counted_bytes += set.size;
    histogram[step_of(at_us - r->stamp.sent_us)]++;
}

static uint32_t least_of(uint64_t a, uint64_t b) { return (uint32_t)(a < b ? a : b); }

/* The frame's head and the payload's start. Returns the bytes eaten. */
static size_t parse_head(struct receiver *r, const uint8_t *bytes, size_t size) {
    uint64_t payload;
    bool counts;
    size_t at = 0;
    for (;;) {
        uint32_t wanted = proto_head(&proto, r->head, r->head_have, &payload, &counts);
        if (wanted == PROTO_BROKEN) die("what came is no message");
        if (r->head_have >= wanted && counts) wanted += STAMP_AT + (uint32_t)sizeof(struct stamp);
        if (r->head_have >= wanted) {
            if (counts) memcpy(&r->stamp, r->head + wanted - sizeof(struct stamp), sizeof(struct stamp));
            else if (proto.kind == PROTO_NATS && memcmp(r->head, "PING", 4) == 0) (void)!write(r->fd, "PONG\r\n", 6);
            r->end_wanted = counts ? END_BYTES + proto.tail_size : 0;
            r->skip = counts ? payload - STAMP_AT - sizeof(struct stamp) - r->end_wanted : payload;
            r->head_have = r->end_have = 0;
            return at;
        }
        if (at == size) return at;
        const uint32_t part = least_of(wanted - r->head_have, size - at);
        memcpy(r->head + r->head_have, bytes + at, part);
        r->head_have += part;
        at += part;
    }
}

static void parse(struct receiver *r, const uint8_t *bytes, size_t size, uint64_t at_us) {
    size_t at = 0;
    while (at < size) {
        if (r->skip) {
            const uint64_t part = r->skip < size - at ? r->skip : size - at;
            r->skip -= part;
            at += part;
        } else if (r->end_wanted) {
            const uint32_t part = least_of(r->end_wanted - r->end_have, size - at);
            memcpy(r->end + r->end_have, bytes + at, part);
            r->end_have += part;
            at += part;
            if (r->end_have < r->end_wanted) return;
            r->end_wanted = 0;
            delivered(r, at_us);
        } else {
            at += parse_head(r, bytes + at, size - at);
        }
    }
}

static void receive(struct receiver *r) {
    for (;;) {
        if (set.discard && r->skip > 0) { /* the kernel drops what nobody looks at */
            const ssize_t got = recv(r->fd, NULL, r->skip, MSG_TRUNC | MSG_DONTWAIT);
            if (got > 0) {
                r->skip -= (uint64_t)got;
                continue;
            }
            if (got < 0 && errno == EAGAIN) return;
        }
        /* The end of one message and the head of the next. */
        const size_t room = set.discard ? 100 : READ_BYTES;
        const ssize_t got = recv(r->fd, scratch, room, MSG_DONTWAIT);
        if (got > 0) {
            parse(r, scratch, (size_t)got, now_us());
            if ((size_t)got < room) return;
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        r->open = false;
        close(r->fd);
        return;
    }
}

/* ---- sending ---- */

struct sender {
    int fd;
    uint8_t *memory; /* a batch of framed messages */
    size_t have, sent, frame;
    uint32_t capacity; /* messages */
    uint64_t number, next_us;
};

/* What is the same in all messages is written once. */
static void sender_open(struct sender *s) {
    s->fd = upgrade(set.source, PLENTY);
    s->frame = proto.out_head_size + set.size + proto.tail_size;
    s->capacity = (uint32_t)(262144 / s->frame) + 1;
    s->memory = malloc(s->capacity * s->frame);
    for (uint32_t i = 0; i < s->capacity; i++) proto_frame(&proto, s->memory + i * s->frame);
}

static size_t frame_one(struct sender *s, uint8_t *to) {
    const uint64_t number = ++s->number, complement = ~number;
    const struct stamp stamp = {MAGIC, 0, number, now_us()};
    const uint32_t payload = set.size - 16, time_ms = (uint32_t)(stamp.sent_us / 1000);
    const uint8_t start[4] = {0x02, (number - 1) % set.keyframe_every == 0 ? 2 : 0, (uint8_t)number, (uint8_t)(number >> 8)};
    uint8_t *message = to + proto.out_head_size;
    proto_put(&proto, message, 0, start, 4); /* CompressedPixels */
    proto_put(&proto, message, 4, &time_ms, 4);
    proto_put(&proto, message, 12, &payload, 4);
    proto_put(&proto, message, STAMP_AT, &stamp, sizeof stamp);
    proto_put(&proto, message, set.size - END_BYTES, &complement, END_BYTES);
    return s->frame;
}

static bool push_out(struct sender *s) {
    while (s->sent < s->have) {
        const ssize_t went = send(s->fd, s->memory + s->sent, s->have - s->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (went < 0 && errno == EINTR) continue;
        if (went < 0 && errno == EAGAIN) return false;
        if (went < 0) die("the source was cut off");
        s->sent += (size_t)went;
    }
    s->have = s->sent = 0;
    return true;
}

static uint64_t slowest(void) {
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < set.receivers; i++)
        if (!receivers[i].stalled && receivers[i].open && receivers[i].last < least) least = receivers[i].last;
    return least;
}

/* Sends what may be sent now. Returns whether the socket is full. */
static bool send_some(struct sender *s, uint64_t at_us, uint64_t reached, bool paced) {
    for (;;) {
        if (!push_out(s)) return true;
        uint32_t count;
        if (paced) {
            if (at_us < s->next_us) return false;
            s->next_us += 1000000 / set.hz;
            count = 1;
        } else {
            uint64_t room = set.window ? (reached + set.window > s->number ? reached + set.window - s->number : 0) : s->capacity;
            if (room == 0) return false;
            /* A few large writes instead of one for each message that came round. */
            if (set.window && room < set.window / 4) return false;
            count = room < s->capacity ? (uint32_t)room : s->capacity;
        }
        while (count--) s->have += frame_one(s, s->memory + s->have);
    }
}

/* ---- the run ---- */

static void receive_some(const struct sender *s, int epoll, int timeout_ms) {
    struct epoll_event events[256];
    const int count = epoll_wait(epoll, events, 256, timeout_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 != UINT32_MAX) {
            receive(&receivers[events[i].data.u32]);
        } else if (events[i].events & EPOLLIN) {
            const ssize_t got = recv(s->fd, scratch, READ_BYTES, MSG_DONTWAIT);
            if (got == 0) die("the source was cut off");
        }
    }
}

/* Waits until all that was sent has arrived, two seconds at most. */
static void settle(struct sender *s, int epoll) {
    for (const uint64_t limit = now_us() + 2000000; now_us() < limit && (s->have || slowest() < s->number);) {
        push_out(s);
        receive_some(s, epoll, 5);
    }
}

static void stream(struct sender *s, int epoll, double seconds, bool paced) {
    const uint64_t begin = now_us(), end = begin + (uint64_t)(seconds * 1e6);
    uint64_t reached = slowest(), moved_us = begin;
    bool waiting = false;
    s->next_us = begin;
    for (uint64_t at = begin; at < end; at = now_us()) {
        const uint64_t least = slowest();
        if (least > reached) reached = least, moved_us = at;
        /* Messages that a server left out never come; a second of silence means that. */
        if (!paced && at - moved_us > 1000000) reached = s->number, moved_us = at;
        const bool full = send_some(s, at, reached, paced);
        if (full != waiting) {
            struct epoll_event event = {.events = EPOLLIN | (full ? EPOLLOUT : 0), .data.u32 = UINT32_MAX};
            epoll_ctl(epoll, EPOLL_CTL_MOD, s->fd, &event);
            waiting = full;
        }
        int timeout = 10;
        if (paced) {
            const uint64_t now = now_us();
            timeout = s->next_us > now + 1000 ? (int)((s->next_us - now) / 1000) : 0;
        }
        receive_some(s, epoll, timeout);
    }
}

static void run(struct sender *s, int epoll, double *elapsed, struct used *used) {
    stream(s, epoll, set.warm, false);
    if (set.hz) settle(s, epoll);
    counting = true;
    const uint64_t from = now_us();
    const struct used before = used_up_to_now(set.watch);
    stream(s, epoll, set.seconds, set.hz != 0);
    const struct used after = used_up_to_now(set.watch);
    *elapsed = (double)(now_us() - from) / 1e6;
    *used = (struct used){after.client - before.client, after.server - before.server};
    counting = false;
    settle(s, epoll);
}

static void report(const struct sender *s, double elapsed, const struct used *used) {
    uint64_t left_out = 0, closed = 0, least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < set.receivers; i++) {
        const struct receiver *r = &receivers[i];
        closed += !r->open;
        if (r->stalled) continue;
        left_out += s->number - r->messages;
        if (r->messages < least) least = r->messages;
        if (r->messages > most) most = r->messages;
    }
    printf("{\"deliveriesPerSecond\":%.0f,\"megabytesPerSecond\":%.1f,\"seconds\":%.3f,\"sent\":%llu,\"leftOut\":%llu,"
           "\"least\":%llu,\"most\":%llu,\"closed\":%llu,\"repeated\":%llu,\"broken\":%llu,\"p50Us\":%.0f,\"p95Us\":%.0f,"
           "\"p99Us\":%.0f,\"maxUs\":%.0f,\"clientCpuSeconds\":%.6f,\"serverCpuSeconds\":%.6f,\"serverPeakKib\":%u}\n",
           (double)counted_messages / elapsed, (double)counted_bytes / elapsed / 1e6, elapsed, (unsigned long long)s->number,
           (unsigned long long)left_out, (unsigned long long)least, (unsigned long long)most, (unsigned long long)closed,
           (unsigned long long)late, (unsigned long long)broken, percentile(0.5), percentile(0.95), percentile(0.99),
           percentile(1), used->client, used->server, highest_memory_kib(set.watch));
}

static void read_options(int argc, char **argv) {
    if (argc < 2 || (set.port = (uint32_t)atoi(argv[1])) == 0) {
        fprintf(stderr, "usage: saturate PORT [--protocol ws|redis|nats|plain] [--receivers N] [--size BYTES] [--seconds S] ...\n");
        exit(64);
    }
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "--discard") == 0) {
            set.discard = true;
            continue;
        }
        i++;
        if (strcmp(name, "--host") == 0) set.host = value;
        else if (strcmp(name, "--receivers") == 0) set.receivers = (uint32_t)atoi(value);
        else if (strcmp(name, "--size") == 0) set.size = (uint32_t)atoi(value);
        else if (strcmp(name, "--seconds") == 0) set.seconds = atof(value);
        else if (strcmp(name, "--warm") == 0) set.warm = atof(value);
        else if (strcmp(name, "--window") == 0) set.window = (uint32_t)atoi(value);
        else if (strcmp(name, "--hz") == 0) set.hz = (uint32_t)atoi(value);
        else if (strcmp(name, "--protocol") == 0) set.protocol = value;
        else if (strcmp(name, "--watch") == 0) set.watch = (uint32_t)atoi(value);
        else if (strcmp(name, "--stalled") == 0) set.stalled = (uint32_t)atoi(value);
        else if (strcmp(name, "--source") == 0) set.source = value;
        else if (strcmp(name, "--receive") == 0) set.receive = value;
        else if (strcmp(name, "--keyframe-every") == 0) set.keyframe_every = (uint32_t)atoi(value);
        else fprintf(stderr, "saturate: there is no option %s\n", name), exit(64);
    }
    if (set.size < STAMP_AT + sizeof(struct stamp) + END_BYTES || !proto_set(&proto, set.protocol, set.size) || set.stalled > set.receivers || !set.keyframe_every) {
        fprintf(stderr, "saturate: a known protocol, messages of at least %zu bytes, and no more that stall than there are\n",
                STAMP_AT + sizeof(struct stamp) + END_BYTES);
        exit(64);
    }
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) limit.rlim_cur = limit.rlim_max, setrlimit(RLIMIT_NOFILE, &limit);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    scratch = malloc(READ_BYTES);
    receivers = calloc(set.receivers + 1, sizeof *receivers);
    for (uint32_t i = 0; i < set.receivers; i++) {
        struct receiver *r = &receivers[i];
        r->stalled = i < set.stalled;
        r->fd = upgrade(set.receive, r->stalled ? 4096 : PLENTY);
        r->open = true;
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        if (!r->stalled && epoll_ctl(epoll, EPOLL_CTL_ADD, r->fd, &event) != 0) die("epoll");
    }
    struct sender sender = {0};
    sender_open(&sender);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, sender.fd, &event) != 0) die("epoll");
    double elapsed = 0;
    struct used used = {0};
    run(&sender, epoll, &elapsed, &used);
    report(&sender, elapsed, &used);
    return counted_messages ? 0 : 1;
}
