/* sources: c/ipc/ c/os/ */
/* Channels by xshm.h in one process: refusals, generations, a second client, event handles, an anonymous section over a socket,
 * automatic mode with reconnection, queue and stopping from inside a callback, and a peer that scribbles over the whole segment. */
#include "check.h"

#include "include/xshm_client.h"
#include "include/xshm_server.h"
#include "ipc/endpoint.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char name[40];
static shm_endpoint_config_t config;

static void nap(void) {
    struct timespec time = {0, 1000000};
    nanosleep(&time, NULL);
}
#define WAIT_FOR(condition) \
    do { \
        for (int left = 20000; !(condition) && left > 0; left--) nap(); \
        CHECK(condition); \
    } while (0)

static shm_error_t last_error;
static void on_error(shm_error_t error, void *user) {
    (void)user;
    last_error = error;
}
static shm_callbacks_t telling(void) {
    shm_callbacks_t callbacks = xshm_server_callbacks_default();
    callbacks.on_error = on_error;
    last_error = SHM_SUCCESS;
    return callbacks;
}

static void *connect_later(void *unused) {
    (void)unused;
    return shm_client_connect(&config, NULL, 10000);
}
static ClientHandle *pair(ServerHandle *server) {
    pthread_t thread;
    void *client;
    CHECK(!pthread_create(&thread, NULL, connect_later, NULL));
    CHECK(shm_server_wait_for_client(server, 10000) == SHM_SUCCESS);
    pthread_join(thread, &client);
    CHECK(client);
    return client;
}

static struct xs_segment *look_inside(struct pb_os_segment *segment) {
    CHECK(pb_os_open(segment, name, sizeof(struct xs_segment)) == PB_OS_OK);
    return segment->memory;
}

static void refusals(void) {
    shm_callbacks_t callbacks = telling();
    const char *bad[] = {"", "a/b", "..", ".x", "a\nb", "\\", NULL};
    for (int i = 0; bad[i] || i < 6; i++) {
        shm_endpoint_config_t wrong = {bad[i]};
        last_error = SHM_SUCCESS;
        CHECK(!shm_server_start(&wrong, &callbacks) && last_error == SHM_ERROR_INVALID_PARAM);
    }
    char name_of_300[301];
    memset(name_of_300, 'n', 300);
    name_of_300[300] = 0;
    shm_endpoint_config_t longest = {name_of_300};
    CHECK(!shm_server_start(&longest, &callbacks) && !shm_client_connect(&longest, &callbacks, 0));
    CHECK(!shm_client_connect(&config, &callbacks, 10) && last_error == SHM_ERROR_NOT_FOUND);
    CHECK(shm_server_send(NULL, "ab", 2) == SHM_ERROR_INVALID_PARAM && shm_client_poll(NULL, 0) == SHM_ERROR_INVALID_PARAM);
    CHECK(!shm_client_is_connected(NULL));

    ServerHandle *server = shm_server_start(&config, &callbacks);
    CHECK(server && !shm_server_start(&config, &callbacks) && last_error == SHM_ERROR_EXISTS);
    CHECK(shm_server_wait_for_client(server, 5) == SHM_ERROR_TIMEOUT && shm_server_send(server, "ab", 2) == SHM_ERROR_NOT_FOUND);
    CHECK(!shm_client_connect(&config, &callbacks, 5) && last_error == SHM_ERROR_TIMEOUT);
    struct pb_os_segment segment;
    struct xs_segment *s = look_inside(&segment);
    struct stat about;
    CHECK(!fstat((int)segment.handle, &about) && (about.st_mode & 0777) == 0600);
    _Atomic uint32_t *words[] = {&s->control.magic, &s->control.version, &s->control.message_limit, &s->control.ring_bytes};
    for (int i = 0; i < 4; i++) {
        uint32_t right = *words[i];
        *words[i] = right + 1;
        CHECK(!shm_client_connect(&config, &callbacks, 5) && last_error == SHM_ERROR_PROTOCOL);
        *words[i] = right;
    }
    CHECK(!fchmod((int)segment.handle, 0644) && !shm_client_connect(&config, &callbacks, 5) && last_error == SHM_ERROR_ACCESS);
    pb_os_close(&segment);
    shm_server_stop(server);
    struct pb_os_segment small;
    CHECK(pb_os_create(&small, name, 4096) == PB_OS_OK && pb_os_publish(&small) == PB_OS_OK);
    CHECK(!shm_client_connect(&config, &callbacks, 5) && last_error == SHM_ERROR_PROTOCOL);
    CHECK(!shm_server_start(&config, &callbacks) && last_error == SHM_ERROR_EXISTS);
    pb_os_unlink(&small);
    pb_os_close(&small);
}

