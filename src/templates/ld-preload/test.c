/* Runs the painter with the library on a private X server and compares what arrives in shared memory, pixel by pixel; then
 * what happens when a window changes its size, when nobody reads, when the program ends and when it is killed. The first
 * argument is the library. Without Xvfb it uses the current display. */
#include "shmem/frames.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(holds) ((holds) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds), exit(1)))
#define PATIENCE_US 20000000u

extern char **environ;
static pid_t server, painter;
static int words; /* to the painter */
static FILE *answers;
static char name[64];

static void stop_all(void) {
    if (painter > 0) kill(painter, SIGKILL);
    if (server > 0) kill(server, SIGKILL);
}

static void start_display(void) {
    int ends[2];
    char *arguments[] = {"Xvfb", "-displayfd", "9", "-noreset", "-nolisten", "tcp", "-screen", "0", "640x480x24", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    CHECK(!pipe2(ends, O_CLOEXEC));
    posix_spawn_file_actions_adddup2(&actions, ends[1], 9);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawnp(&server, "Xvfb", &actions, NULL, arguments, environ);
    close(ends[1]);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        server = 0;
        CHECK(getenv("DISPLAY"));
        return;
    }
    char display[16] = ":";
    FILE *number = fdopen(ends[0], "r");
    CHECK(number && fgets(display + 1, sizeof display - 1, number));
    fclose(number);
    display[strcspn(display, "\n")] = 0;
    setenv("DISPLAY", display, 1);
}

/* The painter gets the library, and the test does not: environment variables of this process stay as they are. */
static void start_painter(const char *library, const char *mode, const char *width, const char *height) {
    int in[2], out[2];
    static int started;
    char preload[300], frames[100];
    snprintf(name, sizeof name, "preload-test-%d-%d", (int)getpid(), ++started);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    snprintf(frames, sizeof frames, "PATCHBAY_FRAMES=%s", name);
    size_t count = 0;
    while (environ[count]) count++;
    char *environment[count + 3];
    memcpy(environment, environ, count * sizeof *environment);
    environment[count] = preload;
    environment[count + 1] = frames;
    environment[count + 2] = NULL;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    CHECK(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    char *arguments[] = {"./painter", (char *)mode, (char *)width, (char *)height, NULL};
    CHECK(!posix_spawn(&painter, "./painter", &actions, NULL, arguments, environment));
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    words = in[1];
    answers = fdopen(out[0], "r");
}

static void tell(const char *line) {
    char answer[16];
    CHECK(write(words, line, strlen(line)) == (ssize_t)strlen(line));
    CHECK(fgets(answer, sizeof answer, answers) && !strcmp(answer, "done\n"));
}

static int end_painter(int signal) {
    int status;
    if (signal) kill(painter, signal);
    close(words);
    CHECK(waitpid(painter, &status, 0) == painter);
    fclose(answers);
    painter = 0;
    return status;
}

static struct pb_frames frames;
static struct pb_frames_state state;
static uint8_t *picture;

/* The library writes the first picture whether or not anybody reads, so the name is there once something was painted. */
static void open_frames(void) {
    char error[256];
    uint64_t until = pb_os_now_us() + PATIENCE_US;
    while (!pb_frames_open(&frames, name, 0, 0, error, sizeof error)) {
        if (pb_os_now_us() > until) fprintf(stderr, "%s\n", error);
        CHECK(pb_os_now_us() < until);
        usleep(10000);
    }
    free(picture);
    picture = malloc(frames.picture_bytes);
    CHECK(picture);
    state.seq = 0;
}

static void next(void) {
    CHECK(pb_frames_wait(&frames, state.seq, NULL, PATIENCE_US) == PB_FRAMES_OK);
    CHECK(pb_frames_read(&frames, state.seq, 1000, picture, &state) == PB_FRAMES_OK);
}

/* Every pixel is one of picture n. */
static void shows(uint32_t width, uint32_t height, int n) {
    CHECK(frames.width == width && frames.height == height);
    const uint8_t colours[4][4] = {{(uint8_t)n, 10, 200, 255}, {20, (uint8_t)n, 30, 255}, {255, 128, (uint8_t)n, 255}, {0, (uint8_t)(255 - n), 255, 255}};
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            const uint8_t *expected = colours[(y >= height / 2) * 2 + (x >= width / 2)];
            const uint8_t *got = picture + 4 * ((size_t)y * width + x);
            if (memcmp(got, expected, 4)) fprintf(stderr, "picture %d at %u,%u: %u %u %u %u\n", n, x, y, got[0], got[1], got[2], got[3]);
            CHECK(!memcmp(got, expected, 4));
        }
}

