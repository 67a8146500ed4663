/* A camera's controls, listed with range, default, value and menu items. Drivers that do not know the extended calls are asked
 * by the plain ones. */
#include "v4l2_control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

bool v4l2_is_compound(const struct v4l2_ctl *c) {
    return c->q.type >= V4L2_CTRL_COMPOUND_TYPES || c->q.elems > 1 || c->q.nr_of_dims || !strcmp(type_name(c->q.type), "compound");
}

bool v4l2_is_menu(const struct v4l2_ctl *c) {
    return !v4l2_is_compound(c) && (c->q.type == V4L2_CTRL_TYPE_MENU || c->q.type == V4L2_CTRL_TYPE_INTEGER_MENU);
}

void v4l2_make_key(const char *name, char *key) {
    size_t at = 0;
    for (; *name && at + 1 < V4L2_KEY_BYTES; name++) {
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

bool v4l2_next_control(const struct v4l2_device *d, uint32_t id, struct v4l2_ctl *c) {
    memset(c, 0, sizeof *c);
    c->q.id = id | V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
    if (v4l2_call(d, VIDIOC_QUERY_EXT_CTRL, &c->q) < 0) {
        if (errno != ENOTTY) return false;
        c->q.id = id | V4L2_CTRL_FLAG_NEXT_CTRL;
        if (!query_plain(d, &c->q)) return false;
    }
    if (c->q.id <= id || c->q.id & (V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND)) return false;
    v4l2_text(c->name, sizeof c->name, c->q.name, sizeof c->q.name);
    v4l2_make_key(c->name, c->key);
    return true;
}

bool v4l2_read_value(const struct v4l2_device *d, const struct v4l2_ctl *c, union v4l2_value *v) {
    struct v4l2_ext_control one = {.id = c->q.id};
    struct v4l2_ext_controls all = {.which = V4L2_CTRL_WHICH_CUR_VAL, .count = 1, .controls = &one};
    char text[V4L2_MOST_TEXT] = "";
    bool is_text = c->q.type == V4L2_CTRL_TYPE_STRING;
    if (is_text) {
        if (c->q.maximum < 0 || c->q.maximum >= V4L2_MOST_TEXT) return false;
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

bool v4l2_item(const struct v4l2_device *d, const struct v4l2_ctl *c, uint32_t index, char *out, size_t size) {
    struct v4l2_querymenu m = {.id = c->q.id, .index = index};
    if (v4l2_call(d, VIDIOC_QUERYMENU, &m) < 0) return false;
    if (c->q.type == V4L2_CTRL_TYPE_INTEGER_MENU)
        snprintf(out, size, "%" PRId64, (int64_t)m.value);
    else
        v4l2_text(out, size, m.name, sizeof m.name);
    return true;
}

uint32_t v4l2_first_item(const struct v4l2_ctl *c) { return c->q.minimum > 0 ? (uint32_t)c->q.minimum : 0; }

uint32_t v4l2_end_of_items(const struct v4l2_ctl *c) {
    uint64_t end = c->q.maximum < 0 ? 0 : (uint64_t)c->q.maximum + 1, most = (uint64_t)v4l2_first_item(c) + V4L2_MOST_ITEMS;
    end = end < most ? end : most;
    return end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
}

/* control: id, key, name, type, flags, least, most, step, default, value, dimensions ("2,3"; empty for one value) */
static void tell_control(const struct v4l2_device *d, const struct v4l2_ctl *c, struct v4l2_lines *lines) {
    union v4l2_value v;
    char text[V4L2_MOST_TEXT] = "", dims[64] = "";
    bool has_value = c->q.type != V4L2_CTRL_TYPE_BUTTON && c->q.type != V4L2_CTRL_TYPE_CTRL_CLASS && !v4l2_is_compound(c) &&
                     !(c->q.flags & (V4L2_CTRL_FLAG_WRITE_ONLY | V4L2_CTRL_FLAG_DISABLED));
    if (has_value && v4l2_read_value(d, c, &v)) {
        if (c->q.type == V4L2_CTRL_TYPE_STRING)
            memcpy(text, v.text, sizeof text);
        else
            snprintf(text, sizeof text, "%" PRId64, v.number);
    }
    for (uint32_t i = 0, at = 0; i < c->q.nr_of_dims && i < V4L2_CTRL_MAX_DIMS; i++)
        at += (uint32_t)snprintf(dims + at, sizeof dims - at, "%s%u", i ? "," : "", c->q.dims[i]);
    v4l2_line(lines, "control\t%u\t%s\t%s\t%s\t%u\t%" PRId64 "\t%" PRId64 "\t%" PRIu64 "\t%" PRId64 "\t%s\t%s", c->q.id, c->key,
              c->name, v4l2_is_compound(c) ? "compound" : type_name(c->q.type), c->q.flags, (int64_t)c->q.minimum,
              (int64_t)c->q.maximum, (uint64_t)c->q.step, (int64_t)c->q.default_value, text, dims);
    if (!v4l2_is_menu(c)) return;
    for (uint32_t i = v4l2_first_item(c), end = v4l2_end_of_items(c); i < end && !lines->cut; i++)
        if (v4l2_item(d, c, i, text, sizeof text)) v4l2_line(lines, "item\t%u\t%s", i, text);
}

void v4l2_tell_controls(const struct v4l2_device *d, struct v4l2_lines *lines) {
    struct v4l2_ctl c = {0};
    uint32_t id = 0;
    for (int i = 0; i < V4L2_MOST_CONTROLS && !lines->cut && v4l2_next_control(d, id, &c); i++) {
        tell_control(d, &c, lines);
        id = c.q.id;
    }
}

