/* sources: c/camera/v4l2.c c/camera/v4l2_formats.c c/camera/v4l2_choose.c c/camera/v4l2_format.c c/camera/v4l2_stream.c c/camera/v4l2_controls.c c/camera/v4l2_set.c c/camera/v4l2_list.c c/camera/camera.c c/camera/converter.c c/camera/raw.c c/camera/mjpeg.c tests/doubles/v4l2_double.c libs: -lyuv -ljpeg */
/* A camera as it should be, played by the stand-in: which format is chosen, frames and their numbers, unplugging and coming
 * back, controls of each type. */
#include "../doubles/v4l2_double.h"
#include "check.h"

#include <errno.h>
#include <string.h>

static struct camera *open_camera(const char *target, uint32_t width, uint32_t height, uint32_t fps) {
    char error[256] = "";
    const struct camera_settings settings = {target, width, height, fps};
    struct camera *c = camera_open(&settings, error, sizeof error);
    if (!c) fprintf(stderr, "%s\n", error);
    CHECK(c);
    return c;
}

static void close_all(struct camera *c) {
    camera_close(c);
    CHECK(!double_open_fds && !double_maps);
}

static void chosen(const char *target, uint32_t width, uint32_t height, uint32_t fps, uint32_t fourcc, uint32_t got_width) {
    struct camera *c = open_camera(target, width, height, fps);
    CHECK(camera_format(c)->fourcc == fourcc && camera_format(c)->width == got_width);
    close_all(c);
}

static void choice(void) {
    double_reset();
    chosen("", 1280, 720, 10, V4L2_PIX_FMT_YUYV, 1280);            /* raw is fast enough */
    chosen("", 1280, 720, 30, V4L2_PIX_FMT_MJPEG, 1280);           /* raw is not */
    chosen("", 0, 0, 0, V4L2_PIX_FMT_MJPEG, 1280);                 /* 720p30 is what is wanted by itself */
    chosen("", 640, 480, 30, V4L2_PIX_FMT_YUYV, 640);
    chosen("", 700, 500, 60, V4L2_PIX_FMT_YUYV, 640);              /* the nearest size */
    chosen("/dev/video0,format=YUYV", 1280, 720, 30, V4L2_PIX_FMT_YUYV, 1280);
    chosen("test cam,format=MJPG", 640, 480, 30, V4L2_PIX_FMT_MJPEG, 1280);
    chosen("usb-0000:00:14.0-1", 640, 480, 30, V4L2_PIX_FMT_YUYV, 640);
    chosen("SN1", 640, 480, 30, V4L2_PIX_FMT_YUYV, 640);
    /* A format that is known goes before one that is not, whatever its size. */
    double_devices[0].modes[3] = (struct double_mode){CAMERA_FOURCC('Q', 'Q', 'Q', 'Q'), 1280, 720, 240};
    chosen("", 1280, 720, 240, V4L2_PIX_FMT_MJPEG, 1280);
}

static void refused(const char *target, const char *because) {
    char error[256] = "";
    const struct camera_settings settings = {.target = target};
    CHECK(!camera_open(&settings, error, sizeof error));
    if (!strstr(error, because)) fprintf(stderr, "%s\n", error);
    CHECK(strstr(error, because));
    CHECK(!double_open_fds && !double_maps);
}

static void refusals(void) {
    double_reset();
    refused("/dev/video7", "No such file or directory; `patchbay camera list`");
    refused("other camera", "no camera is called \"other camera\"");
    refused("/dev/video0,format=QQQQ", "does not offer QQQQ");
    refused("/dev/video0,colour=red", "option \"colour=red\" is not understood");
    refused("/dev/video0,input=-1", "is not understood");
    refused("/dev/video0,gone=maybe", "is not understood");
    double_open_errno = EACCES;
    refused("/dev/video0", "Permission denied; run `sudo usermod -aG video $USER`");
    double_open_errno = EBUSY;
    refused("/dev/video0", "process 12 (cheese) uses it");
    double_open_errno = 0;
    double_devices[0].caps = V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_STREAMING;
    refused("/dev/video0", "gives no pictures");
    refused("", "there is no camera");
    double_devices[0].caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    double_devices[0].modes[0].fourcc = 0;
    refused("/dev/video0", "offers no format");
    double_devices[0].present = false;
    refused("", "plug one in");
}

static void frames(void) {
    double_reset();
    double_devices[0].frames = 3;
    struct camera *c = open_camera("", 640, 480, 30);
    struct camera_frame f;
    uint64_t before = pb_monotonic_us();
    CHECK(camera_next(c, -1, 1000, &f) == PB_OK);
    /* All three had come: the newest is taken. */
    CHECK(f.sequence == 2 && f.size == 640 * 480 * 2 && f.capture_us >= before && f.capture_us <= pb_monotonic_us());
    CHECK(camera_counters(c)->skipped == 2 && camera_holds(c));
    CHECK(camera_next(c, -1, 0, &f) == PB_AGAIN && camera_holds(c));
    /* Frames that the driver lost. */
    double_devices[0].sequence = 10;
    double_devices[0].frames = 1;
    CHECK(camera_next(c, -1, 0, &f) == PB_OK && f.sequence == 10 && camera_counters(c)->missing == 7);
    camera_release(c);
    CHECK(!camera_holds(c));
    close_all(c);
}

