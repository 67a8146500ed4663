/* The WebSocket server's parts as they see each other (RFC 6455 over RFC 9112); TypeScript sees only gen/abi.h.
 * Threads: the owner (the one thread that calls pb_ws_*) and one or more I/O threads (io.c), each with its own connections.
 *
 * One lock guards what they share: queues, groups, events, and the counts of references. It is coarse on purpose: a message
 * for 64 receivers is 64 pushes of a few nanoseconds under one acquisition, while a lock or an atomic for each receiver costs
 * more than the push; and no system call that moves bytes is made under it, so that it is held for a microsecond at most.
 * What a connection reads (struct ws_inbound) belongs to its I/O thread alone, except while a request waits for its answer.
 *
 * Writing is done by whoever has something to write: the owner after it has queued a batch, an I/O thread when a source's
 * messages went ahead (ahead.c) or a socket has become writable. `writing` gives a connection to one of them at a time. That
 * whoever queues also writes is what slows a source down to what sockets take: nothing is left out merely because a batch is
 * larger than a queue. */
#ifndef PB_WS_H
#define PB_WS_H
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "../gen/abi.h"

enum {
    WS_CHUNK_BYTES = 1 << 20,
    WS_ARENA_CHUNKS = 2048,
    /* From a message's handle to its bytes; the head of its frame lies at the end of this. */
    WS_MESSAGE_HEAD = 64,
    WS_FRAME_HEAD_MAX = 10,
    WS_MASKED_HEAD_MAX = 14,
    WS_CONTROL_MAX = 125,
    WS_HEAD_BYTES = 8192,
    WS_HEAD_FIELDS = 64,
    WS_READ_BYTES = 256 * 1024,
    WS_READ_MORE = 48 * 1024,
    WS_MAX_THREADS = 16,
    WS_MAX_CONNECTIONS = 1 << 20,
    /* The owner writes after this much was broadcast, so that one call carries many messages and caches still hold them. */
    WS_BATCH_MESSAGES = 256,
    WS_BATCH_BYTES = 256 * 1024,
    WS_IOV = 64,
    WS_WRITE_ENTRIES = 1024,
    /* Small messages for many receivers are laid side by side, as one copy made once: the kernel takes a long run of bytes
     * nearly twice as fast as the same bytes in pieces of 1 KiB. */
    WS_TRAIN_BYTES = 262144 - 64,
    WS_TRAIN_MESSAGE = 32 * 1024,
    WS_TRAIN_RECEIVERS = 4,
    WS_WRITE_BYTES = 1024 * 1024,
    /* Messages of all connections that wait for TypeScript. */
    WS_EVENT_MESSAGES = 8192,
    WS_TICK_MS = 250,
    /* Messages that went ahead may wait this long for TypeScript when nothing else waits, so that it wakes up for many at once. */
    WS_AHEAD_US = 200000,
    WS_AHEAD_RULES = 65536 + 256,
    WS_AHEAD_LOOK_AT = 16
};

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* ---- pool.c: messages ---- */

/* 64 bytes before its bytes. `magic` is 0 in freed and in returned memory, so that a stale handle is found out. */
struct ws_message {
    uint32_t magic;
    uint32_t size;     /* must stay at offset 4: TypeScript reads it */
    uint32_t capacity; /* bytes that fit */
    uint32_t refs;     /* under the server's lock once others know of it */
    uint16_t chunk;    /* where it lies */
    uint16_t framing;  /* bytes of frame head before the payload; 0 for plain HTTP bytes */
    uint32_t slot;
    uint32_t queued;     /* of the references, those in queues */
    uint32_t ahead_left; /* for how many it was left out when it went ahead */
    struct ws_message *train; /* holds a second copy while it is queued, or NULL */
    uint32_t train_at;        /* byte there */
    uint32_t came_us;         /* when its last byte was read, or it was made; the clock's low bits */
    uint32_t ahead_of;        /* group that got it ahead of TypeScript, until TypeScript has dealt with it; or 0 */
    uint8_t padding[WS_MESSAGE_HEAD - 52 - WS_FRAME_HEAD_MAX];
    uint8_t frame_head[WS_FRAME_HEAD_MAX]; /* right-aligned, touches the payload */
};
_Static_assert(sizeof(struct ws_message) == WS_MESSAGE_HEAD, "the payload follows at once");
_Static_assert(offsetof(struct ws_message, size) == 4, "TypeScript reads the size here");

static inline uint8_t *ws_payload(struct ws_message *m) { return (uint8_t *)m + WS_MESSAGE_HEAD; }

struct ws_chunk {
    int32_t class;      /* size class; -1 free; -2 start of a run of chunks for one large message; -3 its rest */
    uint32_t used;      /* slots in use */
    uint32_t touched;   /* slots ever handed out: beyond it no page was written */
    int32_t first_free; /* slot, or -1 */
    int32_t previous, next; /* among the chunks of a class that have a free slot */
    uint32_t run;       /* chunks of a large message */
    bool listed, held, idle; /* held: pages may be resident; idle: free at the last tick */
};

