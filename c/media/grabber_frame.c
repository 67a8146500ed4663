/* One frame of the grabber's thread: captures what changed, converts it or lets the encoder read it where it lies, encodes it and
 * hands it over. An encoder that fails is opened anew, then replaced. */
#include "grabber.h"

#include "../convert/convert.h"

/* A picture that stopped changing is encoded again this long after, because motion left it coarse. */
static const uint64_t refine_after_us[] = {100000, 400000};
enum { REFINEMENTS = sizeof refine_after_us / sizeof refine_after_us[0], MAX_ENCODER_FAULTS = 4 };

/* Another encoder goes on where one failed, from a keyframe, if there is one. */
static enum pb_status replace_encoder(struct pb_grabber *g, const char *why) {
    char error[PB_NOTICE_BYTES] = "";
    g->state.encoder_faults = 0;
    if (grabber_replace_encoder(g, why) && grabber_allocate(g, error, sizeof error)) return PB_OK;
    return grabber_give_up(g, error);
}

/* The frame is lost. What the encoder still holds of earlier ones is in doubt, so it is opened anew and begins with a keyframe. */
static enum pb_status encoder_failed(struct pb_grabber *g, enum pb_status status) {
    struct pb_grabber_state *s = &g->state;
    COUNT(g, encoder_faults, 1);
    s->fresh = s->pending = true;
    s->complete = false;
    bool passing = (status == PB_ERROR || status == PB_REINIT) && ++s->encoder_faults < MAX_ENCODER_FAULTS;
    if (!passing) return replace_encoder(g, NULL);
    if (status == PB_ERROR) grabber_sleep_until(g, pb_monotonic_us() + PB_FAULT_PAUSE_US);
    char error[PB_NOTICE_BYTES] = "";
    return grabber_reopen_encoder(g, error, sizeof error) ? PB_OK : grabber_give_up(g, error);
}

static void convert(struct pb_grabber *g, const struct pb_picture *source, struct pb_rows rows) {
    if (g->encoder_backend->input == PB_NV12)
        pb_convert_to_nv12(source, &g->state.picture, rows);
    else
        pb_convert_to_i420(source, &g->state.picture, rows);
}

/* What is captured lies in device memory, and nobody here can read it there. */
static enum pb_status unreadable(struct pb_grabber *g, const struct pb_dmabuf *where) {
    char why[512] = "it gave a picture without pixels";
    if (where)
        pb_error(why, sizeof why,
                 "its picture (format %.4s, modifier 0x%016llx) lies in device memory that cannot be mapped, and the encoder %s "
                 "cannot read it there; --encoder vaapi can if the GPU's driver can, --capture x11 needs neither",
                 (const char *)&where->fourcc, (unsigned long long)where->modifier, g->encoder_backend->name);
    return grabber_lose_capture(g, why);
}

/* Captures. Then `picture` is up to date, or the encoder is to import `source`. PB_AGAIN when nothing visible changed. */
static enum pb_status refresh(struct pb_grabber *g, struct pb_encoded *frame, bool change) {
    struct pb_grabber_state *s = &g->state;
    struct pb_rows rows;
    do {
        enum pb_status status = g->capture_backend->grab(g->capture, !s->complete, &s->source, &rows);
        if (status) return status;
        s->pending = false;
        s->faults = 0;
        frame->captured_us = pb_monotonic_us();
        if (rows.top >= rows.bottom) return PB_AGAIN;
        s->importing = s->source.dmabuf && g->encoder_backend->imports && !s->cannot_import;
        if (!s->importing && s->source.plane[0]) convert(g, &s->source, rows);
    } while (!s->importing && g->capture_backend->release && g->capture_backend->release(g->capture) == PB_AGAIN);
    COUNT(g, captured, 1);
    if (change && s->damage_us < s->encoded_us) COUNT(g, skipped_busy, 1);
    /* An imported picture is the source's: it must be asked for again to be encoded again. */
    s->complete = !s->importing;
    return PB_OK;
}

