/* Sets a camera's control after a check that says what is allowed, and tells what the driver made of it. Types that hold more
 * than one value cannot be set. */
#include "v4l2_control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool write_value(const struct v4l2_device *d, const struct v4l2_ctl *c, union v4l2_value *v) {
    struct v4l2_ext_control one = {.id = c->q.id};
    struct v4l2_ext_controls all = {.which = V4L2_CTRL_WHICH_CUR_VAL, .count = 1, .controls = &one};
    bool is_text = c->q.type == V4L2_CTRL_TYPE_STRING, is_long = c->q.type == V4L2_CTRL_TYPE_INTEGER64;
    if (is_text) {
        one.size = (uint32_t)c->q.maximum + 1;
        one.string = v->text;
    } else if (is_long)
        one.value64 = v->number;
    else
        one.value = (int32_t)v->number;
    if (v4l2_call(d, VIDIOC_S_EXT_CTRLS, &all) >= 0) return true;
    struct v4l2_control plain = {.id = c->q.id, .value = one.value};
    return errno == ENOTTY && !is_text && !is_long && v4l2_call(d, VIDIOC_S_CTRL, &plain) >= 0;
}

/* By key, name or number. */
static bool find(const struct v4l2_device *d, const char *wanted, struct v4l2_ctl *found, char *error, size_t error_size) {
    struct v4l2_ctl c = {0};
    char key[V4L2_KEY_BYTES], *end;
    unsigned long number = strtoul(wanted, &end, 0);
    bool by_number = *wanted && !*end;
    int count = 0;
    uint32_t id = 0;
    v4l2_make_key(wanted, key);
    for (int i = 0; i < V4L2_MOST_CONTROLS && v4l2_next_control(d, id, &c); i++) {
        id = c.q.id;
        if (c.q.type == V4L2_CTRL_TYPE_CTRL_CLASS) continue;
        if (by_number ? number != c.q.id : strcmp(key, c.key) || !*key) continue;
        if (!count++) *found = c;
    }
    if (count == 1) return true;
    if (count)
        pb_error(error, error_size, "camera %s has %d controls %s; name one by its number, as `patchbay camera info %s` shows it",
                 d->path, count, wanted, d->path);
    else
        pb_error(error, error_size, "camera %s has no control \"%s\"; `patchbay camera info %s` shows them", d->path, wanted, d->path);
    return false;
}

static bool settable(const struct v4l2_device *d, const struct v4l2_ctl *c, char *error, size_t error_size) {
    const char *why = NULL;
    if (v4l2_is_compound(c)) why = "holds several values, which cannot be set here";
    if (c->q.flags & V4L2_CTRL_FLAG_GRABBED) why = "is held while the camera streams: end the stream first";
    if (c->q.flags & V4L2_CTRL_FLAG_READ_ONLY) why = "can only be read";
    if (c->q.flags & V4L2_CTRL_FLAG_DISABLED) why = "is disabled by the driver";
    if (why) pb_error(error, error_size, "camera %s: %s %s", d->path, c->key, why);
    return !why;
}

static bool parse_menu(const struct v4l2_device *d, const struct v4l2_ctl *c, const char *text, int64_t *number, char *error,
                       size_t error_size) {
    char name[64], *end;
    uint64_t index = strtoull(text, &end, 0);
    if (!*text || *end || *text == '-') {
        for (uint32_t i = v4l2_first_item(c), last = v4l2_end_of_items(c); i < last; i++) {
            if (!v4l2_item(d, c, i, name, sizeof name) || strcasecmp(name, text)) continue;
            *number = i;
            return true;
        }
    } else if (index >= v4l2_first_item(c) && index < v4l2_end_of_items(c) && v4l2_item(d, c, (uint32_t)index, name, sizeof name)) {
        *number = (int64_t)index;
        return true;
    }
    pb_error(error, error_size, "camera %s: the menu %s has no item \"%s\"; `patchbay camera info %s` shows them", d->path, c->key,
             text, d->path);
    return false;
}

static bool parse_number(const struct v4l2_device *d, const struct v4l2_ctl *c, const char *text, int64_t *number, char *error,
                         size_t error_size) {
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 0);
    bool whole = *text && !*end && !errno;
    if (c->q.type == V4L2_CTRL_TYPE_BITMASK) {
        if (whole && !((uint64_t)*number & ~(uint64_t)c->q.maximum)) return true;
        pb_error(error, error_size, "camera %s: %s takes bits within 0x%" PRIx64 ", not \"%s\"", d->path, c->key,
                 (uint64_t)c->q.maximum, text);
        return false;
    }
    if (whole && *number >= c->q.minimum && *number <= c->q.maximum &&
        (c->q.step < 2 || ((uint64_t)*number - (uint64_t)c->q.minimum) % c->q.step == 0))
        return true;
    pb_error(error, error_size, "camera %s: %s takes %" PRId64 " to %" PRId64 " in steps of %" PRIu64 ", not \"%s\"", d->path, c->key,
             (int64_t)c->q.minimum, (int64_t)c->q.maximum, (uint64_t)(c->q.step ? c->q.step : 1), text);
    return false;
}

