/* What there is to see: the nodes of cameras, and the media controllers with what they connect. It opens each for as long as it
 * asks. Lines for ffi/camera.ts, fields parted by tabs. */
#include "v4l2.h"

#include <errno.h>
#include <linux/media.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PARTS = 4096, TRIES = 4 };

/* device: path, driver, name, bus, serial, caps, node's name, index */
static void tell_node(const struct v4l2_device *d, struct v4l2_lines *lines) {
    const struct v4l2_identity *i = &d->identity;
    v4l2_line(lines, "device\t%s\t%s\t%s\t%s\t%s\t%u\t%s\t%s", d->path, i->driver, i->card, i->bus, i->serial, i->caps, i->name,
              i->index);
}

/* input: index, name, type, status, selected, capabilities */
void v4l2_tell_device(const struct v4l2_device *d, struct v4l2_lines *lines) {
    int selected = -1;
    tell_node(d, lines);
    if (v4l2_call(d, VIDIOC_G_INPUT, &selected) < 0) selected = -1;
    for (uint32_t i = 0; i < V4L2_MOST_INPUTS; i++) {
        struct v4l2_input input = {.index = i};
        char name[33];
        if (v4l2_call(d, VIDIOC_ENUMINPUT, &input) < 0) break;
        v4l2_text(name, sizeof name, input.name, sizeof input.name);
        v4l2_line(lines, "input\t%u\t%s\t%u\t%u\t%d\t%u", i, name, input.type, input.status, (int)i == selected, input.capabilities);
    }
}

/* The node with these numbers, or "major:minor". */
static void node_path(uint32_t major, uint32_t minor, char *out, size_t size) {
    static const char *const prefixes[] = {"video", "v4l-subdev", "vbi", "radio", "swradio", "v4l-touch"};
    for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++) {
        uint16_t numbers[V4L2_MOST_NODES];
        unsigned count = v4l2_io_nodes(prefixes[p], numbers, V4L2_MOST_NODES);
        for (unsigned i = 0; i < count; i++) {
            uint32_t ma, mi;
            snprintf(out, size, "/dev/%s%u", prefixes[p], numbers[i]);
            if (v4l2_io_node_of(out, &ma, &mi) && ma == major && mi == minor) return;
        }
    }
    snprintf(out, size, "%u:%u", major, minor);
}

static void tell_topology(const struct media_v2_topology *t, struct v4l2_lines *lines) {
    const struct media_v2_entity *entities = (const void *)(uintptr_t)t->ptr_entities;
    const struct media_v2_interface *interfaces = (const void *)(uintptr_t)t->ptr_interfaces;
    const struct media_v2_pad *pads = (const void *)(uintptr_t)t->ptr_pads;
    const struct media_v2_link *links = (const void *)(uintptr_t)t->ptr_links;
    char name[65];
    for (uint32_t i = 0; i < t->num_entities; i++) {
        v4l2_text(name, sizeof name, entities[i].name, sizeof entities[i].name);
        v4l2_line(lines, "entity\t%u\t%s\t%u\t%u", entities[i].id, name, entities[i].function, entities[i].flags);
    }
    for (uint32_t i = 0; i < t->num_interfaces; i++) {
        node_path(interfaces[i].devnode.major, interfaces[i].devnode.minor, name, sizeof name);
        v4l2_line(lines, "interface\t%u\t%s\t%u", interfaces[i].id, name, interfaces[i].intf_type);
    }
    for (uint32_t i = 0; i < t->num_pads; i++)
        v4l2_line(lines, "pad\t%u\t%u\t%u\t%u", pads[i].id, pads[i].entity_id, pads[i].index, pads[i].flags);
    for (uint32_t i = 0; i < t->num_links; i++)
        v4l2_line(lines, "link\t%u\t%u\t%u\t%u", links[i].id, links[i].source_id, links[i].sink_id, links[i].flags);
}

