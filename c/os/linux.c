/* os.h for Linux: segments in /dev/shm and memfds, processes, time. Sleeping and watching are in linux_wait.c. */
#ifndef _WIN32
#include "os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/dev/shm"
enum { PATH_BYTES = PB_OS_NAME_BYTES + 40 };

static enum pb_os_status status_of(int fault) {
    switch (fault) {
    case ENOENT: return PB_OS_NOT_FOUND;
    case EEXIST: return PB_OS_EXISTS;
    case EACCES:
    case EPERM:
    case ELOOP: /* a symbolic link, which O_NOFOLLOW refuses */
    case EISDIR:
    case ENXIO: return PB_OS_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM: return PB_OS_NO_ROOM;
    case ENAMETOOLONG: return PB_OS_NAME;
    case ENOSYS:
    case EOPNOTSUPP: return PB_OS_UNSUPPORTED;
    default: return PB_OS_SYSTEM;
    }
}

static void path_of(const char *name, char path[PATH_BYTES]) {
    snprintf(path, PATH_BYTES, FOLDER "/pb_%u_%s", (unsigned)geteuid(), name);
}

static enum pb_os_status failed(struct pb_os_segment *segment, enum pb_os_status status) {
    int kept = errno;
    pb_os_close(segment);
    errno = kept;
    return status;
}

static enum pb_os_status map(struct pb_os_segment *segment, size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, (int)segment->handle, 0);
    if (memory == MAP_FAILED) return status_of(errno);
    segment->memory = memory;
    segment->size = size;
    return PB_OS_OK;
}

/* Gives it all its pages at once: a full /dev/shm is an error here and not a SIGBUS later. */
static enum pb_os_status fill(struct pb_os_segment *segment, size_t size) {
    if (ftruncate((int)segment->handle, (off_t)size)) return status_of(errno);
    int fault;
    do fault = posix_fallocate((int)segment->handle, 0, (off_t)size);
    while (fault == EINTR);
    errno = fault;
    return fault ? status_of(fault) : map(segment, size);
}

enum pb_os_status pb_os_create(struct pb_os_segment *segment, const char *name, size_t size) {
    *segment = PB_OS_NO_SEGMENT;
    enum pb_os_status status = pb_os_check_name(name);
    if (status) return status;
    if (!size || size > INT64_MAX) return PB_OS_SIZE;
    segment->handle = open(FOLDER, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (segment->handle < 0) return failed(segment, status_of(errno));
    status = fill(segment, size);
    if (status) return failed(segment, status);
    strcpy(segment->name, name);
    return PB_OS_OK;
}

enum pb_os_status pb_os_publish(struct pb_os_segment *segment) {
    char path[PATH_BYTES], self[40];
    path_of(segment->name, path);
    snprintf(self, sizeof self, "/proc/self/fd/%d", (int)segment->handle);
    /* The umask may have taken the owner's rights away. */
    if (fchmod((int)segment->handle, 0600)) return status_of(errno);
    return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) ? status_of(errno) : PB_OS_OK;
}

static enum pb_os_status take(struct pb_os_segment *segment, const struct stat *about, size_t least) {
    if (!S_ISREG(about->st_mode) || about->st_uid != geteuid() || about->st_mode & 077) return PB_OS_DENIED;
    if (about->st_size <= 0 || (uint64_t)about->st_size < least) return PB_OS_SIZE;
    return map(segment, (size_t)about->st_size);
}

enum pb_os_status pb_os_open(struct pb_os_segment *segment, const char *name, size_t least) {
    *segment = PB_OS_NO_SEGMENT;
    enum pb_os_status status = pb_os_check_name(name);
    if (status) return status;
    char path[PATH_BYTES];
    path_of(name, path);
    /* O_NONBLOCK: a FIFO in the place of a segment must not hold us up. */
    segment->handle = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (segment->handle < 0) return failed(segment, status_of(errno));
    struct stat about;
    status = fstat((int)segment->handle, &about) ? status_of(errno) : take(segment, &about, least);
    if (status) return failed(segment, status);
    strcpy(segment->name, name);
    return PB_OS_OK;
}

