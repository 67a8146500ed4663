/* A client by xshm.h, as C and as C++: sends messages of growing size and expects each back, then says "bye!".
 * usage: client NAME MESSAGES */
#include "xshm_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char sent[65535], got[65535];

static int round_trip(ClientHandle *client, uint32_t size) {
    uint32_t length = sizeof got;
    if (shm_client_send(client, sent, size) != SHM_SUCCESS) return 1;
    if (shm_client_poll(client, 20000) != SHM_SUCCESS) return 2;
    if (shm_client_receive(client, got, &length) != SHM_SUCCESS) return 3;
    return length == size && memcmp(sent, got, size) == 0 ? 0 : 4;
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    shm_endpoint_config_t config = xshm_client_config(argv[1]);
    shm_callbacks_t callbacks = xshm_client_callbacks_default();
    ClientHandle *client = shm_client_connect(&config, &callbacks, 20000);
    if (!client) return 1;
    if (!shm_client_is_connected(client)) return 2;
    uint32_t length = 1;
    if (shm_client_receive(client, got, &length) != SHM_ERROR_EMPTY) return 3;
    if (shm_client_send(client, sent, 1) != SHM_ERROR_INVALID_PARAM) return 4;
    for (uint32_t i = 0, size = 2; i < (uint32_t)atoi(argv[2]); i++, size = (size * 3 + i) % 65534 + 2) {
        memset(sent, (int)(i & 255), size);
        int code = round_trip(client, size);
        if (code) return 10 + code;
    }
    memcpy(sent, "bye!", 4);
    if (round_trip(client, 4)) return 5;
    puts("done");
    shm_client_disconnect(client);
    return 0;
}