static void unplugged(void) {
    double_reset();
    struct camera *c = open_camera("/dev/video0", 640, 480, 30);
    struct camera_frame f;
    CHECK(camera_next(c, -1, 0, &f) == PB_OK);
    double_unplug(0);
    CHECK(camera_next(c, -1, 100, &f) == PB_AGAIN && camera_descriptor(c) < 0 && !camera_holds(c));
    char what[256];
    camera_describe(c, what, sizeof what);
    CHECK(strstr(what, "is away") && !double_open_fds && !double_maps);
    /* Another camera is none of it, even at the same node. */
    double_devices[0] = double_devices[1] = (struct double_device){
        .present = true, .card = "Test Camera", .bus = "usb-0000:00:14.0-9", .serial = "SN2", .caps = double_devices[0].caps,
        .modes = {{V4L2_PIX_FMT_YUYV, 640, 480, 30}}, .frames = -1};
    CHECK(camera_next(c, -1, 700, &f) == PB_AGAIN && camera_descriptor(c) < 0);
    /* The same one at another port and node, by its serial number. */
    double_devices[2] = double_devices[1];
    double_devices[2].serial = "SN1";
    CHECK(camera_next(c, -1, 2000, &f) == PB_OK && camera_counters(c)->gone == 1 && camera_counters(c)->reopened == 1);
    camera_describe(c, what, sizeof what);
    CHECK(strstr(what, "/dev/video2"));
    /* Back with other pictures only. */
    double_unplug(2);
    CHECK(camera_next(c, -1, 0, &f) == PB_AGAIN);
    double_devices[2].modes[0] = (struct double_mode){V4L2_PIX_FMT_NV12, 320, 240, 30};
    double_devices[2].present = true;
    CHECK(camera_next(c, -1, 2000, &f) == PB_REINIT);
    CHECK(camera_format(c)->width == 320 && camera_format(c)->fourcc == V4L2_PIX_FMT_NV12);
    CHECK(camera_next(c, -1, 0, &f) == PB_OK && f.format.width == 320);
    /* Its source changes while it streams. */
    double_devices[2].modes[0] = (struct double_mode){V4L2_PIX_FMT_NV12, 640, 360, 30};
    double_devices[2].change = true;
    CHECK(camera_next(c, -1, 0, &f) == PB_REINIT && camera_format(c)->height == 360);
    close_all(c);
    /* And as the end, where that is wished. */
    double_reset();
    c = open_camera("/dev/video0,gone=end", 640, 480, 30);
    double_unplug(0);
    CHECK(camera_next(c, -1, -1, &f) == PB_LOST);
    close_all(c);
}

static int lie_full(struct double_device *d, unsigned long request, void *argument, int status) {
    (void)argument;
    if (request != VIDIOC_STREAMON || d->format.pixelformat == V4L2_PIX_FMT_MJPEG) return status;
    errno = ENOSPC;
    return -1;
}

/* Two cameras on one USB bus: raw pixels of the second do not fit any more. */
static void full_bus(void) {
    double_reset();
    double_lie = lie_full;
    chosen("", 640, 480, 30, V4L2_PIX_FMT_MJPEG, 1280);
    refused("/dev/video0,format=YUYV", "the USB bus is full: take a smaller size, format=MJPG");
    double_devices[0].modes[2].fourcc = 0;
    refused("", "the USB bus is full");
}

/* A device that is there, and silent. */
static void silent(void) {
    double_reset();
    double_devices[0].frames = 0;
    struct camera *c = open_camera("", 640, 480, 30);
    struct camera_frame f;
    while (!camera_counters(c)->stalls) CHECK(camera_next(c, -1, 1000, &f) == PB_AGAIN);
    double_devices[0].frames = 1;
    CHECK(camera_next(c, -1, 2000, &f) == PB_OK && camera_counters(c)->reopened == 1 && camera_counters(c)->stalls == 1);
    close_all(c);
}

static const char *const menu[] = {"Off", NULL, "50 Hz", "60 Hz"}, *const numbers[] = {"10", "20", NULL, "-5"};

static void add(uint32_t place, uint32_t type, const char *name, int64_t least, int64_t most, uint64_t step, uint32_t flags) {
    struct double_control *c = &double_devices[0].controls[place];
    *c = (struct double_control){.q = {.id = V4L2_CID_BASE + 2 * place,
                                       .type = type,
                                       .minimum = least,
                                       .maximum = most,
                                       .step = step,
                                       .flags = flags,
                                       .elems = 1}};
    snprintf(c->q.name, sizeof c->q.name, "%s", name);
    if (type == V4L2_CTRL_TYPE_MENU) c->items = menu;
    if (type == V4L2_CTRL_TYPE_INTEGER_MENU) c->items = numbers;
}

static char told[16384], why[256];

