/* A camera's controls: listed with range, default, value and menu items, and set after a check that says what is allowed. Types
 * that hold more than one value are listed and cannot be set. Drivers without the extended calls (uvcvideo until Linux 6.15)
 * are asked by the plain ones. */
#include "v4l2.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TEXT = 1024, KEY_BYTES = 40 };

struct control {
    struct v4l2_query_ext_ctrl q;
    char name[33], key[KEY_BYTES]; /* as shown, and as written on a command line */
};

union value {
    int64_t number;
    char text[MOST_TEXT];
};

static const char *type_name(uint32_t type) {
    switch (type) {
    case V4L2_CTRL_TYPE_INTEGER: return "integer";
    case V4L2_CTRL_TYPE_BOOLEAN: return "boolean";
    case V4L2_CTRL_TYPE_MENU: return "menu";
    case V4L2_CTRL_TYPE_BUTTON: return "button";
    case V4L2_CTRL_TYPE_INTEGER64: return "integer64";
    case V4L2_CTRL_TYPE_CTRL_CLASS: return "class";
    case V4L2_CTRL_TYPE_STRING: return "string";
    case V4L2_CTRL_TYPE_BITMASK: return "bitmask";
    case V4L2_CTRL_TYPE_INTEGER_MENU: return "integer-menu";
    default: return "compound";
    }
}

static bool is_compound(const struct control *c) {
    return c->q.type >= V4L2_CTRL_COMPOUND_TYPES || c->q.elems > 1 || c->q.nr_of_dims || !strcmp(type_name(c->q.type), "compound");
}

static bool is_menu(const struct control *c) {
    return !is_compound(c) && (c->q.type == V4L2_CTRL_TYPE_MENU || c->q.type == V4L2_CTRL_TYPE_INTEGER_MENU);
}

/* "White Balance, Automatic" -> white_balance_automatic */
static void make_key(const char *name, char *key) {
    size_t at = 0;
    for (; *name && at + 1 < KEY_BYTES; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (!at || key[at - 1] == '_')) continue;
        key[at++] = plain ? c : '_';
    }
    while (at && key[at - 1] == '_') at--;
    key[at] = 0;
}

static bool query_plain(const struct v4l2_device *d, struct v4l2_query_ext_ctrl *q) {
    struct v4l2_queryctrl plain = {.id = q->id & ~V4L2_CTRL_FLAG_NEXT_COMPOUND};
    if (v4l2_call(d, VIDIOC_QUERYCTRL, &plain) < 0) return false;
    *q = (struct v4l2_query_ext_ctrl){.id = plain.id,
                                      .type = plain.type,
                                      .minimum = plain.minimum,
                                      .maximum = plain.maximum,
                                      .step = (uint64_t)(plain.step > 0 ? plain.step : 0),
                                      .default_value = plain.default_value,
                                      .flags = plain.flags,
                                      .elems = 1};
    if (plain.type == V4L2_CTRL_TYPE_BITMASK) q->maximum = (uint32_t)plain.maximum;
    memcpy(q->name, plain.name, sizeof q->name < sizeof plain.name ? sizeof q->name : sizeof plain.name);
    return true;
}

/* The control after `id`. False at the end, and when the driver does not go forward. */
static bool next_control(const struct v4l2_device *d, uint32_t id, struct control *c) {
    memset(c, 0, sizeof *c);
    c->q.id = id | V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
    if (v4l2_call(d, VIDIOC_QUERY_EXT_CTRL, &c->q) < 0) {
        if (errno != ENOTTY) return false;
        c->q.id = id | V4L2_CTRL_FLAG_NEXT_CTRL;
        if (!query_plain(d, &c->q)) return false;
    }
    if (c->q.id <= id || c->q.id & (V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND)) return false;
    v4l2_text(c->name, sizeof c->name, c->q.name, sizeof c->q.name);
    make_key(c->name, c->key);
    return true;
}

