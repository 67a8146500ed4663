/* See uinput_double.h. */
#include "uinput_double.h"

#include "input/uinput.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static struct double_device devices[DOUBLES];
static unsigned calls, failing, version = 5;
static int failure;
static size_t write_limit;
/* The one request that is on its way. */
static struct ff_effect asked_effect;
static uint32_t asked_id, request_number;
static int answer;
static bool waiting;

static bool fails(void) {
    calls++;
    if (calls != failing) return false;
    errno = failure;
    return true;
}

static struct double_device *by_fd(int fd) {
    for (int i = 0; i < DOUBLES; i++)
        if (devices[i].open && devices[i].fd == fd) return &devices[i];
    abort(); /* a descriptor that was closed, or never opened */
}

int pb_uinput_open(const char *node) {
    int pair[2], fd = -1;
    (void)node;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < DOUBLES && fd < 0 && !fails(); i++) {
        if (devices[i].open) continue;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair)) abort();
        memset(&devices[i], 0, sizeof devices[i]);
        devices[i].open = true;
        fd = devices[i].fd = pair[0];
        devices[i].kernel = pair[1];
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static int force_feedback(unsigned long request, void *argument) {
    struct uinput_ff_upload *upload = argument;
    struct uinput_ff_erase *erase = argument;
    bool is_upload = request == UI_BEGIN_FF_UPLOAD || request == UI_END_FF_UPLOAD;
    if (!waiting || (is_upload ? upload->request_id : erase->request_id) != request_number) return errno = EINVAL, -1;
    if (request == UI_BEGIN_FF_UPLOAD) upload->effect = asked_effect;
    else if (request == UI_BEGIN_FF_ERASE) erase->effect_id = asked_id;
    else {
        answer = is_upload ? upload->retval : erase->retval;
        waiting = false;
        pthread_cond_broadcast(&answered);
    }
    return 0;
}

int pb_uinput_ioctl(int fd, unsigned long request, const void *argument) {
    int result = 0;
    uintptr_t number = (uintptr_t)argument;
    pthread_mutex_lock(&lock);
    struct double_device *d = by_fd(fd);
    if (request != UI_DEV_DESTROY && fails()) result = -1;
    else if (request == UI_GET_VERSION) memcpy((void *)number, &version, sizeof version);
    else if (request == UI_SET_EVBIT) d->event_types[number] = true;
    else if (request == UI_SET_KEYBIT) d->keys[number] = true;
    else if (request == UI_SET_FFBIT) d->forces[number] = true;
    else if (request == UI_SET_PROPBIT) d->properties[number] = true;
    else if (request == UI_ABS_SETUP) d->axes[((const struct uinput_abs_setup *)argument)->code] = *(const struct uinput_abs_setup *)argument;
    else if (request == UI_DEV_SETUP) d->setup = *(const struct uinput_setup *)argument;
    else if (request == UI_DEV_CREATE) d->created = true;
    else if (request == UI_DEV_DESTROY) d->destroyed = true;
    else if (_IOC_NR(request) >= 200) result = force_feedback(request, (void *)number);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t pb_uinput_read(int fd, void *to, size_t size) { return read(fd, to, size); }

ssize_t pb_uinput_write(int fd, const void *from, size_t size) {
    ssize_t result = -1;
    pthread_mutex_lock(&lock);
    struct double_device *d = by_fd(fd);
    if (!fails()) {
        size_t taken = write_limit && write_limit < size ? write_limit : size, events = taken / sizeof *d->written;
        for (size_t i = 0; i < events && d->count < DOUBLE_EVENTS; i++) d->written[d->count++] = ((const struct input_event *)from)[i];
        result = (ssize_t)taken;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int pb_uinput_close(int fd) {
    pthread_mutex_lock(&lock);
    struct double_device *d = by_fd(fd);
    d->open = false;
    close(d->kernel);
    close(fd);
    waiting = false;
    pthread_mutex_unlock(&lock);
    return 0;
}

void double_fail(unsigned call, int error_number) {
    pthread_mutex_lock(&lock);
    calls = 0;
    failing = call;
    failure = error_number;
    pthread_mutex_unlock(&lock);
}

unsigned double_calls(void) { return calls; }
void double_version(unsigned number) { version = number; }
void double_short_write(size_t bytes) { write_limit = bytes; }

struct double_device *double_find(const char *name) {
    for (int i = 0; i < DOUBLES; i++)
        if (devices[i].open && devices[i].created && !devices[i].destroyed && !strcmp(devices[i].setup.name, name)) return &devices[i];
    return NULL;
}

unsigned double_open_count(void) {
    unsigned count = 0;
    for (int i = 0; i < DOUBLES; i++) count += devices[i].open;
    return count;
}

void double_say(struct double_device *d, const void *bytes, size_t size) {
    if (send(d->kernel, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) abort();
}

void double_tell(struct double_device *d, uint16_t type, uint16_t code, int32_t value) {
    struct input_event e = {.type = type, .code = code, .value = value};
    double_say(d, &e, sizeof e);
}

static int ask(struct double_device *d, uint16_t code) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 10;
    waiting = true;
    answer = 1;
    double_tell(d, EV_UINPUT, code, (int32_t)++request_number);
    while (waiting && !pthread_cond_timedwait(&answered, &lock, &end)) continue;
    int result = waiting ? 1 : answer;
    waiting = false;
    pthread_mutex_unlock(&lock);
    return result;
}

int double_upload(struct double_device *d, const struct ff_effect *effect) {
    pthread_mutex_lock(&lock);
    asked_effect = *effect;
    return ask(d, UI_FF_UPLOAD);
}

int double_erase(struct double_device *d, uint32_t id) {
    pthread_mutex_lock(&lock);
    asked_id = id;
    return ask(d, UI_FF_ERASE);
}
