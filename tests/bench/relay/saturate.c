/* The load client of the relay bench: N receivers and one source in one epoll loop, in a process of its own.
 * usage: saturate PORT [--host IP] [--receivers N] [--size BYTES] [--seconds S] [--warm S] [--window MESSAGES] [--hz RATE]
 *                 [--stalled N] [--source PATH] [--receive PATH] [--keyframe-every N] [--discard]
 * Without --hz the source sends as fast as it may: at most `window` messages ahead of what the slowest receiver that is not
 * stalled has seen, and never more than its socket takes (0: only the socket). With --hz it sends at that rate.
 * Each message is a ds-stream frame: 16 bytes of head with the flag KEYFRAME every so often, then a magic, a number and a
 * time in microseconds of CLOCK_MONOTONIC. Servers that pass bytes on unchanged can be compared whatever they are.
 * Stalled receivers connect and never read. --discard lets the kernel throw payloads away unread where it can, so that the
 * client's own copying does not limit a fast server; then only whole reads are looked at.
 * Prints one line of JSON; times are of delivery, measured from the source's write call. */
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

enum { READ_BYTES = 1 << 20, STAMP_AT = 16, MAGIC = 0x70626c64, HISTOGRAM = 4096, MASKED_HEAD = 14 };

struct settings {
    const char *host, *source, *receive;
    uint32_t port, receivers, size, window, hz, stalled, keyframe_every;
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
    uint64_t messages, bytes, gaps, last;
    uint8_t head[10 + STAMP_AT + sizeof(struct stamp)];
    uint32_t head_have; /* bytes of the frame head and of the payload's start */
    uint64_t skip;      /* payload bytes to come that nobody looks at */
};

static struct settings set = {.host = "127.0.0.1", .source = "/source/bench", .receive = "/stream/bench", .receivers = 64,
                              .size = 1024, .window = 256, .seconds = 3, .warm = 1, .keyframe_every = 60};
static struct receiver *receivers;
static uint64_t histogram[HISTOGRAM]; /* of delivery times: 64 steps for each doubling from 1 us */
static uint64_t counted_messages, counted_bytes, late;
static bool counting;
static uint8_t *scratch;

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void die(const char *what) {
    fprintf(stderr, "saturate: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint32_t step_of(uint64_t us) {
    if (us < 64) return (uint32_t)us;
    const uint32_t top = 63 - (uint32_t)__builtin_clzll(us);
    const uint32_t step = (top - 5) * 64 + (uint32_t)(us >> (top - 6) & 63);
    return step < HISTOGRAM ? step : HISTOGRAM - 1;
}

static double step_us(uint32_t step) {
    if (step < 64) return step;
    const uint32_t top = step / 64 + 5;
    return (double)((uint64_t)(64 + step % 64) << (top - 6));
}

static double percentile(double part) {
    uint64_t all = 0, seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM; i++) all += histogram[i];
    for (uint32_t i = 0; i < HISTOGRAM; i++) {
        seen += histogram[i];
        if (all && (double)seen >= part * (double)all) return step_us(i);
    }
    return 0;
}

/* Connected and upgraded, non-blocking. `small`: as little buffer as there can be, for one that stalls. */
static int upgrade(const char *path, bool small) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)set.port)};
    inet_pton(AF_INET, set.host, &to.sin_addr);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, tiny = 4096;
    if (small) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    char text[1024];
    const int size = snprintf(text, sizeof text,
                              "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                              path, set.host, set.port);
    if (write(fd, text, (size_t)size) != size) die("write");
    uint32_t have = 0;
    while (have < 4 || memcmp(text + have - 4, "\r\n\r\n", 4) != 0) {
        if (have == sizeof text - 1 || read(fd, text + have, 1) != 1) die("no answer to the upgrade");
        have++;
    }
    text[have] = 0;
    if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "saturate: the upgrade was refused: %.60s\n", text);
        exit(1);
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

/* ---- receiving ---- */

static void delivered(struct receiver *r, uint64_t size, const struct stamp *stamp, uint64_t at_us) {
    r->messages++;
    r->bytes += size;
    if (counting) counted_messages++, counted_bytes += size;
    if (!stamp || stamp->magic != MAGIC) return;
    if (stamp->number > r->last + 1) r->gaps += stamp->number - r->last - 1;
    if (stamp->number > r->last) r->last = stamp->number;
    else late++;
    if (counting) histogram[step_of(at_us - stamp->sent_us)]++;
}

