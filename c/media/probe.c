/* What each backend of a module says of itself, for the log, the dashboard and the doctor. Opens nothing for longer than
 * it takes to look. */
#include "../audio/audio.h"
#include "../capture/capture.h"
#include "../decode/decode.h"
#include "../display/display.h"
#include "../encode/encode.h"
#include "../gen/abi.h"
#include "../input/input.h"

#include <string.h>

struct listing {
    char *out;
    uint32_t size, used;
};

/* Lines that do not fit are left out whole. */
static void add(struct listing *l, const char *name, bool ok, char *detail) {
    for (char *c = detail; *c; c++)
        if (*c == '\n' || *c == '\t') *c = ' ';
    int wrote = snprintf(l->out + l->used, l->size - l->used, "%s\t%s\t%s\n", name, ok ? "ok" : "no", detail);
    if (wrote > 0 && (uint32_t)wrote < l->size - l->used)
        l->used += (uint32_t)wrote;
    else
        l->out[l->used] = 0;
}

#define PROBE(list, ...) \
    for (unsigned i = 0; (list)[i]; i++) { \
        char detail[512] = ""; \
        bool ok = (list)[i]->probe(__VA_ARGS__); \
        add(&l, (list)[i]->name, ok, detail); \
    }

uint32_t pb_probe(const char *module, const char *target, char *out, uint32_t size) {
    if (!out || !size) return 0;
    struct listing l = {out, size, 0};
    out[0] = 0;
    if (!strcmp(module, "capture")) PROBE(pb_capture_backends, target, detail, sizeof detail)
    if (!strcmp(module, "encode")) PROBE(pb_encoder_backends, detail, sizeof detail)
    if (!strcmp(module, "decode")) PROBE(pb_decoder_backends, detail, sizeof detail)
    if (!strcmp(module, "display")) PROBE(pb_display_backends, target, detail, sizeof detail)
    if (!strcmp(module, "input")) PROBE(pb_input_backends, target, detail, sizeof detail)
    if (!strcmp(module, "audio")) PROBE(pb_audio_backends, detail, sizeof detail)
    return l.used;
}
