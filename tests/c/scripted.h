/* A capture source that a test drives by hand: it changes, resizes and dies when told. Its picture is noise of a chosen
 * seed, or one grey. Included once, by the grabber's tests. */
#ifndef PB_SCRIPTED_H
#define PB_SCRIPTED_H
#include "capture/capture.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    int fd;                        /* readable when something changed */
    uint32_t width, height, seed;  /* seed 0: grey */
    bool resized, dies, faulty, unmapped;
    const struct pb_dmabuf *dmabuf; /* the pictures lie there; and nowhere else when `unmapped` */
    uint32_t grabs, torn; /* torn: so many of the next pictures are replaced while they are read */
} script = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct pb_capture {
    uint32_t width, height;
    uint8_t *pixels;
};

static void script_start(uint32_t width, uint32_t height, uint32_t seed) {
    script.fd = eventfd(0, EFD_NONBLOCK);
    script.width = width, script.height = height, script.seed = seed;
    script.resized = script.dies = script.faulty = script.unmapped = false;
    script.dmabuf = NULL;
    script.grabs = script.torn = 0;
}

static void script_change(uint32_t seed) {
    pthread_mutex_lock(&script.lock);
    script.seed = seed;
    pthread_mutex_unlock(&script.lock);
    eventfd_write(script.fd, 1);
}

static struct pb_capture *scripted_open(const struct pb_capture_settings *s, char *error, size_t size) {
    (void)s, (void)error, (void)size;
    struct pb_capture *c = calloc(1, sizeof *c);
    c->width = script.width, c->height = script.height;
    c->pixels = malloc((size_t)c->width * c->height * 4);
    return c;
}

static void scripted_size(const struct pb_capture *c, uint32_t *width, uint32_t *height) {
    *width = c->width, *height = c->height;
}

static enum pb_status scripted_wait(struct pb_capture *c, int wake_fd, int timeout_ms, uint64_t *damage_us) {
    (void)c;
    struct pollfd fds[2] = {{script.fd, POLLIN, 0}, {wake_fd, POLLIN, 0}};
    poll(fds, 2, timeout_ms);
    *damage_us = pb_monotonic_us();
    return fds[0].revents ? PB_OK : PB_AGAIN;
}

static enum pb_status scripted_grab(struct pb_capture *c, bool everything, struct pb_picture *picture, struct pb_rows *rows) {
    (void)everything;
    eventfd_t count;
    eventfd_read(script.fd, &count);
    pthread_mutex_lock(&script.lock);
    bool dies = script.dies, faulty = script.faulty, resized = script.resized, unmapped = script.unmapped;
    const struct pb_dmabuf *dmabuf = script.dmabuf;
    uint32_t width = script.width, height = script.height, seed = script.seed;
    script.resized = false;
    script.grabs++;
    pthread_mutex_unlock(&script.lock);
    if (dies) return PB_LOST;
    if (faulty) return PB_ERROR;
    if (resized) {
        c->width = width, c->height = height;
        free(c->pixels);
        c->pixels = malloc((size_t)width * height * 4);
        return PB_REINIT;
    }
    uint32_t *p = (uint32_t *)(void *)c->pixels, value = seed;
    for (size_t i = 0; i < (size_t)c->width * c->height; i++) {
        if (seed) value ^= value << 13, value ^= value >> 17, value ^= value << 5;
        p[i] = seed ? value : 0x808080;
    }
    *picture = (struct pb_picture){PB_BGRA, c->width, c->height, {unmapped ? NULL : c->pixels}, {c->width * 4}, dmabuf};
    *rows = (struct pb_rows){0, c->height};
    return PB_OK;
}

static enum pb_status scripted_release(struct pb_capture *c) {
    (void)c;
    pthread_mutex_lock(&script.lock);
    bool torn = script.torn > 0;
    if (torn) script.torn--;
    pthread_mutex_unlock(&script.lock);
    return torn ? PB_AGAIN : PB_OK;
}

static bool scripted_probe(const char *target, char *detail, size_t size) {
    (void)target;
    pb_error(detail, size, "driven by\ta test");
    return true;
}

static void scripted_close(struct pb_capture *c) {
    free(c->pixels);
    free(c);
    close(script.fd);
}

static const struct pb_capture_backend scripted = {.name = "scripted",
                                                   .probe = scripted_probe,
                                                   .open = scripted_open,
                                                   .size = scripted_size,
                                                   .wait = scripted_wait,
                                                   .grab = scripted_grab,
                                                   .release = scripted_release,
                                                   .close = scripted_close};
#endif