static atomic_bool seen;
static void *painting(void *line) {
    while (!seen) tell(line);
    return NULL;
}

/* Paints it until it arrives: one that comes while nobody sleeps for it may be left out. */
static void paint_and_compare(uint32_t width, uint32_t height, int n) {
    char line[32];
    pthread_t thread;
    seen = false;
    snprintf(line, sizeof line, "paint %d\n", n);
    CHECK(!pthread_create(&thread, NULL, painting, line));
    do next();
    while (picture[0] != n);
    shows(width, height, n);
    seen = true;
    pthread_join(thread, NULL);
}

static void pictures(const char *library, const char *mode) {
    start_painter(library, mode, "200", "100");
    tell("paint 5\n");
    open_frames();
    next();
    shows(200, 100, 5);
    for (int n = 70; n < 75; n++) paint_and_compare(200, 100, n);
    /* Another size is another frame buffer of the same name. */
    tell("resize 102 60\n");
    while (pb_frames_has_writer(&frames)) tell("paint 1\n");
    pb_frames_close(&frames);
    open_frames();
    paint_and_compare(102, 60, 1);
    CHECK(end_painter(0) == 0);
    /* The last one painted may have come after the one that was compared. */
    enum pb_frames_status last;
    while ((last = pb_frames_wait(&frames, state.seq, NULL, PATIENCE_US)) == PB_FRAMES_OK) next();
    CHECK(last == PB_FRAMES_GONE);
    pb_frames_close(&frames);
    char error[256];
    CHECK(!pb_frames_open(&frames, name, 0, 0, error, sizeof error));
    printf("%s: exact\n", mode);
}

/* Nobody reads: most pictures are left out. */
static void unread(const char *library) {
    start_painter(library, "linked", "400", "300");
    tell("paint 1\n");
    open_frames();
    tell("spin 2000\n");
    CHECK(pb_frames_state(&frames, 1000, &state) == PB_FRAMES_OK);
    CHECK(state.seq / 2 < 1000);
    /* Killed at any time, the reader learns of it. */
    end_painter(SIGKILL);
    CHECK(pb_frames_wait(&frames, state.seq, NULL, PATIENCE_US) == PB_FRAMES_GONE);
    pb_frames_close(&frames);
    pb_os_remove(name);
    printf("unread: %u of 2001 pictures written\n", state.seq / 2);
}

/* Two windows, two threads, two contexts: the larger window is shown. */
static void two(const char *library) {
    start_painter(library, "two", "160", "120");
    open_frames();
    /* The smaller one may have been the first. */
    if (frames.width == 80) {
        while (pb_frames_wait(&frames, state.seq, NULL, PATIENCE_US) == PB_FRAMES_OK)
            CHECK(pb_frames_state(&frames, 1000, &state) <= PB_FRAMES_BUSY);
        pb_frames_close(&frames);
        open_frames();
    }
    for (int i = 0; i < 20; i++) {
        next();
        shows(160, 120, picture[0]);
    }
    CHECK(end_painter(0) == 0);
    CHECK(!pb_frames_has_writer(&frames));
    pb_frames_close(&frames);
    printf("two windows: the larger\n");
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    setvbuf(stdout, NULL, _IOLBF, 0);
    atexit(stop_all);
    start_display();
    static const char *const modes[] = {"linked", "found", "asked", "es2", "es3", "gl"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) pictures(arguments[1], modes[i]);
    /* Beside another library of this kind, before and behind it. */
    char both[200];
    snprintf(both, sizeof both, "%s:./neighbour.so", arguments[1]);
    pictures(both, "linked");
    snprintf(both, sizeof both, "./neighbour.so:%s", arguments[1]);
    pictures(both, "linked");
    unread(arguments[1]);
    two(arguments[1]);
    free(picture);
    return 0;
}