static void connections(void) {
    uint8_t buffer[64];
    uint32_t size = sizeof buffer;
    shm_callbacks_t callbacks = telling();
    ServerHandle *server = shm_server_start(&config, &callbacks);
    ClientHandle *client = pair(server);
    struct pb_os_segment segment;
    struct xs_segment *s = look_inside(&segment);
    CHECK(s->control.generation == 2 && s->a.connection_generation == 2 && s->b.connection_generation == 2);
    CHECK(s->control.server_state == 2 && s->control.client_state == 2 && s->a.handshake_state == 2);
    CHECK(s->control.message_limit == 250 && s->control.ring_bytes == 2097152);
    CHECK(shm_server_wait_for_client(server, 0) == SHM_ERROR_EXISTS);
    CHECK(!shm_client_connect(&config, &callbacks, 50) && last_error == SHM_ERROR_EXISTS);
    CHECK(shm_client_poll(client, 1) == SHM_ERROR_TIMEOUT && shm_client_receive(client, buffer, &size) == SHM_ERROR_EMPTY);
    CHECK(shm_server_send(server, "hello", 5) == SHM_SUCCESS && shm_client_poll(client, 0) == SHM_SUCCESS);
    size = 3;
    CHECK(shm_client_receive(client, buffer, &size) == SHM_ERROR_MEMORY && size == 5);
    size = sizeof buffer;
    CHECK(shm_client_receive(client, buffer, &size) == SHM_SUCCESS && size == 5 && !memcmp(buffer, "hello", 5));
    /* More than one goes through the store, and a buffer too small for one of them leaves it there. */
    for (uint32_t i = 0; i < 100; i++) CHECK(shm_client_send(client, "0123456789", 4 + i % 7) == SHM_SUCCESS);
    for (uint32_t i = 0; i < 100; i++) {
        size = 2;
        CHECK(shm_server_receive(server, buffer, &size) == SHM_ERROR_MEMORY && size == 4 + i % 7);
        CHECK(shm_server_receive(server, buffer, &size) == SHM_SUCCESS && !memcmp(buffer, "0123456789", size));
    }
    /* What was sent before leaving is received, then the end is told, then the next client comes. */
    CHECK(shm_client_send(client, "last", 4) == SHM_SUCCESS);
    shm_client_disconnect(client);
    size = sizeof buffer;
    CHECK(shm_server_poll(server, 1000) == SHM_SUCCESS && shm_server_receive(server, buffer, &size) == SHM_SUCCESS);
    CHECK(shm_server_poll(server, 1000) == SHM_ERROR_NOT_FOUND && shm_server_send(server, "ab", 2) == SHM_ERROR_NOT_FOUND);
    client = pair(server);
    CHECK(s->control.generation == 3 && shm_client_is_connected(client));
    shm_server_stop(server);
    CHECK(!shm_client_is_connected(client) && shm_client_poll(client, 1000) == SHM_ERROR_NOT_FOUND);
    shm_client_disconnect(client);
    pb_os_close(&segment);
}

