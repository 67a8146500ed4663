/* See alsa_library.h. Why a device does not open is read from /proc/asound and /dev/snd, as libasound tells a number alone. */
#include "alsa_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static struct pb_alsa functions;
static bool loaded;
static char fault[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* libasound writes to standard error otherwise. */
static void silent(const char *file, int line, const char *function, int error, const char *format, ...) {
    (void)file, (void)line, (void)function, (void)error, (void)format;
}

static void load(void) {
    void *library = dlopen("libasound.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        pb_error(fault, sizeof fault, "%s: run: sudo apt install libasound2", dlerror());
        return;
    }
    loaded = true;
#define LOAD(name) \
    functions.name = (__typeof__(functions.name))dlsym(library, "snd_" #name); \
    if (!functions.name && loaded) { \
        loaded = false; \
        pb_error(fault, sizeof fault, "libasound.so.2 has no snd_" #name ": it is too old"); \
    }
    PB_ALSA_FUNCTIONS(LOAD)
#undef LOAD
    if (loaded) functions.lib_error_set_handler(silent);
}

const struct pb_alsa *pb_alsa_library(char *error, size_t error_size) {
    pthread_once(&once, load);
    if (loaded) return &functions;
    pb_error(error, error_size, "%s", fault);
    return NULL;
}

static bool number_after(const char *path, const char *word, long *value) {
    char line[128];
    bool found = false;
    FILE *file = fopen(path, "re");
    if (!file) return false;
    while (!found && fgets(line, sizeof line, file))
        if (!strncmp(line, word, strlen(word))) found = sscanf(line + strlen(word), " : %ld", value) == 1;
    fclose(file);
    return found;
}

/* "aplay (1234), mpv (1300)" */
static void holders(char *out, size_t size) {
    glob_t found;
    size_t at = 0;
    out[0] = 0;
    if (glob("/proc/asound/card*/pcm*/sub*/status", 0, NULL, &found)) return;
    for (size_t i = 0; i < found.gl_pathc && at < size; i++) {
        long pid;
        char path[64], name[32] = "?";
        if (!number_after(found.gl_pathv[i], "owner_pid", &pid)) continue;
        pb_error(path, sizeof path, "/proc/%ld/comm", pid);
        FILE *file = fopen(path, "re");
        if (file) {
            if (fgets(name, sizeof name, file)) name[strcspn(name, "\n")] = 0;
            fclose(file);
        }
        pb_error(out + at, size - at, "%s%s (%ld)", at ? ", " : "", name, pid);
        at += strlen(out + at);
    }
    globfree(&found);
}

static bool no_cards(void) {
    glob_t found;
    bool none = glob("/proc/asound/card[0-9]*", 0, NULL, &found) != 0;
    if (!none) globfree(&found);
    return none;
}

static bool forbidden(void) {
    glob_t found;
    bool yes = false;
    if (glob("/dev/snd/pcm*", 0, NULL, &found)) return false;
    for (size_t i = 0; i < found.gl_pathc; i++) yes |= access(found.gl_pathv[i], R_OK | W_OK) < 0 && errno == EACCES;
    globfree(&found);
    return yes;
}

void pb_alsa_remedy(int error, char *out, size_t size) {
    char names[160];
    holders(names, sizeof names);
    if (error == -EBUSY)
        pb_error(out, size, "it is in use%s%s; end that program or name another device", *names ? " by " : "", names);
    else if (error == -EACCES || forbidden())
        pb_error(out, size, "run: sudo usermod -aG audio $USER, then log in again");
    else if (no_cards())
        pb_error(out, size, "this machine has no sound card; a virtual one comes with: sudo modprobe snd-aloop");
    else if (error == -ENODEV)
        pb_error(out, size, "the device was unplugged; plug it in again");
    else if (error == -EINVAL)
        pb_error(out, size, "it cannot do 48000 Hz, stereo, 16 bit itself; name it with plughw: in front instead of hw:");
    else
        pb_error(out, size, "`aplay -L` names what there is");
}
