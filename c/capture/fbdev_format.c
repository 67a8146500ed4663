/* Pixel formats of framebuffers: what FBIOGET_*SCREENINFO says of a device, and the big-endian head of the XWD file that
 * `Xvfb -fbdir` writes (X11/XWDFile.h: 25 words, a name, then `ncolors` entries of 12 bytes, then the pixels). A file is
 * hostile until checked: every number is held against the file's size. */
#include "fbdev.h"

#include <errno.h>
#include <linux/fb.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { XWD_WORDS = 25, XWD_HEAD = XWD_WORDS * 4, XWD_VERSION = 7, XWD_Z_PIXMAP = 2, XWD_COLOUR = 12, MAX_XWD_HEAD = 65536,
       MAX_XWD_COLOURS = 65536 };

static uint32_t word(const uint8_t *head, int n) {
    const uint8_t *p = head + 4 * n;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A mask of one unbroken run of bits. */
static bool channel(uint32_t mask, struct fbdev_channel *c) {
    if (!mask) return false;
    c->shift = (uint32_t)__builtin_ctz(mask);
    c->bits = (uint32_t)__builtin_popcount(mask);
    return c->bits <= 8 && mask >> c->shift == (1u << c->bits) - 1;
}

static bool sizes_fit(const struct fbdev_format *f) {
    return f->width && f->height && f->width <= PB_MAX_WIDTH && f->height <= PB_MAX_HEIGHT &&
           (f->bits == 16 || f->bits == 24 || f->bits == 32) && f->stride >= f->width * (f->bits / 8) &&
           f->stride <= PB_MAX_WIDTH * 8 && f->red.shift + f->red.bits <= f->bits && f->green.shift + f->green.bits <= f->bits &&
           f->blue.shift + f->blue.bits <= f->bits;
}

bool fbdev_parse_xwd(const uint8_t *head, size_t size, uint64_t file_bytes, struct fbdev_format *f, char *error,
                     size_t error_size) {
    memset(f, 0, sizeof *f);
    uint32_t head_bytes = size >= XWD_HEAD ? word(head, 0) : 0, colours = size >= XWD_HEAD ? word(head, 19) : 0;
    if (head_bytes < XWD_HEAD || head_bytes > MAX_XWD_HEAD || word(head, 1) != XWD_VERSION || colours > MAX_XWD_COLOURS) {
        pb_error(error, error_size, "it is neither a framebuffer device nor the file of Xvfb -fbdir");
        return false;
    }
    f->is_file = 1;
    f->width = word(head, 4);
    f->height = word(head, 5);
    f->bits = word(head, 11);
    f->stride = word(head, 12);
    f->offset = (uint64_t)head_bytes + (uint64_t)colours * XWD_COLOUR;
    bool masks = channel(word(head, 14), &f->red) && channel(word(head, 15), &f->green) && channel(word(head, 16), &f->blue);
    if (word(head, 2) != XWD_Z_PIXMAP || word(head, 7) != 0 || !masks || !sizes_fit(f)) {
        pb_error(error, error_size, "Xvfb's file holds %ux%u pixels of %u bits in a form that cannot be read", f->width, f->height,
                 f->bits);
        return false;
    }
    if (f->offset + (uint64_t)f->stride * f->height > file_bytes) {
        pb_error(error, error_size, "Xvfb's file is shorter than its head says");
        return false;
    }
    return true;
}

static bool from_device(int fd, struct fbdev_format *f, char *error, size_t error_size) {
    struct fb_var_screeninfo v;
    struct fb_fix_screeninfo fixed;
    memset(&v, 0, sizeof v);
    memset(&fixed, 0, sizeof fixed);
    if (ioctl(fd, FBIOGET_VSCREENINFO, &v) || ioctl(fd, FBIOGET_FSCREENINFO, &fixed)) {
        pb_error(error, error_size, "the device is no framebuffer: %s", strerror(errno));
        return false;
    }
    f->width = v.xres;
    f->height = v.yres;
    f->bits = v.bits_per_pixel;
    f->stride = fixed.line_length;
    f->red = (struct fbdev_channel){v.red.offset, v.red.length};
    f->green = (struct fbdev_channel){v.green.offset, v.green.length};
    f->blue = (struct fbdev_channel){v.blue.offset, v.blue.length};
    bool channels = v.red.length - 1 < 8 && v.green.length - 1 < 8 && v.blue.length - 1 < 8;
    if (fixed.type != FB_TYPE_PACKED_PIXELS || !channels || !sizes_fit(f) || v.yoffset > PB_MAX_HEIGHT * 4 || v.xoffset > PB_MAX_WIDTH) {
        pb_error(error, error_size, "the framebuffer has %ux%u pixels of %u bits in a form that cannot be read", v.xres, v.yres,
                 v.bits_per_pixel);
        return false;
    }
    f->offset = (uint64_t)v.yoffset * f->stride + (uint64_t)v.xoffset * (f->bits / 8);
    return true;
}

bool fbdev_read_format(int fd, const char *path, struct fbdev_format *f, char *error, size_t error_size) {
    char reason[200] = "";
    struct stat info;
    bool good = false;
    memset(f, 0, sizeof *f);
    if (fstat(fd, &info)) {
        pb_error(reason, sizeof reason, "%s", strerror(errno));
    } else if (S_ISCHR(info.st_mode)) {
        good = from_device(fd, f, reason, sizeof reason);
    } else if (S_ISREG(info.st_mode)) {
        uint8_t head[XWD_HEAD];
        ssize_t got = pread(fd, head, sizeof head, 0);
        good = fbdev_parse_xwd(head, got < 0 ? 0 : (size_t)got, (uint64_t)info.st_size, f, reason, sizeof reason);
    } else
        pb_error(reason, sizeof reason, "it is neither a device nor a file");
    if (!good) pb_error(error, error_size, "%s cannot be captured: %s", path, reason);
    return good;
}

bool fbdev_is_bgra(const struct fbdev_format *f) {
    return f->bits == 32 && f->red.shift == 16 && f->green.shift == 8 && f->blue.shift == 0 && f->red.bits == 8 &&
           f->green.bits == 8 && f->blue.bits == 8;
}

/* Spreads a value of `bits` bits over 0..255. */
static uint8_t widen(uint32_t pixel, struct fbdev_channel c) {
    uint32_t top = (1u << c.bits) - 1;
    return (uint8_t)(((pixel >> c.shift & top) * 255 + top / 2) / top);
}

void fbdev_to_bgra(const struct fbdev_format *f, const uint8_t *raw, uint8_t *bgra, uint32_t rows) {
    uint32_t bytes = f->bits / 8;
    for (uint32_t y = 0; y < rows; y++)
        for (uint32_t x = 0; x < f->width; x++) {
            const uint8_t *p = raw + (size_t)y * f->stride + (size_t)x * bytes;
            uint32_t pixel = p[0] | (uint32_t)p[1] << 8;
            if (bytes > 2) pixel |= (uint32_t)p[2] << 16;
            if (bytes > 3) pixel |= (uint32_t)p[3] << 24;
            uint8_t *out = bgra + ((size_t)y * f->width + x) * 4;
            out[0] = widen(pixel, f->blue);
            out[1] = widen(pixel, f->green);
            out[2] = widen(pixel, f->red);
            out[3] = 255;
        }
}
