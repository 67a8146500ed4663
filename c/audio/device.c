/* See device.h. */
#include "device.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 1000 };

/* NULL keeps the name of the device that was used last. */
static void note(struct pb_audio_holder *h, const char *name, const char *detail) {
    pthread_mutex_lock(&h->lock);
    if (name) {
        pb_error(h->name, sizeof h->name, "%s", name);
        h->shown = h->backend->name;
    }
    pb_error(h->detail, sizeof h->detail, "%s", detail);
    for (char *c = h->detail; *c; c++)
        if (*c == '\t' || *c == '\n') *c = ' ';
    pthread_mutex_unlock(&h->lock);
}

static void note_device(struct pb_audio_holder *h) {
    char name[sizeof h->name] = "", detail[sizeof h->detail] = "";
    h->backend->describe(h->device, name, sizeof name, detail, sizeof detail);
    note(h, name, detail);
}

bool pb_audio_hold(struct pb_audio_holder *h, const char *backend, const struct pb_audio_settings *settings, char *error,
                   size_t error_size) {
    pthread_mutex_init(&h->lock, NULL);
    h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    h->backend_name = strdup(backend ? backend : "");
    h->device_name = strdup(settings->device ? settings->device : "");
    h->settings = *settings;
    h->settings.device = h->device_name;
    h->pause_ms = FIRST_PAUSE_MS;
    if (h->wake_fd < 0 || !h->backend_name || !h->device_name) {
        pb_error(error, error_size, "sound cannot be started: %s", strerror(errno));
        return false;
    }
    h->device = pb_audio_open(backend, &h->settings, &h->backend, error, error_size);
    if (h->device) note_device(h);
    return h->device != NULL;
}

void pb_audio_let_go(struct pb_audio_holder *h, const char *why) {
    if (!h->device) return;
    h->backend->close(h->device);
    h->device = NULL;
    h->pause_ms = FIRST_PAUSE_MS;
    note(h, NULL, why);
}

void pb_audio_lose(struct pb_audio_holder *h) {
    char why[sizeof h->detail] = "the device is gone";
    h->backend->failure(h->device, why, sizeof why);
    pb_audio_let_go(h, why);
    atomic_fetch_add_explicit(&h->lost, 1, memory_order_relaxed);
}

void pb_audio_rest(struct pb_audio_holder *h, int timeout_ms) {
    struct pollfd fd = {.fd = h->wake_fd, .events = POLLIN};
    poll(&fd, 1, timeout_ms);
}

bool pb_audio_retry(struct pb_audio_holder *h) {
    char why[sizeof h->detail] = "";
    const struct pb_audio_backend *backend = NULL;
    h->device = pb_audio_open(h->backend_name, &h->settings, &backend, why, sizeof why);
    if (h->device) {
        h->backend = backend;
        h->pause_ms = FIRST_PAUSE_MS;
        /* After a pause nothing was lost. */
        uint64_t lost = atomic_load_explicit(&h->lost, memory_order_relaxed);
        if (lost > h->found) atomic_fetch_add_explicit(&h->reopened, 1, memory_order_relaxed);
        h->found = lost;
        note_device(h);
        return true;
    }
    note(h, NULL, why);
    pb_audio_rest(h, h->pause_ms);
    h->pause_ms = h->pause_ms * 2 < LONGEST_PAUSE_MS ? h->pause_ms * 2 : LONGEST_PAUSE_MS;
    return false;
}

void pb_audio_wake(struct pb_audio_holder *h) {
    uint64_t one = 1;
    ssize_t wrote;
    do wrote = write(h->wake_fd, &one, sizeof one);
    while (wrote < 0 && errno == EINTR);
}

void pb_audio_woken(struct pb_audio_holder *h) {
    uint64_t count;
    ssize_t got;
    do got = read(h->wake_fd, &count, sizeof count);
    while (got < 0 && errno == EINTR);
}

void pb_audio_hurry(void) { setpriority(PRIO_PROCESS, (id_t)gettid(), -11); }

uint32_t pb_audio_describe(struct pb_audio_holder *h, char *out, uint32_t size) {
    pthread_mutex_lock(&h->lock);
    pb_error(out, size, "%s\t%s\t%s", h->shown, h->name, h->detail);
    pthread_mutex_unlock(&h->lock);
    return size ? (uint32_t)strlen(out) : 0;
}

void pb_audio_release(struct pb_audio_holder *h) {
    if (h->device) h->backend->close(h->device);
    if (h->wake_fd >= 0) close(h->wake_fd);
    free(h->backend_name);
    free(h->device_name);
    pthread_mutex_destroy(&h->lock);
}
