/* What the two files about controls share: v4l2_controls.c asks and tells, v4l2_set.c sets. */
#ifndef PB_CAMERA_V4L2_CONTROL_H
#define PB_CAMERA_V4L2_CONTROL_H
#include "v4l2.h"

enum { V4L2_MOST_TEXT = 1024, V4L2_KEY_BYTES = 40 };

struct v4l2_ctl {
    struct v4l2_query_ext_ctrl q;
    char name[33], key[V4L2_KEY_BYTES]; /* as shown, and as written on a command line */
};

union v4l2_value {
    int64_t number;
    char text[V4L2_MOST_TEXT];
};

/* Holds more than one value. */
bool v4l2_is_compound(const struct v4l2_ctl *control);
bool v4l2_is_menu(const struct v4l2_ctl *control);
/* "White Balance, Automatic" -> white_balance_automatic; `key` has V4L2_KEY_BYTES. */
void v4l2_make_key(const char *name, char *key);
/* The control after `id`. False at the end, and when the driver does not go forward. */
bool v4l2_next_control(const struct v4l2_device *device, uint32_t id, struct v4l2_ctl *control);
bool v4l2_read_value(const struct v4l2_device *device, const struct v4l2_ctl *control, union v4l2_value *value);
/* One item of a menu as text; false for a gap. */
bool v4l2_item(const struct v4l2_device *device, const struct v4l2_ctl *control, uint32_t index, char *out, size_t size);
/* Items are within these; a menu may claim billions. */
uint32_t v4l2_first_item(const struct v4l2_ctl *control);
uint32_t v4l2_end_of_items(const struct v4l2_ctl *control);
#endif