static bool read_value(const struct v4l2_device *d, const struct control *c, union value *v) {
    struct v4l2_ext_control one = {.id = c->q.id};
    struct v4l2_ext_controls all = {.which = V4L2_CTRL_WHICH_CUR_VAL, .count = 1, .controls = &one};
    char text[MOST_TEXT] = "";
    bool is_text = c->q.type == V4L2_CTRL_TYPE_STRING;
    if (is_text) {
        if (c->q.maximum < 0 || c->q.maximum >= MOST_TEXT) return false;
        one.size = (uint32_t)c->q.maximum + 1;
        one.string = text;
    }
    if (v4l2_call(d, VIDIOC_G_EXT_CTRLS, &all) < 0) {
        struct v4l2_control plain = {.id = c->q.id};
        if (errno != ENOTTY || is_text || v4l2_call(d, VIDIOC_G_CTRL, &plain) < 0) return false;
        one.value = plain.value;
    }
    if (is_text)
        v4l2_text(v->text, sizeof v->text, text, sizeof text);
    else
        v->number = c->q.type == V4L2_CTRL_TYPE_INTEGER64   ? one.value64
                    : c->q.type == V4L2_CTRL_TYPE_BITMASK ? (int64_t)(uint32_t)one.value
                                                          : (int64_t)one.value;
    return true;
}

