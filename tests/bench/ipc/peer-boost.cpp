/* boost::interprocess::message_queue, 250 messages as in an xShm ring. -lrt */
#include <atomic>
#define _Atomic
#include <boost/interprocess/ipc/message_queue.hpp>
#undef _Atomic
#define _Atomic volatile
#include "harness.h"
#undef _Atomic

using boost::interprocess::message_queue;

static char names[2][64];
static message_queue *in, *out;

static int prepare(void) {
    for (int way = 0; way < 2; way++) {
        snprintf(names[way], sizeof names[way], "bench-%d-%d", (int)getpid(), way);
        message_queue made(boost::interprocess::create_only, names[way], 250, harness_largest);
    }
    return 0;
}
static int open_side(int side) {
    out = new message_queue(boost::interprocess::open_only, names[side]);
    in = new message_queue(boost::interprocess::open_only, names[1 - side]);
    return 0;
}
static int send_one(const void *data, uint32_t size) {
    out->send(data, size, 0);
    return 0;
}
static int receive_one(void *data, uint32_t room) {
    message_queue::size_type size = 0;
    unsigned priority = 0;
    in->receive(data, room, size, priority);
    return (int)size;
}
static void remove_both(void) {
    message_queue::remove(names[0]);
    message_queue::remove(names[1]);
}

int main(int argc, char **argv) {
    const transport t = {"boost message_queue", prepare, open_side, send_one, receive_one, NULL, remove_both};
    return harness_main(&t, argc, argv);
}
