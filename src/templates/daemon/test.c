/* Starts the daemon, speaks to it as clients do, reads what it draws, sends it nonsense, kills it and starts it anew. The first
 * argument is the daemon. Everything lies in a temporary folder. */
#include "include/patchbay_itkp.h"
#include "shmem/frames.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(holds) ((holds) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds), exit(1)))
#define PATIENCE_US 20000000u

extern char **environ;
static pid_t daemon_pid;
static char folder[] = "/tmp/daemon-test-XXXXXX", name[64], path[120];
static uint8_t bytes[PB_ITKP_MESSAGE_LIMIT];

static void clean_up(void) {
    char parent[64];
    if (daemon_pid > 0) kill(daemon_pid, SIGKILL);
    unlink(path);
    snprintf(parent, sizeof parent, "%s/patchbay", folder);
    rmdir(parent);
    rmdir(folder);
}

/* Starts it and waits for its first line, or, when it `refuses`, for its end. */
static pid_t start(const char *program, bool refuses) {
    int out[2], status;
    pid_t pid;
    char line[300] = "", *arguments[] = {(char *)program, name, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    CHECK(!pipe2(out, O_CLOEXEC));
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    if (refuses) posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    CHECK(!posix_spawn(&pid, program, &actions, NULL, arguments, environ));
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    bool listens = fgets(line, sizeof line, said) && strstr(line, path);
    fclose(said);
    CHECK(listens == !refuses);
    if (refuses) CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1);
    return pid;
}

static int stop(int signal) {
    int status;
    kill(daemon_pid, signal);
    CHECK(waitpid(daemon_pid, &status, 0) == daemon_pid);
    daemon_pid = 0;
    return status;
}

static int call(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_US / 1000000};
    CHECK(strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof address));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

/* In parts of `part` bytes. */
static void send_message(int fd, const struct pb_itkp_message *message, size_t part) {
    size_t size;
    CHECK(pb_itkp_encode(message, bytes, sizeof bytes, &size, NULL) == PB_ITKP_OK);
    for (size_t at = 0; at < size; at += part) {
        size_t count = size - at < part ? size - at : part;
        CHECK(send(fd, bytes + at, count, MSG_NOSIGNAL) == (ssize_t)count);
    }
}

static void send_type(int fd, uint32_t type) {
    const struct pb_itkp_message message = {.type = type};
    send_message(fd, &message, sizeof bytes);
}

static struct pb_itkp_message next_message(int fd) {
    struct pb_itkp_message message;
    size_t size = PB_ITKP_HEADER_BYTES;
    CHECK(recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size);
    CHECK(pb_itkp_message_bytes(bytes, size, &size, NULL) == PB_ITKP_OK);
    size_t left = size - PB_ITKP_HEADER_BYTES;
    if (left) CHECK(recv(fd, bytes + PB_ITKP_HEADER_BYTES, left, MSG_WAITALL) == (ssize_t)left);
    CHECK(pb_itkp_decode(bytes, size, &message, NULL) == PB_ITKP_OK);
    return message;
}

static void questions(int fd) {
    send_type(fd, PB_ITKP_TYPE_PING);
    CHECK(next_message(fd).type == PB_ITKP_TYPE_PONG);
    struct pb_itkp_message m = {.type = PB_ITKP_TYPE_CLOCK_PING};
    m.as.clock_ping.sender_time_ms = 1234567;
    send_message(fd, &m, 1);
    m = next_message(fd);
    CHECK(m.type == PB_ITKP_TYPE_CLOCK_PONG && m.as.clock_pong.sender_time_ms == 1234567 && m.as.clock_pong.receiver_time_ms > 0);
    m = (struct pb_itkp_message){.type = PB_ITKP_TYPE_STATE_QUERY};
    m.as.state_query.app_id = pb_itkp_text_of("test");
    m.as.state_query.query_type = pb_itkp_text_of("frames");
    m.as.state_query.params = pb_itkp_text_of("{}");
    send_message(fd, &m, 7);
    m = next_message(fd);
    CHECK(m.type == PB_ITKP_TYPE_STATE_RESPONSE && m.as.state_response.success && m.as.state_response.has_data);
    m = (struct pb_itkp_message){.type = PB_ITKP_TYPE_SCREEN_RECT};
    send_message(fd, &m, sizeof bytes);
    CHECK(next_message(fd).type == PB_ITKP_TYPE_ERROR);
}

