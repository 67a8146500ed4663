/* sources: c/ipc/ring.c c/ipc/endpoint.c c/ipc/server.c c/ipc/client.c c/ipc/wait.c c/os/ */
/* One side is killed by SIGKILL at a random moment of connecting, sending, receiving or leaving; the other must get every message
 * that the dead one had committed, must hear of the death, is never held up, and goes on with the next one in its place.
 * usage: test_ipc_crash [KILLS SEED], or by itself: test_ipc_crash victim ROLE NAME BOARD */
#include "check.h"

#include "ipc/endpoint.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of each side. ThreadSanitizer makes each take twice as long. */
#ifdef __SANITIZE_THREAD__
enum { ROUNDS = 300 };
#else
enum { ROUNDS = 700 };
#endif

/* What a victim has done, in memory that outlives it. */
struct board {
    _Atomic uint32_t sent;  /* messages whose sending had returned */
    _Atomic uint32_t taken; /* the highest number received, + 1 */
    _Atomic uint32_t began; /* it is past the loading of its program */
};
static struct board *board;
static struct pb_os_alarm alarm_;
static struct xs_endpoint end = {.segment = {.handle = -1}, .outside = -1};
static uint8_t buffer[65536];
static uint64_t seed = 1;

static uint32_t chance(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 20);
}

static uint32_t size_of(uint32_t number) { return 4 + number * 2654435761u % 300u; }

static int send_number(uint32_t number, bool overwrite) {
    uint8_t message[304];
    uint32_t dropped = 0, size = size_of(number);
    memset(message, (int)(number & 255), size);
    memcpy(message, &number, 4);
    return xs_send(&end, message, size, overwrite, &dropped);
}

/* The number in a whole message. */
static uint32_t number_in(const struct xs_entry *entry) {
    uint32_t number;
    memcpy(&number, buffer + entry->at, 4);
    CHECK(entry->size == size_of(number));
    for (uint32_t i = 4; i < entry->size; i++) CHECK(buffer[entry->at + i] == (number & 255));
    return number;
}

static int join_as_client(const char *name, uint32_t timeout_ms) {
    int code = xs_client_open(&end, name, -1, &alarm_);
    if (code == XS_OK) code = xs_client_hello(&end);
    return code ? code : xs_wait_answer(&end, timeout_ms);
}

/* Connects, sends and receives without end, leaves now and then; it is killed at some instant of this. */
static int victim(const char *role, const char *name) {
    struct xs_entry entries[64];
    uint32_t number = 0;
    bool server = role[0] == 's';
    board->began = 1;
    for (;;) {
        int code = server ? xs_server_open(&end, name, &alarm_) : join_as_client(name, 1000);
        if (server && code == XS_OK) code = xs_wait_client(&end, 1000);
        for (uint32_t i = 0; code == XS_OK && i < 4000; i++) {
            code = send_number(number, false);
            if (code == XS_OK) board->sent = ++number;
            if (code == XS_FULL) code = i % 7 ? XS_OK : xs_wait_space(&end, 300, 1);
            if (code == XS_TIMEOUT) code = XS_OK;
            int taken = xs_take(&end, buffer, sizeof buffer, entries, 1 + i % 64);
            for (int n = 0; n < taken; n++) board->taken = number_in(&entries[n]) + 1;
        }
        if (server) return 0;
        xs_close(&end);
    }
}

static pid_t spawn(const char *role, const char *name, int board_fd) {
    char fd[12];
    snprintf(fd, sizeof fd, "%d", board_fd);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test_ipc_crash", "victim", role, name, fd, (char *)NULL);
        _exit(127);
    }
    CHECK(child > 0);
    return child;
}

