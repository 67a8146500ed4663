/* A pair of Unix SEQPACKET sockets: the kernel's own way for whole messages. Needs nothing but libc. */
#include <sys/socket.h>

#include "harness.h"

static int pair[2], mine;

static int prepare(void) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
}
static int open_side(int side) {
    mine = pair[side];
    return 0;
}
static int send_one(const void *data, uint32_t size) {
    return send(mine, data, size, 0) == (ssize_t)size ? 0 : 1;
}
static int receive_one(void *data, uint32_t room) {
    return (int)recv(mine, data, room, 0);
}

int main(int argc, char **argv) {
    const transport t = {"unix seqpacket", prepare, open_side, send_one, receive_one, NULL, NULL};
    return harness_main(&t, argc, argv);
}
