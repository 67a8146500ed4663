/* A coordinator for programs on one machine: it takes ITKP messages on a socket, writes pictures into shared memory, and
 * tells its clients what is shown. `daemon [NAME]`: the socket's and the frame buffer's name. Here a moving bar stands for a
 * video: put your decoder in its place. One thread sleeps in poll(); while nothing plays, nothing wakes it but messages.
 * SIGTERM and SIGINT end it in order. It touches no other program. */
#include "server.h"
#include "shmem/frames.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#ifndef DEFAULT_NAME
#define DEFAULT_NAME "daemon"
#endif
enum { WIDTH = 640, HEIGHT = 360, FPS = 30, DURATION_MS = 60000 };

static struct pb_frames frames;
static struct server server;
static int timer;
static bool playing;
/* Where the content was at a moment; where it is now follows from the clock. */
static uint64_t position_ms, moment_us;

static uint64_t position_now(void) {
    uint64_t now = position_ms + (playing ? (pb_os_now_us() - moment_us) / 1000 : 0);
    return now % DURATION_MS;
}

static void draw(void) {
    uint64_t now = position_now();
    uint8_t *pixels = pb_frames_begin(&frames);
    if (!pixels) return;
    uint32_t bar = (uint32_t)(now * WIDTH / DURATION_MS);
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        bool lit = i % WIDTH <= bar;
        const uint8_t pixel[4] = {lit ? 255 : 0, lit ? 160 : 0, 40, lit ? 255 : 96};
        memcpy(pixels + 4 * (size_t)i, pixel, 4);
    }
    pb_frames_end(&frames, now, 0, playing);
}

static void set_playing(bool wanted, uint64_t from_ms) {
    position_ms = from_ms % DURATION_MS;
    moment_us = pb_os_now_us();
    playing = wanted;
    struct itimerspec every = {.it_value.tv_nsec = wanted, .it_interval.tv_nsec = wanted ? 1000000000 / FPS : 0};
    timerfd_settime(timer, 0, &every, NULL);
    draw();
}

static void tell_state(void) {
    struct pb_itkp_message m = {.type = PB_ITKP_TYPE_VIDEO_STATE};
    m.as.video_state.content_id = pb_itkp_text_of("bar");
    m.as.video_state.position_ms = position_now();
    m.as.video_state.duration_ms = DURATION_MS;
    m.as.video_state.is_playing = playing;
    m.as.video_state.playback_rate = 1;
    m.as.video_state.volume = 1;
    server_send_all(&server, &m);
}

static void answer_query(struct client *from, const struct pb_itkp_state_query *query) {
    char text[128];
    struct pb_itkp_message m = {.type = PB_ITKP_TYPE_STATE_RESPONSE};
    bool known = query->query_type.size == 6 && !memcmp(query->query_type.data, "frames", 6);
    m.as.state_response.success = known;
    snprintf(text, sizeof text, "{\"width\":%d,\"height\":%d,\"fps\":%d}", WIDTH, HEIGHT, FPS);
    m.as.state_response.has_data = known;
    m.as.state_response.data = pb_itkp_text_of(text);
    m.as.state_response.has_error = !known;
    m.as.state_response.error = pb_itkp_text_of("only \"frames\" can be asked for");
    server_send(from, &m);
}

static void received(struct server *s, struct client *from, const struct pb_itkp_message *message) {
    struct pb_itkp_message m = {0};
    (void)s;
    switch (message->type) {
    case PB_ITKP_TYPE_PING:
        m.type = PB_ITKP_TYPE_PONG;
        server_send(from, &m);
        return;
    case PB_ITKP_TYPE_CLOCK_PING:
        m.type = PB_ITKP_TYPE_CLOCK_PONG;
        m.as.clock_pong.sender_time_ms = message->as.clock_ping.sender_time_ms;
        m.as.clock_pong.receiver_time_ms = pb_os_now_us() / 1000;
        server_send(from, &m);
        return;
    case PB_ITKP_TYPE_STATE_QUERY:
        answer_query(from, &message->as.state_query);
        return;
    case PB_ITKP_TYPE_VIDEO_PLAY:
        set_playing(true, message->as.video_play.has_from_position_ms ? message->as.video_play.from_position_ms : position_now());
        break;
    case PB_ITKP_TYPE_VIDEO_PAUSE:
        set_playing(false, position_now());
        break;
    case PB_ITKP_TYPE_VIDEO_SEEK:
        set_playing(playing, message->as.video_seek.position_ms);
        break;
    case PB_ITKP_TYPE_PONG:
    case PB_ITKP_TYPE_ERROR:
        return;
    default:
        m.type = PB_ITKP_TYPE_ERROR;
        m.as.error.code = message->type;
        m.as.error.message = pb_itkp_text_of("this daemon does nothing with such messages");
        server_send(from, &m);
        return;
    }
    tell_state();
}

static int open_signals(void) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void run(int signals) {
    struct pollfd fds[2 + CLIENTS + 1] = {{signals, POLLIN, 0}, {timer, POLLIN, 0}};
    for (;;) {
        unsigned count = server_prepare(&server, fds + 2);
        if (poll(fds, 2 + count, -1) < 0 && errno != EINTR) return;
        if (fds[0].revents) return;
        uint64_t ticks;
        if (fds[1].revents && read(timer, &ticks, sizeof ticks) == sizeof ticks) draw();
        server_serve(&server, fds + 2, count);
    }
}

int main(int count, char **arguments) {
    const char *name = count > 1 ? arguments[1] : DEFAULT_NAME;
    char error[256];
    server.received = received;
    int signals = open_signals();
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    const char *problem = signals < 0 || timer < 0 ? "no descriptors left" : server_open(&server, name);
    if (problem) {
        fprintf(stderr, "%s: %s\n", name, problem);
        return 1;
    }
    if (!pb_frames_create(&frames, name, WIDTH, HEIGHT, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        server_close(&server);
        return 1;
    }
    pb_frames_set_duration(&frames, DURATION_MS);
    set_playing(false, 0);
    printf("listening at %s, frames in %s\n", server.path, name);
    fflush(stdout);
    run(signals);
    server_close(&server);
    pb_frames_close(&frames);
    return 0;
}
