/* Frames on their way out: cut into chunks, sealed, sent by the owner's thread where they fit one burst, else paced by a thread
 * (RootStream sections 3, 4.3, 13). Order among the frames for one receiver is kept; different receivers' frames are
 * interleaved. A frame is taken whole or not at all. It never decides how fast: spread_us is the caller's.
 *
 * A packet is put together in the queue's memory and sealed in place: copying 1342 bytes costs about 2 % of sealing them,
 * less than the cipher's start-up for a plaintext in two parts. All packets but the last are equally long and lie side by
 * side, so that the kernel can cut them (UDP_SEGMENT). */
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "../gen/wire.h"
#include "net.h"

enum {
    PACKET = PB_WIRE_LIMIT_PACKET,
    CHUNK = PB_WIRE_LIMIT_CHUNK_DATA,
    /* Packets waiting for the network at most, 4 MiB; a larger frame is taken by an empty queue only. */
    QUEUE_PACKETS = 4 * 1024 * 1024 / PACKET,
    MEMORY_PACKETS = PB_MAX_FRAME_BYTES / CHUNK + 1 + QUEUE_PACKETS,
    FIRST_BURST = 32,
    BURST = 16,
    /* Bursts closer together than this cost more wake-ups than they spare the network. */
    MIN_INTERVAL_US = 250,
    FULL_WAIT_MS = 2
};

_Static_assert(PACKET == PB_WIRE_HEADER_BYTES + PB_WIRE_CHUNK_BYTES + CHUNK + PB_WIRE_TAG_BYTES, "full packets are equal");

/* What the packets of one frame have in common. */
struct frame {
    const uint8_t *key, *data;
    uint64_t counter, capture_us;
    uint32_t size, count, id, flags;
};

static uint8_t *memory_at(const struct pb_sender *s, uint64_t position) {
    return s->memory + (position % MEMORY_PACKETS) * PACKET;
}

/* Makes packets [from, to) of the frame, whose memory begins at `first`. */
static void seal_packets(const struct frame *f, uint8_t *first, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        uint8_t *header = first + (size_t)i * PACKET, *chunk = header + PB_WIRE_HEADER_BYTES;
        const uint32_t offset = i * CHUNK, left = f->size - offset, size = left < CHUNK ? left : CHUNK;
        const uint32_t last = left == size ? PB_WIRE_CHUNK_FLAG_LAST : 0;
        const uint16_t plain = (uint16_t)(PB_WIRE_CHUNK_BYTES + size);
        pb_wire_put_header(header, PB_WIRE_TYPE_VIDEO, f->counter + i, plain);
        pb_wire_put_chunk(chunk, f->id, f->size, offset, (uint16_t)size, (uint16_t)(f->flags | last), f->capture_us);
        memcpy(chunk + PB_WIRE_CHUNK_BYTES, f->data + offset, size);
        pb_aead_seal(f->key, f->counter + i, header, PB_WIRE_HEADER_BYTES, chunk, plain, chunk);
    }
}

static struct pb_send_job *job_at(struct pb_sender *s, uint32_t index) {
    return &s->jobs[(s->first_job + index) % PB_SEND_JOBS];
}

static bool same_receiver(const struct pb_address *a, const struct pb_address *b) { return memcmp(a, b, sizeof *a) == 0; }

/* Is one of the `count` oldest frames for this receiver still on its way? */
static bool is_busy(struct pb_sender *s, const struct pb_address *to, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct pb_send_job *job = job_at(s, i);
        if (job->sent < job->count && same_receiver(&job->to, to)) return true;
    }
    return false;
}

/* Takes memory in one piece for `count` packets. False: no room. */
static bool reserve(struct pb_sender *s, uint32_t count, uint64_t *first) {
    if (s->job_count == PB_SEND_JOBS || (s->waiting && s->waiting + count > QUEUE_PACKETS)) return false;
    /* An empty queue starts at the front again, so that only as much memory is touched as is needed. */
    if (!s->job_count) s->head = s->tail = 0;
    const uint64_t to_end = MEMORY_PACKETS - s->tail % MEMORY_PACKETS;
    const uint64_t start = count > to_end ? s->tail + to_end : s->tail;
    if (start + count - s->head > MEMORY_PACKETS) return false;
    *first = start;
    s->tail = start + count;
    s->waiting += count;
    return true;
}

static void push_job(struct pb_sender *s, struct pb_send_job *job, uint32_t spread_us) {
    const uint64_t rest = job->count - job->sent;
    uint64_t burst = BURST;
    if (spread_us * burst < MIN_INTERVAL_US * rest) burst = spread_us ? MIN_INTERVAL_US * rest / spread_us : rest;
    job->burst = (uint32_t)(burst < rest ? burst : rest);
    job->interval_us = (uint32_t)(spread_us * burst / rest);
    job->next_us = pb_monotonic_us() + (job->sent ? job->interval_us : 0);
    *job_at(s, s->job_count++) = *job;
    pthread_cond_signal(&s->changed);
}

