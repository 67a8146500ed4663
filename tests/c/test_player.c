/* sources: c/media/player.c c/media/player_thread.c c/media/player_decoder.c c/media/player_units.c c/media/player_events.c c/decode/openh264.c c/display/headless.c c/meter/timecode.c libs: -lopenh264 -lyuv */
/* The player over the real decoder, with the display in memory and one that the test drives: pictures come out as they went
 * in, only the newest is shown, damage stops everything until a keyframe, hostile bytes do no harm, and input is never lost. */
#include "check.h"
#include "encoded.h"

#include "display/display.h"
#include "media/player.h"

#include <linux/input-event-codes.h>
#include <string.h>
#include <unistd.h>

/* A display whose server answers when the test says so, with events that the test invents. */
struct pb_display {
    int dummy;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int pipe_ends[2];
static unsigned in_hand, completed, gone;
static struct pb_window_event invented[4096];
static unsigned invented_first, invented_count;
static struct pb_display scripted;

static bool probe(const char *target, char *detail, size_t size) {
    (void)target, (void)detail, (void)size;
    return true;
}
static struct pb_display *open_scripted(const struct pb_display_settings *s, char *error, size_t size) {
    (void)s, (void)error, (void)size;
    in_hand = completed = gone = invented_count = 0;
    return pipe(pipe_ends) ? NULL : &scripted;
}
static void describe(struct pb_display *d, char *detail, size_t size) {
    (void)d;
    pb_error(detail, size, "by the test");
}
static int descriptor(struct pb_display *d) {
    (void)d;
    return pipe_ends[0];
}
static enum pb_status show(struct pb_display *d, const struct pb_picture *p) {
    (void)d;
    CHECK(p->width && p->plane[2]);
    pthread_mutex_lock(&lock);
    enum pb_status status = gone ? PB_LOST : in_hand == 2 ? PB_AGAIN : PB_OK;
    if (status == PB_OK) in_hand++;
    pthread_mutex_unlock(&lock);
    return status;
}
static enum pb_status next_event(struct pb_display *d, struct pb_window_event *e) {
    (void)d;
    char byte;
    pthread_mutex_lock(&lock);
    enum pb_status status = PB_AGAIN;
    if (gone) status = PB_LOST;
    else if (completed && in_hand) {
        completed--;
        in_hand--;
        e->kind = PB_WINDOW_SHOWN;
        status = PB_OK;
    } else if (invented_count) {
        *e = invented[invented_first++];
        invented_count--;
        status = PB_OK;
    }
    if (status == PB_OK) CHECK(read(pipe_ends[0], &byte, 1) == 1);
    pthread_mutex_unlock(&lock);
    return status;
}
static const struct pb_picture *nothing(struct pb_display *d) {
    (void)d;
    return NULL;
}
static void close_scripted(struct pb_display *d) {
    (void)d;
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}
static const struct pb_display_backend by_test = {.name = "test",
                                                  .probe = probe,
                                                  .open = open_scripted,
                                                  .describe = describe,
                                                  .descriptor = descriptor,
                                                  .show = show,
                                                  .event = next_event,
                                                  .shown = nothing,
                                                  .close = close_scripted};
extern const struct pb_decoder_backend pb_decoder_openh264;
const struct pb_decoder_backend *const pb_decoder_backends[] = {&pb_decoder_openh264, NULL};
const struct pb_display_backend *const pb_display_backends[] = {&by_test, &pb_display_headless, NULL};

static void complete(void) {
    pthread_mutex_lock(&lock);
    completed++;
    pthread_mutex_unlock(&lock);
    CHECK(write(pipe_ends[1], "", 1) == 1);
}

static void invent(const struct pb_window_event *events, unsigned count) {
    char bytes[4096] = {0};
    pthread_mutex_lock(&lock);
    invented_first = 0;
    invented_count = count;
    memcpy(invented, events, count * sizeof *events);
    pthread_mutex_unlock(&lock);
    CHECK(write(pipe_ends[1], bytes, count) == (ssize_t)count);
}

/* The waker counts on a semaphore-like pair, so that the test sleeps until there is something. */
static pthread_mutex_t wake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static unsigned wakes;
static void on_wake(void) {
    pthread_mutex_lock(&wake_lock);
    wakes++;
    pthread_cond_signal(&woken);
    pthread_mutex_unlock(&wake_lock);
}

static struct pb_player_event next(struct pb_player *p) {
    struct pb_player_event e;
    for (;;) {
        if (pb_player_take(p, &e)) return e;
        pb_player_rearm(p);
        if (pb_player_take(p, &e)) return e;
        pthread_mutex_lock(&wake_lock);
        while (!wakes) pthread_cond_wait(&woken, &wake_lock);
        wakes = 0;
        pthread_mutex_unlock(&wake_lock);
    }
}

static struct pb_player *start(const char *display, uint32_t flags) {
    char error[256] = "";
    struct pb_player *p = pb_player_open(display, "", "openh264", "test", 64, 64, flags, on_wake, error, sizeof error);
    if (!p) fprintf(stderr, "%s\n", error);
    CHECK(p);
    return p;
}

static void pictures_survive(void) {
    struct pb_player *p = start("headless", PB_PLAYER_FLAG_READ_TIMECODE);
    static uint8_t pixels[1024 * 128 * 4];
    char text[256];
    CHECK(pb_player_describe(p, text, sizeof text) && !strncmp(text, "headless\topenh264\t", 18));
    CHECK(!pb_player_snapshot(p, pixels, sizeof pixels));
    struct encoded stream;
    encoded_open(&stream, 1024, 128);
    uint64_t painted = pb_monotonic_us() / 100 * 100;
    for (uint32_t frame = 1; frame <= 20; frame++) {
        encoded_frame(&stream, (uint8_t)(frame * 9), painted + frame * 1000, frame == 1);
        CHECK(!pb_player_push(p, stream.bytes, stream.size, frame, 0, 777 + frame));
        struct pb_player_event e = next(p);
        CHECK(e.kind == PB_PLAYER_SHOWN && e.frame_id == frame && e.capture_us == 777 + frame);
        CHECK(e.pushed_us <= e.decode_begin_us && e.decode_begin_us <= e.decoded_us && e.decoded_us <= e.shown_us);
        CHECK(e.width == 1024 && e.height == 128 && e.timecode_us == painted + frame * 1000);
    }
    CHECK(!pb_player_snapshot(p, pixels, sizeof pixels - 1) && !pb_player_snapshot(p, NULL, 0));
    CHECK(pb_player_snapshot(p, pixels, sizeof pixels) == (1024u << 16 | 128));
    /* Grey of luma 180 in limited range. */
    const uint8_t *grey = pixels + (100 * 1024 + 700) * 4;
    for (int c = 0; c < 3; c++) CHECK(grey[c] > 186 && grey[c] < 196);
    CHECK(grey[3] == 255);
    struct pb_player_stats s;
    pb_player_stats(p, &s);
    CHECK(s.pushed == 20 && s.decoded == 20 && s.shown == 20 && !s.skipped_late && !s.decode_errors && !s.refused_full);
    encoded_close(&stream);
    pb_player_close(p);
}

static void another_size_comes(void) {
    struct pb_player *p = start("headless", 0);
    static const uint32_t sizes[][2] = {{64, 64}, {320, 200}, {98, 130}};
    for (unsigned i = 0; i < 3; i++) {
        struct encoded stream;
        encoded_open(&stream, sizes[i][0], sizes[i][1]);
        encoded_frame(&stream, 128, 0, true);
        CHECK(!pb_player_push(p, stream.bytes, stream.size, i, 0, 0));
        struct pb_player_event e = next(p);
        CHECK(e.kind == PB_PLAYER_SHOWN && e.width == sizes[i][0] && e.height == sizes[i][1]);
        encoded_close(&stream);
    }
    pb_player_close(p);
}

static void damage_stops_until_a_keyframe(void) {
    struct pb_player *p = start("headless", 0);
    struct encoded stream;
    encoded_open(&stream, 320, 192);
    /* Before the first keyframe nothing can be decoded. */
    encoded_frame(&stream, 10, 0, true);
    encoded_frame(&stream, 20, 0, false);
    pb_player_push(p, stream.bytes, stream.size, 1, PB_ENCODED_FLAG_KEYFRAME, 0);
    CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR);
    encoded_frame(&stream, 30, 0, true);
    pb_player_push(p, stream.bytes, stream.size, 2, 0, 0);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    static const uint8_t rubbish[64] = {0, 0, 0, 1, 0x41, 0xff, 0xff, 0xff};
    pb_player_push(p, rubbish, sizeof rubbish, 3, 0, 0);
    struct pb_player_event e = next(p);
    CHECK(e.kind == PB_PLAYER_DECODE_ERROR && e.frame_id == 3);
    encoded_frame(&stream, 40, 0, false);
    pb_player_push(p, stream.bytes, stream.size, 4, 0, 0);
    CHECK(next(p).kind == PB_PLAYER_DECODE_ERROR);
    encoded_frame(&stream, 50, 0, true);
    pb_player_push(p, stream.bytes, stream.size, 5, 0, 0);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    encoded_frame(&stream, 60, 0, false);
    pb_player_push(p, stream.bytes, stream.size, 6, 0, 0);
    CHECK(next(p).kind == PB_PLAYER_SHOWN);
    encoded_close(&stream);
    pb_player_close(p);
}