/* Asks how many parts there are, then for them; both again when something was plugged in meanwhile. */
static void ask_topology(const struct v4l2_device *d, struct v4l2_lines *lines) {
    for (int i = 0; i < TRIES; i++) {
        struct media_v2_topology counts = {0};
        if (v4l2_call(d, MEDIA_IOC_G_TOPOLOGY, &counts) < 0) return;
        struct media_v2_topology t = {.num_entities = counts.num_entities,
                                      .num_interfaces = counts.num_interfaces,
                                      .num_pads = counts.num_pads,
                                      .num_links = counts.num_links};
        if (t.num_entities > MOST_PARTS || t.num_interfaces > MOST_PARTS || t.num_pads > MOST_PARTS || t.num_links > MOST_PARTS)
            return;
        void *memory[4] = {calloc(t.num_entities + 1, sizeof(struct media_v2_entity)),
                           calloc(t.num_interfaces + 1, sizeof(struct media_v2_interface)),
                           calloc(t.num_pads + 1, sizeof(struct media_v2_pad)),
                           calloc(t.num_links + 1, sizeof(struct media_v2_link))};
        t.ptr_entities = (uintptr_t)memory[0];
        t.ptr_interfaces = (uintptr_t)memory[1];
        t.ptr_pads = (uintptr_t)memory[2];
        t.ptr_links = (uintptr_t)memory[3];
        bool whole = memory[0] && memory[1] && memory[2] && memory[3] && v4l2_call(d, MEDIA_IOC_G_TOPOLOGY, &t) >= 0;
        /* More than there was room for cannot have been written. */
        whole = whole && t.num_entities <= counts.num_entities && t.num_interfaces <= counts.num_interfaces &&
                t.num_pads <= counts.num_pads && t.num_links <= counts.num_links;
        if (whole) tell_topology(&t, lines);
        for (int m = 0; m < 4; m++) free(memory[m]);
        if (whole) return;
    }
}

/* media: path, driver, model, bus, serial; its parts follow. */
static void tell_media(const char *path, struct v4l2_lines *lines) {
    struct v4l2_device d = V4L2_CLOSED;
    struct media_device_info info;
    memset(&info, 0, sizeof info);
    char error[256], driver[17], model[33], bus[33], serial[41];
    snprintf(d.path, sizeof d.path, "%s", path);
    d.fd = v4l2_io_open(path);
    if (d.fd < 0 || v4l2_call(&d, MEDIA_IOC_DEVICE_INFO, &info) < 0) {
        v4l2_explain(error, sizeof error, path, d.fd < 0 ? "open" : "MEDIA_IOC_DEVICE_INFO", errno);
        v4l2_line(lines, "closed\t%s\t%s", path, error);
    } else {
        v4l2_text(driver, sizeof driver, info.driver, sizeof info.driver);
        v4l2_text(model, sizeof model, info.model, sizeof info.model);
        v4l2_text(bus, sizeof bus, info.bus_info, sizeof info.bus_info);
        v4l2_text(serial, sizeof serial, info.serial, sizeof info.serial);
        v4l2_line(lines, "media\t%s\t%s\t%s\t%s\t%s", path, driver, model, bus, serial);
        ask_topology(&d, lines);
    }
    v4l2_close(&d);
}

void v4l2_tell_all(struct v4l2_lines *lines) {
    uint16_t numbers[V4L2_MOST_NODES];
    char path[V4L2_PATH_BYTES], error[256];
    unsigned count = v4l2_io_nodes("video", numbers, V4L2_MOST_NODES);
    for (unsigned i = 0; i < count; i++) {
        struct v4l2_device d;
        snprintf(path, sizeof path, "/dev/video%u", numbers[i]);
        if (v4l2_open(&d, path, false, error, sizeof error))
            tell_node(&d, lines);
        else
            v4l2_line(lines, "closed\t%s\t%s", path, error);
        v4l2_close(&d);
    }
    count = v4l2_io_nodes("media", numbers, V4L2_MOST_NODES);
    for (unsigned i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/dev/media%u", numbers[i]);
        tell_media(path, lines);
    }
}
