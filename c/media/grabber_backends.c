/* Which capture and encoder backend a grabber uses, and what it goes on with when one fails. "auto" takes the first that
 * opens and, when that one fails later, the next; one that was named is never replaced. What failed is not tried again by
 * the same grabber, so this comes to an end. TypeScript hears of each change in a notice. Runs on the grabber's thread, and
 * before it starts. */
#include "grabber.h"

#include <string.h>

static const char *const codec_names[] = {"H.264", "HEVC"};

static bool is_auto(const char *name) { return !strcmp(name, "auto"); }

/* What a driver says goes into lines of fields. */
static void one_line(char *text) {
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
}

/* Adds "name: reason" to a list of reasons. */
static void add_reason(char *error, size_t size, const char *name, const char *reason) {
    size_t at = strlen(error);
    pb_error(error + at, size - at, "%s%s: %s", at ? "; " : "", name, *reason ? reason : "it says no reason");
}

static void use(struct pb_grabber *g, const struct pb_capture_backend *capture, const struct pb_encoder_backend *encoder) {
    pthread_mutex_lock(&g->lock);
    if (capture) g->capture_backend = capture;
    if (encoder) g->encoder_backend = encoder;
    pthread_mutex_unlock(&g->lock);
}

/* What failed since TypeScript was told: the first by its name in `from`, those after it by theirs in the text. */
static void note_failure(struct pb_change *change, const char *name, const char *reason) {
    if (change->from) {
        add_reason(change->why, sizeof change->why, name, reason);
        return;
    }
    change->from = name;
    pb_error(change->why, sizeof change->why, "%s", *reason ? reason : "it says no reason");
}

/* The test picture is no answer to whoever names a target, nor when a real screen is gone. */
static bool may_capture(const struct pb_grabber *g, unsigned i) {
    const struct pb_capture_backend *backend = pb_capture_backends[i];
    if (g->failed_captures & 1u << i) return false;
    if (!is_auto(g->capture_name)) return !strcmp(g->capture_name, backend->name);
    if (backend->named_only) return false;
    return strcmp(backend->name, "pattern") || (!*g->target && !g->failed_captures);
}

bool grabber_open_capture(struct pb_grabber *g, char *error, size_t size) {
    error[0] = 0;
    for (unsigned i = 0; pb_capture_backends[i]; i++) {
        if (!may_capture(g, i)) continue;
        char reason[512] = "";
        g->capture = pb_capture_backends[i]->open(&g->capture_settings, reason, sizeof reason);
        use(g, pb_capture_backends[i], NULL);
        g->capture_at = i;
        g->state.at_rest = false;
        if (g->capture) return true;
        one_line(reason);
        add_reason(error, size, pb_capture_backends[i]->name, reason);
    }
    if (!*error && is_auto(g->capture_name)) pb_error(error, size, "there is no other source of pictures");
    if (!*error) pb_error(error, size, "no capture backend is called \"%s\"", g->capture_name);
    return false;
}

bool grabber_knows_encoder(const struct pb_grabber *g, char *error, size_t size) {
    if (is_auto(g->encoder_name)) return true;
    for (unsigned i = 0; pb_encoder_backends[i]; i++)
        if (!strcmp(g->encoder_name, pb_encoder_backends[i]->name)) return true;
    pb_error(error, size, "no encoder backend is called \"%s\"", g->encoder_name);
    return false;
}

/* Opens the encoder at encoder_at; false with its reason. */
static bool try_encoder(struct pb_grabber *g, char *reason, size_t size) {
    const struct pb_encoder_backend *backend = pb_encoder_backends[g->encoder_at];
    if (!(backend->codecs & 1u << g->codec)) {
        pb_error(reason, size, "it does not encode %s", codec_names[g->codec]);
        return false;
    }
    if (is_auto(g->encoder_name) && !backend->probe(reason, size)) return false;
    reason[0] = 0;
    g->encoder = backend->open(&g->state.encoding, reason, size);
    one_line(reason);
    if (!g->encoder) note_failure(&g->encoder_change, backend->name, reason);
    return g->encoder != NULL;
}

bool grabber_open_encoder(struct pb_grabber *g, char *error, size_t size) {
    error[0] = 0;
    for (; pb_encoder_backends[g->encoder_at]; g->encoder_at++) {
        const char *name = pb_encoder_backends[g->encoder_at]->name;
        if (!is_auto(g->encoder_name) && strcmp(g->encoder_name, name)) continue;
        char reason[512] = "";
        if (try_encoder(g, reason, sizeof reason)) {
            use(g, NULL, pb_encoder_backends[g->encoder_at]);
            g->state.fresh = true;
            g->state.cannot_import = false;
            return true;
        }
        one_line(reason);
        add_reason(error, size, name, reason);
    }
    if (!*error) pb_error(error, size, "there is none left that encodes %s", codec_names[g->codec]);
    return false;
}

bool grabber_replace_encoder(struct pb_grabber *g, const char *why) {
    char reason[512] = "", error[PB_NOTICE_BYTES];
    const char *name = g->encoder_backend->name;
    if (!why && g->encoder_backend->failure) g->encoder_backend->failure(g->encoder, reason, sizeof reason);
    if (!*reason) pb_error(reason, sizeof reason, "%s", why ? why : "it stopped working");
    one_line(reason);
    g->encoder_backend->close(g->encoder);
    g->encoder = NULL;
    note_failure(&g->encoder_change, name, reason);
    if (!is_auto(g->encoder_name)) {
        pb_error(g->end, sizeof g->end, "The encoder %s failed: %s. It was named, so no other is tried.", name, reason);
        return false;
    }
    g->encoder_at++;
    if (grabber_open_encoder(g, error, sizeof error)) return true;
    pb_error(g->end, sizeof g->end, "The encoder %s failed: %s. No other can go on: %s.", name, reason, error);
    return false;
}

bool grabber_replace_capture(struct pb_grabber *g, const char *why) {
    char reason[512] = "", error[PB_NOTICE_BYTES] = "";
    const char *name = g->capture_backend->name;
    if (!why && g->capture_backend->failure) g->capture_backend->failure(g->capture, reason, sizeof reason);
    if (!*reason) pb_error(reason, sizeof reason, "%s", why ? why : "the display or device was closed");
    one_line(reason);
    g->capture_backend->close(g->capture);
    g->capture = NULL;
    g->failed_captures |= 1u << g->capture_at;
    note_failure(&g->capture_change, name, reason);
    bool named = !is_auto(g->capture_name);
    if (!named && grabber_open_capture(g, error, sizeof error)) return true;
    pb_error(g->end, sizeof g->end, "What is captured went away: %s: %s.%s%s%s", name, reason, named ? "" : " Nothing else can go on: ",
             error, named ? "" : ".");
    return false;
}

/* "from<TAB>to<TAB>reason" */
static void tell(struct pb_grabber *g, struct pb_change *change, uint32_t kind, const char *to, atomic_ullong *counter) {
    if (!change->from) return;
    char text[PB_NOTICE_BYTES + 128];
    pb_error(text, sizeof text, "%s\t%s\t%s", change->from, to, change->why);
    change->from = NULL;
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
    grabber_put_notice(g, kind, text);
}

void grabber_tell_changes(struct pb_grabber *g) {
    tell(g, &g->capture_change, PB_ENCODED_CAPTURE, g->capture_backend->name, &g->counters.capture_changes);
    tell(g, &g->encoder_change, PB_ENCODED_ENCODER, g->encoder_backend->name, &g->counters.encoder_changes);
}