/* Playing draws one picture after another, pausing leaves the last one; all clients are told. */
static void plays(int fd, int other) {
    struct pb_frames frames;
    struct pb_frames_state state;
    char error[256];
    CHECK(pb_frames_open(&frames, name, 0, 0, error, sizeof error));
    CHECK(pb_frames_state(&frames, 1000, &state) == PB_FRAMES_OK && !state.is_playing && state.pts_ms == 0);
    struct pb_itkp_message m = {.type = PB_ITKP_TYPE_VIDEO_PLAY};
    m.as.video_play.has_from_position_ms = true;
    m.as.video_play.from_position_ms = 30000;
    send_message(fd, &m, sizeof bytes);
    CHECK(next_message(fd).as.video_state.is_playing && next_message(other).as.video_state.is_playing);
    for (int i = 0; i < 10; i++) {
        CHECK(pb_frames_wait(&frames, state.seq, NULL, PATIENCE_US) == PB_FRAMES_OK);
        CHECK(pb_frames_state(&frames, 1000, &state) == PB_FRAMES_OK && state.is_playing && state.pts_ms >= 30000);
    }
    const uint8_t *row = pb_frames_picture(&frames, &state), *edge = row + 4 * (frames.width - 1);
    CHECK(row[0] == 255 && row[3] == 255 && edge[0] == 0 && edge[3] == 96); /* half of the bar */
    send_type(fd, PB_ITKP_TYPE_VIDEO_PAUSE);
    m = next_message(fd);
    CHECK(m.type == PB_ITKP_TYPE_VIDEO_STATE && !m.as.video_state.is_playing && m.as.video_state.duration_ms == state.duration_ms);
    CHECK(next_message(other).type == PB_ITKP_TYPE_VIDEO_STATE);
    CHECK(pb_frames_state(&frames, 1000, &state) == PB_FRAMES_OK && !state.is_playing);
    CHECK(pb_frames_wait(&frames, state.seq, NULL, 200000) == PB_FRAMES_TIMEOUT);
    pb_frames_close(&frames);
}

static void nonsense(int good) {
    int bad = call();
    char reply;
    memset(bytes, 0xA5, 4096);
    CHECK(send(bad, bytes, 4096, MSG_NOSIGNAL) == 4096);
    /* Closed, or reset when it had not read everything. */
    CHECK(recv(bad, &reply, 1, 0) <= 0);
    close(bad);
    send_type(good, PB_ITKP_TYPE_PING);
    CHECK(next_message(good).type == PB_ITKP_TYPE_PONG);
}

int main(int count, char **arguments) {
    struct stat there;
    CHECK(count == 2 && mkdtemp(folder));
    atexit(clean_up);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    snprintf(name, sizeof name, "daemon-test-%d", (int)getpid());
    snprintf(path, sizeof path, "%s/patchbay/itk_%s.sock", folder, name);
    daemon_pid = start(arguments[1], false);
    CHECK(!stat(path, &there) && (there.st_mode & 0777) == 0600);
    int one = call(), other = call();
    questions(one);
    plays(one, other);
    nonsense(one);
    start(arguments[1], true); /* a second one is refused, and the first goes on */
    questions(other);
    /* Killed, it leaves its socket and its frame buffer; the next one takes both over. */
    stop(SIGKILL);
    CHECK(!stat(path, &there));
    daemon_pid = start(arguments[1], false);
    int again = call();
    questions(again);
    CHECK(stop(SIGTERM) == 0);
    CHECK(stat(path, &there) && recv(again, bytes, 1, 0) <= 0);
    struct pb_frames frames;
    char error[256];
    CHECK(!pb_frames_open(&frames, name, 0, 0, error, sizeof error));
    printf("answers, plays, refuses nonsense, starts anew, ends in order\n");
    return 0;
}
