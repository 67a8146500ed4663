/* sources: c/shmem/frames.c c/shmem/open.c c/shmem/listen.c c/os/ */
/* Frame buffers: the bytes of the header, what readers get and when they are refused it, four readers at full speed, writers
 * killed at any instant and in states that a kill hits rarely, sleeping and waking. */
#include "../../c/shmem/frames.h"
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WIDTH = 64, HEIGHT = 48, BYTES = WIDTH * HEIGHT * 4, TRIES = 1000 };

static char name[64], error[256];
static uint8_t pixels[BYTES + WIDTH * 4], got[BYTES];

static struct pb_frames created(uint32_t width, uint32_t height) {
    struct pb_frames f;
    bool done = pb_frames_create(&f, name, width, height, error, sizeof error);
    if (!done) fprintf(stderr, "%s\n", error);
    CHECK(done);
    return f;
}

static struct pb_frames opened(void) {
    struct pb_frames f;
    CHECK(pb_frames_open(&f, name, 0, 0, error, sizeof error));
    return f;
}

static enum pb_frames_status write_plain(struct pb_frames *f, uint8_t value) {
    memset(pixels, value, f->picture_bytes);
    return pb_frames_write(f, pixels, value, value, true);
}

static bool plain(const uint8_t *picture, size_t bytes) { return !memcmp(picture, picture + 4, bytes - 4); }

