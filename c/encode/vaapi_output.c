/* The encoded bytes out of the driver's buffer, which is a chain of segments. Sizes, ends and the first slice's kind are
 * checked, and a keyframe whose parameter sets the driver left out gets ours. */
#include "vaapi.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SEGMENTS = 256 };

static bool reserve(struct pb_encoder *e, size_t size) {
    if (size <= e->capacity) return true;
    uint8_t *bytes = realloc(e->bytes, size + size / 2);
    if (!bytes) return false;
    e->bytes = bytes;
    e->capacity = size + size / 2;
    return true;
}

static bool lies(struct pb_encoder *e, const char *what) {
    pb_va_fail(e->va, "VA-API on %s (%s): vaMapBuffer (coded): the driver gave %s; update the driver, or choose openh264",
               e->va->device, e->va->vendor, what);
    return false;
}

/* Copies the segments behind `room` bytes left free. */
static bool gather(struct pb_encoder *e, const VACodedBufferSegment *segment, size_t room, size_t *end) {
    size_t at = room;
    for (int i = 0; segment; i++, segment = segment->next) {
        if (i == MOST_SEGMENTS) return lies(e, "a chain of segments without an end");
        if (segment->status & (VA_CODED_BUF_STATUS_BAD_BITSTREAM | VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK))
            return lies(e, "a picture that did not fit its buffer");
        uint32_t skipped = segment->bit_offset / 8;
        if (segment->bit_offset % 8 || skipped > segment->size || segment->size > e->coded_capacity ||
            (segment->size && !segment->buf) || at - room + segment->size > e->coded_capacity)
            return lies(e, "a segment larger than its buffer");
        size_t size = segment->size - skipped;
        if (!reserve(e, at + size)) {
            pb_va_fail(e->va, "no memory for a picture of %zu bytes", at + size);
            return false;
        }
        if (size) memcpy(e->bytes + at, (const uint8_t *)segment->buf + skipped, size);
        at += size;
    }
    *end = at;
    return true;
}

/* Which NAL units stand up to the first slice. */
static void look(struct pb_encoder *e, const uint8_t *data, size_t size, uint32_t *sets, unsigned *slice) {
    *sets = 0;
    *slice = 0;
    for (size_t i = 2; i + 2 < size && !*slice; i++) {
        if (data[i] != 1 || data[i - 1] || data[i - 2]) continue;
        unsigned kind = e->codec->kind(data + i + 1);
        if (kind == 1) ++*sets;
        if (kind >= 2) *slice = kind;
    }
}

bool pb_va_take_output(struct pb_encoder *e, bool idr, struct pb_access_unit *out) {
    struct pb_nal sets[3];
    size_t room = idr ? sizeof sets[0].data * 3 : 0, end = room;
    void *mapped = NULL;
    if (!reserve(e, room + 1) || !pb_va_ok(e->va, e->va->MapBuffer(e->va->display, e->coded, &mapped), "vaMapBuffer (coded)"))
        return false;
    bool gathered = mapped ? gather(e, mapped, room, &end) : lies(e, "no memory");
    bool unmapped = pb_va_ok(e->va, e->va->UnmapBuffer(e->va->display, e->coded), "vaUnmapBuffer (coded)");
    if (!gathered || !unmapped) return false;
    uint32_t found;
    unsigned slice;
    look(e, e->bytes + room, end - room, &found, &slice);
    if (end == room && !idr) return true; /* a picture that the rate control left out */
    if (!slice) return lies(e, "no slice");
    if (idr && slice != 3) return lies(e, "no keyframe where one was asked for");
    if (found && found < e->codec->sets) return lies(e, "only some of the parameter sets");
    if (idr && !found) {
        uint32_t count = e->codec->parameter_sets(e, sets);
        for (uint32_t i = count; i--;) {
            room -= pb_nal_bytes(&sets[i]);
            memcpy(e->bytes + room, sets[i].data, pb_nal_bytes(&sets[i]));
        }
    }
    if (end - room > PB_MAX_FRAME_BYTES) return lies(e, "more than a frame may have");
    *out = (struct pb_access_unit){.data = e->bytes + room, .size = (uint32_t)(end - room), .keyframe = slice == 3};
    return true;
}
