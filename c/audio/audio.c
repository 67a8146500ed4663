/* The list of sound backends, best first, and the choice among them. */
#include "audio.h"

#include <string.h>

extern const struct pb_audio_backend pb_audio_pulse, pb_audio_alsa, pb_audio_tone, pb_audio_file, pb_audio_none;

const struct pb_audio_backend *const pb_audio_backends[] = {&pb_audio_pulse, &pb_audio_alsa, &pb_audio_tone,
                                                            &pb_audio_file,  &pb_audio_none, NULL};

struct pb_audio_device *pb_audio_open(const char *name, const struct pb_audio_settings *settings,
                                      const struct pb_audio_backend **backend, char *error, size_t error_size) {
    bool any = !name || !*name || !strcmp(name, "auto");
    size_t at = 0;
    pb_error(error, error_size, "no sound backend that %s is called \"%s\"", settings->capture ? "records" : "plays",
             any ? "auto" : name);
    for (unsigned i = 0; pb_audio_backends[i]; i++) {
        const struct pb_audio_backend *b = pb_audio_backends[i];
        if (any ? b->named_only : strcmp(name, b->name)) continue;
        if (settings->capture ? !b->captures : !b->plays) continue;
        char reason[384] = "";
        struct pb_audio_settings fitting = *settings;
        uint32_t least = (uint32_t)pb_audio_us_frames(b->least_target_us);
        if (fitting.target_frames < least) fitting.target_frames = least;
        struct pb_audio_device *device = b->open(&fitting, reason, sizeof reason);
        if (device) {
            *backend = b;
            return device;
        }
        pb_error(error + at, error_size - at, "%s%s: %s", at ? "; " : "", b->name, reason);
        at += strlen(error + at);
    }
    return NULL;
}
