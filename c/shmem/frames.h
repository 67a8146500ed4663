/* Frame buffers in shared memory: one writer, many readers, three RGBA pictures behind a seqlock (itk section 2). The header
 * is c/gen/layouts.h. It differs from the original's procedure where that is weak, and stays readable for it:
 *
 * - seq is odd only while the header changes, not while a picture is copied, so readers are hardly ever held up.
 * - A picture is overwritten at the earliest after two more have been published. Who copied one looks at seq afterwards: has
 *   it moved by less than 4, then nobody wrote into the copied picture meanwhile. So a torn picture is never delivered.
 * - The writer's process id and start time stand in the header. Readers end when it died, at whatever instant; another writer
 *   is refused while it lives and takes over when it does not. So all must see each other's process ids: containers that share
 *   /dev/shm but not their processes take each other for dead.
 * - Writers never believe the memory what they wrote there, and readers check all they read: what another process scribbles
 *   leads to an error, never outside the mapping and never to an endless loop. */
#ifndef PB_FRAMES_H
#define PB_FRAMES_H
#include "../gen/layouts.h"
#include "../os/os.h"
#include "../shim.h"

enum pb_frames_status {
    PB_FRAMES_OK = 0,
    PB_FRAMES_NONE,      /* no picture was published yet */
    PB_FRAMES_SAME,      /* none but the one that the caller has already */
    PB_FRAMES_BUSY,      /* overtaken, or the header changing, as often as was tried */
    PB_FRAMES_GONE,      /* the writer ended or died: no picture to come */
    PB_FRAMES_TIMEOUT,   /* the time is over */
    PB_FRAMES_BROKEN,    /* the memory holds what no writer writes */
    PB_FRAMES_CONTENTION /* another writer is at work in the same memory */
};

/* What the header said at one instant. */
struct pb_frames_state {
    uint64_t pts_ms, content_hash, duration_ms;
    uint32_t seq;   /* even; the picture's number is half of it */
    uint32_t index; /* 0 to 2 */
    bool is_playing;
    uint32_t overtaken; /* copies that were thrown away on the way to this one */
};

/* One end. Used by one thread at a time, but for pb_frames_listen's own thread. */
struct pb_frames {
    struct pb_os_segment segment;
    struct pb_shm_frame_buffer *header;
    uint8_t *pixels;        /* three pictures */
    uint32_t width, height; /* as checked when opened; the header's are not looked at again */
    size_t picture_bytes;
    pb_os_identity self;    /* the writer's; 0 for a reader */
    bool foreign;           /* made by a program that leaves the free fields 0: nobody knows who writes */
    uint32_t seq, index;    /* the writer's own truth: last even seq, and the picture published last */
    bool writing;
    struct pb_os_bell bell; /* on seq */
};

/* What an unused struct looks like; close accepts it. */
#define PB_FRAMES_CLOSED ((struct pb_frames){.segment = {.handle = -1}, .bell = {.handle = -1}})

/* 64 + 3 * width * height * 4, or 0 when a side is not 1 to 8192. */
size_t pb_frames_bytes(uint32_t width, uint32_t height);

/* Becomes the writer. A segment whose writer is gone is taken over when it has the size, else replaced. Returns false and a
 * sentence. */
bool pb_frames_create(struct pb_frames *frames, const char *name, uint32_t width, uint32_t height, char *error, size_t size);
/* Becomes a reader. Width and height 0 accept any; else the segment must have them. */
bool pb_frames_open(struct pb_frames *frames, const char *name, uint32_t width, uint32_t height, char *error, size_t size);
/* Tells readers that no picture comes, and takes the name away, when this is the writer. */
void pb_frames_close(struct pb_frames *frames);
/* Checks a mapped segment and points into it; for pb_frames_open and for tests. */
enum pb_frames_status pb_frames_attach(struct pb_frames *frames, void *memory, size_t size);

/* The picture to fill: width * height * 4 bytes of RGBA, at leisure; readers go on with the last one. NULL: contention. */
uint8_t *pb_frames_begin(struct pb_frames *frames);
/* Publishes it and wakes sleepers. */
void pb_frames_end(struct pb_frames *frames, uint64_t pts_ms, uint64_t content_hash, bool is_playing);
/* begin, copy, end. */
enum pb_frames_status pb_frames_write(struct pb_frames *frames, const void *rgba, uint64_t pts_ms, uint64_t content_hash,
                                      bool is_playing);
void pb_frames_set_duration(struct pb_frames *frames, uint64_t duration_ms);

/* A consistent header in at most `tries` attempts: OK, NONE, BUSY, GONE (died while changing it) or BROKEN. */
enum pb_frames_status pb_frames_state(struct pb_frames *frames, uint32_t tries, struct pb_frames_state *state);
/* Copies the newest picture whole, unless its seq is `last_seq` (0: none). All the statuses but TIMEOUT. */
enum pb_frames_status pb_frames_read(struct pb_frames *frames, uint32_t last_seq, uint32_t tries, void *rgba,
                                     struct pb_frames_state *state);
/* Where the picture of a state lies, and whether it was whole during all the time from that state until now. */
static inline const uint8_t *pb_frames_picture(const struct pb_frames *frames, const struct pb_frames_state *state) {
    return frames->pixels + (size_t)state->index * frames->picture_bytes;
}
bool pb_frames_whole(const struct pb_frames *frames, uint32_t seq);
/* Sleeps until there is another picture than `last_seq`: OK, GONE, TIMEOUT. Also TIMEOUT when `alarm` (may be NULL) is set. */
enum pb_frames_status pb_frames_wait(struct pb_frames *frames, uint32_t last_seq, struct pb_os_alarm *alarm,
                                     uint64_t timeout_us);
/* Is there somebody who may publish? True as well when that cannot be known. */
bool pb_frames_has_writer(struct pb_frames *frames);

/* A thread that sleeps for a reader whose own thread must not. It calls `tell` once after each arm(), when there is another
 * picture than `last_seq` or the writer is gone. */
struct pb_frames_listener;
struct pb_frames_listener *pb_frames_listen(struct pb_frames *frames, void (*tell)(void *context), void *context);
void pb_frames_arm(struct pb_frames_listener *listener, uint32_t last_seq);
void pb_frames_unlisten(struct pb_frames_listener *listener);
#endif
