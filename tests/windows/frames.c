/*
 * Frame buffers between two processes, on any system: `write` publishes numbered pictures, waiting after each for a reader's word in
 * a second segment; `read` sleeps till each picture and compares all of it; `die` publishes one picture and is to be killed.
 * PROGRAM write NAME COUNT | read NAME COUNT | die NAME | last NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmem/frames.h"

enum { width = 320, height = 200, bytes = width * height * 4, patience_us = 20000000 };

static uint8_t picture[bytes];
static char error[256];

static int say(const char *line) {
    puts(line);
    fflush(stdout);
    return 0;
}

static int fail(const char *what) {
    printf("%s: %s\n", what, error);
    fflush(stdout);
    return 1;
}

static void paint(uint8_t *to, uint32_t number) {
    for (uint32_t at = 0; at < bytes; at += 4) {
        uint32_t value = number * 2654435761u + at;
        memcpy(to + at, &value, 4);
    }
}

/* Where the reader tells what it has seen; a whole page, and its first word the bell. */
static struct pb_os_segment board;
static struct pb_os_bell seen;
static bool open_board(const char *name, bool make) {
    char event[100];
    snprintf(event, sizeof event, "%s_seen", name);
    enum pb_os_status status = make ? pb_os_create(&board, event, 4096) : pb_os_open(&board, event, 4);
    if (!status && make) status = pb_os_publish(&board);
    return !status && !pb_os_bell_open(&seen, board.memory, event);
}

static int write_pictures(const char *name, uint32_t count) {
    struct pb_frames frames = PB_FRAMES_CLOSED, second = PB_FRAMES_CLOSED;
    if (!open_board(name, true)) return fail("the board");
    if (!pb_frames_create(&frames, name, width, height, error, sizeof error)) return fail("create");
    if (pb_frames_create(&second, name, width, height, error, sizeof error)) return fail("a second writer");
    say("ready");
    for (uint32_t number = 1; number <= count; number++) {
        uint8_t *to = pb_frames_begin(&frames);
        if (!to) return fail("begin");
        paint(to, number);
        pb_frames_end(&frames, number, 7, true);
        uint32_t told;
        while ((told = atomic_load(seen.word)) != number)
            if (pb_os_wait(&seen, told, NULL, patience_us) == PB_OS_TIMEOUT) return fail("nobody reads");
    }
    pb_frames_close(&frames);
    pb_os_unlink(&board);
    return say("written");
}

static int read_pictures(const char *name, uint32_t count) {
    struct pb_frames frames = PB_FRAMES_CLOSED;
    struct pb_frames_state state = {0};
    static uint8_t expected[bytes];
    if (!open_board(name, false)) return fail("the board");
    if (!pb_frames_open(&frames, name, width, height, error, sizeof error)) return fail("open");
    for (uint32_t number = 1; number <= count; number++) {
        if (pb_frames_wait(&frames, state.seq, NULL, patience_us) != PB_FRAMES_OK) return fail("wait");
        if (pb_frames_read(&frames, state.seq, 1000, picture, &state) != PB_FRAMES_OK) return fail("read");
        paint(expected, number);
        if (state.pts_ms != number || memcmp(picture, expected, bytes) != 0) return fail("another picture");
        atomic_store(seen.word, number);
        pb_os_ring(&seen, 1);
    }
    if (pb_frames_wait(&frames, state.seq, NULL, patience_us) != PB_FRAMES_GONE) return fail("the writer's end");
    printf("%u pictures\n", count);
    return 0;
}

static int die(const char *name) {
    struct pb_frames frames = PB_FRAMES_CLOSED;
    if (!pb_frames_create(&frames, name, width, height, error, sizeof error)) return fail("create");
    paint(picture, 1);
    pb_frames_write(&frames, picture, 1, 0, true);
    paint(pb_frames_begin(&frames), 2); /* in the middle of a picture */
    say("writing");
    struct pb_os_bell never;
    _Atomic uint32_t word = 0;
    pb_os_bell_open(&never, &word, NULL);
    for (;;) pb_os_wait(&never, 0, NULL, PB_OS_FOREVER);
}

/* Reads the picture that is there, then sleeps until the writer is gone. */
static int last(const char *name) {
    struct pb_frames frames = PB_FRAMES_CLOSED;
    struct pb_frames_state state = {0};
    if (!pb_frames_open(&frames, name, 0, 0, error, sizeof error)) return fail("open");
    if (pb_frames_read(&frames, 0, 1000, picture, &state) != PB_FRAMES_OK || state.pts_ms != 1) return fail("read");
    say("read");
    return pb_frames_wait(&frames, state.seq, NULL, patience_us) == PB_FRAMES_GONE ? say("gone") : fail("waiting");
}

int main(int argc, char **argv) {
    const char *what = argc > 2 ? argv[1] : "", *name = argc > 2 ? argv[2] : "";
    uint32_t number = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    if (!strcmp(what, "write")) return write_pictures(name, number);
    if (!strcmp(what, "read")) return read_pictures(name, number);
    if (!strcmp(what, "die")) return die(name);
    if (!strcmp(what, "last")) return last(name);
    fprintf(stderr, "usage: frames write|read|die|last NAME [NUMBER]\n");
    return 64;
}
