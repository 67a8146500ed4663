/* sources: libs: -ljpeg */
/* Stands in for a camera that compresses: writes JPEG pictures of one colour, 20 a second, to a v4l2loopback device. It is told
 * what to write line by line on standard input, "colour R G B" or "cut" (half of each frame), and answers each line with "ok". */
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <jpeglib.h>

static unsigned width, height;
static unsigned char *jpeg;
static unsigned long size;

static void make(unsigned red, unsigned green, unsigned blue) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    free(jpeg);
    jpeg = NULL;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &jpeg, &size);
    c.image_width = width;
    c.image_height = height;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    jpeg_start_compress(&c, TRUE);
    unsigned char *row = malloc(3 * (size_t)width);
    for (unsigned x = 0; x < width; x++) row[3 * x] = (unsigned char)red, row[3 * x + 1] = (unsigned char)green, row[3 * x + 2] = (unsigned char)blue;
    while (c.next_scanline < height) jpeg_write_scanlines(&c, &row, 1);
    free(row);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
}

int main(int argc, char **argv) {
    if (argc < 4) return 64;
    width = (unsigned)atoi(argv[2]);
    height = (unsigned)atoi(argv[3]);
    int fd = open(argv[1], O_RDWR);
    struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
    f.fmt.pix = (struct v4l2_pix_format){
        .width = width, .height = height, .pixelformat = V4L2_PIX_FMT_MJPEG, .field = V4L2_FIELD_NONE, .sizeimage = width * height};
    if (fd < 0 || ioctl(fd, VIDIOC_S_FMT, &f)) {
        perror(argv[1]);
        return 1;
    }
    bool cut = false;
    char line[64];
    size_t got = 0;
    make(200, 30, 60);
    for (;;) {
        struct pollfd in = {0, POLLIN, 0};
        if (poll(&in, 1, 50) > 0) {
            ssize_t n = read(0, line + got, 1);
            if (n <= 0) return 0;
            if (line[got++] != '\n' && got < sizeof line) continue;
            line[got - 1] = 0;
            got = 0;
            unsigned r, g, b;
            cut = !strcmp(line, "cut");
            if (sscanf(line, "colour %u %u %u", &r, &g, &b) == 3) make(r, g, b);
            printf("ok\n");
            fflush(stdout);
            continue;
        }
        if (write(fd, jpeg, cut ? size / 2 : size) < 0) {
            perror("write");
            return 1;
        }
    }
}