static void handles(void) {
    ServerHandle *server = shm_server_start(&config, NULL);
    ClientHandle *client = pair(server);
    shm_event_handles_t handles;
    eventfd_t value;
    CHECK(shm_server_get_event_handles(server, &handles));
    CHECK(eventfd_read((int)handles.s2c_data, &value) != 0); /* not signalled yet, and it does not wait */
    CHECK(shm_server_send(server, "ab", 2) == SHM_SUCCESS && eventfd_read((int)handles.s2c_data, &value) == 0);
    CHECK(shm_server_send(server, "ab", 2) == SHM_SUCCESS && eventfd_read((int)handles.s2c_data, &value) != 0);
    CHECK(eventfd_write((int)handles.c2s_data, 1) == 0);
    CHECK(shm_server_poll(server, 20) == SHM_ERROR_TIMEOUT); /* woken, and there is nothing */
    shm_client_disconnect(client);
    shm_server_stop(server);
}

static void *connect_section(void *given) {
    intptr_t section = shm_section_receive(*(int *)given);
    CHECK(section >= 0);
    return shm_client_connect_section(section, NULL, 10000);
}

static void anonymous(void) {
    int sockets[2];
    pthread_t thread;
    void *client;
    shm_event_handles_t handles = {7, 7};
    CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
    ServerHandle *server = shm_server_start_anonymous(NULL);
    CHECK(server && !shm_server_get_event_handles(server, &handles) && handles.s2c_data == 0 && handles.c2s_data == 0);
    CHECK(!pthread_create(&thread, NULL, connect_section, &sockets[1]));
    CHECK(shm_section_send(sockets[0], shm_server_section_handle(server)) == SHM_SUCCESS);
    CHECK(shm_server_wait_for_client(server, 10000) == SHM_SUCCESS);
    pthread_join(thread, &client);
    CHECK(client && shm_client_send(client, "ab", 2) == SHM_SUCCESS && shm_server_poll(server, 1000) == SHM_SUCCESS);
    CHECK(ftruncate((int)shm_server_section_handle(server), 4096) != 0); /* nobody can cut it off under the other */
    CHECK(!shm_client_connect_section(open("/dev/null", O_RDWR), NULL, 10));
    shm_client_disconnect(client);
    shm_server_stop(server);
    close(sockets[0]);
    close(sockets[1]);
}

struct heard {
    _Atomic uint32_t connects, disconnects, messages, overflows, last, spaces;
    AutoClientHandle *_Atomic stop_me;
};
static void heard_connect(void *user) { ((struct heard *)user)->connects++; }
static void heard_disconnect(void *user) { ((struct heard *)user)->disconnects++; }
static void heard_space(void *user) { ((struct heard *)user)->spaces++; }
static void heard_overflow(shm_direction_t direction, uint32_t dropped, void *user) {
    (void)direction;
    ((struct heard *)user)->overflows += dropped;
}
static void heard_message(shm_direction_t direction, const void *data, uint32_t size, void *user) {
    struct heard *heard = user;
    uint32_t number;
    (void)direction;
    CHECK(size == 4);
    memcpy(&number, data, 4);
    heard->last = number;
    heard->messages++;
    if (heard->stop_me && number == 999) shm_client_disconnect_auto(heard->stop_me);
}
static shm_callbacks_t hearing(struct heard *heard) {
    shm_callbacks_t callbacks = {heard_connect, heard_disconnect, NULL, heard_space, NULL, heard, heard_message, heard_overflow};
    return callbacks;
}

