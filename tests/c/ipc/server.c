/* A server by xshm.h, as C and as C++: takes clients one after the other, sends each message back until one says "bye!".
 * usage: server NAME CLIENTS */
#include "xshm_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    shm_endpoint_config_t config = xshm_server_config(argv[1]);
    shm_callbacks_t callbacks = xshm_server_callbacks_default();
    ServerHandle *server = shm_server_start(&config, &callbacks);
    if (!server) return 1;
    puts("ready");
    fflush(stdout);
    for (int clients = atoi(argv[2]); clients > 0; clients--) {
        if (shm_server_wait_for_client(server, 20000) != SHM_SUCCESS) return 2;
        uint32_t echoed = 0;
        for (;;) {
            static unsigned char buffer[65535];
            uint32_t size = sizeof buffer;
            shm_error_t code = shm_server_poll(server, 20000);
            if (code == SHM_SUCCESS) code = shm_server_receive(server, buffer, &size);
            if (code == SHM_ERROR_NOT_FOUND) break;
            if (code != SHM_SUCCESS || shm_server_send(server, buffer, size) != SHM_SUCCESS) return 3;
            echoed++;
            if (size == 4 && memcmp(buffer, "bye!", 4) == 0) break;
        }
        printf("echoed %u\n", (unsigned)echoed);
        fflush(stdout);
        /* Until it has taken the last answer and gone. */
        while (shm_server_poll(server, 20000) == SHM_SUCCESS) return 4;
    }
    shm_server_stop(server);
    return 0;
}
