/* Two POSIX message queues of ten messages, the kernel's default limit. -lrt */
#include <mqueue.h>

#include "harness.h"

static char names[2][64];
static mqd_t in, out;

static int prepare(void) {
    for (int way = 0; way < 2; way++) {
        snprintf(names[way], sizeof names[way], "/bench-%d-%d", (int)getpid(), way);
        struct mq_attr limits = {.mq_maxmsg = 10, .mq_msgsize = 8192};
        mqd_t queue = mq_open(names[way], O_CREAT | O_EXCL | O_RDWR, 0600, &limits);
        if (queue == (mqd_t)-1) return perror("mq_open"), 1;
        mq_close(queue);
    }
    return 0;
}
static int open_side(int side) {
    out = mq_open(names[side], O_WRONLY);
    in = mq_open(names[1 - side], O_RDONLY);
    return in == (mqd_t)-1 || out == (mqd_t)-1;
}
static int send_one(const void *data, uint32_t size) {
    return mq_send(out, (const char *)data, size, 0);
}
static int receive_one(void *data, uint32_t room) {
    return (int)mq_receive(in, (char *)data, room, NULL);
}
static void remove_both(void) {
    mq_unlink(names[0]);
    mq_unlink(names[1]);
}

int main(int argc, char **argv) {
    const transport t = {"posix mq", prepare, open_side, send_one, receive_one, NULL, remove_both};
    return harness_main(&t, argc, argv);
}
