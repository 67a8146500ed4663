/* ZeroMQ PAIR sockets over ipc://, no high-water mark reached silently: sends wait. -lzmq */
#include <zmq.h>

#include "harness.h"

static char address[64];
static void *socket_;

static int prepare(void) {
    snprintf(address, sizeof address, "ipc:///tmp/bench-zmq-%d", (int)getpid());
    return 0;
}
static int open_side(int side) {
    void *context = zmq_ctx_new();
    socket_ = zmq_socket(context, ZMQ_PAIR);
    return side == 1 ? zmq_bind(socket_, address) : zmq_connect(socket_, address);
}
static int send_one(const void *data, uint32_t size) {
    return zmq_send(socket_, data, size, 0) == (int)size ? 0 : 1;
}
static int receive_one(void *data, uint32_t room) {
    return zmq_recv(socket_, data, room, 0);
}
static void remove_it(void) {
    unlink(address + strlen("ipc://"));
}

int main(int argc, char **argv) {
    const transport t = {"zeromq ipc", prepare, open_side, send_one, receive_one, NULL, remove_it};
    return harness_main(&t, argc, argv);
}
