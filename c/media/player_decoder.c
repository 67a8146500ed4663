/* The player's decoder: which one, for which codec, and what goes on when it fails. "auto" takes the first that opens and, when
 * that one is lost, the next; one that was named is never replaced. What failed is not tried again by the same player.
 * Pictures leave here as the display takes them. Runs on the player's thread. */
#include "player.h"

#include <libyuv/convert.h>
#include <stdlib.h>
#include <string.h>

/* A sound decoder fails at damaged frames only; one that fails at so many keyframes in a row may be the fault itself. */
enum { MAX_KEYFRAME_FAULTS = 5 };

static const char *const codec_names[] = {"H.264", "HEVC"};

static bool is_auto(const char *name) { return !*name || !strcmp(name, "auto"); }

static void one_line(char *text) {
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
}

static void describe(struct pb_player *p, const char *failure) {
    pthread_mutex_lock(&p->text_lock);
    pb_error(p->decoder_text, sizeof p->decoder_text, "%s", p->decoder_backend->name);
    if (failure) pb_error(p->failure_text, sizeof p->failure_text, "%s", failure);
    pthread_mutex_unlock(&p->text_lock);
}

/* The first decoder of that name, or of any, that opens and has not failed. */
static struct pb_decoder *open_first(const char *name, enum pb_codec codec, uint32_t *failed, unsigned *at, char *error, size_t size) {
    size_t used = 0;
    pb_error(error, size, "no decoder for %s is left", codec_names[codec]);
    for (unsigned i = 0; pb_decoder_backends[i]; i++) {
        const struct pb_decoder_backend *b = pb_decoder_backends[i];
        char reason[512] = "";
        if ((!is_auto(name) && strcmp(b->name, name)) || *failed & 1u << i) continue;
        struct pb_decoder *decoder = NULL;
        if (b->codecs & 1u << codec)
            decoder = b->open(codec, reason, sizeof reason);
        else
            pb_error(reason, sizeof reason, "it does not decode %s", codec_names[codec]);
        *at = i;
        if (decoder) return decoder;
        *failed |= 1u << i;
        one_line(reason);
        if (used < size) pb_error(error + used, size - used, "%s%s: %s", used ? "; " : "", b->name, reason);
        used = strlen(error);
    }
    return NULL;
}

bool player_open_decoder(struct pb_player *p, enum pb_codec codec, char *error, size_t size) {
    unsigned at = 0;
    struct pb_decoder *before = p->decoder;
    p->codec = codec;
    p->decoder = open_first(p->decoder_name, codec, &p->failed_decoders[codec], &at, error, size);
    /* In this order, because what a GPU needs to begin with is shared, and takes a fraction of a second to make anew. */
    if (before) p->decoder_backend->close(before);
    if (!p->decoder) return false;
    p->decoder_at = at;
    p->decoder_backend = pb_decoder_backends[at];
    describe(p, NULL);
    return true;
}

bool player_knows_decoder(const char *name) {
    for (unsigned i = 0; pb_decoder_backends[i]; i++)
        if (is_auto(name) || !strcmp(pb_decoder_backends[i]->name, name)) return true;
    return false;
}

/* For which codecs does a decoder of that name, or any, open? A bit 1 << codec for each. */
uint32_t pb_decoder_codecs(const char *name) {
    uint32_t codecs = 0;
    char error[64];
    for (enum pb_codec codec = PB_H264; codec <= PB_HEVC; codec++) {
        uint32_t failed = 0;
        unsigned at = 0;
        struct pb_decoder *decoder = open_first(name ? name : "", codec, &failed, &at, error, sizeof error);
        if (!decoder) continue;
        pb_decoder_backends[at]->close(decoder);
        codecs |= 1u << codec;
    }
    return codecs;
}

enum slice { NO_UNIT, NO_SLICE, LEANING_SLICE, KEYFRAME_SLICE };

/* What the first slice is; the sender's word for it is not enough. Pictures that need no other: H.264, type 5 of slices 1 to 5;
 * HEVC, types 16 to 21 of slices 0 to 31. What does not begin with a start code is no access unit. */
static enum slice first_slice(enum pb_codec codec, const uint8_t *data, uint32_t size) {
    if (size < 5 || data[0] || data[1] || !(data[2] == 1 || (!data[2] && data[3] == 1))) return NO_UNIT;
    for (uint32_t i = 2; i + 1 < size; i++) {
        if (data[i] != 1 || data[i - 1] || data[i - 2]) continue;
        unsigned type = codec == PB_HEVC ? data[i + 1] >> 1 & 63u : data[i + 1] & 31u;
        if (codec == PB_HEVC && type < 32) return type >= 16 && type <= 21 ? KEYFRAME_SLICE : LEANING_SLICE;
        if (codec == PB_H264 && type >= 1 && type <= 5) return type == 5 ? KEYFRAME_SLICE : LEANING_SLICE;
    }
    return NO_SLICE;
}

