/* A capture backend: one file, one vtable. Used by one thread only (the grabber's). */
#ifndef PB_CAPTURE_H
#define PB_CAPTURE_H
#include "../media/picture.h"
#include "../shim.h"

struct pb_capture; /* each backend's own; its first member is nothing in particular */

struct pb_capture_settings {
    const char *target;     /* X display, device or file; NULL or "" for the default */
    uint32_t width, height; /* pixels, only for sources that may choose (pattern); 0 for their default */
    uint32_t fps;           /* frames per second that are wanted at most */
    bool cursor;            /* draw the pointer into the picture */
    bool automatic;         /* chosen by "auto": what the user named may be meant for another backend */
    bool device_pictures;   /* pictures may come without `plane`, in device memory only */
};

struct pb_capture_backend {
    const char *name;
    bool named_only; /* "auto" passes it by */
    /* Can it work here? Writes why, or what it found, in one sentence. */
    bool (*probe)(const char *target, char *detail, size_t size);
    struct pb_capture *(*open)(const struct pb_capture_settings *settings, char *error, size_t error_size);
    void (*size)(const struct pb_capture *capture, uint32_t *width, uint32_t *height);
    /* Sleeps until the picture changed (PB_OK), `wake_fd` became readable or the time is over (PB_AGAIN).
     * `*damage_us` is when the change became known. An unchanged picture costs nothing while it sleeps. */
    enum pb_status (*wait)(struct pb_capture *capture, int wake_fd, int timeout_ms, uint64_t *damage_us);
    /* Brings the backend's own BGRA picture up to date. `rows` are those that changed since the last grab
     * (all of them with `everything`). The picture stays valid until the next call. */
    enum pb_status (*grab)(struct pb_capture *capture, bool everything, struct pb_picture *picture, struct pb_rows *rows);
    /* The picture of the last grab was read. PB_AGAIN: its owner replaced it meanwhile, so what was read may be torn and is
     * to be grabbed again at once; it says so for less than a second in a row. NULL: pictures stay as they are. */
    enum pb_status (*release)(struct pb_capture *capture);
    /* Readable when the source has something to say, its end included, which wait() then reads. NULL: it never has. */
    int (*descriptor)(const struct pb_capture *capture);
    /* Nobody wants pictures for a while, or somebody does again: a device may be switched off meanwhile. Only the next grab knows
     * whether it comes back. NULL: nothing to switch. */
    void (*rest)(struct pb_capture *capture, bool rests);
    /* Why the last call failed: device, call, what it said, remedy. May be NULL. */
    void (*failure)(const struct pb_capture *capture, char *out, size_t size);
    void (*close)(struct pb_capture *capture);
};

/* In order of preference, NULL-terminated. */
extern const struct pb_capture_backend *const pb_capture_backends[];
#endif
