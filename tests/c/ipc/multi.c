/* A server of many clients by xshm.h and clients of it in one process, as C and as C++: each is greeted with its number, answers,
 * hears a broadcast; one is put out and comes back.
 * usage: multi NAME CLIENTS */
#include "xshm_client.h"
#include "xshm_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 31 };
struct counts {
    volatile uint32_t connects, disconnects, messages, slot;
};
static struct counts server_counts, client_counts[MOST];
static MultiServerHandle *server;

static void on_connect(uint32_t id, void *user) {
    (void)user;
    server_counts.connects++;
    shm_multi_server_send_to(server, id, &id, sizeof id);
}
static void on_disconnect(uint32_t id, void *user) {
    (void)id;
    (void)user;
    server_counts.disconnects++;
}
static void on_message(uint32_t id, const void *data, uint32_t size, void *user) {
    uint32_t told;
    (void)user;
    if (size != sizeof told) exit(20);
    memcpy(&told, data, sizeof told);
    if (told != id) exit(21);
    server_counts.messages++;
}
static void on_slot(uint32_t slot, void *user) {
    struct counts *c = (struct counts *)user;
    c->slot = slot;
    c->connects++;
}
static void on_gone(void *user) { ((struct counts *)user)->disconnects++; }
static void on_text(const void *data, uint32_t size, void *user) {
    (void)data;
    (void)size;
    ((struct counts *)user)->messages++;
}

static void nap(void) {
    struct timespec time = {0, 1000000};
    nanosleep(&time, NULL);
}
#define WAIT_FOR(condition, code) \
    do { \
        int left = 20000; \
        while (!(condition) && left-- > 0) nap(); \
        if (!(condition)) { \
            fprintf(stderr, "never: %s\n", #condition); \
            return code; \
        } \
    } while (0)

static uint32_t sum(uint32_t clients, int which) {
    uint32_t total = 0;
    for (uint32_t i = 0; i < clients; i++) total += which ? client_counts[i].messages : client_counts[i].connects;
    return total;
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    uint32_t clients = (uint32_t)atoi(argv[2]), reached = 0;
    shm_multi_options_t options = xshm_multi_options_default();
    shm_multi_callbacks_t callbacks = xshm_multi_callbacks_default();
    options.max_clients = clients;
    callbacks.on_client_connect = on_connect;
    callbacks.on_client_disconnect = on_disconnect;
    callbacks.on_message = on_message;
    server = shm_multi_server_start(argv[1], &callbacks, &options);
    if (!server) return 1;
    MultiClientHandle *all[MOST];
    for (uint32_t i = 0; i < clients; i++) {
        shm_multi_client_callbacks_t own = xshm_multi_client_callbacks_default();
        own.on_connect = on_slot;
        own.on_disconnect = on_gone;
        own.on_message = on_text;
        own.user_data = &client_counts[i];
        all[i] = shm_multi_client_connect(argv[1], &own, NULL);
        if (!all[i]) return 2;
    }
    WAIT_FOR(server_counts.connects == clients && sum(clients, 0) == clients, 3);
    for (uint32_t i = 0; i < clients; i++)
        for (uint32_t k = 0; k < i; k++)
            if (client_counts[i].slot == client_counts[k].slot) return 4;
    WAIT_FOR(sum(clients, 1) == clients, 5);
    for (uint32_t i = 0; i < clients; i++) {
        uint32_t slot = shm_multi_client_slot_id(all[i]);
        if (shm_multi_client_send(all[i], &slot, sizeof slot) != SHM_SUCCESS) return 6;
    }
    WAIT_FOR(server_counts.messages == clients, 7);
    if (shm_multi_server_broadcast(server, "all", 3, &reached) != SHM_SUCCESS || reached != clients) return 8;
    WAIT_FOR(sum(clients, 1) == 2 * clients, 9);
    char name[64];
    uint32_t ids[MOST], count = 0;
    if (shm_multi_server_get_clients(server, ids, MOST, &count) != SHM_SUCCESS || count != clients) return 10;
    if (shm_multi_server_get_clients(server, ids, 0, &count) != SHM_ERROR_MEMORY || count != clients) return 11;
    if (shm_multi_server_channel_name(server, 0, name, sizeof name) != strlen(argv[1]) + 2) return 12;
    if (shm_multi_server_channel_name(server, MOST, name, sizeof name) != 0) return 13;
    if (shm_multi_server_send_to(server, MOST, "x!", 2) != SHM_ERROR_NOT_FOUND) return 14;
    if (shm_multi_server_disconnect_client(server, 0) != SHM_SUCCESS) return 15;
    WAIT_FOR(server_counts.disconnects == 1 && server_counts.connects == clients + 1, 16);
    WAIT_FOR(shm_multi_server_client_count(server) == clients && shm_multi_server_is_client_connected(server, 0), 17);
    for (uint32_t i = 0; i < clients; i++) shm_multi_client_disconnect(all[i]);
    WAIT_FOR(shm_multi_server_client_count(server) == 0, 18);
    shm_multi_server_stop(server);
    puts("done");
    return 0;
}