static void automatic(void) {
    static struct heard at_server, at_client;
    shm_callbacks_t to_server = hearing(&at_server), to_client = hearing(&at_client);
    shm_auto_options_t options = shm_auto_options_default();
    shm_auto_stats_t stats;
    options.max_send_queue = 8;
    options.reconnect_delay_ms = 5;
    AutoClientHandle *client = shm_client_connect_auto(&config, &to_client, &options);
    for (uint32_t i = 0; i < 20; i++) CHECK(shm_client_send_auto(client, &i, 4) == SHM_SUCCESS); /* 12 oldest give way */
    CHECK(shm_client_stats_auto(client, &stats) && stats.send_overflows == 12 && stats.sent_messages == 0);
    AutoServerHandle *server = shm_server_start_auto(&config, &to_server, NULL);
    WAIT_FOR(at_server.messages == 8 && at_server.last == 19);
    uint32_t number = 100;
    CHECK(shm_server_send_auto(server, &number, 4) == SHM_SUCCESS);
    WAIT_FOR(at_client.last == 100);
    shm_server_stop_auto(server);
    WAIT_FOR(at_client.disconnects == 1);
    server = shm_server_start_auto(&config, &to_server, NULL);
    WAIT_FOR(at_client.connects == 2 && at_server.connects == 2);
    for (uint32_t i = 0; i < 5000; i++) CHECK(shm_server_send_auto(server, &i, 4) == SHM_SUCCESS);
    WAIT_FOR(at_client.last == 4999);
    CHECK(shm_server_stats_auto(server, &stats) && stats.sent_messages == 5000);
    uint32_t given_way = (uint32_t)stats.send_overflows;
    WAIT_FOR(at_client.messages + given_way == 5001 && at_server.overflows == given_way);
    CHECK(!given_way || at_client.overflows == given_way);
    at_client.stop_me = client; /* from inside its own callback */
    number = 999;
    CHECK(shm_server_send_auto(server, &number, 4) == SHM_SUCCESS);
    WAIT_FOR(at_server.disconnects >= 1);
    shm_server_stop_auto(server);
}

static _Atomic bool over;
static void *scribble(void *given) {
    struct xs_segment *s = given;
    _Atomic uint32_t *words = (_Atomic uint32_t *)s;
    uint64_t random = 1234567;
    while (!over) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t value = (uint32_t)(random >> 33), at = value % 48;
        if (at == 7 || at == 8) continue; /* limits are looked at only when connecting */
        if (at >= 32) words[PB_SHM_OFFSET_RING_B / 4 + at - 32] = value % 5 ? value % 3 : value * 77;
        else words[at] = value % 5 ? value % 3 : value * 77;
        __atomic_store_n(&s->b_data[value % 256], (uint8_t)random, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Every call ends, with any code, whatever stands in the segment. */
static void hostile(void) {
    ServerHandle *server = shm_server_start(&config, NULL);
    ClientHandle *client = pair(server);
    struct pb_os_segment segment;
    pthread_t thread;
    static uint8_t buffer[65536];
    CHECK(!pthread_create(&thread, NULL, scribble, look_inside(&segment)));
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t size = sizeof buffer;
        shm_server_send(server, buffer, 2 + i % 5000);
        shm_client_send(client, buffer, 2 + i % 5000);
        CHECK(shm_server_receive(server, buffer, &size) != SHM_SUCCESS || size <= 65535);
        size = 100;
        CHECK(shm_client_receive(client, buffer, &size) != SHM_SUCCESS || size <= 100);
        if (i % 10 == 0) shm_server_poll(server, 1);
        if (i % 10 == 0) shm_client_poll(client, 1);
        if (i % 50 == 0) shm_server_wait_for_client(server, 1);
        if (i % 100 == 0) {
            shm_client_disconnect(client);
            client = shm_client_connect(&config, NULL, 1);
        }
    }
    over = true;
    pthread_join(thread, NULL);
    shm_client_disconnect(client);
    shm_server_stop(server);
    pb_os_close(&segment);
}

int main(void) {
    snprintf(name, sizeof name, "channel_%d", (int)getpid());
    config.name = name;
    alarm(150); /* held up: ended by a signal */
    refusals();
    connections();
    handles();
    anonymous();
    automatic();
    hostile();
    pb_os_remove(name);
    return 0;
}
