/* sources: c/media/frame_queue.c */
/* The ring of encoded frames: order and bytes survive two threads, a frame in hand is not overwritten, a full ring refuses. */
#include "check.h"

#include "media/frame_queue.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

enum { FRAMES = 20000 };
static struct pb_frame_queue queue;

static void *produce(void *unused) {
    uint8_t bytes[700];
    for (uint32_t i = 0; i < FRAMES;) {
        struct pb_encoded frame = {.size = i % sizeof bytes, .sequence = i};
        memset(bytes, (int)(i & 255), frame.size);
        if (pb_frame_queue_put(&queue, &frame, bytes))
            i++;
        else
            sched_yield();
    }
    return unused;
}

static void two_threads(void) {
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, produce, NULL));
    for (uint32_t i = 0; i < FRAMES;) {
        struct pb_encoded frame;
        if (!pb_frame_queue_take(&queue, &frame)) {
            sched_yield();
            continue;
        }
        CHECK(frame.sequence == i && frame.size == i % 700);
        const uint8_t *bytes = (const uint8_t *)(uintptr_t)frame.data;
        for (uint32_t n = 0; n < frame.size; n++) CHECK(bytes[n] == (i & 255));
        if (i % 3) CHECK(pb_frame_queue_release(&queue)); /* the next take gives the others back */
        i++;
    }
    pthread_join(thread, NULL);
}

int main(void) {
    two_threads();
    struct pb_encoded frame = {.size = 1}, out;
    uint8_t byte = 7;
    pb_frame_queue_release(&queue);
    for (int i = 0; i < PB_FRAME_SLOTS; i++) CHECK(pb_frame_queue_put(&queue, &frame, &byte));
    CHECK(!pb_frame_queue_put(&queue, &frame, &byte) && pb_frame_queue_used(&queue) == PB_FRAME_SLOTS);
    CHECK(pb_frame_queue_take(&queue, &out) && !pb_frame_queue_put(&queue, &frame, &byte)); /* in hand: still its slot */
    CHECK(pb_frame_queue_release(&queue) && !pb_frame_queue_release(&queue));
    CHECK(pb_frame_queue_put(&queue, &frame, &byte));
    pb_frame_queue_free(&queue);
    return 0;
}