struct ws_pool {
    pthread_mutex_t lock;
    uint8_t *arena;
    uint32_t limit;  /* chunks in use at most */
    uint32_t in_use; /* chunks */
    uint32_t high;   /* chunks ever used */
    uint64_t used_bytes;
    int32_t partial[32]; /* by class: first chunk with a free slot, or -1 */
    struct ws_chunk chunks[WS_ARENA_CHUNKS];
};

bool ws_pool_open(struct ws_pool *pool, uint32_t memory_mib);
void ws_pool_close(struct ws_pool *pool);
/* One reference, size = `size`, or NULL at the limit. `size` may be smaller than the capacity asked for. */
struct ws_message *ws_message_new(struct ws_pool *pool, uint32_t capacity);
/* Room for `capacity` bytes, contents kept; the message may move. False at the limit, the message is then as it was. */
bool ws_message_grow(struct ws_pool *pool, struct ws_message **message, uint32_t capacity);
void ws_message_free(struct ws_pool *pool, struct ws_message *message);
/* NULL for what is no living message. */
struct ws_message *ws_message_of(struct ws_pool *pool, double handle);
/* Writes the head of an unmasked frame that carries the whole message. */
void ws_message_frame(struct ws_message *message, enum ws_opcode opcode);
/* Gives memory that has been free for a tick back to the system. Returns whether there is more to look at. */
bool ws_pool_tick(struct ws_pool *pool);
uint64_t ws_pool_held(struct ws_pool *pool);

/* ---- head.c, accept.c: requests; pure ---- */

struct ws_request {
    uint16_t refusal; /* HTTP status, or 0 */
    bool upgrade, keep_alive, is_head, expects;
    uint32_t body_bytes;
    char accept[29]; /* Sec-WebSocket-Accept */
    uint32_t text_bytes;
    /* "METHOD TARGET\n" and a line "name:value\n" a field, names in lower case; what TypeScript gets. */
    char text[WS_HEAD_BYTES + 2 * WS_HEAD_FIELDS];
};

/* Looks for a head's end in the first `size` bytes, from `*searched` on. Returns its length with the empty line, 0 for not
 * yet, or -1 for bytes that no head contains. */
int32_t ws_head_end(const uint8_t *bytes, uint32_t size, uint32_t *searched);
void ws_head_parse(const uint8_t *bytes, uint32_t size, struct ws_request *out);
/* `key` has 24 characters. Writes 28 characters and a NUL. */
void ws_accept_key(const char *key, char out[29]);
const char *ws_reason(uint32_t status);

/* ---- bytes.c: pure ---- */

/* Copies `size` bytes XORed with the mask, whose use starts at byte `phase` (0 to 3). In place is allowed. */
void ws_unmask(uint8_t *to, const uint8_t *from, size_t size, const uint8_t mask[4], uint32_t phase);
bool ws_valid_utf8(const uint8_t *bytes, size_t size);

/* ---- frame.c ---- */

struct ws_inbound {
    uint8_t head[WS_MASKED_HEAD_MAX];
    uint8_t head_have, opcode, message_opcode;
    bool in_payload, fin;
    uint8_t mask[4];
    uint32_t max_message;
    uint64_t left, done; /* bytes of this frame's payload */
    struct ws_message *message; /* being received */
    uint16_t fault;             /* why it ended: a close code of ours, or 0 for the peer's close frame */
    const char *why;
    uint16_t peer_code;
    uint8_t control[WS_CONTROL_MAX];
};

struct ws_conn;
struct ws_io;

/* What one read brought, collected without the lock and handed over under it. */
struct ws_arrived {
    struct ws_message *messages[64];
    uint8_t opcodes[64];
    uint32_t count;
    uint32_t came_us;
};

enum ws_parse { WS_MORE, WS_FULL, WS_ENDED };
/* Eats bytes; `*eaten` tells how many. WS_FULL: `arrived` is full, come again. WS_ENDED: a close frame or a fault, to be
 * dealt with by ws_frames_ended once `arrived` is handed over; the rest is not to be read. */
enum ws_parse ws_frames_parse(struct ws_conn *conn, const uint8_t *bytes, size_t size, size_t *eaten, struct ws_arrived *arrived);
void ws_frames_ended(struct ws_conn *conn); /* with the lock held */
void ws_inbound_free(struct ws_pool *pool, struct ws_inbound *in);

/* ---- connections ---- */

