/* The calls that virtual devices are made with, and nothing else (see uinput.h). */
#include "uinput.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

int pb_uinput_open(const char *node) { return open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC); }
int pb_uinput_ioctl(int fd, unsigned long request, const void *argument) { return ioctl(fd, request, argument); }
ssize_t pb_uinput_read(int fd, void *to, size_t size) { return read(fd, to, size); }
ssize_t pb_uinput_write(int fd, const void *from, size_t size) { return write(fd, from, size); }
int pb_uinput_close(int fd) { return close(fd); }
