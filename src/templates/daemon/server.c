/* The sockets of server.h. Everything that comes is checked by the generated reader before anybody sees it; a client that sends
 * what is no message is let go. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void let_go(struct client *c) {
    if (c->fd >= 0) close(c->fd);
    free(c->in);
    free(c->out);
    *c = (struct client){.fd = -1};
}

/* Does somebody answer there? A socket file stays when its server was killed. */
static bool is_alive(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive = fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof *address) || errno == EAGAIN);
    if (fd >= 0) close(fd);
    return alive;
}

static bool find_path(struct server *s, const char *name) {
    const char *session = getenv("XDG_RUNTIME_DIR");
    if (!session || session[0] != '/') return snprintf(s->path, sizeof s->path, "/tmp/itk_%s.sock", name) < (int)sizeof s->path;
    if (snprintf(s->path, sizeof s->path, "%s/patchbay", session) >= (int)sizeof s->path) return false;
    if (mkdir(s->path, 0700) && errno != EEXIST) return false;
    return snprintf(s->path, sizeof s->path, "%s/patchbay/itk_%s.sock", session, name) < (int)sizeof s->path;
}

const char *server_open(struct server *s, const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat there;
    s->listener = -1;
    for (int i = 0; i < CLIENTS; i++) s->clients[i] = (struct client){.fd = -1};
    if (!find_path(s, name)) return "there is no folder for the socket, or its path is too long";
    memcpy(address.sun_path, s->path, sizeof s->path);
    bool exists = !lstat(s->path, &there);
    if (exists && (!S_ISSOCK(there.st_mode) || there.st_uid != geteuid())) return "the socket's name is in use by something else";
    if (exists && is_alive(&address)) return "another server is running under this name";
    if (exists) unlink(s->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    bool bound = fd >= 0 && !bind(fd, (const struct sockaddr *)&address, sizeof address);
    umask(before);
    if (bound && !listen(fd, CLIENTS)) {
        s->listener = fd;
        return NULL;
    }
    if (fd >= 0) close(fd);
    return "the socket cannot be made";
}

static void take_in(struct server *s) {
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    if (fd < 0) return;
    bool ours = !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && peer.uid == geteuid();
    for (int i = 0; i < CLIENTS && ours; i++)
        if (s->clients[i].fd < 0) {
            s->clients[i].fd = fd;
            return;
        }
    close(fd);
}

static void flush_out(struct client *c) {
    size_t done = 0;
    while (done < c->out_used) {
        ssize_t wrote = send(c->fd, c->out + done, c->out_used - done, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0 && errno != EAGAIN) {
            let_go(c);
            return;
        }
        if (wrote < 0) break;
        done += (size_t)wrote;
    }
    c->out_used -= done;
    memmove(c->out, c->out + done, c->out_used);
}

void server_send(struct client *c, const struct pb_itkp_message *message) {
    size_t size;
    struct pb_itkp_fault fault;
    if (c->fd < 0) return;
    if (!c->out && !(c->out = malloc(OUT_BYTES))) return;
    /* No room means that it has not read for long. */
    if (pb_itkp_encode(message, c->out + c->out_used, OUT_BYTES - c->out_used, &size, &fault)) {
        let_go(c);
        return;
    }
    c->out_used += size;
    flush_out(c);
}

void server_send_all(struct server *s, const struct pb_itkp_message *message) {
    for (int i = 0; i < CLIENTS; i++) server_send(&s->clients[i], message);
}

/* Room for the whole message that has begun. False when it cannot be one. */
static bool make_room(struct client *c) {
    size_t wanted = PB_ITKP_HEADER_BYTES;
    struct pb_itkp_fault fault;
    if (c->in_used >= PB_ITKP_HEADER_BYTES && pb_itkp_message_bytes(c->in, c->in_used, &wanted, &fault)) return false;
    if (wanted < 4096) wanted = 4096;
    if (wanted <= c->in_room) return true;
    uint8_t *in = realloc(c->in, wanted);
    if (!in) return false;
    c->in = in;
    c->in_room = wanted;
    return true;
}

/* Hands over the whole messages that are there. False when the rest is none. */
static bool cut(struct server *s, struct client *c) {
    size_t at = 0, size;
    struct pb_itkp_fault fault;
    struct pb_itkp_message message;
    while (c->in_used - at >= PB_ITKP_HEADER_BYTES) {
        if (pb_itkp_message_bytes(c->in + at, c->in_used - at, &size, &fault)) return false;
        if (c->in_used - at < size) break;
        enum pb_itkp_status status = pb_itkp_decode(c->in + at, size, &message, &fault);
        /* A later version may have types that this one does not know. */
        if (status && status != PB_ITKP_UNKNOWN_MESSAGE_TYPE) return false;
        if (!status) s->received(s, c, &message);
        if (c->fd < 0) return true; /* let go while it was answered */
        at += size;
    }
    memmove(c->in, c->in + at, c->in_used - at);
    c->in_used -= at;
    return true;
}

static void read_in(struct server *s, struct client *c) {
    if (!make_room(c)) {
        let_go(c);
        return;
    }
    ssize_t got = recv(c->fd, c->in + c->in_used, c->in_room - c->in_used, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got > 0) c->in_used += (size_t)got;
    if (got <= 0 || !cut(s, c)) let_go(c);
}

unsigned server_prepare(const struct server *s, struct pollfd *fds) {
    unsigned count = 0;
    fds[count++] = (struct pollfd){s->listener, POLLIN, 0};
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *c = &s->clients[i];
        if (c->fd >= 0) fds[count++] = (struct pollfd){c->fd, (short)(POLLIN | (c->out_used ? POLLOUT : 0)), 0};
    }
    return count;
}

void server_serve(struct server *s, const struct pollfd *fds, unsigned count) {
    /* Clients first: one that is let go frees a number that a newcomer may get. */
    for (unsigned k = 1; k < count; k++)
        for (int i = 0; i < CLIENTS && fds[k].revents; i++) {
            struct client *c = &s->clients[i];
            if (c->fd != fds[k].fd) continue;
            if (fds[k].revents & POLLOUT) flush_out(c);
            if (c->fd >= 0 && fds[k].revents & (POLLIN | POLLHUP | POLLERR)) read_in(s, c);
            break;
        }
    if (fds[0].revents) take_in(s);
}

void server_close(struct server *s) {
    for (int i = 0; i < CLIENTS; i++) let_go(&s->clients[i]);
    if (s->listener < 0) return;
    close(s->listener);
    unlink(s->path);
}