static void hostile_bytes_do_no_harm(void) {
    struct pb_player *p = start("headless", 0);
    struct encoded stream;
    encoded_open(&stream, 160, 96);
    uint32_t seed = 12345;
    CHECK(pb_player_push(p, NULL, 10, 0, 0, 0) == -1 && pb_player_push(p, "", 0, 0, 0, 0) == -1);
    CHECK(pb_player_push(p, "", PB_MAX_FRAME_BYTES + 1, 0, 0, 0) == -1);
    for (uint32_t round = 0; round < 300; round++) {
        encoded_frame(&stream, (uint8_t)round, 0, true);
        uint32_t size = stream.size;
        for (uint32_t hits = round % 8; hits--;) {
            seed = seed * 1664525 + 1013904223;
            stream.bytes[(seed >> 8) % size] = (uint8_t)(seed >> 24);
        }
        if (round % 3 == 2) size = 1 + (seed >> 8) % size;
        CHECK(!pb_player_push(p, stream.bytes, size, round, 0, 0));
        next(p);
    }
    encoded_close(&stream);
    pb_player_close(p);
}

static void only_the_newest_is_shown(void) {
    struct pb_player *p = start("test", 0);
    struct encoded stream;
    encoded_open(&stream, 64, 64);
    /* The server has two and answers for none: what comes then is decoded, and the last of it waits. */
    for (uint32_t frame = 1; frame <= 6; frame++) {
        encoded_frame(&stream, (uint8_t)frame, 0, frame == 1);
        CHECK(!pb_player_push(p, stream.bytes, stream.size, frame, 0, 0));
        struct pb_player_stats s;
        do pb_player_stats(p, &s);
        while (s.decoded < frame);
    }
    uint32_t shown = 0, skipped = 0, last_shown = 0;
    complete();
    complete();
    while (shown + skipped < 5) {
        struct pb_player_event e = next(p);
        CHECK(e.kind == PB_PLAYER_SHOWN || e.kind == PB_PLAYER_SKIPPED);
        shown += e.kind == PB_PLAYER_SHOWN;
        skipped += e.kind == PB_PLAYER_SKIPPED;
        if (e.kind != PB_PLAYER_SHOWN) continue;
        CHECK(e.frame_id > last_shown);
        last_shown = e.frame_id;
    }
    complete();
    struct pb_player_event e = next(p);
    CHECK(e.kind == PB_PLAYER_SHOWN && e.frame_id == 6);
    CHECK(shown == 2 && skipped == 3);
    encoded_close(&stream);
    pb_player_close(p);
}

