/* Cards, connectors and CRTCs: which screen a target means and what it scans out. Never sets a mode, and never stays master
 * of a card. Lists from the kernel are read into arrays of a fixed size, whatever their counts claim. */
#include "drm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT
#define DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT 6
#endif

static int io_open(const char *path) { return open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK); }
static int io_control(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }
static void *io_map(int fd, uint64_t offset, size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    return memory == MAP_FAILED ? NULL : memory;
}
static void io_unmap(void *memory, size_t bytes) { munmap(memory, bytes); }
static int64_t io_bytes(int fd) { return lseek(fd, 0, SEEK_END); }
static uint64_t io_identity(int fd) {
    struct stat s;
    return fstat(fd, &s) ? 0 : s.st_ino;
}

static const struct drm_io kernel = {
    .open = io_open,
    .close = close,
    .control = io_control,
    .map = io_map,
    .unmap = io_unmap,
    .bytes = io_bytes,
    .identity = io_identity,
    .read = read,
};
const struct drm_io *drm_io = &kernel;

int drm_control(int fd, unsigned long request, void *argument) {
    for (int tries = 0;; tries++) {
        if (!drm_io->control(fd, request, argument)) return 0;
        if ((errno != EINTR && errno != EAGAIN) || tries == 1000) return errno;
    }
}

enum pb_status drm_status_of(int error) {
    switch (error) {
    case ENODEV:
    case ENXIO:
    case EBADF:
    case EIO: return PB_LOST;
    case ENOENT: return PB_AGAIN;
    default: return PB_ERROR;
    }
}

static bool is_number(const char *text, size_t length) {
    return length >= 1 && length <= 2 && strspn(text, "0123456789") >= length;
}

bool drm_parse_target(const char *text, struct drm_target *target, char *error, size_t size) {
    *target = (struct drm_target){.card = -1, .connector = ""};
    if (!text || !*text) return true;
    const char *name = strncmp(text, "/dev/dri/", 9) ? text : text + 9;
    const char *colon = strchr(name, ':'), *end = colon ? colon : name + strlen(name);
    if (!strncmp(name, "card", 4) && is_number(name + 4, (size_t)(end - name) - 4) && atoi(name + 4) < DRM_CARDS &&
        (!colon || (colon[1] && strlen(colon + 1) < DRM_NAME_SIZE))) {
        target->card = atoi(name + 4);
        if (colon) strcpy(target->connector, colon + 1);
        return true;
    }
    pb_error(error, size, "\"%s\" names no screen of a DRM card (like card0 or card0:HDMI-A-1)", text);
    return false;
}

int drm_open_card(int number, char *error, size_t size) {
    char path[32];
    snprintf(path, sizeof path, "/dev/dri/card%d", number);
    int fd = drm_io->open(path);
    if (fd < 0) {
        pb_error(error, size, "%s cannot be opened: %s%s", path, strerror(errno),
                 errno == EACCES || errno == EPERM ? "; run: sudo usermod -aG video $USER, and sign in again" : "");
        return -1;
    }
    /* Whoever opens a card that has no master becomes it. For the others it fails, rightly. */
    drm_control(fd, DRM_IOCTL_DROP_MASTER, NULL);
    static const uint64_t wishes[] = {DRM_CLIENT_CAP_UNIVERSAL_PLANES, DRM_CLIENT_CAP_ATOMIC, DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT};
    for (unsigned i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        struct drm_set_client_cap cap = {wishes[i], 1};
        drm_control(fd, DRM_IOCTL_SET_CLIENT_CAP, &cap); /* what fails shows as a missing cursor plane */
    }
    return fd;
}