enum pb_os_status pb_os_create_anonymous(struct pb_os_segment *segment, size_t size) {
    *segment = PB_OS_NO_SEGMENT;
    if (!size || size > INT64_MAX) return PB_OS_SIZE;
    segment->handle = memfd_create("patchbay", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (segment->handle < 0) return failed(segment, status_of(errno));
    enum pb_os_status status = fill(segment, size);
    if (!status && fcntl((int)segment->handle, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        status = status_of(errno);
    return status ? failed(segment, status) : PB_OS_OK;
}

enum pb_os_status pb_os_adopt(struct pb_os_segment *segment, intptr_t handle, size_t least) {
    *segment = PB_OS_NO_SEGMENT;
    segment->handle = handle;
    int seals = fcntl((int)handle, F_GET_SEALS);
    struct stat about;
    if (seals < 0 || !(seals & F_SEAL_SHRINK)) return failed(segment, PB_OS_DENIED);
    if (fcntl((int)handle, F_SETFD, FD_CLOEXEC) || fstat((int)handle, &about)) return failed(segment, status_of(errno));
    /* A memfd is made with mode 0777 minus the umask, yet only who was given it can open it. */
    about.st_mode &= ~(mode_t)077;
    enum pb_os_status status = take(segment, &about, least);
    return status ? failed(segment, status) : PB_OS_OK;
}

bool pb_os_is_named(const struct pb_os_segment *segment) {
    char path[PATH_BYTES];
    struct stat ours, named;
    if (!segment->name[0]) return false;
    path_of(segment->name, path);
    return !fstat((int)segment->handle, &ours) && !lstat(path, &named) && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

enum pb_os_status pb_os_unlink(const struct pb_os_segment *segment) {
    if (!segment->name[0]) return PB_OS_OK;
    char path[PATH_BYTES];
    path_of(segment->name, path);
    /* Two that reclaim one stale segment do it in turn, or the slower one would take the faster one's new name away. */
    for (int i = 0; flock((int)segment->handle, LOCK_EX | LOCK_NB); i++) {
        if (i == 100) return PB_OS_EXISTS;
        usleep(1000);
    }
    enum pb_os_status status = PB_OS_OK;
    if (!pb_os_is_named(segment)) status = PB_OS_NOT_FOUND;
    else if (unlink(path)) status = status_of(errno);
    flock((int)segment->handle, LOCK_UN);
    return status;
}

enum pb_os_status pb_os_remove(const char *name) {
    enum pb_os_status status = pb_os_check_name(name);
    if (status) return status;
    char path[PATH_BYTES];
    path_of(name, path);
    return unlink(path) ? status_of(errno) : PB_OS_OK;
}

void pb_os_close(struct pb_os_segment *segment) {
    if (segment->memory) munmap(segment->memory, segment->size);
    if (segment->handle >= 0) close((int)segment->handle);
    *segment = PB_OS_NO_SEGMENT;
}

enum pb_os_status pb_os_list(bool (*each)(const char *name, uint64_t size, void *context), void *context) {
    DIR *folder = opendir(FOLDER);
    if (!folder) return status_of(errno);
    char prefix[32];
    size_t length = (size_t)snprintf(prefix, sizeof prefix, "pb_%u_", (unsigned)geteuid());
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat about;
        if (strncmp(entry->d_name, prefix, length) || pb_os_check_name(entry->d_name + length)) continue;
        if (fstatat(dirfd(folder), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) || !S_ISREG(about.st_mode)) continue;
        if (about.st_uid == geteuid() && !each(entry->d_name + length, (uint64_t)about.st_size, context)) break;
    }
    closedir(folder);
    return PB_OS_OK;
}

pb_os_identity pb_os_identity_of(uint32_t process_id) {
    char path[40], text[512];
    if (!process_id) return 0;
    snprintf(path, sizeof path, "/proc/%u/stat", process_id);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return 0;
    text[length] = 0;
    /* The program's name may hold anything, so count from the last bracket: state is field 3, the start time field 22. */
    char *at = strrchr(text, ')');
    if (!at || strlen(at) < 4 || at[2] == 'Z' || at[2] == 'X') return 0;
    at += 2;
    for (int field = 3; field < 22; field++) {
        at = strchr(at, ' ');
        if (!at) return 0;
        at++;
    }
    return process_id | strtoull(at, NULL, 10) << 32;
}

pb_os_identity pb_os_self(void) { return pb_os_identity_of((uint32_t)getpid()); }

uint64_t pb_os_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}
#endif