static void a_full_queue_refuses(void) {
    struct pb_unit_queue q = {0};
    struct pb_unit unit = {.size = 1000}, out;
    static uint8_t large[PB_MAX_FRAME_BYTES];
    bool was_empty = false;
    pb_units_init(&q);
    for (uint32_t i = 0; i < PB_UNITS_QUEUED; i++) {
        unit.frame_id = i;
        large[0] = (uint8_t)i;
        CHECK(pb_units_push(&q, large, &unit, &was_empty) && was_empty == !i);
    }
    CHECK(!pb_units_push(&q, large, &unit, &was_empty));
    for (uint32_t i = 0; i < PB_UNITS_QUEUED; i++) {
        CHECK(pb_units_take(&q, &out) && out.frame_id == i && out.data[0] == i);
        pb_units_give_back(&q, &out);
    }
    CHECK(!pb_units_take(&q, &out) && q.bytes == 0);
    /* By bytes as well. */
    unit.size = sizeof large;
    CHECK(pb_units_push(&q, large, &unit, &was_empty) && pb_units_push(&q, large, &unit, &was_empty));
    unit.size = 1;
    CHECK(!pb_units_push(&q, large, &unit, &was_empty));
    pb_units_free(&q);
}

static struct pb_window_event input(uint16_t type, uint16_t code, int32_t value) {
    return (struct pb_window_event){.kind = PB_WINDOW_INPUT, .type = type, .code = code, .value = value};
}

