/* How the pixels of a framebuffer lie, seen only by the framebuffer capture's own files. */
#ifndef PB_CAPTURE_FBDEV_H
#define PB_CAPTURE_FBDEV_H
#include "../shim.h"

struct fbdev_channel {
    uint32_t shift, bits;
};

struct fbdev_format {
    uint32_t width, height; /* pixels */
    uint32_t bits;          /* of a pixel: 16, 24 or 32 */
    uint32_t stride;        /* bytes from row to row */
    uint64_t offset;        /* bytes before the first visible pixel */
    struct fbdev_channel red, green, blue;
    uint32_t is_file; /* an XWD file rather than a device */
    uint32_t reserved;
};

/* Asks the device or reads the file's head, and checks every number. False with a sentence in `error`. */
bool fbdev_read_format(int fd, const char *path, struct fbdev_format *format, char *error, size_t error_size);
/* The head of an XWD file in memory; `file_bytes` is the whole file's size. */
bool fbdev_parse_xwd(const uint8_t *head, size_t size, uint64_t file_bytes, struct fbdev_format *format, char *error,
                     size_t error_size);
bool fbdev_is_bgra(const struct fbdev_format *format);
void fbdev_to_bgra(const struct fbdev_format *format, const uint8_t *raw, uint8_t *bgra, uint32_t rows);
#endif
