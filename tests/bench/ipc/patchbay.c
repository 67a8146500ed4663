/* Patchbay's channel between two C processes, spinning, through the same functions as shm_server_* and shm_client_*. */
#include "harness.h"
#include "ipc/endpoint.h"

static struct pb_os_alarm alarm_;
static struct xs_endpoint end = {.segment = {.handle = -1}, .outside = -1};
static char name[40];

static int prepare(void) {
    snprintf(name, sizeof name, "bench_%d", (int)getpid());
    return 0;
}
static int open_side(int side) {
    pb_os_alarm_open(&alarm_);
    if (side == 0) {
        if (xs_server_open(&end, name, &alarm_)) return 1;
        return xs_wait_client(&end, 5000);
    }
    while (xs_client_open(&end, name, -1, &alarm_)) usleep(1000);
    return xs_client_hello(&end) || xs_wait_answer(&end, 5000);
}
static int send_one(const void *data, uint32_t size) {
    uint32_t dropped = 0;
    int code;
    while ((code = xs_send(&end, data, size, false, &dropped)) == XS_FULL) harness_pause();
    return code;
}
static int receive_one(void *data, uint32_t room) {
    struct xs_entry entry;
    int taken;
    while ((taken = xs_take(&end, data, room, &entry, 1)) == 0) harness_pause();
    return taken == 1 ? (int)entry.size : taken;
}
static void remove_name(void) { xs_close(&end); }

int main(int argc, char **argv) {
    const transport t = {"patchbay", prepare, open_side, send_one, receive_one, NULL, remove_name};
    return harness_main(&t, argc, argv);
}