enum ws_phase {
    WS_UNUSED,
    WS_HEAD,     /* reading a request */
    WS_WAITING,  /* for TypeScript's answer; nothing is read */
    WS_ANSWER,   /* writing an HTTP answer */
    WS_OPEN,
    WS_CLOSING,  /* a close frame is queued; for `closed` its sending and the peer's own are awaited */
    WS_LINGER,   /* TypeScript knows that it is over; what comes is thrown away so that the peer can read our last bytes */
    WS_DEAD      /* the I/O thread will free it */
};

/* Marks of a queue entry, in the low bits of the message's address. */
enum { WS_CAST = 1, WS_DROPPABLE = 2, WS_CONTROL = 4, WS_LAST = 8, WS_COPY = 16, WS_MARKS = 63 };

struct ws_conn {
    struct pb_ws *server;
    struct ws_io *io;
    uint64_t id; /* slot, and above it how often the slot was used */
    int fd;
    uint32_t slot;

    /* Under the lock. */
    enum ws_phase phase;
    uint64_t deadline_ms; /* 0: none */
    uint32_t interest;    /* epoll events asked for */
    bool writing, again, blocked, dirty, skipping, must_close_http, close_received, close_sent, reading_paused;
    bool lag_told, lag_mended, lag_again, alive_told, closed_told, known, retiring, resuming, begun;
    bool late; /* its group's messages that are ahead come to it through TypeScript */
    bool urgent; /* TypeScript is woken for each message of this source */
    uint16_t close_code;
    uint32_t lagging; /* left out and not yet told */
    uintptr_t *ring;
    uint32_t ring_size, first, count, in_flight;
    uint64_t sent; /* bytes of the first entry */
    uint32_t own_count, cast_count;
    uint64_t own_bytes, cast_bytes, copied_bytes; /* the last are part of the first */
    struct ws_group *forward; /* gets this source's messages ahead of TypeScript, by rules; or NULL */
    uint32_t waiting_messages, waiting_ahead; /* the latter went ahead */
    uint64_t waiting_bytes; /* with TypeScript */
    uint64_t messages_out, bytes_out, left_out;
    struct ws_conn *next_dirty, *next_retired, *next_resumed;
    struct ws_group *group;
    uint32_t member; /* place in the group */
    struct ws_conn *older, *newer; /* among those without a complete request */
    bool pending;

    /* The I/O thread's, except in WS_WAITING. */
    struct ws_inbound in;
    uint8_t *head; /* bytes of a request, and what followed it */
    uint32_t head_room, head_have, head_searched, head_used;
    bool request_keep_alive, request_is_head;
    char accept[29];
    char remote[48];
};

/* How long broadcast messages took from their last byte's coming to their last byte's going into the kernel, of two
 * generations of WS_LATENCY_US: the present one and the one before. By octaves of WS_LATENCY_STEPS steps each. */
enum { WS_LATENCY_STEPS = 8, WS_LATENCY_BUCKETS = 192, WS_LATENCY_US = 30000000 };
struct ws_latency {
    uint32_t counts[2][WS_LATENCY_BUCKETS];
    uint32_t present;
    uint64_t since_us;
};

struct ws_group {
    bool open;
    uint32_t messages, bytes; /* limits */
    uint32_t id;
    struct ws_conn **members;
    uint32_t count, room;
    uint32_t ahead; /* messages that went ahead and that TypeScript is not done with */
    uint32_t late;  /* members that joined meanwhile */
    struct ws_latency latency;
};

struct ws_io {
    struct pb_ws *server;
    pthread_t thread;
    bool started;
    int epoll, wake;
    bool woken; /* under the lock */
    struct ws_conn *retired, *resumed; /* under the lock */
    uint8_t *scratch;
};


struct pb_ws {
    struct pb_ws_settings settings;
    struct pb_waker waker;
    struct ws_pool pool;
    int listener, spare_fd;
    uint32_t port;

    _Alignas(64) pthread_mutex_t lock;
    pthread_cond_t written; /* a connection is no longer being written to */
    uint32_t write_waiters;
    bool stopping, stop_listening, ring_due, paused_by_all;
    struct ws_conn *conns;
    uint32_t *free_slots, free_count;
    uint32_t high_slot; /* slots ever used */
    struct ws_conn *dirty;
    uint32_t unwritten_messages;
    uint64_t unwritten_bytes; /* broadcast since the owner wrote */
    struct ws_message *train; /* being filled */
    struct ws_group **groups;
    uint32_t group_count;

    struct pb_ws_event *events; /* a ring that grows; what may be in it is bounded elsewhere */
    uint32_t events_size, events_first, events_count, events_messages;
    bool ahead_waits; /* a message that went ahead waits for TypeScript, */
    uint32_t ahead_since_us; /* since then */
    uint8_t rules[WS_AHEAD_RULES];
    struct pb_ws_event *taken; /* the batch that TypeScript is at work on */
    uint32_t taken_count, taken_size;