/* What a driver gives is believed only so far. */
static bool whole(const struct pb_picture *picture) {
    if (!picture->width || !picture->height || picture->width > PB_MAX_WIDTH || picture->height > PB_MAX_HEIGHT) return false;
    if (picture->format != PB_I420 && picture->format != PB_NV12) return false;
    uint32_t half = (picture->width + 1) / 2, chroma = picture->format == PB_NV12 ? 2 * half : half;
    if (!picture->plane[0] || picture->stride[0] < picture->width) return false;
    for (unsigned i = 1; i < (picture->format == PB_NV12 ? 2 : 3); i++)
        if (!picture->plane[i] || picture->stride[i] < chroma) return false;
    return true;
}

/* A display that takes planes only gets planes. */
static bool suit_display(struct pb_player *p) {
    struct pb_picture *from = &p->picture;
    if (from->format == PB_I420 || p->display_backend->takes_nv12) return true;
    uint32_t half = (from->width + 1) / 2, rows = (from->height + 1) / 2;
    size_t luma = (size_t)from->width * from->height, chroma = (size_t)half * rows;
    if (luma + 2 * chroma > p->planar_bytes) {
        uint8_t *bytes = realloc(p->planar, luma + 2 * chroma);
        if (!bytes) return false;
        p->planar = bytes;
        p->planar_bytes = luma + 2 * chroma;
    }
    struct pb_picture to = {.format = PB_I420, .width = from->width, .height = from->height,
                            .plane = {p->planar, p->planar + luma, p->planar + luma + chroma}, .stride = {from->width, half, half}};
    NV12ToI420(from->plane[0], (int)from->stride[0], from->plane[1], (int)from->stride[1], to.plane[0], (int)to.stride[0],
               to.plane[1], (int)half, to.plane[2], (int)half, (int)from->width, (int)from->height);
    *from = to;
    return true;
}

static void tell(struct pb_player *p, uint32_t kind) {
    struct pb_player_event event = {.kind = kind};
    if (pb_events_put_notice(&p->events, &event)) p->rang = true;
}

/* The decoder failed for good: another one goes on, or none does. `keep` says that the old one may stay when there is no other. */
static bool replace_decoder(struct pb_player *p, bool keep) {
    char reason[512] = "", why[1024], error[512];
    const struct pb_decoder_backend *old = p->decoder_backend;
    if (old->failure) old->failure(p->decoder, reason, sizeof reason);
    if (!*reason) pb_error(reason, sizeof reason, "%s", keep ? "it failed at one keyframe after the other" : "it stopped working");
    one_line(reason);
    uint32_t failed = p->failed_decoders[p->codec] | 1u << p->decoder_at;
    unsigned at = 0;
    struct pb_decoder *next = NULL;
    if (is_auto(p->decoder_name)) next = open_first(p->decoder_name, p->codec, &failed, &at, error, sizeof error);
    else pb_error(error, sizeof error, "it was named, so no other is tried");
    if (!next && keep) return false;
    old->close(p->decoder);
    p->decoder = next;
    p->failed_decoders[p->codec] = failed;
    if (next) {
        p->decoder_at = at;
        p->decoder_backend = pb_decoder_backends[at];
        pb_error(why, sizeof why, "%s: %s", old->name, reason);
        atomic_fetch_add_explicit(&p->count.decoder_changes, 1, memory_order_relaxed);
    } else {
        pb_error(why, sizeof why, "%s: %s; %s", old->name, reason, error);
    }
    describe(p, why);
    tell(p, next ? PB_PLAYER_DECODER : PB_PLAYER_NO_DECODER);
    return next != NULL;
}

static bool begin(struct pb_player *p, const struct pb_unit *unit) {
    char error[512];
    /* A new decoder, so that nothing of what was damaged lives on. */
    if (player_open_decoder(p, unit->codec, error, sizeof error)) return true;
    describe(p, error);
    tell(p, PB_PLAYER_NO_DECODER);
    return false;
}

enum pb_status player_decode(struct pb_player *p, const struct pb_unit *unit) {
    enum slice slice = first_slice(unit->codec, unit->data, unit->size);
    bool keyframe = slice == KEYFRAME_SLICE;
    if (unit->codec != p->codec || slice == NO_UNIT) p->need_keyframe = true;
    if (p->need_keyframe && (!keyframe || p->hopeless[unit->codec])) return PB_ERROR;
    if (p->need_keyframe && !begin(p, unit)) {
        p->hopeless[unit->codec] = true;
        return PB_ERROR;
    }
    for (;;) {
        enum pb_status status = p->decoder_backend->decode(p->decoder, unit->data, unit->size, &p->picture);
        if (status == PB_OK && (!whole(&p->picture) || !suit_display(p))) status = PB_ERROR;
        p->need_keyframe = status != PB_OK && (p->need_keyframe || status != PB_AGAIN);
        if (status == PB_OK || status == PB_AGAIN) {
            p->keyframe_faults = 0;
            return status;
        }
        bool lost = status != PB_ERROR;
        if (!lost && (!keyframe || ++p->keyframe_faults < MAX_KEYFRAME_FAULTS)) return PB_ERROR;
        p->keyframe_faults = 0;
        bool replaced = replace_decoder(p, !lost);
        if (lost && !replaced) p->hopeless[unit->codec] = true;
        if (!replaced || !keyframe) return PB_ERROR;
    }
}
