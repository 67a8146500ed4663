/* Pixels of the X11 root window: MIT-SHM GetImage of a full-width band into one persistent segment, or plain GetImage
 * through the connection where memory cannot be shared (another machine, another container). */
#include "x11.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>
#include <xcb/shm.h>

static bool attached(struct pb_capture *c, xcb_void_cookie_t cookie) {
    xcb_generic_error_t *failed = xcb_request_check(c->x, cookie);
    free(failed);
    return !failed && !xcb_connection_has_error(c->x);
}

/* A descriptor works across IPC namespaces and user ids, and leaves nothing behind when either side dies. */
static bool share_by_descriptor(struct pb_capture *c) {
    struct x11_image *image = &c->image;
    int fd = memfd_create("patchbay-capture", MFD_CLOEXEC);
    if (fd < 0) return false;
    void *pixels = MAP_FAILED;
    if (!ftruncate(fd, (off_t)image->bytes))
        pixels = mmap(NULL, image->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (pixels == MAP_FAILED) {
        close(fd);
        return false;
    }
    image->segment = xcb_generate_id(c->x);
    /* xcb closes the descriptor once it is sent. */
    if (attached(c, xcb_shm_attach_fd_checked(c->x, image->segment, fd, 0))) {
        image->pixels = pixels;
        image->mapped = true;
        return true;
    }
    munmap(pixels, image->bytes);
    image->segment = 0;
    return false;
}

static bool share_by_id(struct pb_capture *c) {
    struct x11_image *image = &c->image;
    int id = shmget(IPC_PRIVATE, image->bytes, IPC_CREAT | 0600);
    if (id < 0) return false;
    void *pixels = shmat(id, NULL, 0);
    if (pixels != (void *)-1) {
        image->segment = xcb_generate_id(c->x);
        if (attached(c, xcb_shm_attach_checked(c->x, image->segment, (uint32_t)id, 0)))
            image->pixels = pixels;
        else {
            image->segment = 0;
            shmdt(pixels);
        }
    }
    /* Marked for removal at once, so that a crash of either side frees it. */
    shmctl(id, IPC_RMID, NULL);
    return image->segment != 0;
}

enum pb_status x11_image_open(struct pb_capture *c) {
    struct x11_image *image = &c->image;
    image->stride = c->width * 4;
    image->bytes = (size_t)image->stride * c->height;
    if (c->shm && ((c->shm_fd && share_by_descriptor(c)) || share_by_id(c))) return PB_OK;
    if (xcb_connection_has_error(c->x)) return PB_LOST;
    c->shm = false;
    image->pixels = calloc(1, image->bytes);
    return image->pixels ? PB_OK : PB_ERROR;
}

void x11_image_close(struct pb_capture *c) {
    struct x11_image *image = &c->image;
    if (image->segment) {
        xcb_shm_detach(c->x, image->segment);
        xcb_flush(c->x);
        if (image->mapped)
            munmap(image->pixels, image->bytes);
        else
            shmdt(image->pixels);
    } else
        free(image->pixels);
    memset(image, 0, sizeof *image);
}

unsigned x11_image_request(struct pb_capture *c, struct pb_rows rows) {
    uint16_t height = (uint16_t)(rows.bottom - rows.top);
    if (!c->image.segment)
        return xcb_get_image(c->x, XCB_IMAGE_FORMAT_Z_PIXMAP, c->root, 0, (int16_t)rows.top, (uint16_t)c->width, height,
                             UINT32_MAX)
            .sequence;
    return xcb_shm_get_image(c->x, c->root, 0, (int16_t)rows.top, (uint16_t)c->width, height, UINT32_MAX,
                             XCB_IMAGE_FORMAT_Z_PIXMAP, c->image.segment, rows.top * c->image.stride)
        .sequence;
}

enum pb_status x11_image_reply(struct pb_capture *c, unsigned request, struct pb_rows rows) {
    size_t wanted = (size_t)(rows.bottom - rows.top) * c->image.stride, got;
    xcb_generic_error_t *refused = NULL;
    if (c->image.segment) {
        xcb_shm_get_image_reply_t *r = xcb_shm_get_image_reply(c->x, (xcb_shm_get_image_cookie_t){request}, &refused);
        got = r ? r->size : 0;
        free(r);
    } else {
        xcb_get_image_reply_t *r = xcb_get_image_reply(c->x, (xcb_get_image_cookie_t){request}, &refused);
        got = r ? (size_t)xcb_get_image_data_length(r) : 0;
        if (got >= wanted) memcpy(c->image.pixels + (size_t)rows.top * c->image.stride, xcb_get_image_data(r), wanted);
        free(r);
    }
    free(refused);
    if (xcb_connection_has_error(c->x)) return PB_LOST;
    return got >= wanted ? PB_OK : PB_ERROR;
}
