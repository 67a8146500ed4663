/* nng PAIR sockets over ipc://. -lnng */
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

#include "harness.h"

static char address[64];
static nng_socket socket_;

static int prepare(void) {
    snprintf(address, sizeof address, "ipc:///tmp/bench-nng-%d", (int)getpid());
    return 0;
}
static int open_side(int side) {
    if (nng_pair0_open(&socket_) != 0) return 1;
    if (side == 1) return nng_listen(socket_, address, NULL, 0);
    for (int attempt = 0; attempt < 200; attempt++) {
        if (nng_dial(socket_, address, NULL, 0) == 0) return 0;
        usleep(5000);
    }
    return 1;
}
static int send_one(const void *data, uint32_t size) {
    return nng_send(socket_, (void *)data, size, 0);
}
static int receive_one(void *data, uint32_t room) {
    size_t size = room;
    return nng_recv(socket_, data, &size, 0) == 0 ? (int)size : -1;
}
static void remove_it(void) {
    unlink(address + strlen("ipc://"));
}

int main(int argc, char **argv) {
    const transport t = {"nng ipc", prepare, open_side, send_one, receive_one, NULL, remove_it};
    return harness_main(&t, argc, argv);
}