static uint32_t frame_head(const uint8_t *head, uint32_t have, uint64_t *size) {
    if (have < 2) return 2;
    const uint32_t length = head[1] & 0x7f, whole = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (have < whole) return whole;
    *size = length;
    if (length >= 126) {
        *size = 0;
        for (uint32_t i = 2; i < whole; i++) *size = *size << 8 | head[i];
    }
    return whole;
}

static void parse(struct receiver *r, const uint8_t *bytes, size_t size, uint64_t at_us) {
    size_t at = 0;
    while (at < size) {
        if (r->skip) {
            const uint64_t part = r->skip < size - at ? r->skip : size - at;
            r->skip -= part;
            at += part;
            continue;
        }
        uint64_t payload = 0;
        uint32_t whole = frame_head(r->head, r->head_have, &payload);
        const uint32_t wanted = r->head_have < whole ? whole
                                : whole + (uint32_t)(payload < STAMP_AT + sizeof(struct stamp) ? payload : STAMP_AT + sizeof(struct stamp));
        if (r->head_have < wanted) {
            const uint32_t missing = wanted - r->head_have;
            const uint32_t part = missing < size - at ? missing : (uint32_t)(size - at);
            memcpy(r->head + r->head_have, bytes + at, part);
            r->head_have += part;
            at += part;
        }
        whole = frame_head(r->head, r->head_have, &payload);
        const uint64_t looked = payload < STAMP_AT + sizeof(struct stamp) ? payload : STAMP_AT + sizeof(struct stamp);
        if (r->head_have < 2 || r->head_have < whole + looked) continue;
        struct stamp stamp;
        const bool stamped = looked == STAMP_AT + sizeof stamp;
        if (stamped) memcpy(&stamp, r->head + whole + STAMP_AT, sizeof stamp);
        if ((r->head[0] & 0x0f) == 2) delivered(r, payload, stamped ? &stamp : NULL, at_us);
        r->skip = payload - looked;
        r->head_have = 0;
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
        const size_t room = set.discard && set.size >= 8192 ? 64 : READ_BYTES;
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

static void sender_open(struct sender *s) {
    s->fd = upgrade(set.source, false);
    s->frame = MASKED_HEAD + set.size;
    s->capacity = (uint32_t)(262144 / s->frame) + 1;
    s->memory = malloc(s->capacity * s->frame);
}

/* The mask is zero: masking costs the source and not the server, which must unmask all the same. */
static size_t frame_one(struct sender *s, uint8_t *to) {
    size_t at = 0;
    to[at++] = 0x82;
    if (set.size < 126) {
        to[at++] = (uint8_t)(0x80 | set.size);
    } else if (set.size < 65536) {
        to[at++] = 0x80 | 126;
        to[at++] = (uint8_t)(set.size >> 8);
        to[at++] = (uint8_t)set.size;
    } else {
        to[at++] = 0x80 | 127;
        for (int i = 7; i >= 0; i--) to[at++] = i < 4 ? (uint8_t)(set.size >> 8 * i) : 0;
    }
    memset(to + at, 0, 4);
    at += 4;
    s->number++;
    const struct stamp stamp = {MAGIC, 0, s->number, now_us()};
    const uint32_t payload = set.size - 16;
    memset(to + at, 0, 16);
    to[at] = 0x02; /* CompressedPixels */
    to[at + 1] = (s->number - 1) % set.keyframe_every == 0 ? 2 : 0;
    memcpy(to + at + 2, &(uint16_t){(uint16_t)s->number}, 2);
    memcpy(to + at + 4, &(uint32_t){(uint32_t)(stamp.sent_us / 1000)}, 4);
    memcpy(to + at + 12, &payload, 4);
    memcpy(to + at + STAMP_AT, &stamp, sizeof stamp);
    return at + set.size;
}

static bool push_out(struct sender *s) {
    while (s->sent < s->have) {
        const ssize_t put = send(s->fd, s->memory + s->sent, s->have - s->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) return false;
        if (put < 0) die("the source was cut off");
        s->sent += (size_t)put;
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
static bool send_some(struct sender *s, uint64_t at_us, uint64_t reached) {
    for (;;) {
        if (!push_out(s)) return true;
        uint32_t count;
        if (set.hz) {
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

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run(struct sender *s, int epoll, double *elapsed, double *cpu) {
    const uint64_t begin = now_us(), warm = begin + (uint64_t)(set.warm * 1e6), end = warm + (uint64_t)(set.seconds * 1e6);
    uint64_t reached = 0, moved_us = begin, from = begin;
    bool waiting = false;
    s->next_us = begin;
    for (uint64_t at = begin; at < end; at = now_us()) {
        if (!counting && at >= warm) {
            counting = true;
            from = at;
            *cpu = cpu_seconds();
        }
        const uint64_t least = slowest();
        if (least > reached) reached = least, moved_us = at;
        /* Messages that a server left out never come; a tenth of a second of silence means that. */
        if (!set.hz && at - moved_us > 100000) reached = s->number, moved_us = at;
        const bool full = send_some(s, at, reached);
        if (full != waiting) {
            struct epoll_event event = {.events = EPOLLIN | (full ? EPOLLOUT : 0), .data.u32 = UINT32_MAX};
            epoll_ctl(epoll, EPOLL_CTL_MOD, s->fd, &event);
            waiting = full;
        }
        int timeout = 10;
        if (set.hz) {
            const uint64_t now = now_us();
            timeout = s->next_us > now + 1000 ? (int)((s->next_us - now) / 1000) : 0;
        }
        struct epoll_event events[256];
        const int count = epoll_wait(epoll, events, 256, timeout);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u32 != UINT32_MAX) receive(&receivers[events[i].data.u32]);
            else if (events[i].events & EPOLLIN) (void)!recv(s->fd, scratch, READ_BYTES, MSG_DONTWAIT);
        }
    }
    *elapsed = (double)(now_us() - from) / 1e6;
    *cpu = cpu_seconds() - *cpu;
}

static void report(const struct sender *s, double elapsed, double cpu) {
    uint64_t gaps = 0, closed = 0, least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < set.receivers; i++) {
        const struct receiver *r = &receivers[i];
        closed += !r->open;
        if (r->stalled) continue;
        gaps += r->gaps;
        if (r->messages < least) least = r->messages;
        if (r->messages > most) most = r->messages;
    }
    printf("{\"deliveriesPerSecond\":%.0f,\"megabytesPerSecond\":%.1f,\"seconds\":%.3f,\"sent\":%llu,\"left_out\":%llu,"
           "\"least\":%llu,\"most\":%llu,\"closed\":%llu,\"repeated\":%llu,\"p50Us\":%.0f,\"p95Us\":%.0f,\"p99Us\":%.0f,"
           "\"maxUs\":%.0f,\"clientCpuSeconds\":%.3f}\n",
           (double)counted_messages / elapsed, (double)counted_bytes / elapsed / 1e6, elapsed, (unsigned long long)s->number,
           (unsigned long long)gaps, (unsigned long long)least, (unsigned long long)most, (unsigned long long)closed,
           (unsigned long long)late, percentile(0.5), percentile(0.95), percentile(0.99), percentile(1), cpu);
}

static void read_options(int argc, char **argv) {
    if (argc < 2 || (set.port = (uint32_t)atoi(argv[1])) == 0) {
        fprintf(stderr, "usage: saturate PORT [--host IP] [--receivers N] [--size BYTES] [--seconds S] [--warm S] [--window N]\n"
                        "       [--hz RATE] [--stalled N] [--source PATH] [--receive PATH] [--keyframe-every N] [--discard]\n");
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
        else if (strcmp(name, "--stalled") == 0) set.stalled = (uint32_t)atoi(value);
        else if (strcmp(name, "--source") == 0) set.source = value;
        else if (strcmp(name, "--receive") == 0) set.receive = value;
        else if (strcmp(name, "--keyframe-every") == 0) set.keyframe_every = (uint32_t)atoi(value);
        else fprintf(stderr, "saturate: there is no option %s\n", name), exit(64);
    }
    if (set.size < STAMP_AT + sizeof(struct stamp) || set.stalled > set.receivers || !set.keyframe_every) {
        fprintf(stderr, "saturate: messages have at least %zu bytes, and no more stall than there are\n", STAMP_AT + sizeof(struct stamp));
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
        r->fd = upgrade(set.receive, r->stalled);
        r->open = true;
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        if (!r->stalled && epoll_ctl(epoll, EPOLL_CTL_ADD, r->fd, &event) != 0) die("epoll");
    }
    struct sender sender = {0};
    sender_open(&sender);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, sender.fd, &event) != 0) die("epoll");
    double elapsed = 0, cpu = 0;
    run(&sender, epoll, &elapsed, &cpu);
    report(&sender, elapsed, cpu);
    return counted_messages ? 0 : 1;
}