/* The source was read after refresh() returned. When it was replaced meanwhile, the frame may be torn, and another follows at once. */
static void release(struct pb_grabber *g) {
    if (!g->capture_backend->release || g->capture_backend->release(g->capture) != PB_AGAIN) return;
    g->state.pending = true;
    g->state.complete = false;
}

static enum pb_status encode_picture(struct pb_grabber *g, struct pb_encoded *frame, bool keyframe, struct pb_access_unit *unit) {
    struct pb_grabber_state *s = &g->state;
    if (!s->importing) return g->encoder_backend->encode(g->encoder, &s->picture, frame->capture_us, keyframe, unit);
    enum pb_status status = g->encoder_backend->encode(g->encoder, &s->source, frame->capture_us, keyframe, unit);
    if (status == PB_OK) COUNT(g, imported, 1);
    if (status != PB_UNSUPPORTED) {
        release(g);
        return status;
    }
    /* It cannot read such pictures, so from now on they are converted. */
    s->cannot_import = true;
    s->importing = false;
    if (!s->source.plane[0]) return PB_UNSUPPORTED;
    convert(g, &s->source, (struct pb_rows){0, s->source.height});
    s->complete = true;
    release(g);
    frame->converted_us = pb_monotonic_us();
    return g->encoder_backend->encode(g->encoder, &s->picture, frame->capture_us, keyframe, unit);
}

static enum pb_status encode(struct pb_grabber *g, struct pb_encoded *frame) {
    struct pb_grabber_state *s = &g->state;
    uint32_t asked = atomic_load_explicit(&g->wishes.keyframes, memory_order_relaxed);
    struct pb_access_unit unit = {0};
    enum pb_status status = encode_picture(g, frame, s->fresh || asked != s->keyframes_done, &unit);
    if (status == PB_UNSUPPORTED && !s->source.plane[0]) return unreadable(g, s->source.dmabuf);
    if (status) return encoder_failed(g, status);
    s->encoder_faults = 0;
    frame->encoded_us = s->encoded_us = pb_monotonic_us();
    if (!unit.size) {
        COUNT(g, skipped_encoder, 1);
        return PB_OK;
    }
    if (!unit.data || unit.size > PB_MAX_FRAME_BYTES) return replace_encoder(g, "it gave a frame without bytes, or with too many");
    if (s->fresh && !unit.keyframe) return replace_encoder(g, "it does not begin with a keyframe");
    s->fresh = false;
    if (unit.keyframe) {
        s->keyframes_done = asked;
        frame->flags = PB_ENCODED_FLAG_KEYFRAME;
        COUNT(g, keyframes, 1);
    }
    COUNT(g, encoded, 1);
    COUNT(g, encoded_bytes, unit.size);
    frame->size = unit.size;
    frame->sequence = s->sequence++;
    grabber_put(g, frame, unit.data);
    return PB_OK;
}

static void plan_refinement(struct pb_grabber_state *s, bool was_change) {
    s->refined = was_change ? 0 : s->refined + 1;
    s->refine_us = s->refined < REFINEMENTS ? s->damage_us + refine_after_us[s->refined] : 0;
}

enum pb_status grabber_produce(struct pb_grabber *g) {
    struct pb_grabber_state *s = &g->state;
    uint64_t now = pb_monotonic_us();
    bool change = s->pending, keyframe = s->fresh || s->keyframes_done != atomic_load(&g->wishes.keyframes);
    struct pb_encoded frame = {.kind = PB_ENCODED_FRAME, .capture_us = now, .captured_us = now};
    frame.damage_us = change ? s->damage_us : now;
    if (change || keyframe) pb_pacing_used(&s->pacing, s->encoding.fps, now);
    if (change || !s->complete) {
        enum pb_status status = refresh(g, &frame, change);
        if (status == PB_AGAIN && (!keyframe || !s->complete)) return PB_OK;
        if (status != PB_AGAIN && status != PB_OK) return status;
        if (status == PB_OK && !s->importing && !s->source.plane[0]) return unreadable(g, s->source.dmabuf);
    }
    frame.converted_us = pb_monotonic_us();
    if (change || !keyframe) {
        if (change) s->damage_us = now;
        plan_refinement(s, change);
    }
    return encode(g, &frame);
}