static void connector_name(const struct drm_mode_get_connector *c, char name[DRM_NAME_SIZE]) {
    static const char *const types[] = {"Unknown", "VGA",    "DVI-I", "DVI-D", "DVI-A",   "Composite", "SVIDEO",
                                        "LVDS",    "Component", "DIN", "DP",    "HDMI-A",  "HDMI-B",    "TV",
                                        "eDP",     "Virtual", "DSI",  "DPI",   "Writeback", "SPI",      "USB"};
    uint32_t known = sizeof types / sizeof types[0];
    snprintf(name, DRM_NAME_SIZE, "%s-%u", types[c->connector_type < known ? c->connector_type : 0], c->connector_type_id);
}

enum pb_status drm_read_crtc(int fd, uint32_t crtc, struct drm_view *view) {
    struct drm_mode_crtc now = {.crtc_id = crtc};
    int error = drm_control(fd, DRM_IOCTL_MODE_GETCRTC, &now);
    if (error) return drm_status_of(error);
    if (!now.mode_valid || !now.fb_id) return PB_AGAIN;
    const struct drm_mode_modeinfo *m = &now.mode;
    uint64_t total = (uint64_t)m->htotal * m->vtotal;
    uint64_t refresh = total ? (uint64_t)m->clock * 1000000u / total : 0;
    *view = (struct drm_view){
        .fb = now.fb_id,
        .x = now.x,
        .y = now.y,
        .width = m->hdisplay,
        .height = m->vdisplay,
        .refresh_mhz = refresh > 1000000 ? 0 : (uint32_t)refresh,
    };
    return PB_OK;
}

/* Calls `each` for every connector that shows something, until it answers true. */
static bool each_output(int fd, bool (*each)(const struct drm_output *, const struct drm_view *, void *), void *context) {
    uint32_t crtcs[DRM_LISTED] = {0}, connectors[DRM_LISTED] = {0};
    struct drm_mode_card_res r = {
        .crtc_id_ptr = (uintptr_t)crtcs,
        .connector_id_ptr = (uintptr_t)connectors,
        .count_crtcs = DRM_LISTED,
        .count_connectors = DRM_LISTED,
    };
    if (drm_control(fd, DRM_IOCTL_MODE_GETRESOURCES, &r)) return false;
    for (uint32_t i = 0; i < r.count_connectors && i < DRM_LISTED; i++) {
        /* Room for one mode, or the kernel would ask the monitor anew, which takes long. */
        struct drm_mode_modeinfo mode;
        struct drm_mode_get_connector c = {.connector_id = connectors[i], .count_modes = 1, .modes_ptr = (uintptr_t)&mode};
        if (drm_control(fd, DRM_IOCTL_MODE_GETCONNECTOR, &c) || !c.encoder_id) continue;
        struct drm_mode_get_encoder e = {.encoder_id = c.encoder_id};
        if (drm_control(fd, DRM_IOCTL_MODE_GETENCODER, &e) || !e.crtc_id) continue;
        struct drm_output output = {.connector = connectors[i], .crtc = e.crtc_id};
        while (output.pipe < DRM_LISTED && output.pipe < r.count_crtcs && crtcs[output.pipe] != e.crtc_id) output.pipe++;
        struct drm_view view;
        if (drm_read_crtc(fd, e.crtc_id, &view)) continue;
        connector_name(&c, output.name);
        if (each(&output, &view, context)) return true;
    }
    return false;
}

struct wanted {
    const char *name;
    struct drm_output *output;
};

static bool take(const struct drm_output *output, const struct drm_view *view, void *context) {
    (void)view;
    struct wanted *w = context;
    if (*w->name && strcmp(w->name, output->name)) return false;
    *w->output = *output;
    return true;
}

bool drm_find_output(int fd, const char *name, struct drm_output *output) {
    return each_output(fd, take, &(struct wanted){name, output});
}

struct text {
    char *at;
    size_t size;
};

static bool list(const struct drm_output *output, const struct drm_view *view, void *context) {
    struct text *t = context;
    size_t used = strlen(t->at);
    pb_error(t->at + used, t->size - used, ", %s %ux%u", output->name, view->width, view->height);
    return false;
}

void drm_list_outputs(int fd, char *text, size_t size) { each_output(fd, list, &(struct text){text, size}); }