static void test_bytes(void) {
    struct pb_frames f = created(2, 1);
    static const uint8_t rgba[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    CHECK(f.segment.size == 64 + 24);
    CHECK(pb_frames_write(&f, rgba, 0x0102030405060708, 0x1112131415161718, true) == PB_FRAMES_OK);
    pb_frames_set_duration(&f, 0x2122232425262728);
    static const uint8_t wanted[56] = {
        2, 0, 0, 0,                                     /* seq: one picture */
        1, 0, 0, 0,                                     /* read_idx */
        8, 7, 6, 5, 4, 3, 2, 1,                         /* pts_ms */
        2, 0, 0, 0,                                     /* frame_width */
        1, 0, 0, 0,                                     /* frame_height */
        1, 0, 0, 0,                                     /* is_playing */
        'P', 'B', 'F', 'B',                             /* gap: the mark */
        0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, /* content_id_hash */
        0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, /* duration_ms */
        0, 0, 0, 0,                                     /* writer_count: none at work */
        0, 0, 0, 0,                                     /* padding: sleepers */
    };
    CHECK(!memcmp(f.segment.memory, wanted, sizeof wanted));
    uint32_t owner;
    memcpy(&owner, (uint8_t *)f.segment.memory + 56, 4);
    CHECK(owner == (uint32_t)getpid());
    CHECK(!memcmp((uint8_t *)f.segment.memory + 64 + 8, rgba, 8)); /* picture 1 */
    pb_frames_close(&f);
    CHECK(pb_frames_bytes(1920, 1080) == 64 + 24883200 && pb_frames_bytes(3840, 2160) == 64 + 99532800);
    CHECK(pb_frames_bytes(8192, 8192) == 64 + 805306368);
    CHECK(!pb_frames_bytes(0, 1) && !pb_frames_bytes(1, 0) && !pb_frames_bytes(8193, 1) && !pb_frames_bytes(UINT32_MAX, UINT32_MAX));
}

static void test_reading(void) {
    struct pb_frames w = created(WIDTH, HEIGHT), r = opened(), second;
    struct pb_frames_state state;
    CHECK(pb_frames_read(&r, 0, TRIES, got, &state) == PB_FRAMES_NONE);
    CHECK(!pb_frames_create(&second, name, WIDTH, HEIGHT, error, sizeof error) && strstr(error, "another program"));
    CHECK(!pb_frames_open(&second, name, WIDTH, HEIGHT + 1, error, sizeof error) && strstr(error, "64x48"));
    for (uint32_t n = 1; n < 300; n++) {
        CHECK(write_plain(&w, (uint8_t)n) == PB_FRAMES_OK);
        CHECK(pb_frames_read(&r, state.seq, TRIES, got, &state) == PB_FRAMES_OK);
        CHECK(state.seq == 2 * n && state.pts_ms == (uint8_t)n && !memcmp(got, pixels, BYTES));
        CHECK(pb_frames_read(&r, state.seq, TRIES, got, &state) == PB_FRAMES_SAME);
    }
    /* In place: whole for two more pictures, and no longer. */
    CHECK(pb_frames_state(&r, TRIES, &state) == PB_FRAMES_OK);
    const uint8_t *seen = pb_frames_picture(&r, &state);
    uint8_t before = seen[0];
    write_plain(&w, 1);
    CHECK(pb_frames_whole(&r, state.seq) && seen[0] == before);
    CHECK(pb_frames_begin(&w) != NULL && pb_frames_begin(&w) == pb_frames_begin(&w));
    memset(pb_frames_begin(&w), 2, BYTES);
    CHECK(pb_frames_whole(&r, state.seq) && seen[0] == before);
    pb_frames_end(&w, 0, 0, true);
    pb_frames_end(&w, 0, 0, true); /* without begin: nothing */
    CHECK(!pb_frames_whole(&r, state.seq));
    /* A writer of another kind at work in the same memory. */
    atomic_store(&w.header->writer_count, 1);
    CHECK(write_plain(&w, 3) == PB_FRAMES_CONTENTION && atomic_load(&w.header->writer_count) == 1);
    atomic_store(&w.header->writer_count, 0);
    CHECK(write_plain(&w, 4) == PB_FRAMES_OK);
    /* The counter's end is passed without a 0, which would mean that there is no picture. */
    w.seq = UINT32_MAX - 1;
    CHECK(write_plain(&w, 5) == PB_FRAMES_OK && pb_frames_state(&r, 1, &state) == PB_FRAMES_OK && state.seq == 2);
    pb_frames_close(&w);
    CHECK(pb_frames_wait(&r, state.seq, NULL, PB_OS_FOREVER) == PB_FRAMES_GONE);
    CHECK(pb_frames_read(&r, 0, TRIES, got, &state) == PB_FRAMES_OK && got[0] == 5);
    pb_frames_close(&r);
    CHECK(!pb_frames_open(&r, name, 0, 0, error, sizeof error));
}

/* A header as the original writes it, without our fields. */
static void test_foreign(void) {
    struct pb_os_segment s;
    CHECK(!pb_os_create(&s, name, pb_frames_bytes(8, 8)));
    struct pb_shm_frame_buffer *h = s.memory;
    atomic_store(&h->width, 8);
    atomic_store(&h->height, 8);
    atomic_store(&h->read_index, 2);
    atomic_store(&h->seq, 4);
    memset((uint8_t *)s.memory + 64 + 2 * 256, 9, 256);
    CHECK(!pb_os_publish(&s));
    struct pb_frames r = opened(), w;
    struct pb_frames_state state;
    CHECK(r.foreign && pb_frames_has_writer(&r));
    CHECK(pb_frames_read(&r, 0, TRIES, got, &state) == PB_FRAMES_OK && got[0] == 9 && got[255] == 9);
    atomic_store(&h->seq, 5); /* it died while odd: bounded all the same */
    CHECK(pb_frames_read(&r, 0, TRIES, got, &state) == PB_FRAMES_BUSY);
    CHECK(!pb_frames_create(&w, name, 8, 8, error, sizeof error) && strstr(error, "something else"));
    pb_frames_close(&r);
    CHECK(!pb_os_unlink(&s));
    pb_os_close(&s);
}

/* The instants within the change of a header, which kills hit rarely, set by hand. */
static void test_died_within(void) {
    pid_t child = fork();
    if (!child) pause();
    pb_os_identity dead = pb_os_identity_of((uint32_t)child);
    CHECK(pb_os_process_alive(dead));
    kill(child, SIGKILL);
    siginfo_t info;
    CHECK(!waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    CHECK(!pb_os_process_alive(dead)); /* not yet reaped counts as dead */
    waitpid(child, NULL, 0);
    for (uint32_t moved = 0; moved < 2; moved++) {
        struct pb_frames w = created(WIDTH, HEIGHT), r = opened(), next;
        struct pb_frames_state old, state;
        write_plain(&w, 1);
        write_plain(&w, 2);
        CHECK(pb_frames_state(&r, TRIES, &old) == PB_FRAMES_OK);
        atomic_store(&w.header->writer_count, 1);
        atomic_store(&w.header->seq, old.seq + 1);
        atomic_store(&w.header->read_index, (old.index + moved) % 3);
        atomic_store(&w.header->owner, dead);
        CHECK(pb_frames_read(&r, 0, TRIES, got, &state) == PB_FRAMES_GONE);
        CHECK(pb_frames_wait(&r, old.seq, NULL, PB_OS_FOREVER) == PB_FRAMES_GONE);
        CHECK(pb_frames_create(&next, name, WIDTH, HEIGHT, error, sizeof error));
        CHECK(pb_frames_read(&r, 0, 10, got, &state) == PB_FRAMES_BUSY); /* until its first picture */
        const uint8_t *held = pb_frames_picture(&r, &old);
        for (uint8_t n = 3; n < 7; n++) {
            /* Whenever the old picture counts as whole, it is. */
            memset(pb_frames_begin(&next), n, BYTES);
            CHECK(!pb_frames_whole(&r, old.seq) || (held[0] == 2 && plain(held, BYTES)));
            pb_frames_end(&next, n, n, true);
            CHECK(pb_frames_read(&r, 0, TRIES, got, &state) == PB_FRAMES_OK && got[0] == n && plain(got, BYTES));
        }
        pb_frames_close(&next);
        pb_frames_close(&r);
        pb_frames_close(&w);
    }
}

static void as_writer(void) {
    struct pb_frames w;
    for (uint32_t size = 0;; size ^= 1) {
        if (!pb_frames_create(&w, name, WIDTH, HEIGHT + size, error, sizeof error)) _exit(3);
        for (uint8_t n = 0; n < 20; n++) {
            uint8_t *to = pb_frames_begin(&w);
            if (!to) _exit(4);
            memset(to, n, w.picture_bytes);
            pb_frames_end(&w, n, n, true);
        }
        pb_frames_close(&w);
    }
}

static bool list_ours(const char *each, uint64_t size, void *context) {
    (void)size;
    *(bool *)context |= !strcmp(each, name);
    return true;
}

/* Kills writers at random instants, creation, taking over and closing among them. */
static void test_kills(int kills) {
    static uint8_t large[WIDTH * (HEIGHT + 1) * 4];
    struct pb_frames_state state;
    unsigned seed = (unsigned)getpid();
    for (int i = 0; i < kills; i++) {
        pid_t child = fork();
        if (!child) as_writer();
        uint64_t until = pb_os_now_us() + 300 + (unsigned)rand_r(&seed) % 3000;
        struct pb_frames r;
        bool reading = false;
        while (pb_os_now_us() < until) {
            if (!reading && !(reading = pb_frames_open(&r, name, 0, 0, error, sizeof error))) continue;
            enum pb_frames_status status = pb_frames_read(&r, 0, TRIES, large, &state);
            CHECK(status != PB_FRAMES_BROKEN);
            if (status == PB_FRAMES_OK) CHECK(plain(large, r.picture_bytes) && large[0] == state.pts_ms);
            if (status == PB_FRAMES_GONE || !pb_frames_has_writer(&r)) {
                pb_frames_close(&r);
                reading = false;
            }
        }
        kill(child, SIGKILL);
        int ended;
        waitpid(child, &ended, 0);
        CHECK(WIFSIGNALED(ended));
        if (reading) {
            enum pb_frames_status status = pb_frames_read(&r, 0, TRIES, large, &state);
            CHECK(status == PB_FRAMES_OK || status == PB_FRAMES_NONE || status == PB_FRAMES_GONE);
            if (status == PB_FRAMES_OK) CHECK(plain(large, r.picture_bytes));
            CHECK(pb_frames_wait(&r, state.seq, NULL, PB_OS_FOREVER) != PB_FRAMES_TIMEOUT);
            pb_frames_close(&r);
        }
        /* Whatever it left, the next writer can work. */
        struct pb_frames w = created(WIDTH, HEIGHT);
        CHECK(write_plain(&w, 7) == PB_FRAMES_OK && pb_frames_read(&w, 0, TRIES, got, &state) == PB_FRAMES_OK && got[9] == 7);
        pb_frames_close(&w);
        bool left = false;
        CHECK(!pb_os_list(list_ours, &left) && !left);
    }
}

/* Many want to write at once, of two sizes, and some die without a word: at no moment are there two. */
static void test_one_at_a_time(void) {
    enum { RIVALS = 4, TURNS = 150 };
    struct pb_os_segment counters;
    CHECK(!pb_os_create_anonymous(&counters, 4096));
    _Atomic uint32_t *inside = counters.memory, *turns = inside + 1;
    for (int deaths = 0; deaths < RIVALS || atomic_load(turns) < TURNS;) {
        for (; deaths < RIVALS; deaths++) {
            if (fork()) continue;
            unsigned seed = (unsigned)getpid();
            for (;;) {
                struct pb_frames w;
                if (!pb_frames_create(&w, name, WIDTH, HEIGHT + rand_r(&seed) % 2, error, sizeof error)) continue;
                if (atomic_fetch_add(inside, 1)) _exit(5);
                if (write_plain(&w, 1)) _exit(6);
                atomic_fetch_add(turns, 1);
                atomic_fetch_sub(inside, 1);
                if (rand_r(&seed) % 4 == 0) _exit(0);
                pb_frames_close(&w);
            }
        }
        int ended;
        CHECK(wait(&ended) > 0 && WIFEXITED(ended) && !WEXITSTATUS(ended));
        if (atomic_load(turns) < TURNS) deaths--;
    }
    int ended;
    for (int left = 0; left < RIVALS - 1; left++) CHECK(wait(&ended) > 0 && WIFEXITED(ended) && !WEXITSTATUS(ended));
    pb_os_close(&counters);
    struct pb_frames w = created(WIDTH, HEIGHT);
    pb_frames_close(&w);
}

static struct pb_frames shared, reading; /* the same mapping for all threads, so that ThreadSanitizer sees them meet */
static atomic_bool done;
static atomic_uint whole, torn, busy;

static void *reader_loop(void *unused) {
    (void)unused;
    struct pb_frames_state state = {0};
    uint8_t *into = malloc(BYTES);
    struct pb_frames r = reading;
    for (uint32_t last = 0; !atomic_load(&done);) {
        enum pb_frames_status status = pb_frames_wait(&r, last, NULL, 100000);
        if (status == PB_FRAMES_OK) status = pb_frames_read(&r, last, TRIES, into, &state);
        if (status == PB_FRAMES_OK) {
            atomic_fetch_add(plain(into, BYTES) && into[0] == (uint8_t)state.pts_ms ? &whole : &torn, 1);
            CHECK((int32_t)(state.seq - last) > 0);
            last = state.seq;
        } else if (status == PB_FRAMES_BUSY)
            atomic_fetch_add(&busy, 1);
        else
            CHECK(status == PB_FRAMES_SAME || status == PB_FRAMES_TIMEOUT || status == PB_FRAMES_GONE);
    }
    free(into);
    return NULL;
}

static void test_threads(void) {
    shared = reading = created(WIDTH, HEIGHT);
    reading.self = 0;
    pthread_t readers[4];
    for (int i = 0; i < 4; i++) CHECK(!pthread_create(&readers[i], NULL, reader_loop, NULL));
    for (uint32_t n = 1; n <= 3000 || atomic_load(&whole) < 400; n++) {
        memset(pixels, (uint8_t)n, BYTES);
        CHECK(pb_frames_write(&shared, pixels, (uint8_t)n, 0, true) == PB_FRAMES_OK);
        if (n % 8 == 0) usleep(50);
    }
    atomic_store(&done, true);
    for (int i = 0; i < 4; i++) pthread_join(readers[i], NULL);
    CHECK(!atomic_load(&torn));
    pb_frames_close(&shared);
}

static atomic_uint tells;
static struct pb_os_bell told;

static void tell(void *context) {
    (void)context;
    atomic_fetch_add(&tells, 1);
    pb_os_ring(&told, 1);
}

static void until_tells(uint32_t wanted) {
    for (uint32_t seen; (seen = atomic_load(&tells)) < wanted;) pb_os_wait(&told, seen, NULL, PB_OS_FOREVER);
    CHECK(atomic_load(&tells) == wanted);
}

static void test_listening(void) {
    CHECK(!pb_os_bell_open(&told, &tells, NULL));
    pid_t child = fork();
    if (!child) {
        struct pb_frames w = created(WIDTH, HEIGHT);
        for (uint8_t n = 1;; n++) {
            write_plain(&w, n);
            usleep(2000);
        }
    }
    struct pb_frames r;
    while (!pb_frames_open(&r, name, 0, 0, error, sizeof error)) usleep(500);
    struct pb_frames_listener *l = pb_frames_listen(&r, tell, NULL);
    CHECK(l);
    struct pb_frames_state state = {0};
    uint32_t n = 0;
    while (n < 50) {
        pb_frames_arm(l, state.seq);
        until_tells(++n);
        CHECK(pb_frames_state(&r, TRIES, &state) == PB_FRAMES_OK);
    }
    kill(child, SIGKILL);
    enum pb_frames_status status;
    do { /* what it published last, then its end */
        pb_frames_arm(l, state.seq);
        until_tells(++n);
        status = pb_frames_read(&r, state.seq, TRIES, got, &state);
    } while (status == PB_FRAMES_OK);
    CHECK(!pb_frames_has_writer(&r));
    /* Without an arm nothing is told, and a listener that sleeps for good can be ended. */
    struct pb_frames w = created(WIDTH, HEIGHT);
    write_plain(&w, 1);
    CHECK(pb_frames_state(&r, TRIES, &state) == PB_FRAMES_OK);
    pb_frames_arm(l, state.seq);
    usleep(1000);
    pb_frames_unlisten(l);
    CHECK(atomic_load(&tells) == n);
    pb_frames_close(&r);
    pb_frames_close(&w);
    waitpid(child, NULL, 0);
}

int main(void) {
    snprintf(name, sizeof name, "test_shmem_%d", (int)getpid());
    test_bytes();
    test_reading();
    test_foreign();
    test_died_within();
    test_kills(250);
    test_one_at_a_time();
    test_listening();
    test_threads();
    return 0;
}