static void pause_us(uint32_t us) {
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static uint32_t expected; /* next number from this victim, over its connections */
static uint32_t own;      /* our next number to it */

/* Everything that is there: in order and without a gap, because the victim overwrites nothing. */
static int take_all(void) {
    struct xs_entry entries[32];
    int taken;
    while ((taken = xs_take(&end, buffer, sizeof buffer, entries, 32)) > 0)
        for (int i = 0; i < taken; i++) CHECK(number_in(&entries[i]) == expected++);
    CHECK(taken == 0 || taken == XS_NOT_FOUND);
    return taken;
}

/* The survivor's usual work until its peer is gone, and then the end of it. Returns how long it took to notice, in us. */
static uint64_t serve_till_gone(pid_t child, uint64_t kill_at) {
    bool killed = false;
    uint64_t killed_at = 0;
    for (;;) {
        if (!killed && pb_os_now_us() >= kill_at) {
            CHECK(!kill(child, SIGKILL));
            killed = true;
            killed_at = pb_os_now_us();
        }
        if (end.connected) {
            int code = send_number(own, true);
            CHECK(code == XS_OK || code == XS_NOT_FOUND);
            own += code == XS_OK;
            if (take_all() == 0) xs_wait_data(&end, killed ? 1000 : 1);
        }
        if (!end.connected || !xs_linked(&end)) {
            if (end.connected && take_all() == 0) continue; /* the last look: nothing was committed after it */
            if (killed) return pb_os_now_us() - killed_at;
            int code = xs_wait_client(&end, 1);
            CHECK(code == XS_OK || code == XS_TIMEOUT);
        }
    }
}

static char name[40];
static uint64_t slowest_us;

static void begin(int board_fd, const char *role, pid_t *child) {
    expected = own = 0;
    memset(board, 0, sizeof *board);
    *child = spawn(role, name, board_fd);
    while (!board->began) pause_us(200);
}

/* Server survives client. */
static void kill_client(int board_fd) {
    pid_t child;
    begin(board_fd, "client", &child);
    uint64_t noticed = serve_till_gone(child, pb_os_now_us() + chance() % 3000);
    if (noticed > slowest_us) slowest_us = noticed;
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(expected == board->sent || expected == board->sent + 1); /* committed and not yet written on the board */
    CHECK(board->taken <= own);
}

/* Client survives server, and finds the next one under the same name. */
static void kill_server(int board_fd) {
    pid_t child;
    begin(board_fd, "server", &child);
    uint64_t kill_at = pb_os_now_us() + chance() % 3000;
    int code;
    while ((code = join_as_client(name, 20)) != XS_OK && pb_os_now_us() < kill_at) xs_close(&end);
    if (code != XS_OK) {
        kill(child, SIGKILL);
        xs_close(&end);
    } else {
        if (pb_os_now_us() > kill_at) kill_at = pb_os_now_us();
        bool killed = false;
        uint64_t killed_at = 0;
        for (int state = 0; state != XS_NOT_FOUND;) {
            if (!killed && (killed = pb_os_now_us() >= kill_at)) {
                kill(child, SIGKILL);
                killed_at = pb_os_now_us();
            }
            code = send_number(own, true);
            CHECK(code == XS_OK || code == XS_NOT_FOUND);
            own += code == XS_OK;
            state = take_all();
            if (state == 0) CHECK(xs_wait_data(&end, killed ? 1000 : 1) != XS_TIMEOUT || !killed);
        }
        if (killed && pb_os_now_us() - killed_at > slowest_us) slowest_us = pb_os_now_us() - killed_at;
        if (!killed) kill(child, SIGKILL);
        CHECK(expected == board->sent || expected == board->sent + 1);
        xs_close(&end);
    }
    CHECK(waitpid(child, NULL, 0) == child);
}

int main(int argc, char **argv) {
    pb_os_alarm_open(&alarm_);
    if (argc == 5) {
        board = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[4]), 0);
        CHECK(board != MAP_FAILED);
        return victim(argv[2], argv[3]);
    }
    uint32_t kills = argc > 2 ? (uint32_t)atoi(argv[1]) : ROUNDS;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252u : 88172645463325252u;
    alarm(argc > 2 ? 3600 : 150); /* held up: ended by a signal */
    int board_fd = memfd_create("board", 0);
    CHECK(board_fd >= 0 && !ftruncate(board_fd, 4096));
    board = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, board_fd, 0);
    snprintf(name, sizeof name, "crash_%d", (int)getpid());
    CHECK(xs_server_open(&end, name, &alarm_) == XS_OK);
    for (uint32_t i = 0; i < kills; i++) kill_client(board_fd);
    xs_close(&end);
    for (uint32_t i = 0; i < kills; i++) kill_server(board_fd);
    pb_os_remove(name);
    printf("%u kills, death noticed within %llu us\n", 2 * kills, (unsigned long long)slowest_us);
    return 0;
}