static bool set(const char *text) {
    struct v4l2_device d;
    struct v4l2_lines lines = {told, sizeof told, 0, false};
    told[0] = why[0] = 0;
    CHECK(v4l2_open(&d, "/dev/video0", false, why, sizeof why));
    bool could = v4l2_set_control(&d, text, true, &lines, why, sizeof why);
    CHECK(!lines.used);
    bool done = v4l2_set_control(&d, text, false, &lines, why, sizeof why);
    CHECK(could == done);
    v4l2_close(&d);
    return done;
}

static void controls(bool plain) {
    double_reset();
    double_devices[0].plain_controls = plain;
    add(0, V4L2_CTRL_TYPE_INTEGER, "White Balance, Blue", -10, 10, 5, 0);
    add(1, V4L2_CTRL_TYPE_BOOLEAN, "Auto", 0, 1, 1, 0);
    add(2, V4L2_CTRL_TYPE_MENU, "Power Line Frequency", 0, 3, 0, 0);
    add(3, V4L2_CTRL_TYPE_INTEGER_MENU, "Rates", 0, 3, 0, 0);
    add(4, V4L2_CTRL_TYPE_BUTTON, "Press", 0, 0, 0, V4L2_CTRL_FLAG_WRITE_ONLY);
    add(5, V4L2_CTRL_TYPE_BITMASK, "Bits", 0, 0x80000005, 0, 0);
    add(6, V4L2_CTRL_TYPE_INTEGER, "Fixed", 0, 9, 1, V4L2_CTRL_FLAG_READ_ONLY);
    add(7, V4L2_CTRL_TYPE_INTEGER, "Held", 0, 9, 1, V4L2_CTRL_FLAG_GRABBED);
    add(8, V4L2_CTRL_TYPE_INTEGER, "Twin", 0, 9, 1, 0);
    add(9, V4L2_CTRL_TYPE_INTEGER, "twin", 0, 9, 1, 0);
    if (!plain) add(10, V4L2_CTRL_TYPE_INTEGER64, "Long", INT64_MIN, INT64_MAX, 1, 0);
    if (!plain) add(11, V4L2_CTRL_TYPE_STRING, "Label", 2, 6, 2, 0);
    CHECK(set("white_balance_blue=-5") && !strcmp(told, "white_balance_blue=-5\n"));
    CHECK(!set("white_balance_blue=-6") && strstr(why, "takes -10 to 10 in steps of 5"));
    CHECK(!set("white_balance_blue=15") && !set("white_balance_blue=") && !set("white_balance_blue=5x"));
    CHECK(!set("white_balance_blue") && strstr(why, "needs a value"));
    CHECK(set("9963776=10")); /* by its number */
    CHECK(set("auto=on") && !strcmp(told, "auto=1\n") && !set("auto=2"));
    CHECK(set("power_line_frequency=2") && set("power_line_frequency=60 hz") && !strcmp(told, "power_line_frequency=3\n"));
    CHECK(!set("power_line_frequency=1") && strstr(why, "no item \"1\"")); /* a gap */
    CHECK(!set("power_line_frequency=4") && !set("power_line_frequency=-1") && !set("power_line_frequency=99999999999"));
    CHECK(set("rates=3") && !set("rates=2"));
    CHECK(set("press") && !strcmp(told, "press\n"));
    CHECK(set("bits=0x80000001") && !strcmp(told, "bits=2147483649\n") && !set("bits=2") && !set("bits=-1"));
    CHECK(!set("fixed=1") && strstr(why, "can only be read"));
    CHECK(!set("held=1") && strstr(why, "end the stream first"));
    CHECK(!set("twin=1") && strstr(why, "2 controls"));
    CHECK(!set("nothing=1") && strstr(why, "no control \"nothing\"") && !set("=1") && !set(""));
    if (!plain) {
        CHECK(set("long=-9223372036854775808") && !strcmp(told, "long=-9223372036854775808\n"));
        CHECK(!set("long=9223372036854775808"));
        CHECK(set("label=ab=d") && !strcmp(told, "label=ab=d\n") && !set("label=abc") && !set("label=") && !set("label=abcdefgh"));
    }
    struct v4l2_device d;
    struct v4l2_lines lines = {told, sizeof told, 0, false};
    CHECK(v4l2_open(&d, "/dev/video0", false, why, sizeof why));
    v4l2_tell_controls(&d, &lines);
    v4l2_close(&d);
    CHECK(strstr(told, "\tpower_line_frequency\tPower Line Frequency\tmenu\t0\t0\t3\t0\t0\t3\t\nitem\t0\tOff\nitem\t2\t50 Hz\nitem\t3\t60 Hz\ncontrol"));
    CHECK(strstr(told, "\tinteger-menu\t0\t0\t3\t0\t0\t3\t\nitem\t0\t10\nitem\t1\t20\nitem\t3\t-5\ncontrol"));
    CHECK(strstr(told, "\tbits\tBits\tbitmask\t0\t0\t2147483653\t0\t0\t2147483649\t\n") && !lines.cut);
    CHECK(!double_open_fds);
}

int main(void) {
    choice();
    refusals();
    frames();
    unplugged();
    full_bus();
    silent();
    controls(false);
    controls(true);
    return 0;
}
