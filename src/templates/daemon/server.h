/* ITKP messages over a Unix socket, for one thread and its event loop: listening, clients, whole messages in, whole messages
 * out. Only this user's programs are let in. It knows nothing of what the messages mean. */
#ifndef SERVER_H
#define SERVER_H
#include "include/patchbay_itkp.h"

enum { CLIENTS = 16, OUT_BYTES = 256 * 1024 };

struct client {
    int fd; /* -1: free */
    uint8_t *in;
    size_t in_used, in_room;
    uint8_t *out; /* what the kernel did not take yet */
    size_t out_used;
};

struct server {
    int listener;
    char path[108];
    struct client clients[CLIENTS];
    /* Called with each valid message; may answer by server_send. */
    void (*received)(struct server *server, struct client *from, const struct pb_itkp_message *message);
};

/* Listens as "name", where Patchbay's programs look: $XDG_RUNTIME_DIR/patchbay/itk_NAME.sock, else /tmp/itk_NAME.sock. What a
 * dead server left there is replaced, a living one is not. NULL, or what is wrong. */
const char *server_open(struct server *server, const char *name);
/* A client that reads nothing for 256 KiB of messages is let go, so that it cannot hold up the others. */
void server_send(struct client *to, const struct pb_itkp_message *message);
void server_send_all(struct server *server, const struct pb_itkp_message *message);
/* What poll() should wait for, at most CLIENTS + 1, and what is to be done with what it found. */
struct pollfd;
unsigned server_prepare(const struct server *server, struct pollfd *fds);
void server_serve(struct server *server, const struct pollfd *fds, unsigned count);
void server_close(struct server *server);
#endif