static bool write_value(const struct v4l2_device *d, const struct control *c, union value *v) {
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

/* One item of a menu as text; false for a gap. */
static bool item(const struct v4l2_device *d, const struct control *c, uint32_t index, char *out, size_t size) {
    struct v4l2_querymenu m = {.id = c->q.id, .index = index};
    if (v4l2_call(d, VIDIOC_QUERYMENU, &m) < 0) return false;
    if (c->q.type == V4L2_CTRL_TYPE_INTEGER_MENU)
        snprintf(out, size, "%" PRId64, (int64_t)m.value);
    else
        v4l2_text(out, size, m.name, sizeof m.name);
    return true;
}

static uint32_t first_item(const struct control *c) { return c->q.minimum > 0 ? (uint32_t)c->q.minimum : 0; }

/* A menu may claim billions of items. */
static uint32_t end_of_items(const struct control *c) {
    uint64_t end = c->q.maximum < 0 ? 0 : (uint64_t)c->q.maximum + 1, most = (uint64_t)first_item(c) + V4L2_MOST_ITEMS;
    end = end < most ? end : most;
    return end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
}

/* control: id, key, name, type, flags, least, most, step, default, value, dimensions ("2,3"; empty for one value) */
static void tell_control(const struct v4l2_device *d, const struct control *c, struct v4l2_lines *lines) {
    union value v;
    char text[MOST_TEXT] = "", dims[64] = "";
    bool has_value = c->q.type != V4L2_CTRL_TYPE_BUTTON && c->q.type != V4L2_CTRL_TYPE_CTRL_CLASS && !is_compound(c) &&
                     !(c->q.flags & (V4L2_CTRL_FLAG_WRITE_ONLY | V4L2_CTRL_FLAG_DISABLED));
    if (has_value && read_value(d, c, &v)) {
        if (c->q.type == V4L2_CTRL_TYPE_STRING)
            memcpy(text, v.text, sizeof text);
        else
            snprintf(text, sizeof text, "%" PRId64, v.number);
    }
    for (uint32_t i = 0, at = 0; i < c->q.nr_of_dims && i < V4L2_CTRL_MAX_DIMS; i++)
        at += (uint32_t)snprintf(dims + at, sizeof dims - at, "%s%u", i ? "," : "", c->q.dims[i]);
    v4l2_line(lines, "control\t%u\t%s\t%s\t%s\t%u\t%" PRId64 "\t%" PRId64 "\t%" PRIu64 "\t%" PRId64 "\t%s\t%s", c->q.id, c->key,
              c->name, is_compound(c) ? "compound" : type_name(c->q.type), c->q.flags, (int64_t)c->q.minimum,
              (int64_t)c->q.maximum, (uint64_t)c->q.step, (int64_t)c->q.default_value, text, dims);
    if (!is_menu(c)) return;
    for (uint32_t i = first_item(c), end = end_of_items(c); i < end && !lines->cut; i++)
        if (item(d, c, i, text, sizeof text)) v4l2_line(lines, "item\t%u\t%s", i, text);
}

void v4l2_tell_controls(const struct v4l2_device *d, struct v4l2_lines *lines) {
    struct control c = {0};
    uint32_t id = 0;
    for (int i = 0; i < V4L2_MOST_CONTROLS && !lines->cut && next_control(d, id, &c); i++) {
        tell_control(d, &c, lines);
        id = c.q.id;
    }
}

/* By key, name or number. */
static bool find(const struct v4l2_device *d, const char *wanted, struct control *found, char *error, size_t error_size) {
    struct control c = {0};
    char key[KEY_BYTES], *end;
    unsigned long number = strtoul(wanted, &end, 0);
    bool by_number = *wanted && !*end;
    int count = 0;
    uint32_t id = 0;
    make_key(wanted, key);
    for (int i = 0; i < V4L2_MOST_CONTROLS && next_control(d, id, &c); i++) {
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

static bool settable(const struct v4l2_device *d, const struct control *c, char *error, size_t error_size) {
    const char *why = NULL;
    if (is_compound(c)) why = "holds several values, which cannot be set here";
    if (c->q.flags & V4L2_CTRL_FLAG_GRABBED) why = "is held while the camera streams: end the stream first";
    if (c->q.flags & V4L2_CTRL_FLAG_READ_ONLY) why = "can only be read";
    if (c->q.flags & V4L2_CTRL_FLAG_DISABLED) why = "is disabled by the driver";
    if (why) pb_error(error, error_size, "camera %s: %s %s", d->path, c->key, why);
    return !why;
}

static bool parse_menu(const struct v4l2_device *d, const struct control *c, const char *text, int64_t *number, char *error,
                       size_t error_size) {
    char name[64], *end;
    uint64_t index = strtoull(text, &end, 0);
    if (!*text || *end || *text == '-') {
        for (uint32_t i = first_item(c), last = end_of_items(c); i < last; i++) {
            if (!item(d, c, i, name, sizeof name) || strcasecmp(name, text)) continue;
            *number = i;
            return true;
        }
    } else if (index >= first_item(c) && index < end_of_items(c) && item(d, c, (uint32_t)index, name, sizeof name)) {
        *number = (int64_t)index;
        return true;
    }
    pb_error(error, error_size, "camera %s: the menu %s has no item \"%s\"; `patchbay camera info %s` shows them", d->path, c->key,
             text, d->path);
    return false;
}

static bool parse_number(const struct v4l2_device *d, const struct control *c, const char *text, int64_t *number, char *error,
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

static bool parse_boolean(const struct v4l2_device *d, const struct control *c, const char *text, int64_t *number, char *error,
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

static bool parse_text(const struct v4l2_device *d, const struct control *c, const char *text, char *out, char *error,
                       size_t error_size) {
    int64_t length = (int64_t)strlen(text);
    bool fits = length >= c->q.minimum && length <= c->q.maximum && c->q.maximum < MOST_TEXT &&
                (c->q.step < 2 || (uint64_t)(length - c->q.minimum) % c->q.step == 0);
    if (fits) {
        memset(out, 0, MOST_TEXT);
        memcpy(out, text, (size_t)length);
        return true;
    }
    pb_error(error, error_size, "camera %s: %s takes a text of %" PRId64 " to %" PRId64 " bytes in steps of %" PRIu64, d->path, c->key,
             (int64_t)c->q.minimum, (int64_t)c->q.maximum, (uint64_t)(c->q.step ? c->q.step : 1));
    return false;
}

static bool parse(const struct v4l2_device *d, const struct control *c, const char *text, union value *v, char *error,
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
    if (is_menu(c)) return parse_menu(d, c, text, &v->number, error, error_size);
    return parse_number(d, c, text, &v->number, error, error_size);
}

/* With what the driver made of it. */
static void tell_value(const struct v4l2_device *d, const struct control *c, struct v4l2_lines *lines) {
    union value v;
    bool has_value = c->q.type != V4L2_CTRL_TYPE_BUTTON && !(c->q.flags & V4L2_CTRL_FLAG_WRITE_ONLY) && read_value(d, c, &v);
    if (!has_value)
        v4l2_line(lines, "%s", c->key);
    else if (c->q.type == V4L2_CTRL_TYPE_STRING)
        v4l2_line(lines, "%s=%s", c->key, v.text);
    else
        v4l2_line(lines, "%s=%" PRId64, c->key, v.number);
}

bool v4l2_set_control(const struct v4l2_device *d, const char *text, bool check, struct v4l2_lines *lines, char *error,
                      size_t error_size) {
    struct control c;
    union value v = {0};
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
