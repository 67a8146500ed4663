/* sources: libs: */
/* A game as a force-feedback device sees it: uploads effects, plays, changes the gain, stops, erases, and leaves one playing when
 * it closes. `ff_play NODE` prints how long each call took, in milliseconds, and waits for a line
 * before the motors' next change; status 1 names the first that failed. */
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double begun;

static void say(const char *what, int failed) {
    printf("%s %.0f\n", failed ? strerror(errno) : what, now_ms() - begun);
    fflush(stdout);
    if (!failed) return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void play(int fd, int code, int value, const char *what) {
    struct input_event e = {.type = EV_FF, .code = (unsigned short)code, .value = value};
    begun = now_ms();
    say(what, write(fd, &e, sizeof e) != sizeof e);
}

static int upload(int fd, struct ff_effect e, const char *what) {
    begun = now_ms();
    e.id = -1;
    int failed = ioctl(fd, EVIOCSFF, &e) < 0;
    say(what, failed);
    return e.id;
}

/* Whoever feels the pad says when it did. */
static void wait_for_word(void) {
    char c;
    while (read(0, &c, 1) == 1 && c != '\n') continue;
}

int main(int count, char **arguments) {
    int fd = count == 2 ? open(arguments[1], O_RDWR) : -1, effects = 0;
    if (fd < 0) return fprintf(stderr, "ff_play NODE: %s\n", strerror(errno)), 2;
    begun = now_ms();
    say("effects", ioctl(fd, EVIOCGEFFECTS, &effects) < 0 || effects < 4);
    int rumble = upload(fd, (struct ff_effect){.type = FF_RUMBLE, .u.rumble = {0x8000, 0x2000}}, "upload");
    play(fd, rumble, 1, "play");
    wait_for_word();
    play(fd, rumble, 0, "stop");
    wait_for_word();
    play(fd, FF_GAIN, 0x8000, "gain");
    play(fd, rumble, 1, "play");
    wait_for_word();
    play(fd, rumble, 0, "stop");
    wait_for_word();
    begun = now_ms();
    say("erase", ioctl(fd, EVIOCRMFF, rumble) < 0);
    play(fd, FF_GAIN, 0xffff, "gain");
    int sine = upload(fd, (struct ff_effect){.type = FF_PERIODIC, .u.periodic = {.waveform = FF_SINE, .period = 50, .magnitude = 0x4000}},
                      "upload");
    play(fd, sine, 1, "play");
    wait_for_word();
    begun = now_ms();
    say("close", close(fd));
    return 0;
}
