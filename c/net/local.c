/* What a local channel asks the kernel: who is at the other end of a Unix socket, and a lock that ends with its process.
 * It decides nothing; src/net/ipc.ts does. It never follows a link and never touches a file that is not its owner's. */
#include "gen/abi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int32_t pb_local_peer(int32_t socket, uint32_t *out) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || size != sizeof peer) return -1;
    out[0] = peer.uid;
    out[1] = (uint32_t)peer.pid;
    return 0;
}

/* Whether `path` is still this very file: an earlier holder removes it before letting go. */
static bool is_at(const char *path, const struct stat *file) {
    struct stat found;
    return lstat(path, &found) == 0 && found.st_ino == file->st_ino && found.st_dev == file->st_dev;
}

int32_t pb_local_lock(const char *path, char *error, uint32_t error_size) {
    for (int attempt = 0; attempt < 100; attempt++) {
        int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0) {
            pb_error(error, error_size, "%s cannot be opened: %s", path, strerror(errno));
            return -2;
        }
        struct stat file;
        if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || file.st_uid != geteuid() || file.st_nlink > 1) {
            pb_error(error, error_size, "%s is not a file of this user alone", path);
            close(fd);
            return -2;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            bool is_held = errno == EWOULDBLOCK;
            pb_error(error, error_size, "%s cannot be locked: %s", path, strerror(errno));
            close(fd);
            return is_held ? -1 : -2;
        }
        if (is_at(path, &file)) return fd;
        close(fd);
    }
    pb_error(error, error_size, "%s is replaced again and again", path);
    return -2;
}

void pb_local_unlock(const char *path, int32_t lock) {
    if (lock < 0) return;
    struct stat file;
    if (fstat(lock, &file) == 0 && is_at(path, &file)) unlink(path);
    close(lock);
}
