/*
 * A program of a user of xshm.h, for any system: serves or asks on a channel and prints a line for each thing that happens.
 * PROGRAM serve NAME | ask NAME COUNT | hang NAME | multi NAME CLIENTS | join NAME | closed NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xshm_client.h"
#include "xshm_server.h"

#ifdef _WIN32
#include <windows.h>

#include <aclapi.h>
static void nap(unsigned ms) { Sleep(ms); }
#else
#include <unistd.h>
static void nap(unsigned ms) { usleep(ms * 1000); }
#endif

static int say(const char *line) {
    puts(line);
    fflush(stdout);
    return 0;
}

static int fail(const char *what, int code) {
    printf("%s failed with %d\n", what, code);
    fflush(stdout);
    return 1;
}

/* Echoes whatever comes, client after client, till it is killed. */
static int serve(const char *name) {
    shm_endpoint_config_t config = xshm_server_config(name);
    ServerHandle *server = shm_server_start(&config, NULL);
    if (!server) return fail("start", 0);
    say("serving");
    for (;;) {
        static unsigned char buffer[65535];
        shm_error_t code = shm_server_wait_for_client(server, SHM_FOREVER);
        if (code != SHM_SUCCESS) return fail("wait", code);
        say("client");
        while ((code = shm_server_poll(server, SHM_FOREVER)) == SHM_SUCCESS) {
            uint32_t size = sizeof buffer;
            while ((code = shm_server_receive(server, buffer, &size)) == SHM_SUCCESS) {
                if ((code = shm_server_send(server, buffer, size)) != SHM_SUCCESS) break;
                size = sizeof buffer;
            }
            if (code != SHM_ERROR_EMPTY) break;
        }
        if (code != SHM_ERROR_NOT_FOUND) return fail("serving", code);
        say("gone");
    }
}

static int ask(const char *name, uint32_t count) {
    shm_endpoint_config_t config = xshm_client_config(name);
    ClientHandle *client = shm_client_connect(&config, NULL, 5000);
    if (!client) return fail("connect", 0);
    for (uint32_t i = 0; i < count; i++) {
        static unsigned char out[65535], in[65535];
        uint32_t size = 4 + i * 37 % 4000, room = sizeof in;
        memset(out, (int)(i & 255), size);
        memcpy(out, &i, sizeof i);
        shm_error_t code = shm_client_send(client, out, size);
        if (code == SHM_SUCCESS) code = shm_client_poll(client, 5000);
        if (code == SHM_SUCCESS) code = shm_client_receive(client, in, &room);
        if (code != SHM_SUCCESS) return fail("asking", code);
        if (room != size || memcmp(in, out, size) != 0) return fail("comparing", (int)i);
    }
    printf("%u round trips\n", count);
    shm_client_disconnect(client);
    return 0;
}

static int hang(const char *name) {
    shm_endpoint_config_t config = xshm_client_config(name);
    ClientHandle *client = shm_client_connect(&config, NULL, 5000);
    if (!client) return fail("connect", 0);
    say("connected");
    for (;;) nap(1000);
}

static MultiServerHandle *volatile many;
static void joined(uint32_t id, void *user) {
    (void)user;
    printf("joined %u\n", id);
    fflush(stdout);
}
static void left(uint32_t id, void *user) {
    (void)user;
    printf("left %u\n", id);
    fflush(stdout);
}
static void came(uint32_t id, const void *data, uint32_t size, void *user) {
    (void)user;
    while (!many) nap(1);
    shm_multi_server_send_to(many, id, data, size);
}

static int multi(const char *name, uint32_t clients) {
    shm_multi_callbacks_t calls = shm_multi_callbacks_default();
    calls.on_client_connect = joined;
    calls.on_client_disconnect = left;
    calls.on_message = came;
    shm_multi_options_t options = shm_multi_options_default();
    options.max_clients = clients;
    many = shm_multi_server_start(name, &calls, &options);
    if (!many) return fail("start", 0);
    say("serving");
    for (;;) nap(1000);
}

static volatile uint32_t answers;
static void answered(const void *data, uint32_t size, void *user) {
    (void)user;
    uint32_t number;
    if (size != sizeof number) return;
    memcpy(&number, data, sizeof number);
    if (number == answers) answers = answers + 1;
}

static int join(const char *name) {
    shm_multi_client_callbacks_t calls = shm_multi_client_callbacks_default();
    calls.on_message = answered;
    MultiClientHandle *client = shm_multi_client_connect(name, &calls, NULL);
    if (!client) return fail("connect", 0);
    for (int waited = 0; !shm_multi_client_is_connected(client); waited++) {
        if (waited == 1000) return fail("joining", 0);
        nap(5);
    }
    for (uint32_t number = 0; number < 100; number++) {
        shm_error_t code = shm_multi_client_send(client, &number, sizeof number);
        if (code != SHM_SUCCESS) return fail("sending", code);
        for (int waited = 0; answers == number; waited++) {
            if (waited == 5000) return fail("answer", (int)number);
            nap(1);
        }
    }
    printf("slot %u, %u answers\n", shm_multi_client_slot_id(client), answers);
    shm_multi_client_disconnect(client);
    return 0;
}

/* Who may open the section of a channel: one entry, for the user who owns it. */
static int closed(const char *name) {
#ifdef _WIN32
    char path[300];
    snprintf(path, sizeof path, "Local\\XSHM_SEG_%s", name);
    HANDLE section = OpenFileMappingA(FILE_MAP_READ | READ_CONTROL, FALSE, path);
    PSID owner;
    PACL list;
    PSECURITY_DESCRIPTOR all;
    if (!section) return fail("open", (int)GetLastError());
    if (GetSecurityInfo(section, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL, &list,
                        NULL, &all))
        return fail("look", (int)GetLastError());
    ACCESS_ALLOWED_ACE *entry;
    int theirs = !list || list->AceCount != 1 || !GetAce(list, 0, (void **)&entry) ||
                 entry->Header.AceType != ACCESS_ALLOWED_ACE_TYPE || !EqualSid((PSID)&entry->SidStart, owner);
    return say(theirs ? "open to others" : "owner only");
#else
    (void)name;
    return say("owner only");
#endif
}

int main(int argc, char **argv) {
    const char *what = argc > 2 ? argv[1] : "", *name = argc > 2 ? argv[2] : "";
    uint32_t number = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    if (!strcmp(what, "serve")) return serve(name);
    if (!strcmp(what, "ask")) return ask(name, number);
    if (!strcmp(what, "hang")) return hang(name);
    if (!strcmp(what, "multi")) return multi(name, number);
    if (!strcmp(what, "join")) return join(name);
    if (!strcmp(what, "closed")) return closed(name);
    fprintf(stderr, "usage: peer serve|ask|hang|multi|join|closed NAME [NUMBER]\n");
    return 64;
}