static bool parse_boolean(const struct v4l2_device *d, const struct v4l2_ctl *c, const char *text, int64_t *number, char *error,
                          size_t error_size) {
    static const char *const yes[] = {"1", "on", "true", "yes"}, *const no[] = {"0", "off", "false", "no"};
    for (size_t i = 0; i < 4; i++) {
        bool is_yes = !strcasecmp(text, yes[i]);
        if (!is_yes && strcasecmp(text, no[i])) continue;
        *number = is_yes;
        return true;
    }
    pb_error(error, error_size, "camera %s: %s takes 0 or 1, not \"%s\"", d->path, c->key, text);
    return false;
}

static bool parse_text(const struct v4l2_device *d, const struct v4l2_ctl *c, const char *text, char *out, char *error,
                       size_t error_size) {
    int64_t length = (int64_t)strlen(text);
    bool fits = length >= c->q.minimum && length <= c->q.maximum && c->q.maximum < V4L2_MOST_TEXT &&
                (c->q.step < 2 || (uint64_t)(length - c->q.minimum) % c->q.step == 0);
    if (fits) {
        memset(out, 0, V4L2_MOST_TEXT);
        memcpy(out, text, (size_t)length);
        return true;
    }
    pb_error(error, error_size, "camera %s: %s takes a text of %" PRId64 " to %" PRId64 " bytes in steps of %" PRIu64, d->path, c->key,
             (int64_t)c->q.minimum, (int64_t)c->q.maximum, (uint64_t)(c->q.step ? c->q.step : 1));
    return false;
}

static bool parse(const struct v4l2_device *d, const struct v4l2_ctl *c, const char *text, union v4l2_value *v, char *error,
                  size_t error_size) {
    if (c->q.type == V4L2_CTRL_TYPE_BUTTON) {
        v->number = 1;
        return true;
    }
    if (!text) {
        pb_error(error, error_size, "camera %s: %s needs a value: %s=VALUE", d->path, c->key, c->key);
        return false;
    }
    if (c->q.type == V4L2_CTRL_TYPE_STRING) return parse_text(d, c, text, v->text, error, error_size);
    if (c->q.type == V4L2_CTRL_TYPE_BOOLEAN) return parse_boolean(d, c, text, &v->number, error, error_size);
    if (v4l2_is_menu(c)) return parse_menu(d, c, text, &v->number, error, error_size);
    return parse_number(d, c, text, &v->number, error, error_size);
}

/* With what the driver made of it. */
static void tell_value(const struct v4l2_device *d, const struct v4l2_ctl *c, struct v4l2_lines *lines) {
    union v4l2_value v;
    bool has_value = c->q.type != V4L2_CTRL_TYPE_BUTTON && !(c->q.flags & V4L2_CTRL_FLAG_WRITE_ONLY) && v4l2_read_value(d, c, &v);
    if (!has_value)
        v4l2_line(lines, "%s", c->key);
    else if (c->q.type == V4L2_CTRL_TYPE_STRING)
        v4l2_line(lines, "%s=%s", c->key, v.text);
    else
        v4l2_line(lines, "%s=%" PRId64, c->key, v.number);
}

bool v4l2_set_control(const struct v4l2_device *d, const char *text, bool check, struct v4l2_lines *lines, char *error,
                      size_t error_size) {
    struct v4l2_ctl c;
    union v4l2_value v = {0};
    char name[128];
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    if (!length || length >= sizeof name) {
        pb_error(error, error_size, "\"%.40s\" does not name a control: write CONTROL=VALUE", text);
        return false;
    }
    memcpy(name, text, length);
    name[length] = 0;
    if (!find(d, name, &c, error, error_size) || !settable(d, &c, error, error_size)) return false;
    if (!parse(d, &c, equals ? equals + 1 : NULL, &v, error, error_size)) return false;
    if (check) return true;
    if (!write_value(d, &c, &v)) {
        char call[64];
        snprintf(call, sizeof call, "VIDIOC_S_EXT_CTRLS (%s)", c.key);
        v4l2_explain(error, error_size, d->path, call, errno);
        return false;
    }
    tell_value(d, &c, lines);
    return true;
}