int32_t pb_udp_send_frame(struct pb_udp *udp, const struct pb_address *to, const uint8_t *key, uint64_t counter,
                          const void *data, uint32_t size, uint32_t frame_id, uint32_t chunk_flags, uint64_t capture_us,
                          uint32_t spread_us) {
    struct pb_sender *s = &udp->sender;
    struct frame f = {key, data, counter, capture_us, size, (size + CHUNK - 1) / CHUNK, frame_id, chunk_flags};
    struct pb_send_job job = {.to = *to, .count = f.count};
    if (!size || size > PB_MAX_FRAME_BYTES || !pb_address_to_system(to, udp->family, &job.name)) {
        pb_count(&udp->send_errors, 1);
        return -1;
    }
    job.last_bytes = PACKET - (f.count * CHUNK - size);
    pthread_mutex_lock(&s->lock);
    const bool busy = is_busy(s, to, s->job_count), taken = reserve(s, f.count, &job.first);
    pthread_mutex_unlock(&s->lock);
    if (!taken) {
        pb_count(&udp->dropped_send_full, 1);
        return -1;
    }

    /* The memory is this thread's until the job is pushed: the pacer only moves `head`, and only up to older frames' ends. */
    uint8_t *first = memory_at(s, job.first);
    uint32_t sealed = 0;
    while (!busy && sealed < f.count && job.sent == sealed && (!spread_us || sealed < FIRST_BURST)) {
        const uint32_t left = f.count - sealed, piece = left < FIRST_BURST ? left : FIRST_BURST;
        seal_packets(&f, first, sealed, sealed + piece);
        job.sent += pb_transmit(udp, &job.name, first + (size_t)sealed * PACKET, piece, piece == left ? job.last_bytes : PACKET);
        sealed += piece;
    }
    seal_packets(&f, first, sealed, f.count);

    pthread_mutex_lock(&s->lock);
    s->waiting -= job.sent;
    if (job.sent < f.count)
        push_job(s, &job, spread_us);
    else
        s->tail = job.first;
    pthread_mutex_unlock(&s->lock);
    return (int32_t)f.count;
}

/* The oldest frame that has a burst due, of those whose receiver has none older; else when the next one is due. */
static struct pb_send_job *choose(struct pb_sender *s, uint64_t now_us, uint64_t *next_us) {
    *next_us = UINT64_MAX;
    for (uint32_t i = 0; i < s->job_count; i++) {
        struct pb_send_job *job = job_at(s, i);
        if (job->sent == job->count || is_busy(s, &job->to, i)) continue;
        if (job->next_us <= now_us) return job;
        if (job->next_us < *next_us) *next_us = job->next_us;
    }
    return NULL;
}

static void pop_finished(struct pb_sender *s) {
    while (s->job_count && job_at(s, 0)->sent == job_at(s, 0)->count) {
        s->head = job_at(s, 0)->first + job_at(s, 0)->count;
        s->first_job = (s->first_job + 1) % PB_SEND_JOBS;
        s->job_count--;
    }
}

/* Sends one burst without the lock: nobody but this thread changes or removes a pushed job, and its place does not move. */
static void send_burst(struct pb_udp *udp, struct pb_send_job *job) {
    struct pb_sender *s = &udp->sender;
    const uint32_t left = job->count - job->sent, count = left < job->burst ? left : job->burst, sent = job->sent;
    uint8_t *packets = memory_at(s, job->first + sent);
    pthread_mutex_unlock(&s->lock);
    const uint32_t took = pb_transmit(udp, &job->name, packets, count, count == left ? job->last_bytes : PACKET);
    if (took < count) {
        struct pollfd writable = {.fd = udp->fd, .events = POLLOUT};
        poll(&writable, 1, FULL_WAIT_MS);
    }
    pthread_mutex_lock(&s->lock);
    job->sent = sent + took;
    s->waiting -= took;
    /* Late bursts are not moved back: a frame that had to wait catches up at once. */
    if (took == count) job->next_us += job->interval_us;
    pop_finished(s);
}

static void *pace(void *argument) {
    struct pb_udp *udp = argument;
    struct pb_sender *s = &udp->sender;
    prctl(PR_SET_TIMERSLACK, 1000ul);
    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        uint64_t next_us;
        struct pb_send_job *job = choose(s, pb_monotonic_us(), &next_us);
        if (job)
            send_burst(udp, job);
        else if (next_us == UINT64_MAX)
            pthread_cond_wait(&s->changed, &s->lock);
        else {
            struct timespec until = {(time_t)(next_us / 1000000u), (long)(next_us % 1000000u) * 1000};
            pthread_cond_timedwait(&s->changed, &s->lock, &until);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

bool pb_sender_start(struct pb_udp *udp) {
    struct pb_sender *s = &udp->sender;
    pthread_condattr_t monotonic;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    atomic_init(&s->segmenting, true);
    void *memory = mmap(NULL, (size_t)MEMORY_PACKETS * PACKET, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    s->memory = memory;
    s->running = pb_thread_start(&s->thread, "udp send", pace, udp);
    return s->running;
}

void pb_sender_stop(struct pb_udp *udp) {
    struct pb_sender *s = &udp->sender;
    if (s->running) {
        pthread_mutex_lock(&s->lock);
        s->stopping = true;
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    if (s->memory) munmap(s->memory, (size_t)MEMORY_PACKETS * PACKET);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}
