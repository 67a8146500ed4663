/* Patchbay's channels between two C processes through xshm.h, on the harness of this folder: spinning, or asleep with "sleep" as
 * the fourth argument. "futex" instead is the least that sleeping costs: two words, two bare futexes, no messages. */
#include "harness.h"

#include "include/xshm_client.h"
#include "include/xshm_server.h"

#include <linux/futex.h>
#include <sys/syscall.h>

static ServerHandle *server;
static ClientHandle *client;
static char name[40];
static int asleep;

static int prepare(void) {
    snprintf(name, sizeof name, "bench_%d", (int)getpid());
    return 0;
}
static int open_side(int side) {
    shm_endpoint_config_t config = {name};
    if (side == 0) {
        server = shm_server_start(&config, NULL);
        return server ? shm_server_wait_for_client(server, 10000) : 1;
    }
    for (int tries = 0; !client && tries < 5000; tries++) {
        client = shm_client_connect(&config, NULL, 10000);
        if (!client) usleep(1000);
    }
    return client ? 0 : 1;
}
static int send_one(const void *data, uint32_t size) {
    shm_error_t code;
    while ((code = server ? shm_server_try_send(server, data, size) : shm_client_try_send(client, data, size)) ==
           SHM_ERROR_FULL)
        harness_pause();
    return code;
}
static int receive_one(void *data, uint32_t room) {
    shm_error_t code;
    uint32_t size;
    do {
        size = room;
        if (asleep && server) shm_server_poll(server, SHM_FOREVER);
        if (asleep && client) shm_client_poll(client, SHM_FOREVER);
        code = server ? shm_server_receive(server, data, &size) : shm_client_receive(client, data, &size);
        if (code == SHM_ERROR_EMPTY && !asleep) harness_pause();
    } while (code == SHM_ERROR_EMPTY);
    return code == SHM_SUCCESS ? (int)size : -1;
}
static void leave(void) { shm_server_stop(server); }

/* One number each way, and a futex on it. */
static struct side {
    _Alignas(64) _Atomic uint32_t turn;
    uint64_t number;
} *sides;
static int mine;
static uint32_t seen;

static int prepare_bare(void) {
    sides = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return sides == MAP_FAILED;
}
static int open_bare(int side) {
    mine = side;
    return 0;
}
static int send_bare(const void *data, uint32_t size) {
    (void)size;
    memcpy(&sides[mine].number, data, sizeof sides[mine].number);
    sides[mine].turn++;
    syscall(SYS_futex, &sides[mine].turn, FUTEX_WAKE, 1, NULL, NULL, 0);
    return 0;
}
static int receive_bare(void *data, uint32_t room) {
    (void)room;
    while (sides[1 - mine].turn == seen) syscall(SYS_futex, &sides[1 - mine].turn, FUTEX_WAIT, seen, NULL, NULL, 0);
    seen++;
    memcpy(data, &sides[1 - mine].number, sizeof sides[mine].number);
    return 64;
}

int main(int argc, char **argv) {
    const transport channel = {"patchbay", prepare, open_side, send_one, receive_one, NULL, leave};
    const transport bare = {"bare futex", prepare_bare, open_bare, send_bare, receive_bare, NULL, NULL};
    asleep = argc > 4 && strcmp(argv[4], "sleep") == 0;
    return harness_main(argc > 4 && strcmp(argv[4], "futex") == 0 ? &bare : &channel, argc, argv);
}
