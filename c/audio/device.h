/* A device that may go away and come back: opens it, tells what is used and why not, waits between attempts. Used by the thread of a
 * source or a sink; only describe() is for others. */
#ifndef PB_AUDIO_DEVICE_H
#define PB_AUDIO_DEVICE_H
#include "audio.h"

#include <pthread.h>

struct pb_audio_holder {
    const struct pb_audio_backend *backend;
    struct pb_audio_device *device;       /* NULL while it is gone */
    struct pb_audio_settings settings;
    char *backend_name, *device_name;     /* copies of what was asked for */
    int wake_fd;                          /* eventfd: wishes changed, or closing */
    int pause_ms;                         /* until the next attempt */
    atomic_ullong lost, reopened;
    uint64_t found;                       /* what `lost` was when it was last opened */
    pthread_mutex_t lock;                 /* guards the texts */
    const char *shown;                    /* the backend's name */
    char name[128], detail[512];
};

bool pb_audio_hold(struct pb_audio_holder *h, const char *backend, const struct pb_audio_settings *settings, char *error,
                   size_t error_size);
/* Closes a broken device and keeps the reason. */
void pb_audio_lose(struct pb_audio_holder *h);
/* Closes a device that is not needed just now. */
void pb_audio_let_go(struct pb_audio_holder *h, const char *why);
/* One attempt to open again; on failure sleeps, at most a second, or until woken. */
bool pb_audio_retry(struct pb_audio_holder *h);
void pb_audio_wake(struct pb_audio_holder *h);
/* Empties the eventfd. */
void pb_audio_woken(struct pb_audio_holder *h);
/* Sleeps until woken. */
void pb_audio_rest(struct pb_audio_holder *h, int timeout_ms);
/* Asks for the calling thread to be served soon; without the right to that it stays as it is. */
void pb_audio_hurry(void);
uint32_t pb_audio_describe(struct pb_audio_holder *h, char *out, uint32_t size);
void pb_audio_release(struct pb_audio_holder *h);
#endif
