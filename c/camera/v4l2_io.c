/* Every call of the kernel that a camera needs, unjudged: what comes back is checked by who calls. */
#include "v4l2.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int v4l2_io_open(const char *path) { return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC); }
void v4l2_io_close(int fd) { close(fd); }
int v4l2_io_ioctl(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }

void *v4l2_io_map(int fd, size_t length, uint32_t offset) {
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    return memory == MAP_FAILED ? NULL : memory;
}

void v4l2_io_unmap(void *memory, size_t length) { munmap(memory, length); }
int v4l2_io_poll(struct pollfd *fds, unsigned count, int timeout_ms) { return poll(fds, count, timeout_ms); }

static int ascending(const void *a, const void *b) { return *(const uint16_t *)a - *(const uint16_t *)b; }

unsigned v4l2_io_nodes(const char *prefix, uint16_t *numbers, unsigned most) {
    DIR *folder = opendir("/dev");
    if (!folder) return 0;
    unsigned count = 0;
    size_t length = strlen(prefix);
    for (struct dirent *entry; count < most && (entry = readdir(folder));) {
        const char *digits = entry->d_name + length;
        if (strncmp(entry->d_name, prefix, length) || *digits < '0' || *digits > '9') continue;
        char *end;
        unsigned long number = strtoul(digits, &end, 10);
        if (!*end && number <= UINT16_MAX) numbers[count++] = (uint16_t)number;
    }
    closedir(folder);
    qsort(numbers, count, sizeof *numbers, ascending);
    return count;
}

bool v4l2_io_node_of(const char *path, uint32_t *major, uint32_t *minor) {
    struct stat s;
    if (stat(path, &s) || !S_ISCHR(s.st_mode)) return false;
    *major = gnu_dev_major(s.st_rdev);
    *minor = gnu_dev_minor(s.st_rdev);
    return true;
}

void v4l2_io_attribute(const char *path, const char *attribute, char *out, size_t size) {
    char file[160], text[128];
    uint32_t major, minor;
    *out = 0;
    if (!v4l2_io_node_of(path, &major, &minor)) return;
    /* A USB camera's node belongs to an interface, whose parent is the device with the serial number. */
    const char *where = strcmp(attribute, "serial") ? "" : "device/../";
    snprintf(file, sizeof file, "/sys/dev/char/%u:%u/%s%s", major, minor, where, attribute);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t got = read(fd, text, sizeof text);
    close(fd);
    while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == ' ')) got--;
    if (got > 0) v4l2_text(out, size, text, (size_t)got);
}

/* Does one of the process's descriptors lead to this device? */
static bool holds(const char *process, dev_t device) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/fd", process);
    DIR *folder = opendir(path);
    if (!folder) return false; /* another user's */
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(folder));) {
        struct stat s;
        if (fstatat(dirfd(folder), entry->d_name, &s, 0)) continue;
        found = S_ISCHR(s.st_mode) && s.st_rdev == device;
    }
    closedir(folder);
    return found;
}

void v4l2_io_holder(const char *path, char *out, size_t size) {
    struct stat s;
    *out = 0;
    DIR *folder = stat(path, &s) ? NULL : opendir("/proc");
    if (!folder) return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char file[300], name[32] = "";
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || atol(entry->d_name) == getpid()) continue;
        if (!holds(entry->d_name, s.st_rdev)) continue;
        snprintf(file, sizeof file, "/proc/%s/comm", entry->d_name);
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? -1 : read(fd, name, sizeof name - 1);
        if (fd >= 0) close(fd);
        if (got > 0 && name[got - 1] == '\n') name[got - 1] = 0;
        pb_error(out, size, "process %s (%s)", entry->d_name, name);
        break;
    }
    closedir(folder);
}
