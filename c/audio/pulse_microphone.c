/* A microphone that other programs can choose: a null sink of its own and a source that is its monitor under a proper name. Both are
 * modules of the server and go with close(); what a killed process left behind is removed by the next one. */
#include "pulse.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char mark[] = "patchbay.pid=";

struct stale {
    uint32_t modules[16];
    uint32_t count;
};

static void look(pa_context *context, const pa_module_info *info, int end, void *data) {
    (void)context;
    struct stale *stale = data;
    if (end || !info || !info->argument) return;
    const char *found = strstr(info->argument, mark);
    if (!found) return;
    long pid = strtol(found + sizeof mark - 1, NULL, 10);
    bool gone = pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
    if (gone && stale->count < sizeof stale->modules / sizeof stale->modules[0]) stale->modules[stale->count++] = info->index;
}

static void unload(struct pb_audio_device *d, uint32_t module) {
    pulse_answered(d, d->pa->context_unload_module(d->context, module, NULL, NULL));
}

static void loaded(pa_context *context, uint32_t index, void *data) {
    (void)context;
    *(uint32_t *)data = index;
}

static bool load(struct pb_audio_device *d, uint32_t *module, const char *name, const char *arguments) {
    *module = PA_INVALID_INDEX;
    bool answered = pulse_answered(d, d->pa->context_load_module(d->context, name, arguments, loaded, module));
    if (answered && *module != PA_INVALID_INDEX) return true;
    char call[64];
    pb_error(call, sizeof call, "load-module %s", name);
    pulse_fault(d, call, "the server must allow clients to load modules");
    return false;
}

bool pulse_add_microphone(struct pb_audio_device *d, const char *name, char *sink, size_t sink_size) {
    struct stale stale = {.count = 0};
    pulse_answered(d, d->pa->context_get_module_info_list(d->context, look, &stale));
    while (stale.count) unload(d, stale.modules[--stale.count]);

    char plain[64], arguments[512];
    if (!name || !*name) name = "patchbay_microphone";
    size_t n = 0;
    for (; name[n] && n < sizeof plain - 1; n++) plain[n] = isalnum((unsigned char)name[n]) || strchr("._-", name[n]) ? name[n] : '_';
    plain[n] = 0;
    pb_error(sink, sink_size, "%s_feed", plain);
    pb_error(arguments, sizeof arguments,
             "sink_name=%s rate=48000 channels=2 sink_properties='device.description=\"Patchbay feed\" %s%d'", sink, mark, (int)getpid());
    if (!load(d, &d->modules[0], "module-null-sink", arguments)) return false;
    pb_error(arguments, sizeof arguments,
             "source_name=%s master=%s.monitor source_properties='device.description=\"Patchbay microphone\" %s%d'", plain, sink,
             mark, (int)getpid());
    return load(d, &d->modules[1], "module-remap-source", arguments);
}

void pulse_remove_microphone(struct pb_audio_device *d) {
    for (int i = 1; i >= 0; i--) {
        if (d->modules[i] != PA_INVALID_INDEX) unload(d, d->modules[i]);
        d->modules[i] = PA_INVALID_INDEX;
    }
}