/* Nobody takes while more comes than fits. Presses arrive complete and in order; motion is merged, and its sum is right. */
static void input_is_never_lost(void) {
    struct pb_player *p = start("test", 0);
    static struct pb_window_event events[4000];
    unsigned count = 0;
    for (int32_t i = 0; i < 500; i++) {
        events[count++] = input(EV_REL, REL_X, 3);
        events[count++] = input(EV_SYN, SYN_REPORT, 0);
        events[count++] = input(EV_REL, REL_X, -1);
        events[count++] = input(EV_SYN, SYN_REPORT, 0);
        events[count++] = input(EV_KEY, (uint16_t)(1 + i % 200), 1);
        events[count++] = input(EV_SYN, SYN_REPORT, 0);
    }
    events[count++] = (struct pb_window_event){.kind = PB_WINDOW_CLOSED};
    invent(events, count);
    int32_t keys = 0, x = 0, others = 0;
    for (;;) {
        struct pb_player_event e = next(p);
        if (e.kind == PB_PLAYER_CLOSED) break;
        CHECK(e.kind == PB_PLAYER_INPUT);
        if (e.type == EV_KEY) {
            CHECK((int32_t)e.code == 1 + keys % 200 && x == 2 * (keys + 1));
            keys++;
        } else if (e.type == EV_REL) {
            x += e.value;
        } else {
            others++;
        }
    }
    CHECK(keys == 500 && x == 1000 && others >= 500);
    pb_player_close(p);
}

static void motion_of_a_batch_is_one_step(void) {
    struct pb_event_ring *r = calloc(1, sizeof *r);
    struct pb_player_event e;
    struct pb_window_event in;
    bool room;
    pb_events_init(r);
    for (int32_t i = 0; i < 100; i++) {
        in = input(EV_ABS, ABS_X, i), pb_events_put_window(r, &in);
        in = input(EV_ABS, ABS_Y, 2 * i), pb_events_put_window(r, &in);
        in = input(EV_SYN, SYN_REPORT, 0), pb_events_put_window(r, &in);
    }
    CHECK(!pb_events_take(r, &e, &room));
    CHECK(pb_events_end_batch(r) && !pb_events_end_batch(r));
    CHECK(pb_events_take(r, &e, &room) && e.code == ABS_X && e.value == 99);
    CHECK(pb_events_take(r, &e, &room) && e.code == ABS_Y && e.value == 198);
    CHECK(pb_events_take(r, &e, &room) && e.type == EV_SYN);
    CHECK(!pb_events_take(r, &e, &room));
    pb_events_free(r);
    free(r);
}

static void a_dead_server_is_reported(void) {
    struct pb_player *p = start("test", 0);
    pthread_mutex_lock(&lock);
    gone = 1;
    pthread_mutex_unlock(&lock);
    CHECK(write(pipe_ends[1], "", 1) == 1);
    CHECK(next(p).kind == PB_PLAYER_LOST);
    static const uint8_t bytes[16] = {0, 0, 1, 0x65};
    for (int i = 0; i < 100; i++) pb_player_push(p, bytes, sizeof bytes, 0, 0, 0);
    pb_player_close(p);
}

static void wrong_names_are_refused(void) {
    char error[256] = "";
    CHECK(!pb_player_open("nix", "", "auto", "", 0, 0, 0, NULL, error, sizeof error) && strstr(error, "\"nix\""));
    CHECK(!pb_player_open("headless", "", "nix", "", 0, 0, 0, NULL, error, sizeof error) && strstr(error, "\"nix\""));
    CHECK(!pb_player_open("headless", "", "auto", "", 8193, 1, 0, NULL, error, sizeof error) && strstr(error, "8193"));
    pb_player_close(NULL);
}

int main(void) {
    pictures_survive();
    another_size_comes();
    damage_stops_until_a_keyframe();
    hostile_bytes_do_no_harm();
    only_the_newest_is_shown();
    a_full_queue_refuses();
    input_is_never_lost();
    motion_of_a_batch_is_one_step();
    a_dead_server_is_reported();
    wrong_names_are_refused();
    return 0;
}