    struct ws_conn *pending_oldest, *pending_newest;
    uint32_t pending;
    struct pb_ws_stats stats;
    struct ws_io io[WS_MAX_THREADS];
    uint32_t io_next;
};

static inline uint64_t ws_now_ms(void) { return pb_monotonic_us() / 1000; }
static inline void ws_lock(struct pb_ws *s) { pthread_mutex_lock(&s->lock); }

/* Whoever put an event rings only after the lock is free. */
static inline void ws_unlock(struct pb_ws *s) {
    const bool ring = s->ring_due;
    s->ring_due = false;
    pthread_mutex_unlock(&s->lock);
    if (ring) pb_waker_ring(&s->waker);
}

/* All of the following want the lock held, unless they say otherwise. */

/* conn.c */
struct ws_conn *ws_conn_of(struct pb_ws *s, double id); /* NULL when it is gone */
void ws_conn_interest(struct ws_conn *c);                   /* tells epoll what the connection waits for now */
void ws_conn_pend(struct ws_conn *c, bool pending);
/* Starts the close: what is queued and then the code is written. */
void ws_conn_close(struct ws_conn *c, uint16_t code, const void *reason, uint32_t size);
/* A fault of the peer: counted, all but the entry being written is forgotten, then closed. */
void ws_conn_refuse(struct ws_conn *c, uint16_t code, const char *reason);
/* Over for TypeScript; what is left lingers, or dies at once. */
void ws_conn_over(struct ws_conn *c, uint16_t code, bool linger);
void ws_conn_retire(struct ws_conn *c); /* its I/O thread shall free it */
void ws_conn_resume(struct ws_conn *c); /* its I/O thread shall look at it again */
void ws_io_wake(struct ws_io *io);
void ws_conn_free(struct ws_conn *c); /* only by its I/O thread, or when no thread runs */
void ws_count_refusal(struct pb_ws *s, uint32_t code);
/* Answers with plain HTTP and closes; JSON with the reason, by the spec's section 19. */
void ws_conn_answer_error(struct ws_conn *c, uint32_t status);

/* event.c */
/* Rings, except for a message that went ahead, whose group is its `head_size`. */
bool ws_event_put(struct ws_conn *c, uint32_t kind, struct ws_message *m, uint32_t size, uint32_t head_size, uint32_t flags);
bool ws_source_full(struct ws_conn *c);

/* queue.c */
bool ws_push(struct ws_conn *c, struct ws_message *m, uint32_t marks);
bool ws_push_front(struct ws_conn *c, struct ws_message *m); /* before everything that is not being written */
void ws_queue_discard(struct ws_conn *c, bool only_casts);   /* all that is not being written */
void ws_queue_free(struct ws_conn *c);
void ws_unref(struct pb_ws *s, struct ws_message *m);
void ws_count_out(struct ws_conn *c, uintptr_t entry); /* an entry left its queue */
void ws_end_train(struct pb_ws *s);
/* Queues a small control frame ahead of what waits. */
bool ws_push_control(struct ws_conn *c, enum ws_opcode opcode, const void *data, uint32_t size);

/* Writes the batch so far if it is large; the lock may be given up. */
void ws_write_large_batch(struct pb_ws *s, struct ws_group *g);

/* group.c */
struct ws_group *ws_group_of(struct pb_ws *s, uint32_t id); /* NULL for one that is not open */
void ws_group_remove(struct ws_conn *c);

/* ahead.c */
/* How a message that comes now goes to its source's group; -1 when that is TypeScript's to say. */
int32_t ws_ahead_how(const struct ws_conn *c, const struct ws_message *m, bool is_text);
void ws_ahead_send(struct ws_conn *c, struct ws_message *m, uint32_t how);
bool ws_ahead_unsettled(const struct ws_conn *c); /* what it sends must wait for TypeScript */
void ws_ahead_settle(struct pb_ws *s, uint32_t group, struct ws_message *m);
int32_t ws_ahead_patience_us(const struct pb_ws *s); /* how much longer what went ahead may wait */
/* After a read: rings if what went ahead is urgent, or much. */
void ws_ahead_ring(struct ws_conn *c);

/* latency.c */
void ws_latency_add(struct ws_latency *latency, uint32_t us, uint64_t now_us);

/* write.c: the lock is given up during system calls. */
void ws_write(struct ws_conn *c);
void ws_write_dirty(struct pb_ws *s);
void ws_mark_dirty(struct ws_conn *c);

/* io.c; without the lock */
bool ws_io_start(struct ws_io *io);
void ws_io_stop(struct ws_io *io);

/* listen.c; without the lock */
bool ws_listen(struct pb_ws *s, const char *address, uint32_t port, char *error, uint32_t error_size);
void ws_accept_some(struct pb_ws *s); /* as many as wait, some at a time; by the first I/O thread */
void ws_remote_text(const void *name, char out[48]);

#endif
