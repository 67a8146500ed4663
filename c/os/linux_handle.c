/* os.h for Linux: a descriptor handed from process to process over a Unix socket. */
#ifndef _WIN32
#include "os.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool same_user(int socket) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    return !getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) && peer.uid == geteuid();
}

enum { ROOM = CMSG_SPACE(sizeof(int)) };

enum pb_os_status pb_os_handle_send(intptr_t socket, intptr_t handle) {
    if (!same_user((int)socket)) return PB_OS_DENIED;
    char byte = 'S';
    _Alignas(struct cmsghdr) char control[ROOM] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    int descriptor = (int)handle;
    memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    ssize_t sent;
    do sent = sendmsg((int)socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == 1 ? PB_OS_OK : PB_OS_SYSTEM;
}

enum pb_os_status pb_os_handle_receive(intptr_t socket, intptr_t *handle) {
    if (!same_user((int)socket)) return PB_OS_DENIED;
    char byte;
    _Alignas(struct cmsghdr) char control[ROOM];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got;
    do got = recvmsg((int)socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *head = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int)))
        return got < 0 ? PB_OS_SYSTEM : PB_OS_NOT_FOUND;
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
    *handle = descriptor;
    return PB_OS_OK;
}
#endif
